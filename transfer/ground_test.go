package transfer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/sheet"
	"github.com/amana-privacy/amana/transfer"
)

// Of every row that is left it is known whether a no may be lost with it.
func TestALostNoIsTold(t *testing.T) {
	const head = "email,purpose,decision,test\n"
	for in, want := range map[string]bool{
		"nobody,newsletter,no,":               true,
		",newsletter,withdrawn,":              true,
		"a@example.com,Monthly letter,no,":    true,
		"a@example.com,newsletter,perhaps,":   true,
		"a@example.com,newsletter,,":          true,
		"a@example.com,newsletter,no,\"\"x\"": true, // no row
		"a@example.com,newsletter,no,,":       true, // a cell too many
		"a@example.com,newsletter":            true, // cells too few to be one
		"nobody,newsletter,yes,":              false,
		"nobody,newsletter,yes":               false,
		"a@example.com,Monthly letter,yes,":   false,
		"a@example.com,newsletter,yes,":       false, // without evidence
		"a@example.com,newsletter,expired,":   false,
		"nobody,newsletter,no,yes":            false, // to try things out
		"a@example.com,Old magazine,no,":      false, // said to be left
		"a@example.com,newsletter,pending,":   false,
	} {
		n := 0
		for _, err := range transfer.Rows(strings.NewReader(head+in+"\n"), transfer.Options{Now: now, Purposes: map[string]string{"Old magazine": ""}, Words: map[string]string{"pending": ""}}) {
			left, ok := errors.AsType[*transfer.Reject](err)
			if n++; !ok || left.MayBeNo != want {
				t.Errorf("%s: %+v, %v", in, left, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d rows", in, n)
		}
	}
	for _, in := range []string{`{"email":`, `{"email":"nobody","purpose":"newsletter","decision":"no"}`} {
		for _, err := range transfer.Rows(strings.NewReader(in+"\n{}\n"), transfer.Options{Now: now}) {
			if left, ok := errors.AsType[*transfer.Reject](err); !ok || !left.MayBeNo {
				t.Errorf("%s: %v", in, err)
			}
		}
	}
}

// In another encoding nobody knows what a row says: the list ends there.
func TestAListInAnotherEncodingEnds(t *testing.T) {
	for name, in := range map[string]string{
		"a table": "email,name,decision\na@example.com,A,no\nb@example.com,\xd3\xc7\xd1\xc9,no\nc@example.com,C,no\n",
		"lines":   `{"email":"a@example.com","decision":"no"}` + "\n\n" + `{"email":"b@example.com","` + "\xd3" + `":"","decision":"no"}` + "\n" + `{"email":"c@example.com","decision":"no"}` + "\n",
	} {
		got, err := told(t, in, transfer.Options{Purpose: "newsletter"})
		if d := cmp.Diff([]string{map[bool]string{true: "2", false: "1"}[name == "a table"] + " email:a@example.com newsletter refused"}, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		at, ok := errors.AsType[*sheet.EncodingError](err)
		if !ok || at.Line != 3 || fault.KindOf(err) != fault.Malformed || strings.Contains(err.Error(), "b@example.com") {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := told(t, "email;\xc7\xe1\xcc\xe6\xc7\xc8\na@example.com;\xe1\xc7\n", transfer.Options{Purpose: "newsletter", Encoding: "windows-1256", Columns: map[string]transfer.Field{"الجواب": transfer.Decision}})
	if d := cmp.Diff([]string{"2 email:a@example.com newsletter refused"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestADayThatIsTwoIsReadAsItWasSaid(t *testing.T) {
	const day, month = "day-first", "month-first"
	for _, c := range []struct{ at, order, want string }{
		{"03/04/2021", day, "2021-04-03T00:00:00Z"},
		{"03/04/2021", month, "2021-03-04T00:00:00Z"},
		{"3.4.2021 9:05", day, "2021-04-03T09:05:00Z"},
		{"3-4-2021, 09:05:10", day, "2021-04-03T09:05:10Z"},
		{"3/4/2021 1:05 pm", month, "2021-03-04T13:05:00Z"},
		{"\u200f٠٣\u200f/٠٤\u200f/٢٠٢١", day, "2021-04-03T00:00:00Z"},
		{"2021-04-03", month, "2021-04-03T00:00:00Z"},
		{"25/12/2021", month, ""},
		{"01/02/1446", day, ""}, // a year of the Hijra
		{"03/04/21", day, ""},
	} {
		want := "2 email:a@example.com newsletter refused"
		if c.want != "" {
			want += " " + c.want
		}
		got, err := told(t, "email,decision,time\na@example.com,no,\""+c.at+"\"\n", transfer.Options{Purpose: "newsletter", Dates: c.order})
		if d := cmp.Diff([]string{want}, got); d != "" || err != nil {
			t.Errorf("%s, %s: %s, %v", c.at, c.order, d, err)
		}
	}
	if _, err := told(t, "email,decision\n", transfer.Options{Purpose: "newsletter", Dates: "year-first"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

// As nothing it would win over a later yes, and as the wrong day lose against an
// earlier one.
func TestADayThatIsTwoEndsAListThatDoesNotSayWhich(t *testing.T) {
	for _, in := range []string{
		"email,decision,time\na@example.com,no,\nb@example.com,no,03/04/2021\nc@example.com,no,\n",
		"email,decision,withdrawn\na@example.com,no,\nb@example.com,yes,3.4.2021 10:00\nc@example.com,no,\n",
		"email,decision,confirmed,time\na@example.com,no,,\nb@example.com,yes,25/12/2021\nc@example.com,no,,\n",
		`{"email":"a@example.com","decision":"no"}` + "\n\n" + `{"email":"b@example.com","decision":"no","time":"٠٣/٠٤/٢٠٢١"}` + "\n" + `{"email":"c@example.com","decision":"no"}` + "\n",
	} {
		got, err := told(t, in, transfer.Options{Purpose: "newsletter", Evidence: []*transfer.EvidenceSet{letter}})
		if len(got) != 1 || fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "line 3, ") || !strings.Contains(err.Error(), "--dates day-first or --dates month-first") {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}
