package audit

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/transfer"
)

func TestDeclarationsOfEvidenceAreHeldToTheirID(t *testing.T) {
	set := transfer.EvidenceSet{Name: "forms-2021", Purpose: "text_updates", Text: map[string]string{"ar": "أوافق."}, From: "2021-01-01", Until: "2021-12-31",
		Source: "paper forms", By: "Mona Haddad"}
	good := declaration{Type: "evidence", ID: set.ID(), Policy: policy.IDOf(nil), Time: "2026-11-21T10:00:00.000Z", Evidence: set.Canonical()}
	if err := declared(7, record(t, good)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*declaration){
		"another set":   func(d *declaration) { d.ID = string(policy.IDOf(nil)) },
		"no version":    func(d *declaration) { d.Policy = "" },
		"no time":       func(d *declaration) { d.Time = "yesterday" },
		"nobody":        func(d *declaration) { d.Evidence = json.RawMessage(`{"evidence":"forms-2021"}`) },
		"a set of more": func(d *declaration) { d.Evidence = json.RawMessage(`{"more":1}`) },
	} {
		d := good
		spoil(&d)
		if l, ok := errors.AsType[lieError](declared(7, record(t, d))); !ok || l.Lie != ImproperRecord {
			t.Errorf("%s: taken", name)
		}
	}
}

func record(t *testing.T, d declaration) []byte {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestExportsNameWhoMadeThem(t *testing.T) {
	if err := takenOut(7, []byte(`{"by":"Mona Haddad","time":"2026-11-21T10:00:00.000Z","type":"export"}`)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`{"by":"","time":"2026-11-21T10:00:00.000Z","type":"export"}`, `{"by":"Mona","type":"export"}`, `{"by":"Mona","time":"2026-11-21T10:00:00.000Z","type":"export","more":1}`} {
		if takenOut(7, []byte(bad)) == nil {
			t.Errorf("taken: %s", bad)
		}
	}
	if err := filtered(7, []byte(`{"purpose":"newsletter","time":"2026-11-21T10:00:00.000Z","type":"scrub"}`)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`{"purpose":"","time":"2026-11-21T10:00:00.000Z","type":"scrub"}`, `{"purpose":"newsletter","type":"scrub"}`} {
		if filtered(7, []byte(bad)) == nil {
			t.Errorf("taken: %s", bad)
		}
	}
}
