package receipt

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

// importedParts makes the parts of a yes that was taken over from a list.
func importedParts(t testing.TB) Parts {
	t.Helper()
	v, id := version(t), string(policy.IDOf([]byte("set")))
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	e := consent.Event{ID: "0b6b4f5e-7f0a-4d5e-9d6c-0123456789ab", Seq: 1, Time: now, Act: consent.ActGiven, Purpose: "newsletter", Policy: v.ID,
		Meaning: v.Meanings["newsletter"], Language: "ar", Surface: consent.SurfaceImport, Attested: true,
		Claim: consent.Claim{Evidence: id, Said: now.AddDate(-1, 0, 0), Source: "استمارة ورقية، فرع العليا"}}
	after := consent.State{Status: consent.StatusGiven, Yes: &consent.Yes{Event: e.ID, Until: now.AddDate(1, 0, 0)}}
	process, err := ImportedProcessOf(v, "newsletter", "ar", "https://shop.example/choices", "بنقرة واحدة",
		ProcessEvidence{ID: id, Language: "ar", Text: "نعم، أرسلوا إليّ الرسالة.", From: "2019-05-01", Until: "2026-01-01", Source: "paper forms", By: "Mona Haddad"})
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

func TestAnImportedReceiptSaysSo(t *testing.T) {
	parts, skey := importedParts(t), key(t)
	tree, err := ledger.Load(0, func(int, int64) ([]tlog.Hash, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	tree.Accept(tree.Stage([]ledger.Entry{parts.Entry()}))
	root, err := tree.Root(1)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := ledger.Checkpoint{Origin: signer.Name(), Size: 1, Root: root}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	r, err := parts.Receipt(ProofOf(0, 1, nil), checkpoint, []Signer{{Key: vkeys[skey]}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	v := outcome(t, data, vkeys[skey])
	if n, c := r.Record.HasNotice, r.Record.HasConsent; v.Outcome != Valid || n.Shown != "imported" || n.Evidence != r.Process.Value.Evidence.ID ||
		c.By != "company" || c.Said != "2025-11-21T10:00:00.000Z" || !strings.Contains(c.Source, "العليا") {
		t.Fatalf("%+v\n%s", v, data)
	}
	for _, change := range [][2]string{{`"shown":"imported"`, `"shown":"evidenced"`}, {`"said":"2025`, `"said":"2024`}, {`"by":"Mona Haddad"`, `"by":"Ellen"`},
		{"أرسلوا", "لا ترسلوا"}, {`"hasIndicationMethod":"import"`, `"hasIndicationMethod":"api"`}, {`"said":"amana:said",`, ""}} {
		spoiled := bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(spoiled, data) {
			t.Fatalf("%s is not there", change[0])
		}
		if v := outcome(t, spoiled, vkeys[skey]); v.Outcome != Broken {
			t.Errorf("%s for %s: %s", change[1], change[0], v.Outcome)
		}
	}
}

// A claim belongs to what was imported, and to nothing else.
func TestClaimsAreForImportsAlone(t *testing.T) {
	var good Record
	if err := json.Unmarshal(importedParts(t).Record, &good); err != nil {
		t.Fatal(err)
	}
	good.HasConsent.Moved = "shop.example/log/0b6b4f5e-7f0a-4d5e-9d6c-0123456789ab"
	if err := good.plain(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Record){
		"another surface":       func(r *Record) { r.HasConsent.Surface = consent.SurfaceAPI },
		"evidence without name": func(r *Record) { r.HasNotice.Evidence = "" },
		"evidence that is none": func(r *Record) { r.HasNotice.Evidence = "letter" },
		"shown after all":       func(r *Record) { r.HasNotice.Shown = "evidenced" },
		"a time that is none":   func(r *Record) { r.HasConsent.Said = "\x1b[2J" },
		"two lines":             func(r *Record) { r.HasConsent.Source = "a\nb" },
		"moved from nowhere":    func(r *Record) { r.HasConsent.Moved = "0b6b4f5e-7f0a-4d5e-9d6c-0123456789ab" },
		"moved from a text":     func(r *Record) { r.HasConsent.Moved = "\x1b[2J/0b6b4f5e-7f0a-4d5e-9d6c-0123456789ab" },
		"moved from no receipt": func(r *Record) { r.HasConsent.Moved = "shop.example/log/17" },
		"a long source":         func(r *Record) { r.HasConsent.Source = strings.Repeat("a", 201) },
	} {
		r := good
		notice, answer := *good.HasNotice, *good.HasConsent
		r.HasNotice, r.HasConsent = &notice, &answer
		if spoil(&r); r.plain() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
