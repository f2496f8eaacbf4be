package transfer_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/transfer"
)

var some = []transfer.Row{
	{Subject: "email:sara@example.com", Choice: consent.Choice{Purpose: "newsletter", Decision: consent.Given, Topics: []string{"sales", "events"}, Frequency: "weekly"},
		Said: time.Date(2021, 3, 14, 9, 12, 31, 0, time.UTC), Confirmed: true, Language: "ar", Evidence: "letter-2019", Source: `=cmd|' /C calc'!A0, "so" قال`},
	{Subject: "phone:+966550123456", Choice: consent.Choice{Purpose: "text_updates", Recipient: "partner", Decision: consent.Withdrawn}},
	{Subject: "customer:=1+1", Choice: consent.Choice{Purpose: "text_updates", Decision: consent.Refused}},
	{Subject: "customer:'=1", Choice: consent.Choice{Purpose: "text_updates", Decision: consent.Refused}, Language: "fr"},
}

func write(t testing.TB, w *transfer.Writer, rows []transfer.Row) {
	t.Helper()
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// back reads what was written.
func back(t testing.TB, written []byte, comma byte) []transfer.Row {
	t.Helper()
	var got []transfer.Row
	for row, err := range transfer.Rows(bytes.NewReader(written), transfer.Options{Now: now, Comma: comma, Evidence: []*transfer.EvidenceSet{letter, texts}}) {
		if err != nil {
			t.Fatalf("%v in %q", err, written)
		}
		got = append(got, row)
	}
	return got
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	var table, packed, lines bytes.Buffer
	write(t, transfer.NewCSV(&table, 0), some)
	write(t, transfer.NewCSV(&packed, ';'), some)
	write(t, transfer.NewJSON(&lines), some)
	for name, b := range map[string][]byte{"CSV": table.Bytes(), "CSV with semicolons": packed.Bytes(), "JSON": lines.Bytes()} {
		if d := cmp.Diff(some, back(t, b, 0), cmpopts.IgnoreFields(transfer.Row{}, "Line")); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	want := "\ufeffsubject,purpose,recipient,decision,time,confirmed,topics,language,evidence,source,frequency\r\n" +
		"email:sara@example.com,newsletter,,given,2021-03-14T09:12:31Z,yes,sales|events,ar,letter-2019,\"'=cmd|' /C calc'!A0, \"\"so\"\" قال\",weekly\r\n"
	if got := table.String(); !strings.HasPrefix(got, want) {
		t.Errorf("%q", got)
	}
	var none bytes.Buffer
	write(t, transfer.NewCSV(&none, 0), nil)
	if got := none.String(); got != want[:strings.Index(want, "\n")+1] {
		t.Errorf("a list of nobody: %q", got)
	}
}

// FuzzRoundTrip reads a list, writes what was understood and reads that.
func FuzzRoundTrip(f *testing.F) {
	for _, name := range []string{"plain.csv", "subscribed_email_audience_export_5f2b1c9d01.csv", "onetrust-table.csv"} {
		f.Add(file(f, name))
	}
	f.Add("subject,purpose,decision,source\ncustomer:'=1,newsletter,no,\"\u200e=1\t\n'\"\n")
	f.Add(`{"email":"sara@example.com","purpose":"newsletter","decision":"yes","topics":["a","b"],"confirmed":true,"time":"2020-01-01"}`)
	f.Fuzz(func(t *testing.T, in string) {
		var rows []transfer.Row
		o := transfer.Options{Now: now, Region: "SA", Purpose: "newsletter", Status: "given", Evidence: []*transfer.EvidenceSet{letter, texts}}
		for row, err := range transfer.Rows(strings.NewReader(in), o) {
			if err == nil {
				rows = append(rows, row)
			}
		}
		var table, lines bytes.Buffer
		write(t, transfer.NewCSV(&table, 0), rows)
		write(t, transfer.NewJSON(&lines), rows)
		for _, b := range [][]byte{table.Bytes(), lines.Bytes()} {
			if len(b) == 0 {
				continue
			}
			if d := cmp.Diff(rows, back(t, b, 0), cmpopts.IgnoreFields(transfer.Row{}, "Line")); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// A list says why a yes was not to be used where it was written: it is none where it
// is read.
func TestAYesThatIsBarredIsLeft(t *testing.T) {
	for _, why := range []consent.Answer{"restricted", "objected", "child", "forbidden_by_law", "outside_scope", "unknown_purpose", "recipient_not_permitted", "recipient_suspended"} {
		var table bytes.Buffer
		write(t, transfer.NewCSV(&table, 0), []transfer.Row{{Subject: "email:sara@example.com", Choice: consent.Choice{Purpose: "newsletter", Decision: why}}})
		for _, err := range transfer.Rows(&table, transfer.Options{Now: now, Evidence: []*transfer.EvidenceSet{letter}}) {
			if r, ok := errors.AsType[*transfer.Reject](err); !ok || r.Reason != transfer.Barred {
				t.Errorf("%s: %v", why, err)
			}
		}
	}
}
