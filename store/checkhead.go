package store

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// headsAtOnce is how many heads of the log are read at once.
const headsAtOnce = 2048

// keptHead is a head of the log as it was kept: the root of so many entries.
type keptHead struct {
	size int64
	note string   // "" = it needs no opening any more
	keys []string // that signed it, all of them
	root tlog.Hash
	tip  bool // nobody signed it: it is PostgreSQL's
}

// keptHeads are the heads that were kept, in the order of their sizes: every one in the
// database whose note is written, those that both keys signed when the log was handed
// over, the tip of PostgreSQL, the one that was kept outside of the database, and the
// last that this process signed.
type keptHeads struct {
	c     *check
	terms []ledger.Term
	size  int64      // of the log
	after int64      // up to there they were read
	list  []keptHead // opened, and not asked for yet
	more  []keptHead // not opened yet, from elsewhere than table ledger_head
}

// heads begins to read them.
func (c *check) heads(size int64) (*keptHeads, error) {
	handed, err := readHandovers(c.rows)
	if err != nil {
		return nil, err
	}
	h := &keptHeads{c: c, size: size}
	if h.terms, err = termsOf(c.db.firstKey(handed), handed); err != nil {
		return nil, err
	}
	for _, one := range handed {
		if one.note != "" {
			h.more = append(h.more, keptHead{size: one.Size, note: one.note, keys: []string{one.From, one.To}})
		}
	}
	if p, err := publishedHead(c.db.cfg.Published, c.db.cfg.Ring.LogVerifiers()); err == nil {
		h.more = append(h.more, keptHead{size: p.Size, root: p.Root})
	}
	if last := c.db.head.Load(); last != nil && last.size <= size { // of PostgreSQL it may be newer than the moment that is looked at
		h.more = append(h.more, keptHead{size: last.size, note: last.note, keys: ledger.SignersAt(h.terms, last.size)[:1]})
	}
	return h, h.tip()
}

// tip adds the head that PostgreSQL has, which is moved by comparing.
func (h *keptHeads) tip() error {
	if h.c.db.d != postgresDialect {
		return nil
	}
	var size int64
	var root []byte
	if _, err := h.c.row(`SELECT size, root FROM ledger_tip WHERE one = 1`, nil, &size, &root); err != nil {
		return err
	}
	if size != h.size || len(root) != len(tlog.Hash{}) {
		return fmt.Errorf("the tip of the ledger is of %d entries, but there are %d", size, h.size)
	}
	h.more = append(h.more, keptHead{size: size, root: tlog.Hash(root), tip: true})
	return nil
}

// at gives the heads of so many entries. Sizes are asked for in their order, each of
// them; one that is not as it was signed is an error.
func (h *keptHeads) at(size int64) (list []keptHead, err error) {
	if size > h.after {
		if err := h.read(); err != nil {
			return nil, err
		}
	}
	for len(h.list) > 0 && h.list[0].size <= size {
		list, h.list = append(list, h.list[0]), h.list[1:]
	}
	return list, nil
}

// read reads the next of them and opens them.
func (h *keptHeads) read() error {
	from, full := h.after, 0
	err := h.c.each(`SELECT size, note FROM ledger_head WHERE size > ? ORDER BY size LIMIT ?`, []any{from, headsAtOnce}, func(scan func(...any) error) error {
		var note sql.NullString
		full++
		if err := scan(&h.after, &note); err != nil || !note.Valid {
			return err
		}
		h.list = append(h.list, keptHead{size: h.after, note: note.String, keys: ledger.SignersAt(h.terms, h.after)[:1]})
		return nil
	})
	if err != nil {
		return err
	}
	if full < headsAtOnce {
		h.after = h.size
	}
	for _, one := range h.more {
		if from < one.size && one.size <= h.after {
			h.list = append(h.list, one)
		}
	}
	slices.SortStableFunc(h.list, func(a, b keptHead) int { return cmp.Compare(a.size, b.size) })
	return h.open()
}

// open verifies what was read, on all processors.
func (h *keptHeads) open() error {
	errs := make([]error, len(h.list))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(h.list)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(h.list)); i = next.Add(1) - 1 {
				errs[i] = h.list[i].open(h.c.db.origin)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *keptHead) open(origin string) error {
	if k.note == "" {
		return nil
	}
	c, err := ledger.OpenCheckpoint(k.note, k.keys...)
	if err == nil && (c.Origin != origin || c.Size != k.size) {
		err = errors.New("it is another head")
	}
	if err != nil {
		return fmt.Errorf("the head of %d entries is not as the log's key signed it: %w", k.size, err)
	}
	k.root = c.Root
	return nil
}
