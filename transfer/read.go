package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/sheet"
)

// Rows reads a list. Every answer is given as a row or as a *Reject; any other
// error ends the list, and what was given before it stands.
func Rows(in io.Reader, o Options) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		err := rows(in, o, func(row Row, err error) bool {
			_, left := errors.AsType[*Reject](err)
			return yield(row, err) && (err == nil || left)
		})
		if err != nil {
			yield(Row{}, err)
		}
	}
}

// rows gives what ends the reading, nil where it ended well or nobody wants more.
func rows(in io.Reader, o Options, yield func(Row, error) bool) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	text, err := sheet.OpenIn(in, o.Encoding)
	if err != nil {
		return err
	}
	b := bufio.NewReader(text)
	switch firstSign(b) {
	case '{':
		return p.lines(b, yield)
	case '[':
		return fault.New(fault.Malformed, "this is one array of JSON; give its objects one a line, as jq -c '.[]' does")
	}
	return p.table(b, yield)
}

// firstSign gives the first byte of a text that is no white space, 0 where there is
// none.
func firstSign(b *bufio.Reader) byte {
	for n := 1; ; n++ {
		start, _ := b.Peek(n)
		if len(start) < n {
			return 0
		}
		if !strings.ContainsRune(" \t\r\n", rune(start[n-1])) {
			return start[n-1]
		}
	}
}

// table reads CSV.
func (p *plan) table(in io.Reader, yield func(Row, error) bool) error {
	r := sheet.NewReader(in, p.Comma)
	header, err := r.Header()
	if err != nil {
		return broken(err)
	}
	at, err := p.bind(header)
	if err != nil {
		return err
	}
	rec := record{}
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if wrong, ok := errors.AsType[*sheet.RowError](err); ok && !wrong.Fatal() {
			if !yield(p.short(wrong, at, cells, len(header))) {
				return nil
			}
			continue
		}
		if err != nil {
			return broken(err)
		}
		rec.fill(at, cells)
		if !yield(p.understand(r.Line(), rec)) {
			return nil
		}
	}
}

// broken is what ends a list. One that is in another encoding says so itself.
func broken(err error) error {
	if at, ok := errors.AsType[*sheet.EncodingError](err); ok {
		return &fault.Error{Kind: fault.Malformed, Words: "reading the list", Err: at}
	}
	return fmt.Errorf("reading the list: %w", err)
}

// fill puts cells into their fields; one that is missing is empty.
func (r record) fill(at map[Field]int, cells [][]byte) {
	for f, i := range at {
		if r[f] = ""; i < len(cells) {
			r[f] = sheet.Plain(string(cells[i]))
		}
	}
}

// short takes a no of a record that cannot be read, where it has fewer cells than the
// header: spreadsheets leave out the delimiters after the last cell that holds
// something. What such a row says yes to nobody knows.
func (p *plan) short(wrong *sheet.RowError, at map[Field]int, cells [][]byte, width int) (Row, error) {
	if wrong.Problem != sheet.Cells {
		return Row{}, &Reject{wrong.Line, "", Unreadable, true}
	}
	left := &Reject{wrong.Line, "", OtherCells, true}
	if len(cells) < width {
		rec := record{}
		rec.fill(at, cells)
		row, err := p.understand(wrong.Line, rec)
		switch other, ok := errors.AsType[*Reject](err); {
		case err == nil && row.Choice.Decision != consent.Given:
			return row, nil
		case err != nil && !ok: // it ends the list
			return row, err
		default:
			left.MayBeNo = ok && other.MayBeNo
		}
	}
	return Row{}, left
}

// bind finds the columns that are read, and says what is missing.
func (p *plan) bind(header []string) (map[Field]int, error) {
	at := map[Field]int{}
	for i, name := range header {
		f, ok := p.columns[fold(name)]
		if !ok {
			continue
		}
		if _, twice := at[f]; twice {
			return nil, fault.New(fault.Invalid, "two columns hold the %s; say which one is meant, as in --map COLUMN=%s", f, f)
		}
		at[f] = i
	}
	for name, f := range p.Columns {
		if _, ok := at[f]; !ok {
			return nil, fault.New(fault.Invalid, "the list has no column %q", name)
		}
	}
	return at, p.enough(func(f Field) bool { _, ok := at[f]; return ok })
}

// enough says what a list lacks for any of its rows to be an answer.
func (p *plan) enough(has func(Field) bool) error {
	who := slices.DeleteFunc(slices.Clone(identifiers), func(f Field) bool { return !has(f) })
	switch {
	case len(who) == 0:
		return fault.New(fault.Invalid, "no column says who a row is about; name the one that holds the %s, as in --map 'Customer no.=customer'", names(identifiers))
	case len(who) > 1:
		return fault.New(fault.Invalid, "the columns %s all say who a row is about; say which one is meant, as in --map COLUMN=email", names(who))
	case !has(Purpose) && p.Purpose == "":
		return fault.New(fault.Invalid, "no column names a purpose; name the column (--map COLUMN=purpose), or the purpose of all rows (--purpose)")
	case p.Status == "" && p.needs:
		return fault.New(fault.Invalid, "nothing in the file says which status its rows have; say one of %s (--status)", strings.Join(p.status, ", "))
	case p.Status == "" && !has(Decision):
		return fault.New(fault.Invalid, "no column says what was answered; name it (--map COLUMN=decision), or say the answer of all rows (--status)")
	}
	return nil
}
