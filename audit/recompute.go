package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// workers fetch and hash bundles at the same time; ahead of the one that is
// taken up next there are at most twice as many.
const workers = 6

// piece is a bundle of entries with what was computed of it.
type piece struct {
	name   ledger.Tile
	body   []byte
	tile   []byte
	buf    []ledger.Entry
	hashes []tlog.Hash // of leaves; of a full tile they are overwritten
	root   tlog.Hash   // of a full tile
	differ int         // first leaf in it that is not the tile's; -1
	err    error
	ready  chan bool
}

// computed is a tree as its entries make it.
type computed struct {
	edge   *ledger.Edge
	at     tlog.Hash // root at the size that was asked for
	differ int64     // first leaf whose entry is not that of its tile; -1
	tile   error     // first tile that is not that of the entries
}

// recompute computes the tree from an edge on, up to size, from entries alone,
// and holds every tile to it. It notes the root at a size on the way.
func (a *audit) recompute(ctx context.Context, edge *ledger.Edge, size, note int64) (computed, error) {
	ctx, stop := context.WithCancel(ctx)
	var started sync.WaitGroup
	defer started.Wait()
	defer stop()
	c := computed{edge: edge, differ: -1}
	upper := &columns{byLevel: map[int]*column{}}
	edge.Full = upper.hear
	first := edge.Size()
	if note == first {
		c.at = edge.Root()
	}
	pieces, pool := a.fetchAhead(ctx, &started, first/ledger.Width, size)
	for p := range pieces {
		<-p.ready
		if p.err != nil {
			return c, p.err
		}
		if at := p.name.N*ledger.Width + int64(p.differ); p.differ >= 0 && at >= first && c.differ < 0 {
			c.differ, c.tile = at, fmt.Errorf("entry %d is not that of %s", at, ledger.Tile{Level: 0, N: p.name.N, Width: p.name.Width}.Path())
		}
		c.take(p, note)
		if err := a.upperTiles(ctx, upper, &c, size, false); err != nil {
			return c, err
		}
		if a.Progress != nil {
			a.Progress(edge.Size(), size)
		}
		pool.Put(p)
	}
	if err := ctx.Err(); err != nil {
		return c, err
	}
	return c, a.upperTiles(ctx, upper, &c, size, true)
}

// take adds a piece to the tree: a full tile at once where the tree ends at one.
func (c *computed) take(p *piece, note int64) {
	start := p.name.N * ledger.Width
	inside := note > start && note < start+int64(p.name.Width)
	if p.name.Width == ledger.Width && c.edge.Size() == start && !inside {
		c.edge.Push(8, p.root)
	} else {
		p.hashes = ledger.LeafHashes(p.hashes[:0], p.buf) // the root overwrote them
		for _, h := range p.hashes[c.edge.Size()-start:] {
			c.edge.Push(0, h)
			if c.edge.Size() == note {
				c.at = c.edge.Root()
			}
		}
	}
	if c.edge.Size() == note {
		c.at = c.edge.Root()
	}
}

// fetchAhead gives bundles from n on in their order, each to be waited for by
// its ready. The pool takes back what was used. Cancelling ctx ends it.
func (a *audit) fetchAhead(ctx context.Context, started *sync.WaitGroup, n, size int64) (<-chan *piece, *sync.Pool) {
	pool := &sync.Pool{New: func() any {
		return &piece{body: make([]byte, 0, 34*ledger.Width+1), tile: make([]byte, 0, 32*ledger.Width+1),
			buf: make([]ledger.Entry, 0, ledger.Width), hashes: make([]tlog.Hash, 0, ledger.Width)}
	}}
	out, jobs := make(chan *piece, workers), make(chan *piece)
	for range workers {
		started.Go(func() {
			for p := range jobs {
				p.err = a.fetchPiece(ctx, p)
				close(p.ready)
			}
		})
	}
	started.Go(func() {
		defer close(out)
		defer close(jobs)
		for ; n*ledger.Width < size; n++ {
			p := pool.Get().(*piece)
			p.name, _ = ledger.TileAt(ledger.EntriesLevel, n, size)
			p.ready = make(chan bool)
			select {
			case jobs <- p:
			case <-ctx.Done():
				return
			}
			select {
			case out <- p:
			case <-ctx.Done():
				return
			}
		}
	})
	return out, pool
}

// fetchPiece fetches a bundle with its tile, and hashes it.
func (a *audit) fetchPiece(ctx context.Context, p *piece) error {
	first := p.name.N * ledger.Width
	body, err := a.src.tile(ctx, p.name, p.body)
	if errors.Is(err, errMissing) {
		return lie(DroppedTail, "the signed head counts %s; from entry %d on they are not served", entries(a.v.head.Size), first)
	}
	if err != nil {
		return err
	}
	p.body = body
	if whole := len(body) / 34; whole < p.name.Width {
		return lie(DroppedTail, "the signed head counts %s; from entry %d on they are not served", entries(a.v.head.Size), first+int64(whole))
	}
	if p.buf, err = ledger.ParseEntries(p.buf, body); err != nil || len(p.buf) != p.name.Width {
		return lie(ChangedEntry, "the entries from %d on are not entries of such a log", first)
	}
	p.hashes = ledger.LeafHashes(p.hashes[:0], p.buf)
	if p.differ, err = a.sameTile(ctx, p); err != nil {
		return err
	}
	if p.name.Width == ledger.Width {
		p.root = ledger.FullRoot(p.hashes)
	}
	return nil
}

// sameTile compares the leaves of a piece with the tile that is served of them.
func (a *audit) sameTile(ctx context.Context, p *piece) (int, error) {
	tile, err := a.src.tile(ctx, ledger.Tile{Level: 0, N: p.name.N, Width: p.name.Width}, p.tile)
	if errors.Is(err, errMissing) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	p.tile = tile
	for i := range p.hashes {
		if len(tile) < (i+1)*tlog.HashSize || string(tile[i*tlog.HashSize:(i+1)*tlog.HashSize]) != string(p.hashes[i][:]) {
			return i, nil
		}
	}
	return -1, nil
}
