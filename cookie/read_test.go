package cookie_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/policy"
)

// dated is shop with keeping times, and ads that heed a signal.
func dated(t *testing.T) *policy.Version {
	t.Helper()
	v := shop()
	v.Meanings = map[string]string{"ads": "m", "analytics": "m", "chat": "m", "video": "m"}
	for id, u := range v.Policy.Purposes {
		var err error
		if u.Keep, err = policy.ParseDuration(map[string]string{"ads": "P30D"}[id]); err != nil {
			u.Keep, _ = policy.ParseDuration("P1Y")
		}
		if id == "ads" {
			u.Marks = []policy.Mark{policy.Sharing}
		}
		v.Policy.Purposes[id] = u
	}
	return v
}

func key(purpose string) consent.Key { return consent.Key{Purpose: purpose} }

func TestWhatACookieSaysNow(t *testing.T) {
	network := consent.Key{Purpose: "ads", Recipient: "network"}
	for _, c := range []struct {
		name    string
		given   []consent.Key
		against []string
		change  func(*policy.Version)
		gpc     bool
		after   time.Duration
		untold  bool
		want    []consent.Key
		ask     bool
	}{
		{name: "what was said", given: []consent.Key{key("analytics"), key("ads")}, want: []consent.Key{key("ads"), key("analytics")}},
		{name: "nothing was said yes to", want: nil},
		{name: "taken back, not heard", given: []consent.Key{key("analytics")}, untold: true},
		{name: "a recipient with its purpose", given: []consent.Key{key("ads"), network}, want: []consent.Key{key("ads"), network}},
		{name: "a recipient without its purpose", given: []consent.Key{network}},
		{name: "the signal takes away", given: []consent.Key{key("analytics"), key("ads"), network}, gpc: true, want: []consent.Key{key("analytics")}},
		{name: "unless the yes was given against it", given: []consent.Key{key("ads"), network}, against: []string{"ads"}, gpc: true, want: []consent.Key{key("ads"), network}},
		{name: "before its end", given: []consent.Key{key("ads")}, after: 30*24*time.Hour - time.Second, want: []consent.Key{key("ads")}},
		{name: "at its end", given: []consent.Key{key("ads"), key("chat")}, after: 30 * 24 * time.Hour, want: []consent.Key{key("chat")}, ask: true},
		{name: "another version that says the same", given: []consent.Key{key("ads")}, change: func(*policy.Version) {}, want: []consent.Key{key("ads")}},
		{name: "another meaning", given: []consent.Key{key("ads"), key("chat")}, change: func(v *policy.Version) { v.Meanings["ads"] = "n" }, want: []consent.Key{key("chat")}, ask: true},
		{name: "another meaning of what was refused", given: []consent.Key{key("chat")}, change: func(v *policy.Version) { v.Meanings["ads"] = "n" }, want: []consent.Key{key("chat")}},
		{name: "a recipient more inside", given: []consent.Key{key("chat")}, change: func(v *policy.Version) {
			u := v.Policy.Purposes["chat"]
			u.Recipients = []string{"stats"}
			v.Policy.Purposes["chat"] = u
		}, ask: true},
		{name: "a purpose more", given: []consent.Key{key("chat")}, change: func(v *policy.Version) {
			v.Policy.Purposes["more"] = v.Policy.Purposes["video"]
		}, want: []consent.Key{key("chat")}, ask: true},
		{name: "a purpose less", given: []consent.Key{key("chat"), key("video")}, change: func(v *policy.Version) { delete(v.Policy.Purposes, "video") }, want: []consent.Key{key("chat")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			answered, inForce := dated(t), dated(t)
			if c.change != nil {
				c.change(inForce)
				inForce.ID = "sha256:9999abcd" + inForce.ID[15:]
			}
			made, err := cookie.New(answered, c.given, c.against, noon, browser)
			if err != nil {
				t.Fatal(err)
			}
			made.Untold = c.untold
			read, err := cookie.Parse(cookie.Format(made))
			if err != nil {
				t.Fatal(err)
			}
			got := read.Read(answered, inForce, c.gpc, noon.Add(c.after))
			if d := cmp.Diff(c.want, got.Granted); d != "" || got.Ask != c.ask {
				t.Errorf("asks %t, grants:\n%s", got.Ask, d)
			}
		})
	}
	if got := (cookie.Cookie{Revision: "00000000", Set: "1"}).Read(nil, dated(t), false, noon); !got.Ask || got.Granted != nil {
		t.Errorf("an unknown revision is read as %+v", got)
	}
}
