package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A call ends in time, with its connection, or when it was served: for whoever
// waited before and for whoever asks then.
func TestACallEnds(t *testing.T) {
	for name, c := range map[string]struct {
		ends func(c *call, gone context.CancelFunc)
		want error
	}{
		"in time":             {func(*call, context.CancelFunc) { time.Sleep(time.Second) }, context.DeadlineExceeded},
		"with its connection": {func(_ *call, gone context.CancelFunc) { gone() }, context.Canceled},
		"when it was served":  {func(c *call, _ context.CancelFunc) { c.end() }, context.Canceled},
	} {
		for _, waited := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				connection, gone := context.WithCancel(t.Context())
				defer gone()
				begun := time.Now()
				it := &call{Context: connection, ends: begun.Add(time.Second)}
				defer it.end()
				if at, ok := it.Deadline(); !ok || !at.Equal(begun.Add(time.Second)) {
					t.Errorf("%s: it has until %v, %v", name, at, ok)
				}
				var below context.Context = it
				if waited {
					var cancel context.CancelFunc
					below, cancel = context.WithCancel(it)
					defer cancel()
					time.Sleep(time.Second - 1)
					if it.Err() != nil || below.Err() != nil {
						t.Errorf("%s: it ended early", name)
					}
				}
				c.ends(it, gone)
				synctest.Wait()
				if it.Err() != c.want || below.Err() != c.want {
					t.Errorf("%s: %v and %v, want %v", name, it.Err(), below.Err(), c.want)
				}
				select {
				case <-it.Done():
				default:
					t.Errorf("%s: whoever waits goes on waiting", name)
				}
				if below.Value(callKey{}) != it {
					t.Errorf("%s: the call is not found", name)
				}
			})
		}
	}
}
