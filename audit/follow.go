package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/amana-privacy/amana/ledger"
)

// follow fetches the log's list of its keys, and follows the hand-overs in it
// from the key that is known to those before and after. The list need not be
// trusted: each hand-over is signed by both its keys, and held to the log like
// every head that somebody holds. A log without such a list has never handed
// over, as far as this audit can tell.
func (a *audit) follow(ctx context.Context, fresh bool) error {
	raw, err := a.src.get(ctx, a.src.log+"/signers", nil, maxRecord, fresh)
	if errors.Is(err, errMissing) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the list of the log's keys: %w", err)
	}
	list, terms, err := ledger.ReadSigners(raw)
	if err != nil {
		return lie(WrongSignature, "the list of the log's keys does not hold: %s", err)
	}
	from := slices.IndexFunc(terms, func(t ledger.Term) bool { return t.Key == a.signers[0].Key })
	if from < 0 {
		if a.State != nil || len(terms) > 1 {
			return lie(WrongSignature, "the key that the log is held to is not among those that it lists")
		}
		return nil // another log's, perhaps: the signature under the head will tell
	}
	if a.forgets(terms[from:]) && !fresh { // it may have been kept on its way
		return a.follow(ctx, true)
	}
	if a.forgets(terms[from:]) && a.term(terms[len(terms)-1].Key).Covers(a.v.head.Size) {
		return nil // of a time before a hand-over, as the head is: whoever has seen a newer head will tell
	}
	a.chain = list
	if err := a.continues(terms[from:]); err != nil {
		return err
	}
	a.signers = a.signers[:0:0]
	for _, t := range terms {
		a.signers = append(a.signers, Signer{t.Key, t.Until})
	}
	a.keys, err = verifiers(a.signers)
	return err
}

// forgets says whether a list is the beginning of the one that was known, as it
// was before the last hand-overs.
func (a *audit) forgets(terms []ledger.Term) bool {
	for i, t := range terms {
		if i >= len(a.signers) || t.Key != a.signers[i].Key || i < len(terms)-1 && t.Until != a.signers[i].Until {
			return false
		}
	}
	return len(terms) < len(a.signers) && terms[len(terms)-1].Until == 0
}

// continues holds the keys that the log lists to those that were known before:
// hand-overs may have come to them, and nothing else.
func (a *audit) continues(terms []ledger.Term) error {
	for i, known := range a.signers {
		if i >= len(terms) || terms[i].Key != known.Key {
			return lie(OldKey, "the key %s is not listed where it was before: a hand-over was exchanged", known.Key)
		}
		if known.Until > 0 && terms[i].Until != known.Until {
			return proved(lie(OldKey, "the key %s was handed over at %s, and now it is said to be good %s", known.Key, entries(known.Until), terms[i]), a.evidence(terms[i])...)
		}
	}
	if a.State == nil {
		return nil
	}
	last := terms[len(a.signers)-1]
	if c, _, err := a.State.open(); err == nil && !last.Covers(c.Size) && a.signedBy(a.State.Checkpoint, last.Key) {
		return proved(lie(OldKey, "the audit before saw a head of %s, signed by a key that is said to be good %s", entries(c.Size), last), a.evidence(last, a.State.Checkpoint)...)
	}
	return nil
}

func (a *audit) signedBy(signed, key string) bool {
	keys, err := verifiers([]Signer{{Key: key}})
	if err != nil {
		return false
	}
	_, _, err = ledger.OpenHead(signed, keys)
	return err == nil
}

// term is for which heads a known key is good.
func (a *audit) term(key string) ledger.Term {
	i := slices.IndexFunc(a.signers, func(s Signer) bool { return s.Key == key })
	if i < 0 {
		return ledger.Term{Key: key}
	}
	t := ledger.Term{Key: key, Until: a.signers[i].Until}
	if i > 0 {
		t.From = a.signers[i-1].Until
	}
	return t
}

func (a *audit) knows(key string) bool {
	return slices.ContainsFunc(a.signers, func(s Signer) bool { return s.Key == key })
}

// evidence puts the heads of the hand-overs of a key to what it signed beyond them.
func (a *audit) evidence(t ledger.Term, signed ...string) []string {
	for _, s := range a.chain {
		if s.Handover != nil && (s.Handover.Record.From == t.Key || s.Key == t.Key) {
			signed = append(signed, s.Handover.Checkpoint)
		}
	}
	return signed
}

// handovers are the heads that hand-overs were signed with, as claims.
func (a *audit) handovers() []claim {
	var out []claim
	for _, s := range a.chain {
		if s.Handover == nil {
			continue
		}
		if head, err := s.Handover.Head(); err == nil { // ReadSigners has verified it
			out = append(out, claim{"the hand-over to " + s.Key, head, s.Handover.Checkpoint})
		}
	}
	return out
}

// sayHandovers tells of the keys, and whoever holds on to an older one.
func (a *audit) sayHandovers() {
	a.v.Keys = len(a.signers)
	if now := a.signers[len(a.signers)-1]; a.Key != "" && a.knows(a.Key) && a.Key != now.Key {
		a.note(fmt.Sprintf("the key that was given was handed over at %s; note the new one, from a place you trust: %s", entries(a.term(a.Key).Until), now.Key))
	}
}

// handover holds the public record of a hand-over to the log's list.
func (a *audit) handover(leaf int64, record []byte) error {
	h, err := ledger.ParseHandover(record)
	if err != nil || h.Size != leaf+1 {
		return lie(ImproperRecord, "the hand-over at leaf %d is none", leaf)
	}
	if len(a.keys) > 0 && !slices.ContainsFunc(a.chain, func(s ledger.Signer) bool { return s.Handover != nil && s.Handover.Record == h }) {
		return lie(WithheldRecord, "the log's key was handed over at leaf %d, and the list of its keys does not say so", leaf)
	}
	a.handed[leaf] = true
	return nil
}

// allListed looks for the hand-overs of the list among the public records, where
// all of these were looked at.
func (a *audit) allListed() error {
	if !a.listed {
		return nil
	}
	from := int64(0)
	if a.State != nil {
		from = a.State.NextRecord
	}
	for _, s := range a.chain {
		if s.Handover == nil {
			continue
		}
		if leaf := s.Handover.Record.Size - 1; leaf >= from && leaf < a.v.head.Size && !a.handed[leaf] {
			return lie(WithheldRecord, "the hand-over at leaf %d is not among the public records", leaf)
		}
	}
	return nil
}
