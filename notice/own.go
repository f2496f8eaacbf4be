package notice

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// proof is the processing that keeping this policy itself needs: the log, the
// evidence, the list of the erased, the cookie. It stands in every notice,
// whatever the file says.
func (m maker) proof() []Part {
	return []Part{
		{Paras: paras(m.w.H("proof.text"))},
		{Head: m.w.T("proof.evidence"), Paras: paras(m.w.H("proof.evidence.text"), m.w.H("proof.evidence.why"))},
		{Head: m.w.T("proof.ledger"), Paras: paras(m.w.H("proof.ledger.text"))},
		{Head: m.w.T("proof.suppression"), Paras: m.afterErasure()},
		{Head: m.w.T("proof.cookie"), Paras: paras(m.w.H("proof.cookie.text", "time", m.cookieLife()), m.w.H("proof.session.text"))},
	}
}

// afterErasure says what stays of somebody who was erased, and for how long.
func (m maker) afterErasure() []template.HTML {
	kept, e := policy.ErasureKept, m.p.Requests.Evidence
	if e.Basis != "" {
		kept = e.Keep
	}
	all := paras(m.w.H("proof.suppression.text"), m.w.H("proof.erasure.text", "time", m.w.Duration(kept.Months, kept.Seconds)))
	if e.Basis != "" {
		all = append(all, m.w.H("proof.erasure.answers", "why", m.say(e.Why)))
	}
	return all
}

// cookieLife is in words the year, where it is one, beside the years of others.
func (m maker) cookieLife() string {
	life := cookie.Life(m.p, m.v.Published)
	if life == 365*24*time.Hour {
		return m.w.Duration(12, 0)
	}
	return m.w.Duration(0, int64(life/time.Second))
}

// ownCookies are the rows of the cookies that the product's own pages set: that of
// the choices, where the file does not list it itself, and all others that pages
// under this policy may set.
func (m maker) ownCookies() [][]Run {
	var rows [][]Run
	if !slices.ContainsFunc(m.p.Storage, func(s policy.Stored) bool { return s.Name == cookie.Name }) {
		rows = append(rows, m.ownCookie(cookie.Name, m.w.T("storage.own.why"), m.w.T("storage.own.purpose"), m.w.T("keep.for", "time", m.cookieLife())))
	}
	add := func(c cookie.Own, why, purpose string) {
		life := m.w.T("storage.session")
		if c.Life > 0 {
			life = m.w.T("keep.for", "time", m.w.Duration(0, int64(c.Life/time.Second)))
		}
		rows = append(rows, m.ownCookie(cookie.Prefix+c.Name, why, purpose, life))
	}
	add(cookie.Session, m.w.T("storage.own.session"), m.w.T("storage.own.access"))
	add(cookie.Code, m.w.T("storage.own.code"), m.w.T("storage.own.access"))
	add(cookie.Passkey, m.w.T("storage.own.passkey"), m.w.T("storage.own.access"))
	if len(m.p.Children.Ask) > 0 {
		add(cookie.Age, m.w.T("storage.own.age"), m.w.T("storage.own.children"))
		if m.p.Children.Below == "parent" {
			add(cookie.Asks, m.w.T("storage.own.asks"), m.w.T("storage.own.children"))
		}
	}
	return rows
}

func (m maker) ownCookie(name, why, purpose, life string) []Run {
	return []Run{{Text: name, LTR: true, Code: true}, {Text: why}, {Text: purpose}, {Text: m.say(m.p.Organization.Name)}, {Text: life}}
}

// Tel gives a phone number as a tel: link takes it: in the international form
// (E.164), a local number read as of the region ("" if unknown). What cannot
// be read so keeps its digits and its plus.
func Tel(number, region string) string {
	if id, err := subject.Parse("phone:"+number, region); err == nil {
		return strings.TrimPrefix(string(id), "phone:")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9' || r == '+':
			return r
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return -1
	}, number)
}
