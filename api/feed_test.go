package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/publisher"
)

// said is an answer of GET /v1/feed.
type said struct {
	Beginning *publisher.Beginning `json:"beginning"`
	Epoch     string               `json:"epoch"`
	Last      uint64               `json:"last"`
	Batches   [][]byte             `json:"batches"`
}

// open asks for a path with a token and gives the answer, which stays open.
func (w *world) open(path string, accept string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(r)
	must(w.t, err)
	w.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (w *world) news(query string) said {
	w.t.Helper()
	resp := w.open("/v1/feed?"+query, "application/json")
	var out said
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != 200 {
		w.t.Fatalf("%s: %d %v", query, resp.StatusCode, err)
	}
	return out
}

// The feed is asked for in turns, or streamed; either goes on where it was left.
func TestTheFeedGoesOnFromAHead(t *testing.T) {
	w := newWorld(t)
	key, err := note.NewVerifier(w.db.LogKey())
	must(t, err)
	begins := w.news("nonce=abc").Beginning
	hello, err := feed.OpenHello([]byte(begins.Hello), key)
	if err != nil || hello.Nonce != "abc" || hello.Epoch != begins.Epoch || len(begins.Tags) != 32 || len(begins.Suppression) != 32 {
		t.Fatalf("%+v, %v", begins, err)
	}
	first := w.news("epoch=" + begins.Epoch + "&after=0")
	w.post(201, "/v1/consents", saraTexts)
	rows := 0
	for after := first.Last; rows == 0; {
		next := w.news(fmt.Sprintf("epoch=%s&after=%d", begins.Epoch, after))
		for _, raw := range next.Batches {
			b, err := feed.ReadBatch(raw)
			must(t, err)
			h, err := feed.OpenHead(b.Head, key)
			must(t, err)
			if h.Number <= after || h.Number > next.Last {
				t.Errorf("head %d after %d, last %d", h.Number, after, next.Last)
			}
			rows += len(b.Runs)
		}
		after = next.Last
	}
	stream := w.open(fmt.Sprintf("/v1/feed?epoch=%s&after=%d&nonce=x", begins.Epoch, first.Last), "text/event-stream")
	r, names := bufio.NewReader(stream.Body), ""
	for strings.Count(names, " ") < 3 {
		line, err := r.ReadString('\n')
		must(t, err)
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			names += strings.TrimSpace(name) + " "
		}
	}
	if stream.Header.Get("Content-Type") != "text/event-stream" || names != "beginning batch batch " {
		t.Errorf("it streams %q", names)
	}
	if stream.Header.Get("X-Accel-Buffering") != "no" {
		t.Error("a proxy in between may gather what is streamed") // nginx does, until it has 4096 bytes
	}
}

func TestAFeedThatDoesNotGoOnSaysSo(t *testing.T) {
	w := newWorld(t)
	epoch := w.news("nonce=abc").Beginning.Epoch
	for query, want := range map[string]int{
		"": 422, "nonce=a%20b": 422, "nonce=" + strings.Repeat("x", 65): 422, "epoch=" + epoch: 422, "epoch=" + epoch + "&after=x": 422,
		"epoch=other&after=0": 409, "epoch=" + epoch + "&after=99999999": 409, "purpose=x": 422,
	} {
		for _, accept := range []string{"application/json", "text/event-stream"} {
			if resp := w.open("/v1/feed?"+query, accept); resp.StatusCode != want {
				t.Errorf("%q as %s: %d, want %d", query, accept, resp.StatusCode, want)
			}
		}
	}
	w.token = w.newToken("decide")
	for _, path := range []string{"/v1/feed?nonce=x", "/v1/snapshot"} {
		if resp := w.open(path, "*/*"); resp.StatusCode != 403 {
			t.Errorf("%s without the scope: %d", path, resp.StatusCode)
		}
	}
}
