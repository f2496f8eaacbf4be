package ledger

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// EntriesLevel is the level of the tiles that hold the entries themselves.
const EntriesLevel = -1

// maxLevel and maxTile bound what a path may name: 256^(7+1) leaves are more
// than a size can count.
const (
	maxLevel = 7
	maxTile  = 1 << 54
)

// Tile names Width hashes of a level from N·256 on, or as many entries (C2SP
// tlog-tiles). What it names never changes.
type Tile struct {
	Level int   // EntriesLevel, or 0 for leaf hashes and up
	N     int64 // from 0 on
	Width int   // 1 to 256; below 256 the tile is partial
}

// Path is where the tile is found under the log's prefix: tile/0/x001/x234/067
// or tile/entries/067.p/5.
func (t Tile) Path() string {
	n := fmt.Sprintf("%03d", t.N%1000)
	for rest := t.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/", rest%1000) + n
	}
	level := "entries"
	if t.Level != EntriesLevel {
		level = strconv.Itoa(t.Level)
	}
	path := "tile/" + level + "/" + n
	if t.Width < Width {
		path += ".p/" + strconv.Itoa(t.Width)
	}
	return path
}

// ParseTile reads a path. Only the one spelling that Path writes is read.
func ParseTile(path string) (Tile, error) {
	bad := fmt.Errorf("not the path of a tile")
	rest, ok := strings.CutPrefix(path, "tile/")
	level, rest, found := strings.Cut(rest, "/")
	if !ok || !found {
		return Tile{}, bad
	}
	t := Tile{Level: EntriesLevel, Width: Width}
	var err error
	if level != "entries" {
		if t.Level, err = strconv.Atoi(level); err != nil || t.Level < 0 || t.Level > maxLevel {
			return Tile{}, bad
		}
	}
	if at, w, partial := strings.Cut(rest, ".p/"); partial {
		rest = at
		if t.Width, err = strconv.Atoi(w); err != nil || t.Width < 1 || t.Width >= Width {
			return Tile{}, bad
		}
	}
	digits := strings.NewReplacer("x", "", "/", "").Replace(rest)
	if t.N, err = strconv.ParseInt(digits, 10, 64); err != nil || t.N < 0 || t.N >= maxTile || t.Path() != path {
		return Tile{}, bad
	}
	return t, nil
}

// In reports whether a log of size entries has the tile.
func (t Tile) In(size int64) bool { return t.N*Width+int64(t.Width) <= hashesAt(t.Level, size) }

// hashesAt is how many hashes a level of a tree has.
func hashesAt(level int, size int64) int64 {
	if level <= 0 {
		return size
	}
	return size >> (height * level)
}

// TileAt gives tile n of a level as a log of size entries has it, partial at
// its edge; false where it has none of it.
func TileAt(level int, n, size int64) (Tile, bool) {
	w := min(hashesAt(level, size)-n*Width, Width)
	return Tile{level, n, int(w)}, w > 0
}

// entryWire is an entry in a bundle: its length in two bytes, and itself.
const entryWire = 2 + len(Entry{})

// AppendEntries writes a bundle of entries as tlog-tiles has it.
func AppendEntries(b []byte, entries []Entry) []byte {
	for i := range entries {
		b = binary.BigEndian.AppendUint16(b, uint16(len(entries[i])))
		b = append(b, entries[i][:]...)
	}
	return b
}

// ParseEntries reads a bundle into entries[:0] and gives them. Entries of
// another length than ours are an error.
func ParseEntries(entries []Entry, b []byte) ([]Entry, error) {
	if len(b)%entryWire != 0 {
		return nil, fmt.Errorf("a bundle of %d bytes does not hold whole entries", len(b))
	}
	entries = entries[:0]
	for ; len(b) > 0; b = b[entryWire:] {
		if n := binary.BigEndian.Uint16(b); n != uint16(len(Entry{})) {
			return nil, fmt.Errorf("an entry of %d bytes is none of ours", n)
		}
		entries = append(entries, Entry(b[2:entryWire]))
	}
	return entries, nil
}
