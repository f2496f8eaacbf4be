package main

import (
	"context"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"

	"github.com/cedar-policy/cedar-go"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// peer answers one question by name and number of a purpose.
type peer interface {
	ask(id string, purpose int) bool
}

var key = table.Key{3, 4}

// draws gives which person of the sample each identifier takes after.
func draws(s sample) func() int {
	r := rand.New(rand.NewPCG(9, 9))
	return func() int { return r.IntN(len(s.profiles)) }
}

// ours is the table; ready asks by questions made ready.
type ours struct{ *table.Table }

func newOurs(c *crowd, s sample, n int) ours {
	t := table.New(key, c.rules(), now)
	loaded(t, c, s, n).Swap()
	return ours{t}
}

// loaded gives a loader with n identifiers.
func loaded(t *table.Table, c *crowd, s sample, n int) *table.Loader {
	l := t.Loader(n, c.rules(), now)
	shapes := make([]table.Shape, len(s.profiles))
	for i, p := range s.profiles {
		shapes[i] = l.Shape(p)
	}
	draw, by := draws(s), rand.New(rand.NewPCG(10, 10))
	var times []int64
	for i := range n {
		k := draw()
		times = shifted(s.times[k], by.Int64N(24*3600*1000), times)
		l.Add(t.Tag(subject.ID(name(i))), shapes[k], times)
	}
	return l
}

func (t ours) ask(id string, purpose int) bool {
	return t.Decide(subject.ID(id), decision.Question{Purpose: purposes[purpose]}, now).Allowed
}

type ready struct{ questions []*table.Question }

func newReady(t ours) ready {
	var r ready
	for _, id := range purposes {
		r.questions = append(r.questions, t.Question(decision.Question{Purpose: id}))
	}
	return r
}

func (r ready) ask(id string, purpose int) bool {
	return r.questions[purpose].Decide(subject.ID(id), now).Allowed
}

// plain is open addressing with the whole tag as key: 24 bytes a slot.
type plain struct {
	slots    []plainSlot
	purposes map[string]int
}

type plainSlot struct{ hi, lo, reasons uint64 }

func newPlain(s sample, n int) *plain {
	t := &plain{slots: make([]plainSlot, n*5/4), purposes: map[string]int{}}
	for i, id := range purposes {
		t.purposes[id] = i
	}
	draw := draws(s)
	for i := range n {
		tag := key.Tag(subject.ID(name(i)))
		at := t.home(tag)
		for t.slots[at].reasons != 0 {
			at = (at + 1) % uint64(len(t.slots))
		}
		t.slots[at] = plainSlot{tag.Hi, tag.Lo, s.reasons[draw()]}
	}
	return t
}

func (t *plain) home(tag table.Tag) uint64 {
	at, _ := bits.Mul64(tag.Hi, uint64(len(t.slots)))
	return at
}

func (t *plain) ask(id string, purpose int) bool {
	p, ok := t.purposes[purposes[purpose]]
	if !ok {
		return false
	}
	tag := key.Tag(subject.ID(id))
	for at := t.home(tag); ; {
		s := &t.slots[at]
		if atomic.LoadUint64(&s.hi) == tag.Hi && atomic.LoadUint64(&s.lo) == tag.Lo {
			return atomic.LoadUint64(&s.reasons)>>(4*p)&1 == 1
		}
		if atomic.LoadUint64(&s.reasons) == 0 {
			return false
		}
		if at++; at == uint64(len(t.slots)) {
			at = 0
		}
	}
}

// goMap is Go's own map by the whole tag, behind a pointer that is swapped.
type goMap struct {
	m        atomic.Pointer[map[table.Tag]uint64]
	purposes map[string]int
}

func newGoMap(s sample, n int) *goMap {
	t := &goMap{purposes: map[string]int{}}
	for i, id := range purposes {
		t.purposes[id] = i
	}
	m := make(map[table.Tag]uint64, n)
	draw := draws(s)
	for i := range n {
		m[key.Tag(subject.ID(name(i)))] = s.reasons[draw()]
	}
	t.m.Store(&m)
	return t
}

func (t *goMap) ask(id string, purpose int) bool {
	p, ok := t.purposes[purposes[purpose]]
	return ok && (*t.m.Load())[key.Tag(subject.ID(id))]>>(4*p)&1 == 1
}

// cedarPeer is Cedar with a person's purposes as the parents of its entity, or
// as a set among its attributes.
type cedarPeer struct {
	policies *cedar.PolicySet
	entities cedar.EntityMap
	purposes []cedar.EntityUID
	action   cedar.EntityUID
}

func newCedar(s sample, n int, parents bool) *cedarPeer {
	text := `permit (principal, action == Action::"use", resource) when { principal.purposes.contains(resource) };`
	if parents {
		text = `permit (principal, action == Action::"use", resource) when { principal in resource };`
	}
	c := &cedarPeer{entities: cedar.EntityMap{}, action: cedar.NewEntityUID("Action", "use")}
	var err error
	c.policies, err = cedar.NewPolicySetFromBytes("p.cedar", []byte(text))
	must(err)
	for _, id := range purposes {
		c.purposes = append(c.purposes, cedar.NewEntityUID("Purpose", cedar.String(id)))
	}
	draw := draws(s)
	for i := range n {
		allowed := s.allowed[draw()]
		var uids []cedar.EntityUID
		var values []cedar.Value
		for p, uid := range c.purposes {
			if allowed>>p&1 == 1 {
				uids, values = append(uids, uid), append(values, uid)
			}
		}
		e := cedar.Entity{UID: cedar.NewEntityUID("Person", cedar.String(name(i)))}
		if parents {
			e.Parents = cedar.NewEntityUIDSet(uids...)
		} else {
			e.Attributes = cedar.NewRecord(cedar.RecordMap{"purposes": cedar.NewSet(values...)})
		}
		c.entities[e.UID] = e
	}
	return c
}

func (c *cedarPeer) ask(id string, purpose int) bool {
	d, _ := cedar.Authorize(c.policies, c.entities, cedar.Request{
		Principal: cedar.NewEntityUID("Person", cedar.String(id)), Action: c.action, Resource: c.purposes[purpose],
	})
	return bool(d)
}

// opaPeer is a prepared query of OPA over data in memory: of each person an
// object of purposes.
type opaPeer struct{ query rego.PreparedEvalQuery }

func newOPA(s sample, n int) *opaPeer {
	people := make(map[string]any, n)
	draw := draws(s)
	for i := range n {
		allowed, of := s.allowed[draw()], map[string]any{}
		for p, id := range purposes {
			if allowed>>p&1 == 1 {
				of[id] = true
			}
		}
		people[name(i)] = of
	}
	store := inmem.NewFromObjectWithOpts(map[string]any{"people": people}, inmem.OptRoundTripOnWrite(false))
	query, err := rego.New(
		rego.Query("data.amana.allow"), rego.Store(store),
		rego.Module("amana.rego", "package amana\n\ndefault allow := false\n\nallow if data.people[input.subject][input.purpose]\n"),
	).PrepareForEval(context.Background())
	must(err)
	return &opaPeer{query}
}

func (o *opaPeer) ask(id string, purpose int) bool {
	rs, err := o.query.Eval(context.Background(), rego.EvalInput(map[string]any{"subject": id, "purpose": purposes[purpose]}))
	must(err)
	return rs.Allowed()
}

// asked is a long row of questions, drawn uniformly, that lie in memory in the
// order in which they are asked.
type asked struct {
	ids     []string
	purpose []uint8
}

func ask(n, count int) asked {
	r := rand.New(rand.NewPCG(11, 11))
	length := len(name(0))
	raw := make([]byte, 0, count*length)
	a := asked{}
	for range count {
		raw = append(raw, name(r.IntN(n))...)
		a.purpose = append(a.purpose, uint8(r.IntN(len(purposes))))
	}
	all := unsafe.String(&raw[0], len(raw))
	for i := range count {
		a.ids = append(a.ids, all[i*length:(i+1)*length])
	}
	return a
}
