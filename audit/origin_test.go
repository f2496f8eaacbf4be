package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/ledger"
)

// beginning is the first record of a shop's log that follows another's.
func beginning(t *testing.T, before *shop, origin string, restored int64) json.RawMessage {
	t.Helper()
	o, err := ledger.NewOrigin(origin, []string{before.key}, before.head(), restored, time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	record, err := o.Record()
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func TestALogThatFollowsAnotherSaysSo(t *testing.T) {
	old := newShop(t).to(40)
	old.signer, old.key = otherKey(t, "shop.example/before")
	s := newShop(t).record(beginning(t, old, "shop.example/log", 30))
	s.add(old.entries[:30]...)
	v, _ := s.holds()
	if !slices.ContainsFunc(v.Notes, func(n string) bool {
		return strings.Contains(n, "follows shop.example/before, which showed a head of 40 entries: 30 of them")
	}) {
		t.Errorf("%q", v.Notes)
	}
}

func TestABeginningThatIsNoneIsALie(t *testing.T) {
	for name, grow := range map[string]func(*shop, *shop) *shop{
		"in the middle":         func(s, old *shop) *shop { return s.to(3).record(beginning(t, old, "shop.example/log", 1)).to(9) },
		"of another log":        func(s, old *shop) *shop { return s.record(beginning(t, old, "shop.example/else", 1)).to(9) },
		"of more than there is": func(s, old *shop) *shop { return s.record(beginning(t, old, "shop.example/log", 9)).to(9) },
		"of a changed head": func(s, old *shop) *shop {
			raw := strings.Replace(string(beginning(t, old, "shop.example/log", 1)), `\n40\n`, `\n41\n`, 1)
			return s.record(json.RawMessage(raw)).to(9)
		},
	} {
		t.Run(name, func(t *testing.T) {
			old := newShop(t).to(40)
			old.signer, old.key = otherKey(t, "shop.example/before")
			v, _ := grow(newShop(t), old).audits()
			if v.Outcome != Lied || v.Findings[0].Lie != ImproperRecord {
				t.Errorf("%+v", v)
			}
		})
	}
}
