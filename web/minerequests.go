package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/regime"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// What a person demands: the list with its clocks, one request with its steps,
// and the forms that begin one.

type requestsPage struct {
	base
	Open, Over []demandView
	Text       string // as it was typed
	Wrong      string
}

// demandView is a request in words.
type demandView struct {
	ID, Href, Title, State string
	Asked                  time.Time
	Due                    time.Time // zero: nothing is to be answered
	Left                   string    // how long there still is, in words
	Late, Over             bool
	Rule                   string // what sets the clock
	Facts                  []fact
	Steps                  []stepView
	Answer                 string
	Cancel                 bool
	Acts                   string    // an erasure is done then; "" for any other
	Confirm                bool      // by another identifier of this session
	Until                  time.Time // a download lies ready until then
	File                   string
	Seal                   string // its password
	Key                    bool   // it is sealed to the person's own key
}

type fact struct{ Key, Value string }

type stepView struct {
	Text string
	When time.Time
	Done bool
	Now  bool
}

func (v *visit) demandView(r request.Request, now time.Time) demandView {
	out := demandView{ID: r.ID, Href: v.path("/me/requests/" + r.ID), Title: v.Of("demand", r.Kind), State: v.Of("demand_state", r.State), Asked: r.At,
		Late: r.Late(now), Over: r.State.Over(), Answer: r.Answer, Cancel: r.MayCancel(now) == nil}
	if !r.Due.IsZero() && !r.State.Over() {
		out.Due, out.Rule = r.Due, v.rule(r.By)
		if left := r.Due.Sub(now); left > 24*time.Hour {
			out.Left = v.T("request.left", "time", v.Duration(0, int64((left+24*time.Hour-1)/(24*time.Hour))*86400))
		}
	}
	if r.Kind == request.Erasure && r.State == request.Waiting {
		out.Acts = v.DateTime(r.Acts)
	}
	if r.Kind == request.Pause {
		out.Facts = append(out.Facts, fact{v.T("known.until"), v.DateTime(r.Until)})
	}
	for _, id := range slices.Sorted(keysOf(r.Demand.Corrections)) {
		out.Facts = append(out.Facts, fact{v.say(v.version.Policy.Data[id].Label), r.Demand.Corrections[id]})
	}
	for _, id := range r.Demand.Purposes {
		out.Facts = append(out.Facts, fact{v.T("receipt.purpose"), v.say(v.version.Policy.Purposes[id].Title)})
	}
	if r.Demand.Text != "" {
		out.Facts = append(out.Facts, fact{v.T("request.what"), r.Demand.Text})
	}
	before := true
	for _, s := range r.Steps {
		step := stepView{Text: v.Of("demand_done", s.Name), When: s.At, Done: !s.At.IsZero()}
		if s.N > 0 {
			step.Text += " (" + v.counted(s) + ")"
		}
		step.Now = before && !step.Done && !r.State.Over()
		before = before && step.Done
		out.Steps = append(out.Steps, step)
	}
	if r.Kind == request.Portability && r.State == request.Done && now.Before(r.Until) {
		out.Until, out.File = r.Until, out.Href+"/file"
		out.Seal, out.Key = r.Demand.Seal, strings.HasPrefix(r.Demand.Seal, "age1")
	}
	return out
}

// counted says how many of what a step was about.
func (v *visit) counted(s request.Step) string {
	if s.Name == "gathered" {
		return v.N("request.count.items", int(s.N))
	}
	return v.N("request.count.ids", int(s.N))
}

func keysOf(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// rule names what sets a clock: our promise, or a law by its name.
func (v *visit) rule(by string) string {
	if r, ok := regime.Get(by); ok && by != regime.Charter {
		return r.Name(v.Tag)
	}
	return v.T("request.promise")
}

func (s *site) meRequests(v *visit, c *customer) error {
	return s.showRequests(v, c, http.StatusOK, "", "")
}

func (s *site) showRequests(v *visit, c *customer, status int, text, wrong string) error {
	list, err := s.Store.Requests(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	page := requestsPage{base: v.privateBase("/me/requests", v.T("request.title")), Text: text, Wrong: wrong}
	for _, r := range list[:min(len(list), requestsOnPage)] {
		view := v.demandView(r, s.Store.Now())
		if view.Over {
			page.Over = append(page.Over, view)
		} else {
			page.Open = append(page.Open, view)
		}
	}
	return v.show(status, never, "requests", page)
}

// requestsOnPage is how many requests are listed.
const requestsOnPage = 40

// meAsk takes a question or a complaint.
func (s *site) meAsk(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	kind := request.Access
	if v.PostForm.Get("kind") == string(request.Complaint) {
		kind = request.Complaint
	}
	text := v.PostForm.Get("text")
	r, _, err := s.Store.Ask(v.Context(), store.Ask{Subjects: c.IDs, Kind: kind, Demand: request.Demand{Text: text, Language: v.Tag}})
	if wrong := v.wrong(err); wrong != "" {
		return s.showRequests(v, c, http.StatusUnprocessableEntity, clipped(text), wrong)
	}
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/requests/"+r.ID))
}

// wrong says in words for the person what was wrong with a form; "" where the
// error is not the form's.
func (v *visit) wrong(err error) string {
	switch fault.KindOf(err) {
	case fault.Invalid:
		return v.T("form.wrong")
	case fault.Conflict:
		return v.T("form.many")
	}
	return ""
}

// clipped keeps what was typed to show it again, no longer than it may be.
func clipped(s string) string {
	if r := []rune(strings.ToValidUTF8(s, "")); len(r) > request.MaxText {
		return string(r[:request.MaxText])
	}
	return strings.ToValidUTF8(s, "")
}

type requestPage struct {
	base
	One    demandView
	Hidden bool // what was written, or a download, needs more proof than the session has
	Slips  []slipLine
}

// request gives a request of the session's identifiers, or an erasure that takes one
// of them: whoever is told of that may see and stop it, but for a phone alone.
func (s *site) request(v *visit, c *customer) (request.Request, error) {
	r, err := s.Store.Request(v.Context(), v.PathValue("id"), c.IDs...)
	if fault.KindOf(err) == fault.Unknown && c.speaks() {
		return s.Store.ErasureAbout(v.Context(), v.PathValue("id"), c.IDs...)
	}
	return r, err
}

// shows takes out of a request what the session has not proved enough for: that it
// is there, how far it has come and the way to stop it are shown all the same.
func (page *requestPage) shows(c *customer, p *policy.Policy, r request.Request) {
	one := &page.One
	sensitive := false
	for id := range r.Demand.Corrections {
		sensitive = sensitive || p.Data[id].Sensitive
	}
	if !c.proves(p, policy.ActAccess, sensitive) && r.Kind != request.Pause {
		page.Hidden = len(one.Facts) > 0 || one.Answer != ""
		one.Facts, one.Answer = nil, ""
	}
	if one.File != "" && !c.proves(p, policy.ActPortability, false) {
		page.Hidden, one.File, one.Seal = true, "", ""
	}
}

func (s *site) meRequest(v *visit, c *customer) error {
	r, err := s.request(v, c)
	if err != nil {
		return err
	}
	page := requestPage{base: v.privateBase("/me/requests/"+r.ID, v.Of("demand", r.Kind)), One: v.demandView(r, s.Store.Now())}
	page.shows(c, v.version.Policy, r)
	if r.State == request.Waiting {
		page.One.Confirm = c.Level >= policy.ProofTwo && s.second(c, r) != ""
	}
	if page.Slips, _, err = s.mySaved(v); err != nil {
		return err
	}
	if r.State == request.Working {
		v.Header().Set("Refresh", "3")
	}
	return v.show(http.StatusOK, never, "request", page)
}

// second gives an identifier of the session that was proved besides the one a
// request was asked by; "" where there is none.
func (s *site) second(c *customer, r request.Request) subject.ID {
	for _, id := range c.proved() {
		if slices.Contains(r.Demand.Linked, string(id)) {
			return id
		}
	}
	return ""
}

// meMove cancels a request, or confirms an erasure from a second identifier.
func (s *site) meMove(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	id := v.PathValue("id")
	r, err := s.request(v, c)
	if err != nil {
		return err
	}
	var done store.Recorded
	switch v.PostForm.Get("do") {
	case "cancel":
		if r.Kind == request.Pause {
			done, err = s.Store.Resume(v.Context(), id, c.IDs...)
		} else {
			_, done, err = s.Store.Cancel(v.Context(), id, c.IDs...)
		}
	case "confirm":
		if err = c.demand(v.version.Policy, policy.ActErasure, true); err != nil {
			return err
		}
		if c.Level < policy.ProofTwo { // whatever the policy says: a link of a minute ago confirms nothing
			return errProof{policy.ProofTwo}
		}
		_, done, err = s.Store.ConfirmRequest(v.Context(), id, s.second(c, r))
	default:
		return fault.At(fault.Invalid, "do", "say cancel or confirm")
	}
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/requests/"+id+"?saved="+s.links.make(s.Now(), done.IDs()...)))
}

// meFile gives a download.
func (s *site) meFile(v *visit, c *customer) error {
	data, err := s.Store.Download(v.Context(), v.PathValue("id"), c.IDs...)
	if err != nil {
		return err
	}
	v.Header().Set("Content-Disposition", `attachment; filename="my-data.zip.age"`)
	v.write(http.StatusOK, never, "application/octet-stream", data)
	return nil
}

type correctPage struct {
	base
	Fields []fieldView
	Wrong  string
}

type fieldView struct{ ID, Label, Value string }

func (s *site) meCorrect(v *visit, c *customer) error {
	return s.showCorrect(v, http.StatusOK, nil, "")
}

func (s *site) showCorrect(v *visit, status int, typed map[string]string, wrong string) error {
	page := correctPage{base: v.privateBase("/me/correct", v.T("correct.title")), Wrong: wrong}
	for _, id := range v.correctable() {
		page.Fields = append(page.Fields, fieldView{id, v.say(v.version.Policy.Data[id].Label), typed[id]})
	}
	return v.show(status, never, "correct", page)
}

// correctable gives the data that may be corrected here. A password is changed
// where it is used, never written on another page.
func (f *face) correctable() []string {
	var list []string
	for id, d := range f.version.Policy.Data {
		if d.Correctable && !strings.HasPrefix(d.Category, "user.authorization") {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

func (s *site) meCorrected(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	given, sensitive := map[string]string{}, false
	for _, id := range v.correctable() {
		if x := v.PostForm.Get("data-" + id); strings.TrimSpace(x) != "" {
			given[id] = x
			sensitive = sensitive || v.version.Policy.Data[id].Sensitive
		}
	}
	if err := c.demand(v.version.Policy, policy.ActCorrection, sensitive); err != nil {
		return err
	}
	r, done, err := s.Store.Ask(v.Context(), store.Ask{Subjects: c.IDs, Kind: request.Correction, Demand: request.Demand{Corrections: given, Language: v.Tag}})
	if wrong := v.wrong(err); wrong != "" {
		for id := range given {
			given[id] = clipped(given[id])
		}
		return s.showCorrect(v, http.StatusUnprocessableEntity, given, wrong)
	}
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/requests/"+r.ID+"?saved="+s.links.make(s.Now(), done.IDs()...)))
}
