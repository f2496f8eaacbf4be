// Package audit holds a published log to its word, from outside: it fetches
// what everybody can fetch, recomputes the tree from its entries, and compares
// with the signed head, with what it saw before, with receipts that customers
// hold, and with what witnesses have seen. It believes nothing but a key.
package audit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	signers []Signer        // known, and since the head was fetched those that were followed
	keys    []note.Verifier // of signers
	chain   []ledger.Signer // as the log lists them; empty where it does not, or nobody said whose key it is
	handed  map[int64]bool  // leaves of hand-overs among the public records
	listed  bool            // every public record up to the head was looked at, if there is any
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
		plain := http.DefaultTransport.(*http.Transport).Clone()
		plain.DisableCompression = true // hashes: pressing them gains a thirtieth and takes longer than all else
		plain.MaxIdleConnsPerHost = workers
		c.HTTP = &http.Client{Timeout: 30 * time.Second, Transport: plain}
	}
	if c.Patience == 0 {
		c.Patience = 5 * time.Second
	}
	a := &audit{Config: c, handed: map[int64]bool{}}
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
	if c.Key != "" {
		if _, err = verifiers([]Signer{{Key: c.Key}}); err != nil {
			return Verdict{}, nil, err
		}
	}
	for _, w := range c.Witnesses {
		if _, err := ledger.NewCosignatureVerifier(w.Key); err != nil {
			return Verdict{}, nil, err
		}
	}
	whole := a.run(ctx)
	if whole && len(a.v.Findings) == 0 && c.Key != "" && c.State != nil && !a.knows(c.Key) { // else it was not learnt whom it was handed over to
		return Verdict{}, nil, errors.New("the key that was given is not one that the state was made with, nor one that it was handed over to")
	}
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
	for _, c := range append(a.claims, a.handovers()...) {
		a.tell(a.agrees(c, h))
	}
	a.tell(a.records(ctx, h))
	a.tell(a.allListed())
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
