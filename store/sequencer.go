package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// integrating is what the sequencer of a server keeps.
type integrating struct {
	mu    sync.Mutex  // held while the tree changes
	after *signedHead // signed after the last integration, to be written with the next; guarded by mu
}

const (
	integrateEvery  = 100 * time.Millisecond
	integrateAtOnce = 8192 // entries, in one transaction
)

// errMoved says that another server moved the head of the log first.
var errMoved = errors.New("another server moved the head of the log")

// sequence brings what waits into the ledger, several times a second, and
// follows what other servers bring. Servers take turns; none waits for another.
func (e *postgresEngine) sequence(ctx context.Context) {
	tick := time.NewTicker(integrateEvery)
	defer tick.Stop()
	var said string
	for {
		for {
			n, err := e.integrate(ctx, true)
			if err != nil && !errors.Is(err, errMoved) && !postgresTrouble(err) && err.Error() != said {
				said = err.Error() // once, not ten times a second
				slog.Error("the ledger could not take what waits", "error", err)
			}
			if n < integrateAtOnce {
				break
			}
		}
		if e.newest(ctx) == nil {
			e.publish(ctx)
		}
		select {
		case <-e.quit:
			return
		case <-tick.C:
		}
	}
}

// waiting is what is in the queue.
type waiting struct {
	shard, n integers
	entries  []ledger.Entry
	taken    int // of them from the queue: the first
}

// integrate brings what waits into the ledger and gives how much that was. It
// is one transaction, which ends by moving the head from where it was; a head
// is signed and served only once that is durable. A polite one leaves it to
// another server that is at it.
func (e *postgresEngine) integrate(ctx context.Context, polite bool) (n int, err error) {
	return e.bring(ctx, polite, "")
}

// handOver enters a hand-over as the last of what is integrated at once.
func (e *postgresEngine) handOver(ctx context.Context, to string) error {
	release, err := e.db.cfg.Ring.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	for try := range retries {
		if _, err = e.bring(ctx, false, to); err == nil || !again(err) && !errors.Is(err, errMoved) {
			break
		}
		time.Sleep(pause(try))
	}
	if postgresTrouble(err) {
		err = unavailable("writing", err)
	}
	return err
}

// bring is integrate, with a hand-over to a key behind what waits, if one is named.
func (e *postgresEngine) bring(ctx context.Context, polite bool, to string) (n int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	stx, err := e.sql.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer stx.Rollback()
	query := `SELECT size, root FROM ledger_tip WHERE one = 1`
	switch {
	case to != "": // nobody goes to meet it: a hand-over waits for its turn
		query += ` FOR UPDATE`
	case polite:
		query += ` FOR UPDATE SKIP LOCKED`
	}
	var size int64
	var root []byte
	if ok, err := found(stx.QueryRowContext(ctx, query).Scan(&size, &root)); err != nil || !ok {
		return 0, err
	}
	w, err := queued(ctx, stx)
	if err != nil || len(w.entries) == 0 && to == "" {
		return 0, err
	}
	tree, err := e.treeOf(size, root)
	if err != nil {
		return 0, err
	}
	keys, err := e.keysOf(ctx, stx, tree)
	if err != nil {
		return 0, err
	}
	var h *handed
	if to != "" {
		if h, keys, err = e.addHandover(ctx, stx, &w, keys, to, size); err != nil {
			return 0, err
		}
	}
	staged := tree.Stage(w.entries)
	after, err := staged.Root()
	if err != nil {
		return 0, err
	}
	if _, err := keys.at(e.db, staged.Size); err != nil { // what cannot be signed is not committed
		return 0, err
	}
	if err := e.keep(ctx, stx, w, staged); err != nil {
		return 0, err
	}
	moved, err := stx.ExecContext(ctx, `UPDATE ledger_tip SET size = $1, root = $2 WHERE one = 1 AND size = $3 AND root = $4`, staged.Size, after[:], size, root)
	if err != nil {
		return 0, err
	}
	if rows, err := moved.RowsAffected(); err != nil || rows != 1 {
		return 0, errors.Join(errMoved, err)
	}
	if err := stx.Commit(); err != nil {
		return 0, err // newest finds out what became of it
	}
	tree.Accept(staged)
	signed, err := keys.sign(e.db, staged.Size, after)
	if err == nil && h != nil {
		keys, err = keys.proved(tree, *h, signed)
	}
	if err != nil {
		return 0, err
	}
	e.db.tree.Store(tree)
	e.db.keys.Store(keys)
	e.after = &signed
	e.db.head.Store(e.after)
	return len(w.entries), nil
}

// addHandover puts a hand-over behind what waits, and gives the keys after it.
func (e *postgresEngine) addHandover(ctx context.Context, stx *sql.Tx, w *waiting, keys *logKeys, to string, size int64) (*handed, *logKeys, error) {
	id, h, entry, err := e.db.writeHandover(ctx, stx, keys.now(), to, size+int64(len(w.entries)))
	if err != nil {
		return nil, nil, err
	}
	w.shard, w.n, w.entries = append(w.shard, publicShard), append(w.n, id), append(w.entries, entry)
	keys, err = keys.with(e.db, h.Handover)
	return &h, keys, err
}

// keysOf gives the keys of the log in the moment of a transaction: those that
// are known, unless another server has handed over since.
func (e *postgresEngine) keysOf(ctx context.Context, q querier, tree *ledger.Tree) (*logKeys, error) {
	known := e.db.keys.Load()
	var last int64
	if err := q.QueryRowContext(ctx, `SELECT coalesce(max(size), 0) FROM handover`).Scan(&last); err != nil {
		return nil, err
	}
	if known != nil && known.last() == last {
		return known, nil
	}
	if last > tree.Size() { // the log has moved since its tip was read
		return nil, errMoved
	}
	return e.db.readLogKeys(func(query string, args ...any) (*selected, error) {
		return selecting(q.QueryContext(ctx, query, args...))
	}, tree)
}

func queued(ctx context.Context, stx *sql.Tx) (w waiting, err error) {
	rows, err := stx.QueryContext(ctx, `SELECT shard_id, n, entry FROM ledger_queue ORDER BY at, shard_id, n LIMIT $1`, integrateAtOnce)
	if err != nil {
		return w, err
	}
	defer rows.Close()
	for rows.Next() {
		var shard, n int64
		var entry []byte
		if err := rows.Scan(&shard, &n, &entry); err != nil {
			return w, err
		}
		if len(entry) != len(ledger.Entry{}) {
			return w, fmt.Errorf("an entry of the queue has %d bytes", len(entry))
		}
		w.shard, w.n, w.entries = append(w.shard, shard), append(w.n, n), append(w.entries, ledger.Entry(entry))
		w.taken++
	}
	return w, rows.Err()
}

// treeOf gives the tree of a size, which has to have a root. Where this server
// has it not, because another integrated, it is read.
func (e *postgresEngine) treeOf(size int64, root []byte) (*ledger.Tree, error) {
	tree := e.db.tree.Load()
	if tree == nil || tree.Size() != size {
		var err error
		if tree, err = ledger.Load(size, e.db.loadTile); err != nil {
			return nil, err
		}
	}
	has, err := tree.Root(size)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(has[:], root) {
		return nil, fmt.Errorf("the ledger's %d entries %w", size, errRoot)
	}
	return tree, nil
}

// keep writes entries, the hashes above them, and the leaves to whom they belong.
func (e *postgresEngine) keep(ctx context.Context, stx *sql.Tx, w waiting, s *ledger.Staged) error {
	leaves := make(integers, len(w.entries))
	for i := range leaves {
		leaves[i] = s.First + int64(i)
	}
	rows, packed := entryRows(s.First, w.entries)
	var levels, numbers []int64
	var hashes [][]byte
	for i := range s.Nodes {
		levels, numbers, hashes = append(levels, int64(s.Nodes[i].Level)), append(numbers, s.Nodes[i].N), append(hashes, s.Nodes[i].Hash[:])
	}
	note, size := "", int64(-1)
	if e.after != nil {
		note, size = e.after.note, e.after.size
	}
	put, err := stx.ExecContext(ctx, `INSERT INTO ledger_entries AS l (n, entries) SELECT * FROM unnest($1::bigint[], $2::bytea[])
		ON CONFLICT (n) DO UPDATE SET entries = l.entries || excluded.entries WHERE length(l.entries) = $3`, integers(rows), blobs(packed), s.First%perRow*entryLength)
	if err != nil {
		return fmt.Errorf("writing the ledger: %w", lostRace(err))
	}
	if n, err := put.RowsAffected(); err != nil || n != int64(len(rows)) {
		return errors.Join(ungrown(ctx, stx, s.First), err)
	}
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO ledger_node (level, n, hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`, []any{levels, numbers, hashes}},
		{`UPDATE ledger_head SET note = $1 WHERE size = $2`, []any{note, size}},
		{`INSERT INTO ledger_head (size, at) VALUES ($1, $2)`, []any{s.Size, millis(e.db.now())}},
		{`UPDATE event v SET leaf = u.leaf FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (shard_id, n, leaf)
			WHERE v.shard_id = u.shard_id AND v.n = u.n`, []any{w.shard, w.n, leaves}},
		{`UPDATE public_record r SET leaf = u.leaf FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (shard_id, n, leaf)
			WHERE u.shard_id = -1 AND r.id = u.n`, []any{w.shard, w.n, leaves}},
	} {
		if _, err := stx.ExecContext(ctx, q.sql, q.args...); err != nil {
			return fmt.Errorf("writing the ledger: %w", lostRace(err))
		}
	}
	return w.leave(ctx, stx)
}

// ungrown says why the last row of a log that ends before leaf next did not grow:
// another server was faster, or the row is damaged and takes nothing more.
func ungrown(ctx context.Context, stx *sql.Tx, next int64) error {
	var size, length int64
	err := stx.QueryRowContext(ctx, `SELECT size, coalesce((SELECT length(entries) FROM ledger_entries WHERE n = $1), 0) FROM ledger_tip WHERE one = 1`, next/perRow).Scan(&size, &length)
	if err != nil || size != next {
		return errors.Join(errMoved, err)
	}
	if err := growable(next, length); err != nil {
		return err
	}
	return fmt.Errorf("the ledger ends before entry %d, and entries stand behind it", next)
}

// leave takes what was brought into the ledger out of the queue. Where not all
// of it is still there, somebody else has brought it.
func (w waiting) leave(ctx context.Context, stx *sql.Tx) error {
	left, err := stx.ExecContext(ctx, `DELETE FROM ledger_queue q USING unnest($1::bigint[], $2::bigint[]) AS u (shard_id, n)
		WHERE q.shard_id = u.shard_id AND q.n = u.n`, w.shard[:w.taken], w.n[:w.taken])
	if err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	if n, err := left.RowsAffected(); err != nil || n != int64(w.taken) {
		return errors.Join(errMoved, err)
	}
	return nil
}

// lostRace says of two that gave the same leaf that one was faster.
func lostRace(err error) error {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok && p.Code == "23505" {
		return errors.Join(errMoved, err)
	}
	return err
}

// newest follows what other servers integrated and published.
func (e *postgresEngine) newest(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for try := 0; ; try++ {
		size, err := e.look(ctx)
		if err == nil || try == 3 {
			return err
		}
		var now int64 // the log may have been handed over behind that tip: its key is gone, or its keys are of later
		if e.sql.QueryRowContext(ctx, `SELECT size FROM ledger_tip WHERE one = 1`).Scan(&now) != nil || now == size {
			return err
		}
	}
}

// look reads the tip of the log, shows the head that it is, and gives its size.
func (e *postgresEngine) look(ctx context.Context) (size int64, err error) {
	var published, handed int64
	var root []byte
	err = e.sql.QueryRowContext(ctx, `SELECT size, root, (SELECT coalesce(max(seq), 0) FROM publication), (SELECT coalesce(max(size), 0) FROM handover)
		FROM ledger_tip WHERE one = 1`).Scan(&size, &root, &published, &handed)
	if err != nil {
		return 0, unavailable("reading the ledger", err)
	}
	if _, err := e.db.follow(ctx, published); err != nil {
		return size, err
	}
	if h := e.db.head.Load(); h != nil && h.size == size {
		return size, nil
	}
	tree, err := e.treeOf(size, root)
	if err != nil {
		return size, err
	}
	if known := e.db.keys.Load(); known == nil || known.last() != handed {
		keys, err := e.db.readLogKeys(e.db.readRows(ctx), tree)
		if err != nil {
			return size, err
		}
		e.db.keys.Store(keys)
	}
	e.db.tree.Store(tree)
	return size, e.db.sign(new(signedHead), size, tlog.Hash(root))
}

// publish writes the head that every server shows, so that none shows a smaller
// one after another: the newest, or one that witnesses have signed.
func (e *postgresEngine) publish(ctx context.Context) error {
	if err := e.followWitnesses(ctx); err != nil {
		return err
	}
	size, note := e.db.published.choose(e.db.head.Load(), e.db.cfg.Now())
	_, err := e.sql.ExecContext(ctx, `UPDATE ledger_tip SET shown_size = $1, shown = $2
		WHERE one = 1 AND (shown_size < $1 OR shown_size = $1 AND length(shown) < length($2))`, size, note)
	return err
}

// followWitnesses reads what witnesses signed, by whichever server it was asked.
func (e *postgresEngine) followWitnesses(ctx context.Context) error {
	rows, err := e.sql.QueryContext(ctx, `SELECT c.witness, c.size, c.at, c.line, coalesce(h.note, '') FROM cosignature c JOIN ledger_head h ON h.size = c.size`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var g Growth
		var witness, line string
		var at int64
		if err := rows.Scan(&witness, &g.Size, &at, &line, &g.Checkpoint); err != nil {
			return err
		}
		if h := e.db.head.Load(); h.size == g.Size {
			g.Checkpoint = h.shown
		}
		if g.At = fromMillis(at); g.Checkpoint != "" {
			e.db.published.add(g, witness, line)
		}
	}
	return rows.Err()
}

// shown gives the head that every server shows.
func (e *postgresEngine) shown() string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var size int64
	var note string
	if err := e.sql.QueryRowContext(ctx, `SELECT shown_size, shown FROM ledger_tip WHERE one = 1`).Scan(&size, &note); err != nil || note == "" {
		size, note = e.db.published.choose(e.db.head.Load(), e.db.cfg.Now())
	}
	return e.db.published.tell(size, note)
}

// begin makes the head of an empty log, or takes up the one that is there.
func (e *postgresEngine) begin(ctx context.Context) error {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		return err
	}
	if _, err := e.sql.ExecContext(ctx, `INSERT INTO ledger_tip (one, size, root, shown_size, shown) VALUES (1, 0, $1, -1, '') ON CONFLICT DO NOTHING`, root[:]); err != nil {
		return fmt.Errorf("beginning the ledger: %w", err)
	}
	return e.newest(ctx)
}
