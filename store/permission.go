package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// What a parent permits is a request of the parent's (request.Permission). It is
// signed by the link of one mail and confirmed by that of another, a day later;
// only then anything is written about the child, and a yes counts.

// ErrBelowAge says that a yes is somebody's who is below the age, and not a parent's.
var ErrBelowAge = fault.At(fault.Conflict, "subject", "this person is below the age at which a yes counts: it is a parent's to give")

// Signed is what a parent permits with the first step.
type Signed struct {
	Purposes   []string
	Recipients []string         // third parties of these: PURPOSE/RECIPIENT
	Name       string           // typed as a signature
	Grown      int              // the year in which the child comes of the age; 0: not said
	Language   string           // a declared one
	Policy     policy.VersionID // that was shown; it has to be the one in force
}

// choices are what is permitted as answers.
func (s Signed) choices() (list []consent.Choice) {
	for _, id := range s.Purposes {
		list = append(list, consent.Choice{Purpose: id, Decision: consent.Given})
	}
	for _, r := range s.Recipients {
		purpose, recipient, _ := strings.Cut(r, "/")
		list = append(list, consent.Choice{Purpose: purpose, Recipient: recipient, Decision: consent.Given})
	}
	return list
}

// SignPermission takes the first step, by the link of the parent's mail, which it
// uses up. What was not asked for, or is not asked of such an identifier, is
// fault.Invalid; a version that is not in force fault.Conflict; a link that opens
// nothing fault.Denied.
func (db *DB) SignPermission(ctx context.Context, token string, s Signed) (request.Request, Recorded, error) {
	var r request.Request
	var done *appended
	err := db.write(ctx, func(t *tx) (err error) {
		pass, family, _, err := db.openPass(t.row, t.now, parentPass, token)
		if err != nil {
			return err
		}
		ask, err := askIn(pass)
		if err == nil {
			s, err = t.signable(ask, s)
		}
		if err != nil {
			return err
		}
		if err := t.use(family); err != nil {
			return err
		}
		r, done, err = t.sign(ask, s)
		return err
	})
	if err != nil {
		return r, Recorded{}, fmt.Errorf("taking a permission: %w", err)
	}
	return r, Recorded{db: db, appended: []*appended{done}, ids: []string{done.id.String()}}, nil
}

// signable checks what a parent permits against what was asked.
func (t *tx) signable(ask ParentAsk, s Signed) (Signed, error) {
	v := t.known.inForce()
	if v == nil || v.ID != s.Policy {
		return s, fault.At(fault.Conflict, "version", "the policy has changed since this was shown; nothing was saved")
	}
	var err error
	if s.Name, err = request.SignatureOf(s.Name); err != nil {
		return s, err
	}
	if !slices.Contains(v.Policy.Languages, s.Language) {
		s.Language = v.Policy.Master()
	}
	if first := t.now.Year(); s.Grown != 0 && (s.Grown < first || s.Grown > first+v.Policy.Children.MinimumAge) {
		return s, fault.At(fault.Invalid, "grown", "not a year in which a child comes of the age")
	}
	for _, id := range s.Purposes {
		if !slices.Contains(ask.Purposes, id) {
			return s, fault.At(fault.Invalid, "purpose", "this was not asked for")
		}
	}
	for _, r := range s.Recipients {
		if purpose, _, _ := strings.Cut(r, "/"); !slices.Contains(s.Purposes, purpose) {
			return s, fault.At(fault.Invalid, "recipient", "a recipient goes with its purpose")
		}
	}
	return s, consent.Check(v, ask.Child.Kind(), s.choices())
}

// sign begins the request of a parent.
func (t *tx) sign(ask ParentAsk, s Signed) (r request.Request, done *appended, err error) {
	if err := t.lockPerson(ask.Parent, ask.Child); err != nil {
		return r, nil, err
	}
	own, err := t.whole([]subject.ID{ask.Child})
	if err == nil && slices.Contains(own, ask.Parent) {
		err = fault.At(fault.Invalid, "parent", "not the address of a parent")
	}
	if err != nil {
		return r, nil, err
	}
	people, err := t.everyone([]subject.ID{ask.Parent}, true)
	if err != nil {
		return r, nil, err
	}
	permit := &request.Permit{Child: string(ask.Child), Recipients: s.Recipients, Policy: s.Policy, Signature: s.Name, Grown: s.Grown, Proved: ask.Proved}
	child, err := t.db.lookup(t.row, ask.Child)
	if err != nil {
		return r, nil, err
	}
	if child != nil { // named so that nothing of it outlives its erasure
		permit.Child, permit.ChildID = "", hex.EncodeToString(child.id[:])
	}
	v := t.known.inForce()
	r = request.New(request.Permission, request.Demand{Purposes: s.Purposes, Language: s.Language, Permit: permit}, v.Policy, t.now)
	if done, err = t.record(people[0], &r, receipt.DemandAsked, BySubject, v.ID); err != nil {
		return r, nil, err
	}
	return r, done, t.insertRequest(people[0], r)
}

// parentToken is the link of the second mail, which leads to the permission for
// as long as the keyring works.
func (db *DB) parentToken(parent keyring.SubjectID, id string) string {
	u := uuid.MustParse(id)
	return db.linkToken("parent", append(parent[:], u[:]...))
}

// PermissionBy gives the permission that a link leads to. Of one that is over and
// forgotten, and of a link that is none of ours, it is fault.Unknown.
func (db *DB) PermissionBy(ctx context.Context, token string) (request.Request, error) {
	_, rest, ok := db.openToken("parent", token)
	if !ok || len(rest) != len(uuid.UUID{}) {
		return request.Request{}, errNoRequest
	}
	r, _, err := db.RequestAny(ctx, uuid.UUID(rest).String())
	if err == nil && r.Kind != request.Permission {
		err = errNoRequest
	}
	return r, err
}

// ChildOf gives whom a permission is about; "" where nothing is kept of them any more.
func (db *DB) ChildOf(ctx context.Context, r request.Request) (subject.ID, error) {
	return db.childOf(r, func(id keyring.SubjectID) (*person, error) { return db.subjectBy(ctx, id) })
}

func (db *DB) childOf(r request.Request, by func(keyring.SubjectID) (*person, error)) (subject.ID, error) {
	if r.Demand.Permit == nil {
		return "", nil
	}
	if r.Demand.Permit.Child != "" {
		return subject.ID(r.Demand.Permit.Child), nil
	}
	raw, err := hex.DecodeString(r.Demand.Permit.ChildID)
	if err != nil || len(raw) != len(keyring.SubjectID{}) {
		return "", nil
	}
	p, err := by(keyring.SubjectID(raw))
	if err != nil || p == nil {
		return "", err
	}
	return p.name, nil
}

// AskAgain goes on with a permission whose time has come: it queues the second
// mail, and later, where nobody confirmed, forgets all of it. Of a parent who was
// not known before nothing is left then.
func (db *DB) AskAgain(ctx context.Context, id string) error {
	err := db.write(ctx, func(t *tx) error {
		p, r, err := t.request(id)
		switch {
		case err != nil:
			return err
		case r.Kind != request.Permission || r.State != request.Waiting || t.now.Before(r.Acts):
			return fault.New(fault.Conflict, "its time has not come")
		case !t.now.Before(r.Until):
			return t.forgetPermission(p, r)
		}
		l := letter.Letter{Kind: letter.Again, To: addressOf(p.name), Language: r.Demand.Language, Path: "/p/" + t.db.parentToken(p.id, r.ID), Until: r.Until}
		if err := t.postFor(l); err != nil {
			return err
		}
		r = r.Stepped("asked_again", 0, t.now)
		r.Acts = r.Until
		return t.saveRequest(p, r)
	})
	if err != nil {
		return fmt.Errorf("asking a parent again: %w", err)
	}
	return nil
}

// forgetPermission deletes a permission that never counted, and the parent where
// nothing else is known of them.
func (t *tx) forgetPermission(p *person, r request.Request) error {
	u := uuid.MustParse(r.ID)
	shard, n := whereIs(u)
	if err := t.exec(`DELETE FROM request WHERE shard_id = ? AND n = ?`, shard, n); err != nil {
		return err
	}
	if err := t.exec(shredLater, int(p.id.Bucket()), millis(t.now), -millis(t.now)); err != nil {
		return err
	}
	var more bool
	if _, err := t.row(`SELECT EXISTS (SELECT 1 FROM request WHERE shard_id = ? AND subject_id = ?)`, []any{p.id.Shard(), p.id[:]}, &more); err != nil {
		return err
	}
	if more || len(p.states) > 0 || p.facts.stored() != "" || p.seq > 1 {
		return nil
	}
	p.place = t.db.placeOf(p.name)
	return t.remove(p)
}

// Permit takes the second step: the parent's permission stands from its return
// on, and every yes it gives. With the first permission every other yes of the child
// ends: it was not a parent's. For an address that was merely typed, and is not known
// to be a child's, nothing ends, and a yes only waits for its mailbox. One that was
// not signed, or whose time is over, is fault.Conflict. After a crash it is gone on
// with (Permitted).
func (db *DB) Permit(ctx context.Context, id string) (Recorded, error) {
	var done *appended
	err := db.write(ctx, func(t *tx) error { return t.permit(id, &done) })
	if err == nil {
		err = db.Permitted(ctx, id)
	}
	if err != nil {
		return Recorded{}, fmt.Errorf("confirming a permission: %w", err)
	}
	return Recorded{db: db, appended: []*appended{done}, ids: []string{done.id.String()}}, nil
}

func (t *tx) permit(id string, done **appended) error {
	child, err := t.lockPermission(id)
	if err != nil {
		return err
	}
	p, r, err := t.request(id)
	if err != nil {
		return err
	}
	if r.Kind != request.Permission || r.State != request.Waiting || t.now.Before(r.At.Add(request.SecondAfter)) || !t.now.Before(r.Until) || child == "" {
		return errOverPermission
	}
	c, err := t.someone(child)
	if err != nil {
		return err
	}
	if r.Demand.Permit.Proved || c.facts.Child {
		err = t.permitted(c, r)
	} else if c.fresh { // anyone can type an address: it stays suppressed, and lapses where nobody confirms
		if err = t.notErased(joined{first: c, second: c}); err == nil {
			err = t.exec(insertUnconfirmed, c.id.Shard(), c.id[:], millis(t.known.inForce().Policy.Confirm.Within.After(t.now)))
		}
	}
	if fault.KindOf(err) == fault.Conflict {
		return errOverPermission
	}
	if err != nil {
		return err
	}
	if err := t.tellChild(c, r, receipt.DemandConfirmed); err != nil {
		return err
	}
	permit := *r.Demand.Permit
	permit.Child, permit.ChildID = "", hex.EncodeToString(c.id[:])
	r.Demand.Permit, r.State, r.Acts = &permit, request.Working, t.now
	if *done, err = t.record(p, &r, receipt.DemandConfirmed, BySubject, t.known.inForce().ID); err != nil {
		return err
	}
	return t.saveRequest(p, r)
}

// permitted writes down that a parent permitted something for a child. With the first
// permission it ends what the child itself said yes to: here, where others that come
// at the same moment see it.
func (t *tx) permitted(c *person, r request.Request) error {
	first := !c.facts.Child || len(c.facts.Permits) == 0
	if r.Demand.Permit.Proved || c.facts.Grown.IsZero() {
		t.until(c, r.Demand.Permit)
	}
	t.below(c, append(slices.Clone(c.facts.Permits), r.ID))
	if err := t.belowWith(c); err != nil || !first {
		return err
	}
	others, err := t.db.others(t.row, c.links)
	if err != nil {
		return err
	}
	b, gives := t.batch(), givenBy(r)
	var ended []*appended
	for _, key := range ending(c.states, func(k consent.Key) bool { return !gives[k] }) {
		a, err := b.append(c, b.takenByParent(c, key))
		if err != nil {
			return err
		}
		ended = append(ended, a)
	}
	if err := b.spread(ended, others); err != nil {
		return err
	}
	return t.saveBatch(b)
}

// givenBy gives what a permission gives.
func givenBy(r request.Request) map[consent.Key]bool {
	gives := map[consent.Key]bool{}
	for _, c := range (Signed{Purposes: r.Demand.Purposes, Recipients: r.Demand.Permit.Recipients}).choices() {
		gives[consent.Key{Purpose: c.Purpose, Recipient: c.Recipient}] = true
	}
	return gives
}

var errOverPermission = fault.New(fault.Conflict, "there is nothing to confirm")

// lockPermission locks the shards of a parent and a child, and gives the child.
func (t *tx) lockPermission(id string) (subject.ID, error) {
	r, owner, err := t.db.requestBy(t.row, id)
	if err != nil {
		return "", err
	}
	if r.Kind != request.Permission {
		return "", errNoRequest
	}
	child, err := t.db.childOf(r, func(id keyring.SubjectID) (*person, error) { return t.db.byID(t.row, id) })
	if err != nil {
		return "", err
	}
	ids := []subject.ID{owner}
	if child != "" {
		ids = append(ids, child)
	}
	return child, t.lockPerson(ids...)
}

// tellChild enters into a child's own events that a parent permitted, or took it back.
func (t *tx) tellChild(c *person, r request.Request, step receipt.DemandStep) error {
	_, err := t.note(c, "request."+string(step), func(eventID string) (receipt.Parts, error) {
		return receipt.MakeDemand(eventID, receipt.Demand{Time: receipt.Stamp(t.now), By: "parent", Policy: r.Demand.Permit.Policy, Request: r.ID, Kind: string(r.Kind), Step: step,
			Purposes: slices.Sorted(slices.Values(r.Demand.Purposes)), Recipients: r.Demand.Permit.Recipients}, c.name)
	})
	return err
}

// Permitted writes the yeses of a permission that was confirmed.
func (db *DB) Permitted(ctx context.Context, id string) error {
	r, _, err := db.RequestAny(ctx, id)
	if err != nil || r.Kind != request.Permission || r.State != request.Working {
		return err
	}
	child, err := db.ChildOf(ctx, r)
	if err != nil {
		return err
	}
	if child != "" {
		if err := db.giveFor(ctx, child, r); err != nil && fault.KindOf(err) != fault.Unknown { // erased in between
			return err
		}
	}
	_, _, err = db.move(ctx, "ending a permission's second step", id, BySubject, func(t *tx, _ *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		if r.State != request.Working {
			return r, "", errOverPermission
		}
		r = r.Stepped("permitted", int64(len(r.Demand.Purposes)), t.now)
		r.State, r.Ended, r.Acts = request.Done, t.now, time.Time{}
		return r, "", nil
	})
	if fault.KindOf(err) == fault.Conflict { // another server was sooner
		return nil
	}
	return err
}

func (db *DB) giveFor(ctx context.Context, child subject.ID, r request.Request) error {
	permit := r.Demand.Permit
	given := Signed{Purposes: r.Demand.Purposes, Recipients: permit.Recipients}.choices()
	_, err := db.append(ctx, &recording{id: child, existing: true, make: func(b *batch, p *person) (events []consent.Event, err error) {
		for _, c := range given {
			events = append(events, consent.Event{Act: consent.ActGiven, Purpose: c.Purpose, Recipient: c.Recipient, Policy: permit.Policy, Language: r.Demand.Language, Surface: consent.SurfaceParent, Shown: true})
		}
		switch permitted := slices.Contains(p.facts.Permits, r.ID); {
		case !permitted && (permit.Proved || p.facts.Child):
			return nil, nil // taken back in between
		case !permitted:
			if now, _, err := db.RequestAny(ctx, r.ID); err != nil || now.State != request.Working {
				return nil, err
			}
			purposes := b.known.version(permit.Policy).Policy.Purposes
			return slices.DeleteFunc(events, func(e consent.Event) bool { return !purposes[e.Purpose].Double() }), nil
		}
		return events, nil
	}})
	return err
}

// takenByParent is the event by which a parent's word ends a yes that stands or waits.
func (b *batch) takenByParent(p *person, key consent.Key) consent.Event {
	y := p.states[key].Ended()
	e := consent.Event{Act: consent.ActWithdrawn, Purpose: key.Purpose, Recipient: key.Recipient, Policy: b.known.answering(key, y.Policy), Language: y.Language, Surface: consent.SurfaceParent}
	if v := b.known.byID[e.Policy]; v != nil && !slices.Contains(v.Policy.Languages, e.Language) {
		e.Language = v.Policy.Master()
	}
	return e
}
