package pgtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// link is one connection through a Wire. Messages are those of PostgreSQL's
// documentation, "Frontend/Backend Protocol": a letter, a length, the rest.
type link struct {
	wire           *Wire
	client, server net.Conn

	// The client's side only: texts of prepared statements and of portals, by name.
	texts, portals map[string]string

	mu    sync.Mutex
	asked int // how many times ReadyForQuery will have come when all is answered
	ready int // how many times it has come
	last  int // the one after which the link is cut, 0 where none is ordered
	order *cut
}

// cut ends the connection on both sides.
func (l *link) cut() {
	l.client.Close()
	l.server.Close()
}

// forward carries what the client says to the server.
func (l *link) forward() {
	defer l.cut()
	in := bufio.NewReader(l.client)
	if l.greet(in) != nil {
		return
	}
	for {
		kind, body, err := read(in)
		if err != nil {
			return
		}
		switch c := l.wire.take(l.executes(kind, body)); {
		case c == nil:
		case c.release != nil:
			close(c.done)
			l.wait(c.release)
		case c.after:
			l.silence(c)
		default:
			l.cut()
			close(c.done)
			return
		}
		l.count(kind)
		if write(l.server, kind, body) != nil {
			return
		}
	}
}

// wait holds the link until it may go on, or the test ends.
func (l *link) wait(release <-chan struct{}) {
	select {
	case <-release:
	case <-l.wire.end:
	}
}

// back carries what the server says to the client.
func (l *link) back() {
	defer l.cut()
	in := bufio.NewReader(l.server)
	for {
		kind, body, err := read(in)
		if err != nil {
			return
		}
		switch silent, done := l.answer(kind); {
		case done != nil:
			l.cut()
			close(done)
			return
		case silent:
		case write(l.client, kind, body) != nil:
			return
		}
	}
}

// greet passes on the first message, which has no letter. To a client that asks
// for encryption first it says no, as a server without it.
func (l *link) greet(in io.Reader) error {
	const ssl, gss = 80877103, 80877104
	for {
		body, err := rest(in)
		if err != nil {
			return err
		}
		if len(body) < 4 {
			return errors.New("a greeting that is too short")
		}
		if code := binary.BigEndian.Uint32(body); code == ssl || code == gss {
			if _, err := l.client.Write([]byte("N")); err != nil {
				return err
			}
			continue
		}
		l.count('Q') // the server says that it is ready once we are in
		_, err = l.server.Write(append(length(body), body...))
		return err
	}
}

// executes gives the text that a message makes the server run, "" where it runs
// nothing, and keeps the texts that later messages speak of by name.
func (l *link) executes(kind byte, body []byte) string {
	first, after := text(body)
	second, _ := text(after)
	switch kind {
	case 'Q': // text
		return first
	case 'P': // Parse: statement, text
		l.texts[first] = second
	case 'B': // Bind: portal, statement
		l.portals[first] = l.texts[second]
	case 'E': // Execute: portal
		return l.portals[first]
	}
	return ""
}

// count notes that a message of this kind makes the server say once more that it
// is ready: a query, a sync, a function call.
func (l *link) count(kind byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.IndexByte([]byte("QSF"), kind) >= 0 {
		l.asked++
	}
}

// silence has nothing more reach the client, and the link cut when the server has
// answered this message: an Execute is answered at the Sync behind it.
func (l *link) silence(c *cut) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.order = l.asked+1, c
}

// answer says of a message of the server whether the client must not get it, and
// what to close where the link is to be cut.
func (l *link) answer(kind byte) (silent bool, done chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == 'Z' { // ReadyForQuery
		l.ready++
	}
	if l.order != nil && l.ready >= l.last {
		return true, l.order.done
	}
	return l.order != nil, nil
}

// most is more than any message of a test: what is longer is no message.
const most = 1 << 28

func read(r io.Reader) (byte, []byte, error) {
	var kind [1]byte
	if _, err := io.ReadFull(r, kind[:]); err != nil {
		return 0, nil, err
	}
	body, err := rest(r)
	return kind[0], body, err
}

// rest reads a length, which counts itself, and as much behind it.
func rest(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 4 || n > most {
		return nil, fmt.Errorf("a message of length %d", n)
	}
	body := make([]byte, n-4)
	_, err := io.ReadFull(r, body)
	return body, err
}

func write(w io.Writer, kind byte, body []byte) error {
	_, err := w.Write(append(append([]byte{kind}, length(body)...), body...))
	return err
}

func length(body []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))
}

// text cuts the first string, ended by a zero byte, from a message.
func text(body []byte) (string, []byte) {
	s, after, _ := bytes.Cut(body, []byte{0})
	return string(s), after
}
