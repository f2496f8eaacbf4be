package transfer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/transfer"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// letter is what people of the newsletter were shown.
var letter = &transfer.EvidenceSet{Name: "letter-2019", Purpose: "newsletter", From: "2018-01-01", Until: "2023-12-31", By: "Mona Haddad", Source: "the sign-up form",
	Text: map[string]string{"en": "Yes, send me the letter.", "ar": "نعم، أرسلوا إليّ الرسالة."}}

var texts = &transfer.EvidenceSet{Name: "forms-2021", Purpose: "text_updates", From: "2021-01-01", Until: "2021-12-31", By: "Mona Haddad", Source: "paper forms",
	Text: map[string]string{"ar": "أوافق على تلقي الرسائل النصية."}}

// told puts what was read of a list into words, a line each.
func told(t testing.TB, in string, o transfer.Options) (out []string, err error) {
	t.Helper()
	o.Now = now
	for row, err := range transfer.Rows(strings.NewReader(in), o) {
		if no, ok := errors.AsType[*transfer.Reject](err); ok {
			out = append(out, fmt.Sprintf("%d %s %s", no.Line, no.Field, no.Reason))
			continue
		}
		if err != nil {
			return out, err
		}
		words := []string{fmt.Sprint(row.Line), string(row.Subject), row.Choice.Purpose}
		for _, s := range []string{row.Choice.Recipient, string(row.Choice.Decision), said(row.Said), map[bool]string{true: "confirmed"}[row.Confirmed],
			strings.Join(row.Choice.Topics, "+"), row.Language, row.Evidence, row.Source} {
			if s != "" {
				words = append(words, s)
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return out, nil
}

func said(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func file(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestKnownExportsAreRead(t *testing.T) {
	lists := map[string]string{"Monthly letter": "newsletter", "Offers": "offers", "Events": "events", "Service": "service", "Study": "study"}
	mail := func(o transfer.Options) transfer.Options {
		o.Evidence = []*transfer.EvidenceSet{letter}
		return o
	}
	for _, c := range []struct {
		file string
		o    transfer.Options
		want []string
	}{
		{"subscribed_email_audience_export_5f2b1c9d01.csv", mail(transfer.Options{Preset: "mailchimp", Purpose: "newsletter"}), []string{
			"2 email:sara.alqahtani@example.com newsletter given 2021-03-14T09:12:31Z confirmed letter-2019",
			"3 email:frank@example.org newsletter given 2018-06-18T13:51:14Z letter-2019",
			"4 email:noura@example.com newsletter given 2020-02-03T04:05:06Z letter-2019",
			"5 email identifier",
		}},
		{"unsubscribed_email_audience_export_5f2b1c9d01.csv", mail(transfer.Options{Preset: "mailchimp", Purpose: "newsletter"}), []string{
			"2 email:omar@example.com newsletter withdrawn 2022-07-08T11:30:00Z",
			"3 email:layla@example.com newsletter withdrawn",
		}},
		{"cleaned_email_audience_export_5f2b1c9d01.csv", mail(transfer.Options{Preset: "mailchimp", Purpose: "newsletter"}), []string{"2 decision not_an_answer"}},
		{"nonsubscribed_email_audience_export_5f2b1c9d01.csv", mail(transfer.Options{Preset: "mailchimp", Purpose: "newsletter"}), []string{"2 decision not_an_answer"}},
		{"listmonk-subscribers.csv", mail(transfer.Options{Preset: "listmonk", Purpose: "newsletter", Status: "confirmed"}), []string{
			"2 email:sara@example.com newsletter given 2021-03-14T09:12:31Z letter-2019",
			"3 email:omar@example.com newsletter withdrawn",
			"4 decision not_an_answer",
		}},
		{"listmonk-subscribers.csv", mail(transfer.Options{Preset: "listmonk", Purpose: "newsletter", Status: "unconfirmed"}), []string{
			"2 decision unconfirmed",
			"3 email:omar@example.com newsletter withdrawn",
			"4 decision not_an_answer",
		}},
		{"listmonk-subscribers.csv", mail(transfer.Options{Preset: "listmonk", Purpose: "newsletter", Status: "unconfirmed", Words: map[string]string{"Unconfirmed": "given"}}), []string{
			"2 email:sara@example.com newsletter given 2021-03-14T09:12:31Z letter-2019",
			"3 email:omar@example.com newsletter withdrawn",
			"4 decision not_an_answer",
		}},
		{"listmonk-subscribers.ndjson", mail(transfer.Options{Preset: "listmonk", Purposes: lists}), []string{
			"1 email:sara@example.com newsletter given 2021-03-14T09:12:31Z letter-2019",
			"1 email:sara@example.com offers withdrawn",
			"1 decision unconfirmed",
			"2 email:omar@example.com newsletter withdrawn",
		}},
		{"onetrust-data-subjects.ndjson", mail(transfer.Options{Preset: "onetrust", Purposes: lists}), []string{
			"1 email:sara@example.com newsletter given 2023-12-11T20:41:18Z ar letter-2019",
			"1 email:sara@example.com offers withdrawn 2023-11-03T00:36:43Z ar",
			"1 decision not_an_answer",
			"1 decision unconfirmed",
			"1 decision expired",
			"1 decision unknown_word",
			"2 test test",
			"3 email:omar@example.com newsletter refused",
		}},
		{"onetrust-table.csv", mail(transfer.Options{Preset: "onetrust", Purposes: lists}), []string{
			"2 email:noura@example.com newsletter withdrawn 2024-01-05T10:00:00Z ar",
			"3 email:sara@example.com newsletter given 2023-12-11T20:41:18Z ar letter-2019",
		}},
		{"plain.csv", transfer.Options{Region: "SA", Evidence: []*transfer.EvidenceSet{texts}}, []string{
			"2 phone:+966550123456 text_updates given 2021-03-14T00:00:00Z ar forms-2021 استمارة ورقية، فرع العليا",
			"3 phone:+966550000001 text_updates given 2021-03-14T06:12:31Z sales+events ar forms-2021",
			"4 phone:+966550000002 text_updates refused fr",
			"5 phone:+966550000003 text_updates partner_shop withdrawn",
			"6 time time",
			"7 time time",
			"8 language language",
			"9 decision unknown_word",
			"10 purpose purpose",
			"11 evidence other_evidence",
			"12 phone identifier",
			"13  no_identifier",
			"14  cells",
		}},
	} {
		t.Run(c.file+" "+c.o.Status, func(t *testing.T) {
			if c.o.Status == "" {
				c.o.Status = transfer.StatusOf(c.o.Preset, c.file)
			}
			got, err := told(t, file(t, c.file), c.o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Without evidence there is no yes; a no needs none.
func TestWithoutEvidenceThereIsNoYes(t *testing.T) {
	for name, c := range map[string]struct {
		sets []*transfer.EvidenceSet
		want []string
	}{
		"none":       {nil, []string{"2 evidence no_evidence", "3 email:b@example.com newsletter refused", "4 evidence other_evidence"}},
		"one":        {[]*transfer.EvidenceSet{letter}, []string{"2 email:a@example.com newsletter given letter-2019", "3 email:b@example.com newsletter refused", "4 email:c@example.com newsletter given letter-2019"}},
		"two":        {[]*transfer.EvidenceSet{letter, texts}, []string{"2 evidence no_evidence", "3 email:b@example.com newsletter refused", "4 email:c@example.com newsletter given letter-2019"}},
		"of another": {[]*transfer.EvidenceSet{texts}, []string{"2 evidence other_evidence", "3 email:b@example.com newsletter refused", "4 evidence other_evidence"}},
	} {
		got, err := told(t, "email,purpose,decision,evidence\na@example.com,newsletter,yes,\nb@example.com,newsletter,no,\nc@example.com,newsletter,yes,letter-2019\n", transfer.Options{Evidence: c.sets})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A text that was not shown at the time shows nothing.
func TestEvidenceHasItsTime(t *testing.T) {
	in := "email,purpose,decision,time\na@example.com,newsletter,yes,2017-12-31\nb@example.com,newsletter,yes,2017-12-30\nc@example.com,newsletter,yes,2024-01-01\nd@example.com,newsletter,yes,2024-01-03\ne@example.com,newsletter,no,2024-01-03\n"
	got, err := told(t, in, transfer.Options{Evidence: []*transfer.EvidenceSet{letter}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2 email:a@example.com newsletter given 2017-12-31T00:00:00Z letter-2019", "3 time other_evidence", "4 email:c@example.com newsletter given 2024-01-01T00:00:00Z letter-2019",
		"5 time other_evidence", "6 email:e@example.com newsletter refused 2024-01-03T00:00:00Z"}, got); d != "" {
		t.Error(d)
	}
}

func TestColumnsMayBeNamed(t *testing.T) {
	in := "Kunde;E-Mail Adresse;Einwilligung;wann\nK-1;a@example.com;ja;2020-01-01 10:00\nK-2;b@example.com;nein;\n"
	o := transfer.Options{Purpose: "newsletter", Evidence: []*transfer.EvidenceSet{letter}, Zone: time.FixedZone("", 3600),
		Columns: map[string]transfer.Field{"Kunde": transfer.Customer, "einwilligung": transfer.Decision, "Wann": transfer.Time},
		Words:   map[string]string{"ja": "given", "nein": "refused"}}
	got, err := told(t, in, o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2 customer:K-1 newsletter given 2020-01-01T09:00:00Z letter-2019", "3 customer:K-2 newsletter refused"}, got); d != "" {
		t.Error(d)
	}
}

func TestListsThatCannotBeMeantAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		o     transfer.Options
		words string
	}{
		"no such preset":         {"", transfer.Options{Preset: "excel"}, "csv, listmonk, mailchimp, onetrust"},
		"nobody is named":        {"name,purpose,decision\n", transfer.Options{}, "who a row is about"},
		"two are named":          {"email,phone,purpose,decision\n", transfer.Options{}, "email, phone all say who"},
		"no purpose":             {"email,decision\n", transfer.Options{}, "purpose of all rows"},
		"no answer":              {"email,purpose\n", transfer.Options{}, "what was answered"},
		"two columns of a field": {"email,E-Mail,purpose,decision\n", transfer.Options{}, "two columns hold the email"},
		"a column is not there":  {"email,purpose,decision\n", transfer.Options{Columns: map[string]transfer.Field{"when": transfer.Time}}, `no column "when"`},
		"a field that is none":   {"email\n", transfer.Options{Columns: map[string]transfer.Field{"x": "salary"}}, "a column holds one of"},
		"a word without meaning": {"email\n", transfer.Options{Words: map[string]string{"x": "maybe"}}, "given, refused or withdrawn"},
		"listmonk's filter":      {file(t, "listmonk-subscribers.csv"), transfer.Options{Preset: "listmonk", Purpose: "newsletter"}, "confirmed, unconfirmed, unsubscribed"},
		"mailchimp's file":       {file(t, "nonsubscribed_email_audience_export_5f2b1c9d01.csv"), transfer.Options{Preset: "mailchimp", Purpose: "newsletter"}, "subscribed, unsubscribed, cleaned, nonsubscribed"},
		"a status that is none":  {"email\n", transfer.Options{Preset: "mailchimp", Status: "perhaps"}, "is one of subscribed"},
		"a workbook":             {"PK\x03\x04", transfer.Options{}, "save the sheet as CSV UTF-8"},
		"an array":               {" [{\"email\":\"a@example.com\"}]", transfer.Options{Purpose: "newsletter"}, "one a line"},
		"nothing":                {"", transfer.Options{}, "no header"},
		"a cell without end":     {"email,purpose,decision\na@example.com,x,no\n\"b@example.com,x,no\n", transfer.Options{}, "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := told(t, c.in, c.o); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestErrorsDoNotRepeatTheRow(t *testing.T) {
	in := "email,purpose,decision,time\nsecret,x,no,\na@example.com,Secret secret,yes,\na@example.com,x,secret,\na@example.com,x,yes,secret\na@example.com,x,yes,secret,secret\n"
	n := 0
	for _, err := range transfer.Rows(strings.NewReader(in), transfer.Options{Now: now}) {
		if n++; err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
	if n != 5 {
		t.Errorf("%d rows", n)
	}
}

func TestLinesThatAreNoObjectsAreRejected(t *testing.T) {
	in := `{"email":"a@example.com","purpose":"newsletter","decision":"no","topics":["x"]}
{"email":"a@example.com","purpose":"newsletter","decision":"no"} {}
{"email":"a@example.com","email":"b@example.com","purpose":"newsletter","decision":"no"}
{"email":"a@example.com","E-Mail":"b@example.com","purpose":"newsletter","decision":"no"}
{"email":"a@example.com","phone":"+966550000001","purpose":"newsletter","decision":"no"}
[1]
{"email":"a@example.com","purpose":"newsletter","decision":false}
{"customer":10042,"purpose":"newsletter","decision":false}
{"email":
`
	got, err := told(t, in, transfer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1 email:a@example.com newsletter refused", "2  unreadable", "3  unreadable", "4  unreadable", "5 phone identifier", "6  unreadable",
		"7 email:a@example.com newsletter refused", "8 customer:10042 newsletter refused", "9  unreadable"}, got); d != "" {
		t.Error(d)
	}
}

// A spreadsheet in Arabic puts marks that nobody sees around words, names and dates,
// writes yes and no in Arabic, and leaves out what is empty at the end of a row.
func TestASpreadsheetInArabicIsRead(t *testing.T) {
	in := "\ufeffالبريد;الغرض;الجواب;الوقت;confirmed;language;ملاحظة\r\n" +
		"\u200fa@example.com;\u200fالنشرة;\u200fلا\u200f;\u200f٢٠٢٤\u200f/٠٣\u200f/٠١;;;\r\n" +
		"b@example.com;النشرة;نعم;2020/05/01 09:30;نعم;\u200far;\r\n" +
		"c@example.com;النشرة;نعم;2020-05-01;لا;ar;\r\n" +
		"d@example.com;النشرة\u200e;لا\r\n" +
		"e@example.com;النشرة;نعم\r\n" +
		"f@example.com;النشرة;لا;;;;\r\n"
	got, err := told(t, in, transfer.Options{Purposes: map[string]string{"النشرة": "newsletter"}, Evidence: []*transfer.EvidenceSet{letter},
		Columns: map[string]transfer.Field{"البريد": transfer.Email, "الغرض": transfer.Purpose, "الجواب": transfer.Decision, "الوقت": transfer.Time}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2 email:a@example.com newsletter refused 2024-03-01T00:00:00Z", "3 email:b@example.com newsletter given 2020-05-01T09:30:00Z confirmed ar letter-2019",
		"4 email:c@example.com newsletter given 2020-05-01T00:00:00Z ar letter-2019", "5 email:d@example.com newsletter refused", "6  cells", "7 email:f@example.com newsletter refused"}, got); d != "" {
		t.Error(d)
	}
}

// A year of the Hijra read as one of ours would make a no older than every yes, and
// so would the zero of a program: nobody knows when such a no was said.
func TestAYearOfAnotherCalendarIsNoTime(t *testing.T) {
	for _, at := range []string{"1446-05-01", "١٤٤٦-٠٥-٠١", "1446/05/01 10:00", "1403-02-01", "1970-01-01 00:00:00", "1900-01-00", "0000000000"} {
		got, err := told(t, "email,decision,time\na@example.com,no,"+at+"\nb@example.com,yes,"+at+"\n", transfer.Options{Purpose: "newsletter", Evidence: []*transfer.EvidenceSet{letter}})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"2 email:a@example.com newsletter refused", "3 time time"}, got); d != "" {
			t.Errorf("%s: %s", at, d)
		}
	}
}

// What could be read two ways is no row, and least of all a yes; a no is one in
// whatever company it stands.
func TestNothingIsMadeOfARowThatContradictsItself(t *testing.T) {
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	for _, c := range []struct {
		in   string
		o    transfer.Options
		want []string
	}{
		{`{"email":"a@example.com","decision":"no","Decision":"yes"}`, transfer.Options{Purpose: "newsletter", Status: "given", Evidence: []*transfer.EvidenceSet{letter}}, []string{"1  unreadable"}},
		{`{"email":"a@example.com","decision":{"is":"no"}}`, transfer.Options{Purpose: "newsletter", Status: "given", Evidence: []*transfer.EvidenceSet{letter}}, []string{"1  unreadable"}},
		{`{"email":"a@example.com","purpose":"newsletter","decision":"no","x":` + deep + `}`, transfer.Options{}, []string{"1  unreadable"}},
		{`{"email":"a@example.com","status":"disabled","lists":[3,{"name":"newsletter","subscription_status":"unsubscribed"},{"name":"offers","subscription_status":"confirmed"}]}`,
			transfer.Options{Preset: "listmonk", Status: "confirmed"}, []string{"1  unreadable", "1 email:a@example.com newsletter withdrawn", "1 decision not_an_answer"}},
		{"email,status\na@example.com,disabled\nb@example.com,enabled\n", transfer.Options{Preset: "listmonk", Status: "unsubscribed", Purpose: "newsletter"},
			[]string{"2 email:a@example.com newsletter withdrawn", "3 email:b@example.com newsletter withdrawn"}},
		{`{"email":"a@example.com","status":"blocklisted","lists":[]}`, transfer.Options{Preset: "listmonk", Status: "confirmed", Purpose: "newsletter"}, []string{"1 email:a@example.com newsletter withdrawn"}},
		{`{"email":"a@example.com","status":"blocklisted","lists":[]}`, transfer.Options{Preset: "listmonk", Status: "confirmed"}, []string{"1 purpose purpose"}},
		{`{"email":"a@example.com","status":"enabled","lists":[]}`, transfer.Options{Preset: "listmonk", Status: "confirmed", Purpose: "newsletter", Evidence: []*transfer.EvidenceSet{letter}}, nil},
	} {
		got, err := told(t, c.in, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%.80s: %s", c.in, d)
		}
	}
}

// When somebody was entered is not when they unsubscribed: a no that bore that time
// would lose against a yes that was said here between the two.
func TestANoDoesNotBearTheTimeOfTheYes(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		o    transfer.Options
		want string
	}{
		"listmonk":                {"email,status,created_at\na@example.com,enabled,2019-05-01 10:00:00 +0000 UTC\n", transfer.Options{Preset: "listmonk", Status: "unsubscribed"}, "withdrawn"},
		"listmonk's API":          {`{"email":"a@example.com","status":"enabled","lists":[{"name":"newsletter","subscription_status":"unsubscribed","subscription_created_at":"2019-05-01T10:00:00Z"}]}`, transfer.Options{Preset: "listmonk"}, "withdrawn"},
		"listmonk, a column told": {"email,status,unsubscribed_at\na@example.com,enabled,2022-05-01 10:00\n", transfer.Options{Preset: "listmonk", Status: "unsubscribed", Columns: map[string]transfer.Field{"unsubscribed_at": transfer.Time}}, "withdrawn 2022-05-01T10:00:00Z"},
		"mailchimp":               {"Email Address,OPTIN_TIME,UNSUB_TIME\na@example.com,2019-05-01 10:00:00,\n", transfer.Options{Preset: "mailchimp", Status: "unsubscribed"}, "withdrawn"},
		"onetrust":                {`{"Identifier":"a@example.com","Purposes":[{"Name":"newsletter","Status":"WITHDRAWN","ConsentDate":"2019-05-01T10:00:00"}]}`, transfer.Options{Preset: "onetrust"}, "withdrawn"},
		"csv":                     {"email,decision,time\na@example.com,no,2019-05-01\n", transfer.Options{}, "refused 2019-05-01T00:00:00Z"},
	} {
		c.o.Purpose = "newsletter"
		got, err := told(t, c.in, c.o)
		if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], "email:a@example.com newsletter "+c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Who has had enough stops the reading.
func TestReadingCanBeStopped(t *testing.T) {
	for _, in := range []string{"email,purpose,decision\n" + strings.Repeat("a@example.com,x,no\n", 10), strings.Repeat(`{"email":"a@example.com","purpose":"x","decision":"no"}`+"\n", 10)} {
		n := 0
		for range transfer.Rows(strings.NewReader(in), transfer.Options{Now: now}) {
			if n++; n == 3 {
				break
			}
		}
		if n != 3 {
			t.Errorf("%d rows", n)
		}
	}
}

func TestRejectsAreNotFatal(t *testing.T) {
	if err := error(&transfer.Reject{Line: 7, Reason: transfer.Unreadable}); fault.KindOf(err) != fault.Internal || err.Error() != "line 7: unreadable" {
		t.Errorf("%v", err)
	}
}
