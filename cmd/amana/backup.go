package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/store"
)

// keyringDays is for how long a copy of the keyring is good, unless said otherwise.
const keyringDays = 30

func runBackup(ctx context.Context, e env, args []string) error {
	fs := find("backup").flags(e)
	var at place
	at.flags(fs, "amana-data")
	to := fs.String("to", "", "file to write, which must not be there")
	var recipients list
	fs.Var(&recipients, "recipient", "public key it is encrypted to, age1…; may be repeated, and each opens it alone")
	ring := fs.Bool("keyring", false, "copy the keyring instead of the database")
	days := fs.Int("days", keyringDays, "with --keyring: days until the copy expires, and has to be destroyed")
	stones := fs.Bool("tombstones", false, "list who was erased instead, for a restore; it is not encrypted, and names nobody")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	keys, err := recipientsOf(recipients)
	switch {
	case err != nil:
		return err
	case len(operands) > 0 || *to == "":
		return errors.New("say where to: amana backup --to amana.backup --recipient age1…")
	case *ring && *stones:
		return errors.New("the keyring, or who was erased: one at a time")
	case len(keys) == 0 && !*stones:
		return errors.New("say to whom it is encrypted: --recipient age1… (age-keygen makes a pair of keys)")
	case len(keys) > 0 && *stones:
		return errors.New("who was erased is not encrypted: there is nobody's data in it")
	case *days < 1 || *days > 366:
		return errors.New("a copy of the keyring is good for 1 to 366 days")
	}
	b := backing{e: e, at: at, to: *to, recipients: keys, days: *days}
	do := b.database
	if *ring {
		do = b.keyring
	} else if *stones {
		do = b.tombstones
	}
	done, err := do(ctx)
	if err != nil {
		return no(err)
	}
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(done)
	}
	_, err = fmt.Fprint(e.stdout, done)
	return err
}

// recipientsOf reads public keys.
func recipientsOf(list []string) (out []age.Recipient, err error) {
	for _, s := range list {
		parsed, err := age.ParseRecipients(strings.NewReader(s))
		if err != nil {
			return nil, fault.New(fault.Invalid, "%q is no public key such as age1…", plain(s))
		}
		out = append(out, parsed...)
	}
	return out, nil
}

// backing is a backup on its way.
type backing struct {
	e          env
	at         place
	to         string
	recipients []age.Recipient
	days       int
}

// backedUp is what a backup of the database came to.
type backedUp struct {
	File     string `json:"file"`
	Bytes    int64  `json:"bytes"`
	Subjects int64  `json:"subjects"`
	Events   int64  `json:"events"`
	Entries  int64  `json:"entries"`
	Head     string `json:"head"`
}

func (d backedUp) String() string {
	return fmt.Sprintf("%s: %s, %s, %s of the log; %.1f MB, read back and verified\n", d.File, lang.Count(d.Subjects, "person", "persons"),
		lang.Count(d.Events, "event", "events"), lang.Count(d.Entries, "entry", "entries"), float64(d.Bytes)/1e6)
}

// database writes an encrypted backup, and then opens the file and holds it to its
// word. For that it is encrypted to one more key, which nobody ever has but this
// process, and which is gone with it.
func (b backing) database(ctx context.Context) (fmt.Stringer, error) {
	proof, recipient, err := onceKey(b.recipients)
	if err != nil {
		return nil, err
	}
	f, err := b.create()
	if err != nil {
		return nil, err
	}
	defer f.abandon()
	sealed, err := age.Encrypt(f, append(b.recipients, recipient)...)
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	bar := newProgress(b.e.stderr, "backing up", 0)
	written, err := b.stream(ctx, sealed, bar)
	bar.done()
	if err = errors.Join(err, sealed.Close()); err != nil {
		return nil, err
	}
	bar = newProgress(b.e.stderr, "reading back", 0)
	size, read, err := f.readBack(proof, bar)
	bar.done()
	if err != nil {
		return nil, fmt.Errorf("reading the backup back: %w", err)
	}
	if written.Head != read.Head || written.Events != read.Events {
		return nil, errors.New("what was read back is not what was written")
	}
	return backedUp{b.to, size, read.Subjects, read.Events, read.Entries, read.Head}, f.finish()
}

func (b backing) stream(ctx context.Context, w io.Writer, bar *progress) (m store.Manifest, err error) {
	s := stream{in: strings.NewReader(""), out: w, news: func(raw json.RawMessage) error {
		var far howFar
		err := json.Unmarshal(raw, &far)
		bar.reach(int(far.Done), int(far.Of))
		return err
	}}
	err = operate(ctx, b.at, func(op operator) error {
		m, err = op.Backup(ctx, struct{}{}, s)
		return err
	})
	return m, err
}

// onceKey makes a key pair of the kind of the recipients: those that withstand
// quantum computers are not mixed with others.
func onceKey(recipients []age.Recipient) (age.Identity, age.Recipient, error) {
	if _, hybrid := recipients[0].(*age.HybridRecipient); hybrid {
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			return nil, nil, err
		}
		return id, id.Recipient(), nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, nil, err
	}
	return id, id.Recipient(), nil
}

// howFar is how far a backup or a restore is, in rows.
type howFar struct {
	Done int64 `json:"done"`
	Of   int64 `json:"of"`
}

// backupFile is a file that is there when it is whole, and not before.
type backupFile struct {
	*os.File
	name string
}

func (b backing) create() (*backupFile, error) {
	if exists(b.to) {
		return nil, fault.New(fault.Conflict, "%s is there already", b.to)
	}
	f, err := beginFile(b.to)
	if err != nil {
		return nil, fmt.Errorf("writing the backup: %w", err)
	}
	return &backupFile{f, b.to}, nil
}

// readBack verifies a backup as it lies on the disk.
func (f *backupFile) readBack(id age.Identity, bar *progress) (size int64, m store.Manifest, err error) {
	if err := f.Sync(); err != nil {
		return 0, m, err
	}
	if size, err = f.Seek(0, io.SeekEnd); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return size, m, err
	}
	plain, err := age.Decrypt(f, id)
	if err != nil {
		return size, m, err
	}
	_, m, err = store.VerifyBackup(plain, func(done, of int64) { bar.reach(int(done), int(of)) })
	return size, m, err
}

func (f *backupFile) finish() error {
	err := errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.File.Name(), f.name)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(f.name))
	}
	return err
}

// abandon removes what was not finished.
func (f *backupFile) abandon() {
	f.Close()
	os.Remove(f.File.Name())
}

// copied is what a copy of the keyring came to.
type copied struct {
	File    string    `json:"file"`
	Keyring string    `json:"keyring"`
	Expires time.Time `json:"expires"`
}

func (d copied) String() string {
	return fmt.Sprintf("%s: the keyring as it is now. It opens whom it opens now, also those who are erased later:\ndestroy it by %s, when it expires\n", d.File, d.Expires.Format(time.DateOnly))
}

// keyring writes an encrypted copy of the keyring.
func (b backing) keyring(ctx context.Context) (fmt.Stringer, error) {
	var raw bytes.Buffer
	err := operate(ctx, b.at, func(op operator) error {
		_, err := op.CopyKeyring(ctx, copyRequest{b.days}, stream{in: strings.NewReader(""), out: &raw, news: func(json.RawMessage) error { return nil }})
		return err
	})
	if err != nil {
		return nil, err
	}
	c, err := keyring.ReadCopy(raw.Bytes())
	if err != nil {
		return nil, err
	}
	err = b.write(func(w io.Writer) error {
		sealed, err := age.Encrypt(w, b.recipients...)
		if err != nil {
			return fmt.Errorf("encrypting: %w", err)
		}
		_, err = sealed.Write(raw.Bytes())
		return errors.Join(err, sealed.Close())
	})
	return copied{b.to, c.Keyring, c.Expires}, err
}

func (b backing) write(fill func(io.Writer) error) error {
	f, err := b.create()
	if err != nil {
		return err
	}
	defer f.abandon()
	if err := fill(f); err != nil {
		return err
	}
	return f.finish()
}

// listed is what a list of who was erased came to.
type listed struct {
	File   string `json:"file"`
	Erased int    `json:"erased"`
}

func (d listed) String() string {
	return fmt.Sprintf("%s: %s erased\n", d.File, lang.Count(d.Erased, "person was", "persons were"))
}

// tombstones writes who was erased.
func (b backing) tombstones(ctx context.Context) (fmt.Stringer, error) {
	var raw bytes.Buffer
	err := operate(ctx, b.at, func(op operator) error {
		_, err := op.Tombstones(ctx, struct{}{}, stream{in: strings.NewReader(""), out: &raw, news: func(json.RawMessage) error { return nil }})
		return err
	})
	if err != nil {
		return nil, err
	}
	stones, err := store.ReadTombstones(bytes.NewReader(raw.Bytes()))
	if err != nil {
		return nil, err
	}
	return listed{b.to, stones.Erased()}, b.write(func(w io.Writer) error {
		_, err := w.Write(raw.Bytes())
		return err
	})
}
