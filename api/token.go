package api

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/store"
)

// tokens finds tokens, and remembers a good one for a moment: a token that is
// taken away opens nothing from then on plus freshFor. One reading serves all who
// wait for the same: who comes while one is under way is answered by the next,
// which begins after they came.
type tokens struct {
	find func(ctx context.Context, secret string) (store.Token, error)

	mu    sync.Mutex
	asked map[secretHash]*lookups
	fresh map[secretHash]known // at most manyFresh
}

// secretHash is the hash of a secret: who compares hashes learns nothing of secrets.
type secretHash [sha256.Size]byte

// known is a token that was good when its reading began, and until when that holds.
type known struct {
	token store.Token
	until time.Time
}

// freshFor is how long a token is believed without another reading, and
// manyFresh how many are.
const (
	freshFor  = time.Second
	manyFresh = 10_000
)

// lookups of one secret.
type lookups struct {
	next *lookup // begins when the one under way has ended; nil if nobody waits
}

// lookup is one reading. Its token and err are there when done is closed.
type lookup struct {
	done  chan struct{}
	token store.Token
	err   error
}

// longestLookup bounds a reading, which no one caller may break off.
const longestLookup = 10 * time.Second

func newTokens(find func(context.Context, string) (store.Token, error)) *tokens {
	return &tokens{find: find, asked: map[secretHash]*lookups{}, fresh: map[secretHash]known{}}
}

// get finds a token by its secret.
func (t *tokens) get(ctx context.Context, secret string) (store.Token, error) {
	key := secretHash(sha256.Sum256([]byte(secret)))
	token, l := t.join(ctx, key, secret)
	if l == nil {
		return token, nil
	}
	select {
	case <-l.done:
		return l.token, l.err
	case <-ctx.Done():
		return store.Token{}, ctx.Err()
	}
}

// join gives a token that is fresh, or a lookup that has not begun yet or begins now.
func (t *tokens) join(ctx context.Context, key secretHash, secret string) (store.Token, *lookup) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k, ok := t.fresh[key]; ok && time.Now().Before(k.until) {
		return k.token, nil
	}
	of, underWay := t.asked[key]
	if !underWay {
		of = &lookups{}
		t.asked[key] = of
		l := &lookup{done: make(chan struct{})}
		go t.run(context.WithoutCancel(ctx), key, secret, l)
		return store.Token{}, l
	}
	if of.next == nil {
		of.next = &lookup{done: make(chan struct{})}
	}
	return store.Token{}, of.next
}

// run reads as long as somebody waits.
func (t *tokens) run(ctx context.Context, key secretHash, secret string, l *lookup) {
	for l != nil {
		begun := time.Now()
		t.read(ctx, secret, l)
		t.mu.Lock()
		t.note(key, l, begun.Add(freshFor))
		of := t.asked[key]
		if l, of.next = of.next, nil; l == nil {
			delete(t.asked, key)
		}
		t.mu.Unlock()
	}
}

// note remembers what a reading found. Its caller holds mu.
func (t *tokens) note(key secretHash, l *lookup, until time.Time) {
	if l.err != nil {
		delete(t.fresh, key)
		return
	}
	if len(t.fresh) >= manyFresh {
		clear(t.fresh)
	}
	t.fresh[key] = known{l.token, until}
}

func (t *tokens) read(ctx context.Context, secret string, l *lookup) {
	ctx, cancel := context.WithTimeout(ctx, longestLookup)
	defer cancel()
	defer close(l.done)
	defer func() {
		if cause := recover(); cause != nil {
			l.err = edge.Cause(cause)
		}
	}()
	l.token, l.err = t.find(ctx, secret)
}
