// Package sheet reads and writes the tables that people keep in files: CSV as
// RFC 4180 has it, with the delimiters and wrappings that spreadsheets and
// other programs give it, and lines of JSON. It knows nothing of what the cells
// mean.
//
// Reading is by byte slices into one buffer: a file of any length costs the
// same memory, and a record costs no allocation. What is wrong with one record
// is told of that record, and the reading goes on.
package sheet

import (
	"bytes"
	"fmt"
	"io"
)

// MaxRecord bounds a record or line, in bytes. A longer one is no row of a list
// of people; most often a quotation mark was never closed.
const MaxRecord = 1 << 20

// Problem is what is wrong with one record. The set is closed.
type Problem string

// The problems.
const (
	Quoting  Problem = "quoting"   // a quotation mark stands where RFC 4180 has none
	NotUTF8  Problem = "not_utf8"  // the bytes are no UTF-8
	Cells    Problem = "cells"     // it has another number of cells than the header
	TooLong  Problem = "too_long"  // a line of more than MaxRecord bytes
	Unclosed Problem = "unclosed"  // a quoted cell does not end; nothing after it can be read
	NoHeader Problem = "no_header" // the file is empty
)

// RowError says what is wrong with the record that begins in a line.
type RowError struct {
	Line    int // from 1
	Problem Problem
}

// Error names line and problem; never what stands there.
func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem.words()) }

// Fatal says that nothing after the record can be read.
func (e *RowError) Fatal() bool { return e.Problem == Unclosed || e.Problem == NoHeader }

func (p Problem) words() string {
	switch p {
	case Quoting:
		return "a quotation mark stands where it cannot; cells that hold one are quoted, and it is doubled"
	case NotUTF8:
		return "the text is not UTF-8; save the file as CSV UTF-8"
	case Cells:
		return "the number of cells is not that of the header"
	case TooLong:
		return fmt.Sprintf("it is longer than %d bytes", MaxRecord)
	case Unclosed:
		return "a quoted cell that begins here does not end; nothing after it was read"
	case NoHeader:
		return "the file has no header"
	}
	return string(p)
}

// window is a part of a stream of bytes: buf[start:end] is what was read and
// not yet taken.
type window struct {
	src        io.Reader
	buf        []byte
	start, end int
	err        error // what ended the stream
	line       int   // of buf[start], from 1
}

// firstBuffer holds many records, so that the source is asked seldom.
const firstBuffer = 256 << 10

func newWindow(src io.Reader) window {
	return window{src: src, buf: make([]byte, firstBuffer), line: 1}
}

func (w *window) rest() []byte { return w.buf[w.start:w.end] }

// fill reads more, or the error that ends the stream; it must not be asked
// after one. It invalidates what rest gave.
func (w *window) fill() {
	if w.start > 0 {
		w.end = copy(w.buf, w.rest())
		w.start = 0
	}
	if w.end == len(w.buf) {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	for range 100 {
		var n int
		n, w.err = w.src.Read(w.buf[w.end:])
		w.end += n
		if n > 0 || w.err != nil {
			return
		}
	}
	w.err = io.ErrNoProgress
}

// skipLine takes what is left of a line, unless it has ended.
func (w *window) skipLine(ended bool) {
	for !ended {
		if n := bytes.IndexByte(w.rest(), '\n'); n >= 0 {
			w.start += n + 1
			return
		}
		w.start = w.end
		if ended = w.err != nil; !ended {
			w.fill()
		}
	}
}

// ended gives the error of a stream of which all was taken: io.EOF where it
// ended as it should.
func (w *window) ended() error {
	if w.err == io.EOF {
		return io.EOF
	}
	return fmt.Errorf("reading: %w", w.err)
}
