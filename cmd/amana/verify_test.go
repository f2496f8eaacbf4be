package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/receipt"
)

// A receipt is a file somebody sent: it must not steer the terminal that shows it.
func TestAReceiptCannotSteerTheTerminal(t *testing.T) {
	words, _ := lang.For("ar", lang.Options{})
	var r receipt.Receipt
	r.Record.HasConsent, r.Record.HasNotice = new(receipt.Consent), new(receipt.Notice)
	r.Record.HasConsent.Purpose = "news\x1b[2J\x1b]0;owned\a\u202eretteL"
	r.Record.HasConsent.Decision = consent.ActGiven
	r.Record.HasConsent.Time = "2026\r\n\u2066"
	v := receipt.Verdict{Outcome: receipt.Unidentified, Receipt: &r, Signer: "a\u009b31m+key", Detail: "\x1b[31m"}
	var out bytes.Buffer
	if err := tellVerdict(&out, words, v); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexAny(out.String(), "\x1b\a\r\u202e\u2066\u009b"); i >= 0 {
		t.Errorf("%q", out.String())
	}
	if raw, err := json.Marshal(summary(v)); err != nil || strings.ContainsRune(string(raw), '\u009b') {
		t.Errorf("%s %v", raw, err)
	}
	if !strings.Contains(out.String(), "news\uFFFD[2J\uFFFD]0;owned\uFFFD\uFFFDretteL") {
		t.Errorf("what can be printed is missing: %q", out.String())
	}
}
