package store

import (
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// VerifyBackup reads a backup to its end and holds it to its own word: every
// table has the rows and the hash that the manifest says, the ledger lacks no
// entry, no shard lacks an event, and the ledger's root, computed from the
// entries, is the one that the log's key signed. It needs no key but those the
// header names: whether they are the company's is for the keyring to say.
func VerifyBackup(r io.Reader, progress func(done, of int64)) (BackupHeader, Manifest, error) {
	in, err := inspect(r, nil, func(tableForm, []any) error { return nil }, progress)
	return in.header, in.manifest, err
}

// inspection is what a backup was found to hold.
type inspection struct {
	header   BackupHeader
	manifest Manifest
	counted  Manifest
	head     ledger.Checkpoint
	sizes    []int64             // of which roots are wanted
	roots    map[int64]tlog.Hash // of those
	tree     *ledger.Tree
	entries  []ledger.Entry  // not in the tree yet
	last     map[int64]int64 // n of each shard
	queue    []queuedEntry
}

// queuedEntry is what the ledger had yet to take.
type queuedEntry struct {
	shard, n, at int64
	entry        ledger.Entry
}

// inspect verifies a backup, and shows each row to visit, which may keep none of
// it. It computes the roots of the log at some sizes. Only what it gives without
// an error is to be believed.
func inspect(r io.Reader, sizes []int64, visit func(tableForm, []any) error, progress func(done, of int64)) (*inspection, error) {
	in := &inspection{sizes: sizes, roots: map[int64]tlog.Hash{}, last: map[int64]int64{}}
	b, err := newBackupReader(r)
	if err != nil {
		return in, err
	}
	in.header = b.header
	if in.tree, err = ledger.Load(0, nothingKept); err != nil {
		return in, err
	}
	if err := in.grow(); err != nil { // for the root of the empty log
		return in, err
	}
	for done := int64(0); ; done++ {
		form, values, err := b.next()
		if err == io.EOF {
			in.manifest = b.manifest
			return in, in.settle()
		}
		if err == nil {
			err = in.row(form, values)
		}
		if err == nil {
			err = visit(form, values)
		}
		if err != nil {
			return in, err
		}
		if progress != nil && done%tellEvery == 0 {
			progress(done, 0)
		}
	}
}

// nothingKept reads no tile: the tree of what is read in order needs only its edge.
func nothingKept(int, int64) ([]tlog.Hash, error) { return nil, fmt.Errorf("not kept") }

// numbers gives integer columns of a row by their names.
func numbers(form tableForm, values []any, names ...string) ([]int64, error) {
	out := make([]int64, len(names))
	for i, name := range names {
		at := form.index(name)
		n, ok := int64(0), at >= 0
		if ok {
			n, ok = values[at].(int64)
		}
		if !ok {
			return nil, damaged("a row of table %s has no %s", form.Name, name)
		}
		out[i] = n
	}
	return out, nil
}

func entryOf(form tableForm, values []any) (e ledger.Entry, err error) {
	raw, _ := valueOf(form, values, "entry").([]byte)
	if len(raw) != len(e) {
		return e, damaged("an entry of the ledger has %d bytes", len(raw))
	}
	return ledger.Entry(raw), nil
}

// valueOf gives the value of a column, nil where there is none.
func valueOf(form tableForm, values []any, name string) any {
	if i := form.index(name); i >= 0 {
		return values[i]
	}
	return nil
}

func (in *inspection) row(form tableForm, values []any) error {
	in.counted.count(form, values)
	switch form.Name {
	case "ledger_entry", "ledger_entries":
		first, entries, err := entriesIn(form, values)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if err := in.enter(first+int64(i), e); err != nil {
				return err
			}
		}
	case "ledger_queue":
		n, err := numbers(form, values, shardColumn, "n", "at")
		if err != nil {
			return err
		}
		e, err := entryOf(form, values)
		in.queue = append(in.queue, queuedEntry{n[0], n[1], n[2], e})
		return err
	case "event":
		n, err := numbers(form, values, shardColumn, "n")
		if err != nil {
			return err
		}
		if in.last[n[0]]++; in.last[n[0]] != n[1] {
			return damaged("event %d of shard %d is missing", in.last[n[0]], n[0])
		}
	}
	return nil
}

// atOnce is how many entries are put into a tree together.
const atOnce = 8192

func (in *inspection) enter(leaf int64, e ledger.Entry) error {
	if leaf != in.tree.Size()+int64(len(in.entries)) {
		return damaged("entry %d of the ledger is missing", in.tree.Size()+int64(len(in.entries)))
	}
	if in.entries = append(in.entries, e); len(in.entries) == atOnce || slices.Contains(in.sizes, leaf+1) {
		return in.grow()
	}
	return nil
}

// grow puts what was read into the tree, and keeps its root if it is wanted.
func (in *inspection) grow() (err error) {
	staged := in.tree.Stage(in.entries)
	if slices.Contains(in.sizes, staged.Size) {
		in.roots[staged.Size], err = staged.Root()
	}
	in.tree.Accept(staged)
	in.entries = in.entries[:0]
	return err
}

// settle compares what was counted with what the manifest says.
func (in *inspection) settle() error {
	if err := in.grow(); err != nil {
		return err
	}
	m, c := in.manifest, in.counted
	if m.Subjects != c.Subjects || m.Events != c.Events || m.Entries != c.Entries || m.Waiting != c.Waiting || m.Entries != in.tree.Size() {
		return damaged("its manifest counts %d subjects, %d events and %d entries, and there are %d, %d and %d",
			m.Subjects, m.Events, m.Entries, c.Subjects, c.Events, c.Entries)
	}
	var keys []note.Verifier
	for _, k := range in.header.Keys {
		v, err := note.NewVerifier(k)
		if err != nil || v.Name() != in.header.Origin {
			return damaged("it names what is no key of its log")
		}
		keys = append(keys, v)
	}
	var err error
	if in.head, _, err = ledger.OpenHead(m.Head, keys); err != nil {
		return damaged("the head of its log: %s", err)
	}
	root, err := in.tree.Stage(nil).Root()
	if err != nil {
		return err
	}
	if in.head.Size != m.Entries || in.head.Root != root {
		return damaged("its %d entries do not come to the root that was signed", m.Entries)
	}
	return nil
}
