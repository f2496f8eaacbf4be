package sheet

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// Lines reads a stream of JSON values, one a line (NDJSON). It is not safe for
// concurrent use.
type Lines struct {
	window
	begun int
}

// NewLines reads lines from r.
func NewLines(r io.Reader) *Lines { return &Lines{window: newWindow(r)} }

// Line gives the number of the last line, from 1.
func (l *Lines) Line() int { return l.begun }

// Read gives the next line that is not blank, without the white space around
// it. It holds until the next Read. The error is as that of Reader.Read.
func (l *Lines) Read() ([]byte, error) {
	for {
		rest := l.rest()
		n := bytes.IndexByte(rest, '\n')
		if n < 0 && l.err == nil && len(rest) < longest {
			l.fill()
			continue
		}
		if n < 0 && len(rest) < longest && (len(rest) == 0 || l.err != io.EOF) {
			return nil, l.ended()
		}
		line := rest
		if n >= 0 {
			line = rest[:n+1]
		}
		l.begun = l.line
		l.start += len(line)
		l.line++
		if len(line) > longest {
			l.skipLine(n >= 0)
			return nil, &RowError{l.begun, TooLong}
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if !utf8.Valid(line) {
			return nil, &RowError{l.begun, NotUTF8}
		}
		return line, nil
	}
}
