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

// onceTags is a Once as it is stored: both keyed, for either may hold or be
// guessed back to personal data.
type onceTags struct {
	client       string
	tag, request []byte
}

// id names a key in maps.
func (o *onceTags) id() string { return o.client + "\n" + string(o.tag) }

// onceRow is what an earlier act under a key left.
type onceRow struct {
	request, events []byte
	at              int64
}

func (db *DB) onceTags(o *Once) *onceTags {
	if o == nil {
		return nil
	}
	k := db.cfg.Ring.Link("idempotency") // not the index key: that may change within the day
	return &onceTags{o.Client, tag(k, "amana/once/key/v1\n", o.Key), tag(k, "amana/once/request/v1\n", string(o.Body))}
}

// before gives the event ids of an earlier act under the same key; nil if
// there was none. Another body under the key is fault.Invalid.
func (b *batch) before(o *onceTags) ([]string, error) {
	if o == nil {
		return nil, nil
	}
	had, ok := b.earlier[o.id()]
	if !ok || b.now.Sub(fromMillis(had.at)) >= onceFor {
		return nil, nil
	}
	if !bytes.Equal(had.request, o.request) {
		return nil, fault.At(fault.Invalid, "Idempotency-Key", "this key was used with another request")
	}
	var ids []string
	if err := json.Unmarshal(had.events, &ids); err != nil {
		return nil, fmt.Errorf("reading an idempotency key: %w", err)
	}
	return ids, nil
}

// remember notes what was done under a key.
func (b *batch) remember(r *recording) {
	if r.once == nil || len(r.appended) == 0 {
		return
	}
	b.earlier[r.once.id()] = onceRow{r.once.request, r.eventIDs(), millis(b.now)}
	b.used = append(b.used, r)
}

// eventIDs gives the ids of what was appended, as JSON.
func (r *recording) eventIDs() []byte {
	ids := make([]string, len(r.appended))
	for i, a := range r.appended {
		ids[i] = a.event.ID
	}
	raw, err := json.Marshal(ids)
	if err != nil {
		panic("store: event ids: " + err.Error()) // texts always marshal
	}
	return raw
}
