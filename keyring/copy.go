package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/fault"
)

// Copy is a copy of a keyring, for the day its folder is lost, and for restoring
// a database whose buckets were given new keys since. It opens whom it opened when
// it was made: also those erased since. So it says when it expires, is refused
// from then on, and has to be destroyed by then.
type Copy struct {
	Form    string            `json:"form"` // copyForm
	Keyring string            `json:"keyring"`
	Made    time.Time         `json:"made"`
	Expires time.Time         `json:"expires"`
	Files   map[string][]byte `json:"files"` // as they lie in the folder, the master key among them where it lies there
}

const copyForm = "amana-keyring-copy-v1"

// maxCopy bounds what is read as a copy, in bytes: the buckets are 2 MiB and
// two in base64 a little more.
const maxCopy = 16 << 20

// Copy copies the keyring as it is in one moment, whoever changes it meanwhile.
func (r *Ring) Copy(ctx context.Context, made, expires time.Time) (*Copy, error) {
	release, err := r.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	c := &Copy{copyForm, r.ID(), made.UTC(), expires.UTC(), map[string][]byte{}}
	for _, name := range []string{ringFile, bucketsFile, masterFile, identityFile} {
		raw, err := os.ReadFile(disk{dir: r.folder()}.path(name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("copying the keyring: %w", err)
		}
		if err == nil {
			c.Files[name] = raw
		}
	}
	_, err = c.open(r.keptBy())
	return c, err
}

// ReadCopy reads what a Copy was written as in JSON.
func ReadCopy(raw []byte) (*Copy, error) {
	var c Copy
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if len(raw) > maxCopy || dec.Decode(&c) != nil || dec.More() || c.Form != copyForm {
		return nil, fault.New(fault.Invalid, "this is no copy of a keyring")
	}
	for name := range c.Files {
		if !slices.Contains([]string{ringFile, bucketsFile, masterFile, identityFile}, name) {
			return nil, fault.New(fault.Invalid, "the copy holds a file that no keyring has")
		}
	}
	return &c, nil
}

// Old opens what was wrapped when a keyring was copied.
type Old struct{ view *view }

// Open opens a copy with the master key from a source, in memory alone. One that
// has expired is fault.Conflict.
func (c *Copy) Open(s Source, now time.Time) (*Old, error) {
	if !now.Before(c.Expires) {
		return nil, fault.New(fault.Conflict, "the copy of the keyring expired on %s: destroy it", c.Expires.Format(time.DateOnly))
	}
	v, err := c.open(s)
	return &Old{v}, err
}

func (c *Copy) open(s Source) (*view, error) {
	masters, err := c.masters(s)
	if err != nil {
		return nil, err
	}
	v := &view{}
	plain, err := c.unseal(ringFile, masters, &v.ring)
	if err != nil {
		return nil, err
	}
	if v.secret, err = readSecrets(plain, v.ring.generation); err != nil {
		return nil, fmt.Errorf("reading the ring of the copy: %w", err)
	}
	if v.secret.ID != c.Keyring {
		return nil, fault.New(fault.Invalid, "the copy holds another keyring than it says")
	}
	if plain, err = c.unseal(bucketsFile, masters, &v.bucket); err != nil {
		return nil, err
	}
	return v, v.readBuckets(plain)
}

func (c *Copy) masters(s Source) ([]Key, error) {
	switch s := s.(type) {
	case environment:
		return s.keys, nil
	case kept:
		raw, ok := c.Files[s.name]
		if !ok {
			return nil, fault.New(fault.Unknown, "the copy of the keyring has no master key: say where it is (AMANA_MASTER_KEY, AMANA_KEY_IDENTITY)")
		}
		text, err := s.unwrap(raw)
		if err != nil {
			return nil, fault.New(fault.Denied, "the master key of the copy does not open: %s", err)
		}
		if k, ok := parseMaster(text); ok {
			return []Key{k}, nil
		}
	}
	return nil, fault.New(fault.Invalid, "the master key of the copy is not one")
}

func (c *Copy) unseal(name string, masters []Key, by *sealedBy) ([]byte, error) {
	generation, context, sealed := parseHead(name, c.Files[name])
	for _, m := range masters {
		if plain, err := Unseal(fileKey(m, name), context, sealed); err == nil {
			*by = sealedBy{generation, m}
			return plain, nil
		}
	}
	return nil, fault.New(fault.Denied, "the master key does not open the copy's %s", name)
}

// Unwrap opens a subject's keys as they were wrapped when the copy was made;
// ErrNoKey if it does not.
func (o *Old) Unwrap(id SubjectID, w Wrapped) (Keys, error) {
	k, _, err := o.view.unwrap(id, w)
	return k, err
}

// ID names the keyring that was copied.
func (o *Old) ID() string { return o.view.secret.ID }

// Install puts a copy in the place of a keyring that was lost, durably.
func (c *Copy) Install(dir string, s Source, now time.Time) error {
	if Exists(dir) {
		return fault.New(fault.Conflict, "%s holds a keyring already", dir)
	}
	if _, err := c.Open(s, now); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the keyring's folder: %w", err)
	}
	d := disk{dir: dir}
	for _, name := range []string{bucketsFile, ringFile, identityFile, masterFile} { // the master key comes last, as in a new one
		if raw, ok := c.Files[name]; ok {
			if err := d.write(name, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove takes away what Install put there: nothing came of what it was for, and
// nothing was written with it.
func (c *Copy) Remove(dir string) error {
	for _, name := range []string{masterFile, identityFile, ringFile, bucketsFile} {
		if _, ok := c.Files[name]; !ok {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the copy of the keyring: %w", err)
		}
	}
	os.Remove(dir) // where nothing else is in it
	return nil
}

// BeginOrigin makes a new key for a log of another name and destroys the signing
// halves of all before, durably: the database was restored behind what the old log
// had published, and nothing may ever be signed in its name again. Where the log has
// the name already it does nothing, so that a restore that was cut short goes on.
func (r *Ring) BeginOrigin(ctx context.Context, origin string) error {
	return r.change(ctx, func(next *view) (part, error) {
		if name, _, _ := strings.Cut(next.secret.log().Verifier, "+"); name == origin {
			return partNone, nil
		}
		k, err := newLogKey(origin)
		if err != nil {
			return partNone, fault.At(fault.Invalid, "origin", "%q cannot name a log: no space, no +", origin)
		}
		if _, err := note.NewVerifier(k.Verifier); err != nil {
			return partNone, fault.At(fault.Invalid, "origin", "%q cannot name a log: no space, no +", origin)
		}
		next.secret.Before = r.LogVerifiers()
		next.secret.Logs, next.secret.NextLog = []logKey{k}, nil
		return partRing, nil
	})
}

// BucketGeneration counts the changes of the bucket keys: who was erased before it
// came to a number has been shut out by it.
func (r *Ring) BucketGeneration() int64 { return r.view.Load().bucket.generation }

// LogBefore gives the verifier keys of the log before this one, oldest first;
// none where this one is the first.
func (r *Ring) LogBefore() []string { return slices.Clone(r.view.Load().secret.Before) }
