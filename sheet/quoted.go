package sheet

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// quoted reads a record with quotation marks in its first line. What it finds
// does not depend on how much was read beyond MaxRecord.
func (r *Reader) quoted() ([][]byte, error) {
	r.begun = r.line
	n, well := r.extent(r.bounded())
	for n < 0 && r.err == nil && len(r.rest()) < longest {
		r.more()
		n, well = r.extent(r.bounded())
	}
	switch {
	case n < 0 && r.err != nil && r.err != io.EOF && len(r.rest()) < longest:
		return nil, r.ended()
	case n < 0 && !well:
		r.line++
		r.skipLine(false)
		return nil, &RowError{r.begun, TooLong}
	case n < 0:
		r.start, r.err = r.end, io.EOF
		return nil, &RowError{r.begun, Unclosed}
	}
	record := r.rest()[:n]
	r.note(record)
	r.start += n
	r.line += max(1, bytes.Count(record, []byte{'\n'}))
	if !well {
		return nil, &RowError{r.begun, Quoting}
	}
	if !utf8.Valid(record) {
		return nil, &RowError{r.begun, NotUTF8}
	}
	return r.counted(r.unquote(chomp(record)))
}

// more reads on. Of a long record it reads so much at once that looking at it
// anew costs no more than the reading, however small the source's pieces are.
func (r *Reader) more() {
	want := len(r.rest()) + 1
	if want > 64<<10 {
		want += want / 2
	}
	for r.err == nil && len(r.rest()) < want {
		r.fill()
	}
}

// longest is a record of MaxRecord bytes with its line end.
const longest = MaxRecord + 2

// bounded gives as much as a record may have, and whether that is all there is.
func (r *Reader) bounded() (b []byte, all bool) {
	if b = r.rest(); len(b) > longest {
		return b[:longest], false
	}
	return b, r.err != nil
}

// extent gives the length of the record at the beginning of b, line end and
// all; -1 where b stops before the record does, unless that was all. A record
// that is not well quoted ends with the line in which that shows.
func (r *Reader) extent(b []byte, all bool) (n int, well bool) {
	for i := 0; ; i++ { // i is where a cell begins
		if i < len(b) && b[i] == '"' {
			i = pastQuoted(b, i+1)
		} else {
			i = r.pastPlain(b, i)
		}
		switch {
		case i < 0, i == len(b) && !all:
			return -1, true
		case i == len(b):
			return i, true
		case b[i] == r.comma:
			continue
		}
		if n = lineEnd(b, i, all); n != 0 {
			return n, true
		}
		if n = bytes.IndexByte(b[i:], '\n'); n >= 0 {
			return i + n + 1, false
		}
		if all {
			return len(b), false
		}
		return -1, false
	}
}

// pastQuoted gives the place after the mark that closes a cell whose text
// begins at i, -1 where there is none.
func pastQuoted(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		if i += n + 1; i == len(b) || b[i] != '"' {
			return i
		}
		i++
	}
}

// pastPlain gives the place of what ends a cell without marks that begins at i.
func (r *Reader) pastPlain(b []byte, i int) int {
	for i < len(b) && b[i] != r.comma && b[i] != '\n' && b[i] != '"' {
		i++
	}
	return i
}

// lineEnd gives the place after the line end at i, 0 where there is none, and
// -1 where the next byte decides.
func lineEnd(b []byte, i int, all bool) int {
	switch {
	case b[i] == '\n':
		return i + 1
	case b[i] != '\r' || i+1 < len(b) && b[i+1] != '\n':
		return 0
	case i+1 < len(b):
		return i + 2
	case all:
		return i + 1
	}
	return -1
}

// unquote gives the cells of a record that is well quoted. Doubled marks are
// made single in the record itself.
func (r *Reader) unquote(record []byte) [][]byte {
	r.cells = r.cells[:0]
	for i := 0; ; i++ {
		from, to := i, 0
		if i < len(record) && record[i] == '"' {
			i = pastQuoted(record, i+1)
			from, to = from+1, i-1
		} else {
			i = r.pastPlain(record, i)
			to = i
		}
		r.cells = append(r.cells, single(record[from:to]))
		if i == len(record) {
			return r.cells
		}
	}
}

// single makes doubled marks single, in place.
func single(cell []byte) []byte {
	n := bytes.IndexByte(cell, '"')
	if n < 0 {
		return cell
	}
	kept := cell[:n]
	for i := n; i < len(cell); i++ {
		kept = append(kept, cell[i])
		if cell[i] == '"' {
			i++
		}
	}
	return kept
}
