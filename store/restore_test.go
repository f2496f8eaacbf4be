package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

func TestARestoreBehindThePublishedHeadBeginsAnotherLog(t *testing.T) {
	each(t, testARestoreBehindThePublishedHeadBeginsAnotherLog)
}

func testARestoreBehindThePublishedHeadBeginsAnotherLog(t *testing.T, w *world) {
	given := w.say(customer, "tailored_offers", consent.Given)
	if _, err := w.db.HandOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.settled()
	backup := w.backup()
	w.say(customer, "tailored_offers", consent.Withdrawn)
	w.settled()
	published, oldKeys := w.db.Checkpoint(), w.db.cfg.Ring.LogVerifiers()
	kind := "sqlite"
	if w.dsn != "" {
		kind = "postgres15"
	}

	for name, change := range map[string]func(*Restore){
		"by the head that was kept": func(r *Restore) { r.Published = published },
		"by a witness":              func(r *Restore) { r.Heads = []string{published} },
	} {
		r, _ := w.restored(kind, backup)
		change(&r)
		if _, err := r.Run(t.Context()); !errors.Is(err, ErrBehind) || fault.KindOf(err) != fault.Conflict {
			t.Fatalf("%s: %v", name, err)
		}
	}

	r, v := w.restored(kind, backup)
	r.Published, r.NewOrigin = published, "casco.example/log2"
	out := v.run(r)
	if out.Before != published || out.Subjects != 1 || out.Events != 1 {
		t.Fatalf("%+v", out)
	}
	leaves, err := v.db.PublicLeaves(t.Context(), 0, 10)
	if err != nil || leaves[0] != 0 {
		t.Fatal(leaves, err)
	}
	first, err := v.db.PublicRecord(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ledger.ParseOrigin(first.Record)
	if err != nil || o.Checkpoint != published || o.Before != "casco.example/log" || o.Origin != "casco.example/log2" || o.Restored != out.Entries-1 {
		t.Fatalf("%+v, %v", o, err)
	}
	if key := v.db.LogKey(); !strings.HasPrefix(key, "casco.example/log2+") || len(v.db.cfg.Ring.LogVerifiers()) != 1 {
		t.Fatalf("the new log's key is %s", key)
	}
	for _, key := range oldKeys {
		if s, err := v.db.cfg.Ring.LogSignerOf(key); err == nil {
			t.Fatalf("%s can still sign", s.Name())
		}
	}
	v.wants(v.ask(customer, "tailored_offers"), decision.Given)
	again, err := v.db.Receipts(t.Context(), []string{given.ID})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := receipt.Verify(marshal(t, again[0]), v.db.LogKey()); err != nil || got.Outcome != receipt.Valid {
		t.Fatalf("the receipt in the new log: %+v, %v", got, err)
	}
	if got, err := receipt.Verify(marshal(t, given), oldKeys[0]); err != nil || got.Outcome != receipt.Valid {
		t.Fatalf("the receipt in the old log: %+v, %v", got, err)
	}
	v.say(customer, "tailored_offers", consent.Withdrawn)
	v.settled()
	v.check()

	v.db.Close()
	c := v.config(v.ring())
	c.Published = published // the folder of another server still has it
	if v.db, err = Open(t.Context(), c); err != nil {
		t.Fatal("a head of the log before keeps the new one from opening:", err)
	}
}

func TestAnOlderCopyIsNotOpened(t *testing.T) { each(t, testAnOlderCopyIsNotOpened) }

func testAnOlderCopyIsNotOpened(t *testing.T, w *world) {
	w.say(sara, "newsletter", consent.Given)
	w.settled()
	w.db.Close()
	older := w.copied()
	w.open()
	kept := w.db.Checkpoint()
	w.say(sara, "newsletter", consent.Withdrawn)
	w.settled()
	published := w.db.Checkpoint()
	w.db.Close()

	open := func(c Config, published string) error {
		t.Helper()
		c.Published = published
		db, err := Open(t.Context(), c)
		if err == nil {
			db.Close()
		}
		return err
	}
	for name, head := range map[string]string{"nothing is known": "", "the head of then": kept} {
		if err := open(older, head); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := open(older, published)
	if !errors.Is(err, ErrBehind) || fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "behind what was published") {
		t.Fatalf("an older copy: %v", err)
	}
	if err := open(w.config(w.ring()), published); err != nil {
		t.Fatalf("the newest: %v", err)
	}

	w.now = w.now.Add(time.Hour)
	v := &world{t: t, dir: w.dir, now: w.now, made: true, dsn: older.Postgres}
	if v.db, err = Open(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	v.say(sara, "offers", consent.Refused) // a second history, of the same size
	v.settled()
	v.db.Close()
	if err := open(older, published); !errors.Is(err, ErrBehind) || !strings.Contains(err.Error(), "are others than") {
		t.Fatalf("another history: %v", err)
	}
	if err := open(older, "casco.example/log\n1\nnonsense\n"); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("what is no head: %v", err)
	}
}

// copied gives the configuration of a copy of the closed database.
func (w *world) copied() Config {
	w.t.Helper()
	c := w.config(w.ring())
	if w.dsn == "" {
		c.Path = filepath.Join(w.t.TempDir(), "amana.db")
		data, err := os.ReadFile(w.file())
		if err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(c.Path, data, 0o600); err != nil {
			w.t.Fatal(err)
		}
		return c
	}
	from, err := pgx.ParseConfig(w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	name := from.Database
	c.Postgres = strings.Replace(w.dsn, "/"+name, "/"+name+"older", 1)
	from.Database = "postgres"
	admin, err := pgx.ConnectConfig(w.t.Context(), from)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := admin.Exec(w.t.Context(), `CREATE DATABASE `+name+`older TEMPLATE `+name); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		admin.Exec(context.Background(), `DROP DATABASE `+name+`older WITH (FORCE)`)
		admin.Close(context.Background())
	})
	return c
}

func TestOneWhoWasErasedIsNotRestoredAndTheNeighboursAre(t *testing.T) {
	w := newWorld(t)
	gone, neighbour := w.neighbours()
	w.say(sara, "newsletter", consent.Given)
	backup := w.backup()
	copied, err := w.db.cfg.Ring.Copy(t.Context(), w.clock(), w.clock().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Erase(t.Context(), gone, ByCompany); err != nil {
		t.Fatal(err)
	}
	justErased := w.tombstones()
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	complete := w.tombstones()
	old, err := copied.Open(keyring.File(), w.clock())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old        *keyring.Old
		stones     *Tombstones
		want       Restored
		neighbour  decision.Reason
		suppressed bool
	}{
		"the keyring alone":                    {nil, nil, Restored{Subjects: 1, Events: 1, Closed: 2, Blanked: 2}, decision.UnknownSubject, false},
		"with a copy of the keyring":           {old, nil, Restored{Subjects: 1, Events: 1, Doubtful: 2, Blanked: 2}, decision.UnknownSubject, false},
		"with tombstones":                      {nil, complete, Restored{Subjects: 1, Events: 1, Erased: 1, Closed: 1, Blanked: 2}, decision.UnknownSubject, true},
		"with both":                            {old, complete, Restored{Subjects: 2, Events: 2, Erased: 1, Rewrapped: 1, Blanked: 1}, decision.Given, true},
		"with tombstones of before the change": {old, justErased, Restored{Subjects: 1, Events: 1, Erased: 1, Doubtful: 1, Blanked: 2}, decision.UnknownSubject, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, v := w.restored("sqlite", backup)
			r.Old, r.Tombstones = c.old, c.stones
			out := v.run(r)
			out.Made, out.Entries, out.Head = time.Time{}, 0, ""
			if out != c.want {
				t.Errorf("%+v, want %+v", out, c.want)
			}
			v.wants(v.ask(sara, "newsletter"), decision.Unconfirmed)
			v.wants(v.ask(neighbour, "tailored_offers"), c.neighbour)
			if c.suppressed {
				v.wants(v.ask(gone, "tailored_offers"), decision.Erased)
			} else {
				v.wants(v.ask(gone, "tailored_offers"), decision.UnknownSubject)
			}
			if err := v.db.Shred(t.Context()); err != nil {
				t.Fatal(err)
			}
			v.check()
			v.opensNothingOf(gone, backup)
		})
	}
}

// The list of who was erased is written line by line beside the database. Wherever a
// crash cuts it, and though the clock went back meanwhile, nobody is left out.
func TestTombstonesAreWholeWhateverHappens(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.say(nth(i), "tailored_offers", consent.Given)
	}
	list := func(from time.Time, seen []string) []string {
		t.Helper()
		known := map[string]bool{}
		for _, line := range seen {
			known[line] = true
		}
		lines, err := w.db.TombstoneLines(t.Context(), from, known)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	w.erase(nth(0))
	w.erase(nth(1))
	all := list(time.Time{}, nil)
	for cut := range all {
		if n := len(list(w.clock().Add(-time.Minute), all[:cut])); n != len(all)-cut {
			t.Errorf("of %d lines, the last %d of which were lost, %d are written again", len(all), len(all)-cut, n)
		}
	}
	newest := w.clock()
	w.pass(-time.Hour)
	w.erase(nth(2))
	if more := list(newest.Add(-time.Minute), all); len(more) != 2 {
		t.Errorf("of who was erased when the clock was set back: %q", more)
	}
}

// An erasure bears the time at which it began. One that waited for its turn while
// the backup was made is not in the backup, and still brings nobody back.
func TestAnErasureThatWasUnderWayAtTheBackupHolds(t *testing.T) {
	w := newWorld(t)
	w.say(customer, "tailored_offers", consent.Given)
	backup := w.backup()
	w.pass(-10 * time.Second)
	if _, err := w.db.Erase(t.Context(), customer, ByCompany); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, v := w.restored("sqlite", backup)
	r.Tombstones = w.tombstones()
	v.run(r)
	v.wants(v.ask(customer, "tailored_offers"), decision.Erased)
	v.outcomes([]Outcome{Erased}, listed(customer, "tailored_offers", consent.Refused, ""))
}

// A parent's word ends with their erasure, also where the backup knows nothing of it.
func TestAPermissionOfWhoWasErasedIsNotRestored(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		r := w.signed(w.asks(lina, "coverage_study"), []string{"coverage_study"})
		w.second(r)
		if _, err := w.db.Permit(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		w.settled()
		backup := w.backup()
		if _, err := w.db.Erase(t.Context(), parent, BySubject); err != nil {
			t.Fatal(err)
		}
		restore, v := w.restored("sqlite", backup)
		restore.Tombstones = w.tombstones()
		if out := v.run(restore); out.Erased != 1 {
			t.Fatalf("%+v", out)
		}
		v.wants(v.ask(lina, "coverage_study"), decision.Child)
		v.check()
		same, v := w.restored("sqlite", backup)
		v.run(same)
		v.wants(v.ask(lina, "coverage_study"), decision.Given)
	})
}

// Nobody knows after a restore whether an erasure that waited was cancelled since.
func TestAnErasureThatWaitedWaitsAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.say(customer, "tailored_offers", consent.Given)
		w.demand(request.Erasure, request.Demand{}, customer)
		w.settled()
		backup := w.backup()
		w.pass(request.ToThink + time.Hour)
		r, v := w.restored("sqlite", backup)
		v.run(r)
		due := func() int {
			list, err := v.db.DueRequests(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if n := due(); n != 0 {
			t.Errorf("%d erasures are due at once", n)
		}
		v.wants(v.ask(customer, "tailored_offers"), decision.Restricted)
		if v.pass(request.ToThink); due() != 1 {
			t.Error("it is never done")
		}
		v.check()
	})
}

func TestWhatWasStoppedSinceStaysStopped(t *testing.T) {
	w := newWorld(t)
	stop := func(recipients, purposes []string) *Tombstones {
		if err := w.db.Stop(t.Context(), recipients, purposes); err != nil {
			t.Fatal(err)
		}
		return w.tombstones()
	}
	then := stop([]string{"mailer"}, nil)
	backup := w.backup()
	since := stop([]string{"texter", "a name"}, []string{"offers"})
	cut := &Tombstones{Keyring: since.Keyring, erased: since.erased, late: map[int64]Stops{2: {Recipients: []string{"texter"}}}}
	if err := cut.Add(then); err != nil {
		t.Fatal(err)
	}
	letGo := stop(nil, nil)
	if err := letGo.Add(since); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stones               *Tombstones
		recipients, purposes []string
	}{
		"nothing is known": {nil, []string{"mailer"}, nil},
		"as it was":        {then, []string{"mailer"}, nil},
		"more":             {since, []string{"a name", "mailer", "texter"}, []string{"offers"}},
		"told of in part":  {cut, []string{"mailer", "texter"}, nil},
		"let go since":     {letGo, []string{"mailer"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, v := w.restored("sqlite", backup)
			r.Tombstones = c.stones
			out := v.run(r)
			if s := v.db.Stops(); !slices.Equal(s.Recipients, c.recipients) || !slices.Equal(s.Purposes, c.purposes) || out.Stopped != int64(len(c.recipients)+len(c.purposes)) {
				t.Errorf("%+v, and it says %d", s, out.Stopped)
			}
		})
	}
}

func TestWhatIsKeptOfTheErasedIsRestored(t *testing.T) {
	w := newWorld(t)
	w.say(sara, "newsletter", consent.Given)
	w.say(customer, "tailored_offers", consent.Given)
	done, err := w.db.Erase(t.Context(), sara, BySubject)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	backup := w.backup()
	copied, err := w.db.cfg.Ring.Copy(t.Context(), w.clock(), w.clock().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.RotateBuckets(t.Context(), func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	old, err := copied.Open(keyring.File(), w.clock())
	if err != nil {
		t.Fatal(err)
	}
	by := [2]string{"Mona Haddad", "Ellen Pettengill"}

	r, v := w.restored("sqlite", backup)
	if out := v.run(r); out.KeptClosed != 1 || out.Closed != 1 || out.Subjects != 0 {
		t.Fatalf("without the copy: %+v", out)
	}
	if _, err := v.db.OpenKept(t.Context(), done.IDs()[0], by); fault.KindOf(err) != fault.Unknown {
		t.Fatalf("without the copy: %v", err)
	}

	r, v = w.restored("sqlite", backup)
	r.Old, r.Tombstones = old, w.tombstones()
	if out := v.run(r); out.KeptClosed != 0 || out.Rewrapped != 1 || out.Subjects != 1 {
		t.Fatalf("%+v", out)
	}
	if _, err := v.db.OpenKept(t.Context(), done.IDs()[0], by); err != nil {
		t.Fatal(err)
	}
	v.wants(v.ask(sara, "newsletter"), decision.Erased)

	r, v = w.restored("sqlite", backup)
	r.Now = func() time.Time { return w.clock().AddDate(100, 0, 0) }
	r.Old, r.Tombstones = old, w.tombstones()
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.open()
	defer v.db.Close()
	if _, err := v.db.OpenKept(t.Context(), done.IDs()[0], by); fault.KindOf(err) != fault.Unknown {
		t.Fatalf("when its time is over: %v", err)
	}
}

// neighbours gives two subjects whose keys lie under one bucket's.
func (w *world) neighbours() (a, b subject.ID) {
	w.t.Helper()
	seen := map[uint16]subject.ID{}
	for i := range 100_000 { // some 400 of them lie in the shard, which has 256 buckets
		id := subject.ID(fmt.Sprintf("customer:%d", i))
		if w.db.placeOf(id).shard != 7 {
			continue
		}
		w.say(id, "tailored_offers", consent.Given)
		p, err := w.db.lookup(w.db.reader(w.t.Context()), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if other := seen[p.id.Bucket()]; other != "" {
			w.forget(seen, other, id)
			return other, id
		}
		seen[p.id.Bucket()] = id
	}
	w.t.Fatal("no bucket came twice")
	return "", ""
}

// forget erases everybody who was only tried.
func (w *world) forget(tried map[uint16]subject.ID, but ...subject.ID) {
	w.t.Helper()
	for _, id := range tried {
		if id == but[0] {
			continue
		}
		if _, err := w.db.Erase(w.t.Context(), id, ByCompany); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.db.Shred(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tombstones() *Tombstones {
	w.t.Helper()
	lines, err := w.db.TombstoneLines(w.t.Context(), time.Time{}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	stones, err := ReadTombstones(strings.NewReader(w.db.TombstoneHead() + strings.Join(lines, "")))
	if err != nil {
		w.t.Fatal(err)
	}
	return stones
}

// opensNothingOf looks whether the keyring opens anything of a subject in a backup.
func (v *world) opensNothingOf(gone subject.ID, backup []byte) {
	v.t.Helper()
	_, err := inspect(bytes.NewReader(backup), nil, func(form tableForm, values []any) error {
		if form.Name != "subject" {
			return nil
		}
		s, err := subjectIn(form, values)
		if err != nil {
			return err
		}
		if s.keys, err = v.db.cfg.Ring.Unwrap(s.id, s.wrapped); err == nil && s.nameOf() == nil && s.name == gone {
			return errors.New("the keyring still opens who was erased")
		}
		return nil
	}, nil)
	if err != nil {
		v.t.Error(err)
	}
}

func TestWhatTheLedgerHadYetToTakeIsRestored(t *testing.T) {
	w := newWorldOn(t, "postgres18")
	w.settled()
	tip, err := pgx.Connect(t.Context(), w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer tip.Close(t.Context())
	if _, err := tip.Exec(t.Context(), `BEGIN; SELECT 1 FROM ledger_tip FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		_, err := w.db.Submit(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", i)), Surface: consent.SurfaceAPI,
			Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
	}
	backup := w.backup()
	_, m, err := VerifyBackup(bytes.NewReader(backup), nil)
	if err != nil || m.Waiting != 5 {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, on := range databases {
		for origin, first := range map[string]int64{"": 0, "casco.example/log2": 1} {
			t.Run(on+" "+origin, func(t *testing.T) {
				r, v := w.restored(on, backup)
				r.NewOrigin = origin
				if out := v.run(r); out.Events != 5 || out.Entries != first+m.Entries+5 {
					t.Fatalf("%+v, %d and 5 were there", out, m.Entries)
				}
				for i := range 5 {
					if r := v.receiptsOf(subject.ID(fmt.Sprintf("customer:%d", i))); r.Proof == nil {
						t.Fatal("a receipt has no proof")
					}
				}
				v.say("customer:0", "tailored_offers", consent.Withdrawn)
				v.settled()
				v.check()
			})
		}
	}
}

func (w *world) receiptsOf(id subject.ID) receipt.Receipt {
	w.t.Helper()
	list, _, err := w.db.ReceiptsOf(w.t.Context(), id, 1, "")
	if err != nil || len(list) != 1 {
		w.t.Fatal(len(list), err)
	}
	return list[0]
}

// breaks is a backup that breaks off when it is read for the second time.
func breaks(backup []byte, at int) func() (io.ReadCloser, error) {
	reads := 0
	return func() (io.ReadCloser, error) {
		if reads++; reads == 1 {
			return io.NopCloser(bytes.NewReader(backup)), nil
		}
		return io.NopCloser(io.MultiReader(bytes.NewReader(backup[:at]), errorReader{})), nil
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestARestoreThatWasCutShortIsNoDatabase(t *testing.T) {
	each(t, testARestoreThatWasCutShortIsNoDatabase)
}

func testARestoreThatWasCutShortIsNoDatabase(t *testing.T, w *world) {
	w.past()
	w.settled()
	backup := w.backup()
	kind := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	cuts := []int{len(backup) - 1, len(backup) / 3, len(backupForm)}
	if w.dsn != "" {
		cuts = cuts[:1] // the whole is one transaction there
	}
	for _, at := range cuts {
		r, v := w.restored(kind, backup)
		r.Backup = breaks(backup, at)
		if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
			t.Fatalf("cut at %d of %d: %v", at, len(backup), err)
		}
		if _, err := Open(t.Context(), v.config(v.ring())); fault.KindOf(err) != fault.Conflict {
			t.Fatalf("what was cut short at %d opens: %v", at, err)
		}
		r.Backup = opens(backup)
		if out := v.run(r); out.Events != 6 {
			t.Fatalf("%+v", out)
		}
		if _, err := r.Run(t.Context()); fault.KindOf(err) != fault.Conflict {
			t.Fatalf("a second restore over the first: %v", err)
		}
		v.wants(v.ask(sara, "newsletter"), decision.Unconfirmed)
	}
}

func TestWhatBelongsToAnotherInstallationIsNotRestored(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.past()
	backup := w.backup()
	copied, err := other.db.cfg.Ring.Copy(t.Context(), w.clock(), w.clock().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	old, err := copied.Open(keyring.File(), w.clock())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Restore){
		"keyring":            func(r *Restore) { r.Ring = other.ring() },
		"copy of a keyring":  func(r *Restore) { r.Old = old },
		"tombstones":         func(r *Restore) { r.Tombstones = other.tombstones() },
		"published head":     func(r *Restore) { r.Published = other.db.Checkpoint() },
		"a log of its name":  func(r *Restore) { r.NewOrigin = "casco.example/log" },
		"a log with a space": func(r *Restore) { r.NewOrigin = "casco example" },
	} {
		r, v := w.restored("sqlite", backup)
		change(&r)
		if _, err := r.Run(t.Context()); fault.KindOf(err) != fault.Conflict && fault.KindOf(err) != fault.Invalid {
			t.Errorf("another %s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(v.dir, "amana.db")); err == nil {
			t.Errorf("another %s: there is a database", name)
		}
	}
}

func TestAChangedBackupIsDamaged(t *testing.T) {
	w := newWorld(t)
	w.past()
	backup := w.backup()
	for n := 0; n < len(backup); n += 1 + n/500 {
		if _, _, err := VerifyBackup(bytes.NewReader(backup[:n]), nil); fault.KindOf(err) != fault.Invalid {
			t.Fatalf("cut at %d of %d: %v", n, len(backup), err)
		}
	}
	made := bytes.Index(backup, []byte(`"made"`)) // when it was made, and by whom, nothing else says
	end := bytes.IndexByte(backup, '}')
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		at := rng.IntN(len(backup))
		if at > made-40 && at <= end {
			continue
		}
		changed := bytes.Clone(backup)
		changed[at] ^= byte(1 + rng.IntN(255))
		if _, _, err := VerifyBackup(bytes.NewReader(changed), nil); err == nil {
			t.Fatalf("byte %d may be changed", at)
		}
	}
	if _, _, err := VerifyBackup(bytes.NewReader(append(bytes.Clone(backup), 'x')), nil); err == nil {
		t.Fatal("something may follow")
	}
}

func FuzzVerifyBackup(f *testing.F) {
	w := newWorld(f)
	w.past()
	var out bytes.Buffer
	if _, err := w.db.Backup(f.Context(), &out, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte(backupForm))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, m, err := VerifyBackup(bytes.NewReader(b), nil); err == nil && m.Head == "" {
			t.Fatal("a backup without a head")
		}
	})
}

func FuzzReadTombstones(f *testing.F) {
	f.Add("amana-tombstones-v1 K\ne 000102030405060708090a0b0c0d0e0f 1\ns 7 " + strings.Repeat("ab", 32) + " 2\ng 3\n")
	f.Add("amana-tombstones-v1 K\ne 00")
	f.Fuzz(func(t *testing.T, s string) {
		if stones, err := ReadTombstones(strings.NewReader(s)); err == nil && stones.Keyring == "" {
			t.Fatal("tombstones of no keyring")
		}
	})
}
