package known

import (
	"strings"
	"unicode/utf8"
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

// Measures of the drawing.
const (
	width    = 420
	column   = 120
	gap      = 30
	lineHigh = 16
	padding  = 8
	perLine  = 16 // characters that fit in a column
	maxLines = 3
)

// Draw lays out the uses that are active: for each its data, the purpose, and
// who gets it.
func Draw(uses []Use, heads [3]string, nobody string, rtl bool) Drawing {
	d := Drawing{Width: width, RTL: rtl}
	for i, h := range heads {
		d.Heads[i] = Label{d.at(i*(column+gap), 0, padding), 14, h}
	}
	y := 26
	for _, u := range uses {
		if u.Active {
			y = d.use(u, nobody, y) + 14
		}
	}
	d.Height = y
	return d
}

// use draws one row and gives where it ends.
func (d *Drawing) use(u Use, nobody string, top int) int {
	var data, parties []string
	for _, i := range u.Data {
		data = append(data, i.Label)
	}
	for _, p := range u.Recipients {
		if !p.Own {
			parties = append(parties, p.Name)
		}
	}
	if len(parties) == 0 {
		parties = []string{nobody}
	}
	a := d.stack(0, top, "data", data)
	c := d.stack(2, top, "recipient", parties)
	bottom := max(a[len(a)-1].end(), c[len(c)-1].end())
	name := []string{u.Title}
	high := height(u.Title)
	b := d.stack(1, max(top, top+(bottom-top-high)/2), "purpose", name)[0]
	for _, box := range a {
		d.Lines = append(d.Lines, d.line(box, b))
	}
	for _, box := range c {
		d.Lines = append(d.Lines, d.line(b, box))
	}
	return max(bottom, b.end())
}

func (b Box) end() int { return b.Y + b.H }

// stack puts boxes below each other in a column.
func (d *Drawing) stack(col, y int, kind string, names []string) []Box {
	var out []Box
	for _, name := range names {
		b := Box{X: d.at(col*(column+gap), column, 0), Y: y, W: column, H: height(name), Kind: kind, Name: name}
		for i, line := range wrap(name) {
			b.Text = append(b.Text, Label{d.at(col*(column+gap), 0, padding), y + padding + 11 + i*lineHigh, line})
		}
		out = append(out, b)
		y = b.end() + 6
	}
	d.Boxes = append(d.Boxes, out...)
	return out
}

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
		lines = append(lines[:maxLines-1], lines[maxLines-1]+"…")
	}
	if len(lines) == 0 {
		lines = []string{""}
	}
	return lines
}
