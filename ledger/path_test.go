package ledger

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTilesHaveTheirPaths(t *testing.T) {
	for path, want := range map[string]Tile{
		"tile/0/000":                Tile{0, 0, 256},
		"tile/0/067":                Tile{0, 67, 256},
		"tile/3/x001/x234/067":      Tile{3, 1234067, 256},
		"tile/3/x001/x234/067.p/1":  Tile{3, 1234067, 1},
		"tile/entries/x001/000":     Tile{EntriesLevel, 1000, 256},
		"tile/entries/999.p/255":    Tile{EntriesLevel, 999, 255},
		"tile/7/x018/x014/x398/509": Tile{7, 18_014_398_509, 256},
	} {
		got, err := ParseTile(path)
		if err != nil || got != want || want.Path() != path {
			t.Errorf("%s: %+v, %v; written %s", path, got, err, want.Path())
		}
	}
	for _, path := range []string{"", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/67", "tile/0/1000", "tile/0/x000/067", "tile/00/067", "tile/+1/067", "tile/8/000", "tile/-1/000",
		"tile/data/000", "tile/0/067.p/0", "tile/0/067.p/256", "tile/0/067.p/01", "tile/0/067.p/", "tile/0/067/", "tile/0/x067", "tile/0/001/x234", "tile/0/-01", "tile/0/067.p/1.p/1",
		"tile/8/0/067", "tile/0/x999/x999/x999/x999/x999/x999/999", "/tile/0/067"} {
		if got, err := ParseTile(path); err == nil {
			t.Errorf("%q was read as %+v", path, got)
		}
	}
}

func TestALogHasItsTilesAndNoOthers(t *testing.T) {
	type has struct {
		tile Tile
		in   bool
	}
	const size = 70_000 // the example of the specification
	for _, c := range []has{
		{Tile{0, 272, 256}, true}, {Tile{0, 273, 112}, true}, {Tile{0, 273, 1}, true}, {Tile{0, 273, 113}, false}, {Tile{0, 273, 256}, false},
		{Tile{1, 0, 256}, true}, {Tile{1, 1, 17}, true}, {Tile{1, 1, 18}, false}, {Tile{2, 0, 1}, true}, {Tile{2, 0, 2}, false}, {Tile{3, 0, 1}, false},
		{Tile{EntriesLevel, 273, 112}, true}, {Tile{EntriesLevel, 273, 113}, false}, {Tile{7, maxTile - 1, 256}, false},
	} {
		if got := c.tile.In(size); got != c.in {
			t.Errorf("%+v in a log of %d: %v", c.tile, size, got)
		}
	}
	for _, want := range []Tile{{0, 273, 112}, {1, 1, 17}, {2, 0, 1}, {EntriesLevel, 273, 112}, {0, 3, 256}} {
		if got, ok := TileAt(want.Level, want.N, size); !ok || got != want {
			t.Errorf("%+v, %v", got, ok)
		}
	}
	for _, none := range []Tile{{0, 274, 0}, {2, 1, 0}, {3, 0, 0}} {
		if got, ok := TileAt(none.Level, none.N, size); ok {
			t.Errorf("a log of %d has %+v", size, got)
		}
	}
	if (Tile{0, 0, 1}).In(0) || !(Tile{7, 0, 1}).In(math.MaxInt64) {
		t.Error("the smallest and the largest log have the wrong tiles")
	}
}

func FuzzParseTile(f *testing.F) {
	f.Add("tile/3/x001/x234/067.p/1")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		if tile, err := ParseTile(path); err == nil && tile.Path() != path {
			t.Fatalf("%q is a second spelling of %q", path, tile.Path())
		}
	})
}

func TestBundlesHoldEntries(t *testing.T) {
	entries := []Entry{{1}, {2}, {31: 3}}
	b := AppendEntries(nil, entries)
	if len(b) != 3*34 || b[0] != 0 || b[1] != 32 || b[2] != 1 {
		t.Fatalf("%x", b)
	}
	got, err := ParseEntries(make([]Entry, 9), b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(entries, got); d != "" {
		t.Error(d)
	}
}

func FuzzParseEntries(f *testing.F) {
	f.Add(AppendEntries(nil, []Entry{{1}, {2}}))
	f.Add([]byte{0, 31, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		if entries, err := ParseEntries(nil, b); err == nil && !bytes.Equal(AppendEntries(nil, entries), b) {
			t.Fatal("a bundle has two spellings")
		}
	})
}
