package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// column are hashes of one level, from one on.
type column struct {
	first  int64
	hashes []tlog.Hash
}

// columns gather the hashes above full tiles while a tree grows.
type columns struct{ byLevel map[int]*column }

func (c *columns) hear(height int, n int64, h tlog.Hash) {
	if height == 0 || height%8 != 0 {
		return
	}
	level := c.byLevel[height/8]
	if level == nil {
		level = &column{first: n}
		c.byLevel[height/8] = level
	}
	level.hashes = append(level.hashes, h)
}

// upperTiles holds the tiles above the leaves to what was computed: those that
// are full, and at the end those that are not.
func (a *audit) upperTiles(ctx context.Context, up *columns, c *computed, size int64, end bool) error {
	for level, col := range up.byLevel {
		for len(col.hashes) > 0 {
			name, _ := ledger.TileAt(level, col.first/ledger.Width, size)
			have := min(int64(len(col.hashes)), ledger.Width-col.first%ledger.Width)
			if col.first%ledger.Width+have < int64(name.Width) || name.Width < ledger.Width && !end {
				break
			}
			if err := a.upperTile(ctx, name, col.first, col.hashes[:have], c); err != nil {
				return err
			}
			col.first, col.hashes = col.first+have, col.hashes[have:]
		}
	}
	return nil
}

func (a *audit) upperTile(ctx context.Context, name ledger.Tile, first int64, want []tlog.Hash, c *computed) error {
	body, err := a.src.tile(ctx, name, nil)
	if err != nil && !errors.Is(err, errMissing) {
		return err
	}
	for i := range want {
		at := (int(first%ledger.Width) + i) * tlog.HashSize
		if c.tile == nil && (len(body) < at+tlog.HashSize || string(body[at:at+tlog.HashSize]) != string(want[i][:])) {
			c.tile = fmt.Errorf("%s is not that of the entries", name.Path())
		}
	}
	return nil
}
