package ledger_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/ledger/ledgertest"
)

var freeze = flag.Bool("freeze", false, "write the hand-overs anew (only before the first release that has them)")

var day = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// handed is a log whose key was handed over at 8 and at 301.
func handed(t testing.TB) *ledgertest.Log {
	l := ledgertest.New(t, "shop.example/log", "first").To(7)
	l.Handover("second", day)
	l.To(300)
	l.Handover("third", day.AddDate(1, 0, 0))
	return l.To(400)
}

func TestKeysHaveTheirTerms(t *testing.T) {
	l := handed(t)
	terms, err := ledger.Succession(l.Signers)
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := l.Keys[0].Verifier, l.Keys[1].Verifier, l.Keys[2].Verifier
	if diff := cmp.Diff([]ledger.Term{{a, 0, 8}, {b, 8, 301}, {c, 301, 0}}, terms); diff != "" {
		t.Error(diff)
	}
	for size, want := range map[int64][]string{0: {a}, 7: {a}, 8: {a, b}, 9: {b}, 300: {b}, 301: {b, c}, 302: {c}, 1 << 40: {c}} {
		if diff := cmp.Diff(want, ledger.SignersAt(terms, size)); diff != "" {
			t.Errorf("%d: %s", size, diff)
		}
	}
	raw, err := json.Marshal(l.Signers)
	if err != nil {
		t.Fatal(err)
	}
	if list, again, err := ledger.ReadSigners(raw); err != nil || cmp.Diff(l.Signers, list) != "" || cmp.Diff(terms, again) != "" {
		t.Errorf("it does not come back from JSON: %v", err)
	}
}

// TestTheHeadOfAHandoverHoldsElsewhere opens it with golang.org/x/mod alone, as
// a witness does that knows one of the keys.
func TestTheHeadOfAHandoverHoldsElsewhere(t *testing.T) {
	l := handed(t)
	for _, k := range l.Keys[:2] {
		v, err := note.NewVerifier(k.Verifier)
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open([]byte(l.Signers[1].Handover.Checkpoint), note.VerifierList(v))
		if err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 1 {
			t.Errorf("%v, %+v", err, n)
		}
	}
}

func TestWhatIsNoHandoverIsRefused(t *testing.T) {
	thief := ledgertest.KeyOf(t, "shop.example/log", "thief")
	for name, spoil := range map[string]func(l *ledgertest.Log, s []ledger.Signer) []ledger.Signer{
		"no keys":                 func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { return nil },
		"the first is missing":    func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { return s[1:] },
		"one between is missing":  func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { return append(s[:1], s[2]) },
		"one stands twice":        func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { return append(s[:2], s[1:]...) },
		"another order":           func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { return []ledger.Signer{s[0], s[2], s[1]} },
		"a key without hand-over": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { s[1].Handover = nil; return s },
		"another key":             func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { s[1].Key = thief.Verifier; return s },
		"another first key":       func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { s[0].Key = thief.Verifier; return s },
		"no key at all":           func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { return []ledger.Signer{{Key: "key"}} },
		"another salt":            func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { s[1].Handover.Salt[3] ^= 1; return s },
		"a longer salt": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Salt = make([]byte, 17)
			return s
		},
		"another time": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Record.Time = "2026-11-21T09:00:00.001Z"
			return s
		},
		"no time": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Record.Time = "today"
			return s
		},
		"another type": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Record.Type = "policy"
			return s
		},
		"another size": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { s[1].Handover.Record.Size = 9; return s },
		"another hash": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Proof.Hashes[0][3] ^= 1
			return s
		},
		"another place": func(_ *ledgertest.Log, s []ledger.Signer) []ledger.Signer { s[1].Handover.Proof.Index = 6; return s },
		"signed by the old alone": func(l *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Checkpoint = l.Sign(8, l.Keys[0])
			return s
		},
		"signed by the new alone": func(l *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Checkpoint = l.Sign(8, l.Keys[1])
			return s
		},
		"signed in another order": func(l *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Checkpoint = l.Sign(8, l.Keys[1], l.Keys[0])
			return s
		},
		"signed by three": func(l *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Checkpoint = l.Sign(8, l.Keys[0], l.Keys[1], l.Keys[2])
			return s
		},
		"the head of a larger tree": func(l *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			s[1].Handover.Checkpoint = l.Sign(9, l.Keys[0], l.Keys[1])
			return s
		},
		"a thief's hand-over": func(l *ledgertest.Log, s []ledger.Signer) []ledger.Signer {
			f := ledgertest.New(t, "shop.example/log", "thief").To(9)
			f.Handover("second", day)
			return append(s[:1], f.Signers[1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := handed(t)
			if list := spoil(l, l.Signers); list != nil || name == "no keys" {
				if _, err := ledger.Succession(list); err == nil {
					t.Error("it was taken")
				}
			}
		})
	}
}

func TestAHandoverIsWrittenStrictly(t *testing.T) {
	a, b := ledgertest.KeyOf(t, "shop.example/log", "a").Verifier, ledgertest.KeyOf(t, "shop.example/log", "b").Verifier
	other := ledgertest.KeyOf(t, "other.example/log", "c").Verifier
	for name, c := range map[string]struct {
		from, to string
		leaf     int64
		ok       bool
	}{
		"of one log":      {a, b, 0, true},
		"to itself":       {a, a, 0, false},
		"to another log":  {a, other, 0, false},
		"to nobody":       {a, "", 0, false},
		"before the log":  {a, b, -1, false},
		"beyond all size": {a, b, 1 << 53, false},
	} {
		h, err := ledger.NewHandover(c.from, c.to, c.leaf, day)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if !c.ok {
			continue
		}
		record, err := h.Record()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ledger.ParseHandover(record); err != nil || got != h {
			t.Errorf("%s: %v", name, err)
		}
		for _, bad := range []string{" " + string(record), strings.Replace(string(record), `"size":1`, `"size":1.0`, 1), strings.Replace(string(record), `{`, `{"a":1,`, 1), string(record) + "{}", "null"} {
			if _, err := ledger.ParseHandover([]byte(bad)); err == nil {
				t.Errorf("read: %s", bad)
			}
		}
	}
}

// TestFrozenHandoversVerifyForEver holds every later version to the first one's
// bytes: record, salt, proof and signatures.
func TestFrozenHandoversVerifyForEver(t *testing.T) {
	const file = "testdata/signers-v1.json"
	raw, err := json.MarshalIndent(handed(t).Signers, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *freeze {
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	frozen, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.ReadSigners(frozen); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(string(raw)+"\n", string(frozen)); diff != "" {
		t.Errorf("the same log is handed over in other bytes: %s", diff)
	}
}

func FuzzParseHandover(f *testing.F) {
	a, b := ledgertest.KeyOf(f, "shop.example/log", "a").Verifier, ledgertest.KeyOf(f, "shop.example/log", "b").Verifier
	h, err := ledger.NewHandover(a, b, 7, day)
	if err != nil {
		f.Fatal(err)
	}
	record, _ := h.Record()
	f.Add(record)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h, err := ledger.ParseHandover(raw); err == nil {
			if again, err := h.Record(); err != nil || string(again) != string(raw) {
				t.Fatal("a hand-over has two spellings")
			}
		}
	})
}

func FuzzReadSigners(f *testing.F) {
	raw, err := json.Marshal(handed(f).Signers)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`[{"key":"a+00000000+AQ=="}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, terms, err := ledger.ReadSigners(raw)
		if err == nil && len(list) != len(terms) {
			t.Fatal("a key without a term")
		}
	})
}
