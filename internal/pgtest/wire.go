package pgtest

import (
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Wire is a connection to a server that breaks when a test says so: a proxy that
// understands as much of PostgreSQL's protocol as it takes to find a statement.
// Its methods may be called from several goroutines.
type Wire struct {
	dsn, server, front string

	wg   sync.WaitGroup
	mu   sync.Mutex
	door net.Listener // nil while it refuses
	open map[*link]bool
	next *cut
	said []string // statements since they were last asked for
	over bool     // the test has ended
	end  chan struct{}
}

// cut is an order: break the link on which the next such statement comes, or
// hold it for a while.
type cut struct {
	statement string // how it begins, in small letters
	after     bool   // let the server have it, withhold its answer
	done      chan struct{}
	release   <-chan struct{} // nil: break the link; else hold it until this is closed
}

// NewWire opens a proxy before the server of an address as Database gives it,
// until the test's end.
func NewWire(t testing.TB, dsn string) *Wire {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the address of a database does not parse")
	}
	w := &Wire{server: u.Host, front: "127.0.0.1:0", open: map[*link]bool{}, end: make(chan struct{})}
	w.Accept(t)
	u.Host = w.front
	w.dsn = u.String()
	t.Cleanup(func() {
		w.Refuse()
		w.mu.Lock()
		w.over = true
		w.mu.Unlock()
		close(w.end)
		w.CutNow()
		w.wg.Wait()
	})
	return w
}

// DSN is the address of the database through the proxy.
func (w *Wire) DSN() string { return w.dsn }

// CutBefore breaks the connection on which the next statement comes that begins
// so ("commit"), whatever its case, before the server sees it. The channel is
// closed when that has happened. A later order replaces one not yet carried out.
//
// Statements are found at the beginning of a text of the simple protocol, and
// in the extended one when a portal with such a text is executed.
func (w *Wire) CutBefore(statement string) <-chan struct{} {
	return w.order(&cut{statement: statement})
}

// CutAfter breaks the connection on which the next such statement comes, after
// the server has carried it out and before any of its answer reaches the client.
func (w *Wire) CutAfter(statement string) <-chan struct{} {
	return w.order(&cut{statement: statement, after: true})
}

// Hold stops the connection on which the next such statement comes, before the
// server sees it: the channel is closed when that has happened. release lets the
// statement go on.
func (w *Wire) Hold(statement string) (held <-chan struct{}, release func()) {
	on := make(chan struct{})
	return w.order(&cut{statement: statement, release: on}), sync.OnceFunc(func() { close(on) })
}

// Heard gives the statements that were carried to the server since it was last
// asked.
func (w *Wire) Heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

// CutNow breaks all connections there are.
func (w *Wire) CutNow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for l := range w.open {
		l.cut()
	}
}

// Refuse lets no new connection in, as a host does on which nothing listens.
// Those there are stay.
func (w *Wire) Refuse() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.door != nil {
		w.door.Close()
		w.door = nil
	}
}

// Accept lets new connections in again, at the same address.
func (w *Wire) Accept(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.door != nil {
		return
	}
	door, err := w.listen()
	if err != nil {
		t.Fatalf("listen again: %v", err)
	}
	w.door, w.front = door, door.Addr().String()
	w.wg.Go(func() { w.welcome(door) })
}

// listen opens the door: the first time on a port that the system does not hand
// out itself, so that it is still there after a Refuse.
func (w *Wire) listen() (net.Listener, error) {
	if strings.HasSuffix(w.front, ":0") {
		return listen()
	}
	return net.Listen("tcp", w.front)
}

func (w *Wire) order(c *cut) <-chan struct{} {
	c.statement, c.done = strings.ToLower(c.statement), make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = c
	return c.done
}

// take gives the order that this statement carries out, nil where there is none.
func (w *Wire) take(text string) *cut {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
	c := w.next
	if c == nil || !strings.HasPrefix(strings.ToLower(text), c.statement) {
		return nil
	}
	w.next = nil
	return c
}

func (w *Wire) welcome(door net.Listener) {
	for {
		client, err := door.Accept()
		if err != nil {
			return // refused, or the test's end
		}
		w.wg.Go(func() { w.connect(client) })
	}
}

// connect joins a client to the server until one of them leaves or a cut comes.
func (w *Wire) connect(client net.Conn) {
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		client.Close()
		return
	}
	l := &link{wire: w, client: client, server: server, texts: map[string]string{}, portals: map[string]string{}}
	w.mu.Lock()
	w.open[l] = true
	if w.over {
		l.cut()
	}
	w.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(l.forward)
	wg.Go(l.back)
	wg.Wait()
	w.mu.Lock()
	delete(w.open, l)
	w.mu.Unlock()
}
