package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/webhook"
)

// rulesShard is where publications of policies stand beside the shards of events.
const rulesShard = Shards

var errNoRow = errors.New("no row")

// Delivery is one message to one webhook.
type Delivery struct {
	ID      string // of the message, the same at each attempt
	Webhook string
	Kind    string
	State   DeliveryState
	Made    time.Time

	Attempts int
	Due      time.Time // the next attempt; zero where there is none
	Last     Attempt   // zero before the first

	shard int
	n     int64
}

// DeliveryState is what became of a message.
type DeliveryState string

// The states.
const (
	DeliveryWaiting DeliveryState = "waiting"   // for its first attempt, or another
	DeliveryDone    DeliveryState = "delivered" // the webhook answered 2xx
	DeliveryFailed  DeliveryState = "failed"    // after the last attempt
	DeliveryDropped DeliveryState = "dropped"   // the person was erased before it was delivered
)

// Attempt is how an attempt ended.
type Attempt struct {
	At      time.Time
	Status  int    // of the answer; 0 where none came
	Outcome string // a few words without anything that was sent or answered
	Took    time.Duration
}

// Claimed is a delivery that is this server's to try until Until.
type Claimed struct {
	Delivery
	Message webhook.Message
	Until   time.Time
}

const deliveryColumns = `d.shard_id, d.webhook, d.n, d.kind, d.made, coalesce(d.due, 0), d.attempts, d.state, d.tried, d.status, d.outcome, d.took`

// scanned gives where the columns go; call ready afterwards.
func (d *Delivery) scanned() (into []any, ready func()) {
	var made, due, tried, took int64
	return []any{&d.shard, &d.Webhook, &d.n, &d.Kind, &made, &due, &d.Attempts, &d.State, &tried, &d.Last.Status, &d.Last.Outcome, &took}, func() {
		d.ID = messageID(d.Webhook, d.shard, d.n)
		d.Made, d.Due = fromMillis(made), fromMoment(due)
		d.Last.At, d.Last.Took = fromMoment(tried), time.Duration(took)*time.Millisecond
	}
}

// messageID names a message: the webhook's own, the shard, the number.
func messageID(hook string, shard int, n int64) string {
	return fmt.Sprintf("msg_%s_%d_%d", strings.TrimPrefix(hook, "wh_"), shard, n)
}

// placeOfMessage reads the name of a message to a webhook.
func placeOfMessage(hook, id string) (shard int, n int64, ok bool) {
	rest, ours := strings.CutPrefix(id, "msg_"+strings.TrimPrefix(hook, "wh_")+"_")
	left, right, cut := strings.Cut(rest, "_")
	shard, err := strconv.Atoi(left)
	n, nerr := strconv.ParseInt(right, 10, 64)
	return shard, n, ours && cut && err == nil && nerr == nil && messageID(hook, shard, n) == id
}

// subjectFor gives a subject the name by which a webhook knows it.
func (db *DB) subjectFor(hook string, subject []byte) string {
	k := db.cfg.Ring.Link("webhook subject")
	m := hmac.New(sha256.New, k[:])
	m.Write([]byte(hook + "\n"))
	m.Write(subject)
	return "sub_" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(m.Sum(nil)[:16])
}

// counted runs a statement that writes and gives how many rows it changed.
func (t *tx) counted(query string, args ...any) (int64, error) {
	t.wrote = true
	r, err := t.q.ExecContext(t.ctx, t.db.d.sql(query), args...)
	if err != nil {
		if outside(err) {
			return 0, unavailable("writing", err)
		}
		return 0, err
	}
	return r.RowsAffected()
}

// ClaimDeliveries takes up to limit deliveries that are due for this server to
// try within lease. No other server gets them before; if this one dies, another
// gets them afterwards. Each claim counts as an attempt. Messages about somebody who
// was erased meanwhile are dropped.
func (db *DB) ClaimDeliveries(ctx context.Context, hook string, limit int, lease time.Duration) ([]Claimed, error) {
	var due bool
	if _, err := db.reader(ctx)(`SELECT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.webhook = ? AND d.due <= ?)`, []any{hook, millis(db.now())}, &due); err != nil || !due {
		return nil, err
	}
	var out []Claimed
	err := db.write(ctx, func(t *tx) error {
		list, err := t.dueDeliveries(hook, limit)
		if err != nil {
			return err
		}
		out = nil
		for _, c := range list {
			mine, err := t.claimDelivery(&c, t.now.Add(lease))
			if err != nil {
				return err
			}
			if mine {
				out = append(out, c)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking deliveries: %w", err)
	}
	return out, nil
}

func (t *tx) dueDeliveries(hook string, limit int) ([]Claimed, error) {
	rows, err := t.rows(`SELECT `+deliveryColumns+` FROM webhook_delivery d WHERE d.webhook = ? AND d.due <= ? ORDER BY d.due LIMIT ?`, hook, millis(t.now), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Claimed
	for rows.Next() {
		var c Claimed
		into, ready := c.scanned()
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		ready()
		out = append(out, c)
	}
	return out, rows.Err()
}

// claimDelivery takes one, unless another server was faster or nothing is left
// to say.
func (t *tx) claimDelivery(c *Claimed, until time.Time) (bool, error) {
	said, err := t.message(c)
	if err != nil {
		return false, err
	}
	at := []any{c.shard, c.Webhook, c.n, millis(c.Due)}
	if !said {
		_, err := t.counted(`UPDATE webhook_delivery SET due = NULL, state = 'dropped' WHERE shard_id = ? AND webhook = ? AND n = ? AND due = ?`, at...)
		return false, err
	}
	n, err := t.counted(`UPDATE webhook_delivery SET attempts = attempts + 1, due = ? WHERE shard_id = ? AND webhook = ? AND n = ? AND due = ?`, append([]any{millis(until)}, at...)...)
	c.Attempts, c.Until = c.Attempts+1, until
	return n == 1, err
}

// message reads what there is to say; false where it was somebody's who is erased.
func (t *tx) message(c *Claimed) (bool, error) {
	var at int64
	var version, kind string
	if c.shard == rulesShard {
		ok, err := t.row(`SELECT version, at FROM publication WHERE seq = ?`, []any{c.n}, &version, &at)
		c.Message = webhook.Message{Type: c.Kind, Timestamp: fromMillis(at), Data: webhook.Data{Policy: version}}
		return ok, err
	}
	var id, subject []byte
	m := webhook.Message{Type: c.Kind}
	ok, err := t.row(`SELECT kind, purpose, at, seq, event_id, subject_id FROM event WHERE shard_id = ? AND n = ?`, []any{c.shard, c.n},
		&kind, &m.Data.Purpose, &at, &m.Data.Sequence, &id, &subject)
	if err != nil || !ok || kind != c.Kind || subject == nil {
		return false, err
	}
	if len(id) == len(uuid.UUID{}) {
		m.Data.Event = uuid.UUID(id).String()
	}
	m.Timestamp, m.Data.Subject = fromMillis(at), t.db.subjectFor(c.Webhook, subject)
	c.Message = m
	return true, nil
}

// Settled is what follows from an attempt.
type Settled struct {
	Attempt
	State DeliveryState // delivered, failed, or waiting for another attempt
	Next  time.Time     // of which that is the time
	Hold  time.Time     // nothing is sent to the webhook before; zero = at once
	Stop  Stopped       // the webhook is stopped, why
}

// SettleDelivery writes down how an attempt ended. Where its time was over and
// another server took the delivery, nothing is written.
func (db *DB) SettleDelivery(ctx context.Context, c Claimed, s Settled) error {
	err := db.write(ctx, func(t *tx) error {
		var due any
		if s.State == DeliveryWaiting {
			due = millis(s.Next)
		}
		n, err := t.counted(`UPDATE webhook_delivery SET due = ?, state = ?, tried = ?, status = ?, outcome = ?, took = ? WHERE shard_id = ? AND webhook = ? AND n = ? AND due = ?`,
			due, string(s.State), millis(s.At), s.Status, s.Outcome, s.Took.Milliseconds(), c.shard, c.Webhook, c.n, millis(c.Until))
		if err != nil || n == 0 {
			return err
		}
		if s.State == DeliveryDone {
			_, err = t.counted(`UPDATE webhook SET failing = 0, held = 0 WHERE id = ? AND (failing <> 0 OR held <> 0)`, c.Webhook)
			return err
		}
		if err := t.exec(`UPDATE webhook SET failing = CASE WHEN failing = 0 THEN ? ELSE failing END, held = ? WHERE id = ?`, millis(s.At), moment(s.Hold), c.Webhook); err != nil || s.Stop == "" {
			return err
		}
		return t.exec(`UPDATE webhook SET stopped = ? WHERE id = ? AND stopped = ''`, string(s.Stop), c.Webhook)
	})
	if err != nil {
		return fmt.Errorf("writing down an attempt: %w", err)
	}
	return nil
}

// Redeliver lets a message be sent again, at once and from the first attempt on;
// fault.Unknown where there is none by that id.
func (db *DB) Redeliver(ctx context.Context, hook, id string) (Delivery, error) {
	var d Delivery
	err := db.write(ctx, func(t *tx) error {
		shard, n, ok := placeOfMessage(hook, id)
		if ok {
			rows, err := t.counted(`UPDATE webhook_delivery SET due = ?, attempts = 0, state = 'waiting' WHERE shard_id = ? AND webhook = ? AND n = ? AND state <> 'dropped'`, millis(t.now), shard, hook, n)
			if err != nil {
				return err
			}
			ok = rows == 1
		}
		if !ok {
			return fault.At(fault.Unknown, "delivery", "there is no such delivery, or nothing is left of it")
		}
		into, ready := d.scanned()
		_, err := t.row(`SELECT `+deliveryColumns+` FROM webhook_delivery d WHERE d.shard_id = ? AND d.webhook = ? AND d.n = ?`, []any{shard, hook, n}, into...)
		ready()
		return err
	})
	if err != nil {
		return Delivery{}, fmt.Errorf("sending a message again: %w", err)
	}
	return d, nil
}
