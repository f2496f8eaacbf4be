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
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

//go:embed schema/*.sql
var schema embed.FS

// Config is what a store needs. All fields are required.
type Config struct {
	Path string        // of the SQLite file
	Ring *keyring.Ring // the keyring the store was made with

	// Create makes the file. Without it a missing file is an error: an empty
	// database under an old log's key would sign a second history.
	Create bool

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
	if err := private(cfg.Path, cfg.Create); err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, signer: signer, origin: signer.Name()}
	writes, err := open(cfg.Path, 1, "_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if db.reads, err = open(cfg.Path, 8, "_pragma=query_only(ON)"); err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	if err := db.start(ctx, writes); err != nil {
		return nil, errors.Join(err, writes.Close(), db.reads.Close())
	}
	return db, nil
}

// private opens the file, or makes it so that nobody else may read it; SQLite
// gives its other files the same rights.
func private(path string, create bool) error {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.Conflict, "the database %s is missing: put it back", path)
	}
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return f.Close()
}

// open gives a pool of connections in write-ahead mode that acknowledge a
// commit only after it is on the disk.
func open(path string, connections int, more string) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "secure_delete(ON)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode()+"&"+more)
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
		if err := db.Shred(ctx); err != nil {
			return errors.Join(err, w.close())
		}
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

// Writable says why nothing can be written: the error of the last batch, nil
// once one went well again.
func (db *DB) Writable() error {
	if err := db.writer.last.Load(); err != nil {
		return *err
	}
	return nil
}

// Close waits for what is being written and closes the store. What was not
// acknowledged by then is not written.
func (db *DB) Close() error {
	return errors.Join(db.writer.close(), db.reads.Close())
}

// LogKey gives the log's verifier key in C2SP signed-note form.
func (db *DB) LogKey() string { return db.cfg.Ring.LogVerifier() }

// Checkpoint gives the newest signed head of the log.
func (db *DB) Checkpoint() string { return db.head.Load().note }

// InForce gives the policy in force; nil in an empty store.
func (db *DB) InForce() *policy.Version {
	return db.known.Load().inForce()
}

// Versions gives every version ever published, the one in force first, then by
// the time of their last publication, newest first.
func (db *DB) Versions() []*policy.Version {
	return append([]*policy.Version(nil), db.known.Load().list...)
}

// History gives every time a policy came into force, newest first, each as it
// was then: a version that came back stands in it twice.
func (db *DB) History() []*policy.Version {
	list := slices.Clone(db.known.Load().history)
	slices.Reverse(list)
	return list
}

// Version gives a version by its id; nil if it was never published.
func (db *DB) Version(id policy.VersionID) *policy.Version { return db.known.Load().byID[id] }
