package table

import (
	"slices"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
)

// plan is the rules made ready for questions: each purpose in force with a
// column of its own in every row, and one for each recipient of it that needs
// its own permission. A plan is never changed.
type plan struct {
	version  *policy.Version // in force; nil for none
	purposes map[string]*purpose
	named    lexicon[purpose]       // the same
	data     map[string]policy.Data // declared in the policy in force
	columns  []column
	at       map[answered]int // the column of a key
}

// answered is a key by its symbols; recipient is one more than the recipient's, or 0.
type answered struct{ purpose, recipient uint32 }

// column is what a row judges: a purpose, or the permission of one recipient of it.
type column struct {
	*purpose
	recipient uint32 // symbol + 1; 0: the purpose itself
}

// purpose is one in force.
type purpose struct {
	symbol     uint32
	number     int      // among the purposes in force
	at         int      // its column
	basis      bool     // rests on something else than consent
	law        bool     // is commanded by law
	contract   bool     // rests on a contract
	marketing  bool     // an objection always stands
	heeds      bool     // a signal speaks against it
	forbidden  bool     // by a regime
	acts       []uint32 // symbols of the kinds it acts on
	scope      policy.Scope
	data       map[string]int     // by name, the place in a cover's data
	recipients lexicon[recipient] // that the purpose names
}

// recipient is one that a purpose names.
type recipient struct {
	way    way
	inside int // its place in a cover's recipients; -1 where it is no part of the purpose's scope
	own    int // the column of its own permission
	halted bool
}

// way says how a recipient may get data.
type way uint8

const (
	wayNone way = iota // nobody else is asked for
	wayOpen            // with the purpose
	wayOwn             // by its own permission
	wayShut            // not at all
)

// newPlan makes rules ready. Names become numbers in s.
func newPlan(r Rules, s *symbols) *plan {
	p := &plan{version: r.Policy, purposes: map[string]*purpose{}, at: map[answered]int{}}
	if r.Policy != nil {
		p.data = r.Policy.Policy.Data
		for _, id := range sorted(r.Policy.Policy.Purposes) {
			p.add(r, s, id)
		}
	}
	p.named = newLexicon(p.purposes)
	for i, c := range p.columns {
		p.at[answered{c.symbol, c.recipient}] = i
	}
	return p
}

func (p *plan) add(r Rules, s *symbols, id string) {
	in := r.Policy.Policy.Purposes[id]
	u := &purpose{
		symbol: s.of(id), number: len(p.purposes), at: len(p.columns), basis: in.Basis != policy.Consent, law: in.Basis == policy.LegalObligation,
		contract: in.Basis == policy.Contract, marketing: slices.Contains(in.Marks, policy.Marketing), heeds: in.HeedsSignal(),
		forbidden: r.Forbidden != nil && r.Forbidden(id, in), acts: s.all(in.Acts()),
		data: map[string]int{},
	}
	u.scope, _ = r.Policy.ScopeOf(id)
	for i, d := range u.scope.Data {
		u.data[d] = i
	}
	p.purposes[id] = u
	p.columns = append(p.columns, column{purpose: u})
	recipients := map[string]*recipient{}
	for i, to := range u.scope.Recipients {
		declared, known := r.Policy.Policy.Recipients[to.ID]
		c := &recipient{way: wayOpen, inside: i, halted: r.Suspended[to.ID]}
		if to.Permission != policy.WithPurpose {
			c.inside = -1
		}
		switch {
		case !known:
			c.way = wayShut
		case declared.PermissionOf() == policy.Own:
			c.way, c.own = wayOwn, len(p.columns)
			p.columns = append(p.columns, column{u, s.of(to.ID) + 1})
		}
		recipients[to.ID] = c
	}
	u.recipients = newLexicon(recipients)
}

// The recipients that stand in no purpose.
var (
	nobody   = &recipient{way: wayNone, inside: -1}
	stranger = &recipient{way: wayShut, inside: -1}
)

func sorted[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// cover is what a yes to one version covers of a purpose in force.
type cover struct {
	any     bool   // the version has the purpose, and means by it what is meant now
	all     bool   // every category of its data
	data    []bool // by place in the scope in force
	insides []bool // recipients that are part of the purpose, likewise
}

// covers gives what a yes to a version covers; v may be nil.
func (u *purpose) covers(v *policy.Version) cover {
	if v == nil {
		return cover{}
	}
	yes, ok := v.ScopeOf(u.scope.Purpose)
	if !ok || yes.Meaning != u.scope.Meaning {
		return cover{}
	}
	c := cover{any: true, all: true, data: make([]bool, len(u.scope.Data)), insides: make([]bool, len(u.scope.Recipients))}
	for i, d := range u.scope.Data {
		c.data[i] = slices.Contains(yes.Data, d)
		c.all = c.all && c.data[i]
	}
	for i, r := range u.scope.Recipients {
		c.insides[i] = slices.Contains(yes.Recipients, policy.ScopeRecipient{ID: r.ID, Permission: policy.WithPurpose})
	}
	return c
}

// ask is a question that was understood by one plan.
type ask struct {
	*purpose
	fixed  code     // the answer whoever is asked about; codeNone: it depends
	names  []string // data by name, each one of the purpose's; nil: all of it
	places []int    // the same by place, where it was prepared
	to     *recipient
	gpc    bool
}

// understand is step 2 of the decision: everything that can be said of a
// question without knowing whom it is about.
func (p *plan) understand(q *decision.Question, a *ask) {
	u := p.named.find(q.Purpose)
	if u == nil {
		a.fixed = codeUnknownPurpose
		return
	}
	a.purpose, a.fixed, a.names, a.gpc, a.to = u, codeNone, q.Data, q.Signals.GPC, nobody
	if len(q.Data) > 0 {
		a.fixed = p.mayName(u, q.Data)
	}
	if q.Recipient != "" {
		if a.to = u.recipients.find(q.Recipient); a.to == nil {
			a.to = stranger
		}
	}
}

func (p *plan) mayName(u *purpose, data []string) code {
	for _, d := range data {
		if _, ok := p.data[d]; !ok {
			return codeUnknownData
		}
	}
	for _, d := range data {
		if _, ok := u.data[d]; !ok {
			return codeOutsideScope
		}
	}
	return codeNone
}

// prepare looks the places of a question's data up beforehand.
func (a *ask) prepare() {
	if a.fixed != codeNone {
		return
	}
	for _, d := range a.names {
		a.places = append(a.places, a.data[d])
	}
}

// covered is step 8. A permission covers data alone.
func (a *ask) covered(c *cover, permission bool) bool {
	if !c.any || !permission && a.to.inside >= 0 && !c.insides[a.to.inside] {
		return false
	}
	for _, i := range a.places {
		if !c.data[i] {
			return false
		}
	}
	if a.places != nil {
		return true
	}
	for _, d := range a.names {
		if !c.data[a.data[d]] {
			return false
		}
	}
	return len(a.names) > 0 || c.all
}
