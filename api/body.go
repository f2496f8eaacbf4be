package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/fault"
)

const largestBody = 1 << 20 // bytes

// body reads the JSON body of a request, whole. It must arrive within half of
// the time the request has.
func (d *door) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if err := edge.JSON(r.Header); err != nil {
		w.Header().Set("Accept-Post", "application/json")
		return nil, refusal{mediaType, err.Error()}
	}
	return d.read(w, r)
}

// read reads a body, whole.
func (d *door) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(d.Timeout / 2)) // a connection that cannot is a test's
	raw, err := whole(w, r)
	_ = conn.SetReadDeadline(time.Time{})
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		w.Header().Set("Connection", "close") // the rest is not read
		return nil, fault.New(fault.TooLarge, "the body is larger than %d bytes", largestBody)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.Header().Set("Connection", "close")
		return nil, refusal{tooSlow, "the body did not arrive in time"}
	}
	if err != nil {
		return nil, fault.New(fault.Malformed, "the body ended early")
	}
	return raw, nil
}

// whole reads a body whose length is told into the room it needs.
func whole(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > largestBody {
		return io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	}
	raw := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, raw)
	return raw, err
}

// reply writes a body. Texts stand as they are (<, >, & unescaped), so that
// what is canonical inside stays so byte for byte.
func reply(w http.ResponseWriter, status int, v any) error {
	raw, err := encode(v)
	if err != nil {
		return err
	}
	return send(w, status, raw)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("writing the answer: %w", err)
	}
	return b.Bytes(), nil
}

func send(w http.ResponseWriter, status int, raw []byte) error {
	head := w.Header()
	head["Content-Type"] = isJSON
	head["Content-Length"] = []string{strconv.Itoa(len(raw))}
	w.WriteHeader(status)
	_, _ = w.Write(raw) // whoever does not read it has gone
	return nil
}
