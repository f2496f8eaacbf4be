package scrub

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/sheet"
)

// open finds out the form of a list by how it begins.
func open(in io.Reader, cfg *Config, b *batch) (source, error) {
	text := bufio.NewReaderSize(in, 4096)
	for n := 1; ; n++ {
		start, err := text.Peek(n)
		if len(start) < n {
			if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
				return nil, err
			}
			return openCSV(text, cfg, b)
		}
		switch start[n-1] {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			return openJSON(text, cfg, b), nil
		}
		return openCSV(text, cfg, b)
	}
}

// csvSource reads CSV with a header.
type csvSource struct {
	r     *sheet.Reader
	form  sheet.Form
	key   int
	order []int // for each column of the batch, its place in the file
	names []string
}

// openCSV finds the columns in the header, whatever the case of their letters,
// and brings those of the batch into the order of the file.
func openCSV(in io.Reader, cfg *Config, b *batch) (source, error) {
	r := sheet.NewReader(in, cfg.Comma)
	header, err := r.Header()
	if err != nil {
		return nil, err
	}
	s := &csvSource{r: r, form: cfg.Form}
	if s.form.Comma == 0 {
		s.form.Comma = r.Comma()
	}
	if s.key, err = place(header, cfg.Key); err != nil {
		return nil, err
	}
	at := map[string]int{}
	for _, c := range cfg.Columns {
		if at[c.Name], err = place(header, c.Name); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(b.cfg.Columns, func(x, y Column) int { return at[x.Name] - at[y.Name] })
	for i, c := range b.cfg.Columns {
		if i > 0 && s.order[i-1] == at[c.Name] {
			return nil, fault.New(fault.Invalid, "a column is named twice")
		}
		s.order, s.names = append(s.order, at[c.Name]), append(s.names, header[at[c.Name]])
	}
	return s, nil
}

// place finds a column by its name. Of two columns of one name nobody knows
// which is meant.
func place(header []string, name string) (int, error) {
	found := -1
	for i, h := range header {
		if !strings.EqualFold(strings.TrimSpace(sheet.Plain(h)), strings.TrimSpace(name)) {
			continue
		}
		if found >= 0 {
			return 0, fault.New(fault.Invalid, "the header has two columns %q", name)
		}
		found = i
	}
	if found < 0 {
		return 0, fault.New(fault.Invalid, "the header has no column %q", name)
	}
	return found, nil
}

func (s *csvSource) head() []byte {
	var to []byte
	if s.form.BOM {
		to = append(to, "\ufeff"...)
	}
	for i, n := range s.names {
		if i > 0 {
			to = append(to, s.form.Comma)
		}
		to = s.form.Append(to, []byte(n))
	}
	return append(to, s.r.LineEnd()...)
}

func (s *csvSource) next(b *batch) error {
	cells, err := s.r.Read()
	if wrong, ok := errors.AsType[*sheet.RowError](err); ok && !wrong.Fatal() {
		b.reject(wrong.Line, Unreadable)
		return nil
	}
	if err != nil {
		return err
	}
	for _, at := range s.order {
		cell := cells[at]
		if s.form.Safe {
			cell = unmarked(cell) // a cell that was made safe before is not made so twice
		}
		b.text = s.form.Append(b.text, cell)
		b.piece()
	}
	b.about(s.r.Line(), unmarked(cells[s.key]))
	return nil
}

// unmarked takes away the apostrophe by which a cell was made safe for
// spreadsheets.
func unmarked(cell []byte) []byte {
	if len(cell) > 0 && cell[0] == '\'' {
		return []byte(sheet.Plain(string(cell)))
	}
	return cell
}

func (s *csvSource) write(to []byte, p pieces, mask uint64) []byte {
	before := len(to)
	for i := range s.order {
		if i > 0 {
			to = append(to, s.form.Comma)
		}
		if mask>>i&1 == 1 {
			to = append(to, p.at(i)...)
		}
	}
	if len(to) == before { // an empty line would be no record
		to = append(to, `""`...)
	}
	return append(to, s.r.LineEnd()...)
}
