package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/transfer"
)

// takenOut is the public record of an export: that everybody's answers were taken
// out, and by whom.
type takenOut struct {
	Type string `json:"type"` // export
	Time string `json:"time"`
	By   string `json:"by"`
}

func (db *DB) enterExport(ctx context.Context, by string) error {
	if by = strings.TrimSpace(by); !isName(by) {
		return fault.At(fault.Invalid, "by", "an export is made by a named person: letters, no control characters, at most %d bytes", maxName)
	}
	return db.write(ctx, func(t *tx) error {
		_, err := t.enterPublic(takenOut{"export", stamp(t.now), by})
		return err
	})
}

// Export gives everything of one moment, line by line, at constant memory. That
// it is done is entered in the log first, by the name of who does it. Erased
// persons are not in it, nor who they were: what keeps them from coming back
// says nothing under another keyring.
func (db *DB) Export(ctx context.Context, by string, each func(transfer.Line) error) error {
	err := db.enterExport(ctx, by)
	if err == nil {
		err = db.snapshot(ctx, func(s *snapshot) error { return (&export{snapshot: s, line: each}).write() })
	}
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	return nil
}

// ExportConsents gives what stands for everybody, as the rows of a list, at
// constant memory; it is entered in the log like Export. A yes that waits or has
// run out is in it as that, and no yes; one that Decide would refuse for another
// cause stands by the reason (decision.Reason) in place of the answer.
func (db *DB) ExportConsents(ctx context.Context, by string, each func(transfer.Row) error) error {
	err := db.enterExport(ctx, by)
	if err == nil {
		err = db.snapshot(ctx, func(s *snapshot) error { return s.consents(each) })
	}
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	return nil
}

// export writes the lines of one.
type export struct {
	*snapshot
	line func(transfer.Line) error
	end  transfer.ExportEnd
}

func (x *export) write() error {
	h := x.db.head.Load()
	head := transfer.ExportHead{Form: transfer.ExportForm, Log: x.db.origin, LogKey: x.db.LogKey(), Checkpoint: h.shown, Time: stamp(x.db.now())}
	if err := x.line(transfer.Line{Head: &head}); err != nil {
		return err
	}
	for _, part := range []func() error{x.publications, x.evidence, x.refusals, x.stops, func() error { return x.persons(x.one) }} {
		if err := part(); err != nil {
			return err
		}
	}
	return x.line(transfer.Line{End: &x.end})
}

func (x *export) publications() error {
	return x.each(`SELECT v.id, v.canonical, p.meanings, p.at, p.by_name, p.same_meaning FROM publication p JOIN policy_version v ON v.id = p.version ORDER BY p.seq`, nil,
		func(scan func(...any) error) error {
			var p transfer.Publication
			var canonical, meanings, same []byte
			var at int64
			if err := scan(&p.Version, &canonical, &meanings, &at, &p.By, &same); err != nil {
				return err
			}
			p.Policy, p.Time = canonical, stamp(fromMillis(at))
			if err := json.Unmarshal(meanings, &p.Meanings); err != nil {
				return err
			}
			if err := json.Unmarshal(same, &p.SameMeaning); err != nil {
				return err
			}
			return x.line(transfer.Line{Publication: &p})
		})
}

func (x *export) evidence() error {
	return x.each(`SELECT id, canonical, version, at FROM evidence ORDER BY at, id`, nil, func(scan func(...any) error) error {
		var e transfer.DeclaredEvidence
		var canonical []byte
		var at int64
		if err := scan(&e.ID, &canonical, &e.Version, &at); err != nil {
			return err
		}
		if err := json.Unmarshal(canonical, &e.Set); err != nil {
			return err
		}
		e.Time = stamp(fromMillis(at))
		return x.line(transfer.Line{Evidence: &e})
	})
}

func (x *export) refusals() error {
	return x.each(`SELECT day, surface, language, n FROM refusal ORDER BY day, surface, language`, nil, func(scan func(...any) error) error {
		var r transfer.Refusals
		if err := scan(&r.Day, &r.Surface, &r.Language, &r.Count); err != nil {
			return err
		}
		return x.line(transfer.Line{Refusals: &r})
	})
}

// stops writes what is stopped at this moment, where anything is.
func (x *export) stops() error {
	s, err := readStops(x.row)
	if err != nil || len(s.Recipients)+len(s.Purposes) == 0 {
		return err
	}
	return x.line(transfer.Line{Stops: &transfer.Stops{Recipients: s.Recipients, Purposes: s.Purposes}})
}

// one writes a person and their receipts, oldest first.
func (x *export) one(p *person) error {
	var events []storedEvent
	err := x.each(chain+`SELECT event_id, leaf, sealed FROM chain WHERE sealed IS NOT NULL ORDER BY seq`, chainOf(p), func(scan func(...any) error) error {
		events = append(events, storedEvent{})
		e := &events[len(events)-1]
		return scan(&e.id, &e.leaf, &e.sealed)
	})
	if err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	who := transfer.Person{Subject: p.name, Receipts: len(events), States: standings(p.states)}
	if who.Facts, err = x.facts(p); err == nil {
		who.Linked, err = x.linked(p)
	}
	if err == nil {
		err = x.line(transfer.Line{Person: &who})
	}
	if err != nil {
		return err
	}
	x.end.Persons++
	for _, e := range events {
		r, err := x.db.receiptOf(x.ctx, p, e)
		if err != nil {
			return err
		}
		if err := x.line(transfer.Line{Receipt: &r}); err != nil {
			return err
		}
		x.end.Receipts++
	}
	return nil
}

// inOrder gives keys in the one order.
func inOrder[T any](of map[consent.Key]T) []consent.Key {
	return slices.SortedFunc(maps.Keys(of), func(a, b consent.Key) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Recipient, b.Recipient))
	})
}

// standings says what states come to.
func standings(states map[consent.Key]consent.State) []transfer.Standings {
	out := []transfer.Standings{}
	for _, k := range inOrder(states) {
		s := states[k]
		one := transfer.Standings{Purpose: k.Purpose, Recipient: k.Recipient, Status: s.Status, Since: stamp(s.Since)}
		if s.Yes != nil {
			one.Until = stamp(s.Yes.Until)
		}
		out = append(out, one)
	}
	return out
}

// consents gives the rows of a list of what stands.
func (s *snapshot) consents(each func(transfer.Row) error) error {
	names, now := map[string]string{}, s.db.now()
	err := s.each(`SELECT id, name FROM evidence`, nil, func(scan func(...any) error) error {
		var id, name string
		err := scan(&id, &name)
		names[id] = name
		return err
	})
	if err != nil {
		return err
	}
	w := s.db.world(s.db.InForce())
	if w.Policy == nil {
		return nil // nobody can have answered
	}
	return s.persons(func(p *person) error {
		others, err := s.others(p)
		if err != nil {
			return err
		}
		w.Subject, w.Linked, w.Person = new(p.subject()), subjects(others), p.facts.Person()
		for _, k := range inOrder(p.states) {
			row := rowOf(p.states[k], now)
			row.Subject, row.Choice.Purpose, row.Choice.Recipient = p.name, k.Purpose, k.Recipient
			row.Evidence = names[row.Evidence]
			if row.Choice.Decision == consent.Given {
				if a := decision.Decide(w, decision.Question{Purpose: k.Purpose, Recipient: k.Recipient}, now); !a.Allowed {
					row.Choice.Decision = consent.Answer(a.Reason)
				}
			}
			if err := each(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowOf gives what stands as an answer.
func rowOf(s consent.State, now time.Time) transfer.Row {
	row := transfer.Row{Said: s.Since.Truncate(time.Second), Choice: consent.Choice{Decision: consent.Answer(s.Status)}}
	if y := s.Yes; y != nil {
		row.Choice.Frequency = y.Often
		row.Choice.Topics, row.Language, row.Evidence, row.Confirmed = y.Topics, y.Language, y.Evidence, y.Event != s.Event
		if !y.Said.IsZero() {
			row.Said = y.Said.Truncate(time.Second)
		}
		if !now.Before(y.Until) {
			row.Choice.Decision = "expired"
		}
	}
	return row
}

// filtered is the public record of a customer list that was filtered: what for.
type filtered struct {
	Type      string `json:"type"` // scrub
	Time      string `json:"time"`
	Purpose   string `json:"purpose"`
	Recipient string `json:"recipient,omitempty"`
}

// EnterScrub enters in the log that a customer list is filtered for a purpose,
// and a recipient where there is one.
func (db *DB) EnterScrub(ctx context.Context, purpose, recipient string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.enterPublic(filtered{"scrub", stamp(t.now), purpose, recipient})
		return err
	})
	if err != nil {
		return fmt.Errorf("entering that a list is filtered: %w", err)
	}
	return nil
}
