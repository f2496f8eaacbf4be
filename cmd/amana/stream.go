package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/amana-privacy/amana/fault"
)

// Long work goes over the control socket as streams. The request is one JSON
// line and then whatever is read; the answer is frames: a letter, a length of
// four bytes, so many bytes.
const (
	frameOutput = 'o' // a piece of what is written
	frameSide   = 's' // a piece of what is written beside it
	frameNews   = 'n' // JSON: how far it is, or what is to be told on the way
	frameResult = 'r' // JSON: it ended well; the last frame
	frameFailed = 'f' // JSON of a refusal; the last frame
)

// maxFrame bounds a frame.
const maxFrame = 1 << 20

// stream is what long work reads, writes and tells. Its ends are an open
// installation's, or those of the socket to one.
type stream struct {
	in   io.Reader
	out  io.Writer
	side io.Writer
	news func(json.RawMessage) error
}

// tell sends news.
func (s stream) tell(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.news(raw)
}

// streamed answers a request with the frames of do.
func streamed[In, Out any](do func(context.Context, In, stream) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // what is left unread must not be taken for another request
		c := http.NewResponseController(w)
		if err := c.EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		f := &frames{w: bufio.NewWriterSize(w, 64<<10), flush: c.Flush}
		body := bufio.NewReaderSize(r.Body, 64<<10)
		var in In
		var out Out
		head, err := body.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(head, &in)
		}
		if err == nil {
			out, err = do(r.Context(), in, stream{body, f.of(frameOutput), f.of(frameSide), func(b json.RawMessage) error {
				return errors.Join(f.put(frameNews, b), f.now())
			}})
		}
		kind, last := byte(frameResult), any(out)
		if err != nil {
			kind, last = frameFailed, refusal{fault.KindOf(err), err.Error()}
		}
		if raw, err := json.Marshal(last); err == nil {
			f.put(kind, raw)
		}
		f.now()
	})
}

// frames writes frames.
type frames struct {
	w     *bufio.Writer
	flush func() error
}

func (f *frames) put(kind byte, b []byte) error {
	for {
		part := b[:min(len(b), maxFrame)]
		head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(part)))
		if _, err := f.w.Write(head); err != nil {
			return err
		}
		if _, err := f.w.Write(part); err != nil {
			return err
		}
		if b = b[len(part):]; len(b) == 0 {
			return nil
		}
	}
}

// of gives a writer of frames of a kind.
func (f *frames) of(kind byte) io.Writer {
	return writing(func(b []byte) error { return f.put(kind, b) })
}

func (f *frames) now() error { return errors.Join(f.w.Flush(), f.flush()) }

// writing is a writer that hands on what is written.
type writing func([]byte) error

// Write hands b on.
func (w writing) Write(b []byte) (int, error) {
	if err := w(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// stream does long work on an installation that another process serves.
func (r remote) stream(ctx context.Context, path string, in any, s stream, result any) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // ends the sending, if the other side has had enough
	head, err := json.Marshal(in)
	if err != nil {
		return err
	}
	body := io.MultiReader(bytes.NewReader(append(head, '\n')), s.in)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control"+path, io.NopCloser(body))
	if err != nil {
		return err
	}
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
	}}
	defer t.CloseIdleConnections()
	resp, err := (&http.Client{Transport: t}).Do(req)
	if err != nil {
		return fmt.Errorf("asking the running server: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the running server: it answers %s", resp.Status)
	}
	if err := s.receive(bufio.NewReaderSize(resp.Body, 64<<10), result); err != nil {
		return err
	}
	return nil
}

// receive takes frames up to the last.
func (s stream) receive(r io.Reader, result any) error {
	var head [5]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return fmt.Errorf("the server ended before the work did: %w", err)
		}
		n := binary.BigEndian.Uint32(head[1:])
		if n > maxFrame {
			return errors.New("the server answers with something else; is it of another version?")
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("the server ended before the work did: %w", err)
		}
		switch head[0] {
		case frameOutput:
			if _, err := s.out.Write(b); err != nil {
				return err
			}
		case frameSide:
			if _, err := s.side.Write(b); err != nil {
				return err
			}
		case frameNews:
			if err := s.news(b); err != nil {
				return err
			}
		case frameResult:
			return json.Unmarshal(b, result)
		default:
			var no refusal
			if err := json.Unmarshal(b, &no); err != nil {
				return fmt.Errorf("asking the running server: %w", err)
			}
			return &fault.Error{Kind: no.Kind, Words: no.Words}
		}
	}
}
