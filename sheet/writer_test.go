package sheet_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/sheet"
)

func written(form sheet.Form, rows ...[]string) string {
	var b bytes.Buffer
	w := sheet.NewWriter(&b, form)
	for _, r := range rows {
		w.Row(r...)
	}
	w.Flush()
	return b.String()
}

func TestWhatIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		form sheet.Form
		row  []string
		want string
	}{
		"plain":                {sheet.Form{}, []string{"a", "", "سارة"}, "a,,سارة\r\n"},
		"quoted":               {sheet.Form{}, []string{`say "so"`, "a,b", "c\r\nd", " e "}, "\"say \"\"so\"\"\",\"a,b\",\"c\r\nd\",\" e \"\r\n"},
		"one empty cell":       {sheet.Form{}, []string{""}, "\"\"\r\n"},
		"another delimiter":    {sheet.Form{Comma: ';'}, []string{"a", "b;c"}, "a;\"b;c\"\r\n"},
		"for spreadsheets":     {sheet.Form{BOM: true, Safe: true}, []string{"+12075550134", "=1+1", "@x", "-2", "'=1", "'tis", "٥"}, "\ufeff'+12075550134,'=1+1,'@x,'-2,''=1,'tis,٥\r\n"},
		"not for spreadsheets": {sheet.Form{}, []string{"+12075550134", "=1+1"}, "+12075550134,=1+1\r\n"},
	} {
		if got := written(c.form, c.row); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestFormulasAreDisarmed(t *testing.T) {
	for _, cell := range []string{"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "＝1", "＋1", "－1", "＠x",
		" =1", "\u00a0=1", "\u200e=1", "\ufeff=1", "  \t=1", "−1"} {
		if got := sheet.Safe(cell); got != "'"+cell || sheet.Plain(got) != cell {
			t.Errorf("Safe(%q) = %q, and back %q", cell, got, sheet.Plain(got))
		}
	}
	for _, cell := range []string{"", "'", "a=1", "sara@example.com", "'tis", "١٢٣", "(=1)", "سارة", "\xff=1"} {
		if got := sheet.Safe(cell); got != cell || sheet.Plain(cell) != cell {
			t.Errorf("Safe(%q) = %q", cell, got)
		}
	}
}

func TestAFullDiskIsTold(t *testing.T) {
	full := errors.New("no space left on device")
	w := sheet.NewWriter(writes(func([]byte) (int, error) { return 0, full }), sheet.Form{})
	for range 100_000 {
		w.Row("a", "b")
	}
	if err := w.Flush(); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type writes func([]byte) (int, error)

func (f writes) Write(b []byte) (int, error) { return f(b) }

// FuzzRoundTrip reads back what was written, for every form.
func FuzzRoundTrip(f *testing.F) {
	f.Add("email,name", "=1+1|'=2||", byte(0), true)
	f.Add("a", "\"\"|\r\n|\n", byte(1), false)
	f.Fuzz(func(t *testing.T, header, body string, comma byte, safe bool) {
		body = strings.ToValidUTF8(body, "?")
		form := sheet.Form{Comma: sheet.Delimiters[int(comma)%len(sheet.Delimiters)], BOM: safe, Safe: safe}
		cells := strings.Split(body, "|")
		r, err := sheet.Open(strings.NewReader(written(form, cells, cells)))
		if err != nil {
			if strings.Contains(err.Error(), "this is") || strings.Contains(err.Error(), "gzip") {
				return // it begins as an archive does
			}
			t.Fatal(err)
		}
		read := sheet.NewReader(r, form.Comma)
		for range 2 {
			got, err := read.Read()
			if err != nil {
				t.Fatal(err)
			}
			var back []string
			for _, c := range got {
				if safe {
					back = append(back, sheet.Plain(string(c)))
				} else {
					back = append(back, string(c))
				}
			}
			if strings.HasPrefix(body, "\ufeff") && !safe {
				return // the mark belongs to the file
			}
			if d := cmp.Diff(cells, back); d != "" {
				t.Fatal(d)
			}
		}
		if _, err := read.Read(); err != io.EOF {
			t.Fatalf("something follows: %v", err)
		}
	})
}

func FuzzSafe(f *testing.F) {
	f.Add("'=1")
	f.Add("\t")
	f.Fuzz(func(t *testing.T, cell string) {
		safe := sheet.Safe(cell)
		if back := sheet.Plain(safe); back != cell {
			t.Errorf("Plain(Safe(%q)) = %q", cell, back)
		}
		if safe != "" && strings.ContainsAny(safe[:1], "=+-@\t\r\n") {
			t.Errorf("Safe(%q) = %q", cell, safe)
		}
	})
}
