package web

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fulfil"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

const (
	mina  subject.ID = "customer:100042"
	inbox subject.ID = "email:mina@example.com"
)

// engine does what is due.
func (w *world) engine() int {
	w.t.Helper()
	n, err := (&fulfil.Engine{Store: w.db, Log: slog.New(slog.NewTextHandler(w.logs, nil))}).Step(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) decides(id subject.ID, purpose string) decision.Reason {
	w.t.Helper()
	a, err := w.db.Decide(w.t.Context(), id, decision.Question{Purpose: purpose})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Reason
}

// chooses answers on the page of one's own choices, and gives the page that follows.
func (v *visitor) chooses(form url.Values) string {
	v.t.Helper()
	form.Set("version", string(v.db.InForce().ID))
	a := v.post("/en/me/choices", form)
	if a.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("%v answers %s", form, a.Status)
	}
	to, _, _ := strings.Cut(a.Header.Get("Location"), "#")
	return v.see(to)
}

var receiptLink = regexp.MustCompile(`/en/receipt/[A-Za-z0-9_-]+/json`)

func TestOnesOwnChoicesActAtOnceWithTheirReceipt(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina, inbox)
	page := v.see("/en/me/choices")
	for _, want := range []string{`value="yes:a/tailored_offers"`, `value="no:b/newsletter"`, "We tell you when a smaller", `name="object" value="network_security"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "checked") || strings.Contains(page, "why do you") {
		t.Error("something is set beforehand, or a reason is asked")
	}
	page = v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	if got := w.decides(mina, "tailored_offers"); got != decision.Given {
		t.Fatalf("after a yes: %s", got)
	}
	links := receiptLink.FindAllString(page, -1)
	if len(links) != 1 {
		t.Fatalf("%d receipts are shown", len(links))
	}
	verdict, err := receipt.Verify([]byte(v.see(links[0])), w.db.LogKey())
	if err != nil || verdict.Outcome != receipt.Valid {
		t.Errorf("%+v, %v", verdict, err)
	}
	v.chooses(url.Values{"answer": {"no:a/tailored_offers"}})
	if got := w.decides(mina, "tailored_offers"); got != decision.Withdrawn {
		t.Errorf("after a no: %s", got)
	}
	v.chooses(url.Values{"answer": {"yes:a/coverage_study/to:institute"}})
	v.chooses(url.Values{"answer": {"yes:b/newsletter"}})
	if got := w.decides(inbox, "newsletter"); got != decision.Unconfirmed {
		t.Errorf("a yes that the mailbox has not confirmed: %s", got)
	}
	v.chooses(url.Values{"answer": {"no:b/newsletter/on:bay"}})
	states, err := w.db.States(t.Context(), inbox)
	if err != nil || !slices.Equal(states[consent.Key{Purpose: "newsletter"}].Pending.Topics, []string{"tips", "works"}) {
		t.Errorf("%+v, %v", states, err)
	}
	page = v.chooses(url.Values{"choice": {"reject"}})
	if n := len(receiptLink.FindAllString(page, -1)); n != 3 { // the institute, the newsletter, the objection
		t.Errorf("a no to everything shows %d receipts", n)
	}
	if got := w.decides(mina, "network_security"); got != decision.Objected {
		t.Errorf("after a no to everything: %s", got)
	}
	if page = v.chooses(url.Values{"choice": {"reject"}}); len(receiptLink.FindAllString(page, -1)) != 0 {
		t.Error("a second no writes what the first did")
	}
}

func TestForgedAnswersAreRefused(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina)
	version := string(w.db.InForce().ID)
	for _, answer := range []string{"yes:b/newsletter", "yes:/newsletter", "yes:a/internet_service", "maybe:a/tailored_offers", "yes:a/nothing", "yes:a/newsletter", "yes:a/tailored_offers/on:x", "yes:a/tailored_offers/to:nobody", "yes:ä/newsletter", ""} {
		if a := v.post("/en/me/choices", url.Values{"answer": {answer}, "version": {version}}); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%q: %s", answer, a.Status)
		}
	}
	for name, form := range map[string]url.Values{
		"two answers":         {"answer": {"yes:a/tailored_offers", "no:a/tailored_offers"}, "version": {version}},
		"two things":          {"answer": {"yes:a/tailored_offers"}, "choice": {"reject"}, "version": {version}},
		"no version":          {"answer": {"yes:a/tailored_offers"}, "version": {""}},
		"a law is no subject": {"object": {"tax_records"}, "version": {version}},
	} {
		if a := v.post("/en/me/choices", form); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	v.header.Set("Origin", "https://evil.example")
	v.header.Set("Sec-Fetch-Site", "cross-site")
	for _, path := range []string{"/en/me/choices", "/en/me/erase", "/en/me/correct", "/en/me/take", "/en/me/requests"} {
		if a := v.post(path, url.Values{"do": {"erase"}, "choice": {"reject"}, "version": {version}}); a.StatusCode != http.StatusForbidden {
			t.Errorf("another site sends %s: %s", path, a.Status)
		}
	}
	if list, err := w.db.Requests(t.Context(), mina); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAPolicyThatChangedTakesNoYesButEveryNo(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina)
	v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	before := string(w.db.InForce().ID)
	w.publish(strings.Replace(example(t, "casco-fiber"), "Same line, same plans", "The same line, same plans", 1))
	if a := v.post("/en/me/choices", url.Values{"answer": {"yes:a/coverage_study"}, "version": {before}}); a.StatusCode != http.StatusConflict {
		t.Errorf("a yes to what was: %s", a.Status)
	}
	if a := v.post("/en/me/choices", url.Values{"answer": {"no:a/tailored_offers"}, "version": {before}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("a no: %s", a.Status)
	}
}

func TestWhatIsKnownIsListedAndDrawn(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina, inbox)
	v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	for _, l := range []string{"en", "ar"} {
		page := v.see("/" + l + "/me/known")
		svg := regexp.MustCompile(`(?s)<svg class="way" role="list" aria-label="[^"]+".*?</svg>`).FindString(page)
		if n := strings.Count(svg, `role="listitem"`); n < 5 || n != strings.Count(svg, `class="purpose"`) || 2*n != strings.Count(svg, "<path") {
			t.Errorf("%s: the drawing is %d bytes", l, len(svg))
		}
		if !strings.Contains(page, "<details>") || !strings.Contains(page, `/`+l+`/me/requests#ask`) {
			t.Errorf("%s: the list, or what is not shown, is missing", l)
		}
	}
	page := v.see("/en/me/known")
	for _, want := range []string{"The kinds of sites used over your line", "Advice and offers from how your line is used", "until ", "…42", "sealed with the program"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "100042") || strings.Contains(page, "mina@") {
		t.Error("the page spells an identifier out")
	}
}

func TestACorrectionIsKeptShownAndAnswered(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina)
	page := v.see("/en/me/correct")
	if strings.Contains(page, "data-password") || strings.Contains(page, "data-plan") || !strings.Contains(page, "data-name") {
		t.Error("the form asks for other than what may be corrected here")
	}
	a := v.post("/en/me/correct", url.Values{"data-name": {"مينا ناصر"}, "data-plan": {"gold"}})
	page = v.see(a.Header.Get("Location"))
	if !strings.Contains(page, "مينا ناصر") || strings.Contains(page, "gold") || len(receiptLink.FindAllString(page, -1)) != 1 {
		t.Error("the request does not show what was asked, with its receipt")
	}
	list, err := w.db.Requests(t.Context(), mina)
	if err != nil || len(list) != 1 || list[0].Due.Sub(w.now()) > 30*24*time.Hour {
		t.Fatalf("%+v, %v", list, err)
	}
	stranger := w.signedIn("customer:7")
	for _, path := range []string{"", "/file"} {
		if a := stranger.get("/en/me/requests/" + list[0].ID + path); a.StatusCode != http.StatusNotFound {
			t.Errorf("a stranger sees %s", a.Status)
		}
	}
	if a := stranger.post("/en/me/requests/"+list[0].ID, url.Values{"do": {"cancel"}}); a.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger cancels: %s", a.Status)
	}
	if _, _, err := w.db.Outcome(t.Context(), list[0].ID, request.Refused, "We need <b>a document</b>."); err != nil {
		t.Fatal(err)
	}
	if page = v.see("/en/me/requests/" + list[0].ID); !strings.Contains(page, "We need &lt;b&gt;a document") || !strings.Contains(page, "Refused") {
		t.Error("the answer is not shown as text")
	}
	for name, bad := range map[string]string{"turned": "a\u202eb", "long": strings.Repeat("x", 20_000), "control": "a\x00b"} {
		if a := v.post("/en/me/correct", url.Values{"data-name": {bad}}); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	long := url.Values{"data-name": {strings.Repeat("x", 10<<20)}}.Encode()
	if a, err := v.client.Post(w.URL+"/en/me/correct", "application/x-www-form-urlencoded", strings.NewReader(long)); err == nil { // else the door was shut while it was sent
		a.Body.Close()
		if a.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("10 MB: %s", a.Status)
		}
	}
	if list, err := w.db.Requests(t.Context(), mina); err != nil || len(list) != 1 {
		t.Errorf("what was refused is kept: %d requests, %v", len(list), err)
	}
	if strings.Contains(w.logs.String(), "ناصر") {
		t.Error("a name is in the log")
	}
}

func TestTakingOnesDataAway(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina, inbox)
	v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	a := v.post("/en/me/take", url.Values{})
	at, _, _ := strings.Cut(a.Header.Get("Location"), "?")
	if again := v.post("/en/me/take", url.Values{}); !strings.HasPrefix(again.Header.Get("Location"), at) {
		t.Error("a second click begins a second copy")
	}
	if got := v.get(at); got.Header.Get("Refresh") == "" || strings.Contains(got.text, "/file") {
		t.Error("while it is prepared the page does not say so")
	}
	if n := w.engine(); n != 1 {
		t.Fatalf("%d requests were done", n)
	}
	page := v.see(at)
	secret := regexp.MustCompile(`<code class="key" dir="ltr">([a-z2-7-]+)</code>`).FindStringSubmatch(page)
	if secret == nil {
		t.Fatal("the password is not shown")
	}
	file := v.get(at + "/file")
	id, err := age.NewScryptIdentity(secret[1])
	if err != nil {
		t.Fatal(err)
	}
	opened, err := age.Decrypt(strings.NewReader(file.text), id)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(opened)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r)
		names[f.Name] = string(b)
	}
	receipts := 0
	for name, body := range names {
		if !strings.HasPrefix(name, "receipts/") {
			continue
		}
		receipts++
		if verdict, err := receipt.Verify([]byte(body), w.db.LogKey()); err != nil || verdict.Outcome != receipt.Valid {
			t.Errorf("%s: %+v, %v", name, verdict, err)
		}
	}
	if receipts != 2 || !strings.Contains(names["data.json"], `"tailored_offers"`) || !strings.HasPrefix(names["choices.csv"], "\ufeff") || !strings.Contains(names["index.html"], string(mina)) {
		t.Errorf("%d receipts, %d files", receipts, len(names))
	}
	if a := v.post("/en/me/take", url.Values{"key": {"age1wrong"}}); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a key that is none: %s", a.Status)
	}
	w.pass(request.DownloadLife)
	v = w.signedIn(mina, inbox)
	if got := v.get(at + "/file"); got.StatusCode != http.StatusNotFound {
		t.Errorf("after its time: %s", got.Status)
	}
	if page = v.see(at); strings.Contains(page, secret[1]) {
		t.Error("the password is still shown")
	}
	if n := w.engine(); n != 1 {
		t.Error("the copy is not deleted")
	}
}

func TestErasingSaysBeforehandAndLeavesAReceipt(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina, inbox)
	if a := v.post("/en/me/erase", url.Values{"do": {"erase"}}); !strings.Contains(a.text, "nothing to erase") {
		t.Errorf("erasing nobody: %s", a.Status)
	}
	v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	page := v.see("/en/me/erase")
	for _, want := range []string{"keyed fingerprint", "Bookkeeping and taxes", "Your Internet line", "for one year", "…42", "3 days"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q beforehand", want)
		}
	}
	a := v.post("/en/me/erase", url.Values{"do": {"erase"}})
	ticket := a.Header.Get("Location")
	if !strings.HasPrefix(ticket, "/en/erasure/") {
		t.Fatal(ticket)
	}
	if again := v.post("/en/me/erase", url.Values{"do": {"erase"}}); !strings.HasPrefix(again.Header.Get("Location"), "/en/me/requests/") {
		t.Errorf("a second click leads to %q", again.Header.Get("Location"))
	}
	if got := w.decides(mina, "tailored_offers"); got != decision.Restricted {
		t.Errorf("while it waits: %s", got)
	}
	for _, p := range []string{"/en/me", "/en/me/known", "/en/me/choices"} {
		if !strings.Contains(v.see(p), "will be erased on") {
			t.Errorf("%s does not say that an erasure waits", p)
		}
	}
	anybody := w.visitor()
	if page := anybody.see(ticket); !strings.Contains(page, "Keep this address") || strings.Contains(page, "…42") {
		t.Error("the ticket shows no progress, or too much")
	}
	if a := anybody.get("/en/erasure/XXXXXXXXXX"); a.StatusCode != http.StatusNotFound {
		t.Errorf("a guessed ticket: %s", a.Status)
	}
	w.pass(request.ToThink - time.Second)
	if n := w.engine(); n != 0 {
		t.Fatal("it was erased before its time")
	}
	w.pass(time.Second)
	if n := w.engine(); n != 1 {
		t.Fatal("it was not erased in its time")
	}
	page = anybody.see(ticket)
	if !strings.Contains(page, "keys of old copies are destroyed") {
		t.Error("the ticket does not say that it is done")
	}
	file := anybody.get(ticket + "?receipt=1")
	verdict, err := receipt.Verify([]byte(file.text), w.db.LogKey())
	if err != nil || verdict.Outcome != receipt.Valid || verdict.Receipt.Record.HasErasure == nil {
		t.Errorf("%+v, %v", verdict, err)
	}
	if strings.Contains(w.logs.String(), strings.TrimPrefix(ticket, "/en/erasure/")) {
		t.Error("the ticket is in the log")
	}
	if _, err := w.db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNoPrivatePageIsLarge measures the pages of somebody with hundreds of
// receipts and requests.
func TestNoPrivatePageIsLarge(t *testing.T) {
	w := open(t, "casco-fiber")
	for i := range 300 {
		d := consent.Given
		if i%2 == 1 {
			d = consent.Withdrawn
		}
		for id, purpose := range map[subject.ID]string{mina: "tailored_offers", inbox: "offers"} {
			if _, err := w.db.Submit(t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: d}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 15 {
		r, _, err := w.db.Ask(t.Context(), store.Ask{Subjects: []subject.ID{mina}, Kind: request.Complaint, Demand: request.Demand{Text: fmt.Sprint("late ", i)}})
		if err == nil && i%2 == 0 {
			_, _, err = w.db.Outcome(t.Context(), r.ID, request.Done, "We are sorry.")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	v := w.signedIn(mina, inbox, "phone:+12075550123")
	seen, pages := map[string]bool{}, 0
	for next := "/en/me/receipts"; next != ""; pages++ {
		page := v.see(next)
		for _, l := range regexp.MustCompile(`(?s)<li class="card">.*?</li>`).FindAllString(page, -1) {
			seen[l] = true
		}
		m := regexp.MustCompile(`href="(/en/me/receipts\?before=[^"]+)" rel="next"`).FindStringSubmatch(page)
		if next = ""; m != nil {
			next = m[1]
		}
	}
	if len(seen) < 600 || pages < 24 {
		t.Errorf("%d receipts on %d pages", len(seen), pages)
	}
	for _, p := range []string{"/me", "/me/known", "/me/choices", "/me/receipts", "/me/requests", "/me/correct", "/me/take", "/me/erase"} {
		for _, l := range []string{"en", "ar"} {
			v.header.Set("Accept-Encoding", "gzip")
			a := v.get("/" + l + p)
			v.header.Del("Accept-Encoding")
			if n := len(a.text); n > 30<<10 {
				t.Errorf("%s%s: %d bytes on the wire", l, p, n)
			} else {
				t.Logf("%s%s: %d bytes on the wire", l, p, n)
			}
		}
	}
}

func TestAPauseEndsByItself(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn(mina)
	if a := v.post("/en/me/choices", url.Values{"pause": {"1:a/tailored_offers"}}); a.StatusCode != http.StatusConflict {
		t.Errorf("a pause of nothing: %s", a.Status)
	}
	v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	before, err := w.db.States(t.Context(), mina)
	if err != nil {
		t.Fatal(err)
	}
	key := consent.Key{Purpose: "tailored_offers"}
	page := v.chooses(url.Values{"pause": {"1:a/tailored_offers"}})
	if got := w.decides(mina, "tailored_offers"); got != decision.Withdrawn || len(receiptLink.FindAllString(page, -1)) != 1 || !strings.Contains(page, "Paused until") || !strings.Contains(page, "Yes, but paused") {
		t.Fatalf("while it is paused: %s", got)
	}
	w.pass(27 * 24 * time.Hour)
	if n := w.engine(); n != 0 {
		t.Error("it ended before its time")
	}
	w.pass(5 * 24 * time.Hour)
	if n := w.engine(); n != 1 {
		t.Error("it did not end in its time")
	}
	after, err := w.db.States(t.Context(), mina)
	if err != nil || w.decides(mina, "tailored_offers") != decision.Given || !after[key].Yes.Until.Equal(before[key].Yes.Until) {
		t.Errorf("%+v, %v", after[key], err)
	}
	v = w.signedIn(mina)
	v.chooses(url.Values{"pause": {"0:a/tailored_offers"}})
	list, err := w.db.Requests(t.Context(), mina)
	if err != nil {
		t.Fatal(err)
	}
	if a := v.post("/en/me/requests/"+list[0].ID, url.Values{"do": {"cancel"}}); a.StatusCode != http.StatusSeeOther || w.decides(mina, "tailored_offers") != decision.Given {
		t.Errorf("ended by hand: %s", a.Status)
	}
	v.chooses(url.Values{"pause": {"0:a/tailored_offers"}})
	v.chooses(url.Values{"answer": {"no:a/tailored_offers"}}) // said meanwhile: it stays
	w.pass(8 * 24 * time.Hour)
	w.engine()
	if got := w.decides(mina, "tailored_offers"); got != decision.Withdrawn {
		t.Errorf("a no while it was paused: %s", got)
	}
	for _, bad := range []string{"9:a/tailored_offers", "0:b/tailored_offers", "x", "0:a/billing"} {
		if a := w.signedIn(mina).post("/en/me/choices", url.Values{"pause": {bad}}); a.StatusCode < 400 {
			t.Errorf("%q: %s", bad, a.Status)
		}
	}
	if _, err := w.db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestHowOftenIsChosen: less often holds at once and at every door, a later yes
// does not widen it by itself, and what is not offered is refused.
func TestHowOftenIsChosen(t *testing.T) {
	w := open(t, "casco-fiber")
	src := example(t, "casco-fiber")
	for _, id := range []string{"tailored_offers", "comfort"} {
		src = strings.Replace(src, "\n  "+id+":\n", "\n  "+id+":\n    frequency: [monthly, daily]\n", 1)
	}
	w.publish(src)
	v := w.signedIn(mina)
	often := func(id subject.ID, purpose string) string {
		t.Helper()
		a, err := w.db.Decide(t.Context(), id, decision.Question{Purpose: purpose})
		if err != nil || !a.Allowed {
			t.Fatalf("%+v, %v", a, err)
		}
		return a.Yes.Often
	}
	page := v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	if got := often(mina, "tailored_offers"); got != "daily" || !strings.Contains(page, `value="yes:a/tailored_offers/as:monthly"`) {
		t.Errorf("a yes that chooses nothing is to %q", got)
	}
	for range 2 { // chosen, and then a yes again
		page = v.chooses(url.Values{"answer": {"yes:a/tailored_offers/as:monthly"}})
		if got := often(mina, "tailored_offers"); got != "monthly" || !strings.Contains(page, `as:monthly" aria-pressed="true"`) {
			t.Errorf("chosen monthly: %q", got)
		}
		v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
		if got := often(mina, "tailored_offers"); got != "monthly" {
			t.Errorf("a yes again makes it %q", got)
		}
	}
	for _, answer := range []string{"yes:a/tailored_offers/as:weekly", "no:a/tailored_offers/as:daily"} {
		if a := v.post("/en/me/choices", url.Values{"answer": {answer}}); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", answer, a.Status)
		}
	}
	browser := w.visitor()
	for _, answer := range []string{"yes:comfort", "yes:comfort@monthly", "yes:comfort"} {
		if a := browser.post("/en/choices", url.Values{"answer": {answer}}); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s", answer, a.Status)
		}
	}
	if a := browser.post("/en/choices", url.Values{"answer": {"yes:comfort@yearly"}}); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("what is not offered: %s", a.Status)
	}
	id, err := subject.DeviceOf(device(browser))
	if err != nil || often(id, "comfort") != "monthly" {
		t.Errorf("the browser's is %q, %v", often(id, "comfort"), err)
	}
	list, _, err := w.db.ReceiptsOf(t.Context(), id, 0, "")
	if err != nil || len(list) != 3 || !slices.ContainsFunc(list, func(r receipt.Receipt) bool { return r.Record.HasConsent.Frequency == "monthly" }) {
		t.Errorf("the receipts do not tell: %v", err)
	}
	for _, r := range list {
		raw, err := json.Marshal(r)
		if verdict, e := receipt.Verify(raw, w.db.LogKey()); err != nil || e != nil || verdict.Outcome != receipt.Valid {
			t.Errorf("%+v, %v", verdict, e)
		}
	}
	if page := browser.see("/ar/choices"); !strings.Contains(page, `value="yes:comfort@daily"`) || !strings.Contains(page, "كم مرة") {
		t.Error("the page of the choices does not offer it")
	}
}
