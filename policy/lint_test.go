package policy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/policy"
)

func whole(t testing.TB) string {
	t.Helper()
	src, err := os.ReadFile("testdata/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func TestWholePoliciesHold(t *testing.T) {
	files, _ := filepath.Glob("../examples/*/amana.yaml")
	for _, name := range append(files, "testdata/whole.yaml") {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if doc, found := policy.Check(name, src); doc == nil {
			t.Errorf("findings:\n%s", lines(found))
		}
	}
}

// Each case edits the whole policy in one place and must give one finding of
// the requirement, on the line that begins with the given words.
func TestLintFindsWhatBreaksTheCharter(t *testing.T) {
	src := whole(t)
	const (
		newsBenefit = "    benefit: {en: You hear of a signing before the seats are gone., ar: تعلم بحفلات التوقيع قبل أن تنفد المقاعد.}\n"
		arBenefit   = "ar: تعلم بحفلات التوقيع قبل أن تنفد المقاعد."
	)
	for _, c := range []struct{ name, old, new, rule, line string }{
		{"no benefit", newsBenefit, "", "B4", "    title: {en: Our letter"},
		{"benefit repeats the text", "en: You hear of a signing before the seats are gone.", "en: \"Once a month, we write to you about NEW books!\"", "B4", "    benefit: {en: \"Once"},
		{"benefit repeats the title", "en: You hear of a signing before the seats are gone.", "en: our Letter!", "B4", "    benefit: {en: our"},
		{"Arabic benefit repeats the text", arBenefit, "ar: نَكتُبُ إليك مرّةً في الشهـر عن الكتب الجديده", "B4", "    benefit: {en: You hear"},
		{"ads that are relevant", "en: You hear of a signing before the seats are gone.", "en: You see more relevant ads that match your interests.", "B5", "    benefit: {en: You see"},
		{"Arabic ads that are relevant", arBenefit, "ar: نعرض لك إعلانات تناسب اهتماماتك", "B5", "    benefit: {en: You hear"},
		{"Arabic text in English", arBenefit, "ar: You hear of a signing first.", "language", "    benefit: {en: You hear"},
		{"no interest", "basis: legal_obligation", "basis: legitimate_interest\n    benefit: {en: Old bills can be found., ar: تبقى الفواتير القديمة محفوظة.}", "A4", "    title: {en: Bookkeeping"},
		{"marketing without asking", "    basis: consent\n    data: [email]", "    basis: legitimate_interest\n    interest: {en: Sales., ar: المبيعات.}\n    data: [email]", "B1", "    basis: legitimate_interest"},
		{"marketing without confirming", "    confirm: double\n", "", "A5", "    title: {en: Our letter"},
		{"confirming without an address", "    acts_on: [device]", "    acts_on: [device]\n    confirm: double", "A5", "    confirm: double"},
		{"acting on nothing", "    acts_on: [device]", "    acts_on: []", "A4", "    acts_on: []"},
		{"how often without a yes", "    basis: legal_obligation\n", "    basis: legal_obligation\n    frequency: [monthly]\n", "B8", "    frequency: [monthly]"},
		{"kept from the wrong day", "    marks: [marketing]", "    marks: [marketing]\n    keep_from: last_use", "A4", "    keep_from: last_use"},
		{"a yes that holds for no time", "    keep: P2Y\n    confirm: double", "    keep: P0D\n    confirm: double", "A4", "    keep: P0D"},
		{"topic twice", "id: poems", "id: novels", "B8", "      - {id: novels, label: {en: Poems"},
		{"third party shown with the purpose", "role: processor", "role: third_party\n    permission: with_purpose", "A6", "    permission: with_purpose"},
		{"recipient of what its purposes lack", "    data: [email]\n\nstorage", "    data: [email, visits]\n\nstorage", "A6", "    data: [email, visits]"},
		{"recipient of nothing", "    data: [visits]\n", "    data: [visits]\n    recipients: [mailer]\n", "A6", "    recipients: [mailer]"},
		{"recipient of no purpose", "    recipients: [mailer]\n", "", "A6", "  mailer:"},
		{"never reviewed", "review_every: P6M", "review_every: P0D", "A6", "    review_every: P0D"},
		{"data of no purpose", "    data: [visits]\n", "    data: []\n", "B4", "  visits:"},
		{"stored for another recipient", "    lifetime: P13M", "    recipient: mailer", "A8", "    recipient: mailer"},
		{"stored without asking there", "    purpose: analytics", "    purpose: newsletter", "A8", "    purpose: newsletter"},
		{"stored without why", "    why: {en: Keeps one visit from being counted twice., ar: يمنع أن تُحصى الزيارة مرتين.}\n", "", "A8", "  - name: nw_count"},
		{"no security", "security:\n  measures:\n    - {en: Data is encrypted where it is stored., ar: البيانات مشفّرة حيث تُحفظ.}\n", "", "A2", "amana: 1"},
		{"security of nothing", "  measures:\n    - {en: Data is encrypted where it is stored., ar: البيانات مشفّرة حيث تُحفظ.}", "  destruction: {en: Burnt., ar: تُحرق.}", "A2", "  destruction"},
		{"no access", "access: {staff_at_most: 5}\n", "", "A3", "amana: 1"},
		{"no confirm", "confirm: {within: P7D}\n", "", "A5", "amana: 1"},
		{"confirmed in no time", "within: P7D", "within: P0D", "A5", "confirm: {within: P0D}"},
		{"no requests", "requests: {rights: [access, correction, erasure]}\n", "", "A7", "amana: 1"},
		{"requests of nothing", "requests: {rights: [access, correction, erasure]}", "requests: {}", "A7", "requests: {}"},
		{"no right to correct", "[access, correction, erasure]", "[access, erasure]", "A7", "requests:"},
		{"less proof for what is sensitive", "[access, correction, erasure]}", "[access, correction, erasure], proof: {access: 2}, proof_sensitive: {access: 1, erasure: 2}}", "A7", "requests:"},
		{"no programmes", "programmes: []\n", "", "A9", "amana: 1"},
		{"no children", "children: {minimum_age: 16, below: refuse}\n", "", "A10", "amana: 1"},
		{"children too young", "minimum_age: 16", "minimum_age: 015", "A10", "children: {minimum_age: 015"},
		{"no changes", "changes: {notice: P30D, by: [email]}\n", "", "A11", "amana: 1"},
		{"changes told in no way", "by: [email]", "by: []", "A11", "changes:"},
		{"no e-mail", "    email: privacy@northwind.example\n", "", "A13", "    phone: +1"},
		{"broken e-mail", "privacy@northwind.example", "privacy@northwind", "A13", "    email: privacy@northwind"},
		{"broken phone", "+1 207 555 0100", "call us", "A13", "    phone: call us"},
		{"no address", "    address: 4 Quay Street, Portland, ME 04101\n", "", "A13", "    email:"},
		{"site without TLS", "https://northwind.example", "http://northwind.example", "A13", "  sites:"},
		{"policy of a recipient that is no address", "https://pinepost.example/privacy", "javascript:alert(1)", "A6", "    policy_url:"},
		{"country that is none", "country: US", "country: UK1", "A6", "    country:"},
		{"pale colour", "#0b5c7a", "#f0c040", "A13", "  color:"},
		{"logo elsewhere", "  color:", "  logo: ../../etc/passwd.svg\n  color:", "A13", "  logo:"},
		{"not filled in", "name: Northwind Books\n", "name: ‹your name›\n", "A1", "  name: ‹your name›"},
		{"brand of an unknown purpose", "languages: [en, ar]", "languages: [en, ar]\nbrands: {kids: {name: Kids, purposes: [letters]}}", "reference", "brands:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			edited := strings.Replace(src, c.old, c.new, 1)
			if edited == src {
				t.Fatalf("testdata/whole.yaml no longer has %q", c.old)
			}
			doc, found := policy.Check("p", []byte(edited))
			if doc != nil || len(found) != 1 || found[0].Rule != c.rule {
				t.Fatalf("want one finding of %s, got\n%s", c.rule, lines(found))
			}
			if line := strings.Split(edited, "\n")[found[0].Line-1]; !strings.HasPrefix(line, c.line) {
				t.Errorf("found at %q, want the line of %q:\n%s", line, c.line, lines(found))
			}
		})
	}
}

func TestBenefitsThatAreRealAreLeftAlone(t *testing.T) {
	for _, c := range []struct{ en, ar string }{
		{"You see fewer ads.", "ترى إعلانات أقل."},
		{"You see the same ad three times at most.", "لا ترى الإعلان نفسه أكثر من ثلاث مرات."},
		{"We tell you when a smaller, cheaper plan would do.", "نخبرك حين تكفيك باقة أصغر وأرخص."},
		{"Offers for books you own already are left out.", "نعفيك من عروض كتب تملكها."},
	} {
		src := strings.NewReplacer("You hear of a signing before the seats are gone.", `"`+c.en+`"`, "تعلم بحفلات التوقيع قبل أن تنفد المقاعد.", c.ar, "marks: [marketing]", "marks: [targeted_ads]").Replace(whole(t))
		if doc, found := policy.Check("p", []byte(src)); doc == nil {
			t.Errorf("%s / %s:\n%s", c.en, c.ar, lines(found))
		}
	}
}

func TestTargetingAloneIsNoBenefitInManyWords(t *testing.T) {
	for _, text := range []string{
		"More relevant advertising", "So that the ads you see are tailored to your interests.", "Personalised ads!", "You get ads that are useful to you.",
		"Ads based on your behaviour, rather than just any ads", "A better ad experience",
	} {
		src := strings.NewReplacer("You hear of a signing before the seats are gone.", `"`+text+`"`, "marks: [marketing]", "marks: [ads]").Replace(whole(t))
		if _, found := policy.Check("p", []byte(src)); len(found) != 1 || found[0].Rule != "B5" {
			t.Errorf("%s: want one finding of B5, got\n%s", text, lines(found))
		}
	}
	for _, text := range []string{"إعلانات مخصصة لك", "ترى الإعلانات التي تهمّك حقًّا", "عرض إعلانات أكثر ملاءمةً لاهتماماتك", "إعلاناتٌ موجّهةٌ بحسب سلوكك", "لتصلك إعلانات مناسبة"} {
		src := strings.NewReplacer("تعلم بحفلات التوقيع قبل أن تنفد المقاعد.", text, "marks: [marketing]", "marks: [ads]").Replace(whole(t))
		if _, found := policy.Check("p", []byte(src)); len(found) != 1 || found[0].Rule != "B5" {
			t.Errorf("%s: want one finding of B5, got\n%s", text, lines(found))
		}
	}
}

func TestLargePoliciesAreCheckedInTime(t *testing.T) {
	var b strings.Builder
	b.WriteString("amana: 1\nlanguages: [en]\ndata: {}\nrecipients:\n")
	const many = 8000
	for i := range many {
		fmt.Fprintf(&b, "  r%d: {name: a, role: processor, data: [x%d]}\n", i, i)
	}
	b.WriteString("purposes:\n")
	for i := range many {
		fmt.Fprintf(&b, "  p%d: {basis: consent, data: [x], recipients: [r%d, s]}\n", i, i)
	}
	start := time.Now()
	if _, found := policy.Check("p", []byte(b.String())); len(found) != 500 {
		t.Errorf("want 500 findings, got %d", len(found))
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}
