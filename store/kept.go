package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// What is kept of an erased person lies in rows of its own, under their
// evidence key alone: the receipt of the erasure, and where the policy says so
// those of their answers. It has a legal basis and an end. Nothing leads to it
// but the receipt's id.

// keptText is what a row of kept seals.
type keptText struct {
	Record      []byte     `json:"record"`
	Salt        []byte     `json:"salt"`
	Subject     subject.ID `json:"subject"`
	SubjectSalt []byte     `json:"subject_salt"`
	Process     int64      `json:"process,omitempty"` // row of the texts shown; an erasure has none
	ProcessSalt []byte     `json:"process_salt,omitempty"`
}

// keeping is under what basis something is kept, and until when.
type keeping struct {
	basis string // a DPV term
	until time.Time
}

// keepingOf is what a policy declares of an erased person's evidence. Where it
// declares nothing only the receipt of the erasure is kept, for the time in
// which a company has to be able to show that it obeyed (GDPR Article 5(2)).
func keepingOf(p *policy.Policy, now time.Time) (k keeping, answers bool) {
	e := p.Requests.Evidence
	if e.Basis == "" {
		return keeping{policy.LegalObligation.DPV(), policy.ErasureKept.After(now)}, false
	}
	return keeping{e.Basis.DPV(), e.Keep.After(now)}, true
}

// keep writes one record of a person who is being erased.
func (t *tx) keep(p *person, w keyring.Wrapped, shard int, n int64, id uuid.UUID, parts receipt.Parts, process int64, k keeping) error {
	raw, err := json.Marshal(keptText{parts.Record, parts.Salt[:], p.name, parts.SubjectSalt[:], process, parts.ProcessSalt[:]})
	if err != nil {
		return err
	}
	sealed := keyring.Seal(p.keys.Evidence, keptContext(p.id, id), raw)
	return t.exec(`INSERT INTO kept (shard_id, n, record_id, subject_id, data_key, evidence_key, basis, until, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		shard, n, id[:], p.id[:], w.Data, w.Evidence, k.basis, millis(k.until), sealed)
}

// evidenceAlone wraps a person's evidence key without the data key.
func (db *DB) evidenceAlone(p *person) keyring.Wrapped {
	return db.cfg.Ring.Wrap(p.id, keyring.Keys{Evidence: p.keys.Evidence})
}

func keptContext(id keyring.SubjectID, record uuid.UUID) []byte {
	return append(append([]byte("amana/kept/v1/"), id[:]...), record[:]...)
}

// keepAnswers keeps the records of all answers of a person who is being erased.
func (t *tx) keepAnswers(p *person, w keyring.Wrapped, k keeping) error {
	rows, err := t.rows(chain+`SELECT n, event_id, sealed FROM chain WHERE sealed IS NOT NULL AND kind LIKE 'consent.%'`, chainOf(p)...)
	if err != nil {
		return err
	}
	type answer struct {
		n          int64
		id, sealed []byte
	}
	var all []answer
	for rows.Next() {
		var a answer
		if err := rows.Scan(&a.n, &a.id, &a.sealed); err != nil {
			rows.Close()
			return err
		}
		all = append(all, a)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, a := range all {
		parts, process, err := unsealEvent(p, uuid.UUID(a.id), a.sealed)
		if err == nil {
			err = t.keep(p, w, p.id.Shard(), a.n, uuid.UUID(a.id), parts, process, k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// opening is the public record of one look at what was kept.
type opening struct {
	Type    string   `json:"type"` // kept_opened
	Receipt string   `json:"receipt"`
	Time    string   `json:"time"`
	By      []string `json:"by"`
}

// OpenKept opens the receipt of an erased person's answer or erasure, which
// takes two named people. That they did is a public record, durable before
// anything is opened. What is not there, or whose time is over, is
// fault.Unknown.
func (db *DB) OpenKept(ctx context.Context, id string, by [2]string) (receipt.Receipt, error) {
	for i := range by {
		if by[i] = strings.TrimSpace(by[i]); !isName(by[i]) {
			return receipt.Receipt{}, fault.At(fault.Invalid, "by", "what was kept is opened by two named people")
		}
	}
	if strings.EqualFold(by[0], by[1]) {
		return receipt.Receipt{}, fault.At(fault.Invalid, "by", "what was kept is opened by two people, not by one twice")
	}
	row, ok, err := db.keptRow(ctx, id)
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("reading what was kept: %w", err)
	}
	if !ok || !db.now().Before(fromMillis(row.until)) {
		return receipt.Receipt{}, fault.New(fault.Unknown, "nothing is kept under this number")
	}
	err = db.write(ctx, func(t *tx) error {
		_, err := t.enterPublic(opening{"kept_opened", id, receipt.Stamp(t.now), by[:]})
		return err
	})
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("recording who opens it: %w", err)
	}
	parts, process, err := row.open(db.cfg.Ring)
	if err != nil {
		return receipt.Receipt{}, err
	}
	if process != 0 {
		shown, err := db.textsIn(ctx, process)
		if err != nil {
			return receipt.Receipt{}, err
		}
		parts = parts.Shown(shown)
	}
	return db.proved(ctx, parts, row.leaf)
}

// keptRow is a row of kept, and the leaf of its record.
type keptRow struct {
	id, subject, sealed []byte
	wrapped             keyring.Wrapped
	until               int64
	leaf                sql.NullInt64
}

const keptColumns = `k.record_id, k.subject_id, k.data_key, k.evidence_key, k.until, k.sealed, e.leaf FROM kept k
	JOIN event e ON e.shard_id = k.shard_id AND e.n = k.n`

func (r *keptRow) into() []any {
	return []any{&r.id, &r.subject, &r.wrapped.Data, &r.wrapped.Evidence, &r.until, &r.sealed, &r.leaf}
}

func (db *DB) keptRow(ctx context.Context, id string) (r keptRow, ok bool, err error) {
	u, err := uuid.Parse(id)
	if err != nil || u.String() != id {
		return r, false, nil
	}
	shard, n := whereIs(u)
	ok, err = db.reader(ctx)(`SELECT `+keptColumns+` WHERE k.shard_id = ? AND k.n = ? AND k.record_id = ?`, []any{shard, n, u[:]}, r.into()...)
	return r, ok, err
}

func (r *keptRow) open(ring *keyring.Ring) (parts receipt.Parts, process int64, err error) {
	if len(r.subject) != len(keyring.SubjectID{}) || len(r.id) != len(uuid.UUID{}) {
		return parts, 0, fmt.Errorf("a row of what was kept is damaged")
	}
	id := keyring.SubjectID(r.subject)
	keys, err := ring.Unwrap(id, r.wrapped)
	if err != nil {
		return parts, 0, fmt.Errorf("opening what was kept: %w", err)
	}
	raw, err := keyring.Unseal(keys.Evidence, keptContext(id, uuid.UUID(r.id)), r.sealed)
	if err != nil {
		return parts, 0, fmt.Errorf("opening what was kept: %w", err)
	}
	var text keptText
	if err := json.Unmarshal(raw, &text); err != nil {
		return parts, 0, fmt.Errorf("reading what was kept: %w", err)
	}
	for into, salt := range map[*ledger.Salt][]byte{&parts.Salt: text.Salt, &parts.SubjectSalt: text.SubjectSalt, &parts.ProcessSalt: text.ProcessSalt} {
		if len(salt) != len(into) {
			return parts, 0, fmt.Errorf("a salt of what was kept has %d bytes", len(salt))
		}
		*into = ledger.Salt(salt)
	}
	parts.Record, parts.Subject = text.Record, text.Subject
	return parts, text.Process, nil
}

// forget deletes what was kept and whose time is over. Its keys go with the
// next change of its bucket's key.
func (db *DB) forget(ctx context.Context) error {
	var over bool
	now := millis(db.now())
	if _, err := db.reader(ctx)(`SELECT EXISTS (SELECT 1 FROM kept WHERE until <= ?)`, []any{now}, &over); err != nil || !over {
		return err
	}
	return db.write(ctx, func(t *tx) error {
		rows, err := t.rows(`SELECT DISTINCT subject_id FROM kept WHERE until <= ?`, now)
		if err != nil {
			return err
		}
		var ids [][]byte
		for rows.Next() {
			var id []byte
			if err := rows.Scan(&id); err != nil {
				rows.Close()
				return err
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, id := range ids {
			if err := t.exec(shredLater, int(keyring.SubjectID(id).Bucket()), millis(t.now), -now); err != nil {
				return err
			}
		}
		return t.exec(`DELETE FROM kept WHERE until <= ?`, now)
	})
}
