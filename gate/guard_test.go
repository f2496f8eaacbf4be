package gate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/gate"
)

// session is what the program knows by itself, in these tests.
func session(r *http.Request) string {
	if c, err := r.Cookie("session"); err == nil {
		return "customer:" + c.Value
	}
	return ""
}

// behind tells who it was called for, and how.
var behind = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	var left []string
	for name, v := range r.Header {
		if strings.Contains(strings.ToLower(name), "amana") {
			left = append(left, name+"="+strings.Join(v, ","))
		}
	}
	fmt.Fprint(w, strings.Join(left, " "))
})

func through(g gate.Guard, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/letters?x=1", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: "7"})
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	g.Handler(behind).ServeHTTP(w, r)
	return w
}

func says(a gate.Answer, err error) gate.Ask {
	return func(context.Context, gate.Question) (gate.Answer, error) { return a, err }
}

func TestTheGuardOverwritesWhatAClientSent(t *testing.T) {
	g := gate.Guard{Ask: says(gate.Answer{Allowed: true, Reason: "given"}, nil), Who: session, Purpose: "newsletter"}
	w := through(g, func(r *http.Request) {
		r.Header["X-Amana-Subject"] = []string{"customer:1", "customer:2"}
		r.Header["x-amana-subject"] = []string{"customer:3"}
		r.Header["X_Amana_Subject"] = []string{"customer:4"}
		r.Header["X-Amana-Reason"] = []string{"given"}
	})
	if got := w.Body.String(); w.Code != 200 || got != "X-Amana-Subject=customer:7" {
		t.Errorf("%d %s", w.Code, got)
	}
	w = through(g, func(r *http.Request) { r.Header = http.Header{"X-Amana-Subject": {"customer:1"}} })
	if w.Code != 403 {
		t.Errorf("a client that says by itself who it is: %d", w.Code)
	}
}

func TestTheGuardIsShutUnlessTheAnswerIsYes(t *testing.T) {
	for name, c := range map[string]struct {
		ask  gate.Ask
		want int
	}{
		"yes":             {says(gate.Answer{Allowed: true, Reason: "given"}, nil), 200},
		"no":              {says(gate.Answer{Reason: "withdrawn"}, nil), 403},
		"stale":           {says(gate.Answer{Reason: "stale"}, nil), 503},
		"an error":        {says(gate.Answer{Allowed: true}, errors.New("no")), 503},
		"a stale yes":     {says(gate.Answer{Allowed: true, Reason: "stale"}, nil), 503},
		"nobody is there": {gate.Door("http://127.0.0.1:1", "amana_x", nil), 503},
	} {
		t.Run(name, func(t *testing.T) {
			w := through(gate.Guard{Ask: c.ask, Who: session, Purpose: "newsletter"})
			if w.Code != c.want || c.want != 200 && strings.Contains(w.Body.String(), "X-Amana") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestTheGuardDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		never := func(ctx context.Context, _ gate.Question) (gate.Answer, error) {
			<-ctx.Done()
			return gate.Answer{Allowed: true, Reason: "given"}, nil // too late
		}
		for _, timeout := range []time.Duration{0, 3 * time.Second} {
			if w := through(gate.Guard{Ask: never, Who: session, Timeout: timeout}); w.Code != 503 {
				t.Errorf("%d", w.Code)
			}
		}
		if d := time.Since(began); d != 4*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestTheDoorIsAskedInItsWords(t *testing.T) {
	status, answer := 200, `{"allowed":true,"reason":"given","policy":"sha256:00"}`
	var sent, token string
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		sent, token = r.Method+" "+r.URL.Path+" "+string(raw), r.Header.Get("Authorization")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	defer door.Close()
	g := gate.Guard{Ask: gate.Door(door.URL+"/", "amana_x", nil), Who: session, Purpose: "newsletter", Data: []string{"email"}, Recipient: "mailer", Timeout: time.Minute}
	w := through(g, func(r *http.Request) { r.Header["Sec-Gpc"] = []string{"0", "1"} })
	want := `POST /v1/decide {"subject":"customer:7","purpose":"newsletter","data":["email"],"recipient":"mailer","signals":{"gpc":true}}`
	if w.Code != 200 || sent != want || token != "Bearer amana_x" {
		t.Errorf("%d %s %s", w.Code, token, sent)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) }))
	defer elsewhere.Close()
	for _, status := range []int{302, 307} {
		away := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		if w := through(gate.Guard{Ask: gate.Door(away.URL, "amana_x", away.Client()), Who: session}); w.Code != 503 {
			t.Errorf("a redirect by %d leads to a yes: %d", status, w.Code)
		}
		away.Close()
	}
	for _, c := range []struct {
		status int
		answer string
	}{{401, answer}, {500, answer}, {204, answer}, {200, ""}, {200, `{"allowed":"true"}`}, {200, `[]`}} {
		status, answer = c.status, c.answer
		if w := through(g); w.Code != 503 {
			t.Errorf("%d %q lets through: %d", c.status, c.answer, w.Code)
		}
	}
}
