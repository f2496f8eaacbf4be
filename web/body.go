package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"

	"github.com/amana-privacy/amana/edge"
)

// body is what is sent. Of one that is kept the pressed forms and the tag are
// made beforehand; small ones have a brotli form besides.
type body struct {
	plain, pressed, brotli []byte
	tag                    string
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
	made := body{plain: plain, tag: tagOf(plain)}
	if len(plain) <= small {
		made.pressed, made.brotli = cut(plain), brotliOf(plain)
	} else {
		made.pressed = pressedAs(plain, gzip.BestCompression)
	}
	b, _ := f.kept.LoadOrStore(name, made)
	return b.(body), nil
}

func (f *face) render(page string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := f.pages.lookup(page).ExecuteTemplate(&b, "layout", data)
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
	if b.brotli != nil && takes(v.Request, "br") {
		h.Set("Content-Encoding", "br")
		out = b.brotli
	} else if takes(v.Request, "gzip") {
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

func takes(r *http.Request, encoding string) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == encoding {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}

// quickly is the level for a page that is made for one answer: half the time of
// the usual one, for a tenth more bytes.
const quickly = 4

func pressed(body []byte) []byte { return pressedAs(body, quickly) }

// pressers are kept by level: making one costs more than pressing a page.
var pressers [gzip.BestCompression + 1]sync.Pool

func pressedAs(body []byte, level int) []byte { return pressedAt(body, level, 0) }

// pressedAt presses what stands before a place and what stands behind it each
// under a code of its own.
func pressedAt(body []byte, level, at int) []byte {
	var b bytes.Buffer
	z, kept := pressers[level].Get().(*gzip.Writer)
	if kept {
		z.Reset(&b)
	} else {
		z, _ = gzip.NewWriterLevel(&b, level) // the level is one
	}
	defer pressers[level].Put(z)
	if at > 0 {
		z.Write(body[:at]) // a buffer takes everything
		z.Flush()
	}
	z.Write(body[at:])
	z.Close()
	return b.Bytes()
}

// small is up to how many bytes it is worth the time to press a body that is
// kept as well as can be: about 50 ms, once.
const small = 16 << 10

// cut presses a body in one piece, or in two if that is smaller: the letters of
// Arabic texts and the code behind them have little in common.
func cut(body []byte) []byte {
	best := pressedAs(body, gzip.BestCompression)
	for at := 256; at < len(body); at += 128 {
		if b := pressedAt(body, gzip.BestCompression, at); len(b) < len(best) {
			best = b
		}
	}
	return best
}

func brotliOf(body []byte) []byte {
	var b bytes.Buffer
	z := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 16})
	z.Write(body)
	z.Close()
	return b.Bytes()
}
