package store

import (
	"context"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/webhook"
)

// Bounds of planning: deliveries that wait for one webhook, events looked at at once.
const (
	mostWaiting = 10_000
	mostPlanned = 1000
)

// planned is an event of which a webhook has not heard.
type planned struct {
	shard int
	n     int64
	kind  string
}

// PlanDeliveries makes deliveries of what happened since it was called last, for
// every kind the webhook wants, and reports whether there may be more. The
// position and the deliveries are one transaction, so that no event is left out,
// and none is delivered twice but after a crash. While very many wait, no more are made.
//
// The number of events in a shard is the order of their commits, so that what is
// seen behind a position has nothing before it that is still to come.
func (db *DB) PlanDeliveries(ctx context.Context, w Webhook) (more bool, err error) {
	news, err := db.newsFor(ctx, w.ID)
	if err != nil || len(news) == 0 {
		return false, err
	}
	var waiting int
	if _, err := db.reader(ctx)(`SELECT count(*) FROM (SELECT 1 FROM webhook_delivery d WHERE d.webhook = ? AND d.due IS NOT NULL LIMIT ?) w`, []any{w.ID, mostWaiting}, &waiting); err != nil {
		return false, fmt.Errorf("counting deliveries: %w", err)
	}
	if waiting >= mostWaiting {
		return false, nil
	}
	err = db.write(ctx, func(t *tx) error { return t.plan(w, news) })
	if err != nil {
		return false, fmt.Errorf("planning deliveries: %w", err)
	}
	return len(news) >= mostPlanned, nil
}

func (t *tx) plan(w Webhook, news []planned) error {
	last := map[int]int64{}
	for _, e := range news {
		last[e.shard] = e.n
		if !w.Wants(e.kind) {
			continue
		}
		if err := t.exec(`INSERT INTO webhook_delivery (shard_id, webhook, n, kind, made, due, attempts, state, tried, status, outcome, took)
			VALUES (?, ?, ?, ?, ?, ?, 0, 'waiting', 0, 0, '', 0) ON CONFLICT DO NOTHING`, e.shard, w.ID, e.n, e.kind, millis(t.now), millis(t.now)); err != nil {
			return err
		}
	}
	for shard := range rulesShard + 1 { // in order, so that servers do not wait for each other in a circle
		if n, ok := last[shard]; ok {
			if err := t.exec(`UPDATE webhook_place SET n = ? WHERE shard_id = ? AND webhook = ? AND n < ?`, n, shard, w.ID, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// newsFor gives events behind the positions of a webhook, by shard and number.
func (db *DB) newsFor(ctx context.Context, hook string) ([]planned, error) {
	rows, err := db.readRows(ctx)(`SELECT p.shard_id, p.n FROM webhook_place p WHERE p.webhook = ? AND p.n < CASE WHEN p.shard_id < ?
		THEN (SELECT coalesce(max(e.n), 0) FROM event e WHERE e.shard_id = p.shard_id) ELSE (SELECT coalesce(max(seq), 0) FROM publication) END ORDER BY p.shard_id`, hook, rulesShard)
	if err != nil {
		return nil, fmt.Errorf("looking for events: %w", err)
	}
	defer rows.Close()
	var behind []planned
	for rows.Next() {
		var p planned
		if err := rows.Scan(&p.shard, &p.n); err != nil {
			return nil, fmt.Errorf("looking for events: %w", err)
		}
		behind = append(behind, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("looking for events: %w", err)
	}
	rows.Close()
	var out []planned
	for _, p := range behind {
		if len(out) >= mostPlanned {
			break
		}
		if out, err = db.newsIn(ctx, p, out); err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
	}
	return out, nil
}

// newsIn appends the events of a shard behind a position.
func (db *DB) newsIn(ctx context.Context, from planned, out []planned) ([]planned, error) {
	query, args := `SELECT n, kind FROM event WHERE shard_id = ? AND n > ? ORDER BY n LIMIT ?`, []any{from.shard, from.n, mostPlanned - len(out)}
	if from.shard == rulesShard {
		query, args = `SELECT seq, '`+webhook.PolicyPublished+`' FROM publication WHERE seq > ? ORDER BY seq LIMIT ?`, args[1:]
	}
	rows, err := db.readRows(ctx)(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e := planned{shard: from.shard}
		if err := rows.Scan(&e.n, &e.kind); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// DeliveryQuery asks for the deliveries to a webhook, the newest first.
type DeliveryQuery struct {
	Webhook string
	State   DeliveryState // "" = of any
	Limit   int           // 1 to MaxHistory; 0 = DefaultHistory
	Cursor  string
}

// DeliveryPage is one page; Next leads to the one after it.
type DeliveryPage struct {
	Deliveries []Delivery
	Next       string
}

// Deliveries gives a page of what was and will be sent to a webhook.
func (db *DB) Deliveries(ctx context.Context, q DeliveryQuery) (DeliveryPage, error) {
	if q.Limit == 0 {
		q.Limit = DefaultHistory
	}
	if q.Limit < 1 || q.Limit > MaxHistory {
		return DeliveryPage{}, fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", MaxHistory)
	}
	binding := fmt.Sprintf("deliveries\n%s\n%s", q.Webhook, q.State)
	at := (&HistoryQuery{}).start() // behind everything
	if q.Cursor != "" {
		numbers, err := db.openCursor(q.Cursor, binding, 3)
		if err != nil {
			return DeliveryPage{}, err
		}
		at = position(numbers)
	}
	rows, err := db.readRows(ctx)(`SELECT `+deliveryColumns+` FROM webhook_delivery d WHERE d.webhook = ? AND (d.made, d.shard_id, d.n) < (?, ?, ?) AND (? = '' OR d.state = ?)
		ORDER BY d.made DESC, d.shard_id DESC, d.n DESC LIMIT ?`, q.Webhook, at[0], at[1], at[2], string(q.State), string(q.State), q.Limit+1)
	if err != nil {
		return DeliveryPage{}, fmt.Errorf("reading deliveries: %w", err)
	}
	defer rows.Close()
	var page DeliveryPage
	for rows.Next() {
		var d Delivery
		into, ready := d.scanned()
		if err := rows.Scan(into...); err != nil {
			return DeliveryPage{}, fmt.Errorf("reading deliveries: %w", err)
		}
		ready()
		if len(page.Deliveries) == q.Limit {
			last := page.Deliveries[q.Limit-1]
			page.Next = db.cursor(binding, millis(last.Made), int64(last.shard), last.n)
			break
		}
		page.Deliveries = append(page.Deliveries, d)
	}
	return page, rows.Err()
}

// ForgetDeliveries forgets what ended before a time.
func (db *DB) ForgetDeliveries(ctx context.Context, hook string, before time.Time) error {
	err := db.write(ctx, func(t *tx) error {
		return t.exec(`DELETE FROM webhook_delivery WHERE webhook = ? AND made < ? AND due IS NULL`, hook, millis(before))
	})
	if err != nil {
		return fmt.Errorf("forgetting deliveries: %w", err)
	}
	return nil
}
