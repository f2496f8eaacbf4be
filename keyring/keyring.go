// Package keyring holds the secrets of an installation, outside its database.
//
// A master key opens two sealed files: the ring (keys of indexes, of links and
// of the log) and the buckets (65,536 bucket keys, 2 MiB). A bucket key wraps
// the keys of its subjects, so that a subject is erased for good by giving its
// bucket a new key: whatever an old copy of the database holds can then no
// longer be opened (GDPR Article 17; design of sealing, docs/design/sealing.md).
package keyring

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/fault"
)

// Buckets is how many bucket keys there are.
const Buckets = 1 << 16

const (
	masterFile  = "master"
	ringFile    = "ring"
	bucketsFile = "buckets"
	masterHead  = "amana-master-v1:"
)

// Key is a 256-bit secret. It never prints.
type Key [32]byte

// Format keeps a key out of logs and errors, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "(key)") }

// LogValue keeps a key out of structured logs.
func (Key) LogValue() slog.Value { return slog.StringValue("(key)") }

// Ring is an opened keyring. It is safe for concurrent use.
type Ring struct {
	dir    string
	master Key
	secret secrets

	mu      sync.RWMutex
	buckets []Key          // guarded by mu
	pending map[uint16]Key // next keys of buckets that are being changed; guarded by mu
}

// secrets is what the ring file seals.
type secrets struct {
	ID          string `json:"id"` // names the keyring; the database remembers it
	Index       Key    `json:"index"`
	Suppression Key    `json:"suppression"`
	Shard       Key    `json:"shard"`
	Feed        Key    `json:"feed"`
	Link        Key    `json:"link"`
	Log         string `json:"log"` // signer key, C2SP signed-note form
	LogVerifier string `json:"log_verifier"`
}

// Create makes a new keyring in dir, which must not hold one, for a log with
// the given origin. Every file is 0600 and durable on return.
func Create(dir, origin string) (*Ring, error) {
	if Exists(dir) {
		return nil, fault.New(fault.Conflict, "%s holds a keyring already", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the keyring's folder: %w", err)
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the log's key: %w", err)
	}
	verifier, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return nil, fmt.Errorf("naming the log's key: %w", err)
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("making the keyring's folder: %w", err)
	}
	r := &Ring{dir: dir, master: random(), buckets: make([]Key, Buckets), pending: map[uint16]Key{}}
	r.secret = secrets{ID: rand.Text(), Index: random(), Suppression: random(), Shard: random(), Feed: random(), Link: random(),
		Log: signerKey(origin, verifier, priv), LogVerifier: verifier}
	for i := range r.buckets {
		r.buckets[i] = random()
	}
	if err := r.writeAll(); err != nil {
		return nil, err
	}
	return r, nil
}

// Move gives the keyring's folder another name beside it, durably.
func (r *Ring) Move(dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Rename(r.dir, dir); err != nil {
		return fmt.Errorf("moving the keyring: %w", err)
	}
	r.dir = dir
	return syncDir(filepath.Dir(dir))
}

// Exists reports whether dir holds any part of a keyring.
func Exists(dir string) bool {
	for _, name := range []string{masterFile, ringFile, bucketsFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// Open opens the keyring in dir. A missing or wrong key is an error; it never
// makes a new one. Only one process at a time may have a keyring open.
func Open(dir string) (*Ring, error) {
	if err := private(dir); err != nil {
		return nil, err
	}
	if err := sweep(dir); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, masterFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Unknown, "no master key in %s: without it nothing sealed can be opened; put the file %q back", dir, masterFile)
	} else if err != nil {
		return nil, fmt.Errorf("reading the master key: %w", err)
	}
	r := &Ring{dir: dir}
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(raw)), masterHead))
	if err != nil || copy(r.master[:], b) != len(r.master) || len(b) != len(r.master) {
		return nil, fault.New(fault.Invalid, "the master key in %s is not one", dir)
	}
	if err := r.readRing(); err != nil {
		return nil, err
	}
	return r, r.readBuckets()
}

// private refuses a folder of keys that others may look into.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil // what is missing is said by whoever reads it
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fault.New(fault.Denied, "others may look into %s: chmod 700 %s", dir, dir)
	}
	return nil
}

// ID names the keyring. A database remembers the one it was made with.
func (r *Ring) ID() string { return r.secret.ID }

// Index is the key of identifier tags.
func (r *Ring) Index() Key { return r.secret.Index }

// Suppression is the key of suppression tags.
func (r *Ring) Suppression() Key { return r.secret.Suppression }

// Shard is the key by which an identifier leads to its shard. It is never
// changed: where rows lie is no secret, only whose they are.
func (r *Ring) Shard() Key { return r.secret.Shard }

// Link is the key of short-lived links.
func (r *Ring) Link() Key { return r.secret.Link }

// LogSigner gives the signer of the log's checkpoints.
func (r *Ring) LogSigner() (note.Signer, error) { return note.NewSigner(r.secret.Log) }

// LogVerifier gives the log's verifier key, in C2SP signed-note form.
func (r *Ring) LogVerifier() string { return r.secret.LogVerifier }

func (r *Ring) writeAll() error {
	plain, err := json.Marshal(r.secret)
	if err != nil {
		return fmt.Errorf("writing the ring: %w", err)
	}
	if err := writeFile(r.dir, ringFile, Seal(r.derive("ring"), []byte(ringFile), plain)); err != nil {
		return err
	}
	if err := r.writeBuckets(); err != nil {
		return err
	}
	// The master key comes last: a keyring without one was never finished.
	text := masterHead + base64.StdEncoding.EncodeToString(r.master[:]) + "\n"
	return writeFile(r.dir, masterFile, []byte(text))
}

func (r *Ring) readRing() error {
	raw, err := os.ReadFile(filepath.Join(r.dir, ringFile))
	if err != nil {
		return fmt.Errorf("reading the ring: %w", err)
	}
	plain, err := Unseal(r.derive("ring"), []byte(ringFile), raw)
	if err != nil {
		return fault.New(fault.Denied, "the master key in %s does not open its ring: it is another installation's, or damaged", r.dir)
	}
	if err := json.Unmarshal(plain, &r.secret); err != nil {
		return fmt.Errorf("reading the ring: %w", err)
	}
	return nil
}

// derive gives the key that seals one file.
func (r *Ring) derive(name string) Key {
	b, err := hkdf.Key(sha256.New, r.master[:], nil, "amana/keyring/"+name+"/v1", len(Key{}))
	if err != nil {
		panic("keyring: hkdf: " + err.Error()) // only for lengths out of range
	}
	return Key(b)
}

func random() Key {
	var k Key
	rand.Read(k[:]) // never fails (crypto/rand)
	return k
}

// signerKey is the signed-note form of an Ed25519 private key, of which the
// verifier's form has the name and the key hash.
func signerKey(name, verifier string, priv ed25519.PrivateKey) string {
	hash := strings.Split(strings.TrimPrefix(verifier, name), "+")[1]
	return fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, priv.Seed()...)))
}
