package keyring

import (
	"fmt"
	"os"
	"path/filepath"
)

// unfinished is what a file is called until it is whole. A crash may leave one;
// it holds keys, so sweep takes it away.
const unfinished = ".new"

// writeFile replaces dir/name by data so that after a crash at any instruction
// either the old file is there or the new one, whole: a new file is written and
// synced, renamed over the old, and the folder is synced.
func writeFile(dir, name string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s in the keyring: %w", name, err)
		}
	}()
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+unfinished, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(path + unfinished)
		return err
	}
	if err = os.Rename(path+unfinished, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// sweep removes what crashes in the middle of writing left: keys that were
// destroyed since must not lie about in a file nobody looks at.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, "*"+unfinished))
	if err != nil || len(left) == 0 {
		return err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing an unfinished file of the keyring: %w", err)
		}
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
