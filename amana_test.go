package amana_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana"
	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/store"
)

// server is a company door at which Casco Fiber's policy is in force.
type server struct {
	*httptest.Server
	db    *store.DB
	token string
}

func newServer() (_ *server, close func(), err error) {
	dir, err := os.MkdirTemp("", "amana-example-")
	if err != nil {
		return nil, nil, err
	}
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "cascofiber.example/log")
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "amana.db"), Ring: ring, Create: true, Now: time.Now,
		TakeBack: func(string) (string, string) { return "https://cascofiber.example/choices", "Say no." }})
	if err != nil {
		return nil, nil, err
	}
	raw, err := os.ReadFile("examples/casco-fiber/amana.yaml")
	if err != nil {
		return nil, nil, err
	}
	doc, _ := policy.Read("amana.yaml", raw)
	if _, err := db.Publish(context.Background(), doc, nil, "Mona Haddad"); err != nil {
		return nil, nil, err
	}
	token, err := db.CreateToken(context.Background(), "shop", []string{"feed"})
	if err != nil {
		return nil, nil, err
	}
	p := publisher.New(context.Background(), publisher.Config{Store: db, Ring: ring, Dir: dir})
	if err := p.Ready(context.Background()); err != nil {
		return nil, nil, err
	}
	s := &server{httptest.NewServer(api.New(api.Config{Store: db, Publisher: p})), db, token}
	return s, func() {
		p.Close()
		s.Close()
		db.Close()
		os.RemoveAll(dir)
	}, nil
}

// says records an answer of somebody.
func (s *server) says(id string, answer consent.Answer) {
	_, err := s.db.Submit(context.Background(), store.Submission{Subject: "phone:+12075550134", Surface: consent.SurfaceAPI,
		Choices: []consent.Choice{{Purpose: "text_updates", Decision: answer}}})
	if err != nil {
		panic(err)
	}
}

func ExampleOpen() {
	server, closed, err := newServer() // amana serve, elsewhere
	if err != nil {
		panic(err)
	}
	defer closed()
	server.says("phone:+12075550134", consent.Given)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := amana.Open(ctx, amana.Config{URL: server.URL, Token: server.token})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	answer, err := client.Decide(amana.Question{Subject: "phone:(207) 555-0134", Purpose: "text_updates"})
	if err != nil {
		panic(err)
	}
	fmt.Println(answer.Allowed, answer.Reason)
	// Output: true given
}

func TestAWithdrawalReachesAProgram(t *testing.T) {
	s, closed, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	s.says("phone:+12075550134", consent.Given)
	client, err := amana.Open(t.Context(), amana.Config{URL: s.URL, Token: s.token, LogKey: s.db.LogKey(), SnapshotFile: filepath.Join(t.TempDir(), "snapshot")})
	if err != nil {
		t.Fatal(err)
	}
	ask := amana.Question{Subject: "phone:+12075550134", Purpose: "text_updates"}
	a, err := client.Decide(ask)
	for ; a.Reason == "stale"; a, err = client.Decide(ask) { // the machine did something else
		time.Sleep(time.Millisecond)
	}
	if err != nil || !a.Allowed || a.Policy != string(s.db.InForce().ID) {
		t.Fatalf("%+v, %v", a, err)
	}
	s.says("phone:+12075550134", consent.Withdrawn)
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if a, _ := client.Decide(ask); a.Reason == "withdrawn" {
			break
		} else if time.Now().After(end) {
			t.Fatalf("it never hears of it: %+v, %v", a, client.Ready())
		}
	}
	if _, err := client.Decide(amana.Question{Subject: "nonsense"}); err == nil {
		t.Error("what is no identifier is answered")
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if a, _ := client.Decide(ask); a.Allowed || a.Reason != "stale" || client.Ready() == nil {
		t.Errorf("after Close: %+v", a)
	}
}

// The client for JavaScript, in Node against the same server.
func TestTheJavaScriptClient(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	s, closed, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	s.says("phone:+12075550134", consent.Given)
	token, err := s.db.CreateToken(t.Context(), "node", []string{"decide"})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", "--test", "decide.test.js")
	c.Dir = "sdk/js"
	c.Env = append(os.Environ(), "AMANA_URL="+s.URL, "AMANA_TOKEN="+token)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	s, closed, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	other, othersClosed, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	defer othersClosed()
	var wg sync.WaitGroup
	defer wg.Wait()
	for name, c := range map[string]struct {
		cfg  amana.Config
		want string
	}{
		"no address":      {amana.Config{URL: "shop", Token: s.token}, "is not like"},
		"no token":        {amana.Config{URL: s.URL}, "token"},
		"a wrong token":   {amana.Config{URL: s.URL, Token: "amana_x"}, "401"},
		"another's key":   {amana.Config{URL: s.URL, Token: s.token, LogKey: other.db.LogKey()}, "another key"},
		"no key at all":   {amana.Config{URL: s.URL, Token: s.token, LogKey: "x"}, "log's key"},
		"nobody is there": {amana.Config{URL: "http://127.0.0.1:1", Token: s.token}, "refused"},
	} {
		wg.Go(func() { // each waits as long as it may
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
			defer cancel()
			client, err := amana.Open(ctx, c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if client != nil {
				client.Close()
			}
		})
	}
}
