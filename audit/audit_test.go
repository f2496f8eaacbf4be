package audit

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

func TestAnHonestLogHolds(t *testing.T) {
	for _, size := range []int64{0, 1, 255, 256, 257, 5_000, 66_000} {
		s := newShop(t).to(size)
		v, state := s.holds()
		if v.Size != size || v.Recomputed != size || v.Key != s.key || v.ExitCode() != 0 {
			t.Errorf("%d: %+v", size, v)
		}
		if again, _ := s.holds(with(state)); again.Recomputed != 0 || again.From != size {
			t.Errorf("%d: the second audit recomputed %d", size, again.Recomputed)
		}
	}
}

// TestAnAuditGoesOnWhereItEnded grows one log over tile borders, and audits
// from each state but what is new.
func TestAnAuditGoesOnWhereItEnded(t *testing.T) {
	s := newShop(t)
	_, state := s.holds()
	before := int64(0)
	for _, size := range []int64{1, 2, 200, 255, 256, 257, 300, 511, 512, 1_024, 5_001, 65_535, 65_536, 65_537, 66_000, 131_072, 131_100} {
		s.to(size)
		s.requests.Store(0)
		var v Verdict
		if v, state = s.holds(with(state)); v.Recomputed != size-before || v.From != before {
			t.Fatalf("%d to %d: recomputed %d from %d", before, size, v.Recomputed, v.From)
		}
		if got, most := s.requests.Load(), 3*(size-before)/ledger.Width+25; got > most {
			t.Errorf("%d to %d took %d requests, more than %d", before, size, got, most)
		}
		before = size
	}
	if whole, _ := s.holds(); whole.Recomputed != s.size() {
		t.Errorf("%+v", whole)
	}
}

// plant makes a shop with a history, audits it, and lets it lie.
type plant struct {
	name string
	lie  Lie
	says string
	// grown tells the lie: s is honest so far, with 700 entries, an audit's
	// state at 600 and a receipt as of 650. It may give another shop to audit.
	grown func(s *shop) *shop
	with  string // "state", "receipt", "" = neither
}

func entry(b byte) ledger.Entry { return ledger.Entry{b, 31: b} }

// resigned gives a shop whose entry at a leaf is another, with all tiles and a
// signed head to match.
func resigned(s *shop, leaf int64) *shop {
	f := s.fork(leaf)
	return f.add(entry(7)).add(s.entries[leaf+1:]...)
}

// spoils changes what one path serves.
func spoils(s *shop, path string, f func([]byte) (int, []byte)) *shop {
	s.spoil = func(p string, body []byte) (int, []byte) {
		if p != path {
			return 0, nil
		}
		return f(body)
	}
	return s
}

func missing([]byte) (int, []byte) { return 404, nil }

func nothing([]byte) (int, []byte) { return 200, []byte(`{"leaves":[],"next":null}`) }

func flip(at int) func([]byte) (int, []byte) {
	return func(b []byte) (int, []byte) { b[at] ^= 1; return 200, b }
}

func TestEachLieIsNamed(t *testing.T) {
	version := example(t)
	for _, c := range []plant{
		{name: "an entry is served changed", lie: ChangedEntry, says: "entry 261 ", grown: func(s *shop) *shop { return spoils(s, "log/tile/entries/001", flip(5*34+9)) }},
		{name: "an entry and its tile are served changed", lie: ChangedEntry, says: "do not lead", grown: func(s *shop) *shop {
			f := resigned(s, 300)
			f.signed = s.head()
			return f
		}},
		{name: "an entry has another length", lie: ChangedEntry, grown: func(s *shop) *shop { return spoils(s, "log/tile/entries/001", flip(34+1)) }},
		{name: "an entry that is new is served changed", lie: ChangedEntry, says: "entry 699 ", with: "state", grown: func(s *shop) *shop { return spoils(s, "log/tile/entries/002.p/188", flip(187*34+9)) }},
		{name: "the tail is gone", lie: DroppedTail, says: "from entry 512 on", grown: func(s *shop) *shop { return spoils(s, "log/tile/entries/002.p/188", missing) }},
		{name: "the tail is cut", lie: DroppedTail, says: "from entry 522 on", grown: func(s *shop) *shop {
			return spoils(s, "log/tile/entries/002.p/188", func(b []byte) (int, []byte) { return 200, b[:10*34] })
		}},
		{name: "the head counts what is not there", lie: DroppedTail, grown: func(s *shop) *shop {
			s.signed = s.sign(1<<60, tlog.Hash{1})
			return s
		}},
		{name: "history is rewritten and signed", lie: Fork, says: "600 entries", with: "state", grown: func(s *shop) *shop { return resigned(s, 300) }},
		{name: "history is rewritten for a receipt", lie: Fork, says: "receipt-1.json", with: "receipt", grown: func(s *shop) *shop { return resigned(s, 300) }},
		{name: "a receipt's entry is taken out", lie: Fork, says: "receipt-1.json", with: "receipt", grown: func(s *shop) *shop { return resigned(s, 1) }},
		{name: "two heads of one size", lie: Fork, says: "600 entries", with: "state", grown: func(s *shop) *shop {
			f := resigned(s, 300)
			f.entries = f.entries[:600]
			return f.add()
		}},
		{name: "an older head is shown", lie: RolledBack, says: "signed with 600", with: "state", grown: func(s *shop) *shop { return s.fork(550) }},
		{name: "an older head is shown to who has a receipt", lie: RolledBack, says: "receipt-1.json", with: "receipt", grown: func(s *shop) *shop { return s.fork(640) }},
		{name: "the log is begun anew", lie: RolledBack, with: "state", grown: func(s *shop) *shop { return s.fork(0) }},
		{name: "another key signs", lie: WrongSignature, grown: func(s *shop) *shop {
			s.signer = newShop(s.t).signer
			return s
		}},
		{name: "the signature is spoilt", lie: WrongSignature, says: "does not hold", grown: func(s *shop) *shop {
			s.signed = strings.Replace(s.head(), "\n700\n", "\n701\n", 1)
			return s
		}},
		{name: "another log is shown", lie: WrongSignature, says: "other.example/log", grown: func(s *shop) *shop {
			root := s.root()
			s.signed = "other.example/log\n700\n" + strings.Split(s.sign(700, root), "\n")[2] + "\n\n— other.example/log AAAAAAAA\n"
			return s
		}},
		{name: "a tile of leaves is another", lie: WrongTile, says: "tile/0/001", grown: func(s *shop) *shop { return spoils(s, "log/tile/0/001", flip(40)) }},
		{name: "a tile above is another", lie: WrongTile, says: "tile/1/000.p/2", grown: func(s *shop) *shop { return spoils(s, "log/tile/1/000.p/2", flip(40)) }},
		{name: "a tile is not served", lie: WrongTile, says: "tile/0/002.p/188", grown: func(s *shop) *shop { return spoils(s, "log/tile/0/002.p/188", missing) }},
		{name: "a public record is served changed", lie: ChangedRecord, says: "leaf 0", grown: func(s *shop) *shop {
			return spoils(s, "log/record/0", func(b []byte) (int, []byte) { return 200, bytes.Replace(b, []byte("Mona"), []byte("Sara"), 1) })
		}},
		{name: "a public record has another salt", lie: ChangedRecord, grown: func(s *shop) *shop {
			return spoils(s, "log/record/0", func(b []byte) (int, []byte) {
				return 200, []byte(`{"leaf":0,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","record":{}}`)
			})
		}},
		{name: "a public record is withheld", lie: WithheldRecord, says: "leaf 0", grown: func(s *shop) *shop { return spoils(s, "log/record/0", missing) }},
		{name: "the list of records is withheld", lie: UnloggedPolicy, says: "shown today", grown: func(s *shop) *shop { return spoils(s, "log/records", missing) }},
		{name: "the list of records is withheld from who knows it", lie: WithheldRecord, says: "the audit before", with: "state", grown: func(s *shop) *shop { return spoils(s, "log/records", missing) }},
		{name: "the list of records is empty", lie: UnloggedPolicy, says: "shown today", grown: func(s *shop) *shop { return spoils(s, "log/records", nothing) }},
		{name: "the list of records is empty for a receipt", lie: UnloggedPolicy, says: "receipt-1.json", with: "receipt", grown: func(s *shop) *shop {
			s.shown = ""
			return spoils(s, "log/records", nothing)
		}},
		{name: "a policy is published by nobody", lie: ImproperRecord, says: "nobody", grown: func(s *shop) *shop {
			return s.record(published{"policy", version.ID, "2026-11-21T09:00:00.000Z", "", []string{}})
		}},
		{name: "a publication is no version's", lie: ImproperRecord, says: "no version", grown: func(s *shop) *shop {
			return s.record(published{"policy", "sha256:1", "2026-11-21T09:00:00.000Z", "Mona Haddad", []string{}})
		}},
		{name: "a record without a type", lie: ImproperRecord, says: "no type", grown: func(s *shop) *shop { return s.record(map[string]string{"a": "b"}) }},
		{name: "a policy is shown that was never published", lie: UnloggedPolicy, says: "shown today", grown: func(s *shop) *shop { s.shown = "sha256:00"; return s }},
		{name: "a spoilt signature of a witness", lie: WrongSignature, says: "witness.example", grown: func(s *shop) *shop {
			s.lines = strings.Replace(cosign(s.t, s.head()), "AAAA", "BAAA", 1)
			return s
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t).publish(version.ID)
			leaf := s.say(version)
			_, state := s.to(600).holds()
			file := s.to(650).receipt(leaf)
			s.to(700).holds(with(state), holding(file)) // honest so far
			liar := c.grown(s)
			v, next := liar.audits(func(conf *Config) {
				switch c.with {
				case "state":
					conf.State = state
				case "receipt":
					conf.Receipts = []File{file}
				}
				conf.Witnesses = []Witness{{Key: witnessKey(t).Verifier()}}
			})
			if v.Outcome != Lied || next != nil || v.ExitCode() != 1 || v.Findings[0].Lie != c.lie || !strings.Contains(v.Findings[0].Text, c.says) {
				t.Fatalf("want %s %q\n%s", c.lie, c.says, strings.Join(v.Lines(), "\n"))
			}
			if c.lie == Fork && len(v.Findings[0].Evidence) != 2 {
				t.Error("a fork without its two heads")
			}
		})
	}
}

var theWitness *ledger.Cosigner

func witnessKey(t testing.TB) *ledger.Cosigner {
	t.Helper()
	if theWitness == nil {
		key, err := ledger.NewCosignerKey("witness.example/w1")
		if err != nil {
			t.Fatal(err)
		}
		if theWitness, err = ledger.NewCosigner(key, func() time.Time { return time.Unix(1<<20, 0) }); err != nil {
			t.Fatal(err)
		}
	}
	return theWitness
}

func cosign(t testing.TB, signed string) string {
	t.Helper()
	_, text, err := ledger.ReadHead(signed)
	if err != nil {
		t.Fatal(err)
	}
	line, err := witnessKey(t).Line(text)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// TestAnOldKeyIsGoodOnlyUpToItsHandOver gives the audit a chain of two keys.
func TestAnOldKeyIsGoodOnlyUpToItsHandOver(t *testing.T) {
	version := example(t)
	s := newShop(t).publish(version.ID)
	leaf := s.say(version)
	s.to(100)
	early := s.receipt(leaf)
	_, state := s.holds()
	old := s.key
	fresh := newShop(t)
	state.Signers = []Signer{{Key: old, Until: 100}, {Key: fresh.key}}

	s.to(150)
	late := s.receipt(leaf) // signed by the old key for 150 entries
	v, _ := s.audits(with(state))
	if v.Outcome != Lied || v.Findings[0].Lie != OldKey {
		t.Errorf("a head of the old key: %v", v.Lines())
	}
	s.signer = fresh.signer
	if v, _ := s.audits(with(state), holding(early)); v.Outcome != Holds || v.Receipts != 1 || v.Key != fresh.key {
		t.Errorf("a receipt from before the hand-over: %v", v.Lines())
	}
	v, _ = s.audits(with(state), holding(late))
	if v.Outcome != Lied || v.Findings[0].Lie != OldKey {
		t.Errorf("a receipt that the old key signed after it: %v", v.Lines())
	}
}

func TestReceiptsAreHeldToTheLog(t *testing.T) {
	version := example(t)
	s := newShop(t).publish(version.ID)
	first := s.say(version)
	s.to(300)
	a, b := s.receipt(first), File{}
	leaf := s.say(version)
	b = s.receipt(leaf)
	s.to(900)
	v, state := s.holds(holding(a, b))
	if v.Receipts != 2 || v.Records != 1 || v.Policies != 1 {
		t.Errorf("%+v", v)
	}
	if v, _ := s.to(1_000).holds(with(state), holding(a, b)); v.Receipts != 2 || v.Records != 0 || v.Policies != 1 {
		t.Errorf("from a state: %+v", v)
	}
	spoilt := File{"spoilt.json", bytes.Replace(a.Data, []byte("given"), []byte("taken"), 1)}
	stranger := newShop(t).publish(version.ID)
	foreign := stranger.receipt(stranger.say(version))
	for _, file := range []File{spoilt, foreign} {
		if v, _ := s.audits(holding(a, file)); v.Outcome != Lied || v.Findings[0].Lie != BrokenReceipt || v.Receipts != 1 {
			t.Errorf("%s: %v", file.Name, v.Lines())
		}
	}

	early := newShop(t)
	before := early.say(version) // answered before anything was published
	early.publish(version.ID).to(20)
	if v, _ := early.audits(holding(early.receipt(before))); v.Outcome != Lied || v.Findings[0].Lie != UnloggedPolicy {
		t.Errorf("%v", v.Lines())
	}
}

func TestWitnessesAreCountedAndAsked(t *testing.T) {
	s := newShop(t).to(300)
	key := witnessKey(t).Verifier()
	seen := s.head()
	asked := func(url string) func(*Config) { return func(c *Config) { c.Witnesses = []Witness{{key, url}} } }
	w := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, seen, cosign(t, seen)) }))
	defer w.Close()

	if v, _ := s.holds(asked("")); len(v.Witnesses) != 1 || v.Witnesses[0].Signed {
		t.Errorf("%+v", v.Witnesses)
	}
	s.lines = cosign(t, s.head())
	if v, _ := s.holds(asked(w.URL)); !v.Witnesses[0].Signed || v.Witnesses[0].Time.Unix() != 1<<20 {
		t.Errorf("%+v", v.Witnesses)
	}
	s.lines = ""
	s.to(400).holds(asked(w.URL)) // it has seen an older head of this history

	fork := s.fork(200).to(500)
	if v, _ := fork.audits(asked(w.URL)); v.Outcome != Lied || v.Findings[0].Lie != Fork || !strings.Contains(v.Findings[0].Text, "witness") {
		t.Errorf("%v", v.Lines())
	}
	if v, _ := s.fork(200).audits(asked(w.URL)); v.Outcome != Lied || v.Findings[0].Lie != RolledBack {
		t.Errorf("%v", v.Lines())
	}
	seen = newShop(t).to(3).head()
	if v, _ := s.audits(asked(w.URL)); v.Outcome != Unknown {
		t.Errorf("a witness with a head that the log did not sign: %v", v.Lines())
	}
	w.Close()
	if v, _ := s.audits(asked(w.URL)); v.Outcome != Unknown || v.ExitCode() != 3 {
		t.Errorf("%v", v.Lines())
	}
}

func TestWhatCannotBeToldIsNotCalledALie(t *testing.T) {
	s := newShop(t).to(300)
	if v, state := s.audits(func(c *Config) { c.Key = "" }); v.Outcome != Unknown || state != nil || v.Recomputed != 300 {
		t.Errorf("without a key: %v", v.Lines())
	}
	for path, f := range map[string]func([]byte) (int, []byte){
		"log/checkpoint":            func([]byte) (int, []byte) { return 502, nil },
		"log/tile/entries/000":      func([]byte) (int, []byte) { return 503, nil },
		"log/tile/0/001.p/44":       func([]byte) (int, []byte) { return 500, nil },
		"log/tile/1/000.p/1":        func([]byte) (int, []byte) { return 429, nil },
		"log/records":               func([]byte) (int, []byte) { return 200, []byte("<html>") },
		"log/tile/entries/001.p/44": func(b []byte) (int, []byte) { return 200, append(b, make([]byte, 1<<20)...) },
	} {
		spoils(s, path, f)
		if v, _ := s.audits(); v.Outcome != Unknown || v.ExitCode() != 3 {
			t.Errorf("%s: %v", path, v.Lines())
		}
	}
	spoils(s, "log/checkpoint", func([]byte) (int, []byte) { return 200, []byte("<html>not here</html>") })
	if v, _ := s.audits(); v.Outcome != Unknown {
		t.Errorf("no log there: %v", v.Lines())
	}
	version := example(t)
	shop := newShop(t).publish(policy.VersionID("sha256:" + strings.Repeat("0", 64))).publish(version.ID)
	leaf := shop.say(version)
	spoils(shop, "log/record/1", func([]byte) (int, []byte) { return 503, nil })
	if v, _ := shop.audits(holding(shop.receipt(leaf))); v.Outcome != Unknown {
		t.Errorf("the publication of the policy shown cannot be read: %v", v.Lines())
	}
	s.Close()
	if v, _ := s.audits(); v.Outcome != Unknown {
		t.Errorf("unreachable: %v", v.Lines())
	}
}

func TestWhatWasKeptOnItsWayIsNoLie(t *testing.T) {
	s := newShop(t).to(100)
	stale := s.head()
	_, state := s.to(200).holds()
	asked := 0
	s.spoil = func(path string, _ []byte) (int, []byte) {
		if asked++; path == "log/checkpoint" && asked == 1 {
			return 200, []byte(stale)
		}
		return 0, nil
	}
	s.holds(with(state))

	// Of a partial tile only the full one may be left.
	s.spoil = nil
	head := s.head()
	s.to(600).signed = head
	s.spoil = func(path string, _ []byte) (int, []byte) {
		if strings.Contains(path, ".p/") {
			return 404, nil
		}
		return 0, nil
	}
	s.levels[1] = append(s.levels[1], make([]tlog.Hash, 254)...)
	s.holds()
}

func TestAStateIsHeldToItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	if s, err := ReadState(file); s != nil || err != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	s := newShop(t).publish(example(t).ID).to(300)
	_, state := s.holds()
	if err := state.Write(file); err != nil {
		t.Fatal(err)
	}
	read, err := ReadState(file)
	if err != nil {
		t.Fatal(err)
	}
	s.to(301).holds(with(read))
	raw, _ := os.ReadFile(file)
	want, _, _ := state.open()
	for i := range raw {
		changed := bytes.Clone(raw)
		if changed[i]++; changed[i] == '\n' || changed[i] == ' ' || raw[i] == ' ' || raw[i] == '\n' {
			continue
		}
		os.WriteFile(file, changed, 0o600)
		got, err := ReadState(file)
		if err != nil {
			continue
		}
		if c, _, err := got.open(); err != nil || c != want || fmt.Sprint(got.Edge) != fmt.Sprint(state.Edge) || got.Signers[0].Key != state.Signers[0].Key {
			t.Fatalf("byte %d of the head or its tree was changed and nobody noticed", i)
		}
	}
	if _, _, err := Run(t.Context(), Config{URL: s.URL, Key: newShop(t).key, State: state}); err == nil {
		t.Error("another key than the state's was taken")
	}
	for _, bad := range []Config{{URL: "shop.example"}, {URL: s.URL, Key: "key"}, {URL: s.URL, Witnesses: []Witness{{Key: s.key}}}} {
		if _, _, err := Run(t.Context(), bad); err == nil {
			t.Errorf("%+v was audited", bad)
		}
	}
}
