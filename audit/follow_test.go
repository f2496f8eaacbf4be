package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/ledger"
)

// TestAnAuditFollowsHandovers audits one log before, between and after two
// hand-overs: with each key that somebody may have noted, and from each state.
func TestAnAuditFollowsHandovers(t *testing.T) {
	version := example(t)
	s := newShop(t).publish(version.ID)
	leaf := s.say(version)
	keys := []string{s.key}
	files := []File{s.to(90).receipt(leaf)}
	_, before := s.holds()
	s.to(99).handOver(newShop(t))
	keys = append(keys, s.key)
	_, at := s.holds(with(before))
	files = append(files, s.to(300).receipt(leaf))
	_, between := s.holds(with(before))
	s.to(511).handOver(newShop(t))
	keys = append(keys, s.key)
	files = append(files, s.to(700).receipt(leaf))
	for i := range files {
		files[i].Name = fmt.Sprintf("receipt-%d.json", i)
	}

	for i, key := range keys {
		v, _ := s.holds(func(c *Config) { c.Key = key }, holding(files...))
		if v.Key != keys[2] || v.Keys != 3 || v.Receipts != 3 || v.Records != 3 {
			t.Errorf("with key %d: %s", i, strings.Join(v.Lines(), "\n"))
		}
		if told := strings.Contains(strings.Join(v.Notes, "\n"), "note the new one"); told != (i < 2) {
			t.Errorf("with key %d: %v", i, v.Notes)
		}
	}
	for i, state := range []*State{before, at, between} {
		v, next := s.holds(with(state), holding(files...))
		if v.Keys != 3 || len(next.Signers) != 3 || next.Signers[0] != (Signer{keys[0], 100}) || next.Signers[1] != (Signer{keys[1], 512}) || next.Signers[2].Until != 0 {
			t.Errorf("from state %d: %+v", i, next.Signers)
		}
		if again, _ := s.holds(with(next), func(c *Config) { c.Key = keys[2] }); again.Records != 0 {
			t.Errorf("from state %d again: %+v", i, again)
		}
	}
	if _, _, err := Run(t.Context(), Config{URL: s.URL, Key: newShop(t).key, State: before}); err == nil {
		t.Error("a key that nobody handed over to was taken")
	}
}

// An older list of keys, left in a cache, is asked for once more.
func TestAListThatWasKeptOnItsWayIsNoLie(t *testing.T) {
	s := newShop(t).to(100).handOver(newShop(t))
	_, state := s.to(200).holds()
	_, state = s.handOver(newShop(t)).holds(with(state))
	older, err := json.Marshal(s.chain[:2])
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	s.spoil = func(path string, _ []byte) (int, []byte) {
		if path == "log/signers" {
			if asked++; asked == 1 {
				return 200, older
			}
		}
		return 0, nil
	}
	if s.holds(with(state)); asked < 2 {
		t.Error("the test is worth nothing: the list was not asked for again")
	}
}

// TestLiesAboutKeysAreNamed lets a log lie about its keys, to an audit that has
// a state from before the hand-over at 300 and a state from after it.
func TestLiesAboutKeysAreNamed(t *testing.T) {
	version := example(t)
	for _, c := range []struct {
		name  string
		lie   Lie
		says  string
		proof int // heads of evidence, at least
		with  string
		tell  func(s, old *shop) (liar *shop, file *File)
	}{
		{"the old key signs on", OldKey, "of 700 entries is signed by a key that is good up to 300", 2, "", func(s, old *shop) (*shop, *File) {
			s.signed = old.sign(700, s.root())
			return s, nil
		}},
		{"the old key signs on, to one who knows no list", OldKey, "good up to 300", 1, "after", func(s, old *shop) (*shop, *File) {
			s.signed = old.sign(700, s.root())
			return spoils(s, "log/signers", missing), nil
		}},
		{"a receipt that the old key signed beyond", OldKey, "good up to 300", 2, "", func(s, old *shop) (*shop, *File) {
			chain, signer := s.chain, s.signer
			s.chain, s.signer = s.chain[:1], old.signer
			file := s.receipt(1)
			s.chain, s.signer = chain, signer
			return s, &file
		}},
		{"a receipt that the old key dated back", Fork, "another history", 2, "", func(s, old *shop) (*shop, *File) {
			f := old.fork(1)
			f.chain = nil
			leaf := f.say(version)
			file := f.to(200).receipt(leaf)
			return s, &file
		}},
		{"a receipt with a hand-over to a thief", Fork, "another history", 2, "", func(s, old *shop) (*shop, *File) {
			f := old.fork(1)
			f.chain = nil
			leaf := f.to(50).handOver(newShop(t)).say(version)
			file := f.receipt(leaf)
			return s, &file
		}},
		{"a witness saw the old key sign on", OldKey, "witness", 2, "witness", func(s, old *shop) (*shop, *File) {
			old.entries, old.levels = s.entries, s.levels
			return s, nil
		}},
		{"the hand-over is hidden from who knows it", OldKey, "said to be good from 0 entries on", 0, "after", func(s, old *shop) (*shop, *File) {
			s.chain = s.chain[:1]
			return s, nil
		}},
		{"the log is put back to before the hand-over", RolledBack, "signed with 650", 2, "after", func(s, old *shop) (*shop, *File) {
			f := old.fork(280)
			f.chain = s.chain[:1]
			return f, nil
		}},
		{"the log is put back and goes on", OldKey, "said to be good from 0 entries on", 0, "after", func(s, old *shop) (*shop, *File) {
			f := old.fork(280).to(700)
			f.chain = s.chain[:1]
			return f, nil
		}},
		{"the hand-over is hidden", WrongSignature, "no signature", 1, "before", func(s, old *shop) (*shop, *File) {
			s.chain = nil
			return s, nil
		}},
		{"the hand-over is hidden, and the old key signs", WithheldRecord, "leaf 299", 0, "", func(s, old *shop) (*shop, *File) {
			s.chain, s.signed = nil, old.sign(700, s.root())
			return s, nil
		}},
		{"the hand-over has no list to be in", WithheldRecord, "leaf 299 is not among", 0, "", func(s, old *shop) (*shop, *File) {
			return spoils(s, "log/records", missing), nil
		}},
		{"the hand-over is not among the records", WithheldRecord, "leaf 299 is not among", 0, "", func(s, old *shop) (*shop, *File) {
			return spoils(s, "log/records", func(b []byte) (int, []byte) { return 200, []byte(`{"leaves":[0]}`) }), nil
		}},
		{"the hand-over is another", OldKey, "is not listed where it was", 0, "after", func(s, old *shop) (*shop, *File) {
			f := old.fork(299).handOver(newShop(t)).to(700)
			return f, nil
		}},
		{"the hand-over came before what the audit saw", OldKey, "of 250 entries, signed by a key that is said to be good up to 201", 2, "before", func(s, old *shop) (*shop, *File) {
			return old.fork(200).handOver(newShop(t)).to(700), nil
		}},
		{"the hand-over is of another history", Fork, "the hand-over to", 2, "", func(s, old *shop) (*shop, *File) {
			f := old.fork(100).to(299).handOver(newShop(t))
			s.chain, s.signer = f.chain, f.signer
			delete(s.public, 299)
			return s, nil
		}},
		{"the list does not hold", WrongSignature, "list of the log's keys", 0, "", func(s, old *shop) (*shop, *File) {
			return spoils(s, "log/signers", func(b []byte) (int, []byte) {
				return 200, bytes.Replace(b, []byte(`"size":300`), []byte(`"size":301`), 1)
			}), nil
		}},
		{"a hand-over that is none", ImproperRecord, "leaf 700", 0, "", func(s, old *shop) (*shop, *File) {
			return s.record(map[string]string{"type": ledger.HandoverType}), nil
		}},
		{"a hand-over that nobody signed", WithheldRecord, "leaf 700", 0, "", func(s, old *shop) (*shop, *File) {
			h, err := ledger.NewHandover(s.key, newShop(t).key, 700, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return s.record(h), nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t).publish(version.ID)
			s.say(version)
			_, before := s.to(250).holds()
			old := s.fork(250)
			s.to(299)
			old.entries, old.levels = s.entries, s.levels
			s.handOver(newShop(t))
			_, after := s.to(650).holds(with(before))
			s.to(700).holds()
			liar, file := c.tell(s, old)
			v, next := liar.audits(func(conf *Config) {
				conf.Key = old.key
				switch c.with {
				case "before":
					conf.State, conf.Key = before, ""
				case "after":
					conf.State, conf.Key = after, ""
				case "witness":
					w := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
						fmt.Fprint(rw, old.head(), cosign(t, old.head()))
					}))
					t.Cleanup(w.Close)
					conf.Witnesses = []Witness{{witnessKey(t).Verifier(), w.URL}}
				}
				if file != nil {
					conf.Receipts = []File{*file}
				}
			})
			if v.Outcome != Lied || next != nil || v.Findings[0].Lie != c.lie || !strings.Contains(v.Findings[0].Text, c.says) || len(v.Findings[0].Evidence) < c.proof {
				t.Fatalf("want %s %q with %d heads\n%s", c.lie, c.says, c.proof, strings.Join(v.Lines(), "\n"))
			}
		})
	}
}
