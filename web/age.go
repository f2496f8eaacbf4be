package web

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// Before the first yes to a purpose that the policy names under children.ask, a
// browser is asked in which years its user was born. The bands do not tell which
// of them go on. Of the answer one bit is kept, in a cookie that goes with the
// browser: there is no second try, and of whoever is refused nothing else is
// there, no event, no count.

// errAge asks for the years before an answer is recorded.
var errAge = fault.At(fault.Denied, "choices", "this is asked on our own page alone, where one question comes before it")

// elsewhere is an error of a page of the company's own site that has an answer on
// a page of ours.
type elsewhere struct {
	error
	to string // its address
}

func (e elsewhere) Unwrap() error { return e.error }

// errChild refuses a yes of somebody who is not old enough.
var errChild = fault.At(fault.Denied, "choices", "this is not offered here")

const (
	oldEnough = "1"
	tooYoung  = "0"
)

// aged reports whether a yes to purposes may be recorded: nil, errAge or
// errChild. The form of the request has been read; where it answers the
// question, its answer is remembered.
func (s *site) aged(w http.ResponseWriter, r *http.Request, p *policy.Policy, purposes ...string) error {
	if !slices.ContainsFunc(purposes, func(id string) bool { return slices.Contains(p.Children.Ask, id) }) {
		return nil
	}
	name := cookieName(cookie.Age, s.secure())
	for _, c := range r.CookiesNamed(name) {
		if c.Value == tooYoung {
			return errChild
		}
	}
	if _, err := r.Cookie(name); err == nil {
		return nil
	}
	if r.PostForm.Get("born") == "" {
		return errAge
	}
	bands := bandsOf(p.Children.MinimumAge, s.Now())
	i, err := strconv.Atoi(r.PostForm.Get("born"))
	if err != nil || i < 0 || i >= len(bands) {
		return errAge
	}
	if !bands[i].enough {
		s.rememberAge(w, tooYoung)
		return errChild
	}
	s.rememberAge(w, oldEnough)
	return nil
}

// rememberAge keeps the one bit in a cookie that goes with the browser.
func (s *site) rememberAge(w http.ResponseWriter, bit string) {
	http.SetCookie(w, &http.Cookie{Name: cookieName(cookie.Age, s.secure()), Value: bit, Path: "/", HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode})
}

// band is some years of birth, in both calendars; 0 where it is open.
type band struct {
	from, to           int
	hijriFrom, hijriTo int
	enough             bool
}

// bandsOf gives the bands, the latest years first. Whoever was born in the last
// years of one that is enough has the age, whatever the day: in the year of a
// birthday one waits until it is over. Each calendar is counted for itself.
func bandsOf(age int, now time.Time) (out []band) {
	ages := slices.Compact(slices.Sorted(slices.Values([]int{13, age, 18, 30})))
	year, hijri := make([]int, len(ages)), make([]int, len(ages))
	for i, a := range ages {
		then := now.UTC().AddDate(-a, 0, 0)
		year[i] = then.Year() - 1 // the last year that ended so long ago
		h, _ := lang.HijriYear(then)
		hijri[i] = h - 1
	}
	for i := range len(ages) + 1 {
		b := band{enough: i > 0 && ages[i-1] >= age}
		if i < len(ages) {
			b.from, b.hijriFrom = year[i]+1, hijri[i]+1
		}
		if i > 0 {
			b.to, b.hijriTo = year[i-1], hijri[i-1]
		}
		out = append(out, b)
	}
	return out
}

type agePage struct {
	base
	Action string
	Fields []field
	Bands  []string // in words
}

// maxCarried bounds what a form may carry through the question.
const maxCarried = 200

// askAge shows the question in the place of an answer, and carries that along.
func (s *site) askAge(v *visit) error {
	page := agePage{base: v.privateBase("/choices", v.T("age.title")), Action: v.URL.Path}
	page.Tongues = nil // the form is not sent twice for another language
	for _, name := range slices.Sorted(maps.Keys(v.PostForm)) {
		for _, value := range v.PostForm[name] {
			if name != "born" && len(page.Fields) < maxCarried {
				page.Fields = append(page.Fields, field{name, value})
			}
		}
	}
	for _, b := range bandsOf(v.version.Policy.Children.MinimumAge, s.Now()) {
		page.Bands = append(page.Bands, v.years(b))
	}
	return v.show(http.StatusOK, never, "age", page)
}

// years writes a band: 2009 to 2013 (1430 to 1434 AH).
func (f *face) years(b band) string {
	return f.T("age.both", "gregorian", f.span(b.from, b.to), "hijri", f.span(b.hijriFrom, b.hijriTo))
}

func (f *face) span(from, to int) string {
	first, last := f.Digits(strconv.Itoa(from)), f.Digits(strconv.Itoa(to))
	switch {
	case to == 0:
		return f.T("age.later", "year", first)
	case from == 0:
		return f.T("age.earlier", "year", last)
	case from == to:
		return first
	}
	return f.T("age.between", "first", first, "last", last)
}

type childPage struct {
	base
	Ask *parentForm // nil where no parent can permit it
}

// refuseChild says that nothing was kept. Where the policy takes no parent's
// permission it does not say why.
func (s *site) refuseChild(v *visit) error {
	if form, ok := s.parentForm(v); ok {
		return s.showChild(v, http.StatusForbidden, form)
	}
	page := childPage{base: v.privateBase("/choices", v.T("age.refused"))}
	page.Tongues = nil
	return v.show(http.StatusForbidden, never, "child", page)
}

// asksAge answers with the question, or the refusal, where an error is one;
// else the error is given back.
func (s *site) asksAge(v *visit, err error) error {
	switch {
	case errors.Is(err, errAge):
		return s.askAge(v)
	case errors.Is(err, store.ErrBelowAge):
		s.rememberAge(v.ResponseWriter, tooYoung)
		return s.refuseChild(v)
	case errors.Is(err, errChild):
		return s.refuseChild(v)
	}
	return err
}
