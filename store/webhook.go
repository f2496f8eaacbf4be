package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/webhook"
)

// Webhook is where another program wants to be told of events. Its address and
// secrets are sealed at rest.
type Webhook struct {
	ID      string
	URL     string
	Kinds   []string // of the events it is told of; none = all
	Stopped Stopped  // "" = messages are sent
	Created time.Time
	Failing time.Time // since when every attempt failed; zero where the last went well
	Held    time.Time // nothing is sent before

	Secrets []WebhookSecret // the newest first
}

// WebhookSecret is one secret of a webhook. Whoever writes it anywhere but into
// the answer that tells it has made a mistake.
type WebhookSecret struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until,omitzero"` // it signs before; zero = it is the newest
}

// Stopped says why nothing is sent to a webhook.
type Stopped string

// The reasons. What happens meanwhile is sent once it is started again.
const (
	StoppedAsked   Stopped = "asked"   // somebody asked for it
	StoppedGone    Stopped = "gone"    // it answered 410
	StoppedFailing Stopped = "failing" // every attempt failed for days
)

// MaxWebhooks is how many there may be; mostSecrets how many one may have at once.
const (
	MaxWebhooks = 50
	mostSecrets = 5
)

// webhookText is what is sealed of a webhook.
type webhookText struct {
	URL     string          `json:"url"`
	Secrets []WebhookSecret `json:"secrets"`
}

func webhookContext(id string) []byte { return []byte("amana/webhook/v1/" + id) }

// sealWebhook gives what is stored of address and secrets.
func (db *DB) sealWebhook(w *Webhook) []byte {
	raw, err := json.Marshal(webhookText{w.URL, w.Secrets})
	if err != nil {
		panic("store: webhook: " + err.Error()) // texts and times
	}
	return keyring.Seal(db.cfg.Ring.Link("webhook"), webhookContext(w.ID), raw)
}

// Signing gives the keys that sign a message at a time.
func (w *Webhook) Signing(now time.Time) (webhook.Signing, error) {
	var list []string
	for _, s := range w.Secrets {
		if s.Until.IsZero() || now.Before(s.Until) {
			list = append(list, s.Secret)
		}
	}
	return webhook.Keys(list...)
}

// Wants reports whether a webhook is told of a kind of event.
func (w *Webhook) Wants(kind string) bool {
	return webhook.Known(kind) && (len(w.Kinds) == 0 || slices.Contains(w.Kinds, kind))
}

// check says what is wrong with what was asked for.
func (w *Webhook) check() error {
	for i, k := range w.Kinds {
		if !webhook.Known(k) {
			return fault.At(fault.Invalid, fmt.Sprintf("kinds[%d]", i), "must be one of %s", strings.Join(webhook.Kinds(), ", "))
		}
		if slices.Contains(w.Kinds[:i], k) {
			return fault.At(fault.Invalid, fmt.Sprintf("kinds[%d]", i), "stands in the list twice")
		}
	}
	return nil
}

// AddWebhook makes a webhook that is told of every event from now on, with a
// secret. Whether its address may be reached is for whoever dials it.
func (db *DB) AddWebhook(ctx context.Context, url string, kinds []string) (Webhook, error) {
	w := Webhook{ID: "wh_" + rand.Text(), URL: url, Kinds: slices.Clone(kinds), Secrets: []WebhookSecret{{Secret: webhook.NewSecret()}}}
	if err := w.check(); err != nil {
		return Webhook{}, err
	}
	err := db.write(ctx, func(t *tx) error {
		var n int
		if _, err := t.row(`SELECT count(*) FROM webhook`, nil, &n); err != nil {
			return err
		}
		if n >= MaxWebhooks {
			return fault.New(fault.Conflict, "there are %d webhooks already, and more are not taken", n)
		}
		w.Created = t.now
		list, err := json.Marshal(append([]string{}, w.Kinds...))
		if err != nil {
			return err
		}
		if err := t.exec(`INSERT INTO webhook (id, sealed, kinds, stopped, created, failing, held) VALUES (?, ?, ?, '', ?, 0, 0)`, w.ID, db.sealWebhook(&w), string(list), millis(t.now)); err != nil {
			return err
		}
		return t.placeWebhook(w.ID)
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("making a webhook: %w", err)
	}
	return w, nil
}

// placeWebhook lets a webhook begin at the present.
func (t *tx) placeWebhook(id string) error {
	err := t.exec(`INSERT INTO webhook_place (shard_id, webhook, n)
		WITH RECURSIVE s (shard_id) AS (SELECT 0 UNION ALL SELECT shard_id + 1 FROM s WHERE shard_id < 255)
		SELECT s.shard_id, ?, coalesce((SELECT max(e.n) FROM event e WHERE e.shard_id = s.shard_id), 0) FROM s`, id)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO webhook_place (shard_id, webhook, n) VALUES (?, ?, (SELECT coalesce(max(seq), 0) FROM publication))`, rulesShard, id)
}

const webhookColumns = `id, sealed, kinds, stopped, created, failing, held`

// webhookOf reads one from a row.
func (db *DB) webhookOf(scan func(...any) error) (Webhook, error) {
	var w Webhook
	var sealed, kinds []byte
	var created, failing, held int64
	if err := scan(&w.ID, &sealed, &kinds, &w.Stopped, &created, &failing, &held); err != nil {
		return w, err
	}
	w.Created, w.Failing, w.Held = fromMillis(created), fromMoment(failing), fromMoment(held)
	raw, err := keyring.Unseal(db.cfg.Ring.Link("webhook"), webhookContext(w.ID), sealed)
	if err != nil {
		return w, err
	}
	var text webhookText
	if err := json.Unmarshal(raw, &text); err != nil {
		return w, err
	}
	w.URL, w.Secrets = text.URL, text.Secrets
	return w, json.Unmarshal(kinds, &w.Kinds)
}

// Webhooks gives all of them, the oldest first.
func (db *DB) Webhooks(ctx context.Context) ([]Webhook, error) {
	rows, err := db.readRows(ctx)(`SELECT ` + webhookColumns + ` FROM webhook ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("reading webhooks: %w", err)
	}
	defer rows.Close()
	var out []Webhook
	for rows.Next() {
		w, err := db.webhookOf(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("reading webhooks: %w", err)
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

// Webhook gives one by its id; fault.Unknown where there is none.
func (db *DB) Webhook(ctx context.Context, id string) (Webhook, error) {
	ok, w, err := db.webhookIn(db.reader(ctx), id)
	if err == nil && !ok {
		err = fault.At(fault.Unknown, "id", "there is no such webhook")
	}
	if err != nil {
		return Webhook{}, fmt.Errorf("reading a webhook: %w", err)
	}
	return w, nil
}

func (db *DB) webhookIn(row rowFunc, id string) (ok bool, w Webhook, err error) {
	w, err = db.webhookOf(func(into ...any) (err error) {
		ok, err = row(`SELECT `+webhookColumns+` FROM webhook WHERE id = ?`, []any{id}, into...)
		if err == nil && !ok {
			err = errNoRow
		}
		return err
	})
	if err == errNoRow {
		err = nil
	}
	return ok, w, err
}

// ChangeWebhook lets change edit a webhook's address, kinds, secrets and whether
// it is stopped. One that is started begins anew: nothing failed, nothing held.
func (db *DB) ChangeWebhook(ctx context.Context, id string, change func(*Webhook, time.Time) error) (Webhook, error) {
	var w Webhook
	err := db.write(ctx, func(t *tx) error {
		ok, found, err := db.webhookIn(t.row, id)
		if err != nil {
			return err
		}
		if w = found; !ok {
			return fault.At(fault.Unknown, "id", "there is no such webhook")
		}
		was := w.Stopped
		if err := change(&w, t.now); err != nil {
			return err
		}
		if err := w.check(); err != nil {
			return err
		}
		if was != "" && w.Stopped == "" {
			w.Failing, w.Held = time.Time{}, time.Time{}
		}
		list, err := json.Marshal(append([]string{}, w.Kinds...))
		if err != nil {
			return err
		}
		return t.exec(`UPDATE webhook SET sealed = ?, kinds = ?, stopped = ?, failing = ?, held = ? WHERE id = ?`, db.sealWebhook(&w), string(list), string(w.Stopped), moment(w.Failing), moment(w.Held), id)
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("changing a webhook: %w", err)
	}
	return w, nil
}

// Rotate gives a webhook a new secret. The one before signs beside it until a time.
func (w *Webhook) Rotate(now, until time.Time) error {
	w.Secrets = slices.DeleteFunc(w.Secrets, func(s WebhookSecret) bool { return !s.Until.IsZero() && !now.Before(s.Until) })
	if len(w.Secrets) >= mostSecrets {
		return fault.New(fault.Conflict, "the webhook has %d secrets that still sign: wait until one of them ends", len(w.Secrets))
	}
	for i, s := range w.Secrets {
		if s.Until.IsZero() || until.Before(s.Until) {
			w.Secrets[i].Until = until
		}
	}
	w.Secrets = append([]WebhookSecret{{Secret: webhook.NewSecret()}}, w.Secrets...)
	return nil
}

// RemoveWebhook forgets a webhook, its secrets and its deliveries.
func (db *DB) RemoveWebhook(ctx context.Context, id string) error {
	err := db.write(ctx, func(t *tx) error {
		ok, err := t.row(`SELECT 1 FROM webhook WHERE id = ?`, []any{id}, new(int))
		if err != nil {
			return err
		}
		if !ok {
			return fault.At(fault.Unknown, "id", "there is no such webhook")
		}
		for _, q := range []string{`DELETE FROM webhook WHERE id = ?`, `DELETE FROM webhook_place WHERE webhook = ?`, `DELETE FROM webhook_delivery WHERE webhook = ?`} {
			if err := t.exec(q, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("removing a webhook: %w", err)
	}
	return nil
}
