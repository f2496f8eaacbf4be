package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// An installation is one folder: amana.db, keys/, lock, control.sock, and the
// company's logo.
type installation struct {
	dir  string
	lock *os.File // held while open: one process at a time
	ring *keyring.Ring
	db   *store.DB
}

// errLocked says that another process has the installation open.
var errLocked = fault.New(fault.Conflict, "another amana has this folder open")

// open opens the installation in dir. With a policy it makes a new one where
// there is none; the policy's first site names the log for good. publicURL is
// where customers find the hosted pages.
func open(ctx context.Context, dir, publicURL string, p *policy.Policy) (_ *installation, err error) {
	in := &installation{dir: dir}
	if in.lock, err = lock(dir, p != nil); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			in.lock.Close()
		}
	}()
	if in.ring, err = openRing(dir, p); err != nil {
		return nil, err
	}
	if in.db, err = store.Open(ctx, store.Config{Path: filepath.Join(dir, "amana.db"), Ring: in.ring, Now: time.Now, TakeBack: takeBack(publicURL)}); err != nil {
		return nil, err
	}
	return in, nil
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

// openRing opens the keyring, or makes it where neither it nor a database is
// there. A database without its keyring is never given a new one.
func openRing(dir string, p *policy.Policy) (*keyring.Ring, error) {
	keys := filepath.Join(dir, "keys")
	_, err := os.Stat(filepath.Join(dir, "amana.db"))
	if p == nil || err == nil || keyring.Exists(keys) {
		return keyring.Open(keys)
	}
	return keyring.Create(keys, originOf(p))
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
	return errors.Join(in.db.Close(), in.lock.Close())
}
