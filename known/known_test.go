package known_test

import (
	"strings"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/known"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
)

// picture is what is known of a customer to whose purposes answers are given.
func picture(t *testing.T, language string, allowed ...string) known.Picture {
	t.Helper()
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read("amana.yaml", src)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	v := &policy.Version{ID: doc.ID, Policy: doc.Policy}
	w, _ := lang.For(language, lang.Options{})
	voice := known.Voice{ID: "customer:10042", Answers: map[string]decision.Answer{}}
	for _, id := range allowed {
		voice.Answers[id] = decision.Answer{Allowed: true, Reason: decision.Basis}
	}
	return known.Of(notice.Of(v, w), v, w, []known.Voice{voice})
}

func TestWhatIsUsedComesFirst(t *testing.T) {
	pic := picture(t, "en", "billing", "tailored_offers")
	seen := 0
	for i, c := range pic.Categories {
		if len(c.Uses) > 0 && i != seen {
			t.Errorf("%s is used, and comes after what is not", c.ID)
		}
		if len(c.Uses) > 0 {
			seen++
		}
		if c.ID == "payment" && (len(c.Uses) != 1 || len(c.Parties()) != 1 || c.From == "") {
			t.Errorf("%+v", c)
		}
		if c.ID == "visits" && (len(c.Uses)+len(c.Dormant) != 0 || len(c.Maybe) == 0) {
			t.Error("what is of a browser is said of a customer number")
		}
	}
	for _, u := range pic.Uses {
		if u.ID == "newsletter" {
			t.Error("a purpose that needs a mailbox concerns a customer number")
		}
	}
}

// TestTheDrawingHoldsWithinItself: nothing lies outside or upon another, and
// every word of the way is there.
func TestTheDrawingHoldsWithinItself(t *testing.T) {
	for _, l := range []string{"en", "ar"} {
		pic := picture(t, l, "billing", "tailored_offers", "internet_service", "tax_records")
		d := known.Draw(pic.Uses, known.Names{Data: "data", Who: "who", Nobody: "nobody"})
		end, said := 0, ""
		for _, w := range d.Ways {
			for i, b := range w.Boxes {
				if b.X < 0 || b.X+b.W > d.Width || b.Y < end || b.Y+b.H > d.Height || len(b.Text) == 0 {
					t.Errorf("%+v lies outside, or upon what ends at %d, of %d × %d", b, end, d.Width, d.Height)
				}
				if i > 0 && w.Arrows[i-1] != end {
					t.Errorf("an arrow begins at %d, not at %d", w.Arrows[i-1], end)
				}
				end = b.Y + b.H
				for _, line := range b.Text {
					if line.Y < b.Y || line.Y > end {
						t.Errorf("%q stands outside of its box", line.Text)
					}
					said += line.Text + " "
				}
			}
		}
		if len(d.Ways) != 4 {
			t.Errorf("%d purposes are drawn", len(d.Ways))
		}
		said = strings.ReplaceAll(said, " ·", "")
		for _, u := range pic.Uses {
			if u.Active != strings.Contains(said, u.Title) {
				t.Errorf("%q is active: %t; the drawing says %s", u.Title, u.Active, said)
			}
		}
	}
	long := known.Draw([]known.Use{{Active: true, Purpose: notice.Purpose{ID: "x", Title: strings.Repeat("word ", 200)}}}, known.Names{Nobody: "nobody"})
	for _, line := range long.Ways[0].Boxes[1].Text {
		if len(line.Text) > 40 {
			t.Errorf("%q is too wide", line.Text)
		}
	}
	if none := known.Draw(nil, known.Names{}); len(none.Ways) != 0 {
		t.Error("nothing is drawn as something")
	}
}
