package witness

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	other "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/ledger/ledgertest"
)

// grown is a log in memory, which can be forked.
type grown struct {
	t      testing.TB
	signer note.Signer
	key    string
	tree   *ledger.Tree
	kept   []ledger.Entry
}

func newLog(t testing.TB, origin string) *grown {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	l := &grown{t: t, signer: s, key: vkey}
	l.tree, _ = ledger.Load(0, l.tile)
	return l
}

// fork gives a log with the same key that has the first entries, and others after.
func (l *grown) fork(at int64) *grown {
	f := &grown{t: l.t, signer: l.signer, key: l.key}
	f.tree, _ = ledger.Load(0, f.tile)
	f.add(l.kept[:at])
	return f
}

// tile gives full tiles of leaves; more our logs here do not have.
func (l *grown) tile(level int, n int64) ([]tlog.Hash, error) {
	if level > 0 {
		return nil, errors.New("not kept")
	}
	return ledger.LeafHashes(nil, l.kept[n*ledger.Width:(n+1)*ledger.Width]), nil
}

func (l *grown) add(entries []ledger.Entry) {
	l.tree.Accept(l.tree.Stage(entries))
	l.kept = append(l.kept, entries...)
}

func (l *grown) to(size int64) *grown {
	var more []ledger.Entry
	for l.tree.Size()+int64(len(more)) < size {
		var e ledger.Entry
		rand.Read(e[:])
		more = append(more, e)
	}
	l.add(more)
	return l
}

func (l *grown) head(size int64) string {
	l.t.Helper()
	root, err := l.tree.Root(size)
	if err != nil {
		l.t.Fatal(err)
	}
	signed, err := ledger.Checkpoint{Origin: l.signer.Name(), Size: size, Root: root}.Sign(l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

// body is a submission that an honest log would send.
func (l *grown) body(old, size int64) string {
	l.t.Helper()
	var proof tlog.TreeProof
	if old > 0 && old < size {
		var err error
		if proof, err = l.tree.Consistency(size, old); err != nil {
			l.t.Fatal(err)
		}
	}
	return writeSubmission(old, proof, l.head(size))
}

// post is a witness's door, open in a folder.
type post struct {
	*httptest.Server
	t   testing.TB
	w   *Witness
	dir string
}

func (l *grown) watched(dir string) Log {
	v, err := note.NewVerifier(l.key)
	if err != nil {
		l.t.Fatal(err)
	}
	return Log{Keys: []note.Verifier{v}}
}

func openPost(t testing.TB, dir string, logs ...*grown) *post {
	t.Helper()
	c := Config{Dir: dir, Name: "witness.example/w1", Now: time.Now}
	for _, l := range logs {
		c.Logs = append(c.Logs, l.watched(dir))
	}
	w, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{httptest.NewServer(w.Handler(slog.New(slog.DiscardHandler))), t, w, dir}
	t.Cleanup(p.shut)
	return p
}

func (p *post) shut() {
	p.Server.Close()
	p.w.Close()
}

func (p *post) send(body string) (int, string, string) {
	p.t.Helper()
	resp, err := http.Post(p.URL+"/add-checkpoint", "text/plain", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Header.Get("Content-Type")
}

func (p *post) seen(l *grown) (int, string) {
	p.t.Helper()
	resp, err := http.Get(p.URL + "/" + hashOf(l.signer.Name()) + "/checkpoint")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// TestEachSubmissionHasItsStatus walks the table of tlog-witness, on a witness
// that has seen a head of 10.
func TestEachSubmissionHasItsStatus(t *testing.T) {
	l := newLog(t, "shop.example/log").to(70)
	stranger := newLog(t, "other.example/log").to(20)
	thief := newLog(t, "shop.example/log").to(20)
	fork := l.fork(5).to(20)
	empty := newLog(t, "empty.example/log")
	unread := strings.Replace(l.body(10, 20), "old 10", "old 010", 1)
	emptyLie, _ := ledger.Checkpoint{Origin: "empty.example/log", Root: tlog.Hash{1}}.Sign(empty.signer)
	for _, c := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"a head that goes on", l.body(10, 20), 200, "— witness.example/w1 "},
		{"the same head again", l.body(10, 10), 200, "— witness.example/w1 "},
		{"a log nobody watches", stranger.body(0, 20), 404, ""},
		{"another key under the name", thief.body(10, 20), 403, ""},
		{"a spoilt signature", strings.Replace(l.body(10, 20), "\n20\n", "\n21\n", 1), 403, ""},
		{"an old size beyond the head", writeSubmission(30, nil, l.head(20)), 400, ""},
		{"from a size not seen last", l.body(7, 20), 409, "10\n"},
		{"from nothing", l.body(0, 20), 409, "10\n"},
		{"a smaller head, honestly told", l.body(5, 7), 409, "10\n"},
		{"a fork", fork.body(10, 20), 422, ""},
		{"a fork of the same size", fork.body(10, 10), 409, "another root"},
		{"no proof", writeSubmission(10, nil, l.head(20)), 422, ""},
		{"a proof of nothing", writeSubmission(10, []tlog.Hash{{}}, l.head(10)), 422, ""},
		{"63 lines of proof", writeSubmission(10, make([]tlog.Hash, 63), l.head(20)), 422, ""},
		{"64 lines of proof", writeSubmission(10, make([]tlog.Hash, 64), l.head(20)), 400, ""},
		{"no submission", "", 400, ""},
		{"no checkpoint", "old 10\n\n", 400, ""},
		{"a size in another spelling", unread, 400, ""},
		{"a proof that is none", "old 10\nAAAA\n\n" + l.head(20), 400, ""},
		{"too much", "old 10\n\n" + strings.Repeat("x", maxBody), 400, ""},
		{"an empty log", empty.body(0, 0), 200, "— witness.example/w1 "},
		{"an empty log with another root", writeSubmission(0, nil, emptyLie), 422, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := openPost(t, t.TempDir(), l, empty)
			if status, text, _ := p.send(l.body(0, 10)); status != 200 {
				t.Fatal(status, text)
			}
			status, text, kind := p.send(c.body)
			if status != c.status || !strings.HasPrefix(text, c.says) {
				t.Fatalf("%d %q, want %d %q", status, text, c.status, c.says)
			}
			if strings.HasSuffix(c.says, "\n") != (kind == "text/x.tlog.size") {
				t.Errorf("Content-Type %q with %q", kind, text)
			}
			if status != 200 && strings.Contains(text, "—") {
				t.Error("a refusal is signed")
			}
		})
	}
}

func TestWhatAWitnessSignsHoldsElsewhere(t *testing.T) {
	l := newLog(t, "shop.example/log").to(300)
	p := openPost(t, t.TempDir(), l)
	if status, _ := p.seen(l); status != 404 {
		t.Errorf("nothing was seen yet: %d", status)
	}
	v, err := other.NewVerifierForCosignatureV1(p.w.Key())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range [][2]int64{{0, 1}, {1, 255}, {255, 256}, {256, 300}} {
		_, line, _ := p.send(l.body(step[0], step[1]))
		n, err := note.Open([]byte(l.head(step[1])+line), note.VerifierList(v))
		if err != nil {
			t.Fatalf("%v: %v\n%s", step, err, line)
		}
		if at, err := other.CoSigV1Timestamp(n.Sigs[0]); err != nil || time.Since(at) > time.Minute {
			t.Errorf("%v, %v", at, err)
		}
		status, seen := p.seen(l)
		if status != 200 || seen != l.head(step[1])+line {
			t.Errorf("%d\n%s", status, seen)
		}
	}
}

func TestAWitnessRemembers(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, "shop.example/log").to(30)
	p := openPost(t, dir, l)
	if _, err := Open(Config{Dir: dir, Name: "witness.example/w1", Now: time.Now, Logs: []Log{l.watched(dir)}}); err == nil {
		t.Fatal("two have one folder open")
	}
	p.send(l.body(0, 10))
	key := p.w.Key()
	p.shut()

	p = openPost(t, dir, l)
	if p.w.Key() != key {
		t.Error("it has another key")
	}
	if _, seen := p.seen(l); !strings.HasPrefix(seen, l.head(10)+"— witness.example/w1 ") {
		t.Errorf("%s", seen)
	}
	if status, text, _ := p.send(l.body(0, 20)); status != 409 || text != "10\n" {
		t.Errorf("%d %s", status, text)
	}
	p.shut()

	if err := os.Rename(filepath.Join(dir, KeyFile), filepath.Join(dir, "aside")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir, Name: "witness.example/w1", Now: time.Now, Logs: []Log{l.watched(dir)}}); err == nil || !strings.Contains(err.Error(), "key is gone") {
		t.Errorf("a witness without its key: %v", err)
	}
	if err := os.Rename(filepath.Join(dir, "aside"), filepath.Join(dir, KeyFile)); err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(dir, hashOf("shop.example/log")+".checkpoint")
	if err := os.WriteFile(file, []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir, Now: time.Now, Logs: []Log{l.watched(dir)}}); err == nil {
		t.Error("a witness that cannot read what it saw has begun anew")
	}
	os.Remove(file)
	if _, err := Open(Config{Dir: dir, Name: "another.example", Now: time.Now, Logs: []Log{l.watched(dir)}}); err == nil {
		t.Error("its key was given another name")
	}
}

// TestNothingIsSignedThatIsNotKept lets each write fail, once with nothing on
// the disk and once with everything, and then restarts.
func TestNothingIsSignedThatIsNotKept(t *testing.T) {
	for _, persisted := range []bool{false, true} {
		t.Run(fmt.Sprintf("persisted=%v", persisted), func(t *testing.T) {
			dir := t.TempDir()
			l := newLog(t, "shop.example/log").to(30)
			fork := l.fork(15).to(30)
			p := openPost(t, dir, l)
			p.send(l.body(0, 10))
			for _, g := range p.w.logs {
				g.save = func(file string, data []byte) error {
					if persisted {
						saveFile(file, data)
					}
					return errors.New("the disk says no")
				}
			}
			if status, text, _ := p.send(l.body(10, 20)); status != 500 || strings.Contains(text, "—") {
				t.Fatalf("%d %s", status, text)
			}
			p.shut()

			p = openPost(t, dir, l)
			status, text, _ := p.send(fork.body(10, 20))
			switch {
			case persisted && (status != 409 || text != "20\n"):
				t.Errorf("what was kept is forgotten: %d %s", status, text)
			case !persisted && status != 200: // nothing was signed of the other history
				t.Errorf("%d %s", status, text)
			}
		})
	}
}

// TestARaceNeverForksOrRollsBack lets many submit at once, of two histories:
// what was signed has to be one history that only grew.
func TestARaceNeverForksOrRollsBack(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, "shop.example/log").to(60)
	fork := l.fork(10).to(60)
	p := openPost(t, dir, l)
	if status, text, _ := p.send(l.body(0, 10)); status != 200 {
		t.Fatal(status, text)
	}
	type signed struct {
		who  *grown
		size int64
	}
	var mu sync.Mutex
	var done []signed
	var wg sync.WaitGroup
	for client := range 16 {
		wg.Go(func() {
			who := []*grown{l, fork}[client%2]
			for size := int64(11); size <= 60; size++ {
				if p.insist(who, size) {
					mu.Lock()
					done = append(done, signed{who, size})
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(done) < 50 {
		t.Fatalf("only %d heads were signed", len(done))
	}
	for _, s := range done {
		if s.who != done[0].who {
			t.Fatal("both histories were signed")
		}
	}
	_, seen := p.seen(l)
	if c, _, err := ledger.ReadHead(seen); err != nil || c.Size != 60 {
		t.Errorf("the newest head seen is of %d (%v)", c.Size, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, hashOf("shop.example/log")+".checkpoint"))
	if err != nil || string(raw) != done[0].who.head(60) {
		t.Errorf("what is kept is not what was seen: %s (%v)", raw, err)
	}
}

// insist submits a head from whatever size the witness names, until it is
// signed or refused for good.
func (p *post) insist(l *grown, size int64) bool {
	for old := int64(10); old <= size; {
		status, text, kind := p.send(l.body(old, size))
		if status == 200 || kind != sizeType {
			return status == 200
		}
		if _, err := fmt.Sscan(text, &old); err != nil {
			p.t.Error(err)
			return false
		}
	}
	return false
}

// TestASlowSubmissionDoesNotRollBack is the race that tlog-witness warns of: a
// head that is slow to be kept, and a larger one that overtakes it.
func TestASlowSubmissionDoesNotRollBack(t *testing.T) {
	l := newLog(t, "shop.example/log").to(30)
	p := openPost(t, t.TempDir(), l)
	p.send(l.body(0, 10))
	entered := make(chan bool)
	p.w.logs["\nshop.example/log"].save = func(file string, data []byte) error {
		if c, _, _ := ledger.ReadHead(string(data)); c.Size == 20 {
			close(entered)
			time.Sleep(100 * time.Millisecond)
		}
		return saveFile(file, data)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if status, text, _ := p.send(l.body(10, 20)); status != 200 {
			t.Error(status, text)
		}
	})
	<-entered
	if status, text, _ := p.send(l.body(10, 30)); status != 409 || text != "20\n" {
		t.Errorf("a head overtook another: %d %s", status, text)
	}
	wg.Wait()
	if _, seen := p.seen(l); !strings.HasPrefix(seen, l.head(20)) {
		t.Errorf("%s", seen)
	}
}

func TestLogsHaveTheirOwnPrefixes(t *testing.T) {
	a, b := newLog(t, "a.example/log").to(5), newLog(t, "b.example/log").to(5)
	la, lb := a.watched(""), b.watched("")
	la.Prefix, lb.Prefix = "/a", "/b"
	w, err := Open(Config{Dir: t.TempDir(), Name: "w.example", Now: time.Now, Logs: []Log{la, lb}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := httptest.NewServer(w.Handler(slog.New(slog.DiscardHandler)))
	defer s.Close()
	for path, want := range map[string]int{"/a/add-checkpoint": 200, "/b/add-checkpoint": 404, "/add-checkpoint": 404} {
		resp, err := http.Post(s.URL+path, "", strings.NewReader(a.body(0, 5)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	for _, bad := range []Config{
		{Dir: t.TempDir(), Name: "w.example", Now: time.Now, Logs: []Log{la, la}},
		{Dir: t.TempDir(), Name: "w.example", Now: time.Now, Logs: []Log{{Keys: la.Keys, Prefix: "a/{x}"}}},
		{Dir: t.TempDir(), Name: "w.example", Now: time.Now, Logs: []Log{{Keys: append(append([]note.Verifier{}, la.Keys...), lb.Keys...)}}},
		{Dir: t.TempDir(), Name: "w.example", Now: time.Now},
	} {
		if w, err := Open(bad); err == nil {
			w.Close()
			t.Errorf("%+v was opened", bad.Logs)
		}
	}
}

// TestAWitnessFollowsAHandover gives a witness the key of a log and its list of
// keys, and lets both keys sign before, at and after the hand-over at 20.
func TestAWitnessFollowsAHandover(t *testing.T) {
	l := ledgertest.New(t, "shop.example/log", "first").To(19)
	l.Handover("second", time.Now())
	l.To(40)
	verifier := func(key string) note.Verifier {
		v, err := note.NewVerifier(key)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first, second := l.Keys[0], l.Keys[1]
	for name, c := range map[string]struct {
		named   []ledgertest.Key
		signers []ledger.Signer
		status  map[string]int
	}{
		"the first key, and the list": {[]ledgertest.Key{first}, l.Signers, map[string]int{"first 10": 200, "first 20": 200, "both 20": 200, "second 20": 200, "second 30": 200, "first 30": 403, "second 10": 403}},
		"the first key alone":         {[]ledgertest.Key{first}, nil, map[string]int{"first 10": 200, "both 20": 200, "second 20": 403, "second 30": 403, "first 30": 200}},
		"the new key alone":           {[]ledgertest.Key{second}, nil, map[string]int{"first 10": 403, "both 20": 200, "second 20": 200, "second 30": 200}},
		"the new key, and the list":   {[]ledgertest.Key{second}, l.Signers, map[string]int{"first 10": 403, "both 20": 200, "second 30": 200, "second 10": 403}},
		"both keys":                   {[]ledgertest.Key{first, second}, nil, map[string]int{"first 10": 200, "both 20": 200, "second 30": 200}},
	} {
		for head, want := range c.status {
			who, at, _ := strings.Cut(head, " ")
			size, _ := strconv.ParseInt(at, 10, 64)
			by := map[string][]ledgertest.Key{"first": {first}, "second": {second}, "both": {first, second}}[who]
			log := Log{Signers: c.signers}
			for _, k := range c.named {
				log.Keys = append(log.Keys, verifier(k.Verifier))
			}
			w, err := Open(Config{Dir: t.TempDir(), Name: "w.example", Now: time.Now, Logs: []Log{log}})
			if err != nil {
				t.Fatal(err)
			}
			s := httptest.NewServer(w.Handler(slog.New(slog.DiscardHandler)))
			p := &post{s, t, w, ""}
			status, text, _ := p.send(writeSubmission(0, nil, l.Sign(size, by...)))
			if status != want {
				t.Errorf("%s: %s: %d %s, want %d", name, head, status, text, want)
			}
			p.shut()
		}
	}
	stranger := ledgertest.New(t, "shop.example/log", "stranger").To(9)
	stranger.Handover("thief", time.Now())
	spoilt := ledgertest.New(t, "shop.example/log", "first").To(19)
	spoilt.Handover("second", time.Now())
	spoilt.Signers[1].Handover.Salt[0] ^= 1
	for name, list := range map[string][]ledger.Signer{"another log's list": stranger.Signers, "a list that does not hold": spoilt.Signers} {
		if w, err := Open(Config{Dir: t.TempDir(), Name: "w.example", Now: time.Now, Logs: []Log{{Keys: []note.Verifier{verifier(first.Verifier)}, Signers: list}}}); err == nil {
			w.Close()
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzReadSubmission(f *testing.F) {
	l := newLog(f, "shop.example/log").to(9)
	f.Add(l.body(0, 3))
	f.Add(l.body(3, 9))
	f.Fuzz(func(t *testing.T, body string) {
		if s, err := readSubmission(body); err == nil && writeSubmission(s.old, s.proof, s.signed) != body {
			t.Fatal("a submission has two spellings")
		}
	})
}
