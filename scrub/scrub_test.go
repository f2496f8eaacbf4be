package scrub_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/scrub"
	"github.com/amana-privacy/amana/sheet"
	"github.com/amana-privacy/amana/subject"
)

// people says of each identifier which data its yes covers; who is not there
// has the reason unknown_subject, and an entry of one reason is that.
type people map[subject.ID][]string

func (p people) Decide(ids []subject.ID, data []string, why []decision.Reason) error {
	for i, id := range ids {
		yes, known := p[id]
		switch {
		case !known:
			why[i] = decision.UnknownSubject
		case len(yes) == 1 && slices.Contains(decision.Reasons(), decision.Reason(yes[0])):
			why[i] = decision.Reason(yes[0])
		case slices.ContainsFunc(data, func(d string) bool { return !slices.Contains(yes, d) }):
			why[i] = decision.OutsideScope
		default:
			why[i] = decision.Given
		}
	}
	return nil
}

var town = people{
	"email:sara@example.com":    {"email", "name", "phone"},
	"email:layla@example.com":   {"email", "name"},
	"email:omar@example.com":    {"withdrawn"},
	"email:سارة@example.com":    {"email", "name", "phone"},
	"email:frank@example.com":   {"address"},
	"phone:+966550000000":       {"email", "name", "phone"},
	"customer:10042":            {"basis"},
	"email:sara.k@example.com":  {"email", "name", "phone"},
	"email:noura@example.com":   {"email", "name", "phone"},
	"email:expired@example.com": {"expired"},
}

func contacts() scrub.Config {
	return scrub.Config{Key: "email", Kind: subject.Email, Decider: town,
		Columns: []scrub.Column{{Name: "Name", Data: "name"}, {Name: "E-mail", Data: "email"}, {Name: "Phone", Data: "phone"}}}
}

func run(t *testing.T, in string, cfg scrub.Config) (string, scrub.Report) {
	t.Helper()
	var out bytes.Buffer
	report, err := scrub.Run(t.Context(), strings.NewReader(in), &out, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), report
}

func TestOnlyWhatMayBeUsedComesOut(t *testing.T) {
	list := "\ufeffName;E-MAIL;Salary;phone\r\n" +
		"سارة القحطاني;Sara@Example.com;9000;٠٥٥٠٠٠٠٠٠٠\r\n" + // yes to all
		"Layla;layla@example.com;9001;0550000001\r\n" + // not to the phone
		"Omar;omar@example.com;9002;0550000002\r\n" +
		"\"Frank; the \"\"first\"\"\";frank@example.com;9003;\r\n" + // to an address that is no column
		"Nobody;nobody@example.com;9004;\r\n" +
		"Broken;\"sara\"@example.com;9005;\r\n" +
		"Short;sara@example.com\r\n" +
		"Wrong;sara at example.com;9006;\r\n" +
		"Empty;;9007;\r\n" +
		"سارة; سارة@example.com ;9008;\"+966 55\"\r\n"
	cfg := contacts()
	cfg.Key = "e-mail"
	var explained []string
	cfg.Explain = func(line int, why scrub.Reason) error {
		explained = append(explained, fmt.Sprint(line, " ", why))
		return nil
	}
	out, report := run(t, list, cfg)
	want := "Name;E-MAIL;phone\r\n" +
		"سارة القحطاني;Sara@Example.com;٠٥٥٠٠٠٠٠٠٠\r\n" +
		"Layla;layla@example.com;\r\n" +
		"سارة;\" سارة@example.com \";+966 55\r\n"
	if d := cmp.Diff(want, out); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(scrub.Report{Rows: 10, Permitted: 3, Narrowed: 1, Reasons: []scrub.Count{{"given", 3}, {"withdrawn", 1}, {"outside_scope", 1},
		{"unknown_subject", 1}, {"unreadable", 2}, {"identifier", 1}, {"no_identifier", 1}}}, report); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]scrub.Count{{"unreadable", 2}, {"identifier", 1}, {"no_identifier", 1}, {"outside_scope", 1}, {"unknown_subject", 1}, {"withdrawn", 1}}, report.Rejected()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"2 given", "3 given", "4 withdrawn", "5 outside_scope", "6 unknown_subject", "7 unreadable", "8 unreadable", "9 identifier", "10 no_identifier", "11 given"}, explained); d != "" {
		t.Error(d)
	}
}

func TestLinesOfJSONAreFilteredAlike(t *testing.T) {
	list := `{"email":"sara@example.com","Name":"سارة","Phone":"٠٥٥","salary":1,"deep":{"email":"omar@example.com"}}
 { "Name" : "Layla" , "email":"LAYLA@example.com", "Phone":{"home":["1"]} }
{"email":"omar@example.com","Name":"Omar"}
{"email":"sara@example.com","email":"omar@example.com"}
{"email":"sara@example.com","Name":"a","Name":"b"}
{"em\u0061il":"\u0073ara@example.com","Name":null}
{"email":"omar@example.com","em\u0061il":"sara@example.com"}
{"email":["sara@example.com"]}
{"email":null}
{"Name":"nobody"}
{"email":"frank@example.com"
[]
`
	cfg := contacts()
	cfg.Columns[1].Name = "email"
	out, report := run(t, list, cfg)
	want := `{"Name":"سارة","email":"sara@example.com","Phone":"٠٥٥"}
{"Name":"Layla","email":"LAYLA@example.com"}
{"Name":null,"email":"\u0073ara@example.com"}
`
	if d := cmp.Diff(want, out); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]scrub.Count{{"unreadable", 6}, {"no_identifier", 2}, {"withdrawn", 1}}, report.Rejected()); d != "" {
		t.Error(d)
	}
}

func TestEveryKindOfIdentifierIsAKey(t *testing.T) {
	for _, c := range []struct{ kind, region, key string }{
		{subject.Phone, "SA", "٠٥٥ ٠٠٠ ٠٠٠٠"},
		{subject.Phone, "", "'+966550000000"}, // made safe for a spreadsheet before
		{subject.Customer, "", "10042"},
		{subject.Customer, "", "١٠٠٤٢"},
	} {
		cfg := scrub.Config{Key: "id", Kind: c.kind, Region: c.region, Decider: town, Columns: []scrub.Column{{Name: "n", Data: "name"}}}
		if out, _ := run(t, "id,n\n"+c.key+",x\n", cfg); out != "n\nx\n" {
			t.Errorf("%s %s: %q", c.kind, c.key, out)
		}
		line, _ := json.Marshal(map[string]string{"id": strings.TrimPrefix(c.key, "'"), "n": "x"})
		if out, _ := run(t, string(line), cfg); out != "{\"n\":\"x\"}\n" {
			t.Errorf("%s %s: %q", c.kind, c.key, out)
		}
	}
	cfg := scrub.Config{Key: "id", Kind: subject.Customer, Decider: town, Columns: []scrub.Column{{Name: "n", Data: "name"}}}
	if out, _ := run(t, `{"id":10042,"n":7}`, cfg); out != "{\"n\":7}\n" {
		t.Errorf("a number as a key: %q", out)
	}
}

func TestWhatComesOutCanBeReadAgain(t *testing.T) {
	cfg := scrub.Config{Key: "id", Kind: subject.Customer, Decider: town, Columns: []scrub.Column{{Name: "n", Data: "name"}}, Form: sheet.Form{BOM: true, Safe: true}}
	out, _ := run(t, "id,n\n10042,\n10042,=1+1\n10042,'=1+1\n10042,\"a\nb\"\n", cfg)
	if want := "\ufeffn\n\"\"\n'=1+1\n'=1+1\n\"a\nb\"\n"; out != want {
		t.Errorf("%q, want %q", out, want)
	}
}

func TestPackedListsAreOpened(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "email,name,E-mail,phone\nsara@example.com,Sara,x,y\n")
	z.Close()
	if out, report := run(t, packed.String(), contacts()); out != "name,E-mail,phone\nSara,x,y\n" || report.Permitted != 1 {
		t.Errorf("%q", out)
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		change func(*scrub.Config)
		words  string
	}{
		"no such key":            {"a,Name,E-mail,Phone\n", nil, `no column "email"`},
		"no such column":         {"email,Name,E-mail\n", nil, `no column "Phone"`},
		"a column twice":         {"email,Name,E-mail,Phone,EMAIL\n", nil, `two columns "email"`},
		"nothing":                {"", nil, "no header"},
		"no column may come out": {"email\n", func(c *scrub.Config) { c.Columns = nil }, "at least one column"},
		"no such kind":           {"email\n", func(c *scrub.Config) { c.Kind = "name" }, "kind of an identifier"},
		"named twice":            {"email\n", func(c *scrub.Config) { c.Columns[1] = c.Columns[0] }, "named twice"},
		"named twice in another case": {"email,name,E-mail\n", func(c *scrub.Config) {
			c.Columns = []scrub.Column{{Name: "Name", Data: "name"}, {Name: "name", Data: "email"}}
		}, "named twice"},
		"a workbook": {"PK\x03\x04", nil, "save the sheet as CSV UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := contacts()
			if c.change != nil {
				c.change(&cfg)
			}
			var out bytes.Buffer
			if _, err := scrub.Run(t.Context(), strings.NewReader(c.in), &out, cfg); err == nil || !strings.Contains(err.Error(), c.words) || out.Len() > 0 {
				t.Errorf("%v; came out: %q", err, &out)
			}
		})
	}
}

type deaf struct{ people }

func (deaf) Decide([]subject.ID, []string, []decision.Reason) error {
	return fault.New(fault.Overloaded, "nobody answers")
}

// What was not asked about does not come out, whatever fails.
func TestFailuresLetNothingThrough(t *testing.T) {
	list := "email,Name,E-mail,Phone\n" + strings.Repeat("sara@example.com,Sara,x,y\n", 1000)
	cfg := contacts()
	cfg.Decider = deaf{town}
	var out bytes.Buffer
	report, err := scrub.Run(t.Context(), strings.NewReader(list), &out, cfg)
	if fault.KindOf(err) != fault.Overloaded || report.Rows != 0 || strings.Contains(out.String(), "Sara") {
		t.Errorf("%v, %+v, %q", err, report, out.String()[:40])
	}

	ctx, cancel := context.WithCancel(t.Context())
	cfg = contacts()
	cfg.Read = func(rows int) {
		if rows > 300 {
			cancel()
		}
	}
	if report, err = scrub.Run(ctx, strings.NewReader(list), io.Discard, cfg); !errors.Is(err, context.Canceled) || report.Rows > 400 {
		t.Errorf("%v, %+v", err, report)
	}

	cut := errors.New("the line was cut")
	cfg = contacts()
	report, err = scrub.Run(t.Context(), io.MultiReader(strings.NewReader(list+"sara@exam"), iotest.ErrReader(cut)), io.Discard, cfg)
	if !errors.Is(err, cut) || report.Rows != 1000 {
		t.Errorf("%v, %+v", err, report)
	}

	full := errors.New("no space left on device")
	if _, err = scrub.Run(t.Context(), strings.NewReader(list), failing{full}, cfg); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	unclosed := list + "\"sara@example.com,Sara,x,y\n" + list
	if report, err = scrub.Run(t.Context(), strings.NewReader(unclosed), io.Discard, cfg); err == nil || report.Rows != 1000 {
		t.Errorf("%v, %+v", err, report)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestARowCostsNoMemory(t *testing.T) {
	const rows = 20_000
	cfg := contacts()
	cfg.Decider = yes{}
	for name, list := range map[string]string{
		"CSV":  "email,Name,E-mail,Phone\n" + strings.Repeat("sara@example.com,سارة,\"x\",y\n", rows),
		"JSON": strings.Repeat(`{"email":"sara@example.com","Name":"سارة","E-mail":"x","Phone":{"a":[1]}}`+"\n", rows),
	} {
		n := testing.AllocsPerRun(2, func() {
			if _, err := scrub.Run(context.Background(), strings.NewReader(list), io.Discard, cfg); err != nil {
				t.Error(err)
			}
		})
		if n > rows/64+100 { // one a batch
			t.Errorf("%s: %v allocations for %d rows", name, n, rows)
		}
	}
}

type yes struct{}

func (yes) Decide(_ []subject.ID, _ []string, why []decision.Reason) error {
	for i := range why {
		why[i] = decision.Given
	}
	return nil
}

// FuzzRun holds what comes out to the question of each row, by another reader.
func FuzzRun(f *testing.F) {
	f.Add("email,Name,E-mail,Phone\nsara@example.com,a,b,c\nomar@example.com,d,e,f\n")
	f.Add("Phone;email;Name;E-mail\n\"1\n2\";SARA@example.com;\"\"\"\";=1\n")
	f.Add(`{"email":"sara@example.com","Name":"x"}` + "\n" + `{"email":"omar@example.com"}`)
	f.Fuzz(func(t *testing.T, list string) {
		var out bytes.Buffer
		report, err := scrub.Run(t.Context(), strings.NewReader(list), &out, contacts())
		if err != nil {
			return
		}
		come := 0
		if strings.HasPrefix(out.String(), "{") {
			for line := range strings.Lines(out.String()) {
				if !json.Valid([]byte(line)) {
					t.Fatalf("not JSON: %q", line)
				}
				come++
			}
		} else if out.Len() > 0 {
			r := sheet.NewReader(&out, 0)
			if _, err := r.Header(); err != nil {
				t.Fatal(err)
			}
			for {
				if _, err := r.Read(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%v of %q", err, list)
				}
				come++
			}
		}
		if come != report.Permitted {
			t.Fatalf("%d rows came out, %d were permitted", come, report.Permitted)
		}
		if strings.Contains(out.String(), "omar@example.com") && !strings.Contains(list, "sara@example.com") && report.Permitted == 0 {
			t.Fatal("what is not permitted came out")
		}
	})
}
