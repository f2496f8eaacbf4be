package notice

import (
	"maps"
	"slices"

	"github.com/amana-privacy/amana/policy"
)

// sections gives the full text in its order. The ten parts of a policy are
// among them: security, access, purposes, confirm, recipients, rights, storage,
// programmes, children, changes (A2-A11).
func (m maker) sections(n *Notice) []Section {
	return []Section{
		{"who", m.w.T("section.who"), m.who()},
		{"data", m.w.T("section.data"), m.data()},
		{"purposes", m.w.T("section.purposes"), m.purposes(n)},
		{"confirm", m.w.T("section.confirm"), m.confirm(n)},
		{"recipients", m.w.T("section.recipients"), m.recipients()},
		{"storage", m.w.T("section.storage"), m.storage()},
		{"security", m.w.T("section.security"), m.security()},
		{"access", m.w.T("section.access"), m.access()},
		{"rights", m.w.T("section.rights"), m.rights()},
		{"children", m.w.T("section.children"), m.children()},
		{"complaints", m.w.T("section.complaints"), m.complaints()},
		{"changes", m.w.T("section.changes"), m.changes()},
		{"proof", m.w.T("section.proof"), m.proof()},
	}
}

// who: N01, N02, N03, N32.
func (m maker) who() []Part {
	o := m.p.Organization
	c := o.Contact
	parts := []Part{{Facts: facts(
		Fact{m.w.T("contact.legal_name"), Run{Text: m.say(o.LegalName)}},
		Fact{m.w.T("contact.about"), Run{Text: m.say(o.About)}},
		Fact{m.w.T("contact.address"), Run{Text: m.say(c.Address)}},
		mail(m.w.T("contact.email"), c.Email),
		m.phone(c.Phone),
		Fact{m.w.T("contact.hours"), Run{Text: m.say(c.Hours)}},
	)}}
	if f := c.Officer; f != nil {
		parts = append(parts, Part{Head: m.w.T("contact.officer"), Facts: facts(Fact{m.w.T("contact.name"), Run{Text: m.say(f.Name)}},
			mail(m.w.T("contact.email"), f.Email), m.phone(f.Phone))})
	}
	if r := o.Representative; r != nil {
		parts = append(parts, Part{Head: m.w.T("contact.representative"), Facts: facts(Fact{m.w.T("contact.name"), Run{Text: m.say(r.Name)}},
			Fact{m.w.T("contact.region"), Run{Text: m.w.Country(r.Region)}}, Fact{m.w.T("contact.address"), Run{Text: m.say(r.Address)}}, mail(m.w.T("contact.email"), r.Email))})
	}
	if l := o.Licence; l != nil {
		parts = append(parts, Part{Head: m.w.T("contact.licence"), Facts: facts(Fact{m.w.T("contact.licence.number"), Run{Text: l.Number, LTR: true}},
			Fact{m.w.T("contact.licence.issuer"), Run{Text: m.say(l.Issuer)}}, Fact{m.w.T("contact.licence.expires"), Run{Text: l.Expires, LTR: true}})})
	}
	return append(parts, m.sites()...)
}

func (m maker) sites() []Part {
	var links []Run
	for _, s := range m.p.Organization.Sites {
		links = append(links, Run{Text: s, Href: s, LTR: true})
	}
	if links == nil {
		return nil
	}
	return []Part{{Head: m.w.T("contact.sites"), Links: links}}
}

func mail(key, address string) Fact {
	return Fact{key, Run{Text: address, Href: "mailto:" + address, LTR: true}}
}

func (m maker) phone(number string) Fact {
	return Fact{m.w.T("contact.phone"), Run{Text: number, Tel: Tel(number, m.p.DefaultRegion), LTR: true}}
}

// data: N04, N17.
func (m maker) data() []Part {
	t := &Table{Caption: m.w.T("data.caption"), Head: []string{m.w.T("data.label"), m.w.T("data.from"), m.w.T("data.used"), m.w.T("data.more")}}
	for _, id := range slices.Sorted(maps.Keys(m.p.Data)) {
		d := m.p.Data[id]
		t.Rows = append(t.Rows, []Run{{Text: m.say(d.Label)}, {Text: m.from(d)}, {List: m.usesOf(id)}, {Text: m.w.List(m.traits(d))}})
	}
	return []Part{{Paras: paras(m.w.H("data.text")), Table: t}}
}

func (m maker) from(d policy.Data) string {
	s := m.w.Of("origin", d.From)
	if src := m.say(d.Source); src != "" {
		s += ". " + src
	}
	return s
}

func (m maker) traits(d policy.Data) []string {
	var list []string
	if d.Sensitive {
		list = append(list, m.w.T("data.sensitive"))
	}
	if d.Correctable {
		list = append(list, m.w.T("data.correctable"))
	}
	return list
}

// usesOf gives the titles of the purposes that use a category of data.
func (m maker) usesOf(data string) []string {
	var list []string
	for _, id := range slices.Sorted(maps.Keys(m.p.Purposes)) {
		if p := m.p.Purposes[id]; slices.Contains(p.Data, data) {
			list = append(list, m.say(p.Title))
		}
	}
	return list
}

// labels gives the labels of categories of data.
func (m maker) labels(ids []string) []string {
	var list []string
	for _, id := range ids {
		list = append(list, m.say(m.p.Data[id].Label))
	}
	return list
}
