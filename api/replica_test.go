package api_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/amana-privacy/amana/api"
)

// A replica's door without a token is for the programs of its machine: a page that a
// browser there has open, under a name that leads here, is none of them.
func TestAReplicaAnswersNoPage(t *testing.T) {
	for name, c := range map[string]struct {
		token, origin string
		want          int
	}{
		"a program": {"", "", 200}, "a page": {"", "http://elsewhere.example:8091", 401}, "a hidden one": {"", "null", 401},
		"a page that has the token": {"amana_ask", "http://elsewhere.example", 200},
	} {
		door := api.New(api.Config{Replica: told{}, ReplicaToken: c.token})
		r := httptest.NewRequest("POST", "/v1/decide", strings.NewReader(`{"subject":"customer:10042","purpose":"tailored_offers"}`))
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.token}}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// wavering is a replica that is stale now and then.
type wavering struct {
	told
	stale atomic.Bool
}

func (w *wavering) Ready() error {
	if w.stale.Load() {
		return errors.New("nothing was heard")
	}
	return nil
}

// Whoever watches asks again and again: the log has one line when a replica becomes
// stale, and one when it is not any more.
func TestReadinessIsLoggedWhereItChanges(t *testing.T) {
	var log logged
	replica := &wavering{}
	door := api.New(api.Config{Replica: replica, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	for _, stale := range []bool{false, true, false, true} {
		replica.stale.Store(stale)
		for range 5 {
			for path, want := range map[string]int{"/healthz": 200, "/readyz": map[bool]int{false: 200, true: 503}[stale]} {
				w := httptest.NewRecorder()
				door.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
				if w.Code != want {
					t.Errorf("%s: %d", path, w.Code)
				}
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	for i, want := range []string{`"level":"WARN"`, `"level":"INFO"`, `"level":"WARN"`} {
		if len(lines) != 3 || !strings.Contains(lines[i], want) {
			t.Fatalf("want WARN, INFO, WARN, and nothing else:\n%s", log.String())
		}
	}
}
