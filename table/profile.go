package table

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
)

// Profile is all that the answers about one identifier depend on besides the
// rules and the time, without the times themselves: it tells how far apart the
// ends of its yeses lie, not when they are. So people who answered alike have
// equal profiles, whenever they did. A Profile is never changed once made.
type Profile struct {
	Known      bool   // the identifier is known
	Kind       string // of the identifier, where it is known
	Erased     bool
	Restricted bool
	Child      bool // below age, and no parent's permission stands
	GPC        bool // a signal is known of the person

	Named     []string // sorted: contract purposes named beforehand
	Objected  []string // sorted: purposes objected to
	Overruled []string // sorted: those of them that were overruled

	Answers []Answers // sorted by key; nothing was said of a key that is missing
	Terms   []Term
	Anchors int // how many times go with it
}

// Answers is what the identifiers of the person come to for one key.
type Answers struct {
	Key    consent.Key
	Voices []Voice
}

// Role says whose voice it is.
type Role uint8

// The roles.
const (
	Nobody Role = iota // that of one who said nothing, heard where no other may speak
	Asked              // the identifier itself
	Linked             // another one of the same person
)

// Voice is one identifier's answer after the noes of the others reached it.
// Policy, GPC and Term are those of a yes, else zero.
type Voice struct {
	Role   Role
	Kind   string // of a linked identifier
	Status consent.Status
	Policy policy.VersionID
	GPC    bool // said while the signal was shown
	Term   int  // when it ends, among the profile's Terms
}

// Term is when a yes ends, counted from one of the times that go with the
// profile: its keeping time after it, by the calendar, and Offset more.
type Term struct {
	Anchor int
	Keep   policy.Duration
	Offset time.Duration
}

// ProfileOf gives the profile that a world without its rules comes to, and the
// times that go with it, in Unix milliseconds. Of the world the person's facts,
// the identifier, those linked with it and the keeping times of versions are
// read; the profile holds under any rules.
func ProfileOf(w decision.World) (Profile, []int64) {
	p := Profile{
		Known: w.Subject != nil, Erased: w.Person.Erased, Restricted: w.Person.Restricted,
		Child: w.Person.BelowAge && !w.Person.ParentVerified, GPC: w.Person.GPC,
		Named: names(w.Person.Named), Objected: names(w.Person.Objected), Overruled: names(w.Person.Overruled),
	}
	if p.Known {
		p.Kind = w.Subject.Kind
	}
	p.Overruled = slices.DeleteFunc(p.Overruled, func(s string) bool { return !w.Person.Objected[s] })
	var clock terms
	for _, key := range keys(w) {
		if voices := voicesOf(w, key); len(voices) > 0 {
			p.Answers = append(p.Answers, Answers{key, clock.set(voices)})
		}
	}
	p.Terms, p.Anchors = clock.terms, len(clock.anchors)
	return p, clock.anchors
}

func names(set map[string]bool) []string {
	var list []string
	for s, in := range set {
		if in {
			list = append(list, s)
		}
	}
	slices.Sort(list)
	return list
}

// keys gives the keys of which anything was said, in order.
func keys(w decision.World) []consent.Key {
	seen := map[consent.Key]bool{}
	if w.Subject != nil {
		for k := range w.Subject.States {
			seen[k] = true
		}
	}
	for _, s := range w.Linked {
		for k := range s.States {
			seen[k] = true
		}
	}
	list := make([]consent.Key, 0, len(seen))
	for k := range seen {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b consent.Key) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Recipient, b.Recipient))
	})
	return list
}

// timed is a voice and, where it is a yes, when that ends.
type timed struct {
	Voice
	until int64           // Unix nanoseconds
	since int64           // likewise
	keep  policy.Duration // from since to until; the zero value where it is not so
}

// voicesOf gives the voices for a key, in an order that tells nothing, each
// once; none where all of them say what they would say of a key that is
// missing. Of a permission only whether it was given counts.
func voicesOf(w decision.World, key consent.Key) []timed {
	var list []timed
	told := false
	voices := w.Voices(key)
	for i, v := range voices {
		t := voiceOf(w, v, key)
		if i < len(voices)-1 && !v.Asked {
			t.Role, t.Kind = Linked, v.Kind
		}
		told = told || t.Status != consent.NotAsked
		if t.Status != consent.NotAsked || t.Role == Linked {
			list = append(list, t)
		}
	}
	if !told {
		return nil
	}
	slices.SortFunc(list, func(a, b timed) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Status, b.Status),
			cmp.Compare(a.Policy, b.Policy), compareBool(a.GPC, b.GPC), cmp.Compare(a.until, b.until), cmp.Compare(a.since, b.since))
	})
	return slices.Compact(list)
}

func voiceOf(w decision.World, v decision.Voice, key consent.Key) timed {
	var t timed
	if v.Asked {
		t.Role = Asked
	}
	switch v.State.Status {
	case consent.StatusGiven:
		if yes := v.State.Yes; yes != nil {
			t.Status, t.Policy, t.GPC, t.until = consent.StatusGiven, yes.Policy, yes.Signals.GPC, nanos(yes.Until)
			t.keep = kept(w, key, yes)
			if t.keep != (policy.Duration{}) {
				t.since = nanos(yes.Since)
			}
		}
	case consent.StatusRefused, consent.StatusGone, consent.StatusPending:
		if key.Recipient == "" {
			t.Status = v.State.Status
		}
	}
	return t
}

// kept gives the keeping time that a yes showed, where that is what ends it.
func kept(w decision.World, key consent.Key, yes *consent.Yes) policy.Duration {
	if w.Version == nil || yes.Since.Unix() < 0 || yes.Until.Unix() > -earliest {
		return policy.Duration{}
	}
	v := w.Version(yes.Policy)
	if v == nil {
		return policy.Duration{}
	}
	keep := v.Policy.Purposes[key.Purpose].Keep
	if !keep.After(yes.Since).Equal(yes.Until) {
		return policy.Duration{}
	}
	return keep
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// terms gathers the ends of a profile's yeses. Answers of one moment share an
// anchor, whatever their keeping times; so do ends that lie whole days apart.
type terms struct {
	terms   []Term
	anchors []int64
}

// In Unix milliseconds: a day, and how far apart ends may lie that share an anchor.
const (
	day     = int64(24 * time.Hour / time.Millisecond)
	century = 100 * 365 * day
)

func (t *terms) set(voices []timed) []Voice {
	list := make([]Voice, len(voices))
	for i, v := range voices {
		list[i] = v.Voice
		if v.Status == consent.StatusGiven {
			list[i].Term = t.place(t.term(v))
		}
	}
	return list
}

func (t *terms) place(term Term) int {
	i := slices.Index(t.terms, term)
	if i < 0 {
		i = len(t.terms)
		t.terms = append(t.terms, term)
	}
	return i
}

func (t *terms) term(v timed) Term {
	if v.keep != (policy.Duration{}) {
		ms := floorDiv(v.since, int64(time.Millisecond))
		anchor := t.anchor(ms, func(a int64) bool { return a == ms })
		return Term{anchor, v.keep, time.Duration(v.since - ms*int64(time.Millisecond))}
	}
	ms := floorDiv(v.until, int64(time.Millisecond))
	anchor := t.anchor(ms, func(a int64) bool { return (ms-a)%day == 0 && max(ms-a, a-ms) < century })
	return Term{Anchor: anchor, Offset: time.Duration(v.until - t.anchors[anchor]*int64(time.Millisecond))}
}

// anchor gives the place of the first anchor that serves, or of ms as a new one.
func (t *terms) anchor(ms int64, serves func(int64) bool) int {
	i := slices.IndexFunc(t.anchors, serves)
	if i < 0 {
		i = len(t.anchors)
		t.anchors = append(t.anchors, ms)
	}
	return i
}

// end gives when a term ends, in Unix nanoseconds.
func (t Term) end(anchors []int64) int64 {
	if t.Keep == (policy.Duration{}) {
		return anchors[t.Anchor]*int64(time.Millisecond) + int64(t.Offset)
	}
	return nanos(t.Keep.After(time.UnixMilli(anchors[t.Anchor])).Add(t.Offset))
}

// between gives bounds of when a term ends, without the calendar.
func (t Term) between(anchors []int64) (least, most int64) {
	if t.Keep == (policy.Duration{}) {
		end := t.end(anchors)
		return end, end
	}
	const month, slack = 2_629_746, 4 * 86_400 // seconds: a mean one, and what a calendar may differ
	mean := anchors[t.Anchor]/1000 + int64(t.Keep.Months)*month + t.Keep.Seconds
	return bound(mean - slack), bound(mean + slack)
}

// bound gives seconds in nanoseconds.
func bound(seconds int64) int64 {
	return min(max(seconds, earliest), -earliest) * int64(time.Second)
}

// nanos gives a time in Unix nanoseconds; one before 1678 or after 2261 is the
// least or the greatest there is.
func nanos(t time.Time) int64 {
	switch sec := t.Unix(); {
	case sec < earliest:
		return earliest * int64(time.Second)
	case sec > -earliest:
		return math.MaxInt64
	}
	return t.UnixNano()
}

const earliest = -9_214_560_000 // 1678 in Unix seconds

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
