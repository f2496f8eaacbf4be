package notice

import (
	"maps"
	"slices"

	"github.com/amana-privacy/amana/policy"
)

// purposes: N05-N11, N18, N27, N31.
func (m maker) purposes(n *Notice) []Part {
	t := &Table{Caption: m.w.T("purposes.caption"), Head: []string{m.w.T("purposes.title"), m.w.T("purposes.basis"), m.w.T("purpose.keep")}}
	for _, p := range slices.Concat(n.Asked, n.Stated) {
		basis := m.w.Of("basis", p.Basis)
		if p.Interest != "" {
			basis += " " + m.w.T("purpose.interest") + ": " + p.Interest
		}
		t.Rows = append(t.Rows, []Run{{Text: p.Title, Href: "#p-" + p.ID}, {Text: basis}, {Text: p.Keep}})
	}
	parts := []Part{
		{Paras: paras(m.w.H("purposes.only"), m.w.H("purposes.default")), Table: t},
		{Head: m.w.T("purposes.withdraw"), Paras: paras(m.w.H("purposes.withdraw.how"), m.w.H("purposes.withdraw.free")), Links: []Run{{Text: m.w.T("nav.choices"), Href: m.path("choices")}}},
		m.automated(n),
	}
	if s := m.say(m.p.Statements.Incentives); s != "" {
		parts = append(parts, Part{Head: m.w.T("purposes.incentives"), Paras: paras(para(s))})
	}
	return parts
}

func (m maker) automated(n *Notice) Part {
	part := Part{Head: m.w.T("purpose.automated")}
	for _, p := range slices.Concat(n.Asked, n.Stated) {
		if p.Automated != "" {
			part.Facts = append(part.Facts, Fact{p.Title, Run{Text: p.Automated}})
		}
	}
	if part.Facts == nil {
		part.Paras = paras(m.w.H("automated.none"))
	}
	return part
}

// confirm: N12.
func (m maker) confirm(n *Notice) []Part {
	part := Part{}
	for _, p := range n.Asked {
		if p.Double {
			part.Items = append(part.Items, p.Title)
		}
	}
	if part.Items == nil {
		part.Paras = paras(m.w.H("confirm.none"), para(m.say(m.p.Confirm.Text)))
	} else {
		part.Paras = paras(para(m.say(m.p.Confirm.Text)), m.w.H("confirm.text", "time", m.last(m.p.Confirm.Within)))
	}
	return []Part{part}
}

// recipients: N13-N16.
func (m maker) recipients() []Part {
	var parts []Part
	if len(m.p.Recipients) == 0 {
		parts = []Part{{Paras: paras(m.w.H("recipients.none"))}}
	} else {
		parts = []Part{{Paras: paras(m.w.H("recipients.text"), m.w.H("recipients.review")), Table: m.recipientTable()}}
	}
	if s := m.say(m.p.Statements.Sale); s != "" {
		parts = append(parts, Part{Head: m.w.T("recipients.sale"), Paras: paras(para(s))})
	}
	return parts
}

func (m maker) recipientTable() *Table {
	t := &Table{Caption: m.w.T("recipients.caption"), Head: []string{m.w.T("recipients.name"), m.w.T("recipients.does"), m.w.T("recipients.where"), m.w.T("purpose.data"), m.w.T("recipients.policy")}}
	for _, id := range slices.Sorted(maps.Keys(m.p.Recipients)) {
		r := m.p.Recipients[id]
		t.Rows = append(t.Rows, []Run{{Text: m.say(r.Name)}, {List: m.does(r)}, {Text: m.where(r)}, {List: m.labels(r.Data)},
			{Text: m.w.T("recipients.policy.every", "time", m.last(r.ReviewEvery)), Href: r.PolicyURL}})
	}
	return t
}

func (m maker) does(r policy.Recipient) []string {
	list := []string{m.w.Of("role", r.Role), m.w.Of("permission", r.PermissionOf())}
	if d := m.say(r.Does); d != "" {
		list = append([]string{d}, list...)
	}
	return list
}

func (m maker) where(r policy.Recipient) string {
	s := m.w.Country(r.Country)
	if g := m.say(r.Safeguard); g != "" {
		s += ". " + g
	}
	return s
}
