package witness

import (
	"errors"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// refusal is why a head is not co-signed, with the status that says so.
type refusal struct {
	status int
	words  string
	size   int64 // of a conflict of sizes: the one seen
	sized  bool
}

func (r refusal) Error() string { return r.words }

// add checks a head against the one seen before, and gives our signature line
// under it. The new head is durable before anything is signed.
func (g *watched) add(s submission, signer *ledger.Cosigner) (string, error) {
	next, signed, err := g.open(s.signed)
	if err != nil {
		return "", err
	}
	g.mu.Lock() // from the comparison until the new head is kept: or a slower submission would roll it back
	defer g.mu.Unlock()
	if err := follows(g.seen, next, s); err != nil {
		return "", err
	}
	if g.note == "" || next.Size != g.seen.Size {
		if err := g.save(g.file, []byte(signed)); err != nil {
			return "", err
		}
	}
	_, text, err := ledger.ReadHead(signed)
	if err != nil {
		return "", err
	}
	line, err := signer.Line(text)
	if err != nil {
		return "", err
	}
	g.seen, g.note, g.line = next, signed, line
	return line, nil
}

// open verifies that the log signed a head, and drops what others signed.
func (g *watched) open(signed string) (ledger.Checkpoint, string, error) {
	c, by, err := ledger.OpenHead(signed, g.keys)
	t, termed := g.terms[by]
	switch {
	case err == nil && termed && !t.Covers(c.Size):
		return c, "", refusal{status: 403, words: "the key that signed it is good " + t.String()}
	case errors.Is(err, ledger.ErrNotSigned), errors.Is(err, ledger.ErrBadSignature):
		return c, "", refusal{status: 403, words: err.Error()}
	case err != nil:
		return c, "", refusal{status: 400, words: err.Error()}
	}
	n, err := note.Open([]byte(signed), note.VerifierList(g.keys...))
	if err != nil {
		return c, "", refusal{status: 403, words: err.Error()}
	}
	own := n.Text + "\n"
	for _, s := range n.Sigs {
		own += "— " + s.Name + " " + s.Base64 + "\n"
	}
	return c, own, nil
}

// follows says whether a head may come after the one seen.
func follows(seen, next ledger.Checkpoint, s submission) error {
	switch {
	case s.old > next.Size:
		return refusal{status: 400, words: "the old size is larger than the checkpoint's"}
	case s.old != seen.Size:
		return refusal{status: 409, words: "another head was seen last", size: seen.Size, sized: true}
	case next.Size == 0 && next.Root != ledger.EmptyRoot():
		return refusal{status: 422, words: "a log without entries has another root"}
	case s.old == next.Size && s.old > 0 && next.Root != seen.Root:
		return refusal{status: 409, words: "another root was seen for this size"}
	case s.old == 0 || s.old == next.Size:
		if len(s.proof) > 0 {
			return refusal{status: 422, words: "there is nothing to prove, but there is a proof"}
		}
		return nil
	}
	if err := tlog.CheckTree(s.proof, next.Size, next.Root, s.old, seen.Root); err != nil {
		return refusal{status: 422, words: "the proof does not lead from the head seen last to this one"}
	}
	return nil
}

// newest gives the newest head seen, signed by the log and by us; "" if none was.
func (g *watched) newest(signer *ledger.Cosigner) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.note == "" {
		return "", nil
	}
	if g.line == "" { // kept by an earlier process, which may have ended before it signed
		_, text, err := ledger.ReadHead(g.note)
		if err != nil {
			return "", err
		}
		if g.line, err = signer.Line(text); err != nil {
			return "", err
		}
	}
	return ledger.AddLines(g.note, []string{g.line}), nil
}
