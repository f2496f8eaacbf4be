package store

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// verified holds a receipt to a key, with or without the list of the log's keys.
func (w *world) verified(r receipt.Receipt, key string, known ...ledger.Signer) receipt.Via {
	w.t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := receipt.Verify(raw, key, known...)
	if err != nil {
		w.t.Fatal(err)
	}
	if v.Outcome != receipt.Valid {
		w.t.Fatalf("the receipt is %s: %s %s", v.Outcome, v.Part, v.Detail)
	}
	return v.Via
}

func (w *world) handOver() ledger.Handover {
	w.t.Helper()
	h, err := w.db.HandOver(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// unwritten counts heads up to a size that only memory has signed.
func (w *world) unwritten(upTo int64) (n int) {
	w.t.Helper()
	if _, err := w.db.reader(w.t.Context())(`SELECT count(*) FROM ledger_head WHERE note IS NULL AND size <= ?`, []any{upTo}, &n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestTheLogsKeyIsHandedOver(t *testing.T) { each(t, testTheLogsKeyIsHandedOver) }

func testTheLogsKeyIsHandedOver(t *testing.T, w *world) {
	first := w.db.LogKey()
	before := w.say(customer, "tailored_offers", consent.Given)
	h := w.handOver()
	if h.From != first || h.To != w.db.LogKey() || h.To == first {
		t.Fatalf("%+v", h)
	}
	if n := w.unwritten(h.Size); n > 0 {
		t.Errorf("%d heads are left that only the old key could sign", n)
	}
	if _, err := w.db.cfg.Ring.LogSignerOf(first); err == nil {
		t.Error("the old key still signs")
	}
	w.settled()
	if c, err := ledger.OpenCheckpoint(w.shown(), first, h.To); err != nil || c.Size != h.Size {
		t.Errorf("the head of the hand-over is not signed by both: %v\n%s", err, w.db.Published())
	}
	w.db.Close()
	w.open() // where the old key is gone, and nothing came after
	w.settled()
	if c, err := ledger.OpenCheckpoint(w.shown(), first, h.To); err != nil || c.Size != h.Size {
		t.Errorf("after opening again it is not: %v", err)
	}
	after := w.say(sara, "offers", consent.Refused)
	w.settled()
	if c, err := ledger.OpenCheckpoint(w.shown(), h.To); err != nil || c.Size <= h.Size {
		t.Errorf("the head after it is not signed by the new one alone: %v", err)
	}
	second := w.handOver()
	last := w.say(customer, "tailored_offers", consent.Withdrawn)

	signers := w.db.Signers()
	terms, err := ledger.Succession(signers)
	if err != nil || len(terms) != 3 || terms[1].From != h.Size || terms[2].From != second.Size {
		t.Fatalf("%+v, %v", terms, err)
	}
	again, _, err := w.db.ReceiptsOf(t.Context(), customer, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]receipt.Receipt{before, last}, again); diff != "" {
		t.Errorf("asked for again, receipts are others: %s", diff)
	}
	for name, c := range map[string]struct {
		r     receipt.Receipt
		key   string
		known []ledger.Signer
		via   receipt.Via
	}{
		"before, by the first key":  {before, first, nil, receipt.ViaItself},
		"before, by the newest key": {before, second.To, signers, receipt.ViaEarlier},
		"between, by its own":       {after, h.To, nil, receipt.ViaItself},
		"between, by the first":     {after, first, nil, receipt.ViaLater},
		"last, by the first":        {last, first, nil, receipt.ViaLater},
		"last, by the newest":       {last, second.To, nil, receipt.ViaItself},
	} {
		if via := w.verified(c.r, c.key, c.known...); via != c.via {
			t.Errorf("%s: %q", name, via)
		}
	}
	w.db.Close()
	w.open()
	if diff := cmp.Diff(signers, w.db.Signers()); diff != "" {
		t.Errorf("after opening again: %s", diff)
	}
	w.check()
	w.verified(w.say(sara, "newsletter", consent.Refused), first)
}

func TestAHandoverCutShortGoesOn(t *testing.T) { each(t, testAHandoverCutShortGoesOn) }

func testAHandoverCutShortGoesOn(t *testing.T, w *world) {
	first := w.db.LogKey()
	w.say(customer, "tailored_offers", consent.Given)

	// The next key was made, and nothing says so yet.
	next, err := w.db.cfg.Ring.BeginLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.db.Close()
	w.open()
	if w.db.LogKey() != first || len(w.db.Signers()) != 1 {
		t.Error("a key signs that nobody handed over to")
	}
	w.verified(w.say(sara, "offers", consent.Refused), first)

	// The log says so, and the old key is still there.
	if err := w.db.engine.handOver(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	size := w.db.keys.Load().last()
	w.verified(w.say(sara, "offers", consent.Refused), next)
	if w.db.cfg.Ring.LogVerifier() != first || w.unwritten(size) == 0 {
		t.Fatal("there is nothing left to finish")
	}
	w.db.Close()
	w.open()
	if w.db.LogKey() != next || w.db.cfg.Ring.LogVerifier() != next || w.unwritten(size) > 0 {
		t.Error("opening did not finish it")
	}
	w.check()
	list, _, err := w.db.ReceiptsOf(t.Context(), customer, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	w.verified(list[0], first)
	w.verified(list[0], next, w.db.Signers()...)

	// Cut between writing and destroying, by the same server: it goes on, and no other is begun.
	third, err := w.db.cfg.Ring.BeginLog(t.Context())
	if err == nil {
		err = w.db.engine.handOver(t.Context(), third)
	}
	if err != nil {
		t.Fatal(err)
	}
	if h := w.handOver(); h.To != third || len(w.db.Signers()) != 3 || w.db.cfg.Ring.NextLog() != "" {
		t.Errorf("%+v", h)
	}
}

func TestKeyringAndDatabaseOfTwoMomentsAreRefused(t *testing.T) {
	w := newWorld(t)
	keys, db := filepath.Join(w.dir, "keys"), w.file()
	w.say(customer, "tailored_offers", consent.Given)
	w.db.Close()
	for _, name := range []string{keys, db} {
		if info, err := os.Stat(name); err != nil {
			t.Fatal(err)
		} else if !info.IsDir() {
			raw, _ := os.ReadFile(name)
			if err := os.WriteFile(name+".old", raw, 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.CopyFS(name+".old", os.DirFS(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(keys+".old", 0o700); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.handOver()
	w.db.Close()
	for name, c := range map[string]struct{ keys, db string }{"an older database": {keys, db + ".old"}, "an older keyring": {keys + ".old", db}} {
		ring, err := keyring.Open(c.keys)
		if err != nil {
			t.Fatal(err)
		}
		config := w.config(ring)
		config.Path = c.db
		if opened, err := Open(t.Context(), config); fault.KindOf(err) != fault.Conflict {
			if err == nil {
				opened.Close()
			}
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestServersHandOverTogether lets one server hand over while both record.
func TestServersHandOverTogether(t *testing.T) {
	for _, on := range databases[1:] {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			a := newWorldOn(t, on)
			b := &world{t: t, dir: a.dir, dsn: a.dsn, now: a.now, made: true}
			b.open()
			t.Cleanup(func() { b.db.Close() })
			first := a.db.LogKey()
			var list []receipt.Receipt
			for n := range 3 {
				for i := range 4 {
					id := subject.ID(fmt.Sprintf("customer:%d-%d", n, i))
					list = append(list, a.say(id, "tailored_offers", consent.Given), b.say(id, "tailored_offers", consent.Withdrawn))
				}
				if n%2 == 0 {
					a.handOver()
				} else {
					b.handOver()
				}
			}
			a.settled()
			b.settled()
			if diff := cmp.Diff(a.db.Signers(), b.db.Signers()); diff != "" || len(a.db.Signers()) != 4 {
				t.Errorf("they list other keys: %s", diff)
			}
			for _, r := range list {
				a.verified(r, first)
				a.verified(r, b.db.LogKey(), b.db.Signers()...)
			}
			a.check()
		})
	}
}
