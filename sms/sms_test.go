package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type taken struct {
	method, query, kind, secret, body string
}

// receiver is a gateway that answers with statuses, one after the other, the
// last for ever.
func receiver(t *testing.T, statuses ...int) (string, chan taken) {
	got := make(chan taken, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- taken{r.Method, r.URL.RawQuery, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), string(body)}
		if statuses[0]/100 == 3 {
			w.Header().Set("Location", "http://127.0.0.1:1/secrets")
		}
		w.WriteHeader(statuses[0])
		if len(statuses) > 1 {
			statuses = statuses[1:]
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// sends runs a sender and gives its log once it stopped.
func sends(t *testing.T, g Gateway, to, text string, wait func()) string {
	t.Helper()
	var log bytes.Buffer
	s, err := New(g, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.pause = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	if !s.Send(to, text) {
		t.Fatal("the queue is full")
	}
	wait()
	stop()
	<-done
	return log.String()
}

const arabic = "رمزك \"123456\" \\ & {to}\nhttps://privacy.example/ar"

func TestAMessageIsHandedOver(t *testing.T) {
	t.Setenv("SMS_SECRET", "s3cret")
	for name, g := range map[string]Gateway{
		"json": {Headers: map[string]string{"Authorization": "Bearer ${SMS_SECRET}"}, Body: `{"messages":[{"to":"{to}","body":"{text}"}]}`},
		"form": {Headers: map[string]string{"content-type": "application/x-www-form-urlencoded", "Authorization": "Bearer ${SMS_SECRET}"}, Body: "To={to}&Body={text}"},
		"get":  {Method: "get", Headers: map[string]string{"Authorization": "Bearer ${SMS_SECRET}"}, URL: "?to={to}&text={text}"},
	} {
		t.Run(name, func(t *testing.T) {
			at, got := receiver(t, 200)
			g.URL = at + "/send" + g.URL
			var m taken
			sends(t, g, "+12075550134", arabic, func() { m = <-got })
			if m.secret != "Bearer s3cret" {
				t.Errorf("the secret is %q", m.secret)
			}
			switch name {
			case "json":
				var in struct{ Messages []struct{ To, Body string } }
				if err := json.Unmarshal([]byte(m.body), &in); err != nil || m.kind != "application/json" || in.Messages[0].To != "+12075550134" || in.Messages[0].Body != arabic {
					t.Errorf("%v: %+v", err, m)
				}
			default:
				values := m.body + m.query
				r, err := http.NewRequest("POST", "/", strings.NewReader(values))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if r.FormValue("to")+r.FormValue("To") != "+12075550134" || r.FormValue("text")+r.FormValue("Body") != arabic {
					t.Errorf("got %q", values)
				}
			}
		})
	}
}

// TestTriesAgain only where that may help; a redirect is not followed, and the
// log has neither number nor code.
func TestTriesAgain(t *testing.T) {
	for _, c := range []struct {
		statuses []int
		want     int
	}{{[]int{503, 429, 200}, 3}, {[]int{500}, 3}, {[]int{400}, 1}, {[]int{302}, 1}} {
		at, got := receiver(t, c.statuses...)
		log := sends(t, Gateway{URL: at + "/?to={to}", Body: `{"text":"{text}"}`}, "+12075550134", "code 123456", func() {
			for range c.want {
				<-got
			}
		})
		if strings.Contains(log, "2075550134") || strings.Contains(log, "123456") {
			t.Errorf("the log holds what was sent: %s", log)
		}
		select {
		case <-got:
			t.Errorf("%v: tried more than %d times", c.statuses, c.want)
		default:
		}
	}
}

func TestAGatewayIsChecked(t *testing.T) {
	body := `{"to":"{to}","text":"{text}"}`
	for name, c := range map[string]struct {
		g    Gateway
		want string
	}{
		"no host":             {Gateway{URL: "/x", Body: body}, "sms.url"},
		"in clear":            {Gateway{URL: "http://gateway.example/x", Body: body}, "sms.url"},
		"a host of the text":  {Gateway{URL: "https://{to}.example/x", Body: body}, "sms.url"},
		"a path of the text":  {Gateway{URL: "https://gateway.example/{to}", Body: body}, "sms.url"},
		"a password":          {Gateway{URL: "https://a:b@gateway.example/", Body: body}, "sms.url"},
		"no text":             {Gateway{URL: "https://gateway.example/", Body: `{"to":"{to}"}`}, "sms.body"},
		"no JSON":             {Gateway{URL: "https://gateway.example/", Body: `{"to":{to},"text":"{text}"`}, "sms.body"},
		"a method":            {Gateway{URL: "https://gateway.example/", Method: "DELETE", Body: body}, "sms.method"},
		"a missing variable":  {Gateway{URL: "https://gateway.example/", Headers: map[string]string{"X": "${NOT_THERE_AT_ALL}"}, Body: body}, "sms.headers"},
		"good, on the inside": {Gateway{URL: "http://127.0.0.1:8000/x", Body: body}, ""},
	} {
		_, err := New(c.g, nil)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
