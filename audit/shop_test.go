package audit

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

// shop is a company with a published log in memory. It can lie: what it serves
// goes through spoil, by its path.
type shop struct {
	*httptest.Server
	t        testing.TB
	signer   note.Signer
	key      string
	entries  []ledger.Entry
	levels   [][]tlog.Hash // hashes by level of tiles
	parts    map[int64]receipt.Parts
	public   map[int64]opened
	shown    policy.VersionID
	lines    string // of witnesses, under the head
	chain    []ledger.Signer
	signed   string // another head than the honest one; "" = honest
	spoil    func(path string, body []byte) (int, []byte)
	requests atomic.Int64
}

// otherKey makes a key of a log.
func otherKey(t testing.TB, origin string) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

func newShop(t testing.TB) *shop {
	t.Helper()
	signer, vkey := otherKey(t, "shop.example/log")
	return (&shop{t: t, signer: signer, key: vkey, parts: map[int64]receipt.Parts{}, public: map[int64]opened{}}).serve()
}

func (s *shop) serve() *shop {
	s.Server = httptest.NewServer(s)
	s.t.Cleanup(s.Close)
	return s
}

// fork gives a shop with the same key whose log begins as this one.
func (s *shop) fork(at int64) *shop {
	f := (&shop{t: s.t, signer: s.signer, key: s.key, parts: s.parts, public: s.public, shown: s.shown, chain: s.chain}).serve()
	f.add(s.entries[:at]...)
	return f
}

func (s *shop) size() int64 { return int64(len(s.entries)) }

func (s *shop) add(entries ...ledger.Entry) *shop {
	s.entries = append(s.entries, entries...)
	level := ledger.LeafHashes(nil, s.entries)
	s.levels = [][]tlog.Hash{level}
	for len(level) >= ledger.Width {
		var up []tlog.Hash
		for ; len(level) >= ledger.Width; level = level[ledger.Width:] {
			up = append(up, ledger.FullRoot(slices.Clone(level[:ledger.Width])))
		}
		s.levels, level = append(s.levels, up), up
	}
	return s
}

// to grows the log by entries that say nothing.
func (s *shop) to(size int64) *shop {
	more := make([]ledger.Entry, max(size-s.size(), 0))
	for i := range more {
		rand.Read(more[i][:])
	}
	return s.add(more...)
}

// publish enters a publication of a policy.
func (s *shop) publish(id policy.VersionID) *shop {
	s.shown = id
	return s.record(published{"policy", id, "2026-11-21T09:00:00.000Z", "Mona Haddad", []string{}})
}

// record enters a public record.
func (s *shop) record(v any) *shop {
	raw, err := json.Marshal(v)
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	salt := ledger.NewSalt()
	s.public[s.size()] = opened{s.size(), salt[:], raw}
	return s.add(ledger.EntryOf(salt, raw))
}

// handOver hands over to another shop's key, in the log.
func (s *shop) handOver(to *shop) *shop {
	s.t.Helper()
	h, err := ledger.NewHandover(s.key, to.key, s.size(), time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	if err != nil {
		s.t.Fatal(err)
	}
	s.record(h)
	head, err := ledger.Checkpoint{Origin: s.signer.Name(), Size: s.size(), Root: s.root()}.Sign(s.signer, to.signer)
	if err != nil {
		s.t.Fatal(err)
	}
	hashes, err := tlog.ProveRecord(s.size(), s.size()-1, tlog.HashReaderFunc(s.hashes))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.chain == nil {
		s.chain = []ledger.Signer{{Key: s.key}}
	}
	p := &ledger.HandoverProof{Record: h, Salt: s.public[s.size()-1].Salt, Proof: *ledger.ProofOf(s.size()-1, s.size(), hashes), Checkpoint: head}
	s.chain = append(slices.Clone(s.chain), ledger.Signer{Key: to.key, Handover: p})
	s.signer, s.key = to.signer, to.key
	return s
}

// example is a policy that receipts can be made of.
func example(t testing.TB) *policy.Version {
	t.Helper()
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read("amana.yaml", src)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	meanings, err := policy.MeaningsAfter(nil, doc.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: doc.ID, Canonical: doc.Canonical, Policy: doc.Policy, Meanings: meanings}
}

// say enters a yes, and gives its leaf.
func (s *shop) say(v *policy.Version) int64 {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	e := consent.Event{ID: "0b6b4f5e-7f0a-4d5e-9d6c-0123456789ab", Seq: 1, Time: now, Act: consent.ActGiven, Purpose: "tailored_offers", Policy: v.ID, Meaning: v.Meanings["tailored_offers"], Language: "en", Surface: consent.SurfaceAPI}
	texts, err := receipt.ProcessOf(v, "tailored_offers", "en", "https://shop.example/choices", "one click")
	if err != nil {
		s.t.Fatal(err)
	}
	scope, _ := v.ScopeOf("tailored_offers")
	shown, err := receipt.NewTexts(texts, scope.ID())
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := receipt.Make(e, consent.State{Status: consent.StatusGiven, Yes: &consent.Yes{Event: e.ID, Until: now.AddDate(1, 0, 0)}}, shown, "customer:1")
	if err != nil {
		s.t.Fatal(err)
	}
	leaf := s.size()
	s.parts[leaf] = p
	s.add(p.Entry())
	return leaf
}

// receipt gives the receipt of a yes as of the log's present head.
func (s *shop) receipt(leaf int64) File {
	s.t.Helper()
	tree := tlog.HashReaderFunc(s.hashes)
	proof, err := tlog.ProveRecord(s.size(), leaf, tree)
	if err != nil {
		s.t.Fatal(err)
	}
	signers := s.chain
	if signers == nil {
		signers = []receipt.Signer{{Key: s.key}}
	}
	r, err := s.parts[leaf].Receipt(receipt.ProofOf(leaf, s.size(), proof), s.head(), signers)
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return File{fmt.Sprintf("receipt-%d.json", leaf), raw}
}

func (s *shop) hashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		inner := level % 8
		h := slices.Clone(s.levels[level/8][n<<inner : (n+1)<<inner])
		out[i] = ledger.FullRoot(h)
	}
	return out, nil
}

// sign signs any head.
func (s *shop) sign(size int64, root tlog.Hash) string {
	s.t.Helper()
	signed, err := ledger.Checkpoint{Origin: s.signer.Name(), Size: size, Root: root}.Sign(s.signer)
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

func (s *shop) root() tlog.Hash {
	root, err := tlog.TreeHash(s.size(), tlog.HashReaderFunc(s.hashes))
	if err != nil {
		s.t.Fatal(err)
	}
	return root
}

// head is the honest head.
func (s *shop) head() string { return s.sign(s.size(), s.root()) }

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	status, body := s.honest(r)
	if s.spoil != nil {
		if changed, b := s.spoil(strings.TrimPrefix(r.URL.Path, "/"), slices.Clone(body)); changed != 0 {
			status, body = changed, b
		}
	}
	w.WriteHeader(status)
	w.Write(body)
}

func (s *shop) honest(r *http.Request) (int, []byte) {
	path, _ := strings.CutPrefix(r.URL.Path, "/log/")
	switch {
	case path == "checkpoint" && s.signed != "":
		return 200, []byte(s.signed)
	case path == "checkpoint":
		return 200, []byte(s.head() + s.lines)
	case path == "signers" && s.chain != nil:
		raw, _ := json.Marshal(s.chain)
		return 200, raw
	case path == "records":
		return 200, s.list(r.FormValue("from"))
	case strings.HasPrefix(path, "record/"):
		leaf, _ := strconv.ParseInt(path[7:], 10, 64)
		if o, ok := s.public[leaf]; ok {
			raw, _ := json.Marshal(o)
			return 200, raw
		}
	case r.URL.Path == "/policy.jsonld" && s.shown != "":
		return 200, []byte(`{"identifier":"` + s.shown + `"}`)
	}
	t, err := ledger.ParseTile(path)
	if err != nil || !t.In(s.size()) {
		return 404, nil
	}
	first, last := t.N*ledger.Width, t.N*ledger.Width+int64(t.Width)
	if t.Level == ledger.EntriesLevel {
		return 200, ledger.AppendEntries(nil, s.entries[first:last])
	}
	var out []byte
	for _, h := range s.levels[t.Level][first:last] {
		out = append(out, h[:]...)
	}
	return 200, out
}

// list gives two records at a time, so that there are pages.
func (s *shop) list(from string) []byte {
	first, _ := strconv.ParseInt(from, 10, 64)
	l := list{Leaves: []int64{}}
	for leaf := range s.public {
		if leaf >= first && leaf < s.size() {
			l.Leaves = append(l.Leaves, leaf)
		}
	}
	slices.Sort(l.Leaves)
	if len(l.Leaves) > 2 {
		l.Leaves = l.Leaves[:2]
		l.Next = new(l.Leaves[1] + 1)
	}
	raw, _ := json.Marshal(l)
	return raw
}

// audits runs an audit that does not wait.
func (s *shop) audits(change ...func(*Config)) (Verdict, *State) {
	s.t.Helper()
	c := Config{URL: s.URL, Key: s.key, Patience: time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	v, state, err := Run(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return v, state
}

// holds audits and takes nothing but that it holds.
func (s *shop) holds(change ...func(*Config)) (Verdict, *State) {
	s.t.Helper()
	v, state := s.audits(change...)
	if v.Outcome != Holds || state == nil {
		s.t.Fatalf("%s", strings.Join(v.Lines(), "\n"))
	}
	return v, state
}

func with(state *State) func(*Config) {
	return func(c *Config) { c.State, c.Key = state, "" }
}

func holding(files ...File) func(*Config) { return func(c *Config) { c.Receipts = files } }
