package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/fault"
)

// A mistake of ours is a 500 with a line in the log. What a panic carries may
// be what somebody sent, so it is in neither; only the runtime's own words are.
func TestPanic(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(*door, http.ResponseWriter, *http.Request) error
		words string
	}{
		"a value":    {func(*door, http.ResponseWriter, *http.Request) error { panic("email:sara@example.com") }, `"err":"panic with a string"`},
		"by runtime": {func(*door, http.ResponseWriter, *http.Request) error { return []error{}[len(t.Name())] }, "index out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			d := &door{Config: Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}.filled(), mux: http.NewServeMux()}
			d.mux.Handle("/x", &resource{d, map[string]route{"GET": {serve: c.serve}}})
			w := httptest.NewRecorder()
			d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/x", nil))
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 500 || p.Type != "/problems/internal" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if text := log.String() + w.Body.String(); strings.Contains(text, "sara") || !strings.Contains(text, c.words) || !strings.Contains(text, `"status":500`) {
				t.Error(text)
			}
		})
	}
}

// A page that is written without a status is a 200, in the log too, and a panic
// behind it is no second answer.
func TestABareWriteIsAnAnswer(t *testing.T) {
	var log bytes.Buffer
	d := &door{Config: Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}.filled(), mux: http.NewServeMux()}
	d.mux.Handle("/x", &resource{d, map[string]route{"GET": {serve: func(d *door, w http.ResponseWriter, r *http.Request) error {
		if err := tooMany.explain(d, w, r); err != nil {
			return err
		}
		panic("afterwards")
	}}}})
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/x", nil))
	if !strings.Contains(log.String(), `"status":200`) || strings.Contains(w.Body.String(), "/problems/internal") {
		t.Error(log.String(), w.Body)
	}
}

// Who is told to come again is no error of ours: an outage is one warning, whoever
// asks again and again.
func TestAnOutageIsNoErrorOfEachRequest(t *testing.T) {
	var log bytes.Buffer
	d := &door{Config: Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}.filled(), mux: http.NewServeMux()}
	d.mux.Handle("/x", &resource{d, map[string]route{"GET": {serve: func(*door, http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Overloaded, "the database is away")
	}}}})
	for range 3 {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/x", nil))
		if w.Code != 503 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	text := log.String()
	if strings.Contains(text, "ERROR") || strings.Count(text, "WARN") != 1 || strings.Count(text, `"level":"INFO","msg":"failed"`) != 2 || strings.Count(text, "the database is away") != 3 {
		t.Error(text)
	}
}
