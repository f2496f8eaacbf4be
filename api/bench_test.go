package api_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// told answers everything alike: what is measured is the door.
type told struct{}

func (told) Decide(context.Context, subject.ID, decision.Question) (decision.Answer, policy.VersionID, error) {
	return decision.Answer{Allowed: true, Reason: decision.Given}, version.ID, nil
}

func (told) DecideEach(ids []subject.ID, _ []decision.Question, out []table.Answer) *policy.Version {
	for i := range ids {
		out[i] = table.Answer{Allowed: true, Reason: decision.Given}
	}
	return version
}

func (told) InForce() *policy.Version { return version }
func (told) Ready() error             { return nil }

var version = &policy.Version{ID: policy.VersionID("sha256:" + strings.Repeat("3f0c2a9d", 8)), Policy: &policy.Policy{}}

// nowhere is a connection to nobody.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(int)             {}

// BenchmarkDoor asks the door itself, without a network.
func BenchmarkDoor(b *testing.B) {
	door := api.New(api.Config{Replica: told{}, ReplicaToken: "amana_bench", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Rate: 1e9})
	many := func(one string) string { return strings.TrimSuffix(strings.Repeat(one+",", 1000), ",") }
	for name, c := range map[string]struct{ path, body string }{
		"native":      {"/v1/decide", `{"subject":"customer:10042","purpose":"tailored_offers"}`},
		"natives":     {"/v1/decide", "[" + many(`{"subject":"customer:10042","purpose":"tailored_offers"}`) + "]"},
		"evaluation":  {"/access/v1/evaluation", asking()},
		"evaluations": {"/access/v1/evaluations", asking(`"evaluations":[` + many(`{"resource":{"type":"customer","id":"customer:10042"}}`) + `]`)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer amana_bench")
				door.ServeHTTP(&nowhere{http.Header{}}, r)
			}
		})
	}
	b.Run("nothing", func(b *testing.B) {
		for b.Loop() {
			r := httptest.NewRequest("POST", "/v1/decide", strings.NewReader(`{"subject":"customer:10042","purpose":"tailored_offers"}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer amana_bench")
		}
	})
}
