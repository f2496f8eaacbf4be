package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/mod/sumdb/note"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

//go:embed schema/*.sql
var schema embed.FS

// Config is what a store needs. All fields are required.
type Config struct {
	Path string        // of the SQLite file; made if it is not there
	Ring *keyring.Ring // the keyring the store was made with

	// Now gives the time of events. It may go back; events of one subject do not.
	Now func() time.Time

	// TakeBack gives the page on which an answer is taken back and says how, in
	// a language. Both stand in receipts.
	TakeBack func(language string) (page, how string)
}

// DB is an open store. It is safe for concurrent use; one goroutine writes.
type DB struct {
	cfg    Config
	reads  *sql.DB
	writer *writer
	signer note.Signer
	origin string
	tree   *ledger.Tree
	head   atomic.Pointer[signedHead]

	published board
	shredding sync.Mutex
	known     atomic.Pointer[versions]
	processes sync.Map // processKey → processRow, of texts that are in the database
}

// signedHead is a head of the log and its signed note.
type signedHead struct {
	size int64
	note string
}

// Open opens the store, brings its schema to the newest, finishes what a crash
// interrupted, and starts its writer. A store made with another keyring is an
// error.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Path == "" || cfg.Ring == nil || cfg.Now == nil || cfg.TakeBack == nil {
		return nil, errors.New("store: Config is not complete")
	}
	signer, err := cfg.Ring.LogSigner()
	if err != nil {
		return nil, fmt.Errorf("opening the log's key: %w", err)
	}
	if err := private(cfg.Path); err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, signer: signer, origin: signer.Name()}
	writes, err := open(cfg.Path, 1)
	if err != nil {
		return nil, err
	}
	if db.reads, err = open(cfg.Path, 8); err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	if err := db.start(ctx, writes); err != nil {
		return nil, errors.Join(err, writes.Close(), db.reads.Close())
	}
	return db, nil
}

// private makes the file, if it is not there, so that nobody else may read it;
// SQLite gives its other files the same rights.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return f.Close()
}

// open gives a pool of connections in write-ahead mode that acknowledge a
// commit only after it is on the disk.
func open(path string, connections int) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "secure_delete(ON)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (db *DB) start(ctx context.Context, writes *sql.DB) error {
	if err := migrate(ctx, writes); err != nil {
		return err
	}
	if err := db.recognise(ctx, writes); err != nil {
		return err
	}
	if err := db.loadLedger(ctx); err != nil {
		return err
	}
	if err := db.loadCosignatures(ctx); err != nil {
		return err
	}
	if err := db.loadVersions(ctx); err != nil {
		return err
	}
	w, err := newWriter(ctx, db, writes)
	if err != nil {
		return err
	}
	db.writer = w
	if len(db.cfg.Ring.Changing()) > 0 { // a crash in the middle of shredding
		return db.Shred(ctx)
	}
	return nil
}

func migrate(ctx context.Context, writes *sql.DB) error {
	dir, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, writes, dir)
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bringing the schema to the newest: %w", err)
	}
	return nil
}

// recognise holds the database to its keyring and its log.
func (db *DB) recognise(ctx context.Context, writes *sql.DB) error {
	for name, want := range map[string]string{"keyring": db.cfg.Ring.ID(), "origin": db.origin} {
		if _, err := writes.ExecContext(ctx, `INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, want); err != nil {
			return fmt.Errorf("naming the installation: %w", err)
		}
		var got string
		if err := writes.QueryRowContext(ctx, `SELECT value FROM installation WHERE name = ?`, name).Scan(&got); err != nil {
			return fmt.Errorf("naming the installation: %w", err)
		}
		if got != want {
			return fault.New(fault.Conflict, "the database was made with another %s: put the keyring back that belongs to it", name)
		}
	}
	return nil
}

// Close waits for what is being written and closes the store. What was not
// acknowledged by then is not written.
func (db *DB) Close() error {
	return errors.Join(db.writer.close(), db.reads.Close())
}

// Empty reports whether no policy was ever published.
func (db *DB) Empty() bool { return len(db.known.Load().list) == 0 }

// LogKey gives the log's verifier key in C2SP signed-note form.
func (db *DB) LogKey() string { return db.cfg.Ring.LogVerifier() }

// Checkpoint gives the newest signed head of the log.
func (db *DB) Checkpoint() string { return db.head.Load().note }

// InForce gives the policy in force; nil in an empty store.
func (db *DB) InForce() *policy.Version {
	if k := db.known.Load(); len(k.list) > 0 {
		return k.list[0]
	}
	return nil
}

// Versions gives every version ever published, the one in force first, then by
// the time of their last publication, newest first.
func (db *DB) Versions() []*policy.Version {
	return append([]*policy.Version(nil), db.known.Load().list...)
}

// Version gives a version by its id; nil if it was never published.
func (db *DB) Version(id policy.VersionID) *policy.Version { return db.known.Load().byID[id] }
