package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/subject"
)

// passkey keeps a passkey of somebody of whom something is kept.
func (w *world) passkey(of subject.ID, name string) Passkey {
	w.t.Helper()
	k := Passkey{Handle: w.db.NewHandle(of), Owner: of, Credential: []byte("credential " + name), Label: name, Data: []byte("key of " + name)}
	if _, err := w.db.AddPasskey(w.t.Context(), k, "en"); err != nil {
		w.t.Fatal(err)
	}
	w.pass(time.Millisecond)
	return k
}

func (w *world) passkeysOf(of ...subject.ID) (labels []string) {
	w.t.Helper()
	list, err := w.db.Passkeys(w.t.Context(), of...)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, k := range list {
		labels = append(labels, k.Label)
	}
	return labels
}

// used gives what a passkey says when it is used, and has it say next.
func (w *world) used(k Passkey, next string) (string, error) {
	var said string
	got, err := w.db.UsePasskey(w.t.Context(), k.Credential, k.Handle, func(k Passkey) ([]byte, error) {
		said = string(k.Data)
		return []byte(next), nil
	})
	if err == nil && (got.Owner != k.Owner || string(got.Data) != next) {
		w.t.Errorf("the passkey is %+v", got)
	}
	return said, err
}

func (w *world) opensNothing(k Passkey) {
	w.t.Helper()
	if _, err := w.used(k, ""); fault.KindOf(err) != fault.Denied {
		w.t.Errorf("the passkey %q opens: %v", k.Credential, err)
	}
}

func TestAPasskeyIsAddedUsedAndRemoved(t *testing.T) {
	const omar subject.ID = "email:omar@example.com"
	each(t, func(t *testing.T, w *world) {
		if _, err := w.db.AddPasskey(t.Context(), Passkey{Handle: w.db.NewHandle(saraMail), Owner: saraMail, Credential: []byte("c")}, "en"); !errors.Is(err, ErrNothingKept) {
			t.Errorf("a passkey of nobody: %v", err)
		}
		w.say(saraMail, "newsletter", consent.Given)
		w.say(omar, "newsletter", consent.Given)
		one, two, his := w.passkey(saraMail, "Firefox"), w.passkey(saraMail, "Chrome"), w.passkey(omar, "Safari")
		if got := w.passkeysOf(saraMail, saraPhone); !slices.Equal(got, []string{"Chrome", "Firefox"}) {
			t.Errorf("listed are %q", got)
		}
		if _, err := w.db.AddPasskey(t.Context(), Passkey{Handle: w.db.NewHandle(saraMail), Owner: saraMail, Credential: one.Credential}, "en"); fault.KindOf(err) != fault.Conflict {
			t.Errorf("the same credential again: %v", err)
		}
		for _, want := range []string{"key of Firefox", "count 1"} {
			if said, err := w.used(one, "count 1"); said != want || err != nil {
				t.Errorf("it says %q, want %q: %v", said, want, err)
			}
		}
		refused := errors.New("refused")
		if _, err := w.db.UsePasskey(t.Context(), one.Credential, one.Handle, func(Passkey) ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
			t.Errorf("what is refused: %v", err)
		}
		if said, _ := w.used(one, "count 1"); said != "count 1" {
			t.Errorf("what was refused is kept: %q", said)
		}
		w.opensNothing(Passkey{Handle: his.Handle, Credential: one.Credential, Owner: omar})
		w.opensNothing(Passkey{Handle: one.Handle, Credential: []byte("another"), Owner: saraMail})
		w.opensNothing(Passkey{Handle: []byte{1}, Credential: one.Credential})
		if _, err := w.db.RemovePasskey(t.Context(), one.ID(), "en", omar, saraPhone); err != nil {
			t.Fatal(err)
		}
		if got := w.passkeysOf(saraMail); len(got) != 2 {
			t.Error("another person removed it")
		}
		if _, err := w.db.RemovePasskey(t.Context(), one.ID(), "en", saraPhone, saraMail); err != nil {
			t.Fatal(err)
		}
		w.opensNothing(one)
		if _, err := w.used(two, "count 1"); err != nil {
			t.Error(err)
		}
		for i := len(w.passkeysOf(saraMail)); i < MaxPasskeys; i++ {
			w.passkey(saraMail, "more "+string(rune('a'+i)))
		}
		if _, err := w.db.AddPasskey(t.Context(), Passkey{Handle: w.db.NewHandle(saraMail), Owner: saraMail, Credential: []byte("one more")}, "en"); !errors.Is(err, ErrTooManyPasskeys) {
			t.Errorf("one more than there may be: %v", err)
		}
	})
}

// TestEveryIdentifierIsToldOfAPasskey: addresses by mail, and phones by whoever asked.
func TestEveryIdentifierIsToldOfAPasskey(t *testing.T) {
	const omar subject.ID = "email:omar@example.com"
	each(t, func(t *testing.T, w *world) {
		for _, id := range []subject.ID{saraMail, omar} {
			w.say(id, "newsletter", consent.Given)
		}
		w.linked(saraMail, saraPhone)
		w.mailing()
		told := func(kind letter.Kind, list []Notice, err error) {
			t.Helper()
			mails := w.claimed()
			if err != nil || len(mails) != 1 || mails[0].Letter.Kind != kind || mails[0].Letter.To != "sara@example.com" {
				t.Errorf("mails: %+v, %v", mails, err)
			}
			if len(list) != 2 || !slices.Contains(list, Notice{ID: saraMail}) || !slices.Contains(list, Notice{ID: saraPhone}) {
				t.Errorf("told are %+v", list)
			}
		}
		for _, of := range []subject.ID{saraPhone, saraMail} {
			k := Passkey{Handle: w.db.NewHandle(of), Owner: of, Credential: []byte("credential of " + of)}
			list, err := w.db.AddPasskey(t.Context(), k, "en")
			told(letter.PasskeyAdded, list, err)
			list, err = w.db.RemovePasskey(t.Context(), k.ID(), "en", of)
			told(letter.PasskeyRemoved, list, err)
			if list, err = w.db.RemovePasskey(t.Context(), k.ID(), "en", of); err != nil || len(list) != 0 || len(w.claimed()) != 0 {
				t.Errorf("of what is not there are told %+v, %v", list, err)
			}
		}
	})
}

// TestAPasskeyEndsWithItsIdentifier: by an erasure, and when the identifier is
// taken away from its person. After new keys of buckets it goes on.
func TestAPasskeyEndsWithItsIdentifier(t *testing.T) {
	const omar subject.ID = "email:omar@example.com"
	each(t, func(t *testing.T, w *world) {
		for _, id := range []subject.ID{saraMail, omar} {
			w.say(id, "newsletter", consent.Given)
		}
		mail, his := w.passkey(saraMail, "Firefox"), w.passkey(omar, "Safari")
		w.linked(saraMail, omar)
		w.unlinked(omar)
		w.opensNothing(his)
		if _, err := w.used(mail, "x"); err != nil {
			t.Errorf("the passkey of who stays: %v", err)
		}
		his = w.passkey(omar, "Edge")
		if _, err := w.db.Erase(t.Context(), saraMail, BySubject); err != nil {
			t.Fatal(err)
		}
		w.opensNothing(mail)
		if err := w.db.Shred(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := w.db.reads.QueryRow(`SELECT count(*) FROM passkey`).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d passkeys are kept, %v", n, err)
		}
		if _, err := w.used(his, "x"); err != nil {
			t.Error(err)
		}
	})
}
