package known

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/amana-privacy/amana/notice"
)

// Drawing is the way of data to purposes and on to recipients as boxes and
// lines, in the units of a picture that is Width wide. From right to left it is
// mirrored. It holds words of the policy alone.
type Drawing struct {
	Width, Height int
	RTL           bool
	Heads         [3]Label
	Boxes         []Box
	Lines         []Line
}

// Label is a text at a place; where it begins depends on the direction.
type Label struct {
	X, Y int
	Text string
}

// Box is a purpose with what goes in and who gets it, or one of those.
type Box struct {
	X, Y, W, H int
	Kind       string // data, purpose or recipient
	Name       string // whole
	Text       []Label
}

// Line leads from one box to another.
type Line struct{ X1, Y1, X2, Y2, Mid int }

// Measures of the drawing. It is as narrow as a telephone, so that its words can
// be read there.
const (
	width    = 340
	column   = 94
	gap      = 29
	lineHigh = 15
	padding  = 6
	perLine  = 12 // characters that fit in a column
	maxLines = 3
)

// Draw lays out the uses that are active: each kind of data, each purpose and
// each recipient once, in three columns.
func Draw(uses []Use, heads [3]string, rtl bool) Drawing {
	d := Drawing{Width: width, RTL: rtl}
	for i, h := range heads {
		d.Heads[i] = Label{d.at(i*(column+gap), 0, padding), 14, h}
	}
	var data, purposes, parties []string // ids
	names := map[string]string{}
	once := func(list []string, id, name string) []string {
		if names[id] = name; slices.Contains(list, id) {
			return list
		}
		return append(list, id)
	}
	for _, u := range uses {
		if !u.Active {
			continue
		}
		purposes = once(purposes, "p:"+u.ID, u.Title)
		for _, i := range u.Data {
			data = once(data, "d:"+i.ID, i.Label)
		}
		for _, p := range u.with() {
			parties = once(parties, "r:"+p.ID, p.Name)
		}
	}
	high := 0
	for _, list := range [][]string{data, purposes, parties} {
		high = max(high, tall(list, names))
	}
	boxes := map[string]Box{}
	for i, list := range [][]string{data, purposes, parties} {
		d.stack(i, 24, high, []string{"data", "purpose", "recipient"}[i], list, names, boxes)
	}
	for _, u := range uses {
		if !u.Active {
			continue
		}
		for _, i := range u.Data {
			d.Lines = append(d.Lines, d.line(boxes["d:"+i.ID], boxes["p:"+u.ID]))
		}
		for _, p := range u.with() {
			d.Lines = append(d.Lines, d.line(boxes["p:"+u.ID], boxes["r:"+p.ID]))
		}
	}
	d.Height = 24 + high + 4
	return d
}

// with gives who gets data with the purpose itself.
func (u Use) with() []notice.Party {
	return slices.DeleteFunc(slices.Clone(u.Recipients), func(p notice.Party) bool { return p.Own })
}

const between = 8 // boxes of a column, at least

// tall is how much room a column needs.
func tall(list []string, names map[string]string) int {
	n := 0
	for _, id := range list {
		n += height(names[id]) + between
	}
	return max(0, n-between)
}

// stack spreads boxes over the height of the drawing.
func (d *Drawing) stack(col, top, high int, kind string, list []string, names map[string]string, boxes map[string]Box) {
	if len(list) == 0 {
		return
	}
	space := between + (high-tall(list, names))/len(list)
	y := top + (space-between)/2
	for _, id := range list {
		b := Box{X: d.at(col*(column+gap), column, 0), Y: y, W: column, H: height(names[id]), Kind: kind, Name: names[id]}
		for i, line := range wrap(b.Name) {
			b.Text = append(b.Text, Label{d.at(col*(column+gap), 0, padding), y + padding + 10 + i*lineHigh, line})
		}
		boxes[id] = b
		d.Boxes = append(d.Boxes, b)
		y = b.end() + space
	}
}

func (b Box) end() int { return b.Y + b.H }

// at gives where something as wide as w begins that stands at x, inset from the
// side that reading begins at.
func (d *Drawing) at(x, w, inset int) int {
	if d.RTL {
		return width - x - w - inset
	}
	return x + inset
}

func (d *Drawing) line(from, to Box) Line {
	l := Line{X1: from.X + from.W, Y1: from.Y + from.H/2, X2: to.X, Y2: to.Y + to.H/2}
	if d.RTL {
		l.X1, l.X2 = from.X, to.X+to.W
	}
	l.Mid = (l.X1 + l.X2) / 2
	return l
}

func height(name string) int { return 2*padding + len(wrap(name))*lineHigh - 4 }

// wrap breaks a name into lines that fit; what is longer than three ends with
// dots, and is whole in the box's name.
func wrap(name string) []string {
	var lines []string
	for _, word := range strings.Fields(name) {
		if n := len(lines); n > 0 && utf8.RuneCountInString(lines[n-1])+1+utf8.RuneCountInString(word) <= perLine {
			lines[n-1] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	if len(lines) > maxLines {
		last := []rune(lines[maxLines-1])
		lines = append(lines[:maxLines-1], string(last[:min(len(last), perLine-1)])+"…")
	}
	if len(lines) == 0 {
		lines = []string{""}
	}
	return lines
}
