package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// demand begins a request and gives it with its receipt.
func (w *world) demand(kind request.Kind, d request.Demand, ids ...subject.ID) (request.Request, receipt.Receipt) {
	w.t.Helper()
	r, done, err := w.db.Ask(w.t.Context(), Ask{Subjects: ids, Kind: kind, Demand: d})
	if err != nil {
		w.t.Fatal(err)
	}
	return r, w.complete(done)
}

const second subject.ID = "phone:+12075550123"

func TestADemandIsRecordedAndAnswered(t *testing.T) { each(t, testADemandIsRecordedAndAnswered) }

func testADemandIsRecordedAndAnswered(t *testing.T, w *world) {
	first := w.say(sara, "offers", consent.Given)
	w.pass(time.Minute)
	r, slip := w.demand(request.Correction, request.Demand{Corrections: map[string]string{"name": "  Sara Nasser "}}, sara)
	w.valid(slip)
	d := slip.Record.HasDemand
	if d == nil || d.Step != receipt.DemandAsked || d.Request != r.ID || len(d.Data) != 1 || d.Data[0] != "name" || bytes.Contains(marshal(t, slip), []byte("Nasser")) {
		t.Fatalf("%+v", slip.Record)
	}
	if r.State != request.Open || !r.Due.After(r.At) || r.Demand.Corrections["name"] != "Sara Nasser" {
		t.Errorf("%+v", r)
	}
	w.say(sara, "offers", consent.Withdrawn) // answers go on before and after
	for name, do := range map[string]func() error{
		"somebody else's":  func() error { _, err := w.db.Request(t.Context(), r.ID, customer); return err },
		"cancelled by one": func() error { _, _, err := w.db.Cancel(t.Context(), r.ID, customer); return err },
		"no id":            func() error { _, err := w.db.Request(t.Context(), "x", sara); return err },
		"an answer's id":   func() error { _, err := w.db.Request(t.Context(), first.ID, sara); return err },
	} {
		if err := do(); fault.KindOf(err) != fault.Unknown {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := w.db.Outcome(t.Context(), r.ID, request.Refused, ""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("refused without a reason: %v", err)
	}
	got, done, err := w.db.Outcome(t.Context(), r.ID, request.Done, "Your name is right now.")
	if err != nil || got.State != request.Done || got.Answer == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	end := w.complete(done)
	w.valid(end)
	if end.Record.HasDemand.By != "company" || end.Record.HasDemand.Step != receipt.DemandDone {
		t.Errorf("%+v", end.Record.HasDemand)
	}
	if _, _, err := w.db.Outcome(t.Context(), r.ID, request.Done, ""); fault.KindOf(err) != fault.Conflict {
		t.Errorf("answered twice: %v", err)
	}
	list, err := w.db.Requests(t.Context(), sara, second, sara)
	if err != nil || len(list) != 1 || list[0].Answer != "Your name is right now." {
		t.Errorf("%+v, %v", list, err)
	}
	w.settled()
	slips, _, err := w.db.ReceiptsOf(t.Context(), sara, 0, "")
	if err != nil || len(slips) != 4 || slips[1].ID != r.ID {
		t.Fatalf("%d receipts, %v", len(slips), err)
	}
	if page, err := w.db.Events(t.Context(), HistoryQuery{Subject: sara}); err != nil || len(page.Events) != 4 || page.Events[0].Kind != "request.done" {
		t.Errorf("%+v, %v", page, err)
	}
	w.check()
}

func TestWhatIsAskedIsHeldToThePolicy(t *testing.T) {
	w := newWorld(t)
	for name, a := range map[string]Ask{
		"no such data":       {Subjects: []subject.ID{sara}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"shoe": "44"}}},
		"not correctable":    {Subjects: []subject.ID{sara}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"plan": "gold"}}},
		"nothing":            {Subjects: []subject.ID{sara}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"name": " "}}},
		"turned around":      {Subjects: []subject.ID{sara}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"name": "Sara\u202Enimda"}}},
		"two lines":          {Subjects: []subject.ID{sara}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"name": "Sara\nNasser"}}},
		"too long":           {Subjects: []subject.ID{sara}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"name": string(bytes.Repeat([]byte("x"), 10<<20))}}},
		"no text":            {Subjects: []subject.ID{sara}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"name": "\xff"}}},
		"an empty complaint": {Subjects: []subject.ID{sara}, Kind: request.Complaint},
		"a law objected to":  {Subjects: []subject.ID{sara}, Kind: request.Objection, Demand: request.Demand{Purposes: []string{"tax_records"}}},
	} {
		if _, _, err := w.db.Ask(t.Context(), a); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{"email:nobody@example.com"}, Kind: request.Erasure}); fault.KindOf(err) != fault.Unknown {
		t.Errorf("erasing nobody: %v", err)
	}
	for i := range maxOpen {
		w.demand(request.Complaint, request.Demand{Text: fmt.Sprint("late ", i)}, sara)
	}
	if _, _, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{sara}, Kind: request.Complaint, Demand: request.Demand{Text: "late"}}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("one more than may be open: %v", err)
	}
	w.check()
}

// A button that is pressed twice asks once; the same words after the answer are
// asked anew.
func TestTheSameWordsAreAskedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		name := request.Demand{Corrections: map[string]string{"name": "Sara"}}
		for kind, d := range map[request.Kind]request.Demand{request.Access: {Text: "Why?"}, request.Complaint: {Text: "Why?"}, request.Correction: name} {
			first, _ := w.demand(kind, d, sara)
			again, done, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{sara}, Kind: kind, Demand: d})
			if err != nil || again.ID != first.ID || len(done.IDs()) != 0 {
				t.Errorf("%s twice: %s and %s, %v", kind, first.ID, again.ID, err)
			}
		}
		if other, _ := w.demand(request.Access, request.Demand{Text: "Why then?"}, sara); other.State != request.Open {
			t.Errorf("%+v", other)
		}
		list, err := w.db.Requests(t.Context(), sara)
		if err != nil || len(list) != 4 {
			t.Fatalf("%d requests, %v", len(list), err)
		}
		for _, r := range list {
			if _, _, err := w.db.Outcome(t.Context(), r.ID, request.Done, "So."); err != nil {
				t.Fatal(err)
			}
		}
		if _, done, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{sara}, Kind: request.Access, Demand: request.Demand{Text: "Why?"}}); err != nil || len(done.IDs()) != 1 {
			t.Errorf("after the answer: %v", err)
		}
	})
}

func TestAnObjectionHoldsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.say(customer, "tailored_offers", consent.Given)
	if got := w.ask(customer, "network_security"); got != decision.Basis {
		t.Fatal(got)
	}
	r, slip := w.demand(request.Objection, request.Demand{Purposes: []string{"network_security"}}, customer)
	w.valid(slip)
	if got := w.ask(customer, "network_security"); got != decision.Objected || r.State != request.Done {
		t.Errorf("%s, %+v", got, r)
	}
	if got := w.ask(customer, "tailored_offers"); got != decision.Given {
		t.Errorf("another purpose: %s", got)
	}
	w.check()
}

func TestAnErasureRestrictsWaitsAndErases(t *testing.T) {
	each(t, testAnErasureRestrictsWaitsAndErases)
}

func testAnErasureRestrictsWaitsAndErases(t *testing.T, w *world) {
	w.say(customer, "tailored_offers", consent.Given)
	w.say(second, "text_updates", consent.Given)
	_, public, err := NewTicket()
	if err != nil {
		t.Fatal(err)
	}
	r, slip := w.demand(request.Erasure, request.Demand{Ticket: public}, customer, second)
	w.valid(slip)
	again, none, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{second, customer}, Kind: request.Erasure})
	if err != nil || again.ID != r.ID || len(none.IDs()) != 0 {
		t.Errorf("asked twice: %+v, %v", again, err)
	}
	for _, c := range []struct {
		id      subject.ID
		purpose string
		want    decision.Reason
	}{{customer, "tailored_offers", decision.Restricted}, {second, "text_updates", decision.Restricted}, {customer, "internet_service", decision.Basis}, {customer, "tax_records", decision.Basis}} {
		if got := w.ask(c.id, c.purpose); got != c.want {
			t.Errorf("%s of %s while it waits: %s", c.purpose, c.id.Kind(), got)
		}
	}
	if _, _, err := w.db.Cancel(t.Context(), r.ID, second); err != nil { // whoever is told may stop it
		t.Fatal(err)
	}
	if got := w.ask(second, "text_updates"); got != decision.Given {
		t.Errorf("cancelled: %s", got)
	}
	w.check()

	r, _ = w.demand(request.Erasure, request.Demand{Ticket: public}, customer, second)
	ticket, public, _ := NewTicket()
	if _, _, err = w.db.Cancel(t.Context(), r.ID, customer); err != nil {
		t.Fatal(err)
	}
	r, _ = w.demand(request.Erasure, request.Demand{Ticket: public}, customer, second)
	if seen, err := w.db.OpenTicket(t.Context(), ticket); err != nil || seen.Request == nil || seen.Request.State != request.Waiting || seen.Owner != customer {
		t.Fatalf("%+v, %v", seen, err)
	}
	w.pass(request.ToThink - time.Millisecond)
	if due, err := w.db.DueRequests(t.Context(), 10); err != nil || len(due) != 0 {
		t.Fatalf("before its time: %v, %v", due, err)
	}
	if _, err := w.db.EraseRequested(t.Context(), r.ID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("before its time: %v", err)
	}
	w.pass(time.Millisecond)
	if _, _, err := w.db.Cancel(t.Context(), r.ID, customer); fault.KindOf(err) != fault.Conflict {
		t.Errorf("cancelled too late: %v", err)
	}
	due, err := w.db.DueRequests(t.Context(), 10)
	if err != nil || len(due) != 1 || due[0].ID != r.ID {
		t.Fatalf("%v, %v", due, err)
	}
	done, err := w.db.EraseRequested(t.Context(), r.ID)
	if err != nil || len(done.IDs()) != 2 {
		t.Fatalf("%v, %v", done.IDs(), err)
	}
	if got := w.ask(second, "text_updates"); got != decision.Erased {
		t.Errorf("erased: %s", got)
	}
	w.settled()
	seen, err := w.db.OpenTicket(t.Context(), ticket)
	if err != nil || seen.Request != nil || len(seen.Erased) != 2 || seen.Shredded {
		t.Fatalf("%+v, %v", seen, err)
	}
	for _, e := range seen.Erased {
		w.valid(e)
		if e.Record.HasErasure.Answers != 1 {
			t.Errorf("%d answers", e.Record.HasErasure.Answers)
		}
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen, err = w.db.OpenTicket(t.Context(), ticket); err != nil || !seen.Shredded {
		t.Errorf("%+v, %v", seen, err)
	}
	if _, err := w.db.EraseRequested(t.Context(), r.ID); fault.KindOf(err) != fault.Unknown {
		t.Errorf("erased twice: %v", err)
	}
	w.check()
	w.pass(366 * 24 * time.Hour)
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.OpenTicket(t.Context(), ticket); fault.KindOf(err) != fault.Unknown {
		t.Errorf("after its time: %v", err)
	}
	w.check()
}

func TestASecondIdentifierErasesSooner(t *testing.T) {
	w := newWorld(t)
	w.say(customer, "tailored_offers", consent.Given)
	w.say(second, "text_updates", consent.Given)
	r, _ := w.demand(request.Erasure, request.Demand{}, customer, second)
	for _, other := range []subject.ID{customer, sara} {
		if _, _, err := w.db.ConfirmRequest(t.Context(), r.ID, other); fault.KindOf(err) != fault.Unknown {
			t.Errorf("confirmed by %s: %v", other.Kind(), err)
		}
	}
	if _, _, err := w.db.ConfirmRequest(t.Context(), r.ID, second); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.EraseRequested(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	w.check()
}

func TestADownloadIsItsOwnersAndEnds(t *testing.T) { each(t, testADownloadIsItsOwnersAndEnds) }

func testADownloadIsItsOwnersAndEnds(t *testing.T, w *world) {
	w.say(sara, "offers", consent.Given)
	r, _ := w.demand(request.Portability, request.Demand{Seal: "a password"}, sara)
	if due, err := w.db.DueRequests(t.Context(), 10); err != nil || len(due) != 1 || due[0].State != request.Working {
		t.Fatalf("%v, %v", due, err)
	}
	data := bytes.Repeat([]byte("all that is known "), 40_000) // more than one part
	if _, err := w.db.SaveDownload(t.Context(), r.ID, data, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Download(t.Context(), r.ID, customer); fault.KindOf(err) != fault.Unknown {
		t.Errorf("somebody else's: %v", err)
	}
	if got, err := w.db.Download(t.Context(), r.ID, sara); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	var part []byte
	if err := w.db.reads.QueryRow(`SELECT sealed FROM download WHERE part = 1`).Scan(&part); err != nil || bytes.Contains(part, []byte("all that is known")) {
		t.Errorf("it lies open in the database: %v", err)
	}
	w.check()
	w.pass(request.DownloadLife)
	if _, err := w.db.Download(t.Context(), r.ID, sara); fault.KindOf(err) != fault.Unknown {
		t.Errorf("after its time: %v", err)
	}
	if err := w.db.EndDownload(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if due, err := w.db.DueRequests(t.Context(), 10); err != nil || len(due) != 0 {
		t.Errorf("%v, %v", due, err)
	}
	w.check()
}

// Whoever says something while they are erased is erased with what they said,
// or begins anew: never half of it.
func TestAnswersBesideAnErasure(t *testing.T) { each(t, testAnswersBesideAnErasure) }

func testAnswersBesideAnErasure(t *testing.T, w *world) {
	w.say(sara, "offers", consent.Given)
	r, _ := w.demand(request.Erasure, request.Demand{}, sara)
	w.pass(request.ToThink)
	var wg sync.WaitGroup
	var erased error
	wg.Go(func() { _, erased = w.db.EraseRequested(t.Context(), r.ID) })
	for range 4 {
		wg.Go(func() {
			_, err := w.db.Submit(t.Context(), Submission{Subject: sara, Surface: consent.SurfaceChoices, Choices: []consent.Choice{{Purpose: "offers", Decision: consent.Given}}})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, _, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{sara}, Kind: request.Erasure})
			if err != nil && fault.KindOf(err) != fault.Unknown {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if erased != nil && !errors.Is(erased, errNoRequest) {
		t.Error(erased)
	}
	w.check()
}
