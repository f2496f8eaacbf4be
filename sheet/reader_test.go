package sheet_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/sheet"
)

// told is what a Read told: the cells, or what was wrong.
type told struct {
	Line  int
	Cells []string
	Wrong sheet.Problem
}

// all reads everything. Cells are copied, for they hold until the next Read.
func all(t testing.TB, r *sheet.Reader) []told {
	t.Helper()
	var out []told
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return out
		}
		wrong, is := errors.AsType[*sheet.RowError](err)
		if err != nil && !is {
			t.Fatal(err)
		}
		if is {
			out = append(out, told{Line: wrong.Line, Wrong: wrong.Problem})
			continue
		}
		one := told{Line: r.Line(), Cells: []string{}}
		for _, c := range cells {
			one.Cells = append(one.Cells, string(c))
		}
		out = append(out, one)
	}
}

func row(line int, cells ...string) told { return told{Line: line, Cells: cells} }

func TestRecordsAreRead(t *testing.T) {
	long := strings.Repeat("x", sheet.MaxRecord+1)
	for name, c := range map[string]struct {
		in   string
		want []told
	}{
		"plain":                                   {"a,b\nc,d\n", []told{row(1, "a", "b"), row(2, "c", "d")}},
		"no end of the last line":                 {"a,b\nc,d", []told{row(1, "a", "b"), row(2, "c", "d")}},
		"CR LF":                                   {"a,b\r\nc,d\r\n", []told{row(1, "a", "b"), row(2, "c", "d")}},
		"empty cells":                             {"a,b\n,\n,d\nc,\n", []told{row(1, "a", "b"), row(2, "", ""), row(3, "", "d"), row(4, "c", "")}},
		"empty lines are no records":              {"\n\r\na,b\n\n\nc,d\n\n", []told{row(3, "a", "b"), row(6, "c", "d")}},
		"an empty quoted cell is one":             {"a\n\"\"\n", []told{row(1, "a"), row(2, "")}},
		"semicolons are found out":                {"a;b\nc;d,e\n", []told{row(1, "a", "b"), row(2, "c", "d,e")}},
		"tabs are found out":                      {"a\tb\nc\td;e\n", []told{row(1, "a", "b"), row(2, "c", "d;e")}},
		"delimiters in quoted names do not count": {"\"a;b;c\",d\ne,f\n", []told{row(1, "a;b;c", "d"), row(2, "e", "f")}},
		"quoted":                                  {"a,b\n\"c,\"\"d\"\"\",\"\"\n", []told{row(1, "a", "b"), row(2, `c,"d"`, "")}},
		"line ends in a cell stay":                {"a,b\n\"c\r\nd\ne\",f\ng,h\n", []told{row(1, "a", "b"), row(2, "c\r\nd\ne", "f"), row(5, "g", "h")}},
		"Arabic":                                  {"الاسم؛,b\nسارة القحطاني,٠٥٥\n", []told{row(1, "الاسم؛", "b"), row(2, "سارة القحطاني", "٠٥٥")}},
		"a bare mark spoils its line":             {"a,b\nc\"c,d\ne,f\n", []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.Quoting}, row(3, "e", "f")}},
		"text after a closing mark":               {"a,b\n\"c\"d,e\nf,g\n", []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.Quoting}, row(3, "f", "g")}},
		"a cell that does not end":                {"a,b\n\"c,d\ne,f\n", []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.Unclosed}}},
		"a cell that does not end for too long":   {"a,b\n\"c,d\n" + strings.Repeat("e,f\n", sheet.MaxRecord/4) + "\",g\n", []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.Unclosed}}},
		"not UTF-8":                               {"a,b\n\xd3\xc7\xd1\xc9,d\ne,f\n", []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.NotUTF8}, row(3, "e", "f")}},
		"a line that is too long":                 {"a,b\n" + long + "\nc,d\n", []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.TooLong}, row(3, "c", "d")}},
		"a last line that is too long":            {"a,b\n" + long, []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.TooLong}}},
		"a quoted line that is too long":          {"a,b\n\"\"" + long + long + "\nc,d\n", []told{row(1, "a", "b"), {Line: 2, Wrong: sheet.TooLong}, row(3, "c", "d")}},
		"nothing":                                 {"", nil},
		"blank":                                   {"\n\r\n\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"whole":        strings.NewReader(c.in),
				"in pieces":    iotest.HalfReader(strings.NewReader(c.in)),
				"end together": iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				if d := cmp.Diff(c.want, all(t, sheet.NewReader(r, 0))); d != "" {
					t.Errorf("%s: %s", how, d)
				}
			}
		})
	}
}

func TestTheHeaderHoldsTheOthers(t *testing.T) {
	r := sheet.NewReader(strings.NewReader("a,b\nc\nd,e,f\ng,h\n"), 0)
	names, err := r.Header()
	if err != nil || cmp.Diff([]string{"a", "b"}, names) != "" {
		t.Fatalf("Header = %q, %v", names, err)
	}
	want := []told{{Line: 2, Wrong: sheet.Cells}, {Line: 3, Wrong: sheet.Cells}, row(4, "g", "h")}
	if d := cmp.Diff(want, all(t, r)); d != "" {
		t.Error(d)
	}
	if _, err := sheet.NewReader(strings.NewReader(""), 0).Header(); err == nil || !strings.Contains(err.Error(), "header") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestTheFirstLineTellsHowLinesEnd(t *testing.T) {
	for in, want := range map[string]string{"a\nb\r\n": "\n", "a\r\nb\n": "\r\n", "\"a\r\nb\"\nc\r\n": "\n", "\"a\"\r\n": "\r\n", "a": "\n"} {
		r := sheet.NewReader(strings.NewReader(in), 0)
		all(t, r)
		if got := r.LineEnd(); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestErrorsDoNotRepeatTheRow(t *testing.T) {
	r := sheet.NewReader(strings.NewReader("a\nsecret\"secret\n"), 0)
	for {
		_, err := r.Read()
		if err == io.EOF {
			return
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// A source that breaks off has not said its last record.
func TestABrokenSourceIsNoEnd(t *testing.T) {
	for _, in := range []string{"a,b\nc,d", "a,b\n\"c\",\"d\"", "a,b\n\"c"} {
		broke := errors.New("the line was cut")
		r := sheet.NewReader(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broke)), 0)
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
		if cells, err := r.Read(); !errors.Is(err, broke) {
			t.Errorf("%q: %q, %v", in, cells, err)
		}
	}
	l := sheet.NewLines(io.MultiReader(strings.NewReader("{}\n{\"a\":1}"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if _, err := l.Read(); err != nil {
		t.Fatal(err)
	}
	if line, err := l.Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%s, %v", line, err)
	}
}

func TestLinesAreRead(t *testing.T) {
	in := "{\"a\":1}\n\n  {\"b\":2} \r\n\xff\n" + strings.Repeat("x", sheet.MaxRecord+9) + "\n{}"
	l := sheet.NewLines(iotest.HalfReader(strings.NewReader(in)))
	var got []string
	for {
		line, err := l.Read()
		if err == io.EOF {
			break
		}
		wrong, is := errors.AsType[*sheet.RowError](err)
		if is {
			got = append(got, fmt.Sprintf("%d %s", wrong.Line, wrong.Problem))
			continue
		}
		got = append(got, fmt.Sprintf("%d %s", l.Line(), line))
	}
	if d := cmp.Diff([]string{`1 {"a":1}`, `3 {"b":2}`, "4 not_utf8", "5 too_long", "6 {}"}, got); d != "" {
		t.Error(d)
	}
}

func TestFilesAreUnwrapped(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("\ufeffa,b\n"))
	z.Close()
	for name, c := range map[string]struct {
		in, want string
		wrong    string // in the error
	}{
		"plain":    {in: "a,b\n", want: "a,b\n"},
		"BOM":      {in: "\ufeffa,b\n", want: "a,b\n"},
		"gzip":     {in: packed.String(), want: "a,b\n"},
		"empty":    {},
		"workbook": {in: "PK\x03\x04…", wrong: "save the sheet as CSV UTF-8"},
		"UTF-16":   {in: "\xff\xfea\x00", wrong: "UTF-16"},
		"no gzip":  {in: "\x1f\x8b\xff", wrong: "begins as gzip does"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := sheet.Open(iotest.OneByteReader(strings.NewReader(c.in)))
			if c.wrong != "" {
				if fault.KindOf(err) != fault.Malformed || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestReadingAllocatesNothingARow(t *testing.T) {
	const rows = 10_000
	for name, line := range map[string]string{"plain": "sara@example.com,سارة,0550000000\n", "quoted": "\"sara@example.com\",\"سارة \"\"س\"\"\",\"\"\n"} {
		in := strings.Repeat(line, rows)
		n := testing.AllocsPerRun(3, func() {
			r := sheet.NewReader(strings.NewReader(in), 0)
			for {
				if _, err := r.Read(); err != nil {
					return
				}
			}
		})
		if n > 20 {
			t.Errorf("%s: %v allocations for %d rows", name, n, rows)
		}
	}
}

// FuzzReader holds the reader to encoding/csv, which folds CR LF in cells.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"a,b\nc,d\n", "\"a\"\"b\",\"c\r\nd\"\r\n", "a\"b\nc", "\"a\"b\nc\n", "\"", "a,\r\n,\"\"\r", "\r\r\n\"x\"\r\r\n", "\"a\nb", "\n\n\"\"\n"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, in string, piece int) {
		r := sheet.NewReader(&pieces{in, 1 + max(0, piece)%7}, ',')
		var got [][]string
		for _, one := range all(t, r) {
			if one.Wrong == sheet.NotUTF8 {
				return
			}
			if one.Wrong != "" {
				got = append(got, nil)
				continue
			}
			for i := range one.Cells {
				one.Cells[i] = strings.ReplaceAll(one.Cells[i], "\r\n", "\n")
			}
			got = append(got, one.Cells)
		}
		if d := cmp.Diff(byOthers(in), got); d != "" {
			t.Error(d)
		}
	})
}

// byOthers reads with encoding/csv; what it refuses is nil, and where a cell
// does not end so is the last.
func byOthers(in string) [][]string {
	o := csv.NewReader(strings.NewReader(in))
	o.FieldsPerRecord = -1
	var out [][]string
	for {
		cells, err := o.Read()
		if err == io.EOF {
			return out
		}
		if err != nil {
			cells = nil
		}
		out = append(out, cells)
	}
}

// pieces gives n bytes at a time.
type pieces struct {
	rest string
	n    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.n, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}
