package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/api"
)

// questions are the ways to ask whether data may be used, about a person who
// never said yes and one who took it back.
var questions = map[string]string{
	"/v1/decide":             `[{"subject":"phone:+12075550134","purpose":"text_updates"},{"subject":"phone:+12075550135","purpose":"text_updates"}]`,
	"/access/v1/evaluation":  `{"subject":{"type":"service","id":"crm"},"action":{"name":"use","properties":{"purpose":"text_updates"}},"resource":{"type":"customer","id":"phone:+12075550134"}}`,
	"/access/v1/evaluations": `{"subject":{"type":"service","id":"crm"},"action":{"name":"use","properties":{"purpose":"text_updates"}},"evaluations":[{"resource":{"type":"customer","id":"phone:+12075550134"}}]}`,
}

// busy is an answer that says to come again, and nothing else.
func busy(t *testing.T, path string, a answer, statuses ...int) {
	t.Helper()
	good := false
	for _, s := range statuses {
		good = good || a.status == s
	}
	if !good || a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), "true") {
		t.Errorf("%s: %d, Retry-After %q: %s", path, a.status, a.header.Get("Retry-After"), a.body)
	}
}

// Every place is taken by requests that do not go on: whoever asks is told to
// come again, and is served as soon as there is a place.
func TestNoPlace(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.InFlight = 2 })
	var held []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		must(t, err)
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/decide HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", w.token)
		line, err := bufio.NewReader(conn).ReadString('\n') // it is being read: the place is taken
		must(t, err)
		if !strings.Contains(line, "100") {
			t.Fatal(line)
		}
		held = append(held, conn)
	}
	var wg sync.WaitGroup
	for path, body := range questions {
		for range 8 {
			wg.Go(func() { busy(t, path, w.do("POST", path, body), 503) })
		}
	}
	wg.Wait()
	for _, c := range held {
		c.Close()
	}
	for path, body := range questions {
		a := w.do("POST", path, body)
		for range 200 { // until the server has seen that they are gone
			if a.status == 200 {
				break
			}
			a = w.do("POST", path, body)
		}
		if a.status != 200 || strings.Contains(string(a.body), "true") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// A token that asks faster than it may is told so; another is not.
func TestATokenThatAsksTooFast(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Rate, c.Burst = 1, 3 })
	for path, body := range questions {
		w.token = w.newToken("decide")
		for i := range 10 {
			if a := w.do("POST", path, body); i < 3 && a.status != 200 {
				t.Errorf("%s: %d", path, a.status)
			} else if i >= 3 {
				busy(t, path, a, 429)
			}
		}
		w.clock.forward(time.Second)
		if a := w.do("POST", path, body); a.status != 200 {
			t.Errorf("%s a second later: %d", path, a.status)
		}
		busy(t, path, w.do("POST", path, body), 429)
	}
}

// What is not done in time is not answered.
func TestNotInTime(t *testing.T) {
	w := newWorld(t)
	late := http.Server{Handler: api.New(api.Config{Store: w.db, Now: w.clock.Now, Timeout: time.Nanosecond})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go late.Serve(l)
	defer late.Close()
	w.url = "http://" + l.Addr().String()
	for path, body := range questions {
		a := w.do("POST", path, body)
		if a.status != 408 && a.status != 503 || strings.Contains(string(a.body), "true") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// Many ask at once for more than there are places, while somebody takes their
// yes back: from then on no answer, however late or short, is a yes.
func TestAFlood(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.InFlight, c.Rate = 3, 400 })
	w.post(201, "/v1/consents", saraTexts)
	var gone atomic.Bool
	var yes, no, refused atomic.Int32
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			for range 40 {
				for path, body := range questions {
					before := gone.Load()
					r, _ := http.NewRequest("POST", w.url+path, strings.NewReader(body))
					r.Header.Set("Authorization", "Bearer "+w.token)
					r.Header.Set("Content-Type", "application/json")
					resp, err := http.DefaultTransport.RoundTrip(r)
					if err != nil {
						continue
					}
					raw, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					said := strings.Contains(string(raw), `"allowed":true`) || strings.Contains(string(raw), `"decision":true`)
					switch {
					case said && (before || resp.StatusCode != 200):
						t.Errorf("%s: %d %s", path, resp.StatusCode, raw)
					case said:
						yes.Add(1)
					case resp.StatusCode == 200:
						no.Add(1)
					case (resp.StatusCode == 429 || resp.StatusCode == 503) && resp.Header.Get("Retry-After") != "":
						refused.Add(1)
					default:
						t.Errorf("%s: %d %s", path, resp.StatusCode, raw)
					}
				}
			}
		})
	}
	for a := w.do("POST", "/v1/consents", strings.Replace(saraTexts, "given", "withdrawn", 1)); a.status != 201; {
		w.clock.forward(time.Second)
		a = w.do("POST", "/v1/consents", strings.Replace(saraTexts, "given", "withdrawn", 1))
	}
	gone.Store(true)
	for range 20 { // the clock of the limits goes on
		w.clock.forward(time.Second)
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	if no.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d yes, %d no, %d refused: it was no flood", yes.Load(), no.Load(), refused.Load())
	}
}
