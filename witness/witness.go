// Package witness watches logs of others: it co-signs a head of a log only if
// it goes on from the head it co-signed before (C2SP tlog-witness). Whoever
// sees its signature knows that nobody was shown another history with one.
//
// The same package is the other side: it collects such signatures for our own
// log.
package witness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/ledger"
)

// Log is a log to be watched.
type Log struct {
	Keys   []note.Verifier // of one name, the origin; any of them may sign
	Prefix string          // under which it submits, "" or like "/shop"

	// Signers are the log's keys with their hand-overs, as it publishes them; may
	// be empty. Whom one of Keys handed over to may sign too, each for its term.
	Signers []ledger.Signer
}

// Config is what a witness needs. All fields are required.
type Config struct {
	Dir  string // of its key and of what it has seen; made if it is not there
	Name string // of its key: an address without scheme. Only a new key needs it
	Logs []Log
	Now  func() time.Time
}

// Witness watches logs. It is safe for concurrent use; one process at a time
// has its folder open.
type Witness struct {
	signer *ledger.Cosigner
	logs   map[string]*watched // by prefix, a line end and origin; read-only
	lock   *os.File
}

// watched is one log and the newest head seen of it.
type watched struct {
	origin string
	keys   []note.Verifier
	terms  map[note.Verifier]ledger.Term // of keys with a hand-over; others have no end
	file   string
	save   func(file string, data []byte) error // durable on return

	mu   sync.Mutex
	seen ledger.Checkpoint // size 0 and no note: none; guarded by mu, as below
	note string            // signed by the log alone
	line string            // ours under it; "" until signed in this process
}

// KeyFile is the witness's key in its folder.
const KeyFile = "key"

var plainPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)*$`)

// Open opens a witness's folder, or makes one with a new key.
func Open(c Config) (_ *Witness, err error) {
	if c.Dir == "" || c.Now == nil || len(c.Logs) == 0 {
		return nil, errors.New("witness: Config is not complete")
	}
	w := &Witness{logs: map[string]*watched{}}
	if w.lock, err = lock(c.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.lock.Close()
		}
	}()
	if w.signer, err = openKey(filepath.Join(c.Dir, KeyFile), c.Name, c.Now); err != nil {
		return nil, err
	}
	for _, l := range c.Logs {
		if err := w.watch(c.Dir, l); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Key gives the verifier key, in signed-note form.
func (w *Witness) Key() string { return w.signer.Verifier() }

// Close lets another process have the folder.
func (w *Witness) Close() error { return w.lock.Close() }

func (w *Witness) watch(dir string, l Log) error {
	if len(l.Keys) == 0 {
		return errors.New("witness: a log without a key")
	}
	if !plainPrefix.MatchString(l.Prefix) {
		return fmt.Errorf("%q is not a submission prefix such as /shop", l.Prefix)
	}
	keys, terms, err := l.followed()
	if err != nil {
		return err
	}
	origin := keys[0].Name()
	for _, k := range keys {
		if k.Name() != origin {
			return fmt.Errorf("a log has one name; %s and %s are two", origin, k.Name())
		}
	}
	for _, other := range w.logs {
		if other.origin == origin {
			return fmt.Errorf("the log %s is named twice", origin)
		}
	}
	g := &watched{origin: origin, keys: keys, terms: terms, file: filepath.Join(dir, hashOf(origin)+".checkpoint"), save: saveFile}
	if err := g.load(); err != nil {
		return err
	}
	w.logs[l.Prefix+"\n"+origin] = g
	return nil
}

// followed gives the keys that may sign: those that were named, and those that
// one of them handed over to.
func (l Log) followed() ([]note.Verifier, map[note.Verifier]ledger.Term, error) {
	if len(l.Signers) == 0 {
		return l.Keys, nil, nil
	}
	terms, err := ledger.Succession(l.Signers)
	if err != nil {
		return nil, nil, fmt.Errorf("the list of the log's keys does not hold: %w", err)
	}
	keys, of, named := slices.Clone(l.Keys), map[note.Verifier]ledger.Term{}, false
	for _, t := range terms {
		v, err := note.NewVerifier(t.Key)
		if err != nil {
			return nil, nil, err
		}
		known := slices.IndexFunc(l.Keys, func(k note.Verifier) bool { return k.Name() == v.Name() && k.KeyHash() == v.KeyHash() })
		switch {
		case known >= 0:
			of[l.Keys[known]], named = t, true
		case named:
			keys, of[v] = append(keys, v), t
		}
	}
	if !named {
		return nil, nil, fmt.Errorf("the list of keys is not that of the log %s: it does not name the key that was given", l.Keys[0].Name())
	}
	return keys, of, nil
}

// load reads what was seen before. What cannot be read is an error: to begin
// anew would be to forget.
func (g *watched) load() error {
	raw, err := os.ReadFile(g.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what was seen of %s: %w", g.origin, err)
	}
	c, _, err := ledger.ReadHead(string(raw))
	if err == nil && c.Origin != g.origin {
		err = errors.New("it is another log's")
	}
	if err != nil {
		return fmt.Errorf("what was seen of %s cannot be read, put %s back: %w", g.origin, g.file, err)
	}
	g.seen, g.note = c, string(raw)
	return nil
}
