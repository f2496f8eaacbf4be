package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
)

func TestAVerdictSpeaksTheReadersLanguage(t *testing.T) {
	words, _ := lang.For("ar", lang.Options{})
	var r receipt.Receipt
	r.Record.HasConsent, r.Record.HasNotice = new(receipt.Consent), new(receipt.Notice)
	r.Record.HasConsent.Purpose, r.Record.HasConsent.Recipient = "ads", "lawha"
	r.Record.HasConsent.Decision, r.Record.HasConsent.Time = consent.ActGiven, "2026-11-21T21:23:56.990Z"
	r.Record.HasNotice.Policy = "sha256:9b4a"
	r.Process = &receipt.OpenedProcess{Value: receipt.Process{
		Purpose:    receipt.ProcessPurpose{Title: "إحصاء إعلاناتنا"},
		Recipients: []receipt.ProcessRecipient{{ID: "stats", Name: "عدّاد"}, {ID: "lawha", Name: "لوحة للإعلان"}},
	}}
	r.Proof = &receipt.Proof{Index: 15650, Size: 15651}
	for _, c := range []struct {
		name, want string
		verdict    receipt.Verdict
	}{
		{"pending", `الإيصال ليس في السجل بعد

  الغرض: إحصاء إعلاناتنا (ads)
  الجواب: موافقة
  الجهة التي يخصّها السؤال: لوحة للإعلان (lawha)
  وقت الجواب: 21` + "\u00a0" + `نوفمبر 2026، الساعة 21:23 بالتوقيت العالمي المنسق (UTC)
  نسخة السياسة التي عُرضت: sha256:9b4a
  القيد 15,651 من 15,651 في السجل shop.example/log

ما لا يثبته
  - أي شيء مما فيه: لم يوقّع أحد هذا الملف، ويمكن لأي أحد أن يكتبه.
  - أن السجل أدخل القيد. اطلب الإيصال مرة أخرى لاحقًا.
  - أن الجواب ما زال ساريًا اليوم. فالإيصال تاريخ، وربما تغيّر الجواب بعده.
`, receipt.Verdict{Outcome: receipt.Pending, Receipt: &r, Checkpoint: ledger.Checkpoint{Origin: "shop.example/log"}, Detail: "for programmers"}},
		{"broken", `الإيصال غير صحيح

سبب ذلك
  - غُيِّر المعرّف.
  - لا يُعوَّل على شيء في هذا الملف.

(for programmers)
`, receipt.Verdict{Outcome: receipt.Broken, Receipt: &r, Part: receipt.PartSubject, Detail: "for programmers"}},
		{"another key", `الإيصال غير صحيح

سبب ذلك
  - وُقّع بمفتاح غير الذي أدخلته.
  - لا يُعوَّل على شيء في هذا الملف.
  - إن كانت الشركة قد غيّرت مفتاحها منذ ذلك الحين فأضف قائمة مفاتيح السجل أيضًا (` + "\u200e--signers\u200e" + `).
`, receipt.Verdict{Outcome: receipt.Broken, Receipt: &r, Part: receipt.PartSigner}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := tellVerdict(&out, words, c.verdict); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, out.String()); d != "" {
				t.Error(d)
			}
		})
	}
}
