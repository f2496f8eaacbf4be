package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/ledger"
)

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
		var by note.Verifier
		if _, by, err = ledger.OpenHead(string(raw), a.keys); err == nil {
			if t := a.term(a.signers[slices.Index(a.keys, by)].Key); !t.Covers(c.Size) {
				return proved(lie(OldKey, "the witness %s has a head of %s, signed by a key that is good %s", v.Name(), entries(c.Size), t), a.evidence(t, string(raw))...)
			}
		}
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
