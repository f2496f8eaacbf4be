package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// Once makes a submission act once (Idempotency-Key,
// draft-ietf-httpapi-idempotency-key-header): the same key of the same client
// with the same body gives the same receipts again, for a day.
type Once struct {
	Client string // who asks, e.g. the id of a token
	Key    string
	Body   []byte // SHA-256 of the request
}

// onceFor is how long a key is remembered.
const onceFor = 24 * time.Hour

// before gives the event ids of an earlier act under the same key; nil if
// there was none. Another body under the key is fault.Invalid.
func (t *tx) before(o *Once) ([]string, error) {
	if o == nil {
		return nil, nil
	}
	key, request := t.onceTags(o)
	var had, events []byte
	var at int64
	ok, err := t.row(`SELECT request, events, at FROM once WHERE client = ? AND tag = ?`, []any{o.Client, key}, &had, &events, &at)
	if err != nil || !ok || t.now.Sub(fromMillis(at)) >= onceFor {
		return nil, err
	}
	if !bytes.Equal(had, request) {
		return nil, fault.At(fault.Invalid, "Idempotency-Key", "this key was used with another request")
	}
	var ids []string
	if err := json.Unmarshal(events, &ids); err != nil {
		return nil, fmt.Errorf("reading an idempotency key: %w", err)
	}
	return ids, nil
}

// did remembers what was done under a key.
func (t *tx) did(o *Once, p *person, events []string) error {
	if o == nil {
		return nil
	}
	key, request := t.onceTags(o)
	raw, err := json.Marshal(events)
	if err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM once WHERE at <= ?`, millis(t.now.Add(-onceFor))); err != nil {
		return fmt.Errorf("forgetting idempotency keys: %w", err)
	}
	if err := t.exec(`INSERT INTO once (client, tag, subject, request, at, events) VALUES (?, ?, ?, ?, ?, ?)`, o.Client, key, p.id[:], request, millis(t.now), string(raw)); err != nil {
		return fmt.Errorf("writing an idempotency key: %w", err)
	}
	return nil
}

// onceTags keys both, for either may hold or be guessed back to personal data.
func (t *tx) onceTags(o *Once) (key, request []byte) {
	k := t.w.db.cfg.Ring.Index()
	return tag(k, "amana/once/key/v1\n", o.Key), tag(k, "amana/once/request/v1\n", string(o.Body))
}
