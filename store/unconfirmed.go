package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/subject"
)

// A yes that has to be confirmed from its address waits. The address gets one
// mail in three days, whatever is entered for it meanwhile, and a second one if
// it is asked for; an address that nobody confirms is erased.

// askedFor is how long one mail stands for whatever is entered for an address.
const askedFor = 72 * time.Hour

const (
	countAsked        = `SELECT count(*) FROM mail WHERE shard_id = ? AND address = ? AND kind = 'confirm' AND at > ?`
	insertUnconfirmed = `INSERT INTO unconfirmed (shard_id, subject_id, due) VALUES (?, ?, ?) ON CONFLICT (shard_id, subject_id) DO UPDATE SET due = excluded.due`
)

// onlyWaits reports whether nothing but what waits for a confirmation was said.
// Anyone can type an address: so somebody who was erased stays suppressed until
// it is confirmed.
func onlyWaits(states map[consent.Key]consent.State) bool {
	for _, s := range states {
		if s.Status != consent.StatusPending {
			return false
		}
	}
	return true
}

// asksToConfirm reports whether an identifier is one that a mail can be sent to.
func (db *DB) asksToConfirm(id subject.ID) bool { return db.cfg.Mail && id.Kind() == subject.Email }

// askToConfirm notes that a yes of a recording waits, and queues the mail that
// asks whether the address is its owner's.
func (b *batch) askToConfirm(r *recording, p *person) {
	if r.id.Kind() != subject.Email {
		return
	}
	var until, latest int64
	language := ""
	for _, a := range r.appended {
		y := p.states[consent.Key{Purpose: a.event.Purpose, Recipient: a.event.Recipient}].Pending
		if y != nil && a.event.Act == consent.ActGiven {
			until, language = max(until, millis(y.Until)), y.Language
		}
	}
	for _, s := range p.states {
		if s.Pending != nil {
			latest = max(latest, millis(s.Pending.Until))
		}
	}
	if until == 0 {
		return
	}
	if b.waiting == nil {
		b.waiting, b.letters = map[*person]int64{}, map[*person][]letter.Letter{}
	}
	b.waiting[p] = latest
	key := r.place.key()
	if !b.db.asksToConfirm(r.id) || b.asked[key] > 1 || b.asked[key] == 1 && !r.again {
		return
	}
	b.asked[key]++
	b.letters[p] = append(b.letters[p], letter.Letter{Kind: letter.Confirm, To: string(r.id)[len(subject.Email)+1:], Language: language,
		Path: "/c/" + b.db.confirmToken(p.id, b.now), Leave: b.db.leaveToken(p.id, ""), Until: fromMillis(until)})
}

// sealMails makes the rows of the letters.
func (b *batch) sealMails() error {
	for p, list := range b.letters {
		for _, l := range list {
			if err := l.Check(); err != nil {
				return err
			}
			row, err := b.db.newMail(l, p.id, b.now)
			if err != nil {
				return err
			}
			b.mails = append(b.mails, row)
		}
	}
	slices.SortFunc(b.mails, func(x, y *mailRow) int { return int(x.id[0]) - int(y.id[0]) })
	return nil
}

// wakeMail tells whoever sends that the batch has mails for them.
func (b *batch) wakeMail() {
	if len(b.mails) > 0 {
		b.db.wakeMail()
	}
}

// Waits reports whether a yes of a subject waits for its confirmation.
func (db *DB) Waits(ctx context.Context, id subject.ID) (bool, error) {
	states, err := db.States(ctx, id)
	if err != nil {
		return false, fmt.Errorf("looking for what waits: %w", err)
	}
	return waits(states, db.now()), nil
}

func waits(states map[consent.Key]consent.State, now time.Time) bool {
	for _, s := range states {
		if consent.MayConfirm(s, now) == nil {
			return true
		}
	}
	return false
}

// lapsed reports whether all that was ever said is a yes that nobody confirmed
// in its time: of such an address nothing is kept.
func lapsed(states map[consent.Key]consent.State, now time.Time) bool {
	for _, s := range states {
		if s.Status != consent.StatusPending || consent.MayConfirm(s, now) == nil {
			return false
		}
	}
	return true
}

// EraseUnconfirmed erases addresses of which nothing is known but a yes that
// was not confirmed in its time. Anyone can type an address, so nothing is left of
// it that would keep its owner from being asked one day: no suppression, and no
// receipt. Passes and mails to parents whose time is over go as well. It is called
// now and then.
func (db *DB) EraseUnconfirmed(ctx context.Context) error {
	if err := db.write(ctx, func(t *tx) error { return t.exec(`DELETE FROM pass WHERE until <= ?`, millis(t.now)) }); err != nil {
		return fmt.Errorf("forgetting passes: %w", err)
	}
	rows, err := db.readRows(ctx)(`SELECT shard_id, subject_id, due FROM unconfirmed WHERE due <= ? ORDER BY due LIMIT 1000`, millis(db.now()))
	if err != nil {
		return fmt.Errorf("looking for unconfirmed addresses: %w", err)
	}
	var ids []keyring.SubjectID
	for rows.Next() {
		var shard int
		var id []byte
		var due int64
		if err = rows.Scan(&shard, &id, &due); err != nil {
			break
		}
		ids = append(ids, keyring.SubjectID(id))
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("looking for unconfirmed addresses: %w", err)
	}
	for _, id := range ids {
		if err := db.write(ctx, func(t *tx) error { return t.lapse(id) }); err != nil {
			return fmt.Errorf("erasing an unconfirmed address: %w", err)
		}
	}
	return nil
}

// lapse looks once more, with the shard locked, and erases.
func (t *tx) lapse(id keyring.SubjectID) error {
	if err := t.lock(id.Shard()); err != nil {
		return err
	}
	p, err := t.db.byID(t.row, id)
	if err != nil {
		return err
	}
	forget := func() error {
		return t.exec(`DELETE FROM unconfirmed WHERE shard_id = ? AND subject_id = ?`, id.Shard(), id[:])
	}
	if p == nil {
		return errors.Join(t.dropMail(id), forget())
	}
	var due int64
	for _, s := range p.states {
		if consent.MayConfirm(s, t.now) == nil {
			due = max(due, millis(s.Pending.Until))
		}
	}
	switch {
	case due > 0: // one more waits, or the row is from before this was kept
		return t.exec(insertUnconfirmed, id.Shard(), id[:], due)
	case p.links.any() || p.name.Kind() != subject.Email || !lapsed(p.states, t.now):
		return forget()
	}
	if proved, err := t.proved(p); err != nil || proved {
		return errors.Join(err, forget())
	}
	p.place = t.db.placeOf(p.name)
	return t.remove(p)
}

// proved reports whether anything is known of an address besides what somebody may
// have typed: what holds for its owner, a request, a passkey.
func (t *tx) proved(p *person) (is bool, err error) {
	if p.facts.stored() != "" {
		return true, nil
	}
	_, err = t.row(`SELECT EXISTS (SELECT 1 FROM request WHERE shard_id = ? AND subject_id = ?) OR EXISTS (SELECT 1 FROM passkey WHERE shard_id = ? AND subject_id = ?)`,
		[]any{p.id.Shard(), p.id[:], p.id.Shard(), p.id[:]}, &is)
	return is, err
}
