package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/transfer"
)

// Outcome is what became of a row of a list. The set is closed.
type Outcome string

// The outcomes. Only the first wrote anything.
const (
	Taken       Outcome = "taken"
	Standing    Outcome = "standing"    // the same stands already, or a yes for a yes
	NoStands    Outcome = "no_stands"   // a yes, where a no stands
	NewerYes    Outcome = "newer_yes"   // a no that is older than what the person said here
	BelowAge    Outcome = "child"       // a yes of a child, which is a parent's to give
	Erased      Outcome = "erased"      // the person was erased, and comes back by an act of their own alone
	Unconfirmed Outcome = "unconfirmed" // a yes that has to be confirmed, and nobody says it was
	Expired     Outcome = "expired"     // a yes whose keeping time is over
	NoPurpose   Outcome = "purpose"     // the policy has no such purpose, or it does not rest on consent
	NoRecipient Outcome = "recipient"   // the purpose has no such recipient with a permission of its own
	NoTopic     Outcome = "topics"      // the purpose has no such topic
	NoFrequency Outcome = "frequency"   // the purpose is not offered so often
	WrongKind   Outcome = "kind"        // such an identifier cannot say yes to the purpose
)

// errDry ends a recording that was only to be looked at.
var errDry = errors.New("nothing was to be written")

// Import takes rows of a list in, and gives what became of each. sets are the
// evidence their yeses rest on, as registered. Nothing is brought back: a yes
// never takes the place of a no or of another yes, nor does it begin an erased
// person anew; a no always takes the place of an imported yes. So a list may be
// read twice, as a whole or from where a crash cut it: what was taken stands, and
// nothing more is written.
//
// All rows of a person are written together or not at all; an error says that
// some persons' rows may not be. Where dry is set, nothing is written.
func (db *DB) Import(ctx context.Context, rows []transfer.Row, sets []Evidence, dry bool) ([]Outcome, error) {
	out := make([]Outcome, len(rows))
	var order []*imported
	byPerson := map[subject.ID]*imported{}
	for i, r := range rows {
		g := byPerson[r.Subject]
		if g == nil {
			g = &imported{sets: sets, dry: dry}
			byPerson[r.Subject], order = g, append(order, g)
		}
		g.rows, g.out = append(g.rows, r), append(g.out, &out[i])
	}
	errs := make([]error, len(order))
	var wg sync.WaitGroup
	for i, g := range order {
		wg.Go(func() { errs[i] = g.write(ctx, db) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return out, fmt.Errorf("importing: %w", firstOf(errs))
	}
	return out, nil
}

// firstOf gives the first of many errors that are most often the same.
func firstOf(errs []error) error {
	return errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
}

// imported are the rows of one person, in the order of the list.
type imported struct {
	rows []transfer.Row
	out  []*Outcome
	sets []Evidence
	dry  bool
}

func (g *imported) write(ctx context.Context, db *DB) error {
	erased := false
	r := &recording{id: g.rows[0].Subject, attested: true, make: func(b *batch, p *person) ([]consent.Event, error) {
		if erased = p.suppressed; erased {
			g.all(Erased)
			return nil, nil // refused by the batch
		}
		events, err := g.judge(b, p)
		if err == nil && g.dry {
			err = errDry
		}
		return events, err
	}}
	_, err := db.append(ctx, r)
	if erased && fault.KindOf(err) == fault.Conflict || errors.Is(err, errDry) {
		return nil
	}
	return err
}

func (g *imported) all(o Outcome) {
	for _, out := range g.out {
		*out = o
	}
}

// judge gives the events that the rows come to, each after those before it.
func (g *imported) judge(b *batch, p *person) ([]consent.Event, error) {
	states, now := maps.Clone(p.states), fromMillis(max(p.at, millis(b.now)))
	var events []consent.Event
	for i, row := range g.rows {
		j := judgement{known: b.known, states: states, now: now, row: row, child: p.facts.Child}
		more, outcome, err := j.of(g.sets)
		if err != nil {
			return nil, err
		}
		*g.out[i] = outcome
		for _, e := range more {
			e.Time, e.Meaning = now, b.known.byID[e.Policy].Meanings[e.Purpose]
			consent.Apply(states, b.known.version, e)
			events = append(events, e)
		}
	}
	for i := range events {
		events[i].Time, events[i].Meaning = time.Time{}, "" // the batch's to give
	}
	return events, nil
}

// judgement is one row before what is known of its person.
type judgement struct {
	known  *versions
	states map[consent.Key]consent.State
	now    time.Time
	row    transfer.Row
	child  bool
}

func (j judgement) of(sets []Evidence) ([]consent.Event, Outcome, error) {
	if j.row.Choice.Decision != consent.Given {
		return j.no()
	}
	i := slices.IndexFunc(sets, func(e Evidence) bool { return e.Set.Name == j.row.Evidence })
	if i < 0 {
		return nil, "", fault.New(fault.Invalid, "a yes without evidence cannot be imported")
	}
	return j.yes(sets[i])
}

func (j judgement) key() consent.Key {
	return consent.Key{Purpose: j.row.Choice.Purpose, Recipient: j.row.Choice.Recipient}
}

func isNo(s consent.State) bool {
	return s.Status == consent.StatusRefused || s.Status == consent.StatusGone
}

// yes takes a yes where nothing was said before.
func (j judgement) yes(set Evidence) ([]consent.Event, Outcome, error) {
	v := j.known.byID[set.Version]
	if v == nil {
		return nil, "", fmt.Errorf("the version of an evidence set is not known")
	}
	if o := refusal(consent.Check(v, j.row.Subject.Kind(), []consent.Choice{j.row.Choice})); o != "" {
		return nil, o, nil
	}
	p, said := v.Policy.Purposes[j.row.Choice.Purpose], j.row.Said
	if said.IsZero() {
		said = set.Set.FirstDay()
	}
	switch s := j.states[j.key()]; {
	case j.child:
		return nil, BelowAge, nil
	case isNo(s), isNo(j.states[consent.Key{Purpose: j.row.Choice.Purpose}]):
		return nil, NoStands, nil
	case s.Status != consent.NotAsked:
		return nil, Standing, nil
	case p.Double() && !j.row.Confirmed && !set.Set.Confirmed:
		return nil, Unconfirmed, nil
	case !j.now.Before(p.Keep.After(said)):
		return nil, Expired, nil
	}
	e := j.event(v, consent.ActGiven, set.Set.In(j.row.Language, v.Policy.Master()))
	e.Frequency = j.row.Choice.Frequency
	e.Topics, e.Claim.Evidence, e.Claim.Said = j.row.Choice.Topics, set.ID, said
	if !p.Double() {
		return []consent.Event{e}, Taken, nil
	}
	confirmed := e
	confirmed.Act, confirmed.Topics, confirmed.Frequency = consent.ActConfirmed, nil, ""
	return []consent.Event{e, confirmed}, Taken, nil
}

// no takes a no, unless the person said yes here after it.
func (j judgement) no() ([]consent.Event, Outcome, error) {
	v := j.known.inForce()
	if v == nil {
		return nil, "", fault.New(fault.Conflict, "no policy is in force yet")
	}
	if o := refusal(consent.Check(v, j.row.Subject.Kind(), []consent.Choice{j.row.Choice})); o != "" {
		return nil, o, nil
	}
	s := j.states[j.key()]
	if isNo(s) {
		return nil, Standing, nil
	}
	for _, y := range []*consent.Yes{s.Yes, s.Pending} {
		if y != nil && y.Evidence == "" && !j.row.Said.IsZero() && j.row.Said.Before(y.Since) {
			return nil, NewerYes, nil
		}
	}
	language := j.row.Language
	if !slices.Contains(v.Policy.Languages, language) {
		language = v.Policy.Master()
	}
	e := j.event(v, consent.ActOf(j.row.Choice.Decision), language)
	e.Claim.Said = j.row.Said
	return []consent.Event{e}, Taken, nil
}

func (j judgement) event(v *policy.Version, act consent.Act, language string) consent.Event {
	return consent.Event{Act: act, Purpose: j.row.Choice.Purpose, Recipient: j.row.Choice.Recipient, Policy: v.ID, Language: language,
		Surface: consent.SurfaceImport, Attested: true, Claim: consent.Claim{Source: j.row.Source}}
}

// refusal says for what a choice is none, "" where it is one.
func refusal(err error) Outcome {
	e, ok := errors.AsType[*fault.Error](err)
	switch {
	case err == nil:
		return ""
	case !ok:
		return NoPurpose
	case strings.HasSuffix(e.Field, ".recipient"):
		return NoRecipient
	case strings.HasSuffix(e.Field, ".topics"):
		return NoTopic
	case strings.HasSuffix(e.Field, ".frequency"):
		return NoFrequency
	case strings.HasSuffix(e.Field, "]"):
		return WrongKind
	}
	return NoPurpose
}
