package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// maxBatch is how many recordings share one commit at most.
const maxBatch = 1024

// recording is an act that appends events to one subject. Recordings are
// written in batches: read together, folded one after the other in memory,
// sealed on all cores, and written together.
type recording struct {
	ctx   context.Context
	id    subject.ID
	place place
	once  *onceTags // nil: no idempotency key

	// make gives the events to append: purpose, act and what was shown. It
	// changes nothing; an error refuses the recording.
	make func(b *batch, p *person) ([]consent.Event, error)

	attested bool // entered by the company: does not begin an erased person anew
	existing bool // only for a subject that is there
	again    bool // asks for the mail that confirms once more
	leaves   bool // whoever asks may go before its end: make writes nothing that is theirs

	done     chan error // buffered; gets one value, after the commit is durable
	appended []*appended
	replay   []string // ids of the events of an earlier act under the same key
}

// appended is one event on its way into the database.
type appended struct {
	p     *person
	event consent.Event
	id    uuid.UUID
	after consent.State
	texts processRow

	shard   int
	n, prev int64
	parts   receipt.Parts
	entry   ledger.Entry
	sealed  []byte
	leaf    *int64      // nil where the ledger takes it later
	head    *signedHead // of its batch, filled in when it is durable; nil like leaf
}

// batch is a transaction of recordings between reading and writing.
type batch struct {
	db      *DB
	now     time.Time
	known   *versions
	last    map[int]int64      // n of each shard, read and locked
	people  map[string]*person // by tag; a nil one is known not to be there
	erased  map[string]bool    // tags under which somebody is suppressed
	earlier map[string]onceRow // idempotency keys that were used, by onceTags.id
	process func(v *policy.Version, e consent.Event) (processRow, error)
	changed []*person // with their new events, in order of the first
	events  []*appended
	used    []*recording // with a key, to be remembered

	asked   map[string]int    // by tag of a place: mails that asked for a confirmation lately
	waiting map[*person]int64 // until when a yes of theirs waits
	letters map[*person][]letter.Letter
	mails   []*mailRow // of letters, sealed

	next   func(shard int) (int64, error) // takes the next number of a shard; nil: after last
	linked bool                           // it may write for who is linked: all their shards are locked
	grown  *person                        // is no child any more: their facts are to be saved; nil: nobody
}

// fold appends the events of one recording in memory. What is refused leaves
// nothing.
func (b *batch) fold(r *recording) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = spoiler{panicked(p)}
		}
	}()
	if r.replay, err = b.before(r.once); err != nil || r.replay != nil {
		return err // what was done stays done, whatever the policy says by now
	}
	p := b.people[r.place.key()]
	switch {
	case p != nil:
		p.suppressed = p.suppressed || b.erased[r.place.key()] && onlyWaits(p.states)
	case r.existing:
		return fault.New(fault.Unknown, "nobody is known by this identifier")
	default:
		p = &person{name: r.id, place: r.place, fresh: true, suppressed: b.erased[r.place.key()], states: map[consent.Key]consent.State{}}
	}
	if p.links.any() && !b.linked {
		return errLinked
	}
	events, err := r.make(b, p)
	if err != nil {
		return err
	}
	if err := b.ofAge(p, events); err != nil {
		return err
	}
	if p.suppressed && r.attested {
		return fault.At(fault.Conflict, "subject", "this person was erased; only an act of their own begins anew")
	}
	for _, e := range events {
		a, err := b.append(p, e)
		if err != nil {
			return spoiler{err}
		}
		r.appended = append(r.appended, a)
	}
	b.askToConfirm(r, p)
	b.remember(r)
	return nil
}

// ofAge holds that a yes is said by nobody who is below the age, but by a parent for
// them. The first one after their time is over ends it.
func (b *batch) ofAge(p *person, events []consent.Event) error {
	own := func(e consent.Event) bool { return e.Act == consent.ActGiven && e.Surface != consent.SurfaceParent }
	older := func(e consent.Event) bool { return own(e) && e.Claim != (consent.Claim{}) } // it may be from before
	switch {
	case !p.facts.Child || !slices.ContainsFunc(events, own):
		return nil
	case !p.facts.grown(b.now) || slices.ContainsFunc(events, older):
		return ErrBelowAge
	case !b.linked:
		return errLinked // a batch writes no facts
	}
	p.facts.Child, p.facts.Permits, p.facts.Grown = false, nil, time.Time{}
	b.grown = p
	return nil
}

// append folds one event into its subject. Its time and its meaning are those of
// now, unless it was moved from elsewhere with its own.
func (b *batch) append(p *person, e consent.Event) (*appended, error) {
	if p.fresh && p.id == (keyring.SubjectID{}) {
		p.id = newSubjectID(p.place.shard)
		b.people[p.place.key()] = p
	}
	v := b.known.version(e.Policy)
	texts, err := b.process(v, e)
	if err != nil {
		return nil, err
	}
	shard := p.id.Shard()
	n, err := b.number(shard)
	if err != nil {
		return nil, err
	}
	p.seq++
	if e.Time.IsZero() || e.Time.After(b.now) {
		e.Time = b.now
	}
	if e.Meaning == "" {
		e.Meaning = v.Meanings[e.Purpose]
	}
	p.at = max(p.at, millis(e.Time))
	a := &appended{p: p, shard: shard, n: n, prev: p.last, texts: texts}
	a.id = newEventID(shard, a.n)
	e.ID, e.Seq, e.Time = a.id.String(), p.seq, fromMillis(p.at)
	consent.Apply(p.states, b.known.version, e)
	a.event, a.after = e, p.states[consent.Key{Purpose: e.Purpose, Recipient: e.Recipient}]
	p.last = a.n
	if p.appended == nil {
		p.turn = new(sync.Once)
		b.changed = append(b.changed, p)
	}
	p.appended = append(p.appended, a)
	b.events = append(b.events, a)
	return a, nil
}

// number takes the next number of a shard.
func (b *batch) number(shard int) (int64, error) {
	if b.next != nil {
		return b.next(shard)
	}
	b.last[shard]++
	return b.last[shard], nil
}

// sealAhead begins to write records and to seal them, on all cores but the
// caller's and in the order in which they are written: it is most of the work,
// and needs no order. stop returns when nobody seals any more.
func (b *batch) sealAhead() (stop func()) {
	const least = 16 // below that many it is done sooner than divided
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0)-1, len(b.changed)/least) {
		wg.Go(func() {
			for i := next.Add(1); i < int64(len(b.changed)); i = next.Add(1) { // the caller begins with the first
				b.changed[i].ready(b.db)
			}
		})
	}
	return func() {
		next.Store(int64(len(b.changed)))
		wg.Wait()
	}
}

// sealAll returns when everything is sealed.
func (b *batch) sealAll() error {
	defer b.sealAhead()()
	for _, p := range b.changed {
		if err := p.ready(b.db); err != nil {
			return err
		}
	}
	return b.sealMails()
}

// ready seals a person and their new events, unless another does: then it waits.
func (p *person) ready(db *DB) error {
	p.turn.Do(func() {
		defer func() {
			if v := recover(); v != nil {
				p.failed = panicked(v)
			}
		}()
		p.failed = p.seal(db)
	})
	return p.failed
}

// seal fills in what of a person and their new events goes into the database.
func (p *person) seal(db *DB) (err error) {
	if p.fresh {
		p.keys, p.wrapped = db.cfg.Ring.NewKeys(p.id)
	} else if err = p.open(db.cfg.Ring); err != nil {
		return err
	}
	under := p.keys.Data.Sealer()
	if p.fresh {
		p.identifier = under.Seal(identifierContext(p.id), []byte(p.name))
	}
	for _, a := range p.appended {
		if a.parts, err = receipt.Make(a.event, a.after, a.texts.shown, p.name); err != nil {
			return err
		}
		a.entry, a.sealed = a.parts.Entry(), sealEvent(under, p, a.id, a.parts, a.texts.id)
	}
	p.stored = marshalStates(p.states)
	return nil
}

// spoiler is the error of an act that failed half-way: the batch it is in
// cannot be written, and each of its neighbours is tried alone.
type spoiler struct{ error }

// Unwrap gives the act's error.
func (s spoiler) Unwrap() error { return s.error }

// gather takes what waits behind the first recording.
func gather[T any](first T, queue <-chan T) []T {
	batch := []T{first}
	for len(batch) < maxBatch {
		select {
		case r := <-queue:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// await enters r into a queue and waits for its end. closed says that nothing
// in the queue will be looked at any more. Who may leave and has gone is not waited
// for: what was on its way may be written all the same, and nobody is told that it
// was not. Somebody whose time is over still listens, and hears the end.
func await(ctx context.Context, r *recording, queue chan<- *recording, quit, closed <-chan struct{}) error {
	select {
	case queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-quit:
		return closing()
	}
	left := ctx.Done()
	if !r.leaves {
		left = nil
	}
	for {
		select {
		case err := <-r.done:
			return err
		case <-closed:
			return ended(r.done, closed)
		case <-left:
			if err := ctx.Err(); errors.Is(err, context.Canceled) {
				return fmt.Errorf("whoever asked has gone, and whether it was written is not known: %w", err)
			}
			left = nil
		}
	}
}

func ended(done <-chan error, closed <-chan struct{}) error {
	select {
	case err := <-done:
		return err
	case <-closed: // it may have been acknowledged just before
		select {
		case err := <-done:
			return err
		default:
			return closing()
		}
	}
}

// foldAll folds recordings in their order and gives each one's own error.
func (b *batch) foldAll(recs []*recording) ([]error, error) {
	results := make([]error, len(recs))
	for i, r := range recs {
		r.appended, r.replay = nil, nil // of an earlier try
		if results[i] = r.ctx.Err(); results[i] != nil {
			continue // whoever asked is gone
		}
		results[i] = b.fold(r)
		if s, ok := errors.AsType[spoiler](results[i]); ok {
			return nil, s
		}
	}
	return results, nil
}

// shards gives the shards of recordings, in order.
func shards(recs []*recording) []int64 {
	var out []int64
	for _, r := range recs {
		out = append(out, int64(r.place.shard))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func finish(recs []*recording, results []error, err error) {
	for i, r := range recs {
		if err != nil {
			r.done <- err
		} else {
			r.done <- results[i]
		}
	}
}

// wrongEvent is an error about rows that contradict each other.
func wrongEvent(doing string, err error) error { return fmt.Errorf("%s an event: %w", doing, err) }
