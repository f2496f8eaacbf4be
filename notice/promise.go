package notice

import (
	"html/template"
	"maps"
	"slices"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/regime"
)

// storage: N25, N26. The product's own cookies are among the items.
func (m maker) storage() []Part {
	t := &Table{Caption: m.w.T("storage.caption"), Head: []string{m.w.T("storage.name"), m.w.T("storage.why"), m.w.T("storage.purpose"), m.w.T("storage.who"), m.w.T("storage.life")}}
	t.Rows = m.ownCookies()
	for _, s := range m.p.Storage {
		t.Rows = append(t.Rows, []Run{{Text: s.Name, LTR: true, Code: true}, {Text: m.w.Of("stored", s.Kind) + ". " + m.say(s.Why)}, {Text: m.say(m.p.Purposes[s.Purpose].Title), Href: "#p-" + s.Purpose}, {Text: m.reader(s)}, {Text: m.life(s)}})
	}
	text := m.w.H("storage.text")
	if len(m.p.Storage) == 0 {
		text = m.w.H("storage.none")
	}
	signals := m.w.H("storage.signals.text")
	if s := m.say(m.p.Statements.Signals); s != "" {
		signals = para(s)
	}
	return []Part{{Paras: paras(text), Table: t}, {Head: m.w.T("storage.signals"), Paras: paras(signals)}}
}

func (m maker) reader(s policy.Stored) string {
	if s.Recipient == "" {
		return m.say(m.p.Organization.Name)
	}
	return m.say(m.p.Recipients[s.Recipient].Name)
}

func (m maker) life(s policy.Stored) string {
	if !s.Lifetime.Said {
		return m.w.T("storage.session")
	}
	return m.w.T("keep.for", "time", m.last(s.Lifetime))
}

// security: N19, N20, and where data is kept.
func (m maker) security() []Part {
	s := m.p.Security
	part := Part{Paras: paras(para(m.say(s.Text)))}
	for _, t := range s.Measures {
		part.Items = append(part.Items, m.say(t))
	}
	parts := []Part{part}
	if d := m.say(s.Destruction); d != "" {
		parts = append(parts, Part{Head: m.w.T("security.destruction"), Paras: paras(para(d))})
	}
	where := Part{Head: m.w.T("security.where")}
	for _, id := range slices.Sorted(maps.Keys(m.p.Systems)) {
		if sys := m.p.Systems[id]; m.say(sys.Name) != "" {
			where.Facts = append(where.Facts, facts(Fact{m.say(sys.Name), Run{Text: m.w.Country(sys.Country)}})...)
		}
	}
	if where.Facts != nil {
		parts = append(parts, where)
	}
	return parts
}

// access: N21.
func (m maker) access() []Part {
	a := m.p.Access
	part := Part{Paras: paras(para(m.say(a.Text)), template.HTML(m.w.N("access.staff", a.StaffAtMost)))}
	if a.LooksPerDay > 0 {
		part.Paras = append(part.Paras, template.HTML(m.w.N("access.looks", a.LooksPerDay)))
	}
	for _, r := range a.Roles {
		part.Items = append(part.Items, m.say(r))
	}
	return []Part{part}
}

// rights: N22, N23.
func (m maker) rights() []Part {
	r := m.p.Requests
	part := Part{Paras: paras(para(m.say(r.Text)), m.w.H("rights.free"))}
	if r.AnswerWithin.Said {
		part.Paras = append(part.Paras, m.w.H("rights.within", "time", m.last(r.AnswerWithin)))
	}
	if d := m.p.Inquiries.AnswerWithin; d.Said {
		part.Paras = append(part.Paras, m.w.H("rights.questions", "time", m.last(d)))
	}
	part.Items = Rights(m.p, m.w)
	part.Links = []Run{{Text: m.w.T("nav.contact"), Href: m.path("contact")}, {Text: m.w.T("nav.choices"), Href: m.path("choices")}}
	return []Part{part}
}

// rightIDs stand in the order in which a person needs them; a file's own order says nothing.
var rightIDs = []string{"access", "correction", "erasure", "portability", "objection", "restriction", "complaint"}

// Rights says what customers may demand, in one order everywhere.
func Rights(p *policy.Policy, w *lang.Words) []string {
	var list []string
	for _, id := range rightIDs {
		if slices.Contains(p.Requests.Rights, id) {
			list = append(list, w.Of("right", id))
		}
	}
	return list
}

// children: N28.
func (m maker) children() []Part {
	c := m.p.Children
	below := m.w.T("children.refuse")
	if c.Below == "parent" {
		below = m.w.T("children.parent")
	}
	return []Part{{Paras: paras(para(m.say(c.Text)), template.HTML(m.w.N("children.age", c.MinimumAge)), para(below))}}
}

// complaints: N24, N29.
func (m maker) complaints() []Part {
	part := Part{Head: m.w.T("complaints.where"), Paras: paras(m.w.H("complaints.us", "name", m.say(m.p.Organization.Name)))}
	if a := m.p.Organization.Authority; a != nil {
		part.Paras = append(part.Paras, m.w.H("complaints.authority"))
		part.Links = []Run{{Text: m.say(a.Name), Href: a.URL}}
	}
	p := Part{Head: m.w.T("complaints.programmes")}
	for _, pr := range m.p.Programmes {
		p.Facts = append(p.Facts, Fact{m.say(pr.Name), Run{Text: m.say(pr.Issuer), Href: pr.URL}})
	}
	if p.Facts == nil {
		p.Paras = paras(m.w.H("complaints.no_programmes"))
	}
	return append(m.laws(), part, p)
}

// laws names the laws that the policy is held to.
func (m maker) laws() []Part {
	part := Part{Head: m.w.T("complaints.laws")}
	for _, id := range m.p.Regimes {
		if r, ok := regime.Get(id); ok && id != regime.Charter { // the charter is no law, and its name is ours
			part.Items = append(part.Items, m.w.Digits(r.Name(m.w.Tag)))
		}
	}
	if part.Items == nil {
		return nil
	}
	return []Part{part}
}

// changes: N30.
func (m maker) changes() []Part {
	return []Part{{
		Paras: paras(para(m.say(m.p.Changes.Text)), para(Announcement(m.v, m.w)), m.w.H("changes.scope")),
		Links: []Run{{Text: m.w.T("nav.changes"), Href: m.path("policy/changes")}},
	}}
}

// Announcement says how long beforehand, and by what way, a change is told.
func Announcement(v *policy.Version, w *lang.Words) string {
	var by []string
	for _, way := range v.Policy.Changes.By {
		by = append(by, wayOf(w, way))
	}
	d := v.Policy.Changes.Notice
	return w.T("changes.notice", "time", w.Duration(d.Months, d.Seconds), "by", w.List(by))
}

func wayOf(w *lang.Words, way string) string {
	switch way {
	case "email":
		return w.T("way.email")
	case "banner":
		return w.T("way.banner")
	case "portal":
		return w.T("way.portal")
	}
	return w.T("way.post")
}
