package store

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/amana-privacy/amana/ledger"
)

// target is an empty database that is being filled. Until finish has returned it
// is one that cannot be opened.
type target interface {
	// tables gives the tables it has.
	tables(ctx context.Context) ([]catalogueTable, error)

	// put adds a row, whose values it may keep.
	put(ctx context.Context, f tableForm, values []any) error

	// exec runs a statement, behind everything that was put.
	exec(ctx context.Context, query string, args ...any) error

	// migrate brings the schema to the newest.
	migrate(ctx context.Context) error

	// finish makes what is in it, and a log of that tree, complete and durable.
	// before is called just before that, when all else is done.
	finish(ctx context.Context, tree *ledger.Tree, before func() error) error

	// close gives up what is not complete.
	close() error
}

// writing is a plan as it is carried out.
type writing struct {
	*plan
	ctx    context.Context
	to     target
	forms  map[string]tableForm // of the database
	tree   *ledger.Tree
	staged []ledger.Entry // on their way into the tree
	record int64          // the largest id of a public record
	last   map[int64]int64
	done   int64
	stops  Stops // of the backup

	sameIndex bool // identifiers are found by the key they were found by
}

// write carries the plan out.
func (p *plan) write(ctx context.Context) (err error) {
	w := &writing{plan: p, ctx: ctx, forms: map[string]tableForm{}, last: map[int64]int64{}, sameIndex: p.header.Index != "" && p.header.Index == indexName(p.Ring)}
	if w.tree, err = ledger.Load(0, nothingKept); err != nil {
		return err
	}
	if w.to, err = p.openTarget(ctx, p.header.Schema); err != nil {
		return err
	}
	defer func() {
		if cerr := w.to.close(); err == nil {
			err = cerr
		}
	}()
	for _, step := range []func() error{w.readForms, w.beginning, w.rows, w.waiting, w.migrate, w.readForms, w.stones, w.ledger, w.installation} {
		if err := step(); err != nil {
			return err
		}
	}
	return w.to.finish(ctx, w.tree, func() error {
		if p.Lasting != nil {
			p.Lasting()
		}
		if p.NewOrigin == "" {
			return nil
		}
		return p.Ring.BeginOrigin(ctx, p.NewOrigin)
	})
}

func (w *writing) readForms() error {
	tables, err := w.to.tables(w.ctx)
	for _, t := range tables {
		w.forms[t.Name] = t.tableForm
	}
	return err
}

func (w *writing) migrate() error { return w.to.migrate(w.ctx) }

// beginning enters the first record of a new log.
func (w *writing) beginning() error {
	if w.begin == nil {
		return nil
	}
	return w.enter(ledger.EntryOf(w.begin.salt, w.begin.record))
}

// rows writes the backup's rows. It was verified when the plan was made; should it
// be another by now, the hashes of its manifest tell.
func (w *writing) rows() error {
	f, err := w.Backup()
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := newBackupReader(f)
	if err != nil {
		return err
	}
	for {
		form, values, err := b.next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.row(form, values)
		}
		if err != nil {
			return err
		}
	}
	if b.manifest.Head != w.manifest.Head || b.manifest.Subjects != w.manifest.Subjects {
		return damaged("it was changed while it was read")
	}
	return nil
}

func (w *writing) row(form tableForm, values []any) error {
	_, entries, err := entriesIn(form, values)
	if err != nil {
		return err
	}
	for _, e := range entries {
		w.tell()
		if err := w.enter(e); err != nil {
			return err
		}
	}
	if len(entries) > 0 {
		return nil
	}
	keep, err := w.change(form, values)
	if err != nil || !keep {
		return err
	}
	to, ok := w.forms[form.Name]
	if !ok || len(to.Columns) != len(form.Columns) {
		return damaged("table %s is not one of schema %d", form.Name, w.header.Schema)
	}
	for i := range to.Columns {
		if to.Columns[i] != form.Columns[i] {
			return damaged("table %s is not one of schema %d", form.Name, w.header.Schema)
		}
	}
	if form.Name == "event" {
		w.tell()
	}
	return w.to.put(w.ctx, form, slices.Clone(values))
}

func (w *writing) tell() {
	if w.done++; w.Progress != nil && w.done%tellEvery == 0 {
		of := 2 * w.manifest.Entries
		w.Progress(min(w.done, of), of)
	}
}

// underWay is how long an erasure may take from the time it bears to its commit: one
// that was under way when the backup was made is not in it.
const underWay = time.Minute

// erasedKind is the kind of the event that somebody was erased.
const erasedKind = "subject.erased"

// stones writes that those who are left out were erased, for replicas, and who
// must not be brought back.
func (w *writing) stones() error {
	now := millis(w.now())
	form := w.forms["event"]
	for id := range w.gone {
		shard := int64(id.Shard())
		w.last[shard]++
		values := make([]any, len(form.Columns))
		for name, v := range map[string]any{shardColumn: shard, "n": w.last[shard], "subject_id": id[:], "prev": int64(0), "seq": int64(0), "kind": erasedKind, "purpose": "", "at": now} {
			values[form.index(name)] = v
		}
		if err := w.to.put(w.ctx, form, values); err != nil {
			return err
		}
		if err := w.to.exec(w.ctx, shredLater, int64(id.Bucket()), now, w.last[shard]); err != nil {
			return err
		}
	}
	stones := w.tags
	if w.Tombstones != nil {
		for _, s := range w.Tombstones.suppressed {
			if s.at >= millis(w.header.Made.Add(-underWay)) { // whoever came back before the backup is welcome
				stones = append(stones, s)
			}
		}
	}
	for _, s := range stones {
		if err := w.to.exec(w.ctx, `INSERT INTO suppression (shard_id, tag, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, s.shard, s.tag, s.at); err != nil {
			return err
		}
	}
	return nil
}

// waiting enters what the ledger had yet to take.
func (w *writing) waiting() error {
	for _, q := range w.queue {
		if err := w.enter(q.entry); err != nil {
			return err
		}
	}
	return w.grow()
}

// enter puts an entry on its way into the ledger.
func (w *writing) enter(e ledger.Entry) error {
	if w.staged = append(w.staged, e); len(w.staged) == atOnce {
		return w.grow()
	}
	return nil
}

// grow writes what was entered, and the hashes above it. But for the last time it
// ends where a row does.
func (w *writing) grow() error {
	s := w.tree.Stage(w.staged)
	if err := w.entries(s.First); err != nil {
		return err
	}
	for _, n := range s.Nodes {
		if err := w.to.put(w.ctx, w.forms["ledger_node"], []any{n.Hash[:], int64(n.Level), n.N}); err != nil {
			return err
		}
	}
	w.tree.Accept(s)
	w.staged = w.staged[:0]
	return nil
}

// entries writes what was entered, in the form that the schema of the backup has.
func (w *writing) entries(first int64) error {
	if form, old := w.forms["ledger_entry"]; old {
		for i, e := range w.staged {
			if err := w.to.put(w.ctx, form, []any{slices.Clone(e[:]), first + int64(i)}); err != nil {
				return err
			}
		}
		return nil
	}
	n, packed := entryRows(first, w.staged)
	for i := range n {
		if err := w.to.put(w.ctx, w.forms["ledger_entries"], []any{packed[i], n[i]}); err != nil {
			return err
		}
	}
	return nil
}

// ledger writes the head of the log, and the first record of a new one.
func (w *writing) ledger() error {
	size, now := w.tree.Size(), millis(w.now())
	if size > 0 {
		if err := w.to.exec(w.ctx, `INSERT INTO ledger_head (size, at) VALUES (?, ?) ON CONFLICT DO NOTHING`, size, now); err != nil {
			return err
		}
	}
	if w.begin == nil {
		return nil
	}
	return w.to.exec(w.ctx, `INSERT INTO public_record (id, leaf, salt, record) VALUES (?, ?, ?, ?)`, w.record+1, 0, w.begin.salt[:], w.begin.record)
}

// installation names what the database belongs to.
func (w *writing) installation() error {
	names := map[string]string{"origin": w.header.Origin}
	if w.begin != nil {
		names = map[string]string{"origin": w.NewOrigin, "before": w.header.Origin}
	}
	if raw, err := w.stopsNow(); err != nil {
		return err
	} else if raw != "" {
		names[stopsName] = raw
	}
	for name, value := range names {
		if err := w.to.exec(w.ctx, `INSERT INTO installation (name, value) VALUES (?, ?)`, name, value); err != nil {
			return fmt.Errorf("naming the installation: %w", err)
		}
	}
	return nil
}

// stopsNow gives what is stopped from now on: what was when the backup was made, and
// what is known to have been stopped since. What was let go since is stopped again,
// for a person to look at.
func (w *writing) stopsNow() (string, error) {
	now := w.stops
	if w.Tombstones != nil {
		late := w.Tombstones.stops()
		now.Recipients, now.Purposes = sortedSet(append(late.Recipients, now.Recipients...)), sortedSet(append(late.Purposes, now.Purposes...))
		now.Seq = max(now.Seq, late.Seq)
	}
	if now.Seq == 0 {
		return "", nil
	}
	now.Seq++ // whoever follows takes it as a change
	w.out.Stopped = int64(len(now.Recipients) + len(now.Purposes))
	raw, err := json.Marshal(now)
	return string(raw), err
}
