package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/witness"
)

func runRestore(ctx context.Context, e env, args []string) error {
	fs := find("restore").flags(e)
	var r restoring
	r.at.flags(fs, "amana-data")
	fs.StringVar(&r.identity, "identity", "", "file of the age identity that opens the backup")
	fs.StringVar(&r.copy, "keyring", "", "copy of the keyring from about the time of the backup (amana backup --keyring): opens whose bucket was given a new key since, or takes the place of a keyring that was lost")
	fs.Var(&r.stones, "tombstones", "list of who was erased (amana backup --tombstones), beside the one in the folder; may be repeated")
	fs.StringVar(&r.head, "head", "", "file with the newest published head of the log, where the one in the folder was lost")
	fs.Func("witness", "a witness that is asked what was published, as URL=KEY; may be repeated", func(s string) error {
		w, err := witnessOf(s)
		r.witnesses = append(r.witnesses, w)
		return err
	})
	fs.StringVar(&r.origin, "force-new-origin", "", "begin a new log of this name, such as shop.example/log2: the only way where more was published than the backup holds")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 || r.identity == "" {
		return errors.New("say which backup, and with what it opens: amana restore amana.backup --identity key.txt --dir DIR")
	}
	r.file, r.e, r.at = operands[0], e, r.at.environment()
	done, err := r.run(ctx)
	if _, ok := asExit(err); err != nil && !ok {
		return no(err)
	}
	if err != nil {
		return err
	}
	r.warn()
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(done)
	}
	return tellRestored(e, done)
}

// restoring is a restore on its way.
type restoring struct {
	e              env
	at             place
	file, identity string
	copy           string
	stones         list
	head           string
	witnesses      []witnessAt
	origin         string
	identities     []age.Identity
	installed      *keyring.Copy // in the place of a lost keyring; goes again if nothing comes of the restore
	lost           bool          // the keyring was
	erased         *store.Tombstones
}

func (r *restoring) run(ctx context.Context) (_ store.Restored, err error) {
	if err := r.readIdentity(); err != nil {
		return store.Restored{}, err
	}
	if err := r.opens(); err != nil {
		return store.Restored{}, err
	}
	held, err := lock(r.at.dir, true)
	if err != nil {
		return store.Restored{}, err
	}
	defer held.Close()
	defer func() {
		if err == nil || r.installed == nil {
			return
		}
		if left := r.installed.Remove(r.at.keyring()); left != nil {
			err = errors.Join(err, left)
		}
	}()
	s := store.Restore{Config: store.Config{Now: time.Now, TakeBack: takeBack("")}, Backup: r.open, NewOrigin: r.origin}
	if err := r.at.into(&s.Config); err != nil {
		return store.Restored{}, err
	}
	if err := r.keys(&s); err != nil {
		return store.Restored{}, err
	}
	if err := r.published(ctx, &s); err != nil {
		return store.Restored{}, err
	}
	if s.Tombstones, err = r.tombstones(); err != nil {
		return store.Restored{}, err
	}
	r.erased = s.Tombstones
	bar := newProgress(r.e.stderr, "restoring", 0)
	s.Lasting = func() { r.installed = nil }
	s.Progress = func(done, of int64) { bar.reach(int(done), int(of)) }
	done, err := s.Run(ctx)
	bar.done()
	if err != nil {
		return done, err
	}
	return done, replaceFile(filepath.Join(r.at.dir, headFile), []byte(done.Head))
}

func (r *restoring) readIdentity() error {
	raw, err := os.ReadFile(r.identity)
	if err != nil {
		return fmt.Errorf("reading the identity: %w", err)
	}
	if r.identities, err = age.ParseIdentities(bytes.NewReader(raw)); err != nil {
		return fault.New(fault.Invalid, "%s is not the file of an age identity", r.identity) // the error may hold a line of it
	}
	return nil
}

// open opens the backup, decrypted.
func (r *restoring) open() (io.ReadCloser, error) { return r.decrypt(r.file) }

// opens says at once where the backup is not there, or is for another key.
func (r *restoring) opens() error {
	f, err := r.open()
	if err != nil {
		return err
	}
	return f.Close()
}

// decrypted is a file that is read through its encryption.
type decrypted struct {
	io.Reader
	io.Closer
}

func (r *restoring) decrypt(file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	clear, err := age.Decrypt(f, r.identities...)
	if err != nil {
		f.Close()
		if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
			return nil, fault.New(fault.Denied, "%s does not open with this identity", file)
		}
		if at, failed := errors.AsType[*fs.PathError](err); failed {
			return nil, at
		}
		return nil, fault.New(fault.Invalid, "%s was not written by amana backup, or is not whole: %s", file, err)
	}
	return decrypted{clear, f}, nil
}

// keys opens the keyring, and the copy of it. Where there is none, the copy takes
// its place.
func (r *restoring) keys(s *store.Restore) error {
	source, err := r.at.source()
	if err != nil {
		return err
	}
	var c *keyring.Copy
	if r.copy != "" {
		if c, err = r.readCopy(); err != nil {
			return err
		}
	}
	r.lost = !keyring.Exists(r.at.keyring())
	if r.lost && c == nil {
		return fault.New(fault.Unknown, "there is no keyring in %s: put it back, or name a copy of it (--keyring)", r.at.keyring())
	}
	if r.lost {
		r.installed = c
		if err := c.Install(r.at.keyring(), source, time.Now()); err != nil {
			return err
		}
	}
	if s.Ring, err = keyring.OpenFrom(r.at.keyring(), source); err != nil {
		return err
	}
	if c != nil && !r.lost {
		s.Old, err = c.Open(source, time.Now())
	}
	return err
}

func (r *restoring) readCopy() (*keyring.Copy, error) {
	f, err := r.decrypt(r.copy)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", r.copy, err)
	}
	return keyring.ReadCopy(raw)
}

// published finds out what was published. Where nobody knows, it could not be
// told whether the restored log would be a second one of its name.
func (r *restoring) published(ctx context.Context, s *store.Restore) (err error) {
	if s.Published, err = publishedIn(r.at.dir); err != nil {
		return err
	}
	if r.head != "" {
		raw, err := os.ReadFile(r.head)
		if err != nil {
			return fmt.Errorf("reading the published head: %w", err)
		}
		s.Heads = append(s.Heads, string(raw))
	}
	log, _, _ := strings.Cut(s.Ring.LogVerifier(), "+")
	if before := s.Ring.LogBefore(); log == r.origin && len(before) > 0 { // a restore that was cut short goes on
		log, _, _ = strings.Cut(before[0], "+")
	}
	for _, w := range r.witnesses {
		c, err := witness.NewClient(w.URL, w.Key)
		if err != nil {
			return err
		}
		seen, err := c.Seen(ctx, log)
		if err != nil {
			return exitError{exitUnknown, "could not tell what was published: " + err.Error()}
		}
		s.Heads = append(s.Heads, seen)
	}
	if s.Published == "" && len(s.Heads) == 0 && r.origin == "" {
		return exitError{exitUnknown, fmt.Sprintf("could not tell what was published: there is no file %s in %s. Put it back, or name it (--head FILE), or ask a witness (--witness URL=KEY); where none of this is left, begin a new log (--force-new-origin NAME)", headFile, r.at.dir)}
	}
	return nil
}

// tombstones reads who was erased: what is kept in the folder, and what is named.
func (r *restoring) tombstones() (*store.Tombstones, error) {
	files := r.stones
	if kept := filepath.Join(r.at.dir, tombstonesFile); exists(kept) {
		files = append(list{kept}, files...)
	}
	var all *store.Tombstones
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading who was erased: %w", err)
		}
		one, err := store.ReadTombstones(f)
		f.Close()
		if err == nil && !one.Ended && slices.Contains(r.stones, name) {
			err = fault.New(fault.Invalid, "the list of who was erased ends before its last line: it was cut short")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if all == nil {
			all = one
		} else if err := all.Add(one); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// warn says who may be back: a keyring from the time of the backup opens whoever was
// erased since, and only a list says who that is.
func (r *restoring) warn() {
	const list = "who was erased has a receipt of it"
	switch t := r.erased; {
	case !r.lost:
	case t == nil:
		fmt.Fprintf(r.e.stderr, "warning: the copy of the keyring took the place of the lost one, and no list says who was erased since it was made (--tombstones): they are back; %s\n", list)
	case t.Until.IsZero() && t.Newest.IsZero():
		fmt.Fprintf(r.e.stderr, "warning: the copy of the keyring took the place of the lost one. The list names nobody: whoever was erased since the copy was made is back; %s\n", list)
	case t.Until.IsZero():
		fmt.Fprintf(r.e.stderr, "warning: the copy of the keyring took the place of the lost one. The list names nobody who was erased after %s: if somebody was, they are back; %s\n", t.Newest.Format(time.RFC3339), list)
	default:
		fmt.Fprintf(r.e.stderr, "warning: the copy of the keyring took the place of the lost one. The list was made at %s: whoever was erased after that is back; %s\n", t.Until.Format(time.RFC3339), list)
	}
}

func tellRestored(e env, d store.Restored) error {
	fmt.Fprintf(e.stdout, "restored as of %s: %s, %s, %s of the log; everything was checked\n", d.Made.Format(time.RFC3339),
		lang.Count(d.Subjects, "person", "persons"), lang.Count(d.Events, "event", "events"), lang.Count(d.Entries, "entry", "entries"))
	for _, left := range []struct {
		n         int64
		one, many string
	}{
		{d.Erased, "person was erased since, and is left out",
			"persons were erased since, and are left out"},
		{d.Closed, "person is left out because no key opens them: they were erased since, or shared a bucket with somebody who was. A copy of the keyring from the time of the backup opens the latter (--keyring)",
			"persons are left out because no key opens them: they were erased since, or shared a bucket with somebody who was. A copy of the keyring from the time of the backup opens the latter (--keyring)"},
		{d.Doubtful, "person is left out because only the copy of the keyring opens them, and nobody knows whether they were erased since (--tombstones)",
			"persons are left out because only the copy of the keyring opens them, and nobody knows whether they were erased since (--tombstones)"},
		{d.KeptClosed, "record of somebody who was erased before is left out because no key opens it",
			"records of people who were erased before are left out because no key opens them"},
		{d.Blanked, "event of those left out keeps its time alone",
			"events of those left out keep their times alone"},
		{d.Stopped, "recipient or purpose is stopped, as it was then or was known to be since: see whether it still should be",
			"recipients and purposes are stopped, as they were then or were known to be since: see whether they still should be"},
		{d.Rewrapped, "person was opened by the copy of the keyring",
			"persons were opened by the copy of the keyring"},
	} {
		if left.n > 0 {
			fmt.Fprintln(e.stdout, lang.Count(left.n, left.one, left.many))
		}
	}
	if d.Before != "" {
		fmt.Fprintf(e.stdout, "a new log begins, and names the newest head known of the one before. Tell customers, auditors and witnesses its key\n")
	}
	return nil
}
