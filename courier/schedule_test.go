package courier

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/webhook"
)

// scripted takes the place of the network: it answers as a script says and
// remembers when it was asked.
type scripted struct {
	mu     sync.Mutex
	answer func(n int) (status int, retryAfter string)
	at     []time.Time
	ids    []string
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.ids = append(s.at, time.Now()), append(s.ids, r.Header.Get(webhook.HeaderID))
	status, after := s.answer(len(s.at))
	h := http.Header{}
	if after != "" {
		h.Set("Retry-After", after)
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody, Request: r}, nil
}

// beat is coarse, so that days pass quickly.
const beat = 5 * time.Minute

// inTime runs a story in a time of its own, with a courier whose network is
// scripted and one message to send.
func inTime(t *testing.T, s *scripted, story func(t *testing.T, w *world, h store.Webhook)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "", time.Now)
		h := w.hook("https://crm.example.com/in")
		w.say("email:sara@example.com", "newsletter", consent.Given)
		stop := running(t, Config{Store: w.db, Beat: beat, transport: s})
		story(t, w, h)
		stop()
		must(t, w.db.Close())
	})
}

// is waits until nothing more happens at a time from now, and gives the only delivery.
func (w *world) after(d time.Duration, h store.Webhook) store.Delivery {
	w.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	list := w.deliveries(h, "")
	if len(list) != 1 {
		w.t.Fatalf("%d deliveries", len(list))
	}
	return list[0]
}

func TestTheSchedule(t *testing.T) {
	s := &scripted{answer: func(int) (int, string) { return 500, "" }}
	inTime(t, s, func(t *testing.T, w *world, h store.Webhook) {
		d := w.after(4*24*time.Hour, h)
		if d.State != store.DeliveryFailed || d.Attempts != 10 || d.Last.Outcome != "answered 500" || !d.Due.IsZero() {
			t.Errorf("%+v", d)
		}
		if len(s.at) != 10 {
			t.Fatalf("%d attempts", len(s.at))
		}
		for i, want := range pauses {
			if got := s.at[i+1].Sub(s.at[i]); got < want || got > want+want/10+2*beat {
				t.Errorf("pause %d was %v, want %v and up to a tenth more", i+1, got, want)
			}
		}
		for _, id := range s.ids {
			if id != d.ID {
				t.Errorf("an attempt had the id %s", id)
			}
		}
		got, err := w.db.Webhook(t.Context(), h.ID)
		must(t, err)
		if got.Stopped != "" || !got.Failing.Equal(s.at[0].UTC().Truncate(time.Millisecond)) {
			t.Errorf("%v since %v", got.Stopped, got.Failing)
		}
	})
}

func TestItEndsWithTheFirstSuccess(t *testing.T) {
	s := &scripted{answer: func(n int) (int, string) { return []int{500, 302, 404, 200}[min(n-1, 3)], "" }}
	inTime(t, s, func(t *testing.T, w *world, h store.Webhook) {
		if d := w.after(24*time.Hour, h); d.State != store.DeliveryDone || d.Attempts != 4 || len(s.at) != 4 {
			t.Errorf("%+v, %d attempts", d, len(s.at))
		}
		got, err := w.db.Webhook(t.Context(), h.ID)
		must(t, err)
		if !got.Failing.IsZero() {
			t.Error("it is still called failing")
		}
	})
}

// 410 stops the webhook at once; what happens meanwhile waits, and goes out when
// it is started again.
func TestGone(t *testing.T) {
	gone := true
	s := &scripted{}
	s.answer = func(int) (int, string) { return map[bool]int{true: 410, false: 204}[gone], "" }
	inTime(t, s, func(t *testing.T, w *world, h store.Webhook) {
		if d := w.after(10*24*time.Hour, h); d.State != store.DeliveryWaiting || len(s.at) != 1 {
			t.Errorf("%+v, %d attempts", d, len(s.at))
		}
		w.say("email:sara@example.com", "newsletter", consent.Withdrawn)
		time.Sleep(time.Hour)
		if got, err := w.db.Webhook(t.Context(), h.ID); err != nil || got.Stopped != store.StoppedGone || len(s.at) != 1 {
			t.Errorf("%v %v", got.Stopped, err)
		}
		s.mu.Lock()
		gone = false
		s.mu.Unlock()
		_, err := w.db.ChangeWebhook(t.Context(), h.ID, func(h *store.Webhook, _ time.Time) error { h.Stopped = ""; return nil })
		must(t, err)
		time.Sleep(3 * beat)
		synctest.Wait()
		if n := len(w.deliveries(h, store.DeliveryDone)); n != 2 {
			t.Errorf("%d were delivered", n)
		}
	})
}

// 429 and 503 are left alone for as long as they ask: nothing else is sent to
// the webhook either.
func TestHeeded(t *testing.T) {
	for _, status := range []int{429, 503} {
		s := &scripted{answer: func(n int) (int, string) {
			if n == 1 {
				return status, "7200"
			}
			return 200, ""
		}}
		inTime(t, s, func(t *testing.T, w *world, h store.Webhook) {
			w.after(3*beat, h)
			w.say("email:sara@example.com", "newsletter", consent.Withdrawn)
			time.Sleep(4 * time.Hour)
			synctest.Wait()
			if len(s.at) != 3 || s.at[1].Sub(s.at[0]) < 2*time.Hour || s.at[1].Sub(s.at[0]) > 2*time.Hour+3*beat {
				t.Errorf("%d: asked at %v", status, s.at)
			}
		})
	}
}

// A webhook that takes nothing for five days is stopped, and loses nothing.
func TestFailingForDays(t *testing.T) {
	s := &scripted{answer: func(int) (int, string) { return 500, "" }}
	inTime(t, s, func(t *testing.T, w *world, h store.Webhook) {
		w.after(4*24*time.Hour, h)
		w.say("email:sara@example.com", "newsletter", consent.Withdrawn)
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		got, err := w.db.Webhook(t.Context(), h.ID)
		must(t, err)
		if got.Stopped != store.StoppedFailing {
			t.Errorf("stopped %q", got.Stopped)
		}
		if n := len(w.deliveries(h, store.DeliveryWaiting)); n != 1 {
			t.Errorf("%d wait", n)
		}
	})
}

// The server is killed while an attempt is under way: the message is sent again
// when the lease is over, by whoever runs then, under the same id.
func TestKilledInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "", time.Now)
		h := w.hook("https://crm.example.com/in")
		w.say("email:sara@example.com", "newsletter", consent.Given)
		must(t, errOf(w.db.PlanDeliveries(t.Context(), h)))
		killed, err := w.db.ClaimDeliveries(t.Context(), h.ID, 8, lease) // and nothing more is heard of it
		must(t, err)
		must(t, w.db.Close())
		w.db = w.open()
		s := &scripted{answer: func(int) (int, string) { return 200, "" }}
		stop := running(t, Config{Store: w.db, Beat: time.Second, transport: s})
		start := time.Now()
		if d := w.after(2*time.Minute, h); d.State != store.DeliveryDone || d.Attempts != 2 || len(s.at) != 1 || s.ids[0] != killed[0].ID {
			t.Errorf("%+v, %v", d, s.ids)
		}
		if late := s.at[0].Sub(start); late < lease-2*time.Second || late > lease+2*time.Second {
			t.Errorf("it was sent again after %v", late)
		}
		stop()
		must(t, w.db.Close())
	})
}

func errOf[T any](_ T, err error) error { return err }

// The schedule lasts for days, and says what the documents say.
func TestHowLongItIsTried(t *testing.T) {
	var all time.Duration
	for _, p := range pauses {
		all += p
	}
	if all < 3*24*time.Hour || all > 4*24*time.Hour {
		t.Errorf("tried for %v", all)
	}
	if !strings.HasPrefix(pauses[0].String(), "5s") {
		t.Error(pauses[0])
	}
}
