package known

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/amana-privacy/amana/notice"
)

// Drawing is the way of data through purposes on to recipients, from above to
// below: for each purpose what goes in, the purpose, and who gets it. Everything
// is centred, so it is the same from either side. It holds words of the policy
// alone, in the units of a picture that is Width wide.
type Drawing struct {
	Width, Height int
	Ways          []Way
}

// Way is one purpose: boxes one below the other, and arrows between them.
type Way struct {
	Boxes  []Box
	Arrows []int // where each begins, downwards; it is Arrow long
}

// Box is what goes in, a purpose, or who gets it.
type Box struct {
	X, Y, W, H int
	Kind       string // data, purpose or recipient
	Text       []Label
}

// Label is a line of text around the middle of the drawing.
type Label struct {
	Y    int
	Head bool // it says what stands below it
	Text string
}

// Measures of the drawing. It is as narrow as a telephone, so that its words can
// be read there.
const (
	width    = 320
	lineHigh = 20
	headHigh = 17
	padding  = 8
	Arrow    = 16 // between two boxes
	apart    = 26 // between two purposes
	perLine  = 38 // characters of a line
	perTitle = 33 // the same in larger letters
)

// Names are the words that a drawing needs beside those of the policy.
type Names struct{ Data, Who, Nobody string }

// Draw lays out the uses that are active.
func Draw(uses []Use, names Names) Drawing {
	d := Drawing{Width: width, Height: 2}
	for _, u := range uses {
		if !u.Active {
			continue
		}
		var data, parties []string
		for _, i := range u.Data {
			data = append(data, i.Label)
		}
		for _, p := range u.with() {
			parties = append(parties, p.Name)
		}
		if parties == nil {
			parties = []string{names.Nobody}
		}
		if len(d.Ways) > 0 {
			d.Height += apart
		}
		var w Way
		d.put(&w, "data", names.Data, fill(data, perLine))
		d.arrow(&w)
		d.put(&w, "purpose", "", fill([]string{u.Title}, perTitle))
		d.arrow(&w)
		d.put(&w, "recipient", names.Who, fill(parties, perLine))
		d.Ways = append(d.Ways, w)
	}
	d.Height += 2
	return d
}

// put adds a box below what is there.
func (d *Drawing) put(w *Way, kind, head string, lines []string) {
	b := Box{X: 1, Y: d.Height, W: width - 2, Kind: kind}
	y := b.Y + padding
	if head != "" {
		y += headHigh
		b.Text = append(b.Text, Label{y - 4, true, head})
	}
	for _, line := range lines {
		y += lineHigh
		b.Text = append(b.Text, Label{y - 5, false, line})
	}
	b.H = y + padding - b.Y
	d.Height += b.H
	w.Boxes = append(w.Boxes, b)
}

func (d *Drawing) arrow(w *Way) {
	w.Arrows = append(w.Arrows, d.Height)
	d.Height += Arrow
}

// with gives who gets data with the purpose itself.
func (u Use) with() []notice.Party {
	return slices.DeleteFunc(slices.Clone(u.Recipients), func(p notice.Party) bool { return p.Own })
}

// fill sets names one after the other, in lines of at most some characters; a
// word that is longer has a line of its own.
func fill(names []string, most int) (lines []string) {
	for i, name := range names {
		words := strings.Fields(name)
		for j, word := range words {
			if j == len(words)-1 && i < len(names)-1 {
				word += " ·"
			}
			if n := len(lines); n > 0 && utf8.RuneCountInString(lines[n-1]+" "+word) <= most {
				lines[n-1] += " " + word
			} else {
				lines = append(lines, word)
			}
		}
	}
	return lines
}
