package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/feed"
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

func TestRecordsOfSearchesAndOpeningsAreHeldToTheirForm(t *testing.T) {
	for _, c := range []struct {
		of        func(int64, []byte) error
		good, bad string
	}{
		{searched, `{"by":"t1","purpose":"newsletter","time":"2026-11-21T10:00:00.000Z","type":"search"}`, `{"by":"t1","purpose":"","time":"2026-11-21T10:00:00.000Z","type":"search"}`},
		{searched, `{"by":"","purpose":"newsletter","time":"2026-11-21T10:00:00.000Z","type":"search"}`, `{"by":"t1","purpose":"newsletter","time":"today","type":"search"}`},
		{keptOpened, `{"by":["Mona","Omar"],"receipt":"0b6b4f5e","time":"2026-11-21T10:00:00.000Z","type":"kept_opened"}`, `{"by":["Mona","mona"],"receipt":"0b6b4f5e","time":"2026-11-21T10:00:00.000Z","type":"kept_opened"}`},
		{keptOpened, `{"by":["Mona","Omar"],"receipt":"0b6b4f5e","time":"2026-11-21T10:00:00.000Z","type":"kept_opened"}`, `{"by":["Mona"],"receipt":"0b6b4f5e","time":"2026-11-21T10:00:00.000Z","type":"kept_opened"}`},
	} {
		if err := c.of(7, []byte(c.good)); err != nil {
			t.Errorf("%s: %v", c.good, err)
		}
		if l, ok := errors.AsType[lieError](c.of(7, []byte(c.bad))); !ok || l.Lie != ImproperRecord {
			t.Errorf("taken: %s", c.bad)
		}
	}
}

// A head of the feed in the log is one that the log's key signed, before or after
// it was handed over.
func TestHeadsOfTheFeedAreThoseOfTheLog(t *testing.T) {
	tell := func(s *shop, origin string, by note.Signer) *shop {
		head, err := feed.Head{Origin: origin, Epoch: "e1", Number: 1, Time: time.UnixMilli(1_800_000_000_000)}.Sign(by)
		if err != nil {
			t.Fatal(err)
		}
		return s.record(map[string]string{"type": "feed", "time": "2026-11-21T10:00:00.000Z", "head": string(head)})
	}
	s := newShop(t)
	first := s.signer
	tell(s, "shop.example/log", first).to(20).handOver(newShop(t))
	tell(s, "shop.example/log", first) // it was on its way
	before, _ := otherKey(t, "shop.example/before")
	tell(tell(s, "shop.example/log", s.signer), "shop.example/before", before)
	v, _ := s.holds()
	if v.Records != 5 || strings.Contains(strings.Join(v.Notes, ""), "does not know") {
		t.Errorf("%+v", v)
	}
	thief, _ := otherKey(t, "shop.example/log")
	tell(s, "shop.example/log", thief)
	if v, _ := s.audits(); v.Outcome != Lied || v.Findings[0].Lie != ImproperRecord || !strings.Contains(v.Findings[0].Text, "head of the feed at leaf 24") {
		t.Errorf("another's head of the feed: %s", strings.Join(v.Lines(), "\n"))
	}
}
