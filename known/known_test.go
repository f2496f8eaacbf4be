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
// from right to left it is the mirror image.
func TestTheDrawingHoldsWithinItself(t *testing.T) {
	heads := [3]string{"data", "purpose", "who"}
	pic := picture(t, "en", "billing", "tailored_offers", "internet_service", "tax_records")
	d := known.Draw(pic.Uses, heads, false)
	for i, b := range d.Boxes {
		if b.X < 0 || b.X+b.W > d.Width || b.Y < 20 || b.Y+b.H > d.Height || len(b.Text) == 0 || len(b.Text) > 3 {
			t.Errorf("%q lies outside: %+v of %d × %d", b.Name, b, d.Width, d.Height)
		}
		for _, c := range d.Boxes[:i] {
			if b.X < c.X+c.W && c.X < b.X+b.W && b.Y < c.Y+c.H && c.Y < b.Y+b.H {
				t.Errorf("%q lies upon %q", b.Name, c.Name)
			}
		}
	}
	mirror := known.Draw(pic.Uses, heads, true)
	for i, b := range d.Boxes {
		if m := mirror.Boxes[i]; m.X != d.Width-b.X-b.W || m.Y != b.Y {
			t.Errorf("%q is at %d, and mirrored at %d", b.Name, b.X, m.X)
		}
	}
	if len(d.Lines) == 0 || len(d.Lines) != len(mirror.Lines) {
		t.Errorf("%d lines", len(d.Lines))
	}
	if long := known.Draw([]known.Use{{Active: true, Purpose: notice.Purpose{ID: "x", Title: strings.Repeat("word ", 200)}}}, heads, false); len(long.Boxes[0].Text) > 3 {
		t.Error("a long name is not cut")
	}
	if none := known.Draw(nil, heads, false); len(none.Boxes) != 0 {
		t.Error("nothing is drawn as something")
	}
}
