package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// rowsFunc runs a query that gives rows.
type rowsFunc func(query string, args ...any) (*selected, error)

// selected are rows that are read. An error of the database itself is said as
// one: whoever asks may try again.
type selected struct{ *sql.Rows }

// Err gives the error that ended the rows early.
func (s *selected) Err() error { return reading(s.Rows.Err()) }

// selecting gives the rows of a query.
func selecting(rows *sql.Rows, err error) (*selected, error) { return &selected{rows}, reading(err) }

// reading tells the database's own trouble from what is wrong with a question.
func reading(err error) error {
	if outside(err) {
		return unavailable("reading", err)
	}
	return err
}

func (db *DB) readRows(ctx context.Context) rowsFunc {
	return func(query string, args ...any) (*selected, error) {
		return selecting(db.reads.QueryContext(ctx, db.d.sql(query), args...))
	}
}

// storedState is a state as it stands in a subject's row: short names, times
// in milliseconds, 0 for none.
type storedState struct {
	Purpose   string         `json:"p"`
	Recipient string         `json:"r,omitempty"`
	Status    consent.Status `json:"s,omitempty"`
	Since     int64          `json:"t,omitempty"`
	Event     string         `json:"e,omitempty"`
	Yes       *storedYes     `json:"y,omitempty"`
	Pending   *storedYes     `json:"w,omitempty"`
	No        int64          `json:"n,omitempty"`
	Paused    *storedYes     `json:"z,omitempty"`
	Resumes   int64          `json:"u,omitempty"`
}

type storedYes struct {
	Event    string           `json:"e"`
	Policy   policy.VersionID `json:"p"`
	Meaning  string           `json:"m,omitempty"`
	Language string           `json:"l,omitempty"`
	Since    int64            `json:"t"`
	Until    int64            `json:"u"`
	Topics   []string         `json:"o,omitempty"`
	Often    string           `json:"f,omitempty"`
	GPC      bool             `json:"g,omitempty"`
	Shown    bool             `json:"s,omitempty"`
	Attested bool             `json:"a,omitempty"`
	Evidence string           `json:"v,omitempty"`
	Said     int64            `json:"d,omitempty"`
}

// marshalStates gives the one form in which states are stored: the JSON of
// storedState, written out because every answer passes here.
func marshalStates(states map[consent.Key]consent.State) []byte {
	var few [4]consent.Key
	keys := slices.AppendSeq(few[:0], maps.Keys(states))
	slices.SortFunc(keys, func(a, b consent.Key) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Recipient, b.Recipient))
	})
	w := make(stateWriter, 0, 2+400*len(keys))
	w = append(w, '[')
	for i, k := range keys {
		if i > 0 {
			w = append(w, ',')
		}
		w = w.state(k, states[k])
	}
	return append(w, ']')
}

// stateWriter appends what encoding/json writes of a storedState.
type stateWriter []byte

func (w stateWriter) state(k consent.Key, s consent.State) stateWriter {
	w = w.text(`{"p":`, k.Purpose)
	w = w.given(`,"r":`, k.Recipient).given(`,"s":`, string(s.Status)).time(`,"t":`, s.Since).given(`,"e":`, s.Event)
	w = w.yes(`,"y":`, s.Yes).yes(`,"w":`, s.Pending).time(`,"n":`, s.No).yes(`,"z":`, s.Paused).time(`,"u":`, s.Resumes)
	return append(w, '}')
}

func (w stateWriter) yes(name string, y *consent.Yes) stateWriter {
	if y == nil {
		return w
	}
	w = append(w, name...).text(`{"e":`, y.Event).text(`,"p":`, string(y.Policy)).given(`,"m":`, y.Meaning).given(`,"l":`, y.Language)
	w = w.number(`,"t":`, moment(y.Since)).number(`,"u":`, moment(y.Until))
	for i, topic := range y.Topics {
		if i == 0 {
			w = append(w, `,"o":[`...)
		}
		w = w.text("", topic)
		if i < len(y.Topics)-1 {
			w = append(w, ',')
		} else {
			w = append(w, ']')
		}
	}
	w = w.given(`,"f":`, y.Often).truth(`,"g":true`, y.Signals.GPC).truth(`,"s":true`, y.Shown).truth(`,"a":true`, y.Attested)
	w = w.given(`,"v":`, y.Evidence).time(`,"d":`, y.Said)
	return append(w, '}')
}

// text writes a member, given one that is not empty.
func (w stateWriter) text(name, s string) stateWriter {
	w = append(w, name...)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			raw, err := json.Marshal(s)
			if err != nil {
				panic("store: states: " + err.Error()) // no text has an error
			}
			return append(w, raw...)
		}
	}
	return append(append(append(w, '"'), s...), '"')
}

func (w stateWriter) given(name, s string) stateWriter {
	if s == "" {
		return w
	}
	return w.text(name, s)
}

func (w stateWriter) number(name string, n int64) stateWriter {
	return strconv.AppendInt(append(w, name...), n, 10)
}

func (w stateWriter) time(name string, t time.Time) stateWriter {
	if n := moment(t); n != 0 {
		return w.number(name, n)
	}
	return w
}

func (w stateWriter) truth(member string, is bool) stateWriter {
	if is {
		return append(w, member...)
	}
	return w
}

func unmarshalStates(raw []byte) (map[consent.Key]consent.State, error) {
	var list []storedState
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("reading states: %w", err)
	}
	out := make(map[consent.Key]consent.State, len(list))
	for _, s := range list {
		out[consent.Key{Purpose: s.Purpose, Recipient: s.Recipient}] = consent.State{Status: s.Status, Since: fromMoment(s.Since), Event: s.Event,
			Yes: s.Yes.yes(), Pending: s.Pending.yes(), No: fromMoment(s.No), Paused: s.Paused.yes(), Resumes: fromMoment(s.Resumes)}
	}
	return out, nil
}

func (y *storedYes) yes() *consent.Yes {
	if y == nil {
		return nil
	}
	return &consent.Yes{Event: y.Event, Policy: y.Policy, Meaning: y.Meaning, Language: y.Language, Since: fromMoment(y.Since), Until: fromMoment(y.Until),
		Topics: y.Topics, Often: y.Often, Signals: consent.Signals{GPC: y.GPC}, Shown: y.Shown, Attested: y.Attested, Evidence: y.Evidence, Said: fromMoment(y.Said)}
}

// moment is a time that may be none.
func moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t)
}

func fromMoment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return fromMillis(ms)
}

// States gives the states of a subject; none where nobody is known by the identifier.
func (db *DB) States(ctx context.Context, id subject.ID) (map[consent.Key]consent.State, error) {
	s, err := db.standing(ctx, id)
	if s.states == nil {
		s.states = map[consent.Key]consent.State{}
	}
	return s.states, err
}

// standing is how it stands with an identifier.
type standing struct {
	known  bool
	erased bool // and not known since
	states map[consent.Key]consent.State
	facts  Facts
	links  links
}

// standing reads in one look at the database how it stands with an identifier.
// Every version published by then is known here afterwards. Whom no key opens was
// erased: the database is an older copy.
func (db *DB) standing(ctx context.Context, id subject.ID) (standing, error) {
	s, err := db.look(ctx, id)
	if errors.Is(err, keyring.ErrNoKey) { // keys were changed since the row was read
		s, err = db.look(ctx, id)
	}
	if errors.Is(err, keyring.ErrNoKey) {
		return standing{erased: true}, nil
	}
	return s, err
}

// look is standing; keyring.ErrNoKey where the key of a bucket is another than
// that of the row.
func (db *DB) look(ctx context.Context, id subject.ID) (s standing, err error) {
	var raw []byte
	inHex := func(column string) string { return `hex(s.` + column + `)` }
	if db.d == postgresDialect {
		inHex = func(column string) string { return `encode(s.` + column + `, 'hex')` }
	}
	row := inHex("subject_id") + ` || ` + inHex("data_key") + ` || ` + inHex("evidence_key") + ` || '|' || s.links || '|' || s.facts || '|' || s.states`
	var published int64
	_, _, err = db.seek(id, func(at place) (bool, error) {
		condition, args := at.where()
		_, err := db.reader(ctx)(`SELECT
			(SELECT `+row+` FROM identifier i JOIN subject s ON s.shard_id = i.shard_id AND s.subject_id = i.subject_id WHERE `+condition+`),
			EXISTS (SELECT 1 FROM suppression WHERE shard_id = ? AND tag = ?),
			(SELECT coalesce(max(seq), 0) FROM publication)`, append(args, at.shard, db.suppressionTag(id)), &raw, &s.erased, &published)
		return raw != nil, err
	})
	if err != nil {
		return standing{}, err
	}
	if _, err := db.follow(ctx, published); err != nil || raw == nil {
		return s, err
	}
	parts := strings.SplitN(string(raw), "|", 4)
	if len(parts) != 4 {
		return standing{}, errors.New("a subject's row is not whole")
	}
	if err := db.opens(parts[0]); err != nil {
		return standing{}, err
	}
	if s.links, err = unmarshalLinks(parts[1]); err == nil {
		s.facts, err = unmarshalFacts(parts[2])
	}
	if err == nil {
		s.states, err = unmarshalStates([]byte(parts[3]))
	}
	s.known = err == nil
	return s, err
}

// worldOf gives the world of an identifier, with the rules that hold after what is
// known of it was read.
func (db *DB) worldOf(ctx context.Context, id subject.ID) (decision.World, error) {
	s, err := db.standing(ctx, id)
	if err != nil {
		return decision.World{}, fmt.Errorf("reading what a subject said: %w", err)
	}
	w := db.world(db.InForce())
	if !s.known {
		w.Person.Erased = s.erased
		return w, nil
	}
	p := &person{name: id, states: s.states, facts: s.facts, links: s.links}
	return w, db.about(&w, p, db.reader(ctx))
}

// opens holds that the keyring opens a subject, from its id and its two wrapped
// keys in hexadecimal, one behind the other.
func (db *DB) opens(keys string) error {
	raw, err := hex.DecodeString(keys)
	var p person
	if half := (len(raw) - len(p.id)) / 2; err == nil && half > 0 {
		copy(p.id[:], raw)
		p.wrapped = keyring.Wrapped{Data: raw[len(p.id):][:half], Evidence: raw[len(p.id)+half:]}
	}
	return p.open(db.cfg.Ring)
}

// Decide answers a question about a subject from what is durable now.
func (db *DB) Decide(ctx context.Context, id subject.ID, q decision.Question) (decision.Answer, error) {
	w, err := db.worldOf(ctx, id)
	if err != nil {
		return decision.Answer{}, err
	}
	if w.Policy == nil {
		return decision.Answer{}, fault.New(fault.Conflict, "no policy is in force yet")
	}
	return decision.Decide(w, q, db.now()), nil
}

// DecideBy is Decide, and says by which policy.
func (db *DB) DecideBy(ctx context.Context, id subject.ID, q decision.Question) (decision.Answer, policy.VersionID, error) {
	for {
		before := db.InForce()
		a, err := db.Decide(ctx, id, q)
		if err != nil {
			return a, "", err
		}
		if db.InForce() == before { // no other policy came into force meanwhile
			return a, before.ID, nil
		}
	}
}
