package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
)

// Who has gone is not waited for, and hears of no end: what was on its way may be
// written. Whose time is over hears it all the same.
func TestWhoHasGoneIsNotWaitedFor(t *testing.T) { each(t, testWhoHasGoneIsNotWaitedFor) }

func testWhoHasGoneIsNotWaitedFor(t *testing.T, w *world) {
	short, over := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer over()
	<-short.Done()
	for i, c := range []struct {
		name string
		ctx  func(leave <-chan struct{}) context.Context
		gone bool
	}{
		{"gone", func(leave <-chan struct{}) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-leave; cancel() }()
			return ctx
		}, true},
		{"late", func(leave <-chan struct{}) context.Context {
			return &late{Context: t.Context(), after: short, from: leave}
		}, false},
	} {
		reached, leave, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
		r := &recording{id: nth(i), leaves: true, make: func(b *batch, _ *person) ([]consent.Event, error) {
			close(reached)
			<-goOn
			v, language, err := b.known.answered(Submission{Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}, Subject: nth(i)})
			return []consent.Event{{Act: consent.ActGiven, Purpose: "tailored_offers", Policy: v.ID, Language: language, Surface: consent.SurfaceAPI}}, err
		}}
		done := make(chan error, 1)
		go func() {
			_, err := w.db.append(c.ctx(leave), r)
			done <- err
		}()
		<-reached
		close(leave)
		if c.gone {
			if err := <-done; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "is not known") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		close(goOn)
		if !c.gone {
			if err := <-done; err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		w.say(nth(i), "tailored_offers", consent.Given) // behind it
		w.settled()
		if list, _, err := w.db.ReceiptsOf(t.Context(), nth(i), 0, ""); err != nil || len(list) != 2 {
			t.Errorf("%s: %d receipts, %v", c.name, len(list), err)
		}
	}
	w.check()
}

// late is a context whose time is over from a moment on.
type late struct {
	context.Context
	after context.Context
	from  <-chan struct{}
}

func (l *late) Done() <-chan struct{} { return l.from }

func (l *late) Err() error {
	select {
	case <-l.from:
		return l.after.Err()
	default:
		return nil
	}
}
