package sheet

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// Reader reads CSV record by record. It is not safe for concurrent use.
//
// Records end with LF or CR LF. A cell in quotation marks may hold delimiters,
// line ends (which stay as they are) and doubled quotation marks. Empty lines
// are no records.
type Reader struct {
	window
	comma  byte
	width  int      // of every record; 0: any
	ending string   // end of the first line
	cells  [][]byte // of the last record
	begun  int
}

// Delimiters are those that are found out by themselves.
const Delimiters = ",;\t"

// NewReader reads CSV from r. The delimiter is the one of Delimiters of which
// the first record has most outside quotation marks, the comma where there is
// none; a comma other than 0 is taken instead.
func NewReader(r io.Reader, comma byte) *Reader {
	s := &Reader{window: newWindow(r), comma: comma}
	if comma == 0 {
		s.comma = s.detect()
	}
	return s
}

// Comma gives the delimiter.
func (r *Reader) Comma() byte { return r.comma }

// LineEnd gives how the first record ended: CR LF or LF.
func (r *Reader) LineEnd() string { return r.ending }

// Line gives the line in which the last record began, from 1.
func (r *Reader) Line() int { return r.begun }

// Header reads the first record and holds every later one to as many cells. It
// gives copies.
func (r *Reader) Header() ([]string, error) {
	cells, err := r.Read()
	if err == io.EOF {
		return nil, &RowError{1, NoHeader}
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, len(cells))
	for i, c := range cells {
		names[i] = string(c)
	}
	r.width = len(names)
	return names, nil
}

// Read gives the cells of the next record; they hold until the next Read. The
// error is io.EOF at the end, a *RowError for a record that cannot be taken
// (after which Read goes on unless it is Fatal), or that of the source. The cells of
// a record with another number of them than the header come with its error.
func (r *Reader) Read() ([][]byte, error) {
	for {
		rest := r.rest()
		n := bytes.IndexByte(rest, '\n')
		if n < 0 && r.err == nil && len(rest) < longest {
			r.fill()
			continue
		}
		if n < 0 && len(rest) < longest && (len(rest) == 0 || r.err != io.EOF) {
			return nil, r.ended() // of a source that broke off the last record is no record
		}
		record := rest
		if n >= 0 {
			record = rest[:n+1]
		}
		if bytes.IndexByte(record, '"') >= 0 {
			return r.quoted()
		}
		r.take(len(record))
		r.note(record)
		if record = chomp(record); len(record) > MaxRecord {
			r.skipLine(n >= 0)
			return nil, &RowError{r.begun, TooLong}
		}
		if !utf8.Valid(record) {
			return nil, &RowError{r.begun, NotUTF8}
		}
		if len(record) > 0 {
			return r.counted(r.split(record))
		}
	}
}

// note keeps the end of the first line.
func (r *Reader) note(record []byte) {
	if r.ending != "" {
		return
	}
	if r.ending = "\n"; bytes.HasSuffix(record, []byte("\r\n")) {
		r.ending = "\r\n"
	}
}

// take takes a record of n bytes, one line, off the window.
func (r *Reader) take(n int) {
	r.begun = r.line
	r.start += n
	r.line++
}

func (r *Reader) split(record []byte) [][]byte {
	r.cells = r.cells[:0]
	for {
		n := bytes.IndexByte(record, r.comma)
		if n < 0 {
			r.cells = append(r.cells, record)
			return r.cells
		}
		r.cells = append(r.cells, record[:n])
		record = record[n+1:]
	}
}

// counted holds a record to the number of cells of the header.
func (r *Reader) counted(cells [][]byte) ([][]byte, error) {
	if r.width > 0 && len(cells) != r.width {
		return cells, &RowError{r.begun, Cells}
	}
	return cells, nil
}

// chomp drops the line end.
func chomp(record []byte) []byte {
	if n := len(record); n > 0 && record[n-1] == '\n' {
		record = record[:n-1]
	}
	if n := len(record); n > 0 && record[n-1] == '\r' {
		record = record[:n-1]
	}
	return record
}

// detect looks at the first record for its delimiter.
func (r *Reader) detect() byte {
	for {
		counts, ended := count(r.rest())
		if !ended && r.err == nil && len(r.rest()) < longest {
			r.fill()
			continue
		}
		best := Delimiters[0]
		for i := range len(Delimiters) {
			if d := Delimiters[i]; counts[d] > counts[best] {
				best = d
			}
		}
		return best
	}
}

// count counts bytes outside quotation marks in the first line that is not
// empty, and says whether that line ended.
func count(b []byte) (counts [256]int, ended bool) {
	quoted, some := false, false
	for _, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
			continue
		case c == '\n' && some:
			return counts, true
		}
		if c != '\n' && c != '\r' {
			some = true
		}
		counts[c]++
	}
	return counts, false
}
