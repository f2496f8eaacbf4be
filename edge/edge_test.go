package edge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/fault"
)

func TestRecorderKnowsABareWrite(t *testing.T) {
	w := &Recorder{ResponseWriter: httptest.NewRecorder()}
	w.Write([]byte("hello"))
	if w.Status != 200 || w.Bytes != 5 {
		t.Errorf("status %d, %d bytes", w.Status, w.Bytes)
	}
	w.WriteHeader(500)
	if w.Status != 200 {
		t.Error("a later status replaces the one that was sent")
	}
}

func TestPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(1)
		leave, err := p.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := p.Enter(t.Context()); fault.KindOf(err) != fault.Overloaded || time.Since(start) != patience {
			t.Errorf("the second after %s: %v", time.Since(start), err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Enter(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone waits: %v", err)
		}
		go func() { time.Sleep(time.Second); leave() }()
		if _, err := p.Enter(t.Context()); err != nil {
			t.Errorf("a place that came free is not taken: %v", err)
		}
	})
}

func TestCauseKeepsValuesOut(t *testing.T) {
	type person struct{ Email string }
	cause := func(f func()) (err error) {
		defer func() { err = Cause(recover()) }()
		f()
		return nil
	}
	for name, c := range map[string]struct {
		f    func()
		want string
	}{
		"words":   {func() { panic("email:sara@example.com") }, "panic with a string"},
		"a value": {func() { panic(person{"sara@example.com"}) }, "panic with a edge.person"},
		"error":   {func() { panic(errors.New("sara@example.com")) }, "panic with a *errors.errorString"},
		"runtime": {func() { _ = []int{}[len(t.Name())] }, "runtime error: index out of range"},
	} {
		if got := cause(c.f).Error(); strings.Contains(got, "sara") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTags(t *testing.T) {
	strong := Tag([]byte("a page"))
	tag := "W/" + strong
	for header, want := range map[string]bool{
		tag: true, strong: true, "*": true, `"x",` + tag: true, `"x" , ` + tag: true,
		"": false, `"x"`: false, Tag([]byte("another")): false,
	} {
		r := &http.Request{Header: http.Header{"If-None-Match": {header}}}
		if Has(r, tag) != want || Has(r, strong) != want {
			t.Errorf("If-None-Match: %s is %v", header, !want)
		}
	}
}

func TestJSONByItsHeader(t *testing.T) {
	for _, c := range []struct {
		kind, encoding string
		ok             bool
	}{
		{"application/json", "", true}, {"application/json; charset=UTF-8", "", true},
		{"", "", false}, {"text/plain", "", false}, {"application/json;;", "", false},
		{"application/json; charset=utf-16", "", false}, {"application/json", "gzip", false},
	} {
		h := http.Header{"Content-Type": {c.kind}, "Content-Encoding": {c.encoding}}
		err := JSON(h)
		if _, media := errors.AsType[MediaError](err); (err == nil) != c.ok || media == c.ok {
			t.Errorf("%q %q: %v", c.kind, c.encoding, err)
		}
	}
}
