package follower_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/follower"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// BenchmarkWithdrawal takes a yes back and waits until both of two replicas say
// no; the time counts from the acknowledgement.
func BenchmarkWithdrawal(b *testing.B) {
	dir := b.TempDir()
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "cascofiber.example/log")
	must(b, err)
	db, err := store.Open(b.Context(), store.Config{Path: filepath.Join(dir, "amana.db"), Ring: ring, Create: true, Now: time.Now,
		TakeBack: func(string) (string, string) { return "https://cascofiber.example/choices", "Say no." }})
	must(b, err)
	defer db.Close()
	raw, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	must(b, err)
	doc, _ := policy.Read("amana.yaml", raw)
	_, err = db.Publish(b.Context(), doc, nil, "Mona Haddad")
	must(b, err)
	token, err := db.CreateToken(b.Context(), "replica", []string{"feed"})
	must(b, err)
	p := publisher.New(b.Context(), publisher.Config{Store: db, Ring: ring, Dir: dir})
	must(b, p.Ready(b.Context()))
	server := httptest.NewServer(api.New(api.Config{Store: db, Publisher: p}))
	defer server.Close()
	defer p.Close()
	var replicas []*follower.Follower
	for range 2 {
		f, err := follower.Start(context.Background(), follower.Config{URL: server.URL, Token: token})
		must(b, err)
		defer f.Close()
		must(b, f.Wait(b.Context()))
		replicas = append(replicas, f)
	}
	say := func(id subject.ID, answer consent.Answer) {
		_, err := db.Submit(b.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: answer}}})
		must(b, err)
	}
	until := func(id subject.ID, allowed bool) {
		for _, f := range replicas {
			for {
				a, _, _ := f.Decide(b.Context(), id, decision.Question{Purpose: purpose})
				if a.Allowed == allowed && a.Reason != decision.Stale {
					break
				}
				time.Sleep(100 * time.Microsecond)
			}
		}
	}
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		id := subject.ID(fmt.Sprintf("phone:+1207%07d", 5550000+i))
		say(id, consent.Given)
		until(id, true)
		say(id, consent.Withdrawn)
		acknowledged := time.Now()
		until(id, false)
		took = append(took, time.Since(acknowledged))
	}
	slices.Sort(took)
	at := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1000 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
}
