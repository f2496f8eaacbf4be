// Package load asks a server over many connections at once. It writes and reads
// HTTP/1.1 by hand: what a generator spends on the same cores, the server lacks.
package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Task is what is asked.
type Task struct {
	Addr        string // host:port
	Connections int
	Requests    int64

	// Request appends request i, head and body, to b. It is called from several
	// goroutines.
	Request func(b []byte, i int64) []byte
	Status  int // every answer must have it
}

// Result is what came of it.
type Result struct {
	Took     time.Duration
	Median   time.Duration // of one request
	P99      time.Duration
	Received int64 // bytes, heads included
}

// Run asks all requests, each connection one after the other. The first answer
// with another status ends it.
func Run(ctx context.Context, t Task) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conns := make([]*conn, t.Connections)
	for i := range conns {
		c, err := dial(ctx, t.Addr)
		if err != nil {
			return Result{}, err
		}
		defer c.Close()
		conns[i] = c
	}
	stop := context.AfterFunc(ctx, func() {
		for _, c := range conns {
			c.SetDeadline(time.Unix(1, 0))
		}
	})
	defer stop()
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for _, c := range conns {
		wg.Go(func() {
			if err := c.ask(t, &next); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	return summary(took, conns), nil
}

func summary(took time.Duration, conns []*conn) Result {
	r := Result{Took: took}
	var all []time.Duration
	for _, c := range conns {
		all = append(all, c.times...)
		r.Received += c.received
	}
	slices.Sort(all)
	if len(all) > 0 {
		r.Median, r.P99 = all[len(all)/2], all[len(all)*99/100]
	}
	return r
}

// conn is one connection and what it has seen; it belongs to one goroutine.
type conn struct {
	net.Conn
	out, in  []byte
	times    []time.Duration
	received int64
}

func dial(ctx context.Context, addr string) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, in: make([]byte, 64<<10)}, nil
}

func (c *conn) ask(t Task, next *atomic.Int64) error {
	for i := next.Add(1) - 1; i < t.Requests; i = next.Add(1) - 1 {
		c.out = t.Request(c.out[:0], i)
		start := time.Now()
		if _, err := c.Write(c.out); err != nil {
			return err
		}
		if err := c.answer(t.Status); err != nil {
			return err
		}
		c.times = append(c.times, time.Since(start))
	}
	return nil
}

var (
	headEnd  = []byte("\r\n\r\n")
	lineEnd  = []byte("\r\n")
	lengthIs = []byte("content-length:")
)

// answer reads one answer to its end.
func (c *conn) answer(status int) error {
	have, head := 0, -1
	for head < 0 {
		n, err := c.Read(c.in[have:])
		if err != nil {
			return err
		}
		have += n
		head = bytes.Index(c.in[:have], headEnd)
		if head < 0 && have == len(c.in) {
			return errors.New("load: the head of an answer does not end")
		}
	}
	got, length, err := parse(c.in[:head])
	if err != nil {
		return err
	}
	body := head + len(headEnd)
	for rest := length - (have - body); rest > 0; {
		n, err := c.Read(c.in[body:])
		if err != nil {
			return err
		}
		rest -= n
	}
	c.received += int64(body + length)
	if got != status {
		return fmt.Errorf("load: status %d, not %d: %s", got, status, c.in[body:min(have, body+500)])
	}
	return nil
}

// parse gives the status of an answer and the length of its body. An answer in
// chunks is an error.
func parse(head []byte) (status, length int, err error) {
	line, rest, _ := bytes.Cut(head, lineEnd)
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, 0, errors.New("load: the answer is not HTTP/1.1")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, fmt.Errorf("load: the status: %w", err)
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, lineEnd)
		if len(line) > len(lengthIs) && bytes.EqualFold(line[:len(lengthIs)], lengthIs) {
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthIs):])))
			return status, length, err
		}
	}
	return 0, 0, errors.New("load: the answer does not say its length")
}
