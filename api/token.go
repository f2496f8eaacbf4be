package api

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/store"
)

// tokens finds tokens, one reading for all who wait for the same: who comes
// while one is under way is answered by the next, which begins after they came.
// So everybody hears what they would have read alone, and a token that was taken
// away opens nothing from then on.
type tokens struct {
	find func(ctx context.Context, secret string) (store.Token, error)

	mu    sync.Mutex
	asked map[[sha256.Size]byte]*lookups // by the secret's hash: who compares hashes learns nothing of secrets
}

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
	return &tokens{find: find, asked: map[[sha256.Size]byte]*lookups{}}
}

// get finds a token by its secret.
func (t *tokens) get(ctx context.Context, secret string) (store.Token, error) {
	l := t.join(context.WithoutCancel(ctx), secret)
	select {
	case <-l.done:
		return l.token, l.err
	case <-ctx.Done():
		return store.Token{}, ctx.Err()
	}
}

// join gives a lookup that has not begun yet, or begins now.
func (t *tokens) join(ctx context.Context, secret string) *lookup {
	key := sha256.Sum256([]byte(secret))
	t.mu.Lock()
	defer t.mu.Unlock()
	of, underWay := t.asked[key]
	if !underWay {
		of = &lookups{}
		t.asked[key] = of
		l := &lookup{done: make(chan struct{})}
		go t.run(ctx, key, secret, l)
		return l
	}
	if of.next == nil {
		of.next = &lookup{done: make(chan struct{})}
	}
	return of.next
}

// run reads as long as somebody waits.
func (t *tokens) run(ctx context.Context, key [sha256.Size]byte, secret string, l *lookup) {
	for l != nil {
		t.read(ctx, secret, l)
		t.mu.Lock()
		of := t.asked[key]
		if l, of.next = of.next, nil; l == nil {
			delete(t.asked, key)
		}
		t.mu.Unlock()
	}
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
