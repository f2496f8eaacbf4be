package powerloss

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCallsAreRead(t *testing.T) {
	for _, c := range []struct {
		name, trace string
		want        []call
	}{
		{
			"whole", `7 pwrite64(6<\x2f\x61>, "\x68\x69", 2, 40) = 2` + "\n",
			[]call{{span{1, 1}, "7", "pwrite64", []string{`6<\x2f\x61>`, `"\x68\x69"`, "2", "40"}, "2"}},
		},
		{
			"with another thread between",
			"7 fsync(6<\\x2f> <unfinished ...>\n8 rmdir(\"\\x61\") = 0\n7 <... fsync resumed>)     = 0\n",
			[]call{
				{span{1, 3}, "7", "fsync", []string{`6<\x2f>`}, "0"},
				{span{2, 2}, "8", "rmdir", []string{`"\x61"`}, "0"},
			},
		},
		{
			"arguments known only at the end",
			"7 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f} <unfinished ...>\n7 <... clone3 resumed> => {parent_tid=[9]}, 88) = 9\n",
			[]call{{span{1, 2}, "7", "clone3", []string{"{flags=CLONE_VM|CLONE_THREAD, stack=0x7f}", "=> {parent_tid=[9]}", "88"}, "9"}},
		},
		{"failed", `7 open("\x61", O_RDONLY) = -1 ENOENT (No such file or directory)` + "\n", nil},
		{"to come again", `7 write(1<\x2f>, "\x61", 1) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)` + "\n", nil},
		{"ended unseen", "7 ???( <detached ...>\n8 syscall_0x7b1(0, 0x207, 0 <detached ...>\n", nil},
		{
			"never returned", "7 fsync(6<\\x2f> <unfinished ...>\n7 +++ killed by SIGKILL +++\n",
			[]call{{span{1, never}, "7", "fsync", []string{`6<\x2f>`}, ""}},
		},
	} {
		got, err := calls(strings.NewReader(c.trace))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(call{}, span{})); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestStringsCutShortAreRefused(t *testing.T) {
	all, err := calls(strings.NewReader(`7 write(6<\x2f>, "\x68\x69"..., 40) = 40` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := all[0].bytes(1); err == nil {
		t.Errorf("got %q", b)
	}
}

// FuzzCalls reads what no strace prints: whatever it is, the reader says so or
// makes a log of which any image can be built.
func FuzzCalls(f *testing.F) {
	f.Add(`7 openat(AT_FDCWD</>, "\x64\x61", O_RDWR|O_CREAT, 0600) = 3<\x2f\x64\x2f\x61>` + "\n" + `7 pwrite64(3<\x2f\x64\x2f\x61>, "\x68\x69", 2, 40) = 2`)
	f.Add("7 fsync(6<\\x2f> <unfinished ...>\n7 <... fsync resumed>) = 0\n")
	f.Add("7 rename(\"\\x2f\\x64\\x2f\\x61\", \"\\x2f\\x64\\x2f\\x62\") = 0\n7 mkdirat(AT_FDCWD, \"\\x2f\\x64\") = 0\n")
	f.Fuzz(func(t *testing.T, trace string) {
		all, err := calls(strings.NewReader(trace))
		if err != nil {
			return
		}
		r := newReader(&Log{t: t}, "/d", "/")
		r.log.root = r.log.add(true)
		for _, c := range all {
			if r.take(c) != nil {
				return
			}
		}
		for _, cut := range r.moments() {
			r.log.named(cut, everything)
		}
	})
}
