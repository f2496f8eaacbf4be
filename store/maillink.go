package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// The links of mails are sealed, so that nothing has to be kept for them: they
// work for as long as the keyring does, and say nothing to who reads them.

// confirmToken names a subject and when the mail was queued.
func (db *DB) confirmToken(id keyring.SubjectID, at time.Time) string {
	return db.linkToken("confirm", binary.BigEndian.AppendUint64(id[:], uint64(millis(at))))
}

// leaveToken names a subject and the purpose that is taken back; "" is all of them.
func (db *DB) leaveToken(id keyring.SubjectID, purpose string) string {
	return db.linkToken("leave", append(id[:], purpose...))
}

func (db *DB) linkToken(use string, text []byte) string {
	return base64.RawURLEncoding.EncodeToString(keyring.Seal(db.cfg.Ring.Link(use), []byte("amana/"+use+"/v1"), text))
}

// maxToken bounds what is looked at.
const maxToken = 400

// openToken gives what a token of a use names; false where it is none of ours.
func (db *DB) openToken(use, token string) (id keyring.SubjectID, rest []byte, ok bool) {
	if len(token) > maxToken {
		return id, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return id, nil, false
	}
	text, err := keyring.Unseal(db.cfg.Ring.Link(use), []byte("amana/"+use+"/v1"), raw)
	if err != nil || len(text) < len(id) {
		return id, nil, false
	}
	return keyring.SubjectID(text[:len(id)]), text[len(id):], true
}

// subjectBy gives the subject with an id; nil where there is none any more.
func (db *DB) subjectBy(ctx context.Context, id keyring.SubjectID) (*person, error) {
	p, err := db.byID(db.reader(ctx), id)
	if err != nil {
		return nil, fmt.Errorf("reading a subject: %w", err)
	}
	return p, nil
}

// Waiting is what a link in a mail asks about.
type Waiting struct {
	Language string                      // in which it was asked
	Yes      map[consent.Key]consent.Yes // each with the version it answers to
}

// WaitingBy gives what the link of a mail may confirm now; nothing where all is
// confirmed, taken back, over, or erased. A token that is none of ours is
// fault.Unknown.
func (db *DB) WaitingBy(ctx context.Context, token string) (w Waiting, err error) {
	p, before, err := db.askedBy(ctx, token)
	if err != nil || p == nil {
		return w, err
	}
	w.Yes = map[consent.Key]consent.Yes{}
	for key, s := range p.states {
		if consent.MayConfirm(s, db.now()) == nil && s.Pending.Since.Before(before) {
			w.Yes[key], w.Language = *s.Pending, s.Pending.Language
		}
	}
	return w, nil
}

// askedBy gives the subject of a link to confirm, nil where it is erased, and
// until when what was given may be confirmed by it: the mail spoke for what was
// entered in the time in which no other was sent.
func (db *DB) askedBy(ctx context.Context, token string) (p *person, before time.Time, err error) {
	id, rest, ok := db.openToken("confirm", token)
	if !ok || len(rest) != 8 {
		return nil, before, fault.New(fault.Unknown, "no such link")
	}
	p, err = db.subjectBy(ctx, id)
	return p, fromMillis(int64(binary.BigEndian.Uint64(rest))).Add(askedFor), err
}

// ConfirmBy confirms purposes that wait, by the link of a mail that went to the
// address: those that were shown, and no others. Where none of them waits any
// more it is fault.Conflict.
func (db *DB) ConfirmBy(ctx context.Context, token string, purposes []string) (Recorded, error) {
	p, before, err := db.askedBy(ctx, token)
	switch {
	case err != nil:
		return Recorded{}, err
	case p == nil || len(purposes) == 0:
		return Recorded{}, consent.ErrNothingWaits
	}
	slices.Sort(purposes)
	return db.confirm(ctx, p.name, slices.Compact(purposes), before, consent.SurfaceMail)
}

// Leaving is what a link that takes a consent back is about.
type Leaving struct {
	Purpose  string // "" is everything
	Language string // of the yes; "" where none stands
	Stands   bool   // there is something to take back
}

// LeavingBy tells what a link takes back. A token that is none of ours is
// fault.Unknown; of who was erased there is nothing to take back.
func (db *DB) LeavingBy(ctx context.Context, token string) (Leaving, error) {
	id, purpose, ok := db.openToken("leave", token)
	if !ok {
		return Leaving{}, fault.New(fault.Unknown, "no such link")
	}
	l := Leaving{Purpose: string(purpose)}
	p, err := db.subjectBy(ctx, id)
	if err != nil || p == nil {
		return l, err
	}
	for _, key := range taking(p.states, l.Purpose) {
		l.Stands, l.Language = true, p.states[key].Ended().Language
	}
	return l, nil
}

// LeaveBy takes back what a link is about, at once and for good: whatever stands
// or waits of its purpose. Done twice it is done once. It works for as long as the
// keyring does.
func (db *DB) LeaveBy(ctx context.Context, token string) error {
	id, purpose, ok := db.openToken("leave", token)
	if !ok {
		return fault.New(fault.Unknown, "no such link")
	}
	p, err := db.subjectBy(ctx, id)
	if err != nil || p == nil {
		return err
	}
	r := &recording{id: p.name, existing: true, make: func(b *batch, p *person) (events []consent.Event, err error) {
		for _, key := range taking(p.states, string(purpose)) {
			y := p.states[key].Ended()
			e := consent.Event{Act: consent.ActWithdrawn, Purpose: key.Purpose, Recipient: key.Recipient, Policy: b.known.answering(key, y.Policy),
				Language: y.Language, Surface: consent.SurfaceMail}
			if v := b.known.byID[e.Policy]; v != nil && !slices.Contains(v.Policy.Languages, e.Language) {
				e.Language = v.Policy.Master()
			}
			events = append(events, e)
		}
		return events, nil
	}}
	if _, err := db.append(ctx, r); err != nil && fault.KindOf(err) != fault.Unknown { // erased in between
		return fmt.Errorf("taking a consent back: %w", err)
	}
	return nil
}

// answering gives the version that a no is said to: the one in force, or, where
// that does not ask any more, the one the yes was given to.
func (k *versions) answering(key consent.Key, given policy.VersionID) policy.VersionID {
	if v := k.inForce(); v != nil {
		if p, ok := v.Policy.Purposes[key.Purpose]; ok && (key.Recipient == "" || slices.Contains(p.Recipients, key.Recipient)) {
			return v.ID
		}
	}
	return given
}

// ending gives those of some keys that a no would end, but for recipients whose
// purpose is among them: they go with it.
func ending(states map[consent.Key]consent.State, which func(consent.Key) bool) (keys []consent.Key) {
	ends := func(k consent.Key) bool { return states[k].Ended() != nil && which(k) }
	for _, k := range inOrder(states) {
		if ends(k) && (k.Recipient == "" || !ends(consent.Key{Purpose: k.Purpose})) {
			keys = append(keys, k)
		}
	}
	return keys
}

// taking gives the keys that a no to a purpose takes back, "" being all: the
// purposes that stand, wait or are paused, and recipients whose purpose does not.
func taking(states map[consent.Key]consent.State, purpose string) []consent.Key {
	return ending(states, func(k consent.Key) bool { return purpose == "" || k.Purpose == purpose })
}

// LeaveToken gives the token of the address by which a subject takes a consent
// back; false where nobody is known by the identifier.
func (db *DB) LeaveToken(ctx context.Context, id subject.ID, purpose string) (string, bool, error) {
	p, err := db.lookup(db.reader(ctx), id)
	if err != nil {
		return "", false, fmt.Errorf("making a link: %w", err)
	}
	if p == nil {
		return "", false, nil
	}
	return db.leaveToken(p.id, purpose), true, nil
}
