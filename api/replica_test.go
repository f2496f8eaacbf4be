package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
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
