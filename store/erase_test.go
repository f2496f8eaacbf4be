package store

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// erase erases a subject and gives the receipt, with its proof.
func (w *world) erase(id subject.ID) receipt.Receipt {
	w.t.Helper()
	r, err := w.db.Erase(w.t.Context(), id, BySubject)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.complete(r)
}

func TestAnErasureHasItsReceipt(t *testing.T) { each(t, testAnErasureHasItsReceipt) }

func testAnErasureHasItsReceipt(t *testing.T, w *world) {
	w.say(sara, "offers", consent.Given)
	w.say(sara, "offers", consent.Withdrawn)
	r := w.erase(sara)
	w.valid(r)
	e := r.Record.HasErasure
	if e == nil || e.Answers != 2 || e.By != "subject" || e.Policy != w.db.InForce().ID || r.Subject.Value != string(sara) || r.Process != nil {
		t.Fatalf("%+v", r)
	}
	if len(e.Kept) != 2 || e.Kept[0].Kind != receipt.KeptSuppression || e.Kept[1].Until != "2027-11-21T09:00:00.000Z" {
		t.Errorf("%+v", e.Kept)
	}
	forged := r
	other := *e
	other.Answers = 3
	forged.Record.HasErasure = &other
	if v, err := receipt.Verify(marshal(t, forged), w.db.LogKey()); err != nil || v.Outcome != receipt.Broken {
		t.Errorf("a changed number is %+v, %v", v, err)
	}
	if _, err := w.db.Erase(t.Context(), sara, BySubject); fault.KindOf(err) != fault.Unknown {
		t.Errorf("erased twice: %v", err)
	}
	w.check()
}

func TestWhatIsKeptTakesTwoPeopleAndEnds(t *testing.T) { each(t, testWhatIsKeptTakesTwoPeopleAndEnds) }

func testWhatIsKeptTakesTwoPeopleAndEnds(t *testing.T, w *world) {
	source := strings.Replace(w.source(), "requests:\n", "requests:\n  evidence: {basis: legitimate_interest, keep: P3Y, why: {en: To answer a complaint., ar: للرد على شكوى.}}\n", 1)
	w.publish(source)
	answer := w.say(sara, "offers", consent.Given)
	other := w.say(customer, "tailored_offers", consent.Given)
	erasure := w.erase(sara)
	if n := len(erasure.Record.HasErasure.Kept); n != 3 {
		t.Fatalf("%d kinds of things stay", n)
	}
	for round := range 2 { // before and after the bucket's key was changed
		for _, r := range []receipt.Receipt{answer, erasure} {
			got, err := w.db.OpenKept(t.Context(), r.ID, [2]string{"Mona Haddad", "Omar Saleh"})
			if err != nil {
				t.Fatal(err)
			}
			w.valid(got)
			if round == 0 && !bytes.Equal(marshal(t, got.Record), marshal(t, r.Record)) {
				t.Error("another record was kept")
			}
		}
		if err := w.db.Shred(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, by := range map[string][2]string{"one": {"Mona Haddad", " mona haddad "}, "nobody": {"Mona Haddad", ""}} {
		if _, err := w.db.OpenKept(t.Context(), answer.ID, by); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s opened it: %v", name, err)
		}
	}
	two := [2]string{"Mona Haddad", "Omar Saleh"}
	if _, err := w.db.OpenKept(t.Context(), other.ID, two); fault.KindOf(err) != fault.Unknown {
		t.Errorf("what is not kept: %v", err)
	}
	w.settled()
	leaves, err := w.db.PublicLeaves(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for _, leaf := range leaves {
		r, err := w.db.PublicRecord(t.Context(), leaf)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(r.Record, []byte("kept_opened")) && bytes.Contains(r.Record, []byte("Omar Saleh")) {
			opened++
		}
	}
	if opened != 4 {
		t.Errorf("%d of four looks are public", opened)
	}
	w.check()

	copies := w.rows()
	w.pass(3*366*24*time.Hour + time.Hour)
	if _, err := w.db.OpenKept(t.Context(), answer.ID, two); fault.KindOf(err) != fault.Unknown {
		t.Errorf("after its time: %v", err)
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.openable(copies); n != 1 { // the other customer
		t.Errorf("%d of the old copy's keys open", n)
	}
	w.check()
}

// rows is what a thief, a replica or a backup has of keys.
func (w *world) rows() (all []keyring.SubjectID) {
	w.t.Helper()
	for _, table := range []string{"subject", "kept"} {
		rows, err := w.db.reads.Query(`SELECT DISTINCT subject_id, data_key, evidence_key FROM ` + table)
		if err != nil {
			w.t.Fatal(err)
		}
		for rows.Next() {
			var id []byte
			var k keyring.Wrapped
			if err := rows.Scan(&id, &k.Data, &k.Evidence); err != nil {
				w.t.Fatal(err)
			}
			all = append(all, keyring.SubjectID(id))
			w.stolen = append(w.stolen, k)
		}
		rows.Close()
	}
	return all
}

// openable counts the stolen keys that still open.
func (w *world) openable(ids []keyring.SubjectID) (n int) {
	w.t.Helper()
	for i, id := range ids {
		if _, err := w.db.cfg.Ring.Unwrap(id, w.stolen[i]); err == nil {
			n++
		}
	}
	return n
}

// TestNothingOfAnErasedPersonOpensAnywhere saves everything that leads to a
// person beforehand: index tag, wrapped keys, sealed rows, and copies of the
// database's files with what lies in them freed or not yet written back.
func TestNothingOfAnErasedPersonOpensAnywhere(t *testing.T) {
	each(t, testNothingOfAnErasedPersonOpensAnywhere)
}

func testNothingOfAnErasedPersonOpensAnywhere(t *testing.T, w *world) {
	for _, id := range []subject.ID{"email:a@example.com", "email:b@example.com", sara} {
		w.say(id, "offers", consent.Given)
	}
	before, err := w.db.lookup(w.db.reader(t.Context()), sara)
	if err != nil || before == nil {
		t.Fatal(err)
	}
	tag, keys, sealed := before.place.tag, before.wrapped, before.identifier
	var event, eventID []byte
	if err := w.db.reads.QueryRow(w.db.d.sql(`SELECT event_id, sealed FROM event WHERE shard_id = ? AND n = ?`), before.id.Shard(), before.last).Scan(&eventID, &event); err != nil {
		t.Fatal(err)
	}
	var old string
	if w.dsn == "" {
		old = w.snapshot()
	}
	w.erase(sara)
	w.wants(w.ask(sara, "offers"), decision.Erased)
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.cfg.Ring.Unwrap(before.id, keys); err == nil {
		t.Error("the saved keys open")
	}
	for what, value := range map[string][]byte{"its tag": tag, "its data key": keys.Data, "its evidence key": keys.Evidence, "its identifier": sealed, "its event": event} {
		if w.stands(value) {
			t.Errorf("%s stands in the database still", what)
		}
	}
	if w.dsn == "" {
		if w.opens(old, sara) {
			t.Error("the old copy opens")
		}
		if !w.opens(old, "email:a@example.com") {
			t.Error("the test is worth nothing: nobody's rows open in the old copy")
		}
	}
	w.db.Close()
	w.open()
	w.wants(w.ask(sara, "offers"), decision.Erased)
	w.wants(w.ask("email:a@example.com", "offers"), w.ask("email:b@example.com", "offers"))
	w.check()
}

// stands reports whether bytes stand in the database: in any file of SQLite,
// free pages and write-ahead file with them, or in any row of PostgreSQL.
func (w *world) stands(value []byte) bool {
	w.t.Helper()
	if w.dsn == "" {
		for _, suffix := range []string{"", "-wal"} {
			data, err := os.ReadFile(filepath.Join(w.dir, "amana.db"+suffix))
			if err != nil && !os.IsNotExist(err) {
				w.t.Fatal(err)
			}
			if bytes.Contains(data, value) {
				return true
			}
		}
		return false
	}
	for table, column := range map[string]string{"identifier": "tag", "subject": "data_key", "kept": "evidence_key", "event": "sealed"} {
		var found bool
		if err := w.db.reads.QueryRow(`SELECT EXISTS (SELECT 1 FROM ` + table + ` WHERE ` + column + ` = '\x` + hex.EncodeToString(value) + `')`).Scan(&found); err != nil {
			w.t.Fatal(err)
		}
		if found {
			return true
		}
	}
	return false
}

func TestAnOlderCopySaysNoForWhomIsErased(t *testing.T) {
	each(t, testAnOlderCopySaysNoForWhomIsErased)
}

// The rows of an older copy still say yes; the keyring of today does not open them.
func testAnOlderCopySaysNoForWhomIsErased(t *testing.T, w *world) {
	w.say(sara, "offers", consent.Given)
	w.say(nth(1), "tailored_offers", consent.Given)
	w.settled()
	w.db.Close()
	older := w.copied()
	w.open()
	w.erase(sara)
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db.Close()
	old, err := Open(t.Context(), older)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if a, err := old.Decide(t.Context(), sara, decision.Question{Purpose: "offers"}); err != nil || a.Allowed || a.Reason != decision.Erased {
		t.Errorf("%+v, %v", a, err)
	}
	var told []subject.ID
	hear := func(list []Change) error {
		for _, c := range list {
			told = append(told, c.Subject)
		}
		return nil
	}
	if err := old.Everybody(t.Context(), hear); err != nil || len(told) != 1 || told[0] != nth(1) {
		t.Errorf("%v, %v", told, err)
	}
	for shard := range Shards {
		list, err := old.Changes(t.Context(), shard, 0, 100)
		if err != nil || slices.ContainsFunc(list, func(c Change) bool { return c.Subject == sara }) {
			t.Errorf("shard %d: %v", shard, err)
		}
	}
}
