package store

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// follower applies pages as somebody elsewhere does.
type follower struct {
	w      *world
	q      PermitQuery
	has    map[string]Permit
	resets int
}

// catchesUp applies pages until there is nothing new.
func (f *follower) catchesUp() {
	f.w.t.Helper()
	for {
		page, err := f.w.db.Permits(f.w.t.Context(), f.q)
		if err != nil {
			f.w.t.Fatal(err)
		}
		if page.Reset || f.q.Cursor == "" {
			f.has = map[string]Permit{}
		}
		if page.Reset {
			f.resets++
		}
		for _, p := range page.List {
			if delete(f.has, p.Ref); p.Allowed {
				f.has[p.Ref] = p
			}
		}
		f.q.Cursor = page.Next
		if !page.Filling && !page.Reset && len(page.List) == 0 {
			return
		}
	}
}

// agrees holds what the follower has to what is decided about everybody.
func (f *follower) agrees(everybody []subject.ID) {
	f.w.t.Helper()
	f.catchesUp()
	var got, want []string
	for p := range maps.Values(f.has) {
		if p.Until.IsZero() || f.w.clock().Before(p.Until) {
			got = append(got, string(p.Subject))
		}
	}
	for _, id := range everybody {
		a, err := f.w.db.Decide(f.w.t.Context(), id, f.q.Question)
		if err != nil {
			f.w.t.Fatal(err)
		}
		if a.Allowed && (f.q.Kind == "" || id.Kind() == f.q.Kind) {
			want = append(want, string(id))
		}
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		f.w.t.Errorf("permitted %v, decided %v", got, want)
	}
}

func TestPermitsAgreeWithDecisions(t *testing.T) { each(t, testPermitsAgreeWithDecisions) }

// Whatever happens, whoever follows page by page has exactly those about whom it
// is decided with yes.
func testPermitsAgreeWithDecisions(t *testing.T, w *world) {
	var phones []subject.ID
	for i := range 30 {
		phones = append(phones, subject.ID("phone:+120755501"+string(rune('0'+i/10))+string(rune('0'+i%10))))
		w.say(phones[i], "text_updates", []consent.Answer{consent.Given, consent.Given, consent.Refused}[i%3])
	}
	f := &follower{w: w, q: PermitQuery{Question: decision.Question{Purpose: "text_updates"}, Kind: "phone", By: "tok", Limit: 7}}
	w.say(sara, "newsletter", consent.Given)
	f.agrees(phones)
	if len(f.has) != 20 {
		t.Fatalf("%d are permitted", len(f.has))
	}
	w.say(phones[0], "text_updates", consent.Withdrawn)
	w.say(phones[2], "text_updates", consent.Given)
	w.say(phones[29], "text_updates", consent.Given)
	f.agrees(phones)
	w.erase(phones[1])
	f.agrees(phones)
	if _, _, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{phones[3], phones[4]}, Kind: request.Restriction, By: BySubject}); err != nil {
		t.Fatal(err)
	}
	f.agrees(phones)
	if f.resets != 0 {
		t.Errorf("it began anew %d times", f.resets)
	}
	w.publish(strings.Replace(w.source(), "We send you a text message when", "We always send you a text message when", 1))
	f.agrees(phones)
	if f.resets != 1 {
		t.Errorf("after another policy it began anew %d times", f.resets)
	}
	w.say(phones[5], "text_updates", consent.Given)
	f.agrees(phones)
	if len(f.has) != 1 {
		t.Errorf("%d are permitted under the new words", len(f.has))
	}
	w.pass(3 * 365 * 24 * time.Hour)
	f.agrees(phones)
	other := f.q
	other.Question.Purpose = "newsletter"
	if _, err := w.db.Permits(t.Context(), other); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a cursor of another question: %v", err)
	}
}
