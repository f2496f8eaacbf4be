package audit

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestWhatHappensOnTheWayIsNoLie puts something between an audit and an honest log
// that cuts answers short, shows a page of its own in their place, or presses them.
func TestWhatHappensOnTheWayIsNoLie(t *testing.T) {
	s := newShop(t).publish(example(t).ID).to(300)
	press := func(body []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(body)
		z.Close()
		return b.Bytes()
	}
	send := func(w http.ResponseWriter, form string, all int, body []byte) {
		w.Header().Set("Content-Encoding", form)
		w.Header().Set("Content-Length", strconv.Itoa(all))
		w.Write(body)
	}
	var all sync.WaitGroup
	for does, c := range map[string]struct {
		way  func(w http.ResponseWriter, body []byte)
		want Outcome
	}{
		"cuts it short": {func(w http.ResponseWriter, b []byte) { send(w, "", len(b), b[:len(b)/2]) }, Unknown},
		"shows a page": {func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write(bytes.Repeat([]byte("<p>Sign in to the guests' network.</p>"), 250))
		}, Unknown},
		"presses it":         {func(w http.ResponseWriter, b []byte) { b = press(b); send(w, "gzip", len(b), b) }, Holds},
		"presses half of it": {func(w http.ResponseWriter, b []byte) { b = press(b)[:len(b)/3]; send(w, "gzip", len(b), b) }, Unknown},
		"says it is pressed": {func(w http.ResponseWriter, b []byte) { send(w, "zstd", len(b), b) }, Unknown},
	} {
		for _, part := range []string{"/log/checkpoint", "/log/tile/entries/000", "/log/tile/0/000", "/log/tile/1/", "/log/records", "/log/record/0"} {
			all.Go(func() { // at once: what does not come is asked for again, after a while
				way := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					honest := httptest.NewRecorder()
					s.ServeHTTP(honest, r)
					if strings.HasPrefix(r.URL.Path, part) && honest.Code == http.StatusOK {
						c.way(w, honest.Body.Bytes())
						return
					}
					w.WriteHeader(honest.Code)
					w.Write(honest.Body.Bytes())
				}))
				defer way.Close()
				v, _, err := Run(t.Context(), Config{URL: way.URL, Key: s.key, Patience: time.Millisecond})
				if err != nil || v.Outcome != c.want || len(v.Findings) > 0 {
					t.Errorf("%s %s: %v\n%s", does, part, err, strings.Join(v.Lines(), "\n"))
				}
			})
		}
	}
	all.Wait()
}

// A key that the state does not know yet is one that was handed over to, or
// another's: which of them, only a log that was read can tell.
func TestAKeyThatIsNewToTheStateIsToldOfByTheLog(t *testing.T) {
	s := newShop(t).to(50)
	_, state := s.holds()
	s.handOver(newShop(t))
	v, _, err := Run(t.Context(), Config{URL: "http://127.0.0.1:1", Key: s.key, State: state})
	if err != nil || v.Outcome != Unknown {
		t.Errorf("unreachable: %v, %v", v.Lines(), err)
	}
	other := newShop(t).to(60)
	v, _, err = Run(t.Context(), Config{URL: other.URL, Key: other.key, State: state})
	if err != nil || v.Outcome != Lied {
		t.Errorf("another log in its place: %v, %v", v.Lines(), err)
	}
	s.holds(func(c *Config) { c.State = state })
}

// A file that never was a receipt accuses nobody; one that somebody changed does
// not hold.
func TestWhatIsNoReceiptIsNoLie(t *testing.T) {
	version := example(t)
	s := newShop(t).publish(version.ID)
	good := s.receipt(s.say(version))
	_, state := s.holds()
	raw, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data string
		want Outcome
	}{
		"audit.json":   {string(raw), Unknown},
		"package.json": {`{"name":"shop"}`, Unknown},
		"list.json":    {`[1]`, Unknown},
		"empty.json":   {"", Unknown},
		"changed.json": {strings.Replace(string(good.Data), `"record":{`, `"record":{"more":1,`, 1), Lied},
		"cut.json":     {string(good.Data[:len(good.Data)-20]), Lied},
	} {
		v, _ := s.audits(holding(File{name, []byte(c.data)}))
		if v.Outcome != c.want {
			t.Errorf("%s: %s", name, strings.Join(v.Lines(), "\n"))
		}
	}
}
