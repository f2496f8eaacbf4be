package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

//go:embed schema
var schema embed.FS

// Config is what a store needs. All fields but Postgres are required, of Path
// and Postgres one.
type Config struct {
	Path     string        // of the SQLite file
	Postgres string        // connection string of a PostgreSQL database, postgres://…
	Ring     *keyring.Ring // the keyring the store was made with

	// Create makes the database. Without it a missing one is an error: an empty
	// database under an old log's key would sign a second history.
	Create bool

	// Published is the newest signed head that is known to have been shown, kept
	// outside the database; "" where none is known. A database whose log does not go
	// on from it is not opened: ErrBehind.
	Published string

	// Now gives the time of events. It may go back; events of one subject do not.
	Now func() time.Time

	// Mail says that mails are sent here: a yes that waits for its confirmation
	// then queues the mail that asks for it. Without it nothing is queued that
	// nobody would send.
	Mail bool

	// PublicURL is where customers find the pages, without a slash at the end: to
	// it the links in mails lead.
	PublicURL string

	// TakeBack gives the page on which an answer is taken back and says how, in
	// a language. Both stand in receipts.
	TakeBack func(language string) (page, how string)
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	cfg    Config
	d      dialect
	reads  *sql.DB
	engine engine
	origin string
	tree   atomic.Pointer[ledger.Tree] // of the newest head
	keys   atomic.Pointer[logKeys]     // that sign it
	head   atomic.Pointer[signedHead]

	stops     atomic.Pointer[Stops]
	hear      atomic.Pointer[func([]Change)] // of who follows what changes; nil where nobody does
	published board
	handing   sync.Mutex // held while the log's key is handed over
	known     atomic.Pointer[versions]
	processes sync.Map // processKey → processRow, of texts that are in the database
	sets      sync.Map // id → Evidence, of those that were asked for
	texts     sync.Map // id of a row → receipt.Texts, likewise
	bundles   bundles
	mailWaits chan struct{}
}

// engine is how a database is written. SQLite has one writer for everything,
// which groups whatever waits into one commit; PostgreSQL has writers for
// events, which group likewise, and transactions beside each other for the rest.
type engine interface {
	// write runs do in a transaction and gives its error, or nil when it is
	// durable. do first checks, then writes; it may be run again in another
	// transaction.
	write(ctx context.Context, do func(*tx) error) error

	// record appends the events of r to a subject, and returns when they are
	// durable.
	record(ctx context.Context, r *recording) error

	// handOver enters the hand-over of the log's key to another as the last entry
	// of a tree, and returns when it is durable and its head is signed by both.
	handOver(ctx context.Context, to string) error

	// newest makes sure that nothing another server published or integrated
	// before the call is missing here.
	newest(ctx context.Context) error

	// shown gives the head to show to everybody.
	shown() string

	// clean leaves nothing of what was deleted in the files beside the database.
	clean(ctx context.Context) error

	// writable gives the error of the last write, nil once one went well again.
	writable() error

	close() error
}

// signedHead is a head of the log and its signed note.
type signedHead struct {
	size  int64
	note  string // signed by one key: what receipts have
	shown string // what is published: at the size of a hand-over signed by both keys
}

// Open opens the store, brings its schema to the newest, finishes what a crash
// interrupted, and starts its writers. A store made with another keyring is an
// error.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if (cfg.Path == "") == (cfg.Postgres == "") || cfg.Ring == nil || cfg.Now == nil || cfg.TakeBack == nil {
		return nil, errors.New("store: Config is not complete")
	}
	verifier, err := note.NewVerifier(cfg.Ring.LogVerifier())
	if err != nil {
		return nil, fmt.Errorf("opening the log's key: %w", err)
	}
	db := &DB{cfg: cfg, origin: verifier.Name(), mailWaits: make(chan struct{}, 1)}
	if cfg.Postgres != "" {
		err = db.openPostgres(ctx)
	} else {
		err = db.openSQLite(ctx)
	}
	if err != nil {
		return nil, err
	}
	if len(cfg.Ring.Changing()) > 0 { // a crash in the middle of shredding
		if err := db.Shred(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	if _, err := db.finishHandover(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// recognise holds the database to its keyring and its log, and refuses one that a
// restore has only begun to fill.
func (db *DB) recognise(ctx context.Context, writes *sql.DB) error {
	var begun bool
	if err := writes.QueryRowContext(ctx, db.d.sql(`SELECT EXISTS (SELECT 1 FROM installation WHERE name = ?)`), restoringMark).Scan(&begun); err != nil {
		return fmt.Errorf("naming the installation: %w", err)
	}
	if begun {
		return fault.New(fault.Conflict, "a restore into this database was cut short: run it again")
	}
	for name, want := range map[string]string{"keyring": db.cfg.Ring.ID(), "origin": db.origin} {
		if _, err := writes.ExecContext(ctx, db.d.sql(`INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`), name, want); err != nil {
			return fmt.Errorf("naming the installation: %w", err)
		}
		var got string
		if err := writes.QueryRowContext(ctx, db.d.sql(`SELECT value FROM installation WHERE name = ?`), name).Scan(&got); err != nil {
			return fmt.Errorf("naming the installation: %w", err)
		}
		if got != want {
			return fault.New(fault.Conflict, "the database was made with another %s: put the keyring back that belongs to it", name)
		}
	}
	return db.noteKeyring(ctx, writes)
}

// noteKeyring remembers how often the keyring was changed. A keyring that was
// changed less often than the database remembers is an older copy: with it,
// people whose keys were wrapped anew could not be opened, and who was erased
// since could.
func (db *DB) noteKeyring(ctx context.Context, q querier) error {
	if err := db.cfg.Ring.Look(); err != nil {
		return err
	}
	var remembered int64
	_, err := found(q.QueryRowContext(ctx, db.d.sql(`SELECT value FROM installation WHERE name = 'keyring changes'`)).Scan(&remembered))
	if err != nil {
		return fmt.Errorf("recognising the keyring: %w", err)
	}
	now := db.cfg.Ring.Generation()
	if now < remembered {
		return fault.New(fault.Conflict, "the keyring is an older copy than the database: keys were changed since, and what is wrapped under them would not open; put the newer one back")
	}
	if now == remembered {
		return nil
	}
	_, err = q.ExecContext(ctx, db.d.sql(`INSERT INTO installation (name, value) VALUES ('keyring changes', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`), strconv.FormatInt(now, 10))
	if err != nil {
		return fmt.Errorf("remembering the keyring: %w", err)
	}
	return nil
}

// keysChanged remembers that keys were changed just now.
func (db *DB) keysChanged(ctx context.Context) error {
	return db.write(ctx, func(t *tx) error {
		t.wrote = true
		return db.noteKeyring(ctx, t.q)
	})
}

// loadVersions reads the policies.
func (db *DB) loadVersions(ctx context.Context) error {
	if _, err := unmarshalStates([]byte(`[{"y":{},"w":{}}]`)); err != nil { // JSON learns the form once, before many read at once
		return err
	}
	db.stops.Store(&Stops{})
	known, err := readVersions(db.readRows(ctx), nil)
	db.known.Store(known)
	if err != nil {
		return err
	}
	return db.stopsNow(ctx)
}

// write runs do in a transaction; see engine.
func (db *DB) write(ctx context.Context, do func(*tx) error) error { return db.engine.write(ctx, do) }

// now is the time of what is written now.
func (db *DB) now() time.Time { return db.cfg.Now().UTC().Truncate(time.Millisecond) }

// Writable says why nothing can be written: the error of the last batch, nil
// once one went well again.
func (db *DB) Writable() error { return db.engine.writable() }

// Close waits for what is being written and closes the store. What was not
// acknowledged by then is not written.
func (db *DB) Close() error { return errors.Join(db.engine.close(), db.reads.Close()) }

// LogKey gives the log's verifier key in C2SP signed-note form: the one that
// signs today.
func (db *DB) LogKey() string { return db.keys.Load().now() }

// Signers gives every key the log has had, oldest first, each after the first
// with its hand-over: what lets a receipt be followed from one key to another.
func (db *DB) Signers() []ledger.Signer { return slices.Clone(db.keys.Load().signers) }

// Checkpoint gives the newest signed head of the log.
func (db *DB) Checkpoint() string { return db.head.Load().shown }

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
