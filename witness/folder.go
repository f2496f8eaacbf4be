package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// The folder of a witness: key, lock, and HASH.checkpoint of each log.

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
		if seen, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.checkpoint")); err != nil || len(seen) > 0 {
			return nil, errors.Join(err, fault.New(fault.Conflict, "the witness's key is gone from %s, beside what was seen under it: put it back; another key is another witness, in a folder of its own", filepath.Dir(file)))
		}
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
