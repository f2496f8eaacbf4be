package transfer_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/transfer"
)

// whole is an export in small.
var whole = []transfer.Line{
	{Head: &transfer.ExportHead{Form: transfer.ExportForm, Log: "shop.example/log", LogKey: "k", Checkpoint: "c", Time: "2026-11-21T10:00:00.000Z"}},
	{Publication: &transfer.Publication{Version: "sha256:1", Policy: json.RawMessage(`{"amana":1}`), Meanings: map[string]string{"newsletter": "sha256:2"}, SameMeaning: []string{}, By: "Mona Haddad", Time: "2026-11-21T10:00:00.000Z"}},
	{Evidence: &transfer.DeclaredEvidence{ID: letter.ID(), Set: *letter, Version: "sha256:1", Time: "2026-11-21T10:00:00.000Z"}},
	{Refusals: &transfer.Refusals{Day: "2026-11-21", Surface: "banner", Language: "ar", Count: 7}},
	{Stops: &transfer.Stops{Recipients: []string{"mailer"}, Purposes: []string{"coverage_study"}}},
	{Person: &transfer.Person{Subject: "email:sara@example.com", Receipts: 2, States: []transfer.Standings{{Purpose: "newsletter", Status: "withdrawn", Since: "2026-11-21T10:00:00.000Z"}}}},
	{Receipt: &receipt.Receipt{ID: "1"}},
	{Receipt: &receipt.Receipt{ID: "2"}},
	{Person: &transfer.Person{Subject: "email:سارة@example.com", Facts: &transfer.Facts{Restricted: "2026-11-21T10:00:00.000Z", Erasing: true, Named: []string{"billing"},
		Objected: map[string]string{"offers": "2026-11-21T10:00:00.000Z"}, Child: true, Heard: []transfer.Heard{{Purpose: "offers", Recipient: "partner", Since: "2026-11-21T10:00:00.000Z"}}},
		Linked: []transfer.Linked{{Subject: "email:سارة@example.com", Since: "2026-11-21T10:00:00.000Z"}, {Subject: "phone:+966550000000", Since: "2026-11-21T10:00:00.000Z", Unsure: true, Vouched: true}}}},
	{End: &transfer.ExportEnd{Persons: 2, Receipts: 2}},
}

func export(t testing.TB, lines ...transfer.Line) string {
	t.Helper()
	var b bytes.Buffer
	for _, l := range lines {
		if err := json.NewEncoder(&b).Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func readExport(in string) (out []transfer.Line, err error) {
	for l, err := range transfer.Lines(strings.NewReader(in)) {
		if err != nil {
			return out, err
		}
		out = append(out, l)
	}
	return out, nil
}

func TestAnExportIsReadAsItWasWritten(t *testing.T) {
	got, err := readExport(export(t, whole...))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(whole, got); d != "" {
		t.Error(d)
	}
}

// A part of an export must never pass for the whole.
func TestAnExportThatIsNotWholeIsRefused(t *testing.T) {
	full := export(t, whole...)
	for n := range len(full) - 1 {
		if got, err := readExport(full[:n]); err == nil {
			t.Fatalf("the first %d bytes are an export of %d lines", n, len(got))
		}
	}
	for i := range whole {
		if got, err := readExport(export(t, append(append([]transfer.Line{}, whole[:i]...), whole[i+1:]...)...)); err == nil && (i < 1 || i > 4) {
			t.Errorf("without line %d it is an export of %d lines", i+1, len(got))
		}
	}
	for name, in := range map[string]string{
		"another form":      strings.Replace(full, "export/v1", "export/v2", 1),
		"the head twice":    export(t, append(whole[:1:1], whole...)...),
		"the end twice":     export(t, append(whole[:len(whole):len(whole)], whole[len(whole)-1])...),
		"more after it":     export(t, append(whole[:len(whole):len(whole)], whole[1])...),
		"publications late": export(t, append(whole[:6:6], whole[1])...),
		"an unknown member": strings.Replace(full, `{"refusals"`, `{"more":1,"refusals"`, 1),
		"two members":       strings.Replace(full, `{"refusals"`, `{"end":{"persons":0,"receipts":0},"refusals"`, 1),
		"no member":         full + "{}\n",
		"two values a line": strings.Replace(full, "}\n", "} {}\n", 1),
		"a table":           "email,purpose\n",
		"nothing":           "",
	} {
		if _, err := readExport(in); fault.KindOf(err) != fault.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add(export(f, whole...))
	f.Fuzz(func(t *testing.T, in string) {
		lines, err := readExport(in)
		if err != nil {
			return
		}
		again, err := readExport(export(t, lines...))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(export(t, lines...), export(t, again...)); d != "" {
			t.Error(d)
		}
	})
}
