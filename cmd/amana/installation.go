package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/web"
)

// An installation is one folder: amana.db, keys/, lock, control.sock, and the
// company's logo. Database and keyring may lie elsewhere.
type installation struct {
	dir  string
	site string   // where customers find the hosted pages; "" where that was not said
	lock *os.File // held while open: one process at a time
	ring *keyring.Ring
	db   *store.DB
	logo atomic.Pointer[web.Logo] // as the pages show it

	publisher *publisher.Publisher // while it is served; else nil
	outside   *outside             // what is kept beside the database
}

// errLocked says that another process has the installation open.
var errLocked = fault.New(fault.Conflict, "another amana has this folder open")

// open opens the installation at a place. With a policy it makes a new one where
// there is none; the policy's first site names the log for good. publicURL is
// where customers find the hosted pages.
func open(ctx context.Context, at place, publicURL string, p *policy.Policy) (*installation, error) {
	log := ""
	if p != nil {
		log = originOf(p)
	}
	return openLog(ctx, at, publicURL, log)
}

// openLog is open with the name of the log of a new installation; "" makes none.
func openLog(ctx context.Context, at place, publicURL, log string) (_ *installation, err error) {
	if publicURL, err = siteAddress(publicURL); err != nil {
		return nil, fmt.Errorf("public_url: %w", err)
	}
	if log == "" && at.noInstallation() {
		return nil, fault.New(fault.Unknown, "there is no installation in the folder %s; amana serve --dir %s --policy amana.yaml makes one", at.dir, at.dir)
	}
	in := &installation{dir: at.dir, site: publicURL}
	if in.lock, err = lock(at.dir, log != "" || at.keys != ""); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			in.lock.Close()
		}
	}()
	c := store.Config{Now: time.Now, TakeBack: takeBack(publicURL), PublicURL: publicURL}
	if err = at.into(&c); err != nil {
		return nil, err
	}
	if c.Published, err = publishedIn(at.dir); err != nil {
		return nil, err
	}
	if c.Published != "" && log != "" && !exists(at.keyring()) && (at.postgres() || !exists(at.file())) {
		return nil, fault.New(fault.Conflict, "%s has published a log, and its keyring is gone: put it back, or restore a backup with a copy of it. To begin from nothing, take the file %q away", at.dir, headFile)
	}
	if in.ring, c.Create, err = openRing(at, log); err != nil {
		return nil, err
	}
	c.Ring = in.ring
	if in.db, err = store.Open(ctx, c); errors.Is(err, store.ErrBehind) {
		return nil, no(err)
	} else if err != nil {
		return nil, err
	}
	if c.Create {
		err = in.ring.Move(at.keyring())
	}
	if err == nil {
		in.outside, err = newOutside(ctx, at.dir, in.db)
	}
	if err != nil {
		return nil, errors.Join(err, in.db.Close())
	}
	return in, nil
}

// noInstallation says that a folder is there and holds nothing of one, nor was it said
// that something of it lies elsewhere.
func (p place) noInstallation() bool {
	if !exists(p.dir) || p.db != "" || p.keys != "" {
		return false
	}
	return !slices.ContainsFunc([]string{p.keyring(), p.keyring() + unfinished, p.file(), filepath.Join(p.dir, headFile)}, exists)
}

func lock(dir string, create bool) (*os.File, error) {
	if create {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder: %w", err)
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Unknown, "there is no folder %s; amana serve --dir %s --policy amana.yaml makes it", dir, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, errLocked
	}
	return f, nil
}

// openRing opens the keyring, or makes one where there is neither keyring nor
// database. A missing keyring or database alone is an error: a new keyring would
// open nothing, and an empty database under the old log's key would sign a
// second history. A fresh keyring lies in a folder of another name until its
// database is made. What a first start that was cut short left is taken away, or
// taken up where it may be in a database already, for no door was open yet.
func openRing(at place, log string) (ring *keyring.Ring, fresh bool, err error) {
	source, err := at.source()
	if err != nil {
		return nil, false, err
	}
	keys, database := at.keyring(), at.file()
	if exists(keys) || !at.postgres() && exists(database) && !exists(keys+unfinished) || log == "" {
		ring, err = keyring.OpenFrom(keys, source)
		return ring, false, err
	}
	if at.postgres() && keyring.Exists(keys+unfinished) {
		ring, err = keyring.OpenFrom(keys+unfinished, source)
		return ring, true, err
	}
	left := []string{keys + unfinished}
	if !at.postgres() {
		left = append(left, database, database+"-wal", database+"-shm")
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return nil, false, fmt.Errorf("clearing what a first start left: %w", err)
		}
	}
	ring, err = keyring.CreateFrom(keys+unfinished, log, source)
	return ring, true, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// originOf names the log after the company's first site. It never has a port.
func originOf(p *policy.Policy) string {
	if len(p.Organization.Sites) > 0 {
		if u, err := url.Parse(p.Organization.Sites[0]); err == nil && u.Hostname() != "" {
			return u.Hostname() + "/log"
		}
	}
	return "localhost/log"
}

// takeBack says in receipts where and how an answer is taken back.
func takeBack(publicURL string) func(string) (string, string) {
	return func(language string) (string, string) {
		words, ok := lang.For(language, lang.Options{})
		if !ok {
			return publicURL, ""
		}
		return publicURL + "/" + language + "/choices", words.T("receipt.take_back")
	}
}

func (in *installation) close() error {
	return errors.Join(in.outside.last(), in.db.Close(), in.lock.Close())
}
