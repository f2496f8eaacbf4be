package store

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// grow puts entries into the log as events do, without events.
func (w *world) grow(to int64) {
	w.t.Helper()
	w.settled()
	for n := to - w.db.tree.Load().Size(); n > 0; n = to - w.db.tree.Load().Size() {
		if w.dsn != "" {
			w.enqueue(int(min(n, integrateAtOnce)), 10)
			w.settled()
			continue
		}
		err := w.db.write(w.t.Context(), func(t *tx) error {
			for i := range min(n, 5_000) {
				var e ledger.Entry
				rand.Read(e[:])
				if _, err := t.enter(nobody, i, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.settled()
	}
}

// nobody is the shard of entries that are of nothing.
const nobody = -2

// shown gives the head that everybody is shown, once what happened had time to
// be published.
func (w *world) shown() string {
	w.t.Helper()
	if e, ok := w.db.engine.(*postgresEngine); ok {
		if err := e.publish(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.db.Published()
}

func (w *world) head() ledger.Checkpoint {
	w.t.Helper()
	v, err := note.NewVerifier(w.db.LogKey())
	if err != nil {
		w.t.Fatal(err)
	}
	c, _, err := ledger.OpenHead(w.shown(), []note.Verifier{v})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestBeyondTheHeadThereIsNothing(t *testing.T) { each(t, testBeyondTheHeadThereIsNothing) }

func testBeyondTheHeadThereIsNothing(t *testing.T, w *world) {
	w.grow(300)
	for tile, has := range map[ledger.Tile]bool{
		{Level: 0, N: 0, Width: 256}: true, {Level: 0, N: 0, Width: 7}: true, {Level: 0, N: 1, Width: 44}: true, {Level: 0, N: 1, Width: 1}: true,
		{Level: 0, N: 1, Width: 45}: false, {Level: 0, N: 1, Width: 256}: false, {Level: 0, N: 2, Width: 1}: false,
		{Level: 1, N: 0, Width: 1}: true, {Level: 1, N: 0, Width: 2}: false, {Level: 2, N: 0, Width: 1}: false,
		{Level: ledger.EntriesLevel, N: 1, Width: 44}: true, {Level: ledger.EntriesLevel, N: 1, Width: 45}: false,
	} {
		b, err := w.db.Tile(t.Context(), tile)
		wide := 32
		if tile.Level == ledger.EntriesLevel {
			wide = 34
		}
		if has && (err != nil || len(b) != tile.Width*wide) {
			t.Errorf("%s: %d bytes, %v", tile.Path(), len(b), err)
		}
		if !has && fault.KindOf(err) != fault.Unknown {
			t.Errorf("%s: %d bytes, %v", tile.Path(), len(b), err)
		}
	}
}

func TestOnlyPublicRecordsAreServed(t *testing.T) { each(t, testOnlyPublicRecordsAreServed) }

func testOnlyPublicRecordsAreServed(t *testing.T, w *world) {
	w.say("email:sara@example.com", "newsletter", consent.Given)
	w.publish(strings.Replace(w.source(), "Once a month we write", "Twice a month we write", 1))
	w.settled()
	leaves, err := w.db.PublicLeaves(t.Context(), 0, 10)
	if err != nil || len(leaves) != 2 || leaves[0] != 0 || leaves[1] != 2 {
		t.Fatalf("%v, %v", leaves, err)
	}
	if rest, err := w.db.PublicLeaves(t.Context(), 1, 1); err != nil || len(rest) != 1 || rest[0] != 2 {
		t.Errorf("%v, %v", rest, err)
	}
	for _, leaf := range leaves {
		r, err := w.db.PublicRecord(t.Context(), leaf)
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.db.Tile(t.Context(), ledger.Tile{Level: ledger.EntriesLevel, N: 0, Width: int(leaf) + 1})
		if err != nil {
			t.Fatal(err)
		}
		entries, _ := ledger.ParseEntries(nil, b)
		if entries[leaf] != ledger.EntryOf(ledger.Salt(r.Salt), r.Record) {
			t.Errorf("leaf %d is not its record's", leaf)
		}
		if !json.Valid(r.Record) || !bytes.Contains(r.Record, []byte("Mona Haddad")) {
			t.Errorf("%s", r.Record)
		}
	}
	for _, leaf := range []int64{-1, 1, 3, 1 << 60} {
		if _, err := w.db.PublicRecord(t.Context(), leaf); fault.KindOf(err) != fault.Unknown {
			t.Errorf("leaf %d: %v", leaf, err)
		}
	}
}

func TestAHeadGrowsFromEveryOlderOne(t *testing.T) { each(t, testAHeadGrowsFromEveryOlderOne) }

func testAHeadGrowsFromEveryOlderOne(t *testing.T, w *world) {
	var roots []ledger.Checkpoint
	for size := int64(1); size <= 40; size++ {
		w.grow(size)
		roots = append(roots, w.head())
	}
	for _, old := range roots {
		g, err := w.db.Growth(old.Size)
		if err != nil || g.Size != 40 || g.Checkpoint != w.db.Checkpoint() {
			t.Fatalf("%+v, %v", g, err)
		}
		if old.Size == 40 && len(g.Proof) != 0 {
			t.Error("a proof that a head goes on from itself is not empty")
		} else if err := tlog.CheckTree(g.Proof, 40, roots[39].Root, old.Size, old.Root); old.Size < 40 && err != nil {
			t.Error(err)
		}
	}
	if g, err := w.db.Growth(0); err != nil || len(g.Proof) != 0 {
		t.Errorf("%+v, %v", g, err)
	}
	for _, never := range []int64{41, -1} {
		if _, err := w.db.Growth(never); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%v", err)
		}
	}
}

// cosign signs the newest head as a witness does.
func (w *world) cosign(name string) (Growth, func()) {
	w.t.Helper()
	key, err := ledger.NewCosignerKey(name)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := ledger.NewCosigner(key, time.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	g, err := w.db.Growth(0)
	if err != nil {
		w.t.Fatal(err)
	}
	return g, func() {
		_, text, _ := ledger.ReadHead(g.Checkpoint)
		line, _ := c.Line(text)
		if err := w.db.Cosigned(w.t.Context(), g, c.Verifier(), line); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestTheHeadThatIsShownNeverShrinks(t *testing.T) { each(t, testTheHeadThatIsShownNeverShrinks) }

func testTheHeadThatIsShownNeverShrinks(t *testing.T, w *world) {
	shows := func(size int64, witnesses int) {
		t.Helper()
		if got, n := w.head().Size, strings.Count(w.shown(), "— w"); got != size || n != witnesses {
			t.Fatalf("shown is a head of %d with %d witnesses, not of %d with %d", got, n, size, witnesses)
		}
	}
	w.grow(10)
	_, first := w.cosign("w1")
	_, second := w.cosign("w2")
	first()
	second()
	shows(10, 2)
	w.grow(20) // a busy log: what witnesses signed is shown for a moment longer
	shows(10, 2)
	_, late := w.cosign("w3")
	w.pass(cosignedFor + time.Second)
	shows(20, 0)
	late()
	shows(20, 1)
	w.grow(30)
	_, late = w.cosign("w4")
	w.pass(cosignedFor + time.Second)
	w.grow(40)
	shows(40, 0)
	w.pass(-cosignedFor) // the clock may go back; the head may not
	late()
	shows(40, 0)

	_, last := w.cosign("w5")
	last()
	shows(40, 1)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	shows(40, 1)
	w.grow(50)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.pass(cosignedFor + time.Second)
	w.open()
	shows(50, 0)
	if size, err := w.db.CosignedSize(t.Context(), "nobody"); err != nil || size != 0 {
		t.Errorf("%d, %v", size, err)
	}
}
