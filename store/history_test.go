package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

// pages gives the whole history that a question leads to, page by page.
func (w *world) pages(q HistoryQuery) (all []HistoryEvent) {
	w.t.Helper()
	for range 1000 {
		page, err := w.db.Events(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(page.Events) > q.Limit || page.Next != "" && len(page.Events) < q.Limit {
			w.t.Fatalf("a page of %d has %d events, and next is %q", q.Limit, len(page.Events), page.Next)
		}
		all = append(all, page.Events...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
	}
	w.t.Fatal("the history does not end")
	return nil
}

// told writes an event in a line.
func told(e HistoryEvent) string {
	return strings.TrimRight(fmt.Sprintf("%s %s %s %s", e.Time.Format("15:04"), e.Kind, e.Subject, e.Purpose), " ")
}

func lines(list []HistoryEvent) []string {
	out := []string{}
	for _, e := range list {
		out = append(out, told(e))
	}
	return out
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// past lets three people say things, an hour apart.
func (w *world) past() {
	for _, s := range []struct {
		id      subject.ID
		purpose string
		answer  consent.Answer
	}{
		{sara, "newsletter", consent.Given}, {customer, "tailored_offers", consent.Given}, {sara, "newsletter", consent.Withdrawn},
		{"email:omar@example.com", "newsletter", consent.Refused}, {customer, "coverage_study", consent.Refused}, {sara, "newsletter", consent.Given},
	} {
		w.say(s.id, s.purpose, s.answer)
		w.pass(time.Hour)
	}
}

func TestTheHistoryIsShownPageByPage(t *testing.T) { each(t, testTheHistoryIsShownPageByPage) }

func testTheHistoryIsShownPageByPage(t *testing.T, w *world) {
	w.past()
	everything := []string{
		"09:00 consent.given email:sara@example.com newsletter", "10:00 consent.given customer:10042 tailored_offers",
		"11:00 consent.withdrawn email:sara@example.com newsletter", "12:00 consent.refused email:omar@example.com newsletter",
		"13:00 consent.refused customer:10042 coverage_study", "14:00 consent.given email:sara@example.com newsletter",
	}
	at := func(hour int) time.Time { return time.Date(2026, 11, 21, hour, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		q    HistoryQuery
		want []string
	}{
		"by time":          {HistoryQuery{Oldest: true}, everything},
		"by purpose":       {HistoryQuery{Purpose: "newsletter", Oldest: true}, []string{everything[0], everything[2], everything[3], everything[5]}},
		"by subject":       {HistoryQuery{Subject: sara, Oldest: true}, []string{everything[0], everything[2], everything[5]}},
		"another subject":  {HistoryQuery{Subject: customer, Oldest: true}, []string{everything[1], everything[4]}},
		"from and until":   {HistoryQuery{From: at(10), Until: at(13), Oldest: true}, everything[1:4]},
		"from":             {HistoryQuery{From: at(13), Oldest: true}, everything[4:]},
		"until":            {HistoryQuery{Purpose: "newsletter", Until: at(11), Oldest: true}, everything[:1]},
		"nobody":           {HistoryQuery{Subject: "email:nobody@example.com", Oldest: true}, []string{}},
		"unknown purpose":  {HistoryQuery{Purpose: "palm_reading", Oldest: true}, []string{}},
		"before it began":  {HistoryQuery{Until: at(9), Oldest: true}, []string{}},
		"after it stopped": {HistoryQuery{From: at(15), Oldest: true}, []string{}},
	} {
		for limit := 1; limit <= 7; limit++ {
			q := c.q
			q.Limit = limit
			if diff := cmp.Diff(c.want, lines(w.pages(q))); diff != "" {
				t.Errorf("%s, %d a page, the oldest first:\n%s", name, limit, diff)
			}
			q.Oldest = false
			if diff := cmp.Diff(reversed(c.want), lines(w.pages(q))); diff != "" {
				t.Errorf("%s, %d a page, the newest first:\n%s", name, limit, diff)
			}
		}
	}
}

func TestAnEventOfTheHistoryIsItsReceipt(t *testing.T) { each(t, testAnEventOfTheHistoryIsItsReceipt) }

func testAnEventOfTheHistoryIsItsReceipt(t *testing.T, w *world) {
	r, err := w.db.Submit(t.Context(), Submission{Subject: customer, Policy: w.db.InForce().ID, Language: "ar", Surface: consent.SurfaceAPI, Attested: true,
		Choices: []consent.Choice{{Purpose: "coverage_study", Recipient: "institute", Decision: consent.Given}}})
	if err != nil {
		t.Fatal(err)
	}
	got := w.pages(HistoryQuery{Limit: 10})
	want := []HistoryEvent{{ID: r.IDs()[0], Time: w.clock(), Kind: "consent.given", Purpose: "coverage_study", Subject: customer, Decision: consent.ActGiven,
		Recipient: "institute", Policy: w.db.InForce().ID, Language: "ar", Surface: consent.SurfaceAPI, Attested: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestOfTheErasedTheHistoryKeepsTheTimes(t *testing.T) {
	each(t, testOfTheErasedTheHistoryKeepsTheTimes)
}

func testOfTheErasedTheHistoryKeepsTheTimes(t *testing.T, w *world) {
	w.past()
	first, err := w.db.Events(t.Context(), HistoryQuery{Limit: 2, Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	ofSara, err := w.db.Events(t.Context(), HistoryQuery{Subject: sara, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Erase(t.Context(), sara, BySubject); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"09:00 erased", "10:00 consent.given customer:10042 tailored_offers", "11:00 erased",
		"12:00 consent.refused email:omar@example.com newsletter", "13:00 consent.refused customer:10042 coverage_study", "14:00 erased", "15:00 subject.erased"}
	if diff := cmp.Diff(want, lines(w.pages(HistoryQuery{Limit: 2, Oldest: true}))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[2:], lines(w.pages(HistoryQuery{Limit: 2, Oldest: true, Cursor: first.Next}))); diff != "" {
		t.Error("a page that was begun before:\n", diff)
	}
	if got := w.pages(HistoryQuery{Subject: sara, Limit: 1, Cursor: ofSara.Next}); len(got) > 0 {
		t.Errorf("of who was erased there is still %v", got)
	}
	for _, e := range w.pages(HistoryQuery{Limit: 10}) {
		if strings.Contains(told(e), "erased") && (e.ID != "" || e.Subject != "" || e.Purpose != "" || e.Decision != "") {
			t.Errorf("of an erased person's event there is %+v", e)
		}
	}
}

func TestWhatIsWrittenMeanwhileMovesNoPage(t *testing.T) {
	each(t, testWhatIsWrittenMeanwhileMovesNoPage)
}

func testWhatIsWrittenMeanwhileMovesNoPage(t *testing.T, w *world) {
	for i := range 60 {
		w.say(subject.ID(fmt.Sprintf("customer:%d", i)), "tailored_offers", consent.Given)
		w.pass(time.Second)
	}
	before := map[string]bool{}
	for _, e := range w.pages(HistoryQuery{Limit: 200}) {
		before[e.ID] = true
	}
	var stop atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; !stop.Load(); i++ {
			_, err := w.db.Submit(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", i%90)), Surface: consent.SurfaceAPI,
				Choices: []consent.Choice{{Purpose: []string{"tailored_offers", "coverage_study"}[i%2], Decision: consent.Refused}}})
			if err != nil {
				t.Error(err)
				return
			}
			w.pass(time.Second)
		}
	})
	defer writing.Wait()
	defer stop.Store(true)
	for _, oldest := range []bool{true, false} {
		for _, purpose := range []string{"", "tailored_offers"} {
			seen := map[string]int{}
			q := HistoryQuery{Limit: 3, Oldest: oldest, Purpose: purpose}
			for range 400 {
				page, err := w.db.Events(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Events {
					seen[e.ID]++
				}
				if q.Cursor = page.Next; q.Cursor == "" || oldest && len(seen) > 100 {
					break
				}
			}
			for id := range before {
				if seen[id] != 1 {
					t.Fatalf("an event that was there was shown %d times (oldest first: %t)", seen[id], oldest)
				}
			}
			for id, n := range seen {
				if n != 1 {
					t.Fatalf("event %s was shown %d times", id, n)
				}
			}
		}
	}
}

func TestACursorIsGoodForItsQuestionAlone(t *testing.T) {
	w := newWorld(t)
	w.past()
	page := func(q HistoryQuery) string {
		t.Helper()
		p, err := w.db.Events(t.Context(), q)
		if err != nil || p.Next == "" {
			t.Fatal(p.Next, err)
		}
		return p.Next
	}
	byTime, bySara := page(HistoryQuery{Limit: 1}), page(HistoryQuery{Limit: 1, Subject: sara})
	_, ofReceipts, err := w.db.ReceiptsOf(t.Context(), sara, 1, "")
	if err != nil || ofReceipts == "" {
		t.Fatal(ofReceipts, err)
	}
	for name, q := range map[string]HistoryQuery{
		"another order":                {Cursor: byTime, Oldest: true},
		"a purpose":                    {Cursor: byTime, Purpose: "newsletter"},
		"another time":                 {Cursor: byTime, Until: w.clock()},
		"a subject's for all":          {Cursor: bySara},
		"for a subject":                {Cursor: byTime, Subject: sara},
		"another subject":              {Cursor: bySara, Subject: customer},
		"a subject's in another order": {Cursor: bySara, Subject: sara, Oldest: true},
		"that of receipts":             {Cursor: ofReceipts, Subject: sara},
		"a changed one":                {Cursor: "B" + byTime[1:]},
		"a longer one":                 {Cursor: byTime + "A"},
		"a shorter one":                {Cursor: byTime[:len(byTime)-1]},
		"with a line end":              {Cursor: byTime[:10] + "\n" + byTime[10:]},
		"no cursor at all":             {Cursor: "1 OR 1=1"},
	} {
		_, err := w.db.Events(t.Context(), q)
		if e, ok := err.(interface{ Unwrap() error }); !ok || fault.KindOf(err) != fault.Invalid || !strings.Contains(e.Unwrap().Error(), "cursor") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, q := range map[string]HistoryQuery{
		"more than a page holds": {Limit: MaxHistory + 1}, "fewer than none": {Limit: -1},
		"a subject by purpose": {Subject: sara, Purpose: "newsletter"}, "a subject by time": {Subject: sara, From: w.clock()},
		"time that runs back": {From: w.clock(), Until: w.clock()},
	} {
		if _, err := w.db.Events(t.Context(), q); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReceiptsOfASubjectComeInPages(t *testing.T) { each(t, testReceiptsOfASubjectComeInPages) }

func testReceiptsOfASubjectComeInPages(t *testing.T, w *world) {
	var want []string
	for i := range 5 {
		want = append(want, w.say(sara, "newsletter", []consent.Answer{consent.Given, consent.Withdrawn}[i%2]).ID)
	}
	w.say(customer, "tailored_offers", consent.Given)
	for limit := range 7 {
		var got []string
		for cursor := ""; ; {
			list, next, err := w.db.ReceiptsOf(t.Context(), sara, limit, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				got = append(got, r.ID)
			}
			if cursor = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d at once:\n%s", limit, diff)
		}
	}
	if _, _, err := w.db.ReceiptsOf(t.Context(), sara, MaxReceipts+1, ""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("more than is given at once: %v", err)
	}
}

// FuzzCursor gives the store cursors nobody made: it refuses them, whatever
// they are, and takes its own.
func FuzzCursor(f *testing.F) {
	w := newWorld(f)
	f.Add(w.db.cursor("question", 1, 2, 3), "question")
	f.Add(w.db.cursor("question", 0), "another")
	f.Add("", "")
	f.Add(strings.Repeat("A", 54), "question")
	f.Fuzz(func(t *testing.T, s, binding string) {
		for count := 1; count <= 3; count++ {
			if numbers, err := w.db.openCursor(s, binding, count); err == nil && w.db.cursor(binding, numbers...) != s {
				t.Fatalf("%q was taken and never given", s)
			}
			if _, err := w.db.openCursor(w.db.cursor(binding, make([]int64, count)...), binding, count); err != nil {
				t.Fatal(err)
			}
		}
	})
}
