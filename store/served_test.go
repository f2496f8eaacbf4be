package store

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// opinion is what others say of the log that is served: its tree as
// transparency-dev/merkle makes it from the served entries, and the tiles as
// golang.org/x/mod reads them.
type opinion struct {
	w    *world
	tree *testonly.Tree // which shares no line with x/mod
	read map[tlog.Tile][]byte
}

func (w *world) opinion() *opinion {
	return &opinion{w, testonly.New(rfc6962.DefaultHasher), map[tlog.Tile][]byte{}}
}

// follow reads the entries up to a size.
func (o *opinion) follow(size int64) {
	t := o.w.t
	t.Helper()
	for have := int64(o.tree.Size()); have < size; have = int64(o.tree.Size()) {
		tile, _ := ledger.TileAt(ledger.EntriesLevel, have/ledger.Width, size)
		bundle, err := o.w.db.Tile(t.Context(), tile)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := ledger.ParseEntries(nil, bundle)
		if err != nil || len(entries) != tile.Width {
			t.Fatalf("%s: %d entries, %v", tile.Path(), len(entries), err)
		}
		for _, e := range entries[have%ledger.Width:] {
			o.tree.Append(rfc6962.DefaultHasher.HashLeaf(e[:]))
		}
	}
}

func (o *opinion) Height() int { return 8 }
func (o *opinion) SaveTiles(list []tlog.Tile, data [][]byte) {
	for i, x := range list {
		o.read[x] = data[i]
	}
}
func (o *opinion) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, x := range list {
		var ok bool
		if out[i], ok = o.read[x]; ok {
			continue
		}
		b, err := o.w.db.Tile(o.w.t.Context(), ledger.Tile{Level: x.L, N: x.N, Width: x.W})
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

func hashes(list []tlog.Hash) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}

// head holds the head that is shown to the entries that are served.
func (o *opinion) head() ledger.Checkpoint {
	t := o.w.t
	t.Helper()
	c := o.w.head()
	o.follow(c.Size)
	if d := cmp.Diff(o.tree.HashAt(uint64(c.Size)), c.Root[:]); d != "" {
		t.Fatalf("the head of %d entries is not that of the entries: %s", c.Size, d)
	}
	return c
}

// grew holds a head to an older size: the root that its tiles come to, and the
// proof that it goes on from it.
func (o *opinion) grew(c ledger.Checkpoint, from int64) {
	t := o.w.t
	t.Helper()
	root, err := tlog.TreeHash(from, tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, o))
	if want := o.tree.HashAt(uint64(from)); err != nil || !slices.Equal(root[:], want) {
		t.Fatalf("the tiles of %d entries come to %v of %d, %v", c.Size, root, from, err)
	}
	g, err := o.w.db.Growth(from)
	if err != nil || g.Size != c.Size {
		t.Fatalf("%+v, %v", g, err)
	}
	want, err := o.tree.ConsistencyProof(uint64(from), uint64(c.Size))
	if err != nil || from > 0 && !slices.EqualFunc(want, hashes(g.Proof), slices.Equal[[]byte]) {
		t.Fatalf("%d entries go on from %d by another proof, %v", c.Size, from, err)
	}
}

// has holds a head to one of its entries.
func (o *opinion) has(c ledger.Checkpoint, leaf int64) {
	t := o.w.t
	t.Helper()
	want, err := o.tree.InclusionProof(uint64(leaf), uint64(c.Size))
	if err != nil {
		t.Fatal(err)
	}
	fromTiles, err := tlog.ProveRecord(c.Size, leaf, tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, o))
	if err != nil || !slices.EqualFunc(want, hashes(fromTiles), slices.Equal[[]byte]) {
		t.Fatalf("the tiles of %d entries prove leaf %d otherwise, %v", c.Size, leaf, err)
	}
	inReceipts, err := o.w.db.tree.Load().Inclusion(c.Size, leaf)
	if err != nil || !slices.EqualFunc(want, hashes(inReceipts), slices.Equal[[]byte]) {
		t.Fatalf("receipts of %d entries prove leaf %d otherwise, %v", c.Size, leaf, err)
	}
}

func TestWhatIsServedIsTheTreeOfOthers(t *testing.T) { each(t, testWhatIsServedIsTheTreeOfOthers) }

// Every size to 5,000 is looked at from the last; heads of some, of all in the
// soak, as the log grows by one, by a few, and over a border at once.
func testWhatIsServedIsTheTreeOfOthers(t *testing.T, w *world) {
	o := w.opinion()
	step := func(size int64) int64 {
		if soak || size < 20 || size%256 < 2 || size%256 > 253 {
			return 1
		}
		return 1 + rand.Int64N(120)
	}
	for size := int64(1); size < 5_000; size = min(5_000, size+step(size)) {
		w.grow(size)
		o.head()
	}
	w.grow(5_000)
	c := o.head()
	for size := range c.Size + 1 {
		o.grew(c, size)
	}
	for leaf := int64(0); leaf < c.Size; leaf += int64(count(23, 1)) {
		o.has(c, leaf)
	}
	for _, border := range []int64{65_535, 65_536, 65_537, 66_000} {
		w.grow(border)
		c := o.head()
		for _, size := range []int64{0, 1, 255, 256, 257, 5_000, 65_279, 65_280, 65_535, 65_536} {
			if size <= c.Size {
				o.grew(c, size)
			}
			if size < c.Size {
				o.has(c, size)
			}
		}
	}
}

func TestTheHeadOfNothingIsServed(t *testing.T) {
	t.Parallel()
	for _, on := range databases {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			w := emptyWorldAt(t, databaseOn(t, on))
			c, err := ledger.OpenCheckpoint(w.db.Published(), w.db.LogKey())
			if err != nil || c.Size != 0 || !slices.Equal(c.Root[:], rfc6962.DefaultHasher.EmptyRoot()) {
				t.Errorf("%+v, %v", c, err)
			}
			if g, err := w.db.Growth(0); err != nil || g.Size != 0 || len(g.Proof) != 0 {
				t.Errorf("%+v, %v", g, err)
			}
		})
	}
}
