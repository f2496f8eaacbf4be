package keyring

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
)

// Source is where the master key comes from: File, Environment or Identity. A
// key that is missing or cannot be had is an error that says what to do; a
// source never makes one that was not asked for.
type Source interface {
	// String names the source, for a list of keys.
	String() string

	// masters gives the keys that may open the files: the one in force, and one
	// that is to come, if there is.
	masters(d disk) ([]Key, error)

	// propose keeps a key that is to come, durably, and gives it; or the one
	// that waits already, so that a change that was cut short goes on.
	propose(d disk, k Key) (Key, error)

	// settle makes the key that was to come the only one, durably.
	settle(d disk) error

	// forget takes away what the source keeps in the folder, durably.
	forget(d disk) error
}

// SourceOf gives the source that a configuration names: the text of a master
// key, as AMANA_MASTER_KEY has it, or the file of an age identity; with neither
// the file in the folder.
func SourceOf(masterKey, identity string) (Source, error) {
	switch {
	case masterKey != "" && identity != "":
		return nil, fault.New(fault.Invalid, "the master key comes from the environment or from an age identity, not from both")
	case masterKey != "":
		return Environment(masterKey)
	case identity != "":
		return Identity(identity)
	}
	return File(), nil
}

// FromEnvironment is the name of the source that is the environment.
const FromEnvironment = "environment"

// Source names where the master key comes from.
func (r *Ring) Source() string { return r.keptBy().String() }

// masterHead is how the text of a master key begins.
const masterHead = "amana-master-v1:"

// NewMaster makes a master key, as text. It is a secret: whoever has it and the
// keyring's files has everything.
func NewMaster() string { return masterText(random()) }

func masterText(k Key) string { return masterHead + base64.StdEncoding.EncodeToString(k[:]) }

func parseMaster(text string) (k Key, ok bool) {
	b64, headed := strings.CutPrefix(strings.TrimSpace(text), masterHead)
	b, err := base64.StdEncoding.Strict().DecodeString(b64) // takes line breaks anywhere
	if !headed || err != nil || len(b) != len(k) || strings.ContainsAny(b64, "\r\n") {
		return k, false
	}
	return Key(b), true
}

// The files of master keys. One that is to come has upcoming behind its name.
const (
	masterFile = "master"
	upcoming   = ".next"
)

// File keeps the master key as text in the keyring's folder. It is the default:
// who can read the folder has everything.
func File() Source { return kept{masterFile, plainText{}} }

// kept is a source that keeps the key in a file of the folder, in some wrapping.
type kept struct {
	name string
	wrapping
}

// wrapping is how a file holds the text of a key.
type wrapping interface {
	wrap(text string) ([]byte, error)
	unwrap(raw []byte) (string, error)
	String() string
}

// plainText is no wrapping.
type plainText struct{}

func (plainText) wrap(text string) ([]byte, error)  { return []byte(text), nil }
func (plainText) unwrap(raw []byte) (string, error) { return string(raw), nil }
func (plainText) String() string                    { return "file" }

func (s kept) masters(d disk) ([]Key, error) {
	var out []Key
	var failed error
	for _, name := range []string{s.name, s.name + upcoming} {
		k, err := s.read(d, name)
		switch {
		case err == nil:
			out = append(out, k)
		case !errors.Is(err, os.ErrNotExist) && failed == nil:
			failed = err
		}
	}
	if len(out) > 0 { // while one identity takes over from another, each opens one file
		return out, nil
	}
	if failed != nil {
		return nil, failed
	}
	if s.name == masterFile && d.has(identityFile) {
		return nil, fault.New(fault.Unknown, "the master key in %s is sealed for an age identity: name the identity's file (AMANA_KEY_IDENTITY)", d.dir)
	}
	return nil, fault.New(fault.Unknown, "no master key in %s: without it nothing sealed can be opened; put the file %q back, or say where the key is (AMANA_MASTER_KEY, AMANA_KEY_IDENTITY)", d.dir, s.name)
}

func (s kept) read(d disk, name string) (Key, error) {
	raw, err := os.ReadFile(d.path(name))
	if err != nil {
		return Key{}, fmt.Errorf("reading the master key: %w", err)
	}
	text, err := s.unwrap(raw)
	if err != nil {
		return Key{}, fault.New(fault.Denied, "%s does not open: %s", d.path(name), err)
	}
	k, ok := parseMaster(text)
	if !ok {
		return k, fault.New(fault.Invalid, "the master key in %s is not one", d.dir)
	}
	return k, nil
}

func (s kept) propose(d disk, k Key) (Key, error) {
	if d.has(s.name + upcoming) {
		return s.read(d, s.name+upcoming)
	}
	raw, err := s.wrap(masterText(k) + "\n")
	if err != nil {
		return k, fmt.Errorf("sealing the master key: %w", err)
	}
	return k, d.write(s.name+upcoming, raw)
}

func (s kept) settle(d disk) error {
	if !d.has(s.name + upcoming) {
		return nil
	}
	if err := d.rename(s.name+upcoming, s.name); err != nil {
		return fmt.Errorf("putting the new master key in the place of the old: %w", err)
	}
	return nil
}

func (s kept) forget(d disk) error {
	return errors.Join(d.remove(s.name+upcoming), d.remove(s.name))
}

// environment is a key that the process is given. Several of them open; the
// last is the one to seal under at the next change.
type environment struct{ keys []Key }

// Environment takes the master key from text: one key as NewMaster gives it, or
// during a change the old and the new one, separated by a space or a comma. The
// folder then holds none.
func Environment(text string) (Source, error) {
	var s environment
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' }) {
		k, ok := parseMaster(one)
		if !ok {
			return nil, fault.New(fault.Invalid, "AMANA_MASTER_KEY is not a master key such as %s…", masterHead)
		}
		s.keys = append(s.keys, k)
	}
	if len(s.keys) == 0 {
		return nil, fault.New(fault.Invalid, "AMANA_MASTER_KEY is empty")
	}
	return s, nil
}

func (environment) String() string { return FromEnvironment }

func (s environment) masters(d disk) ([]Key, error) {
	for _, name := range []string{masterFile, identityFile} {
		if d.has(name) {
			return nil, fault.New(fault.Conflict, "%s lies there, and AMANA_MASTER_KEY is set: take one of them away, so that it is plain which one holds", d.path(name))
		}
	}
	return slices.Clone(s.keys), nil
}

func (s environment) propose(disk, Key) (Key, error) { return s.keys[len(s.keys)-1], nil }
func (environment) settle(disk) error                { return nil }
func (environment) forget(disk) error                { return nil }
