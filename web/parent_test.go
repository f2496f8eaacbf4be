package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fulfil"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

const (
	childMail  = "lina@example.com"
	parentMail = "huda@example.com"
)

// family is a company whose policy asks a parent below the age.
func family(t *testing.T) *world {
	t.Helper()
	w := open(t, "casco-fiber")
	src := strings.Replace(example(t, "casco-fiber"), "\nchildren:\n  minimum_age: 16\n  below: refuse\n", "\nchildren:\n  ask: [newsletter, offers, analytics, ad_measurement]\n  minimum_age: 16\n  below: parent\n", 1)
	src = strings.Replace(src, "acts_on: [customer]\n    ask_again_after: P12M\n    dpv: AcademicResearch", "acts_on: [customer, email]\n    ask_again_after: P12M\n    dpv: AcademicResearch", 1)
	if !strings.Contains(src, "below: parent") {
		t.Fatal("the example has no children")
	}
	w.publish(src, "newsletter", "offers", "coverage_study", "analytics", "ad_measurement")
	return w
}

// hidden gives the hidden fields of the form on a page.
func hidden(page string) url.Values {
	form := url.Values{}
	for _, part := range strings.Split(page, `<input type="hidden" name="`)[1:] {
		name, rest, _ := strings.Cut(part, `" value="`)
		value, _, _ := strings.Cut(rest, `"`)
		if name != "version" || form.Get("version") == "" {
			form.Add(name, value)
		}
	}
	return form
}

// tooYoungFor answers the question of the years, and gives the page that follows.
func (v *visitor) tooYoungFor(path string, form url.Values) answered {
	v.t.Helper()
	form.Set("born", "0")
	return v.post(path, form)
}

// names sends the address of a parent from a child's page.
func (v *visitor) names(page answered, language, parent string) answered {
	v.t.Helper()
	form := hidden(page.text[strings.Index(page.text, `/parent">`):])
	form.Set("parent", parent)
	return v.send("POST", "/"+language+"/parent", "application/x-www-form-urlencoded", form.Encode())
}

// signs takes the first step, with what is ticked.
func (v *visitor) signs(path string, more url.Values) answered {
	v.t.Helper()
	form := url.Values{"version": {string(v.db.InForce().ID)}, "do": {"sign"}, "name": {"هدى حداد"}, "guardian": {"yes"}, "grown": {"٢٠٢٩"}}
	for k, list := range more {
		form[k] = list
	}
	return v.send("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

// later lets the day pass until the second mail, and gives it.
func (w *world) later() letter.Letter {
	w.t.Helper()
	w.pass(request.SecondAfter)
	if _, err := (&fulfil.Engine{Store: w.db}).Step(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range w.mails() {
		if m.Kind == letter.Again {
			return m
		}
	}
	w.t.Fatal("there is no second mail")
	return letter.Letter{}
}

// TestAParentPermits walks the way of an address: the child's page, both mails,
// both steps, the parent's own page, and the way back.
func TestAParentPermits(t *testing.T) {
	for _, l := range []string{"en", "ar"} {
		t.Run(l, func(t *testing.T) {
			w := family(t)
			child := w.visitor()
			form := url.Values{"email": {childMail}, "purpose": {"newsletter", "offers"}, "language": {l}}
			asked := child.tooYoungFor("/v1/subscriptions", form)
			wellFormed(t, asked, l)
			if asked.StatusCode != http.StatusForbidden {
				t.Fatal(asked.Status)
			}
			for _, wrong := range []string{"", "nobody", childMail, "a@b\r\nBcc: c@d"} {
				if a := child.names(asked, l, wrong); a.StatusCode != http.StatusUnprocessableEntity {
					t.Errorf("the parent %q: %s", wrong, a.Status)
				}
			}
			const offers = `<input type="hidden" name="purpose" value="offers">`
			asked.text = strings.Replace(asked.text, offers, offers+strings.Replace(offers, "offers", "coverage_study", 1), 1) // what nobody confirms
			thanks := child.names(asked, l, parentMail)
			wellFormed(t, thanks, l)
			if thanks.StatusCode != http.StatusOK || strings.Contains(thanks.text, parentMail) {
				t.Fatal(thanks.Status)
			}
			first := w.mail()
			if first.Kind != letter.Parent || first.To != parentMail || first.Language != l {
				t.Fatalf("%+v", first)
			}
			parent := w.visitor() // on another device
			page := parent.get(first.Path)
			wellFormed(t, page, l)
			if strings.Contains(page.text, childMail) || strings.Contains(page.text, " checked") || strings.Contains(page.text, `name="grown"`) || strings.Count(page.text, `name="purpose"`) != 2 {
				t.Error("the page says more than it has to, or ticks something beforehand")
			}
			if w.kept() != 0 {
				t.Error("something was recorded before the parent answered")
			}
			for name, more := range map[string]url.Values{"nothing": nil, "no guardian": {"purpose": {"newsletter"}, "guardian": {""}},
				"no name": {"purpose": {"newsletter"}, "name": {" "}}, "not asked": {"purpose": {"analytics"}}} {
				if a := parent.signs(first.Path, more); a.StatusCode != http.StatusUnprocessableEntity {
					t.Errorf("%s: %s", name, a.Status)
				}
			}
			signed := parent.signs("/"+l+first.Path, url.Values{"purpose": {"newsletter"}})
			wellFormed(t, signed, l)
			if signed.StatusCode != http.StatusOK || !strings.Contains(signed.text, "/receipt/") {
				t.Fatal(signed.Status)
			}
			if a := parent.get(first.Path); a.StatusCode != http.StatusForbidden {
				t.Errorf("the first link opens twice: %s", a.Status)
			}
			second := w.later()
			if got := w.reason("email:"+childMail, "newsletter"); got != decision.UnknownSubject {
				t.Errorf("after the first step it is decided %s", got)
			}
			link := "/" + l + second.Path
			view := parent.get(link)
			wellFormed(t, view, l)
			if got := w.reason("email:"+childMail, "newsletter"); got != decision.UnknownSubject {
				t.Errorf("opening the link decides %s", got)
			}
			permitted := parent.post(link, url.Values{"do": {"permit"}})
			wellFormed(t, permitted, l)
			if permitted.StatusCode != http.StatusOK || !strings.Contains(permitted.text, "/receipt/") {
				t.Fatal(permitted.Status)
			}
			if got := w.reason("email:"+childMail, "newsletter"); got != decision.Unconfirmed {
				t.Errorf("with the permission it is decided %s", got)
			}
			confirm := w.mail() // to the child's own address: whose it is has to be known as for everybody
			if confirm.Kind != letter.Confirm || confirm.To != childMail {
				t.Fatalf("%+v", confirm)
			}
			w.visitor().confirmBy(confirm.Path)
			if got := w.reason("email:"+childMail, "newsletter"); got != decision.Given {
				t.Errorf("with the permission it is decided %s", got)
			}
			if got := w.reason("email:"+childMail, "offers"); got != decision.NotAsked {
				t.Errorf("what was not permitted is decided %s", got)
			}
			w.viewed(t, parent, l)
			ended := parent.post(link, url.Values{"do": {"end"}})
			wellFormed(t, ended, l)
			if got := w.reason("email:"+childMail, "newsletter"); got != decision.Withdrawn {
				t.Errorf("after it was taken back it is decided %s", got)
			}
			if a := parent.post(link, url.Values{"do": {"end"}}); a.StatusCode != http.StatusOK {
				t.Errorf("taken back twice: %s", a.Status)
			}
			if logged := w.logs.String(); strings.Contains(logged, "lina") || strings.Contains(logged, "huda") || strings.Contains(logged, second.Path) {
				t.Error("the log tells of the family")
			}
		})
	}
}

// viewed looks at the parent's own page.
func (w *world) viewed(t *testing.T, parent *visitor, l string) {
	t.Helper()
	w.in(parent, parentMail)
	if home := parent.see("/" + l + "/me"); !strings.Contains(home, `/me/children"`) {
		t.Error("the start does not lead to the children")
	}
	mine := parent.get("/" + l + "/me/children")
	wellFormed(t, mine, l)
	if mine.StatusCode != http.StatusOK || !strings.Contains(mine.text, `name="end"`) || !strings.Contains(mine.text, "/receipt/") || strings.Contains(mine.text, childMail) {
		t.Error("the parent's page:", mine.Status)
	}
	stranger := w.visitor()
	w.in(stranger, "other@example.com")
	_, id, _ := strings.Cut(mine.text, `name="end" value="`)
	id, _, _ = strings.Cut(id, `"`)
	if a := stranger.post("/"+l+"/me/children", url.Values{"end": {id}}); a.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else takes it back: %s", a.Status)
	}
}

// in signs a browser in by the mail's link.
func (w *world) in(v *visitor, address string) {
	w.t.Helper()
	if a := v.post("/en/me/sign-in", url.Values{"address": {address}}); a.StatusCode != http.StatusSeeOther {
		w.t.Fatal(a.Status)
	}
	if a := v.post(w.mail().Path, url.Values{}); a.StatusCode != http.StatusSeeOther {
		w.t.Fatal(a.Status)
	}
}

// TestAParentPermitsABrowser has the yes come to the browser that asked for it.
func TestAParentPermitsABrowser(t *testing.T) {
	w := family(t)
	child := w.visitor()
	asked := child.tooYoungFor("/en/choices", url.Values{"answer": {"yes:ad_measurement"}})
	child.names(asked, "en", parentMail)
	first := w.mail()
	parent := w.visitor()
	if page := parent.see(first.Path); strings.Count(page, `name="recipient"`) != 1 {
		t.Error("the third party has no question of its own")
	}
	for _, year := range []string{"", "soon", "1999", "2999"} {
		if a := parent.signs(first.Path, url.Values{"purpose": {"ad_measurement"}, "grown": {year}}); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.text, `name="grown"`) {
			t.Errorf("the year %q: %s", year, a.Status)
		}
	}
	parent.signs(first.Path, url.Values{"purpose": {"ad_measurement"}})
	if a := parent.post(w.later().Path, url.Values{"do": {"permit"}}); !strings.Contains(a.text, "From the year 2030 on") {
		t.Errorf("the permission's page: %s\n%s", a.Status, a.text)
	}
	if shown := child.see("/en/choices"); child.named("amana") == "" || !strings.Contains(shown, "Yes") {
		t.Error("the browser does not hear of it")
	}
	id := subject.ID("device:" + device(child))
	hashed, err := subject.DeviceOf(device(child))
	if err == nil {
		id = hashed
	}
	if got := w.reason(id, "ad_measurement"); got != decision.Given {
		t.Errorf("it is decided %s", got)
	}
	a, err := w.db.Decide(t.Context(), id, decision.Question{Purpose: "ad_measurement", Recipient: "ad_network"})
	if err != nil || a.Reason != decision.RecipientNotPermitted {
		t.Errorf("the third party: %+v, %v", a, err)
	}
	if a := child.post("/en/choices", url.Values{"answer": {"yes:analytics"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("the child says yes itself: %s", a.Status)
	}
	other := w.visitor() // who borrowed the id, with a cookie that says nothing of an age
	other.header.Set("Cookie", "amana="+child.named("amana")+"; age="+oldEnough)
	if a := other.post("/en/choices", url.Values{"answer": {"yes:analytics"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a child that is known says yes: %s", a.Status)
	}
}

// TestAParentSaysNothing leaves nothing, nor does one who says no.
func TestAParentSaysNothing(t *testing.T) {
	w := family(t)
	child := w.visitor()
	child.names(child.tooYoungFor("/en/choices", url.Values{"answer": {"yes:analytics"}}), "en", parentMail)
	first := w.mail()
	no := w.visitor().post("/en"+first.Path, url.Values{"do": {"refuse"}})
	wellFormed(t, no, "en")
	if a := w.visitor().get(first.Path); no.StatusCode != http.StatusOK || a.StatusCode != http.StatusForbidden || w.kept() != 0 {
		t.Errorf("after a no: %s, %s", no.Status, a.Status)
	}
	w.visitor().tooYoungFor("/en/choices", url.Values{"answer": {"yes:analytics"}})
	if a := w.visitor().send("POST", "/en/parent", "application/x-www-form-urlencoded", "purpose=analytics&parent="+parentMail); a.StatusCode != http.StatusForbidden {
		t.Errorf("without the question of the years: %s", a.Status)
	}
	w.pass(store.ParentFor)
	if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := w.visitor().get(first.Path); a.StatusCode != http.StatusForbidden {
		t.Error(a.Status)
	}
}
