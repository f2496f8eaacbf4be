package follower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// How long a server may take: to say which feed it has; until the first byte of a
// snapshot, which it may have to write first; for so much of a snapshot; until a
// newer head; until what it says is young enough to answer by. Then it is asked
// anew, over another connection, which may lead to another server.
const (
	helloWithin    = 10 * time.Second
	snapshotWithin = time.Minute
	pieceWithin    = 10 * time.Second
	piece          = 64 << 10
	silence        = 1500 * time.Millisecond
	lag            = 10 * time.Second
)

// Why a server is given up.
var (
	errNoHello    = fmt.Errorf("the server did not say within %v which feed it has", helloWithin)
	errNoSnapshot = errors.New("the server sends no snapshot, or too slowly")
	errSilent     = fmt.Errorf("no newer head came from the server for %v", silence)
	errLags       = errors.New("what comes from the server is too old to answer by")
)

// within gives a context that ends when a time is over, unless the timer is reset.
// end has to be called with the error of what was done in it: where the time was
// over it says so, instead of what broke off then.
func within(ctx context.Context, d time.Duration, why error) (limited context.Context, timer *time.Timer, end func(*error)) {
	limited, cancel := context.WithCancelCause(ctx)
	timer = time.AfterFunc(d, func() { cancel(why) })
	return limited, timer, func(err *error) {
		timer.Stop()
		if *err != nil && context.Cause(limited) == why {
			*err = why
		}
		cancel(nil)
	}
}

// fetch asks for a snapshot, and has it read while it comes.
func (f *Follower) fetch(ctx context.Context, read func(io.Reader) error) (err error) {
	ctx, timer, end := within(ctx, snapshotWithin, errNoSnapshot)
	defer end(&err)
	resp, err := f.get(ctx, "/v1/snapshot", nil, "application/octet-stream")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	timer.Reset(pieceWithin)
	return read(&pieces{resp.Body, timer, piece})
}

// pieces begins the time of a timer anew with every piece of what is read.
type pieces struct {
	r     io.Reader
	timer *time.Timer
	left  int // bytes of this one
}

func (p *pieces) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.left -= n; p.left <= 0 {
		p.timer.Reset(pieceWithin)
		p.left = piece
	}
	return n, err
}
