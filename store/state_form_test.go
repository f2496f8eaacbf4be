package store

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
)

// random fills a value, each part of it with a chance of staying as it is. What is
// filled has a place in storedState; no part of a state may be without one.
func randomly(v reflect.Value) {
	texts := []string{"offers", "sha256:0f", "الرسائل", "a\"b\\c", "<&>", "\u2028\x7f", " ", "\x00\n", "\xff"}
	if rand.IntN(4) == 0 {
		return
	}
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = fromMillis(rand.Int64N(4e12) + 1)
		return
	case *[]string:
		for range rand.IntN(3) {
			*at = append(*at, texts[rand.IntN(len(texts)-1)])
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[rand.IntN(len(texts)-1)]) // the last is not UTF-8, which JSON changes
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		randomly(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			randomly(v.Field(i))
		}
	default:
		panic(v.Kind().String() + " is not filled")
	}
}

func stored(y *consent.Yes) *storedYes {
	if y == nil {
		return nil
	}
	return &storedYes{y.Event, y.Policy, y.Meaning, y.Language, moment(y.Since), moment(y.Until), y.Topics, y.Often, y.Signals.GPC, y.Shown, y.Attested, y.Evidence, moment(y.Said)}
}

// TestStatesAreStoredAsJSON compares what is written of random states with what
// encoding/json writes, and with what is read of it.
func TestStatesAreStoredAsJSON(t *testing.T) {
	t.Parallel()
	for range 20_000 {
		states := map[consent.Key]consent.State{}
		for range rand.IntN(4) {
			var k consent.Key
			var s consent.State
			randomly(reflect.ValueOf(&k).Elem())
			randomly(reflect.ValueOf(&s).Elem())
			states[k] = s
		}
		got := marshalStates(states)
		back, err := unmarshalStates(got)
		if diff := cmp.Diff(states, back); err != nil || diff != "" {
			t.Fatalf("%s\n%v\n%s", got, err, diff)
		}
		var list []storedState
		if err := json.Unmarshal(got, &list); err != nil {
			t.Fatal(err)
		}
		for i := range list {
			k := consent.Key{Purpose: list[i].Purpose, Recipient: list[i].Recipient}
			s := states[k]
			list[i] = storedState{k.Purpose, k.Recipient, s.Status, moment(s.Since), s.Event, stored(s.Yes), stored(s.Pending), moment(s.No), stored(s.Paused), moment(s.Resumes)}
		}
		if want, err := json.Marshal(list); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v\n%s\n%s", err, got, want)
		}
	}
}

func FuzzStoredText(f *testing.F) {
	for _, s := range []string{"", "offers", "\u2028", "a\"\\", "\xff\x00\x7f", "<script>&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if got := stateWriter(nil).text("", s); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q: %s, not %s", s, got, want)
		}
	})
}
