package table_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// Who was erased and is unknown since is answered as the reference answers of
// somebody erased; who came back, as of somebody known.
func TestWhoWasErasedIsNotUnknown(t *testing.T) {
	versions := consenttest.Versions{{ID: "v1", Recipients: map[string]policy.Permission{"partner": policy.Own},
		Purposes: map[string]consenttest.Purpose{"letter": {Keep: "P1Y"}, "deal": {Basis: policy.Contract}, "tax": {Basis: policy.LegalObligation}}}}.Publish(t)
	find := func(id policy.VersionID) *policy.Version { return versions[id] }
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	tab := table.New(table.Key{1, 2}, table.Rules{Policy: versions["v1"], Version: find}, now)
	secret := [32]byte{7}
	tags := map[table.Tag]struct{}{}
	var ids []subject.ID
	for i := range 200 {
		id := subject.ID(fmt.Sprintf("email:n%d@example.com", i))
		ids = append(ids, id)
		if i%2 == 0 {
			tags[table.ShortTag(table.SuppressedTag(secret, id))] = struct{}{}
		}
	}
	tab.Suppress(secret, tags)
	back := ids[4]
	states := consent.Fold(consenttest.Meant(consenttest.Events(t, []string{"given letter v1 2026-01-01"}), find), find)
	known := decision.World{Policy: versions["v1"], Version: find, Subject: &decision.Subject{Kind: subject.Email, States: states}}
	p, times := table.ProfileOf(known)
	tab.Put(tab.Tag(back), p, times, true)
	for _, purpose := range []string{"letter", "deal", "tax", "nothing"} {
		q := decision.Question{Purpose: purpose}
		out := make([]table.Answer, len(ids))
		tab.Question(q).DecideEach(ids, out, now)
		for i, id := range ids {
			w := decision.World{Policy: versions["v1"], Version: find, Person: decision.Person{Erased: i%2 == 0}}
			if id == back {
				w = known
			}
			want := decision.Decide(w, q, now)
			for how, got := range map[string]table.Answer{"alone": tab.Decide(id, q, now), "made ready": tab.Question(q).Decide(id, now), "of many": out[i]} {
				if got.Reason != want.Reason || got.Allowed != want.Allowed {
					t.Errorf("%s for %s, %s: %s, want %s", id, purpose, how, got.Reason, want.Reason)
				}
			}
		}
	}
}
