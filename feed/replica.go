package feed

import (
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/table"
)

// Replica keeps a table at what a feed says. It begins stale: Load a snapshot,
// Greet, and Apply a batch make it answer, for Bound after each head was signed.
// It is not safe for concurrent use; the table's readers are.
type Replica struct {
	// Tags is the key of the table's tags, Suppression that of the tags of those erased.
	// Set them before Load, which takes no snapshot of an epoch of others; with no
	// Tags it takes any.
	Tags, Suppression [32]byte

	// Seen is the most rows that each chain ever had here. Set what an earlier
	// replica of the same origin had seen before Load.
	Seen [Chains]uint64

	table  *table.Table
	key    note.Verifier
	origin string
	bound  time.Duration
	beside uint64 // mostBeside

	at    *Position // nil: nothing was loaded yet, or what was is not to be trusted
	last  Head      // the last one that was taken, or that of the snapshot
	most  Head      // the newest one ever taken
	clock clock

	book book
}

// NewReplica gives a replica that feeds a table from the feed of an origin whose
// heads key verifies. last is the head up to which an earlier one of the same
// origin came, so that a feed behind it is refused; the zero Head where none
// is known.
func NewReplica(t *table.Table, origin string, key note.Verifier, last Head) *Replica {
	r := &Replica{table: t, key: key, origin: origin, bound: Bound, beside: mostBeside, last: last, most: last, book: newBook()}
	r.halt()
	return r
}

// Last gives the head of where the replica stands: that of the last batch or of
// the snapshot.
func (r *Replica) Last() Head { return r.last }

// Newest gives the newest head that was ever taken: what to remember across
// restarts.
func (r *Replica) Newest() Head { return r.most }

// Trust takes the key that the one of before was handed over to. The rows that are
// here stay: chains go on over a hand-over, and heads by the new key vouch for them.
// A head that only the old key signed is refused from now on.
func (r *Replica) Trust(key note.Verifier) { r.key, r.clock = key, clock{} }

// InForce gives the policy in force; nil while none is known.
func (r *Replica) InForce() *policy.Version { return r.book.versions[r.book.state.InForce] }

// behind reports whether a head is older than another. Epochs have numbers of
// their own; rows are counted on from one to the next.
func (h Head) behind(other Head) bool {
	if h.Epoch == other.Epoch {
		return h.Number < other.Number
	}
	return h.Rows < other.Rows
}

// Position gives where to go on from; nil: load a snapshot.
func (r *Replica) Position() *Position {
	if r.at == nil {
		return nil
	}
	return new(*r.at)
}

// stands notes where the replica has come to.
func (r *Replica) stands(at *Position, h Head) {
	r.at, r.last = at, h
	for chain, rows := range at.Rows {
		r.Seen[chain] = max(r.Seen[chain], rows)
	}
}

// lacks reports whether any chain of another epoch has fewer rows than it had here:
// a server that was set back and went on may have as many in all.
func (r *Replica) lacks(at *Position) bool {
	for chain, rows := range at.Rows {
		if rows < r.Seen[chain] {
			return true
		}
	}
	return false
}

// halt makes every answer stale until a snapshot was loaded.
func (r *Replica) halt() {
	r.at = nil
	r.table.StaleAfter(time.Unix(0, 0))
}

// clock tells when, by the time of this process, something was signed.
type clock struct {
	sent   time.Time // by this process: when the hello was asked for
	signed time.Time // by the server, in the hello
	epoch  string    // of that server, by whose clock no other's heads are reckoned
}

// Greet takes a server's hello. sent is when it was asked for, with nonce, by the
// monotonic clock of this process. It was signed later than that, so whatever
// is reckoned from it is rather too old than too young.
func (r *Replica) Greet(signed []byte, nonce string, sent time.Time) error {
	h, err := OpenHello(signed, r.key)
	switch {
	case err != nil:
		return err
	case h.Nonce != nonce || h.Origin != r.origin:
		return ErrUnsigned
	}
	r.clock = clock{sent, h.Time, h.Epoch}
	return nil
}

// at gives when something was signed that bears a server's time and came at received.
func (c clock) at(server, received time.Time) time.Time {
	if at := c.sent.Add(server.Sub(c.signed)); at.Before(received) {
		return at
	}
	return received
}

// Apply takes a batch that came at a time: all of it, or, with an error, nothing.
// Rows that were taken before are passed over. After ErrForked, and ErrRollback
// by a newer head, every answer is stale until a snapshot was loaded.
func (r *Replica) Apply(raw []byte, received time.Time) error {
	m, err := ReadBatch(raw)
	if err != nil {
		return err
	}
	h, err := OpenHead(m.Head, r.key)
	switch {
	case err != nil:
		return err
	case r.clock == clock{}:
		return ErrUngreet
	case h.Origin != r.origin:
		return ErrUnsigned
	case r.at == nil:
		return ErrGap
	case h.Epoch != r.last.Epoch:
		return ErrEpoch
	case h.Epoch != r.clock.epoch:
		return ErrUngreet
	case h.Number < r.last.Number:
		return ErrRollback
	}
	next, rows, err := r.follow(m, h)
	if err != nil {
		return err
	}
	if err := r.take(rows); err != nil {
		return err
	}
	r.stands(next, h)
	if h.behind(r.most) { // it is on its way there
		return nil
	}
	r.most = h
	r.table.StaleAfter(r.clock.at(h.Time, received).Add(r.bound))
	return nil
}

// follow gives the position that a batch leads to, and the rows that lead there.
func (r *Replica) follow(m Batch, h Head) (*Position, []Row, error) {
	next := new(*r.at)
	var raws [][]byte
	for _, run := range m.Runs {
		have := next.Rows[run.Chain]
		if run.First > have {
			return nil, nil, ErrGap
		}
		for _, raw := range run.Rows[min(have-run.First, uint64(len(run.Rows))):] {
			next.Extend(run.Chain, raw)
			raws = append(raws, raw)
		}
	}
	switch total := next.Total(); {
	case total < h.Rows:
		return nil, nil, ErrGap
	case r.at.Total() > h.Rows:
		r.halt()
		return nil, nil, ErrRollback
	case total != h.Rows || next.Sum() != h.Sum:
		r.halt()
		return nil, nil, ErrForked
	}
	rows := make([]Row, len(raws))
	for i, raw := range raws {
		var err error
		if rows[i], err = Decode(raw); err != nil {
			return nil, nil, err
		}
	}
	return next, rows, nil
}

// take makes rows true: those that hold for everybody first.
func (r *Replica) take(rows []Row) error {
	ruled := false
	for _, row := range rows {
		changed, err := r.book.note(row)
		if err != nil {
			return err
		}
		ruled = ruled || changed
	}
	if ruled {
		r.table.Rule(r.book.rules())
	}
	for _, row := range rows {
		for _, i := range Identifiers(row) {
			r.table.Put(i.Tag, i.Profile, i.Times, i.Fresh)
		}
	}
	return nil
}

// book is what holds for everybody.
type book struct {
	versions map[policy.VersionID]*policy.Version
	state    State
}

func newBook() book { return book{versions: map[policy.VersionID]*policy.Version{}} }

// note takes a row, and tells whether it was one of the rules.
func (b *book) note(row Row) (bool, error) {
	switch row := row.(type) {
	case Version:
		v, err := row.policyVersion()
		if err != nil {
			return false, err
		}
		b.versions[v.ID] = v
	case State:
		b.state = row
	default:
		return false, nil
	}
	return true, nil
}

func (b *book) rules() table.Rules {
	suspended := map[string]bool{}
	for _, id := range b.state.Suspended {
		suspended[id] = true
	}
	versions, forbidden := b.versions, b.state.Forbidden
	return table.Rules{
		Policy: versions[b.state.InForce], Suspended: suspended,
		Version:   func(id policy.VersionID) *policy.Version { return versions[id] },
		Forbidden: func(purpose string, _ policy.Purpose) bool { return slices.Contains(forbidden, purpose) },
	}
}
