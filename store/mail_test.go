package store

import (
	"bytes"
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/subject"
)

// mailing makes the world one that sends mails.
func (w *world) mailing() {
	w.t.Helper()
	w.db.cfg.Mail, w.db.cfg.PublicURL = true, "https://privacy.casco.example"
}

// claimed gives the mails that wait.
func (w *world) claimed() []Mail {
	w.t.Helper()
	list, err := w.db.ClaimMail(w.t.Context(), 100, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) signIn(to string) MailID {
	w.t.Helper()
	id, err := w.db.Post(w.t.Context(), letter.Letter{Kind: letter.SignIn, To: to, Language: "en", Code: "314159"})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.reads.QueryRow(w.db.d.sql(query), args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestTheMailStandsBesideTheAnswer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		w.say("email:sara@example.com", "newsletter", consent.Given)
		w.say("email:sara@example.com", "newsletter", consent.Given)
		w.say("customer:10042", "tailored_offers", consent.Given)
		list := w.claimed()
		if len(list) != 1 {
			t.Fatalf("%d mails wait", len(list))
		}
		l := list[0].Letter
		if l.Kind != letter.Confirm || l.To != "sara@example.com" || l.Language != "en" || !strings.HasPrefix(l.Path, "/c/") || l.Leave == "" {
			t.Errorf("%+v", l)
		}
		w.check()
	})
}

func TestARefusedAnswerQueuesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		_, err := w.db.Submit(t.Context(), Submission{Subject: "email:sara@example.com", Choices: []consent.Choice{
			{Purpose: "newsletter", Decision: consent.Given}, {Purpose: "no_such", Decision: consent.Given}}})
		if err == nil || len(w.claimed()) != 0 {
			t.Error(err)
		}
	})
}

func TestMailsAreClaimedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 20 {
			w.signIn("sara@example.com")
		}
		var mu sync.Mutex
		seen := map[MailID]int{}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					list, err := w.db.ClaimMail(t.Context(), 10, time.Minute)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, m := range list {
						seen[m.ID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for id, n := range seen {
			if n != 1 {
				t.Errorf("mail %x was claimed %d times", id, n)
			}
		}
		if len(seen) != 20 {
			t.Errorf("%d mails were claimed", len(seen))
		}
		w.pass(time.Minute)
		if again := w.claimed(); len(again) != 20 || again[0].Tries != 2 {
			t.Errorf("after the lease %d can be claimed", len(again))
		}
	})
}

// One damaged row keeps nobody else's mail from being sent.
func TestAMailThatCannotBeOpenedStopsNoOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bad := w.signIn("sara@example.com")
		w.signIn("omar@example.com")
		err := w.db.write(t.Context(), func(t *tx) error {
			return t.exec(`UPDATE mail SET sealed = ? WHERE shard_id = ? AND mail_id = ?`, []byte("damaged"), int(bad[0]), bad[:])
		})
		if err != nil {
			t.Fatal(err)
		}
		list := w.claimed()
		if len(list) != 2 {
			t.Fatalf("%d mails can be claimed", len(list))
		}
		for _, m := range list {
			if broken := m.Broken != nil; broken != (m.ID == bad) || broken != (m.Letter.To != "omar@example.com") {
				t.Errorf("%x: %+v, %v", m.ID, m.Letter, m.Broken)
			}
		}
	})
}

func TestAMailLeavesNoText(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.signIn("sara@example.com")
		m := w.claimed()[0]
		if err := w.db.EndMail(t.Context(), m, MailSent, MailDigest([]byte("x"))); err != nil {
			t.Fatal(err)
		}
		var sealed, key []byte
		var state string
		var digest []byte
		err := w.db.reads.QueryRow(w.db.d.sql(`SELECT state, sealed, data_key, digest FROM mail WHERE shard_id = ? AND mail_id = ?`), int(id[0]), id[:]).Scan(&state, &sealed, &key, &digest)
		if err != nil || state != "sent" || sealed != nil || key != nil || !bytes.Equal(digest, MailDigest([]byte("x"))) {
			t.Error(state, sealed, key, err)
		}
		w.pass(mailKept + time.Second)
		if err := w.db.ForgetMail(t.Context()); err != nil || w.count(`SELECT count(*) FROM mail`) != 0 {
			t.Error("the mail is not forgotten", err)
		}
	})
}

// Nobody is known by the address of a mail that was queued before: its keys go too
// when they are known and erased later.
func TestErasingReachesTheQueue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		before := w.signIn("sara@example.com")
		w.say("email:sara@example.com", "newsletter", consent.Given)
		other := w.signIn("omar@example.com")
		var taken []keyring.Wrapped // a copy of the database
		for _, id := range []MailID{before, other} {
			var k keyring.Wrapped
			if err := w.db.reads.QueryRow(w.db.d.sql(`SELECT data_key, evidence_key FROM mail WHERE shard_id = ? AND mail_id = ?`), int(id[0]), id[:]).Scan(&k.Data, &k.Evidence); err != nil {
				t.Fatal(err)
			}
			taken = append(taken, k)
		}
		if err := w.db.Bounced(t.Context(), w.db.MailMark(before, w.now).Return, true); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.Erase(t.Context(), "email:sara@example.com", BySubject); err != nil {
			t.Fatal(err)
		}
		if err := w.db.Shred(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`SELECT (SELECT count(*) FROM mail) + (SELECT count(*) FROM unreachable) + (SELECT count(*) FROM unconfirmed)`); n != 1 {
			t.Errorf("%d rows are left", n)
		}
		if _, err := w.db.cfg.Ring.Unwrap(keyring.SubjectID(before), taken[0]); err == nil {
			t.Error("a copy of the mail still opens")
		}
		list := w.claimed() // rewrapped or not, the other's opens
		if len(list) != 1 || list[0].ID != other || list[0].Letter.Code != "314159" {
			t.Errorf("%d mails wait", len(list))
		}
		w.check()
	})
}

func TestKeysAreChangedUnderTheQueue(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.signIn("sara@example.com")
		bucket := keyring.SubjectID(id).Bucket()
		err := w.db.cfg.Ring.Change(t.Context(), []uint16{bucket}, w.db.rewrapAll)
		if err != nil {
			t.Fatal(err)
		}
		if list := w.claimed(); len(list) != 1 || list[0].Letter.To != "sara@example.com" {
			t.Errorf("%d mails wait", len(list))
		}
	})
}

func TestUnconfirmedAddressesAreErased(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		const never, later, known = "email:never@example.com", "email:later@example.com", "email:known@example.com"
		for _, id := range []subject.ID{never, later, known} {
			w.say(id, "newsletter", consent.Given)
		}
		within := w.db.InForce().Policy.Confirm.Within.After(w.now)
		if _, err := w.db.Confirm(t.Context(), known, "newsletter", consent.SurfaceChoices); err != nil {
			t.Fatal(err)
		}
		w.pass(within.Sub(w.now) - time.Minute)
		w.say(later, "offers", consent.Given)
		look := func() {
			t.Helper()
			if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		look()
		w.wants(w.ask(never, "newsletter"), decision.Unconfirmed)
		w.pass(time.Minute)
		look()
		w.wants(w.ask(never, "newsletter"), decision.UnknownSubject)
		w.wants(w.ask(later, "offers"), decision.Unconfirmed)
		w.wants(w.ask(known, "newsletter"), decision.Given)
		w.settled()
		w.check()
		w.say(never, "newsletter", consent.Given) // nothing keeps its owner out
		w.wants(w.ask(never, "newsletter"), decision.Unconfirmed)
		w.pass(30 * 24 * time.Hour)
		look()
		w.wants(w.ask(never, "newsletter"), decision.UnknownSubject)
		w.wants(w.ask(later, "offers"), decision.UnknownSubject)
		if n := w.count(`SELECT count(*) FROM unconfirmed`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		w.settled()
		w.check()
	})
}

func TestWhoGotAMailMayAsk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		id := w.signIn("sara@example.com")
		code := w.db.MailMark(id, w.now).Code
		told, ok, err := w.db.AskMail(t.Context(), "email:sara@example.com", code)
		if !ok || err != nil || told.Kind != letter.SignIn || !told.At.Equal(w.now) || len(told.Hosts) != 1 || told.Hosts[0] != "privacy.casco.example" {
			t.Errorf("%+v %v %v", told, ok, err)
		}
		for what, q := range map[string][2]string{"another's address": {"email:omar@example.com", code}, "another code": {"email:sara@example.com", "00000-00000"},
			"no code": {"email:sara@example.com", ""}} {
			if _, ok, err := w.db.AskMail(t.Context(), subject.ID(q[0]), q[1]); ok || err != nil {
				t.Error(what, ok, err)
			}
		}
	})
}

func TestOnlyWhoGotAMailCanReturnIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.signIn("sara@example.com")
		mark := w.db.MailMark(id, w.now).Return
		for _, forged := range []string{"", "x", mark[:len(mark)-1], strings.ToUpper(mark[:8]) + "aaaa" + mark[12:], letter.Lower(id[:])} {
			if err := w.db.Bounced(t.Context(), forged, true); err == nil {
				t.Errorf("%q goes through", forged)
			}
		}
		if err := w.db.Bounced(t.Context(), strings.ToUpper(mark), true); err != nil { // servers fold letters
			t.Fatal(err)
		}
		if gone, err := w.db.Unreachable(t.Context(), "email:sara@example.com"); !gone || err != nil {
			t.Error(gone, err)
		}
		if list := w.claimed(); len(list) != 0 {
			t.Error("it is sent again")
		}
	})
}

// A database of before may hold answers that wait.
func TestWhatWaitedBeforeTheQueueIsErasedToo(t *testing.T) {
	w := newWorld(t)
	w.say("email:sara@example.com", "newsletter", consent.Given)
	raw, err := openSQLiteFile(w.file(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec(`UPDATE unconfirmed SET due = 0`); err != nil { // as the migration writes it
		t.Fatal(err)
	}
	var none sql.NullInt64
	if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask("email:sara@example.com", "newsletter"), decision.Unconfirmed)
	if err := raw.QueryRow(`SELECT due FROM unconfirmed`).Scan(&none); err != nil || none.Int64 <= millis(w.now) {
		t.Error(none, err)
	}
}
