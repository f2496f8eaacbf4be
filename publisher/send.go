package publisher

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/ledger"
)

// ErrGone says that a feed cannot be gone on with from there: load a snapshot.
var ErrGone = errors.New("the feed does not go on from there: load a snapshot")

// ErrNotReady says that the table is being filled.
var ErrNotReady = errors.New("the feed is being made ready")

// send signs what is pending as it comes, and a head at every beat.
func (p *Publisher) send(ctx context.Context) {
	said := ""
	for {
		heart := time.NewTimer(beat)
		select {
		case <-ctx.Done():
			return
		case <-heart.C:
		case <-p.wake:
			time.Sleep(gatherFor)
		}
		heart.Stop()
		p.mu.Lock()
		var err error
		if e := p.now.Load(); e != nil && !e.broken {
			err = p.cut(e)
		}
		p.mu.Unlock()
		if err != nil && err.Error() != said {
			said = err.Error()
			p.Log.Error("the feed could not be signed", "error", err)
		}
	}
}

// cut sends what is pending, with a head. It bears the time up to which the table
// is known to be complete: now, where nobody else writes to the database; that of
// the last look, where others do. p.mu is held.
func (p *Publisher) cut(e *epoch) error {
	if e.complete.IsZero() {
		return nil // what is here may not be all: nothing is said
	}
	signer, err := p.sign()
	if err != nil {
		return err
	}
	var runs []feed.Run
	for chain, rows := range e.pending {
		if len(rows) > 0 {
			raws := make([][]byte, len(rows))
			for i, row := range rows {
				raws[i] = e.encode(row)
			}
			runs = append(runs, feed.Run{Chain: chain, First: e.writer.At.Rows[chain], Rows: raws})
			e.pending[chain] = nil
		}
	}
	e.newest = nil
	at := e.complete
	if p.Store.Alone() {
		at = time.Now()
	}
	e.writer.Key = signer
	b, err := e.writer.Batch(runs, p.stamp(at))
	if err != nil {
		e.end()
		return err
	}
	e.sent.add(batch{e.writer.Number, b.Append(nil), len(runs) > 0}, b.Head)
	return nil
}

// Beginning is what a replica has to know before it follows.
type Beginning struct {
	Origin      string          `json:"origin" doc:"The name of the log."`
	Epoch       string          `json:"epoch" doc:"Of the feed that is under way."`
	Hello       string          `json:"hello" doc:"A signed note of the epoch, the nonce and the time."`
	Tags        []byte          `json:"tags" doc:"The secret that tags of identifiers are made under."`
	Suppression []byte          `json:"suppression" doc:"The secret that tags of those erased are made under."`
	Signers     []ledger.Signer `json:"signers" doc:"The keys of the log with their hand-overs, oldest first; the last signs the feed."`
}

// Begin gives the beginning of the feed to whoever asks with a word of its own.
func (p *Publisher) Begin(nonce string) (Beginning, error) {
	e := p.now.Load()
	if e == nil {
		return Beginning{}, ErrNotReady
	}
	signer, err := p.sign()
	if err != nil {
		return Beginning{}, err
	}
	hello, err := feed.Hello{Origin: p.origin(), Epoch: e.name, Nonce: nonce, Time: p.stamp(time.Now())}.Sign(signer)
	if err != nil {
		return Beginning{}, err
	}
	suppression := p.Ring.Suppression()
	return Beginning{Origin: p.origin(), Epoch: e.name, Hello: string(hello), Tags: e.tags[:], Suppression: suppression[:], Signers: p.Store.Signers()}, nil
}

// News gives the batches of an epoch after the head of a number, oldest first,
// and the number of the last of them; where there are none yet, a channel that is
// closed when there are. ErrGone where they are not all there.
func (p *Publisher) News(epoch string, after uint64) (batches [][]byte, last uint64, more <-chan struct{}, err error) {
	e := p.now.Load()
	if e == nil {
		return nil, 0, nil, ErrNotReady
	}
	if e.name != epoch {
		return nil, 0, nil, ErrGone
	}
	return e.sent.after(after)
}

// batch is one that was sent.
type batch struct {
	number uint64
	raw    []byte
	rows   bool // it is more than a head
}

// log is what was sent: batches with rows, the newest so many bytes of them, and
// the newest head. It is safe for concurrent use.
type log struct {
	mu     sync.Mutex
	most   int
	kept   []batch
	bytes  int
	from   uint64 // every batch with rows after this number is kept
	last   batch
	head   []byte
	news   chan struct{}
	closed bool
}

func (l *log) open(most int) { l.most, l.news = most, make(chan struct{}) }

func (l *log) add(b batch, head []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.last, l.head = b, head
	if b.rows {
		l.kept, l.bytes = append(l.kept, b), l.bytes+len(b.raw)
	}
	for l.bytes > l.most && len(l.kept) > 0 {
		l.from, l.bytes = l.kept[0].number, l.bytes-len(l.kept[0].raw)
		l.kept[0] = batch{}
		l.kept = l.kept[1:]
	}
	close(l.news)
	l.news = make(chan struct{})
}

// close says that nothing more will come.
func (l *log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && l.news != nil {
		close(l.news)
	}
	l.closed = true
}

func (l *log) newest() (head []byte, number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head, l.last.number
}

func (l *log) after(number uint64) (batches [][]byte, last uint64, more <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || number < l.from || number > l.last.number {
		return nil, 0, nil, ErrGone
	}
	for i := len(l.kept); i > 0; i-- {
		if l.kept[i-1].number <= number {
			break
		}
		batches = append(batches, l.kept[i-1].raw)
	}
	for i, j := 0, len(batches)-1; i < j; i, j = i+1, j-1 {
		batches[i], batches[j] = batches[j], batches[i]
	}
	if !l.last.rows && l.last.number > number {
		batches = append(batches, l.last.raw)
	}
	return batches, l.last.number, l.news, nil
}
