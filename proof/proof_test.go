package proof

import (
	"testing"
	"time"

	"github.com/amana-privacy/amana/subject"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// The table is the rule: who proved what, and what that stands for.
func TestWhatProvesTwo(t *testing.T) {
	long, young := now.Add(-Settles), now.Add(-Settles+time.Nanosecond)
	const mail, other, phone, phone2, number, browser subject.ID = "email:a@example.com", "email:b@example.com", "phone:+12075550101", "phone:+12075550102", "customer:1", "device:x"
	member := func(id subject.ID, since time.Time) Member { return Member{ID: id, Since: since} }
	unsure := Member{ID: phone, Since: long, Unsure: true}
	vouched := func(id subject.ID) Member { return Member{ID: id, Since: now, Vouched: true} }
	for name, c := range map[string]struct {
		members []Member
		proved  []subject.ID
		want    bool
	}{
		"a mailbox and a phone":              {[]Member{member(mail, long), member(phone, long)}, []subject.ID{mail, phone}, true},
		"two mailboxes":                      {[]Member{member(mail, long), member(other, long)}, []subject.ID{other, mail}, true},
		"one of two":                         {[]Member{member(mail, long), member(phone, long)}, []subject.ID{mail}, false},
		"linked a moment too late":           {[]Member{member(mail, long), member(phone, young)}, []subject.ID{mail, phone}, false},
		"a phone that may be another's":      {[]Member{member(mail, long), unsure}, []subject.ID{mail, phone}, false},
		"two phones":                         {[]Member{member(phone, long), member(phone2, long)}, []subject.ID{phone, phone2}, false},
		"a browser":                          {[]Member{member(mail, long), member(browser, long)}, []subject.ID{mail, browser}, false},
		"vouched for":                        {[]Member{vouched(mail), vouched(number)}, []subject.ID{mail, number}, true},
		"one vouched for, one linked lately": {[]Member{vouched(mail), member(phone, young)}, []subject.ID{mail, phone}, false},
		"the same twice":                     {[]Member{member(mail, long)}, []subject.ID{mail, mail}, false},
		"nobody":                             {nil, []subject.ID{mail, phone}, false},
		"not linked":                         {[]Member{member(mail, long), member(other, long)}, []subject.ID{mail, phone}, false},
	} {
		if got := ProvesTwo(c.members, c.proved, now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestAPhoneAloneSpeaksForNoOthers(t *testing.T) {
	const mail, phone, browser subject.ID = "email:a@example.com", "phone:+12075550101", "device:x"
	both := []Member{{ID: mail}, {ID: phone}, {ID: browser}}
	for _, c := range []struct {
		members []Member
		proved  subject.ID
		want    bool
	}{{both, mail, true}, {both, phone, false}, {both, browser, false}, {both[1:2], phone, true}, {nil, phone, true}} {
		if got := MayJoin(c.members, []subject.ID{c.proved}); got != c.want {
			t.Errorf("%s of %v: %t", c.proved, c.members, got)
		}
	}
}
