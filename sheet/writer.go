package sheet

import (
	"bytes"
	"io"
)

// Form is how a Writer writes.
type Form struct {
	Comma byte // 0: the comma
	BOM   bool // begin with a byte order mark, by which spreadsheets know UTF-8
	Safe  bool // make cells safe for spreadsheets, see Safe
}

// Writer writes CSV: records end with CR LF (RFC 4180), cells that need it are
// quoted. Its first error stays and is what every later Flush gives. It is not
// safe for concurrent use.
type Writer struct {
	w     io.Writer
	form  Form
	buf   []byte
	cells int // of the record
	began int // where in buf the record begins
	err   error
}

// writeAt is how much is gathered before it is written.
const writeAt = 64 << 10

// NewWriter writes to w. Nothing is sure to be there before Flush.
func NewWriter(w io.Writer, form Form) *Writer {
	s := &Writer{w: w, form: form, buf: make([]byte, 0, 2*writeAt)}
	if s.form.Comma == 0 {
		s.form.Comma = ','
	}
	if form.BOM {
		s.buf = append(s.buf, bom...)
		s.began = len(s.buf)
	}
	return s
}

// Row writes a record.
func (w *Writer) Row(cells ...string) {
	for _, c := range cells {
		w.Cell([]byte(c))
	}
	w.End()
}

// Cell writes the next cell of a record. It allocates nothing unless the cell
// has to be made safe.
func (w *Writer) Cell(cell []byte) {
	if w.cells > 0 {
		w.buf = append(w.buf, w.form.Comma)
	}
	w.cells++
	w.buf = w.form.Append(w.buf, cell)
}

// Append appends a cell as it stands in a file, without delimiters. A record of
// one empty cell is the caller's to write as "".
func (f Form) Append(to, cell []byte) []byte {
	if f.Safe && suspect(cell) {
		cell = []byte(Safe(string(cell)))
	}
	if !f.needsMarks(cell) {
		return append(to, cell...)
	}
	to = append(to, '"')
	for {
		n := bytes.IndexByte(cell, '"')
		if n < 0 {
			break
		}
		to = append(append(to, cell[:n+1]...), '"')
		cell = cell[n+1:]
	}
	return append(append(to, cell...), '"')
}

// suspect says that Safe could change a cell: it does not begin with an ASCII
// letter or digit.
func suspect(cell []byte) bool {
	if len(cell) == 0 {
		return false
	}
	c := cell[0] | 0x20
	return !('a' <= c && c <= 'z' || '0' <= c && c <= '9')
}

// special are the bytes for which a cell has to be quoted: those of RFC 4180,
// and the other delimiters that a reader may take for this file's.
var special = [256]bool{'"': true, '\n': true, '\r': true, ',': true, ';': true, '\t': true}

// needsMarks says that a cell has to be quoted. Spaces at its ends are quoted
// because some readers drop them.
func (f Form) needsMarks(cell []byte) bool {
	for _, c := range cell {
		if special[c] || c == f.Comma {
			return true
		}
	}
	return len(cell) > 0 && (cell[0] == ' ' || cell[len(cell)-1] == ' ')
}

// End ends the record.
func (w *Writer) End() {
	if w.cells == 1 && len(w.buf) == w.began { // an empty line would be no record
		w.buf = append(w.buf, `""`...)
	}
	w.buf = append(w.buf, "\r\n"...)
	w.cells = 0
	if len(w.buf) >= writeAt {
		w.Flush()
	}
	w.began = len(w.buf)
}

// Flush writes what was gathered and gives the first error of all.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf, w.began = w.buf[:0], 0
	return w.err
}
