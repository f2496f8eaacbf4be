// Package witness watches logs of others: it co-signs a head of a log only if
// it goes on from the head it co-signed before (C2SP tlog-witness). Whoever
// sees its signature knows that nobody was shown another history with one.
//
// The same package is the other side: it collects such signatures for our own
// log.
package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// Log is a log to be watched.
type Log struct {
	Keys   []note.Verifier // of one name, the origin; any of them may sign
	Prefix string          // under which it submits, "" or like "/shop"
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
	file   string
	save   func(file string, data []byte) error // durable on return

	mu   sync.Mutex
	seen ledger.Checkpoint // size 0 and no note: none; guarded by mu, as below
	note string            // signed by the log alone
	line string            // ours under it; "" until signed in this process
}

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
	if w.signer, err = openKey(filepath.Join(c.Dir, "key"), c.Name, c.Now); err != nil {
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
	origin := l.Keys[0].Name()
	for _, k := range l.Keys {
		if k.Name() != origin {
			return fmt.Errorf("a log has one name; %s and %s are two", origin, k.Name())
		}
	}
	for _, other := range w.logs {
		if other.origin == origin {
			return fmt.Errorf("the log %s is named twice", origin)
		}
	}
	g := &watched{origin: origin, keys: l.Keys, file: filepath.Join(dir, hashOf(origin)+".checkpoint"), save: saveFile}
	if err := g.load(); err != nil {
		return err
	}
	w.logs[l.Prefix+"\n"+origin] = g
	return nil
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

// refusal is why a head is not co-signed, with the status that says so.
type refusal struct {
	status int
	words  string
	size   int64 // of a conflict of sizes: the one seen
	sized  bool
}

func (r refusal) Error() string { return r.words }

// add checks a head against the one seen before, and gives our signature line
// under it. The new head is durable before anything is signed.
func (g *watched) add(s submission, signer *ledger.Cosigner) (string, error) {
	next, signed, err := g.open(s.signed)
	if err != nil {
		return "", err
	}
	g.mu.Lock() // from the comparison until the new head is kept: or a slower submission would roll it back
	defer g.mu.Unlock()
	if err := follows(g.seen, next, s); err != nil {
		return "", err
	}
	if g.note == "" || next.Size != g.seen.Size {
		if err := g.save(g.file, []byte(signed)); err != nil {
			return "", err
		}
	}
	_, text, err := ledger.ReadHead(signed)
	if err != nil {
		return "", err
	}
	line, err := signer.Line(text)
	if err != nil {
		return "", err
	}
	g.seen, g.note, g.line = next, signed, line
	return line, nil
}

// open verifies that the log signed a head, and drops what others signed.
func (g *watched) open(signed string) (ledger.Checkpoint, string, error) {
	c, _, err := ledger.OpenHead(signed, g.keys)
	switch {
	case errors.Is(err, ledger.ErrNotSigned), errors.Is(err, ledger.ErrBadSignature):
		return c, "", refusal{status: 403, words: err.Error()}
	case err != nil:
		return c, "", refusal{status: 400, words: err.Error()}
	}
	n, err := note.Open([]byte(signed), note.VerifierList(g.keys...))
	if err != nil {
		return c, "", refusal{status: 403, words: err.Error()}
	}
	own := n.Text + "\n"
	for _, s := range n.Sigs {
		own += "— " + s.Name + " " + s.Base64 + "\n"
	}
	return c, own, nil
}

// follows says whether a head may come after the one seen.
func follows(seen, next ledger.Checkpoint, s submission) error {
	switch {
	case s.old > next.Size:
		return refusal{status: 400, words: "the old size is larger than the checkpoint's"}
	case s.old != seen.Size:
		return refusal{status: 409, words: "another head was seen last", size: seen.Size, sized: true}
	case next.Size == 0 && next.Root != ledger.EmptyRoot():
		return refusal{status: 422, words: "a log without entries has another root"}
	case s.old == next.Size && s.old > 0 && next.Root != seen.Root:
		return refusal{status: 409, words: "another root was seen for this size"}
	case s.old == 0 || s.old == next.Size:
		if len(s.proof) > 0 {
			return refusal{status: 422, words: "there is nothing to prove, but there is a proof"}
		}
		return nil
	}
	if err := tlog.CheckTree(s.proof, next.Size, next.Root, s.old, seen.Root); err != nil {
		return refusal{status: 422, words: "the proof does not lead from the head seen last to this one"}
	}
	return nil
}

// newest gives the newest head seen, signed by the log and by us; "" if none was.
func (g *watched) newest(signer *ledger.Cosigner) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.note == "" {
		return "", nil
	}
	if g.line == "" { // kept by an earlier process, which may have ended before it signed
		_, text, err := ledger.ReadHead(g.note)
		if err != nil {
			return "", err
		}
		if g.line, err = signer.Line(text); err != nil {
			return "", err
		}
	}
	return ledger.AddLines(g.note, []string{g.line}), nil
}

func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fault.New(fault.Conflict, "another witness has %s open", dir)
	}
	return f, nil
}

// openKey reads the witness's key, or makes one where none is.
func openKey(file, name string, now func() time.Time) (*ledger.Cosigner, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		key, err := ledger.NewCosignerKey(name)
		if err != nil {
			return nil, err
		}
		raw = []byte(key + "\n")
		if err := saveFile(file, raw); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("reading the witness's key: %w", err)
	}
	c, err := ledger.NewCosigner(strings.TrimSpace(string(raw)), now)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if name != "" && name != c.Name() {
		return nil, fault.New(fault.Conflict, "the key in %s is named %s, not %s", file, c.Name(), name)
	}
	return c, nil
}

func hashOf(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}

// saveFile replaces a file so that after a crash either the old one is there
// or the new one, whole.
func saveFile(file string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keeping %s: %w", file, err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
