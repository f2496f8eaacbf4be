package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"

	"github.com/amana-privacy/amana/edge"
)

// body is what is sent. Of one that is kept the pressed form and the tag are
// made beforehand.
type body struct {
	plain, pressed []byte
	tag            string
}

// show renders a page into memory and writes it: a template that fails leaves
// no half a page behind.
func (v *visit) show(status int, cache, page string, data any) error {
	plain, err := v.render(page, data)
	if err != nil {
		return err
	}
	v.sendPage(status, cache, body{plain: plain})
	return nil
}

// same is show for a page that is the same for everybody: it is rendered and
// pressed once in an edition and language, under its name. There must be no
// more names than pages and versions.
func (v *visit) same(name string, status int, cache, page string, data func() any) error {
	b, err := v.once(name, func() ([]byte, error) { return v.render(page, data()) })
	if err != nil {
		return err
	}
	v.sendPage(status, cache, b)
	return nil
}

// once gives the body of a name, made by the first who asks.
func (f *face) once(name string, make func() ([]byte, error)) (body, error) {
	if b, ok := f.kept.Load(name); ok {
		return b.(body), nil
	}
	plain, err := make()
	if err != nil {
		return body{}, err
	}
	b, _ := f.kept.LoadOrStore(name, body{plain, pressedAs(plain, gzip.BestCompression), tagOf(plain)})
	return b.(body), nil
}

func (f *face) render(page string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := f.pages[page].ExecuteTemplate(&b, "layout", data)
	return b.Bytes(), err
}

func (v *visit) sendPage(status int, cache string, b body) {
	v.Header().Set("Content-Security-Policy", v.ed.style.csp)
	v.send(status, cache, "text/html; charset=utf-8", b)
}

// write sends bytes that were made for this answer.
func (v *visit) write(status int, cache, kind string, plain []byte) {
	v.send(status, cache, kind, body{plain: plain})
}

// send sends a body, pressed where the reader takes that. What may be kept has a
// tag by which it is asked for again.
func (v *visit) send(status int, cache, kind string, b body) {
	h := v.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Language", v.Tag)
	h.Set("Cache-Control", cache)
	h.Add("Vary", "Accept-Encoding")
	if cache != never && status == http.StatusOK {
		tag := b.tag
		if tag == "" {
			tag = tagOf(b.plain)
		}
		h.Set("ETag", tag)
		if edge.Has(v.Request, tag) {
			v.WriteHeader(http.StatusNotModified)
			return
		}
	}
	out := b.plain
	if takesGzip(v.Request) {
		h.Set("Content-Encoding", "gzip")
		if out = b.pressed; out == nil {
			out = pressed(b.plain)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(out)))
	v.WriteHeader(status)
	if v.Method != http.MethodHead {
		v.ResponseWriter.Write(out) // a reader that went away is no error of ours
	}
}

// tagOf is weak, because the body is sent plain or pressed.
func tagOf(plain []byte) string { return "W/" + edge.Tag(plain) }

func takesGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}

func pressed(body []byte) []byte { return pressedAs(body, 6) }

func pressedAs(body []byte, level int) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, level) // the level is one
	z.Write(body)                          // a buffer takes everything
	z.Close()
	return b.Bytes()
}
