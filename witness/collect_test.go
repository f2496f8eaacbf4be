package witness

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"

	"golang.org/x/mod/sumdb/note"
)

// company is a real store with a policy.
func company(t *testing.T, dir string) *store.DB {
	t.Helper()
	keys := filepath.Join(dir, "keys")
	if !keyring.Exists(keys) {
		if _, err := keyring.Create(keys, "casco.example/log"); err != nil {
			t.Fatal(err)
		}
	}
	ring, err := keyring.Open(keys)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "db"), Ring: ring, Create: true, Now: time.Now,
		TakeBack: func(string) (string, string) { return "https://casco.example/choices", "one click" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	src, err := fs.ReadFile(examples.FS, "casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := policy.Read("amana.yaml", src)
	if _, err := db.Publish(t.Context(), doc, nil, "Mona Haddad"); err != nil {
		t.Fatal(err)
	}
	return db
}

func say(t *testing.T, db *store.DB, id subject.ID) {
	t.Helper()
	if _, err := db.Record(t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}}); err != nil {
		t.Fatal(err)
	}
}

func watching(t *testing.T, dir string, db *store.DB) *post {
	t.Helper()
	v, err := note.NewVerifier(db.LogKey())
	if err != nil {
		t.Fatal(err)
	}
	w, err := Open(Config{Dir: dir, Name: "witness.example/w1", Now: time.Now, Logs: []Log{{Keys: []note.Verifier{v}}}})
	if err != nil {
		t.Fatal(err)
	}
	p := &post{httptest.NewServer(w.Handler(slog.New(slog.DiscardHandler))), t, w, dir}
	t.Cleanup(p.shut)
	return p
}

func client(t *testing.T, url, key string) *Client {
	t.Helper()
	c, err := NewClient(url, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func signatures(t *testing.T, db *store.DB, key string) int {
	t.Helper()
	v, err := ledger.NewCosignatureVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	sigs, err := ledger.Cosignatures(db.Published(), v)
	if err != nil {
		t.Fatal(err)
	}
	return len(sigs)
}

func TestNewHeadsAreCosignedAndShown(t *testing.T) {
	db := company(t, t.TempDir())
	p := watching(t, t.TempDir(), db)
	c := client(t, p.URL+"/", p.w.Key())
	known := int64(0)
	for i := range 5 {
		say(t, db, subject.ID("customer:"+string(rune('a'+i))))
		var err error
		if known, err = collect(t.Context(), db, c, known); err != nil || known != int64(i)+2 {
			t.Fatalf("%d, %v", known, err)
		}
		if n := signatures(t, db, p.w.Key()); n != 1 || !strings.HasPrefix(db.Published(), db.Checkpoint()) {
			t.Fatalf("head %d is shown with %d signatures", known, n)
		}
	}
	if again, err := collect(t.Context(), db, c, 0); err != nil || again != 0 {
		t.Errorf("%d, %v", again, err) // nothing new: nobody is asked
	}
	say(t, db, "customer:z")
	if known, err := collect(t.Context(), db, c, 0); err != nil || known != 7 { // from the size the witness names
		t.Errorf("%d, %v", known, err)
	}
}

func TestAnOlderCopyIsFoundByItsWitness(t *testing.T) {
	dir := t.TempDir()
	db := company(t, dir)
	p := watching(t, t.TempDir(), db)
	l := newLog(t, "casco.example/log")
	ring, err := keyring.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if l.signer, err = ring.LogSignerOf(ring.LogVerifier()); err != nil { // another copy of the installation went further
		t.Fatal(err)
	}
	if status, text, _ := p.send(l.to(9).body(0, 9)); status != 200 {
		t.Fatal(status, text)
	}
	if _, err := collect(t.Context(), db, client(t, p.URL, p.w.Key()), 0); !errors.Is(err, ErrAhead) {
		t.Errorf("%v", err)
	}
	for range 10 {
		say(t, db, "customer:1")
	}
	if _, err := collect(t.Context(), db, client(t, p.URL, p.w.Key()), 0); err == nil || !strings.Contains(err.Error(), "422") {
		t.Errorf("a witness of another history signs, or says something else: %v", err)
	}
	if signatures(t, db, p.w.Key()) != 0 {
		t.Error("a signature is shown that nobody gave")
	}
}

func TestWhatAWitnessAnswersIsVerified(t *testing.T) {
	db := company(t, t.TempDir())
	key, _ := ledger.NewCosignerKey("witness.example/w1")
	real, _ := ledger.NewCosigner(key, time.Now)
	stranger, _ := ledger.NewCosignerKey("witness.example/w1")
	other, _ := ledger.NewCosigner(stranger, time.Now)
	_, text, _ := ledger.ReadHead(db.Checkpoint())
	good, _ := real.Line(text)
	foreign, _ := other.Line(text)
	elsewhere, _ := real.Line("casco.example/log\n9\n" + text[strings.LastIndex(text[:len(text)-1], "\n")+1:])
	for name, c := range map[string]struct {
		status int
		kind   string
		body   string
		ok     bool
	}{
		"its signature":           {200, "", good, true},
		"with others' before":     {200, "", foreign + good, true},
		"another key's":           {200, "", foreign, false},
		"of another head":         {200, "", elsewhere, false},
		"nothing":                 {200, "", "", false},
		"no lines":                {200, "", "<html>", false},
		"a size that is ours":     {409, sizeType, "0\n", false},
		"a size that is none":     {409, sizeType, "many\n", false},
		"a size beyond the log's": {409, sizeType, "99\n", false},
		"a failure":               {500, "", good, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				w.Write([]byte(c.body))
			}))
			defer s.Close()
			line, err := client(t, s.URL, real.Verifier()).Submit(t.Context(), 0, nil, db.Checkpoint())
			if (err == nil) != c.ok || c.ok && line != good {
				t.Errorf("%q, %v", line, err)
			}
			if c.ok {
				return
			}
			if _, err := collect(t.Context(), db, client(t, s.URL, real.Verifier()), 0); err == nil || signatures(t, db, real.Verifier()) != 0 {
				t.Error("it was collected")
			}
		})
	}
}

// TestAnUnreachableWitnessDelaysNothing records while a witness hangs, and sees
// it co-sign once it answers.
func TestAnUnreachableWitnessDelaysNothing(t *testing.T) {
	db := company(t, t.TempDir())
	p := watching(t, t.TempDir(), db)
	asked, up := make(chan bool, 1), make(chan bool)
	answers := sync.OnceFunc(func() { close(up) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- true:
		default:
		}
		<-up
		p.Config.Handler.ServeHTTP(w, r)
	}))
	defer s.Close()
	defer answers()
	c := client(t, s.URL, p.w.Key())
	c.http.Timeout = 0 // whoever waited for it would wait for ever
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { Collect(ctx, db, c, slog.New(slog.DiscardHandler)) })
	defer wg.Wait()
	defer stop()
	<-asked
	for i := range 20 {
		say(t, db, subject.ID("customer:"+string(rune('a'+i))))
	}
	if signatures(t, db, p.w.Key()) != 0 {
		t.Error("it signs without an answer")
	}
	answers()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if signatures(t, db, p.w.Key()) == 1 {
			return
		}
	}
	t.Error("the witness is there and its signature is not shown")
}

func TestWitnessesAreNamedStrictly(t *testing.T) {
	key, _ := ledger.NewCosignerKey("w.example")
	c, _ := ledger.NewCosigner(key, time.Now)
	for _, bad := range [][2]string{{"w.example", c.Verifier()}, {"ftp://w.example", c.Verifier()}, {"https://w.example?x=1", c.Verifier()}, {"https://w.example", "key"}} {
		if _, err := NewClient(bad[0], bad[1]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}
