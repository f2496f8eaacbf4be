package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// Ask is what a person demands.
type Ask struct {
	Subjects []subject.ID // whom it is about: the identifier it is asked by first, then the others that are proved
	Kind     request.Kind
	Demand   request.Demand
	By       ErasedBy // the person, or the company for them; "" = the person

	// Alone has an erasure take these identifiers alone, and none that are linked
	// with them: a phone number that may be another's by now speaks for no more.
	Alone bool
}

// maxOpen is how many requests of one person may be open at once.
const maxOpen = 20

// Ask begins a request and gives it with its receipt; what follows from it at
// once (a restriction, an objection) holds when it returns. A second erasure or
// download while one is under way is no new one, nor is a question, a complaint or
// a correction in the very words of one that is open: the first is given, without
// a receipt. A demand that the policy does not know is fault.Invalid at its
// field; of nobody who is known, an erasure is fault.Unknown.
func (db *DB) Ask(ctx context.Context, a Ask) (request.Request, Recorded, error) {
	var r request.Request
	var done *appended
	err := db.write(ctx, func(t *tx) (err error) {
		r, done, err = t.ask(a)
		return err
	})
	if err != nil {
		return r, Recorded{}, fmt.Errorf("taking a request: %w", err)
	}
	if done == nil {
		return r, Recorded{db: db}, nil
	}
	return r, Recorded{db: db, appended: []*appended{done}, ids: []string{done.id.String()}}, nil
}

func (t *tx) ask(a Ask) (r request.Request, done *appended, err error) {
	v := t.known.inForce()
	if v == nil {
		return r, nil, fault.New(fault.Conflict, "no policy is in force yet")
	}
	if a.Demand, err = request.CheckDemand(v.Policy, a.Kind, a.Demand, t.now); err != nil {
		return r, nil, err
	}
	if err := t.lockPerson(a.Subjects...); err != nil {
		return r, nil, err
	}
	if a.takesAll() {
		if a.Subjects, err = t.whole(a.Subjects); err != nil {
			return r, nil, err
		}
	}
	people, err := t.everyone(a.Subjects, a.Kind != request.Erasure)
	if err != nil {
		return r, nil, err
	}
	open, same, err := t.openOf(people, a)
	if err != nil {
		return r, nil, err
	}
	if same != nil {
		return *same, nil, nil
	}
	if open >= maxOpen {
		return r, nil, fault.New(fault.Conflict, "too many requests are open: wait until some are answered")
	}
	for _, p := range people[1:] {
		a.Demand.Linked = append(a.Demand.Linked, string(p.name))
	}
	r = request.New(a.Kind, a.Demand, v.Policy, t.now)
	if done, err = t.record(people[0], &r, receipt.DemandAsked, cmp.Or(a.By, BySubject), v.ID); err != nil {
		return r, nil, err
	}
	if err := t.follows(people, &r, v.Policy); err != nil {
		return r, nil, err
	}
	if err := t.tell(a.Subjects, &r); err != nil {
		return r, nil, err
	}
	if err := t.keepTicket(r); err != nil {
		return r, nil, err
	}
	return r, done, t.insertRequest(people[0], r)
}

// asked reports whether a request that is open is this demand already: a button
// that was pressed twice begins one clock.
func (a Ask) asked(open request.Request) bool {
	switch a.Kind {
	case request.Erasure, request.Portability:
		return open.Kind == a.Kind
	case request.Access, request.Complaint, request.Correction:
		return open.Kind == a.Kind && open.Demand.Text == a.Demand.Text && maps.Equal(open.Demand.Corrections, a.Demand.Corrections)
	}
	return false
}

// openOf counts the open requests of people, and gives the one that is this demand
// already. An erasure or a download is one that takes all of them: what was asked by a
// phone number alone is none of the person who has it.
func (t *tx) openOf(people []*person, a Ask) (open int, same *request.Request, err error) {
	for _, p := range people {
		list, err := t.requestsOf([]*person{p})
		if err != nil {
			return 0, nil, err
		}
		for _, r := range list {
			if r.State.Over() {
				continue
			}
			if open++; a.asked(r) && (a.Kind != request.Erasure && a.Kind != request.Portability || takes(r, p, people)) {
				return open, &r, nil
			}
		}
	}
	return open, nil, nil
}

// takes reports whether a request of somebody is about all of some people.
func takes(r request.Request, owner *person, people []*person) bool {
	about := append(linked(r), owner.name)
	return !slices.ContainsFunc(people, func(p *person) bool { return !slices.Contains(about, p.name) })
}

// takesAll reports whether a demand is about all identifiers of the person: what
// holds for one holds for each that is linked with it.
func (a Ask) takesAll() bool {
	switch a.Kind {
	case request.Erasure:
		return !a.Alone
	case request.Restriction, request.Objection:
		return true
	}
	return false
}

// everyone finds the people of identifiers, each once; their shards are locked.
// With begin one who is not known begins; else they are left out, and nobody at
// all is fault.Unknown.
func (t *tx) everyone(ids []subject.ID, begin bool) ([]*person, error) {
	var people []*person
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		p, err := t.db.lookup(t.row, id)
		if err == nil && p == nil && begin {
			p, err = t.someone(id)
			begin = false // the first alone: nothing has to be kept about the others
		}
		if err != nil {
			return nil, err
		}
		if p != nil {
			people = append(people, p)
		}
		begin = begin && p == nil
	}
	if len(people) == 0 {
		return nil, fault.New(fault.Unknown, "nobody is known by this identifier")
	}
	return people, nil
}

// follows does what a request brings about the moment it is asked.
func (t *tx) follows(people []*person, r *request.Request, p *policy.Policy) error {
	if r.Kind != request.Erasure && r.Kind != request.Restriction && r.Kind != request.Objection {
		return nil
	}
	for _, who := range people {
		switch r.Kind {
		case request.Objection:
			who.facts.Objected = maps.Clone(who.facts.Objected)
			for _, id := range r.Demand.Purposes {
				if _, stands := who.facts.Objected[id]; !stands {
					put(&who.facts.Objected, id, t.now)
				}
			}
		default:
			who.facts.restrict(r.ID, contracts(p), t.now)
		}
		if err := t.saveFacts(who); err != nil {
			return err
		}
		if err := t.announce(who); err != nil {
			return err
		}
	}
	if r.Kind == request.Erasure {
		*r = r.Stepped("restricted", int64(len(people)), t.now)
	}
	return nil
}

// tell writes to every address of a person who asks to be erased, so that
// nobody does it behind their back. The mail is in the transaction of the request.
func (t *tx) tell(ids []subject.ID, r *request.Request) error {
	if r.Kind != request.Erasure {
		return nil
	}
	n := int64(0)
	for _, id := range ids {
		to, isMail := strings.CutPrefix(string(id), subject.Email+":")
		if !isMail || !t.db.cfg.Mail {
			continue
		}
		if _, err := t.post(letter.Letter{Kind: letter.Erasing, To: to, Language: r.Demand.Language, Path: "/me/requests/" + r.ID, Until: r.Acts}); err != nil {
			return err
		}
		n++
	}
	if n == 0 { // there is nobody to tell, or no way
		r.Steps = slices.DeleteFunc(slices.Clone(r.Steps), func(s request.Step) bool { return s.Name == "told" })
		return nil
	}
	*r = r.Stepped("told", n, t.now)
	return nil
}

// contracts gives the purposes that a contract with the person rests on: they
// are named to whoever asks to be erased, and go on until it is done.
func contracts(p *policy.Policy) []string {
	var list []string
	for _, id := range slices.Sorted(maps.Keys(p.Purposes)) {
		if p.Purposes[id].Basis == policy.Contract {
			list = append(list, id)
		}
	}
	return list
}

// record appends the event of a step of a request, which gets its id from the
// first.
func (t *tx) record(p *person, r *request.Request, step receipt.DemandStep, by ErasedBy, v policy.VersionID) (*appended, error) {
	return t.note(p, "request."+string(step), func(eventID string) (receipt.Parts, error) {
		if r.ID == "" {
			r.ID = eventID
		}
		d := receipt.Demand{Time: receipt.Stamp(t.now), By: string(by), Policy: v, Request: r.ID, Kind: string(r.Kind), Step: step,
			Data: slices.Sorted(maps.Keys(r.Demand.Corrections)), Purposes: slices.Sorted(slices.Values(r.Demand.Purposes))}
		if r.Demand.Permit != nil {
			d.Recipients = r.Demand.Permit.Recipients
			if step == receipt.DemandAsked {
				d.Signature = r.Demand.Permit.Signature
			}
		}
		if !r.Due.IsZero() {
			d.Due = receipt.Stamp(r.Due)
		}
		return receipt.MakeDemand(eventID, d, p.name)
	})
}

// sealedRequest is what of a request lies sealed.
type sealedRequest struct {
	By     string         `json:"by,omitempty"`
	Ended  int64          `json:"ended,omitempty"`
	Until  int64          `json:"until,omitempty"`
	Steps  []request.Step `json:"steps"`
	Demand request.Demand `json:"demand"`
	Answer string         `json:"answer,omitempty"`
}

func requestContext(id keyring.SubjectID, requestID uuid.UUID) []byte {
	return append(append([]byte("amana/request/v1/"), id[:]...), requestID[:]...)
}

func sealRequest(p *person, r request.Request) ([]byte, error) {
	raw, err := json.Marshal(sealedRequest{r.By, moment(r.Ended), moment(r.Until), r.Steps, r.Demand, r.Answer})
	if err != nil {
		return nil, fmt.Errorf("sealing a request: %w", err)
	}
	return keyring.Seal(p.keys.Data, requestContext(p.id, uuid.MustParse(r.ID)), raw), nil
}

func (t *tx) insertRequest(p *person, r request.Request) error {
	sealed, err := sealRequest(p, r)
	if err != nil {
		return err
	}
	id := uuid.MustParse(r.ID)
	shard, n := whereIs(id)
	return t.exec(`INSERT INTO request (shard_id, n, request_id, subject_id, kind, state, at, due, acts, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		shard, n, id[:], p.id[:], string(r.Kind), string(r.State), millis(r.At), moment(r.Due), moment(r.Acts), sealed)
}

func (t *tx) saveRequest(p *person, r request.Request) error {
	sealed, err := sealRequest(p, r)
	if err != nil {
		return err
	}
	shard, n := whereIs(uuid.MustParse(r.ID))
	return t.exec(`UPDATE request SET state = ?, due = ?, acts = ?, sealed = ? WHERE shard_id = ? AND n = ?`, string(r.State), moment(r.Due), moment(r.Acts), sealed, shard, n)
}

// requestRow is a row of request as it is read.
type requestRow struct {
	id, subject, sealed []byte
	kind, state         string
	at, due, acts       int64
}

const requestColumns = `r.request_id, r.subject_id, r.kind, r.state, r.at, r.due, r.acts, r.sealed`

func (r *requestRow) into() []any {
	return []any{&r.id, &r.subject, &r.kind, &r.state, &r.at, &r.due, &r.acts, &r.sealed}
}

// open opens a row of a person whose keys are open.
func (r *requestRow) open(p *person) (out request.Request, err error) {
	if len(r.id) != len(uuid.UUID{}) {
		return out, fmt.Errorf("a request's id has %d bytes", len(r.id))
	}
	id := uuid.UUID(r.id)
	raw, err := keyring.Unseal(p.keys.Data, requestContext(p.id, id), r.sealed)
	if err != nil {
		return out, fmt.Errorf("opening a request: %w", err)
	}
	var s sealedRequest
	if err := json.Unmarshal(raw, &s); err != nil {
		return out, fmt.Errorf("reading a request: %w", err)
	}
	return request.Request{ID: id.String(), Kind: request.Kind(r.kind), State: request.State(r.state), At: fromMillis(r.at), Due: fromMoment(r.due), Acts: fromMoment(r.acts),
		By: s.By, Ended: fromMoment(s.Ended), Until: fromMoment(s.Until), Steps: s.Steps, Demand: s.Demand, Answer: s.Answer}, nil
}

// requestsOf gives the requests of people, the newest first.
func (t *tx) requestsOf(people []*person) ([]request.Request, error) {
	return requestsIn(t.rows, people)
}

func requestsIn(rows rowsFunc, people []*person) ([]request.Request, error) {
	var out []request.Request
	for _, p := range people {
		if p.fresh {
			continue
		}
		list, err := rows(`SELECT `+requestColumns+` FROM request r WHERE r.shard_id = ? AND r.subject_id = ?`, p.id.Shard(), p.id[:])
		if err != nil {
			return nil, err
		}
		for list.Next() {
			var row requestRow
			err = list.Scan(row.into()...)
			var r request.Request
			if err == nil {
				r, err = row.open(p)
			}
			if err != nil {
				list.Close()
				return nil, err
			}
			out = append(out, r)
		}
		if err := list.Err(); err != nil {
			return nil, err
		}
		list.Close()
	}
	slices.SortFunc(out, func(a, b request.Request) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) })
	return out, nil
}

// Requests gives the requests of a person, by all their identifiers, the newest
// first.
func (db *DB) Requests(ctx context.Context, ids ...subject.ID) ([]request.Request, error) {
	people, err := db.knownOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("reading requests: %w", err)
	}
	list, err := requestsIn(db.readRows(ctx), people)
	if err != nil {
		return nil, fmt.Errorf("reading requests: %w", err)
	}
	return list, nil
}

// knownOf gives the people of identifiers that are known.
func (db *DB) knownOf(ctx context.Context, ids []subject.ID) ([]*person, error) {
	var people []*person
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		p, err := db.lookup(db.reader(ctx), id)
		if err != nil {
			return nil, err
		}
		if p != nil {
			people = append(people, p)
		}
	}
	return people, nil
}

// Facts gives what holds for an identifier beside its answers.
func (db *DB) Facts(ctx context.Context, id subject.ID) (Facts, error) {
	s, err := db.standing(ctx, id)
	return s.facts, err
}
