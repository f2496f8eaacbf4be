package receipt

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/ledger/ledgertest"
)

// chained is a log with receipts from before, between and after two hand-overs.
type chained struct {
	*ledgertest.Log
	t     testing.TB
	parts map[int64]Parts
}

const origin = "shop.example/log"

var handedAt = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// chain has receipts at leaves 2, 10 and 20, and hands over at sizes 8 and 16.
func chain(t testing.TB) *chained {
	l := &chained{ledgertest.New(t, origin, "first"), t, map[int64]Parts{}}
	l.To(2)
	l.answer()
	l.To(7)
	l.Handover("second", handedAt)
	l.To(10)
	l.answer()
	l.To(15)
	l.Handover("third", handedAt)
	l.To(20)
	l.answer()
	l.To(25)
	return l
}

func (l *chained) answer() {
	p := partsOf(l.t)
	l.parts[l.Tree.Size()] = p
	l.Add(p.Entry())
}

// receipt is as of a head that is signed by one key, with some signers named.
func (l *chained) receipt(leaf, size int64, by ledgertest.Key, signers ...Signer) []byte {
	l.t.Helper()
	hashes, err := l.Tree.Inclusion(size, leaf)
	if err != nil {
		l.t.Fatal(err)
	}
	r, err := l.parts[leaf].Receipt(ProofOf(leaf, size, hashes), l.Sign(size, by), signers)
	if err != nil {
		l.t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		l.t.Fatal(err)
	}
	return raw
}

func TestReceiptsAreFollowedOverHandovers(t *testing.T) {
	l := chain(t)
	first, second, third := l.Keys[0], l.Keys[1], l.Keys[2]
	thief := ledgertest.KeyOf(t, origin, "thief")
	old := l.receipt(2, 7, first, l.Signers[:1]...)
	middle := l.receipt(10, 12, second, l.Signers[:2]...)
	fresh := l.receipt(20, 25, third, l.Signers...)
	for _, c := range []struct {
		name    string
		data    []byte
		pinned  string
		known   []Signer
		outcome Outcome
		via     Via
		part    Part
	}{
		{name: "old, its own key", data: old, pinned: first.Verifier, outcome: Valid},
		{name: "middle, its own key", data: middle, pinned: second.Verifier, outcome: Valid},
		{name: "fresh, its own key", data: fresh, pinned: third.Verifier, outcome: Valid},
		{name: "nothing pinned", data: fresh, outcome: Unidentified},
		{name: "fresh, the first key", data: fresh, pinned: first.Verifier, outcome: Valid, via: ViaLater},
		{name: "fresh, the second key", data: fresh, pinned: second.Verifier, outcome: Valid, via: ViaLater},
		{name: "old, the newest key, nothing known", data: old, pinned: third.Verifier, outcome: Broken, part: PartSigner},
		{name: "old, the newest key", data: old, pinned: third.Verifier, known: l.Signers, outcome: Valid, via: ViaEarlier},
		{name: "middle, the newest key", data: middle, pinned: third.Verifier, known: l.Signers, outcome: Valid, via: ViaEarlier},
		{name: "middle, the first key, all known", data: middle, pinned: first.Verifier, known: l.Signers, outcome: Valid, via: ViaLater},
		{name: "old with all signers in it", data: l.receipt(2, 7, first, l.Signers...), pinned: third.Verifier, outcome: Valid, via: ViaEarlier},
		{name: "at the size of the hand-over, by the old key", data: l.receipt(2, 8, first, l.Signers[:1]...), pinned: second.Verifier, known: l.Signers, outcome: Valid, via: ViaEarlier},
		{name: "a stranger's key", data: fresh, pinned: thief.Verifier, outcome: Broken, part: PartSigner},
		{name: "a stranger's key, all known", data: old, pinned: thief.Verifier, known: l.Signers, outcome: Broken, part: PartSigner},

		{name: "the old key beyond its hand-over", data: l.receipt(2, 9, first, l.Signers...), pinned: first.Verifier, outcome: Broken, part: PartHandover},
		{name: "the old key beyond it, hidden", data: l.receipt(10, 25, first, l.Signers[:1]...), pinned: first.Verifier, known: l.Signers, outcome: Broken, part: PartHandover},
		{name: "the new key before its hand-over", data: l.receipt(2, 7, second, l.Signers[:2]...), pinned: second.Verifier, outcome: Broken, part: PartHandover},
		{name: "a key that is not named", data: l.receipt(20, 25, thief, l.Signers...), pinned: third.Verifier, outcome: Broken, part: PartCheckpoint},
		{name: "signed by two", data: []byte(strings.Replace(string(old), quoted(l.Sign(7, first)), quoted(l.Sign(7, first, second)), 1)), pinned: first.Verifier, outcome: Broken, part: PartCheckpoint},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := Verify(c.data, c.pinned, c.known...)
			if err != nil {
				t.Fatal(err)
			}
			if v.Outcome != c.outcome || v.Via != c.via || v.Part != c.part {
				t.Errorf("%s %s %s: %s", v.Outcome, v.Via, v.Part, v.Detail)
			}
		})
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return strings.NewReplacer("\\u2014", "—").Replace(string(b))
}

func TestOneKeyHandedOverToTwoIsFoundOut(t *testing.T) {
	l := chain(t)
	forged := &chained{ledgertest.New(t, origin, "first"), t, map[int64]Parts{}}
	forged.To(5)
	forged.Handover("thief", handedAt)
	forged.answer()
	data := forged.receipt(6, 7, forged.Keys[1], forged.Signers...)
	if v := outcome(t, data, l.Keys[0].Verifier); v.Outcome != Valid || v.Via != ViaLater {
		t.Fatalf("who stole the first key can hand it over: %+v", v) // and Explain says so
	}
	v, err := Verify(data, l.Keys[0].Verifier, l.Signers...)
	if err != nil || v.Outcome != Broken || v.Part != PartHandover || !strings.Contains(v.Detail, "two") {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestEveryByteOfAHandoverCounts(t *testing.T) {
	l := chain(t)
	data := l.receipt(20, 25, l.Keys[2], l.Signers...)
	from := bytes.Index(data, []byte(`"signers"`))
	for i := from; i < len(data); i += stride {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if v := outcome(t, changed, l.Keys[0].Verifier); v.Outcome != Broken {
			t.Fatalf("byte %d, %q for %q, is %s:\n…%s…", i, changed[i], data[i], v.Outcome, changed[max(0, i-60):min(len(data), i+60)])
		}
	}
}

func TestContextsAreThoseOfTheSigners(t *testing.T) {
	l := chain(t)
	for name, c := range map[string]struct {
		signers []Signer
		context map[string]any
	}{"the first context with a hand-over": {l.Signers, contextV1()}, "the second without": {l.Signers[:1], contextV2()}} {
		var r Receipt
		if err := json.Unmarshal(l.receipt(2, 7, l.Keys[0], c.signers...), &r); err != nil {
			t.Fatal(err)
		}
		r.Context = c.context
		raw, _ := json.Marshal(r)
		if v := outcome(t, raw, l.Keys[0].Verifier); v.Outcome != Broken || v.Part != PartForm {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestKnownSignersThatDoNotHoldAreRefused(t *testing.T) {
	l := chain(t)
	data := l.receipt(2, 7, l.Keys[0], l.Signers[:1]...)
	l.Signers[1].Handover.Salt[0] ^= 1
	if _, err := Verify(data, l.Keys[2].Verifier, l.Signers...); fault.KindOf(err) != fault.Malformed {
		t.Errorf("%v", err)
	}
}

func TestAPendingReceiptNamesTheKeysToo(t *testing.T) {
	l := chain(t)
	r, err := l.parts[20].Receipt(nil, "", l.Signers)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(r)
	for _, k := range l.Keys {
		if v := outcome(t, raw, k.Verifier); v.Outcome != Pending || v.Signer != l.Keys[2].Verifier {
			t.Errorf("%+v", v)
		}
	}
	if v := outcome(t, raw, ledgertest.KeyOf(t, origin, "thief").Verifier); v.Part != PartSigner {
		t.Errorf("%+v", v)
	}
}

func TestExplanationsOfHandoversAreCandid(t *testing.T) {
	for _, language := range []string{"en", "ar"} {
		w, _ := lang.For(language, lang.Options{})
		said := map[Via]Explanation{}
		for _, via := range []Via{ViaItself, ViaLater, ViaEarlier} {
			said[via] = Verdict{Outcome: Valid, Via: via}.Explain(w)
		}
		if len(said[ViaLater].Unproved) != 2 || len(said[ViaEarlier].Unproved) != 2 || cmp.Equal(said[ViaLater].Proved, said[ViaEarlier].Proved) {
			t.Errorf("%s: %+v", language, said)
		}
	}
}
