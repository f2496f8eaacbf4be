package courier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/webhook"
)

// mostRead bounds what is read of an answer, which says nothing that is used.
const mostRead = 64 << 10

// attempt is how one attempt ended.
type attempt struct {
	store.Attempt
	after time.Duration // how long the receiver asks to be left alone; 0 = it does not
}

func (a attempt) delivered() bool { return a.Status >= 200 && a.Status < 300 }

// deliver makes one attempt at a delivery and writes down how it ended. An
// attempt that is cut off because the server stops is nobody's fault: it is made
// again when its lease is over.
func (c *Courier) deliver(ctx context.Context, w store.Webhook, d store.Claimed) {
	a := c.send(ctx, w, d.ID, webhook.Write(d.Message))
	if ctx.Err() != nil && !a.delivered() {
		return
	}
	s := settle(w, d, a)
	if err := c.Store.SettleDelivery(context.WithoutCancel(ctx), d, s); err != nil {
		c.Log.ErrorContext(ctx, "an attempt could not be written down; the message may come twice", "webhook", w.ID, "delivery", d.ID, "error", err)
		return
	}
	if s.Stop != "" {
		c.Log.WarnContext(ctx, "webhook stopped", "webhook", w.ID, "why", s.Stop)
	}
	c.Log.InfoContext(ctx, "webhook", "webhook", w.ID, "delivery", d.ID, "attempt", d.Attempts, "state", s.State, "status", a.Status, "outcome", a.Outcome)
}

// Test sends a message that says nothing, once, and tells how that went.
func (c *Courier) Test(ctx context.Context, w store.Webhook) store.Attempt {
	now := c.Now()
	id := fmt.Sprintf("msg_test_%d", now.UnixMilli())
	return c.send(ctx, w, id, webhook.Write(webhook.Message{Type: webhook.Test, Timestamp: now})).Attempt
}

// send posts a message.
func (c *Courier) send(ctx context.Context, w store.Webhook, id string, body []byte) attempt {
	start := c.Now()
	status, after, err := c.post(ctx, w, id, body, start)
	a := attempt{store.Attempt{At: start, Status: status, Took: c.Now().Sub(start)}, after}
	switch {
	case err != nil:
		a.Outcome = why(err)
	case status >= 300 && status < 400:
		a.Outcome = fmt.Sprintf("answered %d, and redirects are not followed", status)
	default:
		a.Outcome = fmt.Sprintf("answered %d", status)
	}
	return a
}

func (c *Courier) post(ctx context.Context, w store.Webhook, id string, body []byte, now time.Time) (status int, after time.Duration, err error) {
	keys, err := w.Signing(now)
	if err != nil {
		return 0, 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "amana-webhook/1")
	r.Header.Set(webhook.HeaderID, id)
	r.Header.Set(webhook.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(webhook.HeaderSignature, keys.Sign(id, now, body))
	resp, err := c.client.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, mostRead) // so that the connection can be used again
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		after = retryAfter(resp.Header.Get("Retry-After"), now)
	}
	return resp.StatusCode, after, nil
}

// retryAfter reads the header (RFC 9110 section 10.2.3): seconds or a date, no
// more than the longest pause of the schedule.
func retryAfter(s string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(s); err == nil {
		d = time.Duration(min(n, 1<<20)) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), pauses[len(pauses)-1])
}

// why says in a few words how an attempt failed; never what was sent, which the
// errors of net/http hold: the address may be a secret.
func why(err error) string {
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return refused.Error()
	}
	switch dns, isDNS := errors.AsType[*net.DNSError](err); {
	case isDNS && dns.IsNotFound:
		return "the host's name is not known"
	case isDNS:
		return "the host's name could not be looked up"
	case os.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return "no connection"
	}
	if isCertificate(err) {
		return "the certificate does not hold"
	}
	return "no answer"
}
