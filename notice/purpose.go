package notice

import (
	"cmp"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

func (m maker) purpose(id string) Purpose {
	p := m.p.Purposes[id]
	out := Purpose{
		ID: id, Title: m.say(p.Title), Text: m.say(p.Text), Benefit: m.say(p.Benefit),
		Company: m.say(m.p.Organization.Name), Basis: p.Basis, Interest: m.say(p.Interest),
		Tag: m.tag(p.Basis), How: m.how(p), Keep: m.keep(p),
		IfRefused: m.say(p.IfRefused), Automated: m.say(p.Automated), Double: p.Double(),
	}
	if p.AskAgainAfter.Said {
		out.AskAgain = m.w.T("purpose.ask_again.text", "time", m.last(p.AskAgainAfter))
	}
	for _, t := range p.Topics {
		out.Topics = append(out.Topics, m.say(t.Label))
	}
	for _, f := range consent.Offered(p) {
		out.Often = append(out.Often, m.w.Of("often", f))
	}
	for _, kind := range p.Acts() {
		out.Acts = append(out.Acts, m.w.Of("kind", kind))
	}
	for _, d := range p.Data {
		c := m.p.Data[d]
		out.Data = append(out.Data, Item{d, m.say(c.Label), c.Sensitive})
	}
	for _, r := range p.Recipients {
		out.Recipients = append(out.Recipients, m.party(r))
	}
	return out
}

func (m maker) party(id string) Party {
	r := m.p.Recipients[id]
	return Party{id, m.say(r.Name), m.say(r.Does), m.w.Country(r.Country), r.PermissionOf() == policy.Own}
}

// tag says in a few words whose move a purpose is.
func (m maker) tag(b policy.Basis) string {
	switch b {
	case policy.Consent:
		return m.w.T("tag.consent")
	case policy.Contract:
		return m.w.T("tag.contract")
	case policy.LegalObligation:
		return m.w.T("tag.law")
	case policy.LegitimateInterest:
		return m.w.T("tag.interest")
	}
	return m.w.T("tag.other")
}

// how says how a purpose is allowed and how it ends.
func (m maker) how(p policy.Purpose) string {
	switch {
	case p.Basis != policy.Consent:
		return m.w.Of("basis", p.Basis)
	case slices.Contains(p.Acts(), "device"):
		return m.w.T("choice.device")
	case p.Double():
		return m.w.T("choice.double", "time", m.last(m.p.Confirm.Within))
	}
	return m.w.T("choice.address")
}

// keep says how long, and from when it counts.
func (m maker) keep(p policy.Purpose) string {
	from := p.CountsFrom()
	switch {
	case p.Keep.Months == 0 && p.Keep.Seconds == 0:
		return m.w.T("keep.zero")
	case from == "":
		return m.w.T("keep.for", "time", m.last(p.Keep))
	}
	return m.w.T("keep.from", "time", m.last(p.Keep), "from", m.w.Of("keep_from", from))
}

// Consent reports whether the purpose needs a yes.
func (p Purpose) Consent() bool { return p.Basis == policy.Consent }

// bases in the order in which they are shown.
var bases = []policy.Basis{policy.Contract, policy.LegitimateInterest, policy.PublicInterest, policy.VitalInterest, policy.LegalObligation}

func byBasis(a, b Purpose) int {
	return cmp.Compare(slices.Index(bases, a.Basis), slices.Index(bases, b.Basis))
}
