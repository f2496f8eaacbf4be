package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// world is a store in a folder of its own, with a clock that tests set.
type world struct {
	t    testing.TB
	dir  string
	dsn  string // of a PostgreSQL database; "" = SQLite
	mu   sync.Mutex
	now  time.Time // guarded by mu
	db   *DB
	made bool // the database is there

	stolen []keyring.Wrapped // keys that were copied beforehand
}

// databases are what a store may stand on: every behaviour holds on each.
var databases = []string{"sqlite", "postgres15", "postgres18"}

// chosen are those of the databases that AMANA_DATABASES names; all, if it names none.
func chosen() []string {
	if names := strings.Fields(os.Getenv("AMANA_DATABASES")); len(names) > 0 {
		return names
	}
	return databases
}

// each runs a test on every database, beside each other.
func each(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Parallel()
	for _, on := range chosen() {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			test(t, newWorldOn(t, on))
		})
	}
}

func newWorld(t testing.TB) *world { return newWorldOn(t, "sqlite") }

func newWorldOn(t testing.TB, on string) *world {
	t.Helper()
	return newWorldAt(t, databaseOn(t, on))
}

// databaseOn gives the address of a new PostgreSQL database; "" = SQLite.
func databaseOn(t testing.TB, on string) string {
	t.Helper()
	if version, ok := strings.CutPrefix(on, "postgres"); ok {
		return pgtest.Server(t, version).Copy(t, migrated)
	}
	return ""
}

// migrated brings an empty PostgreSQL database to the newest schema, as Open does.
func migrated(dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	return errors.Join(postgresDialect.migrate(context.Background(), db, goose.DialectPostgres), db.Close())
}

// newWorldAt makes a world on the database at an address.
func newWorldAt(t testing.TB, dsn string) *world {
	t.Helper()
	w := emptyWorldAt(t, dsn)
	w.publish(w.source())
	return w
}

// emptyWorldAt makes one without a policy.
func emptyWorldAt(t testing.TB, dsn string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), dsn: dsn, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	if _, err := keyring.Create(filepath.Join(w.dir, "keys"), "casco.example/log"); err != nil {
		t.Fatal(err)
	}
	if dsn == "" {
		file, err := migratedFile()
		if err == nil {
			err = os.WriteFile(w.file(), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	t.Cleanup(func() { w.db.Close() })
	return w
}

// migratedFile is what migrated leaves of an empty SQLite database.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "amana-migrated-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	at := filepath.Join(dir, "amana.db")
	db, err := openSQLiteFile(at, 1, "")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(sqliteDialect.migrate(context.Background(), db, goose.DialectSQLite3), db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(at)
})

func (w *world) open() {
	w.t.Helper()
	ring, err := keyring.Open(filepath.Join(w.dir, "keys"))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.finally(func() (err error) { w.db, err = Open(w.t.Context(), w.config(ring)); return err }); err != nil {
		w.t.Fatal(err)
	}
	w.made = true
}

func (w *world) config(ring *keyring.Ring) Config {
	c := Config{Postgres: w.dsn, Ring: ring, Create: !w.made, Now: w.clock,
		TakeBack: func(l string) (string, string) { return "https://casco.example/" + l + "/choices", "one click" }}
	if w.dsn == "" {
		c.Path = w.file()
	}
	return c
}

// settled waits until the ledger has taken everything.
func (w *world) settled() {
	w.t.Helper()
	e, ok := w.db.engine.(*postgresEngine)
	for n := 1; ok && n > 0; {
		if _, err := e.integrate(w.t.Context(), false); !harmless(err) {
			w.t.Fatal(err)
		}
		if err := e.sql.QueryRow(`SELECT count(*) FROM ledger_queue`).Scan(&n); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.db.engine.newest(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time pass, or go back.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) file() string { return filepath.Join(w.dir, "amana.db") }

func (w *world) source() string {
	w.t.Helper()
	src, err := fs.ReadFile(examples.FS, "casco-fiber/amana.yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(src)
}

func (w *world) publish(src string, same ...string) *policy.Version {
	w.t.Helper()
	doc, findings := policy.Read("amana.yaml", []byte(src))
	if len(findings) > 0 {
		w.t.Fatal(findings)
	}
	v, err := w.db.Publish(w.t.Context(), doc, same, "Mona Haddad")
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) say(id subject.ID, purpose string, a consent.Answer) receipt.Receipt {
	w.t.Helper()
	r, err := w.db.Submit(w.t.Context(), Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: a}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.complete(r)
}

// complete gives the first receipt of what was recorded, with its proof.
func (w *world) complete(r Recorded) receipt.Receipt {
	w.t.Helper()
	if err := r.Wait(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	list, err := r.Receipts(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return list[0]
}

func (w *world) ask(id subject.ID, purpose string, data ...string) decision.Reason {
	w.t.Helper()
	a, err := w.db.Decide(w.t.Context(), id, decision.Question{Purpose: purpose, Data: data})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Reason
}

func (w *world) wants(got, want decision.Reason) {
	w.t.Helper()
	if got != want {
		w.t.Fatalf("decided %s, want %s", got, want)
	}
}

func (w *world) check() {
	w.t.Helper()
	if _, err := w.db.Check(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

const (
	sara     subject.ID = "email:sara@example.com"
	customer subject.ID = "customer:10042"
)

func TestAYesIsRecordedProvedAndTakenBack(t *testing.T) {
	each(t, testAYesIsRecordedProvedAndTakenBack)
}

func testAYesIsRecordedProvedAndTakenBack(t *testing.T, w *world) {
	w.wants(w.ask(sara, "newsletter"), decision.UnknownSubject)
	given := w.say(sara, "newsletter", consent.Given)
	w.wants(w.ask(sara, "newsletter"), decision.Unconfirmed)
	w.pass(time.Hour)
	confirmed, err := w.db.Confirm(t.Context(), sara, "newsletter", consent.SurfaceDemo)
	if err != nil {
		t.Fatal(err)
	}
	w.settled()
	if confirmed.Proof == nil {
		all, err := w.db.Receipts(t.Context(), []string{confirmed.ID})
		if err != nil {
			t.Fatal(err)
		}
		confirmed = all[0]
	}
	if c := confirmed.Record.HasConsent; c.Confirms != given.ID || c.Status != "ConsentGiven" {
		t.Fatalf("the confirmation's record: %+v", c)
	}
	w.wants(w.ask(sara, "newsletter"), decision.Given)
	w.wants(w.ask(sara, "newsletter", "payment"), decision.OutsideScope)
	withdrawn := w.say(sara, "newsletter", consent.Withdrawn)
	w.wants(w.ask(sara, "newsletter"), decision.Withdrawn)
	for _, r := range []receipt.Receipt{given, confirmed, withdrawn} {
		w.valid(r)
	}
	all, _, err := w.db.ReceiptsOf(t.Context(), sara, 0, "")
	if err != nil || len(all) != 3 || all[0].ID != given.ID || all[2].ID != withdrawn.ID {
		t.Fatalf("%d receipts, %v", len(all), err)
	}
	if !bytes.Equal(marshal(t, all[0]), marshal(t, given)) {
		t.Fatal("a receipt asked for again has other bytes")
	}
	w.check()
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w *world) valid(r receipt.Receipt) {
	w.t.Helper()
	v, err := receipt.Verify(marshal(w.t, r), w.db.LogKey())
	if err != nil || v.Outcome != receipt.Valid {
		w.t.Fatalf("%+v, %v", v, err)
	}
}

func TestASubmissionIsAllOrNothing(t *testing.T) { each(t, testASubmissionIsAllOrNothing) }

func testASubmissionIsAllOrNothing(t *testing.T, w *world) {
	_, err := w.db.Record(t.Context(), Submission{Subject: sara, Surface: consent.SurfaceAPI, Choices: []consent.Choice{
		{Purpose: "newsletter", Decision: consent.Given}, {Purpose: "analytics", Decision: consent.Given}}})
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Invalid || f.Field != "choices[1]" {
		t.Fatalf("a yes by an address to a purpose of the device: %v", err)
	}
	w.wants(w.ask(sara, "newsletter"), decision.UnknownSubject)
	w.check()
}

func TestABadSubmissionLeavesItsNeighboursAlone(t *testing.T) {
	each(t, testABadSubmissionLeavesItsNeighboursAlone)
}

func testABadSubmissionLeavesItsNeighboursAlone(t *testing.T, w *world) {
	var wg sync.WaitGroup
	errs := make([]error, 200)
	for i := range errs {
		wg.Go(func() {
			purpose := "offers"
			if i%10 == 0 {
				purpose = "nothing"
			}
			_, errs[i] = w.db.Record(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("email:c%d@example.com", i)), Surface: consent.SurfaceAPI,
				Choices: []consent.Choice{{Purpose: purpose, Decision: consent.Given}}})
		})
	}
	wg.Wait()
	for i, err := range errs {
		if (err != nil) != (i%10 == 0) {
			t.Errorf("submission %d: %v", i, err)
		}
	}
	if r, err := w.db.Check(t.Context()); err != nil || r.Events != 180 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestAnIdempotencyKeyActsOnce(t *testing.T) { each(t, testAnIdempotencyKeyActsOnce) }

func testAnIdempotencyKeyActsOnce(t *testing.T, w *world) {
	s := Submission{Subject: customer, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}},
		Once: &Once{Client: "shop", Key: "k1", Body: []byte("body")}}
	var first []byte
	for i := range 3 {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				r, err := w.db.Record(t.Context(), s)
				if err != nil {
					t.Error(err)
				} else if got := marshal(t, r[0].Record); i > 0 && !bytes.Equal(got, first) {
					t.Error("another answer under the same key")
				}
			})
		}
		wg.Wait()
		if i == 0 {
			r, err := w.db.Record(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			first = marshal(t, r[0].Record)
		}
	}
	other := s
	other.Once = &Once{Client: "shop", Key: "k1", Body: []byte("another")}
	if _, err := w.db.Record(t.Context(), other); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("the key with another body: %v", err)
	}
	if r, err := w.db.Check(t.Context()); err != nil || r.Events != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.pass(25 * time.Hour)
	if _, err := w.db.Record(t.Context(), other); err != nil {
		t.Fatalf("the key a day later: %v", err)
	}
}

func TestAWiderScopeIsNotCovered(t *testing.T) { each(t, testAWiderScopeIsNotCovered) }

func testAWiderScopeIsNotCovered(t *testing.T, w *world) {
	w.say(customer, "tailored_offers", consent.Given)
	p := w.db.InForce().Policy.Purposes["tailored_offers"]
	added := "name"
	if slices.Contains(p.Data, added) {
		t.Fatal("the example changed: choose other data to add")
	}
	src := w.source()
	at := strings.Index(src, "\n  tailored_offers:")
	list := at + strings.Index(src[at:], "data: [")
	wider := src[:list] + "data: [" + added + ", " + src[list+len("data: ["):]
	w.publish(wider)
	w.wants(w.ask(customer, "tailored_offers", p.Data...), decision.Given)
	w.wants(w.ask(customer, "tailored_offers", added), decision.OutsideScope)
	w.wants(w.ask(customer, "tailored_offers"), decision.OutsideScope)
	w.say(customer, "tailored_offers", consent.Given)
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	w.check()
}

func TestChangedWordsAreNotCoveredUntilDeclaredTheSameByName(t *testing.T) {
	each(t, testChangedWordsAreNotCoveredUntilDeclaredTheSameByName)
}

func testChangedWordsAreNotCoveredUntilDeclaredTheSameByName(t *testing.T, w *world) {
	src := w.source()
	w.say(customer, "tailored_offers", consent.Given)
	ar := w.db.InForce().Policy.Purposes["tailored_offers"].Benefit["ar"]
	edited := strings.Replace(src, ar, ar+" حقًّا", 1)
	w.publish(edited)
	w.wants(w.ask(customer, "tailored_offers"), decision.OutsideScope)
	w.publish(edited, "tailored_offers") // the declaration may come after the fact
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	w.publish(src)
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	w.publish(strings.Replace(src, ar, ar+" دائمًا", 1), "tailored_offers")
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	if list := w.db.Versions(); len(list) != 3 || !slices.Equal(list[0].SameMeaning, []string{"tailored_offers"}) || list[0].By != "Mona Haddad" {
		t.Fatalf("%d versions; the declaration: %+v", len(list), list[0])
	}
	w.check()
	w.db.Close()
	w.open()
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	if list := w.db.Versions(); len(list) != 3 || !slices.Equal(list[0].SameMeaning, []string{"tailored_offers"}) {
		t.Fatalf("%d versions after opening again: %+v", len(list), list[0])
	}
}

func TestAVersionThatCameBackStandsTwiceInTheHistory(t *testing.T) {
	each(t, testAVersionThatCameBackStandsTwiceInTheHistory)
}

func testAVersionThatCameBackStandsTwiceInTheHistory(t *testing.T, w *world) {
	edited := strings.Replace(w.source(), "Once a month we write", "Twice a month we write", 1)
	first := w.db.InForce().ID
	second := w.publish(edited).ID
	w.publish(edited, "newsletter")
	w.publish(w.source())
	for range 2 {
		var got []policy.VersionID
		for _, v := range w.db.History() {
			got = append(got, v.ID)
		}
		if !slices.Equal(got, []policy.VersionID{first, second, first}) || len(w.db.Versions()) != 2 {
			t.Fatalf("history %v", got)
		}
		w.db.Close()
		w.open()
	}
}

func TestEachDeclarationKeepsItsName(t *testing.T) { each(t, testEachDeclarationKeepsItsName) }

func testEachDeclarationKeepsItsName(t *testing.T, w *world) {
	edited := strings.Replace(strings.Replace(w.source(), "Once a month we write", "Twice a month we write", 1), "We count which of our pages", "We count what pages", 1)
	doc, findings := policy.Read("amana.yaml", []byte(edited))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	if _, err := w.db.Publish(t.Context(), doc, nil, "Tester"); err != nil {
		t.Fatal(err)
	}
	for _, d := range [][2]string{{"newsletter", "Mona"}, {"analytics", "Omar"}} {
		if _, err := w.db.Publish(t.Context(), doc, d[:1], d[1]); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		v := w.db.History()[0]
		if v.By != "Tester" || v.Declared["newsletter"] != "Mona" || v.Declared["analytics"] != "Omar" || !slices.Equal(v.SameMeaning, []string{"analytics", "newsletter"}) {
			t.Fatalf("published by %s, declared by %v", v.By, v.Declared)
		}
		w.db.Close()
		w.open()
	}
}

func TestOnlyANamedPersonPublishes(t *testing.T) { each(t, testOnlyANamedPersonPublishes) }

func testOnlyANamedPersonPublishes(t *testing.T, w *world) {
	doc, _ := policy.Read("amana.yaml", []byte(w.source()))
	for _, by := range []string{"", "  ", "42", "x\ny", "x\u202ey", "\xff", strings.Repeat("x", 201)} {
		if _, err := w.db.Publish(t.Context(), doc, nil, by); fault.KindOf(err) != fault.Invalid {
			t.Errorf("published by %q: %v", by, err)
		}
	}
	if _, err := w.db.Publish(t.Context(), doc, nil, " منى حداد "); err != nil {
		t.Error(err)
	}
}

func TestAReopenedStoreKnowsEverything(t *testing.T) { each(t, testAReopenedStoreKnowsEverything) }

func testAReopenedStoreKnowsEverything(t *testing.T, w *world) {
	r := w.say(customer, "tailored_offers", consent.Given)
	head := w.db.Checkpoint()
	secret, err := w.db.CreateToken(t.Context(), "shop", []string{"decide"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	if w.db.Checkpoint() != head {
		t.Fatal("another head after opening again")
	}
	again, err := w.db.Receipts(t.Context(), []string{r.ID})
	if err != nil || !bytes.Equal(marshal(t, again[0]), marshal(t, r)) {
		t.Fatalf("the receipt is another: %v", err)
	}
	if tok, err := w.db.Token(t.Context(), secret); err != nil || !tok.Has("decide") || tok.Has("consent:write") {
		t.Fatalf("%+v, %v", tok, err)
	}
	if _, err := w.db.Token(t.Context(), secret+"x"); fault.KindOf(err) != fault.Denied {
		t.Fatalf("a stranger's token: %v", err)
	}
	w.check()
}

func TestADatabaseWithAnotherKeyringIsRefused(t *testing.T) {
	each(t, testADatabaseWithAnotherKeyringIsRefused)
}

func testADatabaseWithAnotherKeyringIsRefused(t *testing.T, w *world) {
	w.db.Close()
	ring, err := keyring.Create(filepath.Join(w.dir, "other"), "casco.example/log")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Path: w.file(), Ring: ring, Now: time.Now, TakeBack: func(string) (string, string) { return "", "" }}); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("opened with another's keys: %v", err)
	}
}

func TestTimeOfASubjectNeverGoesBack(t *testing.T) { each(t, testTimeOfASubjectNeverGoesBack) }

func testTimeOfASubjectNeverGoesBack(t *testing.T, w *world) {
	first := w.say(customer, "tailored_offers", consent.Given)
	w.pass(-time.Hour)
	second := w.say(customer, "tailored_offers", consent.Withdrawn)
	if second.Record.HasConsent.Time < first.Record.HasConsent.Time {
		t.Fatalf("%s before %s", second.Record.HasConsent.Time, first.Record.HasConsent.Time)
	}
	w.check()
}

func TestTheStoredStateIsTheFoldOnRandomHistories(t *testing.T) {
	each(t, testTheStoredStateIsTheFoldOnRandomHistories)
}

func testTheStoredStateIsTheFoldOnRandomHistories(t *testing.T, w *world) {
	rng := rand.New(rand.NewPCG(1, 2))
	ids := []subject.ID{sara, customer, "phone:+12075550100", "email:b@example.com"}
	purposes := []string{"newsletter", "offers", "text_updates", "tailored_offers", "coverage_study"}
	words := w.db.InForce().Policy.Purposes["newsletter"].Benefit["ar"]
	for i := range 400 {
		if i%40 == 39 { // now and then the words change, and are declared the same only later, or never
			edited := strings.Replace(w.source(), words, fmt.Sprintf("%s %s", words, strings.Repeat("جدًّا ", i/40)), 1)
			w.publish(edited)
			if i%80 == 79 {
				w.publish(edited, "newsletter")
			}
		}
		id, purpose := ids[rng.IntN(len(ids))], purposes[rng.IntN(len(purposes))]
		w.pass(time.Duration(rng.IntN(100)-10) * time.Hour)
		if rng.IntN(4) == 0 {
			w.db.Confirm(t.Context(), id, purpose, consent.SurfaceDemo) // refused where nothing waits
			continue
		}
		answer := []consent.Answer{consent.Given, consent.Given, consent.Refused, consent.Withdrawn}[rng.IntN(4)]
		_, err := w.db.Record(t.Context(), Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: answer}}})
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
	}
	w.check()
}

func TestWhatIsErasedOpensWithNoKeyThatIsLeft(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		w.say(subject.ID(fmt.Sprintf("email:n%d@example.com", i)), "offers", consent.Given)
	}
	w.say(sara, "offers", consent.Given)
	w.say(customer, "tailored_offers", consent.Given)
	old := w.snapshot()
	if _, err := w.db.Erase(t.Context(), sara, BySubject); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(sara, "offers"), decision.Erased)
	if !w.opens(old, sara) {
		t.Fatal("the test is worth nothing: the old copy should open until its bucket is shredded")
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.opens(old, sara) {
		t.Fatal("the old copy of the database still opens")
	}
	w.db.Close()
	w.open()
	w.wants(w.ask(sara, "offers"), decision.Erased)
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	w.check()
}

// snapshot copies the database as a backup or a thief would have it.
func (w *world) snapshot() string {
	w.t.Helper()
	dir := w.t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(w.file() + suffix)
		if err != nil && !os.IsNotExist(err) {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "amana.db"+suffix), data, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return filepath.Join(dir, "amana.db")
}

// opens reports whether anything of a subject in an old copy opens with the
// keyring as it is now: its identifier, found among all rows, is tried with
// whatever key opens.
func (w *world) opens(copyOf string, id subject.ID) bool {
	w.t.Helper()
	ring, err := keyring.Open(filepath.Join(w.dir, "keys"))
	if err != nil {
		w.t.Fatal(err)
	}
	old, err := openSQLiteFile(copyOf, 1, "")
	if err != nil {
		w.t.Fatal(err)
	}
	defer old.Close()
	rows, err := old.Query(`SELECT ` + subjectRow + ` FROM subject s`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s scanned
		if err := rows.Scan(s.into()...); err != nil {
			w.t.Fatal(err)
		}
		p, err := s.person()
		if err != nil {
			w.t.Fatal(err)
		}
		if p.open(ring) == nil && p.nameOf() == nil && p.name == id {
			return true
		}
	}
	return false
}

func TestALateDeclarationLeavesWhatWasFolded(t *testing.T) {
	each(t, testALateDeclarationLeavesWhatWasFolded)
}

func testALateDeclarationLeavesWhatWasFolded(t *testing.T, w *world) {
	w.say(sara, "newsletter", consent.Given)
	if _, err := w.db.Confirm(t.Context(), sara, "newsletter", consent.SurfaceDemo); err != nil {
		t.Fatal(err)
	}
	ar := w.db.InForce().Policy.Purposes["newsletter"].Benefit["ar"]
	edited := strings.Replace(w.source(), ar, ar+" حقًّا", 1)
	w.publish(edited)
	w.say(sara, "newsletter", consent.Given) // for the new words, so it waits
	w.wants(w.ask(sara, "newsletter"), decision.OutsideScope)
	w.publish(edited, "newsletter")
	w.wants(w.ask(sara, "newsletter"), decision.Given)
	w.check()
}

func TestAMissingDatabaseIsNeverANewOne(t *testing.T) {
	w := newWorld(t)
	w.db.Close()
	if err := os.Rename(w.file(), w.file()+".away"); err != nil {
		t.Fatal(err)
	}
	ring := w.db.cfg.Ring
	if _, err := Open(t.Context(), Config{Path: w.file(), Ring: ring, Now: time.Now, TakeBack: w.db.cfg.TakeBack}); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("an empty database under the old log's key: %v", err)
	}
	if _, err := os.Stat(w.file()); !os.IsNotExist(err) {
		t.Fatal("the attempt left a file")
	}
}

func TestWhoWasErasedComesBackByAnActOfTheirOwnAlone(t *testing.T) {
	each(t, testWhoWasErasedComesBackByAnActOfTheirOwnAlone)
}

func testWhoWasErasedComesBackByAnActOfTheirOwnAlone(t *testing.T, w *world) {
	w.say(customer, "tailored_offers", consent.Given)
	if _, err := w.db.Erase(t.Context(), customer, BySubject); err != nil {
		t.Fatal(err)
	}
	again := Submission{Subject: customer, Surface: consent.SurfaceAPI, Attested: true, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}}
	if _, err := w.db.Record(t.Context(), again); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("the company brought an erased customer back: %v", err)
	}
	w.wants(w.ask(customer, "tailored_offers"), decision.Erased)
	again.Attested = false
	if _, err := w.db.Record(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	w.wants(w.ask(customer, "coverage_study"), decision.NotAsked)
	w.check()
}

func TestActsOfOneBatchSeeEachOthersPublications(t *testing.T) {
	each(t, testActsOfOneBatchSeeEachOthersPublications)
}

func testActsOfOneBatchSeeEachOthersPublications(t *testing.T, w *world) {
	edited := strings.Replace(w.source(), "Once a month we write", "Twice a month we write", 1)
	doc, findings := policy.Read("amana.yaml", []byte(edited))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	hold := make(chan struct{})
	go w.db.write(t.Context(), func(*tx) error { <-hold; return nil }) // so that the next acts share a batch
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := w.db.Publish(t.Context(), doc, nil, "Mona Haddad"); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(hold)
	wg.Wait()
	var n int
	if err := w.db.reads.QueryRow(`SELECT count(*) FROM publication`).Scan(&n); err != nil || n != 2 {
		t.Fatalf("%d publications of two policies, %v", n, err)
	}
	w.check()
}

func TestAPanicSpoilsItsOwnActAlone(t *testing.T) { each(t, testAPanicSpoilsItsOwnActAlone) }

func testAPanicSpoilsItsOwnActAlone(t *testing.T, w *world) {
	hold := make(chan struct{})
	go w.db.write(t.Context(), func(*tx) error { <-hold; return nil })
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			err := w.db.write(t.Context(), func(t *tx) error {
				if err := t.exec(`INSERT INTO refusal (day, surface, language, n) VALUES (?, 'x', 'x', 1)`, fmt.Sprint(i)); err != nil || i != 3 {
					return err
				}
				panic("sara@example.com")
			})
			if (err != nil) != (i == 3) || err != nil && strings.Contains(err.Error(), "sara") {
				t.Errorf("act %d: %v", i, err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(hold)
	wg.Wait()
	var n int
	if err := w.db.reads.QueryRow(`SELECT count(*) FROM refusal`).Scan(&n); err != nil || n != 5 {
		t.Fatalf("%d rows of five good acts, %v", n, err)
	}
	w.say(customer, "tailored_offers", consent.Given)
	w.check()
}

func TestADatabaseThatIsHeldByAnotherIsAnErrorAtOnce(t *testing.T) {
	w := newWorld(t)
	other, err := openSQLiteFile(w.file(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := w.db.engine.(*sqliteEngine).conn.ExecContext(t.Context(), `PRAGMA busy_timeout = 500`); err != nil {
		t.Fatal(err)
	}
	held, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := held.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := w.db.Record(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", i)), Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
			if fault.KindOf(err) != fault.Overloaded {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if d := time.Since(start); d > 20*time.Second { // one after the other they would wait for 25
		t.Fatalf("fifty acts waited %v for one lock", d)
	}
	if _, err := held.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	w.say(customer, "tailored_offers", consent.Given)
	w.check()
}

func TestACrashWhileShreddingIsFinishedByOpening(t *testing.T) {
	each(t, testACrashWhileShreddingIsFinishedByOpening)
}

func testACrashWhileShreddingIsFinishedByOpening(t *testing.T, w *world) {
	w.say(sara, "offers", consent.Given)
	w.say(customer, "tailored_offers", consent.Given)
	if _, err := w.db.Erase(t.Context(), sara, BySubject); err != nil {
		t.Fatal(err)
	}
	// The crash comes after the rows were rewrapped and before the old keys went.
	waiting, err := w.db.waiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.cfg.Ring.BeginChange(slices.Sorted(maps.Keys(waiting))); err != nil {
		t.Fatal(err)
	}
	if err := w.db.rewrapAll(t.Context(), slices.Sorted(maps.Keys(waiting))); err != nil {
		t.Fatal(err)
	}
	w.db.Close()
	w.open()
	if left := w.db.cfg.Ring.Changing(); len(left) > 0 {
		t.Fatalf("buckets %v are still changing", left)
	}
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	w.check()
}

func TestNoIdentifierStandsInClearInTheFolder(t *testing.T) {
	w := newWorld(t)
	w.say(sara, "offers", consent.Given)
	w.say("phone:+12075550123", "text_updates", consent.Given)
	w.db.CountRefusal(t.Context(), consent.SurfaceChoices, "ar")
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, secret := range []string{"sara@example.com", "sara", "2075550123"} {
			if bytes.Contains(bytes.ToLower(data), []byte(secret)) && !strings.Contains(strings.ToLower(w.source()), secret) {
				t.Errorf("%s holds %q in clear", filepath.Base(path), secret)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAClosedStoreSaysSo(t *testing.T) { each(t, testAClosedStoreSaysSo) }

func testAClosedStoreSaysSo(t *testing.T, w *world) {
	w.db.Close()
	if _, err := w.db.Record(context.Background(), Submission{Subject: sara, Choices: []consent.Choice{{Purpose: "offers", Decision: consent.Given}}}); err == nil {
		t.Fatal("a closed store acknowledged something")
	}
	w.open()
	w.check()
}
