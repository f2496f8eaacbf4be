package keyring

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/amana-privacy/amana/fault"
)

// identity writes the file of an age identity.
func identity(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "identity.txt")
	if err := os.WriteFile(file, []byte("# made for a test\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func x25519(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func hybrid(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func source(t *testing.T, s Source, err error) Source {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ageOf(t *testing.T, lines ...string) Source {
	t.Helper()
	s, err := Identity(identity(t, lines...))
	return source(t, s, err)
}

func env(t *testing.T, text string) Source {
	t.Helper()
	s, err := Environment(text)
	return source(t, s, err)
}

// hardware is the identity of age-plugin-amanatest, which this test's own
// program is under another name: what stands for a plugin that asks hardware.
func hardware(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "age-plugin-amanatest")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return plugin.EncodeIdentity("amanatest", []byte("slot 1"))
}

// inHardware wraps by turning bits: enough to see that the plugin was asked.
type inHardware struct{}

func (inHardware) Wrap(key []byte) ([]*age.Stanza, error) {
	return []*age.Stanza{{Type: "amanatest", Body: turned(key)}}, nil
}

func (inHardware) Unwrap(list []*age.Stanza) ([]byte, error) {
	for _, s := range list {
		if s.Type == "amanatest" {
			return turned(s.Body), nil
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func turned(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = ^b[i]
	}
	return out
}

func pluginMain() int {
	p, err := plugin.New("amanatest")
	if err != nil {
		return 1
	}
	p.HandleIdentity(func([]byte) (age.Identity, error) { return inHardware{}, nil })
	p.HandleIdentityAsRecipient(func([]byte) (age.Recipient, error) { return inHardware{}, nil })
	return p.Main()
}

func TestEachSourceOpensItsKeyring(t *testing.T) {
	both := []string{x25519(t), x25519(t)}
	text := NewMaster()
	for _, c := range []struct {
		name        string
		here, again Source // the same key, read anew
		keeps       string // the file in the folder, "" = none
	}{
		{"file", File(), File(), masterFile},
		{"environment", env(t, text), env(t, text), ""},
		{"X25519 identity", ageOf(t, both[0]), ageOf(t, both[0]), identityFile},
		{"hybrid identity", nil, nil, identityFile},
		{"plugin's identity", nil, nil, identityFile},
		{"one of two identities", ageOf(t, both...), ageOf(t, both[1]), identityFile},
	} {
		t.Run(c.name, func(t *testing.T) {
			switch c.name {
			case "hybrid identity":
				id := hybrid(t)
				c.here, c.again = ageOf(t, id), ageOf(t, id)
			case "plugin's identity":
				id := hardware(t)
				c.here, c.again = ageOf(t, id), ageOf(t, id)
			}
			dir := filepath.Join(t.TempDir(), "keys")
			made, err := CreateFrom(dir, "shop.example/log", c.here)
			if err != nil {
				t.Fatal(err)
			}
			keys, wrapped := made.NewKeys(SubjectID{1})
			r, err := OpenFrom(dir, c.again)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := r.Unwrap(SubjectID{1}, wrapped); err != nil || got != keys {
				t.Fatalf("the keys do not come back: %v", err)
			}
			for _, name := range []string{masterFile, identityFile} {
				if (disk{dir: dir}).has(name) != (name == c.keeps) {
					t.Errorf("%s is there, or is not", name)
				}
			}
			if c.keeps == identityFile {
				raw, _ := os.ReadFile(filepath.Join(dir, identityFile))
				if strings.Contains(string(raw), masterHead) {
					t.Error("the master key lies in clear")
				}
			}
		})
	}
}

func TestAWrongOrLostSourceIsAClearError(t *testing.T) {
	id, text := x25519(t), NewMaster()
	for name, c := range map[string]struct {
		made, opened Source
		kind         fault.Kind
		says         string
	}{
		"the environment's key is another":   {env(t, text), env(t, NewMaster()), fault.Denied, "does not open"},
		"the environment's key is gone":      {env(t, text), File(), fault.Unknown, "no master key"},
		"the identity is another":            {ageOf(t, id), ageOf(t, x25519(t)), fault.Denied, "does not open"},
		"the identity is not named":          {ageOf(t, id), File(), fault.Unknown, "AMANA_KEY_IDENTITY"},
		"an identity where the key is clear": {File(), ageOf(t, id), fault.Unknown, "no master key"},
		"a file and the environment":         {File(), env(t, text), fault.Conflict, "take one of them away"},
		"an identity and the environment":    {ageOf(t, id), env(t, text), fault.Conflict, "take one of them away"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			if _, err := CreateFrom(dir, "shop.example/log", c.made); err != nil {
				t.Fatal(err)
			}
			before := names(t, dir)
			if _, err := OpenFrom(dir, c.opened); fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if _, err := CreateFrom(dir, "shop.example/log", c.opened); fault.KindOf(err) != fault.Conflict {
				t.Errorf("a new keyring would replace it: %v", err)
			}
			for _, n := range names(t, dir) {
				if n != lockFile && n != turnFile && !strings.Contains(strings.Join(before, " "), n) {
					t.Errorf("%s was made", n)
				}
			}
		})
	}
	if _, err := OpenFrom(filepath.Join(t.TempDir(), "keys"), env(t, text)); fault.KindOf(err) != fault.Unknown {
		t.Errorf("no folder, but a key: %v", err)
	}
}

func TestSourcesAreNamedStrictly(t *testing.T) {
	open := identity(t, x25519(t))
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func() (Source, error){
		"no key":               func() (Source, error) { return Environment(" ") },
		"a key cut short":      func() (Source, error) { return Environment(NewMaster()[:40]) },
		"a key without head":   func() (Source, error) { return Environment(strings.TrimPrefix(NewMaster(), masterHead)) },
		"one of two is none":   func() (Source, error) { return Environment(NewMaster() + ",hello") },
		"no identity file":     func() (Source, error) { return Identity(filepath.Join(t.TempDir(), "none")) },
		"an empty file":        func() (Source, error) { return Identity(identity(t)) },
		"a recipient":          func() (Source, error) { return Identity(identity(t, "age1"+strings.Repeat("q", 58))) },
		"a file others read":   func() (Source, error) { return Identity(open) },
		"both":                 func() (Source, error) { return SourceOf(NewMaster(), open) },
		"a spoilt identity":    func() (Source, error) { return Identity(identity(t, x25519(t)[:50])) },
		"a plugin that is not": func() (Source, error) { return Identity(identity(t, "AGE-PLUGIN-X")) },
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), "AGE-SECRET") || strings.Contains(err.Error(), "amana-master-v1:A") {
			t.Errorf("%s: the error has the secret: %v", name, err)
		}
	}
}

func TestAPluginThatIsGoneIsAClearError(t *testing.T) {
	id := hardware(t)
	dir := filepath.Join(t.TempDir(), "keys")
	if _, err := CreateFrom(dir, "shop.example/log", ageOf(t, id)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := OpenFrom(dir, ageOf(t, id)); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "amanatest") {
		t.Errorf("%v", err)
	}
}

func FuzzParseIdentities(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("# a comment\n" + id.String() + "\n")
	f.Add("AGE-PLUGIN-A-1QQQ")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := parseIdentities(text)
		if err == nil && (len(w.identities) == 0 || len(w.identities) != len(w.recipients)) {
			t.Fatal("an identity without its recipient")
		}
	})
}

func FuzzParseMaster(f *testing.F) {
	f.Add(NewMaster())
	f.Add(strings.Replace(NewMaster(), ":", ":\n", 1))
	f.Fuzz(func(t *testing.T, text string) {
		if k, ok := parseMaster(text); ok && masterText(k) != strings.TrimSpace(text) {
			t.Fatal("a key has two spellings")
		}
	})
}

var errPower = errors.New("the power is gone")
