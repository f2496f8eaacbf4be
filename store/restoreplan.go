package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/request"
)

// plan is what a restore will do, found out before anything is written.
type plan struct {
	Restore
	*inspection
	shown []shownHead
	gone  map[keyring.SubjectID]bool // subjects that are left out
	tags  []suppressed               // of those who were erased since and could be opened
	out   Restored

	permitted map[string]keyring.SubjectID // who gave a parent's permission, by its id

	shift  int64              // what is added to every leaf
	leaves map[[2]int64]int64 // of what waited for the ledger, by shard and n
	begin  *beginning         // of a new log; nil: the log goes on
}

// shownHead is a head that is known to have been shown.
type shownHead struct {
	signed string
	ledger.Checkpoint
}

// beginning is the first record of a new log.
type beginning struct {
	salt   ledger.Salt
	record []byte
}

// plan verifies the backup, and holds it to the keyring and to what was shown.
func (r Restore) plan() (*plan, error) {
	p := &plan{Restore: r, gone: map[keyring.SubjectID]bool{}, permitted: map[string]keyring.SubjectID{}, leaves: map[[2]int64]int64{}}
	if err := p.readShown(); err != nil {
		return nil, err
	}
	var sizes []int64
	for _, h := range p.shown {
		sizes = append(sizes, h.Size)
	}
	f, err := r.Backup()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if p.inspection, err = inspect(f, sizes, p.meet, nil); err != nil {
		return nil, err
	}
	p.out.Made = p.header.Made
	if err := p.belongs(); err != nil {
		return nil, err
	}
	if err := p.continueLog(); err != nil {
		return nil, err
	}
	p.placeWaiting()
	return p, nil
}

// logName is the name of the log that the keyring signs.
func (r Restore) logName() string {
	name, _, _ := strings.Cut(r.Ring.LogVerifier(), "+")
	return name
}

// oldKeys are the verifier keys of the log that the backup is of. Where a restore
// was cut short after it began a new log, they are those of the log before.
func (r Restore) oldKeys() []string {
	if r.NewOrigin != "" && r.logName() == r.NewOrigin {
		return r.Ring.LogBefore()
	}
	return r.Ring.LogVerifiers()
}

func (p *plan) readShown() error {
	for _, signed := range append([]string{p.Published}, p.Heads...) {
		if signed == "" {
			continue
		}
		head, err := publishedHead(signed, p.oldKeys())
		if err != nil {
			return err
		}
		p.shown = append(p.shown, shownHead{signed, head})
	}
	return nil
}

// belongs says whether everything is of one installation.
func (p *plan) belongs() error {
	keys := p.oldKeys()
	switch {
	case p.header.Keyring != p.Ring.ID():
		return fault.New(fault.Conflict, "the backup was made with another keyring: put the keyring back that belongs to it")
	case p.Old != nil && p.Old.ID() != p.Ring.ID():
		return fault.New(fault.Conflict, "the copy of the keyring is of another keyring")
	case p.Tombstones != nil && p.Tombstones.Keyring != p.Ring.ID():
		return fault.New(fault.Conflict, "the tombstones belong to another keyring")
	case p.NewOrigin == p.header.Origin:
		return fault.At(fault.Invalid, "origin", "a new log has a name of its own: %s is the old one's", p.NewOrigin)
	case strings.ContainsFunc(p.NewOrigin, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return fault.At(fault.Invalid, "origin", "%q cannot name a log: no space, no +", p.NewOrigin)
	case len(keys) == 0 || !strings.HasPrefix(keys[0], p.header.Origin+"+"):
		return fault.New(fault.Conflict, "the backup is of the log %s, which is not the one the keyring signs", p.header.Origin)
	case p.NewOrigin == "" && p.logName() != p.header.Origin:
		return fault.New(fault.Conflict, "the backup is of the log %s, and the keyring has begun another: %s", p.header.Origin, p.logName())
	}
	return nil
}

// continueLog sees whether the log can go on from the backup, or how another
// begins in its place.
func (p *plan) continueLog() error {
	newest := shownHead{p.manifest.Head, p.inspection.head}
	for _, h := range p.shown {
		if p.NewOrigin == "" {
			err := follows(h.Checkpoint, p.manifest.Entries, p.rootAt)
			if errors.Is(err, ErrBehind) {
				return &fault.Error{Kind: fault.Conflict, Words: "the log cannot go on from this backup; a new log can, which says so", Err: err}
			}
			if err != nil {
				return err
			}
		}
		if h.Size > newest.Size {
			newest = h
		}
	}
	if p.NewOrigin == "" {
		return nil
	}
	o, err := ledger.NewOrigin(p.NewOrigin, p.oldKeys(), newest.signed, p.manifest.Entries+p.manifest.Waiting, p.now())
	if err != nil {
		return err
	}
	p.begin = &beginning{salt: ledger.NewSalt()}
	p.shift, p.out.Before = 1, newest.signed
	p.begin.record, err = o.Record()
	return err
}

func (p *plan) rootAt(size int64) (tlog.Hash, error) {
	root, ok := p.roots[size]
	if !ok {
		return root, fmt.Errorf("it was not computed")
	}
	return root, nil
}

// placeWaiting gives what waited for the ledger its leaves, in the order in which
// a sequencer takes it.
func (p *plan) placeWaiting() {
	slices.SortFunc(p.queue, func(a, b queuedEntry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.shard, b.shard), cmp.Compare(a.n, b.n))
	})
	for i, q := range p.queue {
		p.leaves[[2]int64{q.shard, q.n}] = p.shift + p.manifest.Entries + int64(i)
	}
}

// fate is what becomes of a subject.
type fate int

const (
	stays       fate = iota
	wrappedAnew      // stays, wrapped under the keyring's key anew
	erased           // was erased since
	closed           // no key opens it
	doubtful         // only the old keyring opens it, and nobody knows whether it was erased
)

// meet looks at a subject of the backup and decides whether it is left out, and at
// whose parents' permissions are.
func (p *plan) meet(form tableForm, values []any) error {
	switch form.Name {
	case "subject":
	case "request":
		id, _ := valueOf(form, values, "request_id").([]byte)
		of, _ := valueOf(form, values, "subject_id").([]byte)
		if valueOf(form, values, "kind") == string(request.Permission) && len(id) == len(uuid.UUID{}) && len(of) == len(keyring.SubjectID{}) {
			p.permitted[uuid.UUID(id).String()] = keyring.SubjectID(of)
		}
		return nil
	default:
		return nil
	}
	s, err := subjectIn(form, values)
	if err != nil {
		return err
	}
	keys, fate := p.fateOf(s)
	switch fate {
	case stays, wrappedAnew:
		return nil
	case erased:
		p.out.Erased++
	case closed:
		p.out.Closed++
	case doubtful:
		p.out.Doubtful++
	}
	p.gone[s.id] = true
	s.keys = keys
	if fate == erased && keys != (keyring.Keys{}) && s.nameOf() == nil {
		p.tags = append(p.tags, suppressed{int64(s.id.Shard()), p.shell().suppressionTag(s.name), millis(p.now())})
	}
	return nil
}

// subjectIn gives the subject of a row, its keys not opened.
func subjectIn(form tableForm, values []any) (*person, error) {
	raw, _ := valueOf(form, values, "subject_id").([]byte)
	if len(raw) != len(keyring.SubjectID{}) {
		return nil, damaged("a subject's id has %d bytes", len(raw))
	}
	p := &person{id: keyring.SubjectID(raw)}
	p.wrapped.Data, _ = valueOf(form, values, "data_key").([]byte)
	p.wrapped.Evidence, _ = valueOf(form, values, "evidence_key").([]byte)
	p.identifier, _ = valueOf(form, values, "identifier").([]byte)
	return p, nil
}

// fateOf opens a subject's keys, and says what becomes of it. One that only the
// old keyring opens is a neighbour of somebody who was erased, or was erased: it
// stays where the tombstones are complete up to the keyring of today.
func (p *plan) fateOf(s *person) (keyring.Keys, fate) {
	fate := stays
	keys, err := p.Ring.Unwrap(s.id, s.wrapped)
	if err != nil {
		if fate = closed; p.Old != nil {
			if keys, err = p.Old.Unwrap(s.id, s.wrapped); err == nil {
				if fate = doubtful; p.Tombstones != nil && p.Tombstones.Generation >= p.Ring.BucketGeneration() {
					fate = wrappedAnew
				}
			}
		}
	}
	if p.Tombstones != nil && p.Tombstones.erased[s.id] {
		fate = erased
	}
	if err != nil {
		return keyring.Keys{}, fate
	}
	return keys, fate
}
