package receipt

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

// version is a small policy, enough for one purpose.
func version(t testing.TB) *policy.Version {
	t.Helper()
	keep, err := policy.ParseDuration("P2Y")
	if err != nil {
		t.Fatal(err)
	}
	p := &policy.Policy{
		Languages:    []string{"en", "ar"},
		Organization: policy.Organization{Name: policy.Text{"": "Shop"}, LegalName: policy.Text{"": "Shop LLC"}, Contact: policy.Contact{Email: "a@shop.example", Phone: "+12075550100", Address: policy.Text{"": "1 Main St"}}},
		Data:         map[string]policy.Data{"email": {Label: policy.Text{"en": "E-mail", "ar": "البريد"}, Category: "user.contact.email", DPV: "EmailAddress"}},
		Purposes: map[string]policy.Purpose{"newsletter": {Title: policy.Text{"en": "News", "ar": "النشرة"}, Text: policy.Text{"en": "We write to you.", "ar": "نكتب إليك."},
			Benefit: policy.Text{"en": "You know first.", "ar": "تعرف أولًا."}, Basis: policy.Consent, Data: []string{"email"}, Recipients: []string{"mailer"}, Keep: keep}},
		Recipients: map[string]policy.Recipient{"mailer": {Name: policy.Text{"": "Mailer"}, Role: policy.Processor, Country: "US", Data: []string{"email"}}},
	}
	canonical := []byte(`{"amana":1}`)
	meanings, err := policy.MeaningsAfter(nil, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: policy.IDOf(canonical), Canonical: canonical, Policy: p, Meanings: meanings}
}

// partsOf makes the parts of one answer.
func partsOf(t testing.TB) Parts {
	t.Helper()
	v := version(t)
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	e := consent.Event{ID: "0b6b4f5e-7f0a-4d5e-9d6c-0123456789ab", Seq: 1, Time: now, Act: consent.ActGiven, Purpose: "newsletter",
		Policy: v.ID, Meaning: v.Meanings["newsletter"], Language: "ar", Surface: consent.SurfaceAPI, Shown: true, Attested: true, Signals: consent.Signals{GPC: true}}
	after := consent.State{Status: consent.StatusGiven, Yes: &consent.Yes{Event: e.ID, Until: now.AddDate(2, 0, 0)}}
	process, err := ProcessOf(v, "newsletter", "ar", "https://shop.example/choices", "بنقرة واحدة")
	if err != nil {
		t.Fatal(err)
	}
	scope, _ := v.ScopeOf("newsletter")
	parts, err := Make(e, after, textsShown(t, process, scope), "email:sara@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// issue makes a receipt in a log of a few entries, and gives the log's key.
func issue(t testing.TB, skey string) []byte {
	t.Helper()
	parts := partsOf(t)
	tree, err := ledger.Load(0, func(int, int64) ([]tlog.Hash, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	tree.Accept(tree.Stage([]ledger.Entry{{1}, {2}, parts.Entry(), {3}, {4}, {5}}))
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.Root(6)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := ledger.Checkpoint{Origin: signer.Name(), Size: 6, Root: root}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tree.Inclusion(6, 2)
	if err != nil {
		t.Fatal(err)
	}
	r, err := parts.Receipt(ProofOf(2, 6, proof), checkpoint, []Signer{{Key: vkeys[skey]}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var vkeys = map[string]string{}

func key(t testing.TB) string {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	vkeys[skey] = vkey
	return skey
}

func outcome(t testing.TB, data []byte, pinned string) Verdict {
	t.Helper()
	v, err := Verify(data, pinned)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAReceiptIsWorthItsKey(t *testing.T) {
	skey, fresh := key(t), key(t)
	r := issue(t, skey)
	if v := outcome(t, r, vkeys[skey]); v.Outcome != Valid || v.ExitCode() != 0 {
		t.Fatalf("%+v", v)
	}
	if v := outcome(t, r, ""); v.Outcome != Unidentified || v.ExitCode() != 3 {
		t.Fatalf("without a pinned key: %+v", v)
	}
	if v := outcome(t, issue(t, fresh), vkeys[skey]); v.Outcome != Broken || v.Part != PartSigner || v.ExitCode() != 1 {
		t.Fatalf("re-signed with a fresh key: %+v", v)
	}
	if v := outcome(t, issue(t, fresh), ""); v.Outcome == Valid {
		t.Fatalf("re-signed with a fresh key, no key pinned: %+v", v)
	}
	swapped := bytes.ReplaceAll(issue(t, fresh), []byte(jsonText(vkeys[fresh])), []byte(jsonText(vkeys[skey])))
	if v := outcome(t, swapped, vkeys[skey]); v.Outcome != Broken || v.Part != PartCheckpoint {
		t.Fatalf("a fresh key under the company's name: %+v", v)
	}
	if _, err := Verify(r, "nonsense"); err == nil {
		t.Fatal("nonsense was taken for a key")
	}
}

func jsonText(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

// stride is how far apart the bytes are that are tried: every one in make soak,
// a third of them otherwise, for each costs two verified signatures.
var stride = map[bool]int{false: 3, true: 1}[os.Getenv("AMANA_SOAK") != ""]

func TestEveryByteOfAReceiptCounts(t *testing.T) {
	skey := key(t)
	r := issue(t, skey)
	for i := 0; i < len(r); i += stride {
		changed := bytes.Clone(r)
		changed[i] ^= 1
		if v := outcome(t, changed, vkeys[skey]); v.Outcome != Broken {
			t.Fatalf("byte %d, %q for %q, is %s:\n…%s…", i, changed[i], r[i], v.Outcome, changed[max(0, i-60):min(len(r), i+60)])
		}
	}
}

func TestWhatIsNotAReceiptIsBroken(t *testing.T) {
	skey := key(t)
	good := string(issue(t, skey))
	for name, data := range map[string]string{
		"empty":             "",
		"text":              "hello",
		"null":              "null",
		"another object":    "{}",
		"unknown member":    strings.Replace(good, `{"@context"`, `{"extra":1,"@context"`, 1),
		"unknown inside":    strings.Replace(good, `"hasConsent":{`, `"hasConsent":{"extra":1,`, 1),
		"member twice":      strings.Replace(good, `"salt":"`, `"salt":"AAAAAAAAAAAAAAAAAAAAAA==","salt":"`, 1),
		"another case":      strings.Replace(good, `"salt"`, `"Salt"`, 1),
		"something follows": good + "{}",
		"two values":        good + good,
		"deep":              strings.Repeat("[", 1<<19),
		"no signer":         strings.Replace(good, `"signers":[{`, `"signers":[],"x":[{`, 1),
		"null salt":         strings.Replace(good, `"salt":"`, `"salt":null,"x":"`, 1),
	} {
		if v := outcome(t, []byte(data), vkeys[skey]); v.Outcome != Broken || v.Detail == "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestACopyForOthersLeavesOutWhoAndWhat(t *testing.T) {
	skey := key(t)
	var r Receipt
	if err := json.Unmarshal(issue(t, skey), &r); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(r.Redact())
	if err != nil {
		t.Fatal(err)
	}
	if v := outcome(t, out, vkeys[skey]); v.Outcome != Valid {
		t.Fatalf("%+v", v)
	}
	if strings.Contains(string(out), "sara") || strings.Contains(string(out), "نكتب") {
		t.Fatalf("the copy says who or what: %s", out)
	}
}

func TestAPendingReceiptIsToldApart(t *testing.T) {
	skey := key(t)
	var r Receipt
	if err := json.Unmarshal(issue(t, skey), &r); err != nil {
		t.Fatal(err)
	}
	r.Proof, r.Checkpoint = nil, ""
	out, _ := json.Marshal(r)
	if v := outcome(t, out, vkeys[skey]); v.Outcome != Pending || v.ExitCode() != 3 {
		t.Fatalf("%+v", v)
	}
}

var update = flag.Bool("update", false, "issue the frozen receipt anew (only before the first release)")

// TestAFrozenReceiptVerifiesForEver holds every later version of the program to
// a receipt of the first.
func TestAFrozenReceiptVerifiesForEver(t *testing.T) {
	if *update {
		skey := key(t)
		write(t, "testdata/receipt-v1.json", issue(t, skey))
		write(t, "testdata/receipt-v1.key", []byte(vkeys[skey]+"\n"))
	}
	data, err := os.ReadFile("testdata/receipt-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := os.ReadFile("testdata/receipt-v1.key")
	if err != nil {
		t.Fatal(err)
	}
	if v := outcome(t, data, strings.TrimSpace(string(pinned))); v.Outcome != Valid {
		t.Fatalf("%+v", v)
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestARecordCarriesNoTextOfItsOwn: anybody can sign a record that says what
// they like; none of it may reach a terminal.
func TestARecordCarriesNoTextOfItsOwn(t *testing.T) {
	good := Record{ConformsTo: recordForm, ID: "0b6b4f5e-7f0a-4d5e-9d6c-0123456789ab", HasDataSubject: Party{Kind: "email"},
		HasNotice:  &Notice{Policy: policy.IDOf(nil), Language: "ar", Shown: "evidenced"},
		HasConsent: &Consent{Purpose: "newsletter", Decision: "given", Status: "ConsentGiven", Type: "ExpressedConsent", Time: "2026-11-21T10:00:00.000Z", By: "subject", Surface: "api", Scope: string(policy.IDOf(nil)), Meaning: string(policy.IDOf(nil))}}
	if err := good.plain(); err != nil {
		t.Fatal(err)
	}
	const text = "\x1b[2Jvalid"
	for name, spoil := range map[string]func(*Record){
		"id":        func(r *Record) { r.ID = text },
		"kind":      func(r *Record) { r.HasDataSubject.Kind = text },
		"policy":    func(r *Record) { r.HasNotice.Policy = text },
		"language":  func(r *Record) { r.HasNotice.Language = text },
		"shown":     func(r *Record) { r.HasNotice.Shown = text },
		"purpose":   func(r *Record) { r.HasConsent.Purpose = text },
		"recipient": func(r *Record) { r.HasConsent.Recipient = text },
		"topic":     func(r *Record) { r.HasConsent.Topics = []string{text} },
		"decision":  func(r *Record) { r.HasConsent.Decision = text },
		"status":    func(r *Record) { r.HasConsent.Status = text },
		"type":      func(r *Record) { r.HasConsent.Type = text },
		"time":      func(r *Record) { r.HasConsent.Time = text },
		"by":        func(r *Record) { r.HasConsent.By = text },
		"surface":   func(r *Record) { r.HasConsent.Surface = text },
		"scope":     func(r *Record) { r.HasConsent.Scope = text },
		"meaning":   func(r *Record) { r.HasConsent.Meaning = text },
		"until":     func(r *Record) { r.HasConsent.Until = text },
		"confirms":  func(r *Record) { r.HasConsent.Confirms = text },
	} {
		r, notice, answer := good, *good.HasNotice, *good.HasConsent
		r.HasNotice, r.HasConsent = &notice, &answer
		if spoil(&r); r.plain() == nil {
			t.Errorf("%s may be any text", name)
		}
	}
}

func FuzzVerify(f *testing.F) {
	skey := key(f)
	good := issue(f, skey)
	f.Add(good)
	f.Add([]byte(`{"signers":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Verify(data, vkeys[skey])
		if err != nil {
			t.Fatal(err)
		}
		if v.Outcome == Valid && !bytes.Equal(squeeze(t, data), squeeze(t, good)) {
			t.Fatalf("a forgery is valid: %s", data)
		}
	})
}

// squeeze is a receipt's canonical form without what a copy may leave out.
func squeeze(t *testing.T, data []byte) []byte {
	t.Helper()
	var r Receipt
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	out, err := canonical(r.Redact())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func textsShown(t testing.TB, process []byte, scope policy.Scope) Texts {
	t.Helper()
	out, err := NewTexts(process, scope.ID())
	if err != nil {
		t.Fatal(err)
	}
	return out
}
