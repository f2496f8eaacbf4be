package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Below the age, where the policy says children.below: parent, a child may name
// a parent, who gets one mail. What was wanted goes along in the form and into
// the mail's link: until the parent has answered nothing of it can be read here.

// parentForm asks a child for the address of a parent.
type parentForm struct {
	Fields []field
	Days   string // how long a parent may take
	Typed  string
	Wrong  string
	Done   bool // the mail is on its way, if it is an address
}

// parentForm makes the form out of what was answered; false where the policy, or
// this installation, takes no parent's permission for it.
func (s *site) parentForm(v *visit) (*parentForm, bool) {
	fields, ok := wantedBy(v)
	if !ok || v.version.Policy.Children.Below != "parent" || !s.Store.SendsMail() {
		return nil, false
	}
	return &parentForm{Fields: fields, Days: v.Duration(0, int64(store.ParentFor.Seconds()))}, true
}

// wantedBy reads from the answer of a child what it wanted, and for whom: an
// address, an identifier of the session, or else the browser.
func wantedBy(v *visit) (fields []field, ok bool) {
	form := v.PostForm
	list, typed := form["purpose"], false
	switch {
	case strings.HasSuffix(v.URL.Path, "/me/choices"):
		place, rest, _ := strings.Cut(strings.TrimPrefix(form.Get("answer"), "yes:"), "/")
		purpose, _, _ := strings.Cut(rest, "/")
		fields, list = append(fields, field{"mine", place}), []string{purpose}
	case v.URL.Path == "/v1/subscriptions":
		fields, typed = append(fields, field{"email", form.Get("email")}), true
	case strings.HasSuffix(v.URL.Path, "/choices"):
		a, err := formOf(form, v.version.Policy, signalsOf(v.Request).GPC)
		if err != nil {
			return nil, false
		}
		list = a.wanted()
	default:
		return nil, false
	}
	slices.Sort(list)
	for _, id := range slices.Compact(list) {
		if u := v.version.Policy.Purposes[id]; u.Basis == policy.Consent && (u.Double() || !typed) && len(fields) < maxCarried {
			fields, ok = append(fields, field{"purpose", id}), true
		}
	}
	return fields, ok
}

func (s *site) showChild(v *visit, status int, form *parentForm) error {
	page := childPage{v.privateBase("/choices", v.T("parent.ask")), form}
	page.Tongues = nil // the form is not sent twice for another language
	return v.show(status, never, "child", page)
}

// askParent takes the address of a parent. Whatever can be sent to is answered
// with one and the same page.
func (s *site) askParent(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	if c, err := v.Cookie(cookieName(cookie.Age, s.secure())); err != nil || c.Value != tooYoung || v.version.Policy.Children.Below != "parent" || !s.Store.SendsMail() {
		return fault.New(fault.Denied, "nobody has to be asked")
	}
	form := &parentForm{Days: v.Duration(0, int64(store.ParentFor.Seconds())), Typed: v.PostForm.Get("parent"), Done: true}
	for _, name := range []string{"mine", "email", "purpose"} {
		for _, value := range v.PostForm[name][:min(len(v.PostForm[name]), mostPurposes)] {
			form.Fields = append(form.Fields, field{name, value})
		}
	}
	ask, err := s.parentAsk(v)
	if err == nil && !s.asks.allow(v.Request, s.Now()) {
		return errRate
	}
	if err == nil {
		err = s.Store.AskParent(v.Context(), ask)
	}
	if fault.KindOf(err) == fault.Invalid {
		form.Done, form.Wrong = false, v.T("parent.ask.wrong")
		return s.showChild(v, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.showChild(v, http.StatusOK, form)
}

// parentAsk reads what is asked of a parent.
func (s *site) parentAsk(v *visit) (a store.ParentAsk, err error) {
	p := v.version.Policy
	a.Language = v.Tag
	if a.Parent, err = subject.Parse(subject.Email+":"+strings.TrimSpace(v.PostForm.Get("parent")), ""); err != nil {
		return a, fault.At(fault.Invalid, "parent", "not an address")
	}
	if a.Child, err = s.childIn(v); err != nil {
		return a, err
	}
	a.Proved = v.PostForm.Get("email") == ""
	for _, id := range v.PostForm["purpose"] {
		u := p.Purposes[id]
		if !a.Proved && !u.Double() { // as in a form: what is not confirmed from it does not come by this way
			continue
		}
		if u.Basis == policy.Consent && slices.Contains(u.Acts(), a.Child.Kind()) && !slices.Contains(a.Purposes, id) && len(a.Purposes) < mostPurposes {
			a.Purposes = append(a.Purposes, id)
		}
	}
	if len(a.Purposes) == 0 {
		err = fault.At(fault.Invalid, "purpose", "nothing is asked for")
	}
	return a, err
}

// childIn gives who asks. A browser that nobody knows gets an id, which is kept
// in it alone, for as long as the parent may take.
func (s *site) childIn(v *visit) (subject.ID, error) {
	switch {
	case v.PostForm.Get("email") != "":
		return subject.Parse(subject.Email+":"+v.PostForm.Get("email"), "")
	case v.PostForm.Get("mine") != "":
		c, err := s.customer(v)
		if err != nil {
			return "", err
		}
		place := v.PostForm.Get("mine")
		if c == nil || len(place) != 1 || place[0] < 'a' || int(place[0]-'a') >= len(c.IDs) {
			return "", fault.At(fault.Invalid, "mine", "this is nobody's who is signed in")
		}
		return c.IDs[place[0]-'a'], nil
	}
	b, err := s.browserOf(v.Request, v.version)
	if err != nil || b.id != "" {
		return b.id, err
	}
	cookieID, id := s.asksFor(v.Request)
	if id == "" {
		cookieID, id = subject.NewDevice()
	}
	http.SetCookie(v.ResponseWriter, &http.Cookie{Name: cookieName(cookie.Asks, s.secure()), Value: cookieID, Path: "/", MaxAge: int(waitsFor.Seconds()),
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode})
	return id, nil
}

// asksFor gives the id of a browser that waits for a parent's answer; "" of any other.
func (s *site) asksFor(r *http.Request) (cookieID string, id subject.ID) {
	c, err := r.Cookie(cookieName(cookie.Asks, s.secure()))
	if err != nil || len(c.Value) > cookie.MaxBytes {
		return "", ""
	}
	if id, err = subject.DeviceOf(c.Value); err != nil {
		return "", ""
	}
	return c.Value, id
}

type parentPage struct {
	base
	Action   string
	Child    *shownID // nil: the link opens nothing
	Purposes []notice.Purpose
	Age      int    // at which a yes counts; 0: it is not known to be a child's, and not asked when it ends
	Grown    string // the year that was typed
	Name     string
	Wrong    string
	Changed  bool
	Chosen   map[string]bool // purposes and PURPOSE/RECIPIENT that were ticked
	Done     string          // signed, refused
	When     string          // the second mail comes
	Receipts []slip
}

// parentPage shows a parent what a child asks for. It is bare of everything but
// that: who merely opens the link permits nothing.
func (s *site) parentPage(v *visit) error { return s.showParent(v, http.StatusOK, parentPage{}) }

func (s *site) showParent(v *visit, status int, page parentPage) error {
	path := "/parent/" + v.PathValue("token")
	ask, err := s.Store.ParentAsked(v.Context(), v.PathValue("token"))
	if fault.KindOf(err) == fault.Denied {
		page.base = v.linkBase("/", v.T("parent.over"))
		return v.show(http.StatusForbidden, never, "parent", page)
	}
	if err != nil {
		return err
	}
	v.speak(ask.Language)
	page.base, page.Action = v.linkBase(path, v.T("parent.title")), v.path(path)
	child := v.childID(ask.Child)
	if page.Child = &child; ask.Proved {
		page.Age = v.version.Policy.Children.MinimumAge
	}
	page.Purposes = v.asked(ask.Purposes)
	return v.show(status, never, "parent", page)
}

// childID is an identifier of a child so that a parent knows it again.
func (f *face) childID(id subject.ID) shownID {
	out := f.shownID(id)
	if id.Kind() == subject.Device {
		out.Kind = f.T("parent.browser")
	}
	return out
}

// asked gives purposes in words.
func (v *visit) asked(ids []string) (list []notice.Purpose) {
	for _, p := range v.notice.Asked {
		if slices.Contains(ids, p.ID) {
			list = append(list, p)
		}
	}
	return list
}

// parentSigns takes the first step, or a no, which leaves nothing.
func (s *site) parentSigns(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	form, token := v.PostForm, v.PathValue("token")
	if form.Get("do") == "refuse" {
		if err := s.Store.RefuseParent(v.Context(), token); err != nil && fault.KindOf(err) != fault.Denied {
			return err
		}
		return v.show(http.StatusOK, never, "parent", parentPage{base: v.linkBase("/", v.T("parent.refused")), Done: "refused"})
	}
	grown, err := s.grown(v)
	if err != nil {
		return err
	}
	page := parentPage{Name: clipped(form.Get("name")), Grown: clipped(form.Get("grown")), Chosen: map[string]bool{}}
	for _, value := range append(slices.Clone(form["purpose"]), form["recipient"]...) {
		page.Chosen[value] = true
	}
	if len(form["purpose"]) == 0 || form.Get("guardian") != "yes" || len(form["purpose"])+len(form["recipient"]) > 2*mostPurposes {
		page.Wrong = v.T("parent.wrong")
		return s.showParent(v, http.StatusUnprocessableEntity, page)
	}
	if grown < 0 {
		page.Wrong = v.T("parent.grown.no")
		return s.showParent(v, http.StatusUnprocessableEntity, page)
	}
	signed := store.Signed{Purposes: form["purpose"], Recipients: form["recipient"], Name: form.Get("name"), Grown: grown, Language: v.Tag, Policy: policy.VersionID(form.Get("version"))}
	r, done, err := s.Store.SignPermission(v.Context(), token, signed)
	switch fault.KindOf(err) {
	case fault.Invalid:
		page.Wrong = v.T("parent.wrong")
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Field == "grown" {
			page.Wrong = v.T("parent.grown.no")
		}
		return s.showParent(v, http.StatusUnprocessableEntity, page)
	case fault.Conflict:
		page.Changed = true
		return s.showParent(v, http.StatusConflict, page)
	case fault.Denied:
		return s.showParent(v, http.StatusForbidden, parentPage{})
	}
	if err != nil {
		return err
	}
	out := parentPage{base: v.linkBase("/", v.T("parent.signed")), Done: "signed", When: v.DateTime(r.Acts)}
	for _, id := range done.IDs() {
		out.Receipts = append(out.Receipts, slip{Title: v.Of("demand", r.Kind), Href: v.path("/receipt/" + s.links.make(s.Now(), id))})
	}
	return v.show(http.StatusOK, never, "parent", out)
}

// grown reads the year in which a child comes of the age; 0 where it is not asked,
// -1 where none was typed.
func (s *site) grown(v *visit) (int, error) {
	ask, err := s.Store.ParentAsked(v.Context(), v.PathValue("token"))
	if err != nil && fault.KindOf(err) != fault.Denied {
		return 0, err
	}
	if !ask.Proved {
		return 0, nil
	}
	year, err := strconv.Atoi(subject.Digits(v.PostForm.Get("grown")))
	if err != nil || year == 0 {
		return -1, nil
	}
	return year, nil
}
