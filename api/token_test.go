package api

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/store"
)

// Whoever comes a second after a token was taken away is refused, however many
// others are just being told that it is good.
func TestLookupsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		var reads atomic.Int32
		tokens := newTokens(func(context.Context, string) (store.Token, error) {
			is := gone.Load() // what this reading sees is settled when it begins
			reads.Add(1)
			time.Sleep(freshFor / 10)
			if is {
				return store.Token{}, errors.New("unknown token")
			}
			return store.Token{ID: "tok_1"}, nil
		})
		ask := func(n int) (results chan error) {
			results = make(chan error, n)
			for range n {
				go func() {
					token, err := tokens.get(t.Context(), "amana_secret")
					if err == nil && token.ID != "tok_1" {
						t.Errorf("got %+v", token)
					}
					results <- err
				}()
			}
			synctest.Wait()
			return results
		}
		together := ask(20)
		for range 20 {
			if err := <-together; err != nil {
				t.Errorf("a good token: %v", err)
			}
		}
		if err := <-ask(1); err != nil || reads.Load() != 2 {
			t.Errorf("a token that was good a moment ago is read again: %d, %v", reads.Load(), err)
		}
		time.Sleep(freshFor)
		under := ask(1) // way
		gone.Store(true)
		late := ask(20)
		<-under
		for range 20 {
			if err := <-late; err == nil {
				t.Error("a token opens the door after it was taken away")
			}
		}
		if n := reads.Load(); n != 4 {
			t.Errorf("%d readings, want one for the first and one for the rest, twice", n)
		}
		synctest.Wait() // whoever read has put its secret away
		tokens.mu.Lock()
		defer tokens.mu.Unlock()
		if len(tokens.asked) != 0 || len(tokens.fresh) != 0 {
			t.Error("a token is kept that was taken away")
		}
	})
}

func TestLookupsOfOneDoNotHoldAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokens(func(ctx context.Context, secret string) (store.Token, error) {
			if secret == "slow" {
				<-ctx.Done()
				return store.Token{}, ctx.Err()
			}
			if secret == "broken" {
				panic("a mistake")
			}
			return store.Token{ID: secret}, nil
		})
		patience, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tokens.get(patience, "slow"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who gave up waits on: %v", err)
		}
		if token, err := tokens.get(t.Context(), "quick"); err != nil || token.ID != "quick" {
			t.Errorf("%+v %v", token, err)
		}
		if _, err := tokens.get(t.Context(), "broken"); err == nil {
			t.Error("a panic opened the door")
		}
		if _, err := tokens.get(t.Context(), "slow"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a reading without an end: %v", err)
		}
	})
}
