package keyring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// unfinished is what a file is called until it is whole. A crash may leave one;
// it holds keys, so sweep takes it away.
const unfinished = ".new"

// disk is the folder of a keyring as it is written: every change of it goes
// through here, so that a test can cut the power between any two.
type disk struct {
	dir  string
	step func(op string) error // called after each change of the folder; nil outside of tests
}

func (d disk) path(name string) string { return filepath.Join(d.dir, name) }

func (d disk) has(name string) bool {
	_, err := os.Lstat(d.path(name))
	return err == nil
}

func (d disk) stepped(err error, op string) error {
	if err != nil || d.step == nil {
		return err
	}
	return d.step(op)
}

// write replaces a file by data so that after a crash at any instruction either
// the old file is there or the new one, whole: a new file is written and synced,
// renamed over the old, and the folder is synced. After an error either may be
// there.
func (d disk) write(name string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s in the keyring: %w", name, err)
		}
	}()
	fresh := d.path(name + unfinished)
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err = d.stepped(err, "create "+name); err == nil {
		err = d.fill(f, name, data)
	}
	if f != nil {
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		os.Remove(fresh)
		return err
	}
	return d.rename(name+unfinished, name)
}

func (d disk) fill(f *os.File, name string, data []byte) error {
	for _, half := range [][]byte{data[:len(data)/2], data[len(data)/2:]} {
		_, err := f.Write(half)
		if err = d.stepped(err, "write "+name); err != nil {
			return err
		}
	}
	return d.stepped(f.Sync(), "sync "+name)
}

// rename gives a file another name, durably.
func (d disk) rename(from, to string) error {
	if err := d.stepped(os.Rename(d.path(from), d.path(to)), "rename "+to); err != nil {
		return err
	}
	return d.stepped(syncDir(d.dir), "sync the folder")
}

// remove takes a file away, durably. One that is not there is no error.
func (d disk) remove(name string) error {
	err := os.Remove(d.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err = d.stepped(err, "remove "+name); err == nil {
		err = d.stepped(syncDir(d.dir), "sync the folder")
	}
	if err != nil {
		return fmt.Errorf("removing %s from the keyring: %w", name, err)
	}
	return nil
}

// sweep removes what crashes in the middle of writing left: keys that were
// destroyed since must not lie about in a file nobody looks at. The caller has
// the keyring for itself.
func (d disk) sweep() error {
	left, err := filepath.Glob(d.path("*" + unfinished))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := d.remove(filepath.Base(path)); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
