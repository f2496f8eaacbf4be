package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	rights "github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Whoever is bound where they come from is bound where they go, and a list that is
// taken out says no yes that may not be used.
func TestWhoIsBoundStaysSo(t *testing.T) {
	s := newShop(t, "")
	s.says("customer:1", consent.Given)
	s.says("customer:2", consent.Given)
	s.says("customer:3", consent.Given)
	in := s.open()
	for id, kind := range map[subject.ID]rights.Kind{"customer:1": rights.Restriction, "customer:2": rights.Erasure} {
		if _, _, err := in.db.Ask(t.Context(), store.Ask{Subjects: []subject.ID{id}, Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.db.Stop(t.Context(), nil, []string{"coverage_study"}); err != nil {
		t.Fatal(err)
	}
	in.close()

	list, all := filepath.Join(t.TempDir(), "list.csv"), filepath.Join(t.TempDir(), "all.ndjson.gz")
	said := s.did("export", "--by", "Mona Haddad", "--consents", "csv", "--out", list)
	if !strings.Contains(said, "2 of them said yes, which may not be used now: restricted") {
		t.Error(said)
	}
	if got := s.did("export", "--by", "Mona Haddad", "--consents", "csv", "--out", list, "--json"); !strings.Contains(got, `"barred":{"restricted":2}`) {
		t.Error(got)
	}
	s.did("export", "--by", "Mona Haddad", "--out", all)
	n := shop{t, place{dir: filepath.Join(t.TempDir(), "new")}}
	for range 2 {
		n.did("import", "export", all, "--public-url", "https://privacy.example")
		for id, want := range map[string]string{"customer:1": "no: restricted", "customer:2": "no: restricted", "customer:3": "yes: given"} {
			if _, said := n.does("decide", id, "--purpose", "tailored_offers"); !strings.Contains(said, want) {
				t.Errorf("%s: %s", id, said)
			}
		}
		if _, said := n.does("decide", "customer:3", "--purpose", "coverage_study"); !strings.Contains(said, "forbidden_by_law") {
			t.Error(said)
		}
	}
}

// What is taken out is for its owner alone, also where somebody has put a file of
// their own in its place beforehand.
func TestAFileOfAnothersIsNotWrittenInto(t *testing.T) {
	_, recipient := ageKey(t)
	s := newShop(t, "")
	for name, args := range map[string][]string{
		"all.ndjson": {"export", "--by", "Mona Haddad", "--out"},
		"keys":       {"backup", "--keyring", "--recipient", recipient, "--to"},
	} {
		file, theirs := filepath.Join(t.TempDir(), name), filepath.Join(t.TempDir(), "theirs")
		if err := errors.Join(os.WriteFile(theirs, nil, 0o666), os.Link(theirs, file+unfinished)); err != nil {
			t.Fatal(err)
		}
		s.did(append(args, file)...)
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 || sizeOf(theirs) != 0 {
			t.Errorf("%s: %v, %v, %d bytes are theirs", name, info.Mode(), err, sizeOf(theirs))
		}
	}
}

// A pipe or a device is written into, and stays what it is.
func TestAnExportGoesIntoAPipe(t *testing.T) {
	s := newShop(t, "")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		raw, _ := os.ReadFile(pipe)
		got <- string(raw)
	}()
	s.did("export", "--by", "Mona Haddad", "--out", pipe)
	if info, err := os.Stat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Fatalf("it is %v now, %v", info.Mode(), err)
	}
	if text := <-got; !strings.HasPrefix(text, `{"head":`) || !strings.Contains(text, `{"end":`) {
		t.Errorf("%.80s", text)
	}
}

// Receipts say where an answer is taken back: an address that is none is refused
// before anything is made.
func TestAnAddressThatIsNoneMovesNobody(t *testing.T) {
	s := newShop(t, "")
	all := filepath.Join(t.TempDir(), "all.ndjson")
	s.did("export", "--by", "Mona Haddad", "--out", all)
	n := shop{t, place{dir: filepath.Join(t.TempDir(), "new")}}
	if code, said := n.does("import", "export", all, "--public-url", "privacy.example"); code != exitNo || !strings.Contains(said, "is not like https://") {
		t.Errorf("%d %s", code, said)
	}
	if exists(n.at.file()) || keyring.Exists(n.at.keyring()) {
		t.Error("an installation was made")
	}
}
