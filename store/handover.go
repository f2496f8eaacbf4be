package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// logKeys are the keys of the log as its records say: who signs which head. It
// is read-only once made.
type logKeys struct {
	terms   []ledger.Term
	signers []ledger.Signer // as they are published
	signer  note.Signer     // of the last of them
}

// now is the key that signs what comes next.
func (k *logKeys) now() string { return k.terms[len(k.terms)-1].Key }

// last is the size of the last hand-over; 0 where there was none.
func (k *logKeys) last() int64 { return k.terms[len(k.terms)-1].From }

// upTo gives the signers up to the one whose signature a receipt has as of a size.
func (k *logKeys) upTo(size int64) []ledger.Signer {
	for i, t := range k.terms {
		if t.Covers(size) {
			return k.signers[:i+1]
		}
	}
	return k.signers
}

// at gives the signers of a head: one, or the old and the new at a hand-over.
func (k *logKeys) at(db *DB, size int64) ([]note.Signer, error) {
	var out []note.Signer
	for _, key := range ledger.SignersAt(k.terms, size) {
		signer := k.signer // of what is signed all day
		if key != k.now() {
			var err error
			if signer, err = db.cfg.Ring.LogSignerOf(key); err != nil {
				return nil, fmt.Errorf("signing a head of %d entries: %w", size, err)
			}
		}
		out = append(out, signer)
	}
	return out, nil
}

// sign gives a signed head. That of a hand-over was signed by both when it was
// made; the old key may be gone since.
func (k *logKeys) sign(db *DB, size int64, root tlog.Hash) (signedHead, error) {
	for _, s := range k.signers[1:] {
		if s.Handover.Record.Size == size {
			return signedHead{size, ledger.FirstSigned(s.Handover.Checkpoint), s.Handover.Checkpoint}, nil
		}
	}
	signers, err := k.at(db, size)
	if err != nil {
		return signedHead{}, err
	}
	c := ledger.Checkpoint{Origin: db.origin, Size: size, Root: root}
	h := signedHead{size: size}
	if h.note, err = c.Sign(signers[0]); err != nil {
		return h, err // only for a name or text that no note can have
	}
	if h.shown = h.note; len(signers) > 1 {
		h.shown, err = c.Sign(signers...)
	}
	return h, err
}

// handed is a hand-over as the database has it.
type handed struct {
	ledger.Handover
	salt ledger.Salt
	note string // "" = not written yet
}

// readLogKeys reads the hand-overs of the log's key, and proves them by its tree.
func (db *DB) readLogKeys(query rowsFunc, tree *ledger.Tree) (*logKeys, error) {
	list, err := readHandovers(query)
	if err != nil {
		return nil, err
	}
	return db.logKeys(db.firstKey(list), list, tree)
}

// firstKey is the key that a log began with.
func (db *DB) firstKey(list []handed) string {
	if len(list) > 0 {
		return list[0].From
	}
	return db.cfg.Ring.LogVerifiers()[0]
}

// termsOf gives the keys of a log that began with one, with their terms.
func termsOf(first string, list []handed) ([]ledger.Term, error) {
	records := make([]ledger.Handover, len(list))
	for i, h := range list {
		records[i] = h.Handover
	}
	terms, err := ledger.Terms(first, records)
	if err != nil {
		return nil, fmt.Errorf("the hand-overs of the log's key: %w", err)
	}
	return terms, nil
}

func readHandovers(query rowsFunc) ([]handed, error) {
	rows, err := query(`SELECT h.note, r.salt, r.record FROM handover h JOIN public_record r ON r.id = h.record ORDER BY h.size`)
	if err != nil {
		return nil, fmt.Errorf("reading hand-overs of the log's key: %w", err)
	}
	defer rows.Close()
	var out []handed
	for rows.Next() {
		var note sql.NullString
		var salt, record []byte
		if err := rows.Scan(&note, &salt, &record); err != nil {
			return nil, fmt.Errorf("reading hand-overs of the log's key: %w", err)
		}
		h, err := ledger.ParseHandover(record)
		if err != nil || len(salt) != ledger.SaltSize {
			return nil, fmt.Errorf("a stored hand-over of the log's key is none: %w", err)
		}
		out = append(out, handed{h, ledger.Salt(salt), note.String})
	}
	return out, rows.Err()
}

// logKeys puts the keys together. The keyring has to have the last of them: one
// that is further, or has never heard of it, belongs to another moment.
func (db *DB) logKeys(first string, list []handed, tree *ledger.Tree) (*logKeys, error) {
	k := &logKeys{signers: []ledger.Signer{{Key: first}}}
	var err error
	if k.terms, err = termsOf(first, list); err != nil {
		return nil, err
	}
	if k.signer, err = db.cfg.Ring.LogSignerOf(k.now()); err != nil {
		return nil, &fault.Error{Kind: fault.Conflict, Words: "the database and the keyring are of two moments: one of them knows a hand-over of the log's key that the other does not; put back those that belong together", Err: err}
	}
	for _, h := range list {
		if h.note == "" {
			root, err := tree.Root(h.Size)
			if err != nil {
				return nil, fmt.Errorf("the head of a hand-over: %w", err)
			}
			head, err := k.sign(db, h.Size, root)
			if err != nil {
				return nil, err
			}
			h.note = head.shown
		}
		proof, err := ledger.ProveHandover(tree, h.Handover, h.salt, h.note)
		if err != nil {
			return nil, err
		}
		k.signers = append(k.signers, ledger.Signer{Key: h.To, Handover: proof})
	}
	return k, nil
}

// with gives the keys after one more hand-over, which is not proved yet: for
// signing the head that has it.
func (k *logKeys) with(db *DB, h ledger.Handover) (*logKeys, error) {
	var records []ledger.Handover
	for _, s := range k.signers[1:] {
		records = append(records, s.Handover.Record)
	}
	terms, err := ledger.Terms(k.terms[0].Key, append(records, h))
	if err != nil {
		return nil, err
	}
	signer, err := db.cfg.Ring.LogSignerOf(h.To)
	return &logKeys{terms, k.signers, signer}, err
}

// proved gives the keys with the proof of the last hand-over, by the tree that
// has it and its signed head.
func (k *logKeys) proved(tree *ledger.Tree, h handed, head signedHead) (*logKeys, error) {
	proof, err := ledger.ProveHandover(tree, h.Handover, h.salt, head.shown)
	if err != nil {
		return nil, err
	}
	signers := append(slices.Clone(k.signers), ledger.Signer{Key: h.To, Handover: proof})
	return &logKeys{k.terms, signers, k.signer}, nil
}

// writeHandover writes the record of a hand-over to a key as it will stand at a
// leaf, and gives its row and its entry.
func (db *DB) writeHandover(ctx context.Context, q querier, from, to string, leaf int64) (id int64, h handed, e ledger.Entry, err error) {
	if h.Handover, err = ledger.NewHandover(from, to, leaf, db.now()); err != nil {
		return 0, h, e, err
	}
	record, err := h.Record()
	if err != nil {
		return 0, h, e, err
	}
	h.salt = ledger.NewSalt()
	err = q.QueryRowContext(ctx, db.d.sql(`INSERT INTO public_record (leaf, salt, record) VALUES (?, ?, ?) RETURNING id`), leaf, h.salt[:], record).Scan(&id)
	if err == nil {
		_, err = q.ExecContext(ctx, db.d.sql(`INSERT INTO handover (size, record) VALUES (?, ?)`), h.Size, id)
	}
	if err != nil {
		return 0, h, e, fmt.Errorf("writing the hand-over of the log's key: %w", err)
	}
	return id, h, ledger.EntryOf(h.salt, record), nil
}

// HandOver hands the log's key over to a new one, in the log, and gives the
// record. From then on the new key signs; the old one's signing half is
// destroyed. One that was cut short goes on, and no other is begun.
func (db *DB) HandOver(ctx context.Context) (ledger.Handover, error) {
	db.handing.Lock()
	defer db.handing.Unlock()
	done, err := db.handOver(ctx)
	if err != nil {
		return done, fmt.Errorf("handing over the log's key: %w", err)
	}
	return done, nil
}

func (db *DB) handOver(ctx context.Context) (ledger.Handover, error) {
	if err := db.engine.newest(ctx); err != nil {
		return ledger.Handover{}, err
	}
	if err := db.cfg.Ring.Look(); err != nil { // or one that another server has finished would seem to be cut short
		return ledger.Handover{}, err
	}
	if cut, err := db.finishHandover(ctx); err != nil || cut != nil {
		return deref(cut), err
	}
	to, err := db.cfg.Ring.BeginLog(ctx)
	if err != nil {
		return ledger.Handover{}, err
	}
	if err := db.engine.handOver(ctx, to); err != nil {
		return ledger.Handover{}, err
	}
	h, err := db.finishHandover(ctx)
	return deref(h), err
}

func deref(h *ledger.Handover) ledger.Handover {
	if h == nil {
		return ledger.Handover{}
	}
	return *h
}

// finishHandover makes the hand-over that is in the log final: everything that
// only the old key can sign is written, then its signing half is destroyed. nil
// where there is nothing to finish.
func (db *DB) finishHandover(ctx context.Context) (*ledger.Handover, error) {
	keys := db.keys.Load()
	last := keys.signers[len(keys.signers)-1]
	if last.Handover == nil || db.cfg.Ring.LogVerifier() == last.Key {
		return nil, nil
	}
	h := last.Handover.Record
	notes, err := db.unwrittenNotes(ctx, h.Size)
	if err != nil {
		return nil, err
	}
	err = db.write(ctx, func(t *tx) error {
		for size, note := range notes {
			if err := t.exec(`UPDATE ledger_head SET note = ? WHERE size = ?`, note, size); err != nil {
				return err
			}
		}
		return t.exec(`UPDATE handover SET note = ? WHERE size = ?`, last.Handover.Checkpoint, h.Size)
	})
	if err != nil {
		return nil, fmt.Errorf("keeping what the log's old key signed: %w", err)
	}
	if err := db.cfg.Ring.FinishLog(ctx, last.Key); err != nil {
		return nil, fmt.Errorf("destroying the log's old key: %w", err)
	}
	return &h, db.keysChanged(ctx)
}

// unwrittenNotes signs heads up to a size whose notes are not written yet.
func (db *DB) unwrittenNotes(ctx context.Context, upTo int64) (map[int64]string, error) {
	rows, err := db.readRows(ctx)(`SELECT size FROM ledger_head WHERE note IS NULL AND size <= ?`, upTo)
	if err != nil {
		return nil, fmt.Errorf("reading heads of the log: %w", err)
	}
	defer rows.Close()
	out := map[int64]string{}
	for rows.Next() {
		var size int64
		if err := rows.Scan(&size); err != nil {
			return nil, fmt.Errorf("reading heads of the log: %w", err)
		}
		root, err := db.tree.Load().Root(size)
		if err != nil {
			return nil, fmt.Errorf("computing the root of %d entries: %w", size, err)
		}
		h, err := db.keys.Load().sign(db, size, root)
		if err != nil {
			return nil, err
		}
		out[size] = h.note
	}
	return out, rows.Err()
}
