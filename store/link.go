package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// Undo is the kind of passes by which an identifier takes another away again
// that was linked with it.
const Undo = "undo"

// undoFor is how long such a pass lasts: whoever seldom looks into a mailbox finds
// it there.
const undoFor = 30 * 24 * time.Hour

// Linking joins two identifiers to one person.
type Linking struct {
	First, Second subject.ID
	Proved        []subject.ID // all that whoever asks has proved at once, both among them
	Company       bool         // the company vouches for both
	Session       string       // the token of the session in which it is asked; "" = none
	Language      string       // of the messages that tell of it
	Path          string       // of the page that undoes it, without the token: /en/me/undo/
}

// Notice is an identifier that was told of a link or a passkey, or of its end, and
// where it undoes it.
type Notice struct {
	ID   subject.ID
	Path string // "" where there is nothing to undo
	What string // what was linked or taken away, as its owner knows it again
}

// Link makes two identifiers one person's, with all the first is linked with. A
// no that either said is written to the other, and what else holds for one holds
// for both: the stricter wins, and only later words may widen it. A yes does not
// cross. What is asked in a session that ended meanwhile is ErrEnded. Every address of the person is written to in the same transaction, and
// told of all (Notice), so that phones may be too. Linking what is linked changes
// nothing. Two that both belong with others are ErrOthers.
func (db *DB) Link(ctx context.Context, l Linking) (Recorded, []Notice, error) {
	var done []*appended
	var told []Notice
	err := db.write(ctx, func(t *tx) (err error) {
		done, told, err = t.link(l)
		return err
	})
	if err != nil {
		return Recorded{}, nil, fmt.Errorf("linking: %w", err)
	}
	return db.recorded(done), told, nil
}

func (db *DB) recorded(done []*appended) Recorded {
	out := Recorded{db: db, appended: done}
	for _, a := range done {
		out.ids = append(out.ids, a.id.String())
	}
	return out
}

// joined are the two sides of a link, each with all it is linked with already.
type joined struct {
	first, second   *person
	firsts, seconds []*person
}

func (j joined) all() []*person { return append(slices.Clone(j.firsts), j.seconds...) }

func (t *tx) link(l Linking) (done []*appended, told []Notice, err error) {
	v := t.known.inForce()
	j, err := t.sides(l)
	if err == nil && l.Session != "" {
		err = t.holdSession(l.Session)
	}
	if err == nil && l.Company {
		err = t.notErased(j)
	}
	nobody := l.Company && j.first != nil && j.first.fresh && j.second.fresh // nothing is kept of who merely logged in
	if err != nil || v == nil || nobody || l.First == l.Second || slices.ContainsFunc(j.firsts, func(p *person) bool { return p.name == l.Second }) {
		return nil, nil, err
	}
	if err := j.may(l); err != nil {
		return nil, nil, err
	}
	j.tie(l, millis(t.now))
	id := ""
	for _, p := range []*person{j.first, j.second} {
		a, err := t.noteLink(p, &id, receipt.DemandDone, v.ID)
		if err != nil {
			return nil, nil, err
		}
		done = append(done, a)
	}
	if err := t.settle(j.all(), j.first, j.second); err != nil {
		return nil, nil, err
	}
	if err := t.exchange(j); err != nil {
		return nil, nil, err
	}
	told, err = t.tellLink(l, j)
	return done, told, err
}

// sides reads both identifiers, each of which may begin, with all shards locked.
func (t *tx) sides(l Linking) (j joined, err error) {
	if err = t.lockPerson(l.First, l.Second); err != nil {
		return j, err
	}
	if j.first, err = t.someone(l.First); err == nil {
		j.second, err = t.someone(l.Second)
	}
	if err != nil {
		return j, err
	}
	if j.firsts, err = t.db.others(t.row, j.first.links); err == nil {
		j.seconds, err = t.db.others(t.row, j.second.links)
	}
	j.firsts, j.seconds = append(j.firsts, j.first), append(j.seconds, j.second)
	for _, p := range j.all() {
		if p.states == nil {
			p.states = map[consent.Key]consent.State{}
		}
	}
	return j, err
}

// notErased holds that nobody begins anew by the company's word who was erased.
func (t *tx) notErased(j joined) error {
	for _, p := range []*person{j.first, j.second} {
		var erased bool
		if _, err := t.row(`SELECT EXISTS (SELECT 1 FROM suppression WHERE shard_id = ? AND tag = ?)`, []any{p.place.shard, t.db.suppressionTag(p.name)}, &erased); err != nil {
			return err
		}
		if erased && p.fresh {
			return fault.New(fault.Conflict, "this person was erased; only an act of their own begins anew")
		}
	}
	return nil
}

// may says why the two are not linked.
func (j joined) may(l Linking) error {
	switch {
	case len(j.firsts) > 1 && len(j.seconds) > 1:
		return ErrOthers
	case len(j.firsts)+len(j.seconds) > MaxLinked:
		return ErrTooMany
	case !proof.MayJoin(membersOf(j.firsts), l.Proved) || !proof.MayJoin(membersOf(j.seconds), l.Proved):
		return ErrPhoneAlone
	}
	return nil
}

// tie enters each in the rows of all, and lets what holds for one hold for all.
func (j joined) tie(l Linking, now int64) {
	var f Facts
	for _, p := range j.all() {
		f = stricter(f, p.facts, fromMillis(now))
		if p.links.Since == 0 { // linked with none before, nor elsewhere
			p.links.Since = now
			p.links.Vouched = l.Company
			p.links.Unsure = !l.Company && !p.fresh && p.name.Kind() == subject.Phone
		}
	}
	for _, p := range j.all() {
		f.Permits = nil
		if f.Child {
			f.Permits = p.facts.Permits // what a parent permitted for one identifier is permitted for no other
		}
		f.Heard = p.facts.Heard
		p.facts = f
		for _, q := range j.all() {
			if p != q {
				own := p.links
				p.links = own.with(q.id, q.links.Since)
				p.links.Since, p.links.Event, p.links.Unsure, p.links.Vouched = own.Since, own.Event, own.Unsure, own.Vouched
			}
		}
	}
}

// stricter gives what holds for one whose identifiers two facts were written to.
func stricter(f, g Facts, now time.Time) Facts {
	switch {
	case f.Restricted.IsZero():
		f.Restricted, f.By, f.Named = g.Restricted, g.By, g.Named
	case !g.Restricted.IsZero():
		f.By, f.Named = either(f.By, g.By), both(f.Named, g.Named)
	}
	if f.Child, f.Grown = stillChild(f, g, now); !f.Child {
		f.Permits = nil
	}
	if len(g.Objected) > 0 {
		all := maps.Clone(g.Objected)
		maps.Copy(all, f.Objected)
		f.Objected = all
	}
	return f
}

// stillChild gives whether one of two is a child still, and until when both are: the
// later of two ends, none where one has none.
func stillChild(f, g Facts, now time.Time) (child bool, grown time.Time) {
	for _, one := range []Facts{f, g} {
		switch {
		case !one.Child || one.grown(now):
		case !child || !grown.IsZero() && (one.Grown.IsZero() || one.Grown.After(grown)):
			child, grown = true, one.Grown
		}
	}
	return child, grown
}

// noteLink enters into the ledger that an identifier was linked, or is no more.
// The id of the first record is that of the link.
func (t *tx) noteLink(p *person, id *string, step receipt.DemandStep, v policy.VersionID) (*appended, error) {
	kind := "link.made"
	if step == receipt.DemandCancelled {
		kind = "link.undone"
	}
	return t.note(p, kind, func(eventID string) (receipt.Parts, error) {
		if *id == "" {
			*id = eventID
		}
		if p.links.any() && p.links.Event == "" {
			p.links.Event = *id
		}
		d := receipt.Demand{Time: receipt.Stamp(t.now), By: string(BySubject), Policy: v, Request: *id, Kind: string(request.Link), Step: step}
		return receipt.MakeDemand(eventID, d, p.name)
	})
}

// settle writes the rows of people whose links changed, but of those that an event
// tells of already, and has replicas hear of each.
func (t *tx) settle(people []*person, but ...*person) error {
	for _, p := range people {
		if slices.Contains(but, p) {
			continue
		}
		if err := t.saveFacts(p); err != nil {
			return err
		}
		if err := t.announce(p); err != nil {
			return err
		}
	}
	return nil
}

// exchange writes the noes of each side to the other.
func (t *tx) exchange(j joined) error {
	b := t.batch()
	for _, side := range [][2][]*person{{j.firsts, j.seconds}, {j.seconds, j.firsts}} {
		for _, from := range side[0] {
			for _, no := range t.noes(from) {
				for _, to := range side[1] {
					if err := b.refuse(to, no); err != nil {
						return err
					}
				}
			}
		}
	}
	return t.saveBatch(b)
}

// noes gives what an identifier has said no to and not taken back, each with the
// newest version that knows of it. Of a purpose that no version has there is
// nothing to be asked.
func (t *tx) noes(p *person) []consent.Event {
	var list []consent.Event
	for _, key := range inOrder(p.states) {
		s := p.states[key]
		if s.Paused != nil || s.Yes != nil || s.No.IsZero() && !isNo(s) {
			continue
		}
		if v := t.known.newest(key); v != nil {
			list = append(list, consent.Event{Purpose: key.Purpose, Recipient: key.Recipient, Policy: v.ID, Language: v.Policy.Master(), Surface: consent.SurfaceChoices})
		}
	}
	return list
}

// newest gives the version that was published last among those that have a
// purpose, and a recipient of it; nil where none has.
func (k *versions) newest(key consent.Key) *policy.Version {
	has := func(v *policy.Version) bool {
		p, ok := v.Policy.Purposes[key.Purpose]
		return ok && (key.Recipient == "" || slices.Contains(p.Recipients, key.Recipient))
	}
	if v := k.inForce(); v != nil && has(v) {
		return v
	}
	for _, v := range slices.Backward(k.history) {
		if has(v) {
			return v
		}
	}
	return nil
}

// tellLink has every address of a person know of a link, with a way to undo it.
func (t *tx) tellLink(l Linking, j joined) (told []Notice, err error) {
	newest := j.second
	if len(j.seconds) > 1 {
		newest = j.first // it is the one that was joined to others
	}
	for _, p := range j.all() {
		to := Notice{ID: p.name, What: newest.name.Masked()}
		if p == newest {
			to.What = l.First.Masked()
			if newest == j.first {
				to.What = l.Second.Masked()
			}
		}
		if kind := p.name.Kind(); kind != subject.Email && kind != subject.Phone {
			continue
		}
		tokens, rows, err := t.db.newPasses([]Pass{{Kind: Undo, Owner: p.name, Data: []byte(newest.name), Until: t.now.Add(undoFor)}})
		if err == nil {
			err = t.issue(rows)
		}
		if err != nil {
			return nil, err
		}
		to.Path = l.Path + tokens[0]
		if err := t.tellMail(letter.Linked, p, l.Language, to); err != nil {
			return nil, err
		}
		told = append(told, to)
	}
	return told, nil
}

// tellMail queues the mail where an identifier is an address.
func (t *tx) tellMail(kind letter.Kind, p *person, language string, to Notice) error {
	address, isMail := strings.CutPrefix(string(p.name), subject.Email+":")
	if !isMail || !t.db.cfg.Mail {
		return nil
	}
	_, err := t.post(letter.Letter{Kind: kind, To: address, Language: language, Path: to.Path, What: to.What})
	return err
}

// Unlink takes an identifier away from its person: what it and the others said
// stays as it is with each, the noes that reached it too, and so does what else
// held for the person. Its passkeys end. by is who asks: itself or one it is
// linked with, else nothing changes. All that were linked are told. One that is linked with none is no error.
func (db *DB) Unlink(ctx context.Context, id, by subject.ID, language string) (Recorded, []Notice, error) {
	var done []*appended
	var told []Notice
	err := db.write(ctx, func(t *tx) (err error) {
		done, told, err = t.unlink(id, by, language)
		return err
	})
	if err != nil {
		return Recorded{}, nil, fmt.Errorf("taking an identifier away: %w", err)
	}
	return db.recorded(done), told, nil
}

func (t *tx) unlink(id, by subject.ID, language string) (done []*appended, told []Notice, err error) {
	if err := t.lockPerson(id); err != nil {
		return nil, nil, err
	}
	p, err := t.db.lookup(t.row, id)
	v := t.known.inForce()
	if err != nil || p == nil || v == nil || !p.links.any() {
		return nil, nil, err
	}
	others, err := t.db.others(t.row, p.links)
	if err != nil {
		return nil, nil, err
	}
	if by != id && !slices.ContainsFunc(others, func(o *person) bool { return o.name == by }) {
		return nil, nil, nil // they are not linked any more
	}
	link := p.links.Event
	p.links = links{}
	noted := []*person{p}
	for _, o := range others {
		o.links = o.links.without(p.id)
		if o.name == by {
			noted = append(noted, o)
		}
	}
	for _, who := range noted {
		a, err := t.noteLink(who, &link, receipt.DemandCancelled, v.ID)
		if err != nil {
			return nil, nil, err
		}
		done = append(done, a)
	}
	if err := t.settle(others, noted...); err != nil {
		return nil, nil, err
	}
	if err := t.endPasskeys(p); err != nil {
		return nil, nil, err
	}
	for _, who := range append(others, p) {
		to := Notice{ID: who.name, What: id.Masked()}
		if err := t.tellMail(letter.Unlinked, who, language, to); err != nil {
			return nil, nil, err
		}
		told = append(told, to)
	}
	return done, told, nil
}

// cut takes an erased identifier out of the rows of those it was linked with.
// Their shards are locked.
func (t *tx) cut(p *person) error {
	others, err := t.db.others(t.row, p.links)
	if err != nil {
		return err
	}
	for _, o := range others {
		o.links = o.links.without(p.id)
	}
	return t.settle(others)
}

// whole gives the identifiers of a person with those they are linked with.
func (t *tx) whole(ids []subject.ID) ([]subject.ID, error) {
	all := slices.Clone(ids)
	for _, id := range ids {
		p, err := t.db.lookup(t.row, id)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		others, err := t.db.others(t.row, p.links)
		if err != nil {
			return nil, err
		}
		for _, o := range others {
			if !slices.Contains(all, o.name) {
				all = append(all, o.name)
			}
		}
	}
	return all, nil
}

// belowWith writes to all that a child's identifier is linked with that they are a
// child's: what a parent permitted for the one is permitted for none of them.
func (t *tx) belowWith(p *person) error {
	others, err := t.db.others(t.row, p.links)
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(o *person) bool {
		child, grown := stillChild(p.facts, o.facts, t.now)
		same := o.facts.Child == child && o.facts.Grown.Equal(grown)
		o.facts.Child, o.facts.Grown = child, grown
		return same
	})
	return t.settle(others)
}
