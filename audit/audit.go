// Package audit holds a published log to its word, from outside: it fetches
// what everybody can fetch, recomputes the tree from its entries, and compares
// with the signed head, with what it saw before, with receipts that customers
// hold, and with what witnesses have seen. It believes nothing but a key.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// Config says what to audit, and what to hold it to.
type Config struct {
	URL       string    // of the public door, or of the log below it
	Key       string    // the log's verifier key, noted by hand; "" = the state's
	State     *State    // of the audit before; nil at the first
	Receipts  []File    // that customers hold
	Witnesses []Witness // whose signatures are looked for
	HTTP      *http.Client
	Patience  time.Duration                 // how long an older head may have been kept on its way; 0 = 5 s
	Progress  func(recomputed, total int64) // may be nil
}

// File is a file by its name.
type File struct {
	Name string
	Data []byte
}

// Witness is a witness's verifier key, and its monitoring prefix if it is to be
// asked itself what it has seen.
type Witness struct{ Key, URL string }

// audit is one run.
type audit struct {
	Config
	src     *source
	signers []Signer
	keys    []note.Verifier
	v       Verdict
	signed  string // the head as it was served
	claims  []claim
	next    State
}

// claim is a head that somebody else holds, signed by the log.
type claim struct {
	who    string
	head   ledger.Checkpoint
	signed string
}

// lieError is a finding on its way up.
type lieError struct{ Finding }

func (e lieError) Error() string { return e.Text }

func lie(kind Lie, format string, args ...any) error {
	return lieError{Finding{Lie: kind, Text: fmt.Sprintf(format, args...)}}
}

// proved is a lie with the signed heads that prove it.
func proved(err error, heads ...string) error {
	if l, ok := errors.AsType[lieError](err); ok {
		l.Evidence = heads
		return l
	}
	return err
}

// Run audits. The new state is nil unless nothing contradicts and the key is
// known. A wrong Config is an error; everything else stands in the verdict.
func Run(ctx context.Context, c Config) (Verdict, *State, error) {
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	if c.Patience == 0 {
		c.Patience = 5 * time.Second
	}
	a := &audit{Config: c}
	var err error
	if a.src, err = newSource(c.URL, c.HTTP); err != nil {
		return Verdict{}, nil, err
	}
	if a.signers, err = signers(c.Key, c.State); err != nil {
		return Verdict{}, nil, err
	}
	if a.keys, err = verifiers(a.signers); err != nil {
		return Verdict{}, nil, err
	}
	for _, w := range c.Witnesses {
		if _, err := ledger.NewCosignatureVerifier(w.Key); err != nil {
			return Verdict{}, nil, err
		}
	}
	whole := a.run(ctx)
	return a.verdict(whole)
}

func (a *audit) verdict(whole bool) (Verdict, *State, error) {
	switch {
	case len(a.v.Findings) > 0:
		a.v.Outcome = Lied
	case len(a.v.Doubts) > 0:
		a.v.Outcome = Unknown
	default:
		a.v.Outcome = Holds
	}
	if a.v.Outcome == Lied || !whole || len(a.keys) == 0 {
		return a.v, nil, nil
	}
	return a.v, &a.next, nil
}

// run reports whether the tree was recomputed whole.
func (a *audit) run(ctx context.Context) bool {
	if !a.tell(a.head(ctx, false)) {
		return false
	}
	receipts := a.openReceipts()
	a.askWitnesses(ctx)
	if !a.tell(a.newestOfAll(ctx)) || !a.tell(a.tree(ctx)) {
		return false
	}
	a.countWitnesses()
	h := tlog.TileHashReader(tlog.Tree{N: a.v.head.Size, Hash: a.v.head.Root}, reader{ctx, a.src})
	for _, c := range a.claims {
		a.tell(a.agrees(c, h))
	}
	a.tell(a.records(ctx, h))
	a.policyShown(ctx)
	a.checkReceipts(receipts)
	return true
}

// tell notes what went wrong, if something did, and reports whether nothing did.
func (a *audit) tell(err error) bool {
	if err == nil {
		return true
	}
	if l, ok := errors.AsType[lieError](err); ok {
		a.v.Findings = append(a.v.Findings, l.Finding)
	} else {
		a.v.Doubts = append(a.v.Doubts, "It could not be told: "+err.Error()+".")
	}
	return false
}

// head fetches the head and holds it to the keys.
func (a *audit) head(ctx context.Context, fresh bool) error {
	raw, err := a.src.get(ctx, a.src.log+"/checkpoint", nil, 128<<10, fresh)
	if err != nil {
		return fmt.Errorf("the head of the log: %w", err)
	}
	a.signed = string(raw)
	c, _, err := ledger.ReadHead(a.signed)
	if err != nil {
		return fmt.Errorf("what is served as the head of a log is none: %w", err)
	}
	a.v.head, a.v.Origin, a.v.Size = c, c.Origin, c.Size
	if len(a.keys) == 0 {
		if !fresh {
			a.v.Doubts = append(a.v.Doubts, "Nobody said whose key the log is to be held to: give the company's with --key, noted from a place you trust.")
		}
		return nil
	}
	_, by, err := ledger.OpenHead(a.signed, a.keys)
	if err != nil {
		if c.Origin != a.keys[0].Name() {
			return proved(lie(WrongSignature, "the head is that of %s, not of %s", c.Origin, a.keys[0].Name()), a.signed)
		}
		return proved(lie(WrongSignature, "%s", err), a.signed)
	}
	s := a.signer(by)
	a.v.Key = s.Key
	if s.Until > 0 && c.Size > s.Until {
		return proved(lie(OldKey, "the head of %d entries is signed by a key that was handed over at %d", c.Size, s.Until), a.signed)
	}
	return nil
}

// signer gives the signer of a verifier.
func (a *audit) signer(by note.Verifier) Signer {
	for i, k := range a.keys {
		if k == by {
			return a.signers[i]
		}
	}
	return Signer{}
}

// newestOfAll sees to it that the head is no older than any that is known. One
// that is may have been kept on its way: it is asked for once more.
func (a *audit) newestOfAll(ctx context.Context) error {
	if a.State != nil {
		c, _, err := a.State.open()
		if err != nil {
			return err
		}
		a.claims = append(a.claims, claim{"the audit before", c, a.State.Checkpoint})
	}
	for _, c := range a.claims {
		if c.head.Size <= a.v.head.Size {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(a.Patience):
		}
		if err := a.head(ctx, true); err != nil {
			return err
		}
		if c.head.Size > a.v.head.Size {
			return proved(lie(RolledBack, "the head has %d entries; %s holds one that the log signed with %d", a.v.head.Size, c.who, c.head.Size), c.signed, a.signed)
		}
	}
	return nil
}

// agrees says whether a head that somebody holds is of the same history.
func (a *audit) agrees(c claim, h tlog.HashReader) error {
	root := ledger.EmptyRoot()
	if c.head.Size > 0 {
		var err error
		if root, err = tlog.TreeHash(c.head.Size, h); err != nil {
			return fmt.Errorf("the root of %d entries: %w", c.head.Size, err)
		}
	}
	if root != c.head.Root {
		return proved(lie(Fork, "%s holds a head that the log signed with %d entries; it is of another history", c.who, c.head.Size), c.signed, a.signed)
	}
	return nil
}

// tree recomputes the log from its entries, from where the audit before ended.
func (a *audit) tree(ctx context.Context) error {
	head, edge := a.v.head, &ledger.Edge{}
	var before ledger.Checkpoint
	if a.State != nil {
		var err error
		if before, edge, err = a.State.open(); err != nil {
			return err
		}
		if before.Size == head.Size && before.Root != head.Root {
			return proved(lie(Fork, "two heads of %d entries are signed, with two roots", head.Size), a.State.Checkpoint, a.signed)
		}
	}
	a.v.From = edge.Size()
	c, err := a.recompute(ctx, edge, head.Size, -1)
	if err == nil && c.edge.Root() != head.Root {
		err = a.whichLie(ctx, before, c)
	}
	if err == nil && c.tile != nil {
		err = lie(WrongTile, "the entries lead to the signed head, but %s", c.tile)
	}
	if err != nil {
		return err
	}
	a.v.Recomputed = head.Size - a.v.From
	a.next = State{Form: stateForm, Signers: a.signers, Checkpoint: a.signed, Edge: c.edge.Roots(), Policies: []Publication{}}
	return nil
}

// whichLie finds out what it is when entries do not lead to the signed head.
func (a *audit) whichLie(ctx context.Context, before ledger.Checkpoint, c computed) error {
	if a.v.From > 0 { // was what came before exchanged?
		var err error
		if c, err = a.recompute(ctx, &ledger.Edge{}, a.v.head.Size, before.Size); err != nil {
			return err
		}
		if c.edge.Root() == a.v.head.Root {
			return proved(lie(Fork, "the log signed a head of %d entries that is not the beginning of this one", before.Size), a.State.Checkpoint, a.signed)
		}
	}
	if c.differ >= 0 {
		h := tlog.TileHashReader(tlog.Tree{N: a.v.head.Size, Hash: a.v.head.Root}, reader{ctx, a.src})
		if _, err := h.ReadHashes([]int64{tlog.StoredHashIndex(0, c.differ)}); err == nil {
			return lie(ChangedEntry, "entry %d is not the one that the signed head commits to", c.differ)
		}
	}
	return lie(ChangedEntry, "the entries that are served do not lead to the signed head of %d", a.v.head.Size)
}

// askWitnesses asks those that can be asked what they have seen.
func (a *audit) askWitnesses(ctx context.Context) {
	for _, w := range a.Witnesses {
		if w.URL != "" {
			a.tell(a.askWitness(ctx, w))
		}
	}
}

func (a *audit) askWitness(ctx context.Context, w Witness) error {
	v, err := ledger.NewCosignatureVerifier(w.Key)
	if err != nil {
		return err
	}
	origin := sha256.Sum256([]byte(a.v.Origin))
	raw, err := a.src.get(ctx, strings.TrimSuffix(w.URL, "/")+"/"+hex.EncodeToString(origin[:])+"/checkpoint", nil, 128<<10, true)
	if err != nil {
		return fmt.Errorf("the witness %s: %w", v.Name(), err)
	}
	sigs, err := ledger.Cosignatures(string(raw), v)
	if err != nil || len(sigs) == 0 {
		return fmt.Errorf("the witness %s answers with a head that it has not signed", v.Name())
	}
	c, _, err := ledger.ReadHead(string(raw))
	if len(a.keys) > 0 && err == nil {
		_, _, err = ledger.OpenHead(string(raw), a.keys)
	}
	if err != nil || c.Origin != a.v.Origin {
		return fmt.Errorf("the witness %s answers with a head that the log has not signed", v.Name())
	}
	a.claims = append(a.claims, claim{"the witness " + v.Name(), c, string(raw)})
	return nil
}

// countWitnesses looks for their signatures under the head.
func (a *audit) countWitnesses() {
	for _, w := range a.Witnesses {
		v, err := ledger.NewCosignatureVerifier(w.Key)
		if err != nil {
			continue // Run has read it
		}
		seen := Seen{Witness: v.Name()}
		sigs, err := ledger.Cosignatures(a.signed, v)
		if err != nil {
			a.tell(proved(lie(WrongSignature, "%s", err), a.signed))
		} else if len(sigs) > 0 {
			seen.Signed, seen.Time = true, sigs[len(sigs)-1].Time
		}
		a.v.Witnesses = append(a.v.Witnesses, seen)
	}
}
