package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEveryRequestIsAskedOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen[string(body)]++
		mu.Unlock()
		body = []byte(strings.Repeat("a long answer ", 10_000)) // more than one read
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body)
	}))
	defer s.Close()
	task := Task{Addr: s.Listener.Addr().String(), Connections: 7, Requests: 100, Status: 200, Request: func(b []byte, i int64) []byte {
		return fmt.Appendf(b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d", i)
	}}
	r, err := Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if n := seen[fmt.Sprintf("%03d", i)]; n != 1 {
			t.Errorf("request %d was asked %d times", i, n)
		}
	}
	if r.Took <= 0 || r.P99 < r.Median || r.Received < 100*140_000 {
		t.Errorf("%+v", r)
	}
}

func TestWhatEndsARun(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/chunks":
			w.(http.Flusher).Flush()
		default:
			http.Error(w, "not today", http.StatusTeapot)
		}
	}))
	defer s.Close()
	for path, want := range map[string]string{"/other": "status 418, not 200: not today", "/chunks": "does not say its length", "/slow": "deadline exceeded"} {
		patience := time.Minute
		if path == "/slow" {
			patience = 500 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := Run(ctx, Task{Addr: s.Listener.Addr().String(), Connections: 3, Requests: 10, Status: 200, Request: func(b []byte, _ int64) []byte {
			return fmt.Appendf(b, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		}})
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
