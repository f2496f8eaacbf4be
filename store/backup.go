package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
)

// Backup writes everything the database holds, as of one moment, while it is
// being written to. The stream is the same whatever the database is: a backup of
// one can be restored into the other. It holds no key: what is sealed stays
// sealed, so that an erasure reaches the backups of before. It does hold who is
// how often mentioned when, so encrypt it. progress, if not nil, is told how many
// rows of how many are written, about.
func (db *DB) Backup(ctx context.Context, w io.Writer, progress func(done, of int64)) (Manifest, error) {
	index := indexName(db.cfg.Ring)
	tx, err := db.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: db.d.snapshot()})
	if err != nil {
		return Manifest{}, unavailable("beginning a backup", err)
	}
	defer tx.Rollback()
	b := &backup{db: db, ctx: ctx, tx: tx, progress: progress, index: index}
	if err := b.run(w); err != nil {
		return b.manifest, fmt.Errorf("backing up: %w", err)
	}
	return b.manifest, nil
}

// backup is one that is being written.
type backup struct {
	db       *DB
	ctx      context.Context
	tx       *sql.Tx
	index    string // as it was before the moment that is backed up
	out      *backupWriter
	manifest Manifest
	progress func(done, of int64)
	told, of int64 // events and entries that were told of; of how many, about
}

func (b *backup) run(w io.Writer) error {
	if err := b.db.d.patience(b.ctx, b.tx); err != nil {
		return err
	}
	header, err := b.header()
	if err != nil {
		return err
	}
	tables, err := b.db.d.tables(b.ctx, b.tx)
	if err != nil {
		return err
	}
	if b.out, err = newBackupWriter(w, header); err != nil {
		return err
	}
	for _, t := range tables {
		if slices.Contains(derivedTables, t.Name) || t.foreign() {
			continue
		}
		if err := b.table(t); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	if b.manifest.Head, err = b.db.headAt(b.ctx, b.manifest.Entries); err != nil {
		return err
	}
	return b.out.end(&b.manifest)
}

func (b *backup) header() (h BackupHeader, err error) {
	ring := b.db.cfg.Ring
	h = BackupHeader{Made: b.db.now(), Keyring: ring.ID(), Origin: b.db.origin, Keys: ring.LogVerifiers()}
	if indexName(ring) == b.index { // else some were tagged anew meanwhile
		h.Index = b.index
	}
	err = b.tx.QueryRowContext(b.ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&h.Schema)
	if err == nil {
		err = b.tx.QueryRowContext(b.ctx, `SELECT 2 * coalesce((`+countEntries+`), 0)`).Scan(&b.of)
	}
	return h, err
}

// indexName names the index key of a keyring, and tells nothing of it; "" while
// there are two, for then a tag may be by either.
func indexName(ring *keyring.Ring) string {
	if len(ring.Indexes()) > 1 {
		return ""
	}
	return hex.EncodeToString(tag(ring.Index(), "amana/backup/index/v1\n", "")[:8])
}

// derivedTables follow from others, or hold for a moment only. They are made
// anew by a restore.
var derivedTables = []string{"goose_db_version", "ledger_node", "ledger_tip", "mark", "shard"}

// table writes a table: of those that lie in shards, shard after shard, so that
// no database has to sort more than one of them.
func (b *backup) table(t catalogueTable) error {
	query := `SELECT ` + strings.Join(t.names(), ", ") + ` FROM ` + t.Name
	order := ` ORDER BY ` + strings.Join(b.db.d.binary(t), ", ")
	begun := false
	if t.key[0] != shardColumn {
		return b.rows(t, &begun, query+order)
	}
	for shard := publicShard; shard < Shards; shard++ {
		if err := b.rows(t, &begun, query+` WHERE `+shardColumn+` = ?`+order, shard); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) rows(t catalogueTable, begun *bool, query string, args ...any) error {
	rows, err := b.tx.QueryContext(b.ctx, b.db.d.sql(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]any, len(t.Columns))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if !*begun {
			*begun = true
			if err := b.out.table(t.tableForm); err != nil {
				return err
			}
		}
		if err := b.out.row(t.tableForm, values); err != nil {
			return err
		}
		b.manifest.count(t.tableForm, values)
		b.tell(b.manifest.Events + b.manifest.Entries)
	}
	return rows.Err()
}

// count counts a row of a table.
func (m *Manifest) count(f tableForm, values []any) {
	switch f.Name {
	case "subject":
		m.Subjects++
	case "event":
		if valueOf(f, values, "sealed") != nil {
			m.Events++
		}
	case "ledger_entry": // of a backup; see entriesIn
		m.Entries++
	case "ledger_entries":
		packed, _ := valueOf(f, values, "entries").([]byte)
		m.Entries += int64(len(packed)) / entryLength
	case "ledger_queue":
		m.Waiting++
	}
}

const tellEvery = 4096 // rows

func (b *backup) tell(done int64) {
	if b.progress != nil && done/tellEvery > b.told/tellEvery {
		b.progress(min(done, b.of), b.of)
	}
	b.told = done
}

// headAt gives the signed head of so many entries, which are in the database.
func (db *DB) headAt(ctx context.Context, size int64) (string, error) {
	for end := time.Now().Add(10 * time.Second); ; {
		if err := db.engine.newest(ctx); err != nil {
			return "", err
		}
		if tree := db.tree.Load(); tree.Size() >= size {
			return db.noteAt(ctx, tree, size)
		}
		select { // its commit is durable; the head follows in a moment
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("the log's head of %d entries is not there", size)
		}
	}
}

func (db *DB) noteAt(ctx context.Context, tree *ledger.Tree, size int64) (string, error) {
	var note sql.NullString
	if _, err := db.reader(ctx)(`SELECT note FROM ledger_head WHERE size = ?`, []any{size}, &note); err != nil || note.Valid {
		return note.String, err
	}
	root, err := tree.Root(size)
	if err != nil {
		return "", err
	}
	h, err := db.keys.Load().sign(db, size, root)
	return h.note, err
}
