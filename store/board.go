package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/amana-privacy/amana/ledger"
)

// Published gives the head to show to everybody: the newest, or one of a moment
// ago that witnesses have signed by now, with their signature lines. One is
// never followed by a smaller one.
func (db *DB) Published() string { return db.engine.shown() }

// cosignedFor is how long a head that witnesses have signed is shown in place
// of a newer one that they have not. On a busy log the newest head is always
// ahead of its witnesses; without this nobody would ever see their signatures.
const cosignedFor = 5 * time.Second

// board chooses the head that is published. It is safe for concurrent use.
type board struct {
	mu     sync.Mutex
	shown  int64 // largest size that was shown; guarded by mu, as all below
	size   int64 // of the newest head that a witness has signed
	note   string
	at     time.Time
	byWhom map[string]string // witness → its line

	told     int64 // size of the largest head that was given out, where the database chooses it
	toldNote string
}

// tell gives the head to give out, which the database chose: one that is not
// smaller than what was given out before, though the database may not answer.
func (p *board) tell(size int64, note string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size >= p.told {
		p.told, p.toldNote = size, note
	}
	return p.toldNote
}

func (p *board) add(g Growth, witness, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case g.Size > p.size || p.byWhom == nil:
		p.size, p.note, p.at, p.byWhom = g.Size, g.Checkpoint, g.At, map[string]string{witness: line}
	case g.Size == p.size:
		p.byWhom[witness] = line
	}
}

// choose gives the head to show, and its size.
func (p *board) choose(newest *signedHead, now time.Time) (int64, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	recent := p.size >= p.shown && now.Sub(p.at) <= cosignedFor
	if p.byWhom == nil || p.size != newest.size && !recent {
		p.shown = max(p.shown, newest.size)
		return newest.size, newest.shown
	}
	p.shown = max(p.shown, p.size)
	var lines []string
	for _, w := range slices.Sorted(maps.Keys(p.byWhom)) {
		lines = append(lines, p.byWhom[w])
	}
	return p.size, ledger.AddLines(p.note, lines)
}

// loadCosignatures reads what witnesses signed before. Of an older head it
// shows nothing: a larger one may have been shown before the store was closed.
func (db *DB) loadCosignatures(ctx context.Context) error {
	h := db.head.Load()
	db.published.shown = h.size
	rows, err := db.readRows(ctx)(`SELECT witness, at, line FROM cosignature WHERE size = ?`, h.size)
	if err != nil {
		return fmt.Errorf("reading co-signatures: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var witness, line string
		var at int64
		if err := rows.Scan(&witness, &at, &line); err != nil {
			return fmt.Errorf("reading co-signatures: %w", err)
		}
		db.published.add(Growth{Size: h.size, Checkpoint: h.shown, At: fromMillis(at)}, witness, line)
	}
	return rows.Err()
}
