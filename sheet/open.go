package sheet

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/amana-privacy/amana/fault"
)

const bom = "\ufeff"

// wrappings are beginnings of files that are no text, and what to do about it.
var wrappings = []struct{ magic, words string }{
	{"PK\x03\x04", "this is a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV UTF-8"},
	{"\xd0\xcf\x11\xe0", "this is an Excel workbook; save the sheet as CSV UTF-8"},
	{"%PDF", "this is a PDF"},
}

// Open gives the text of a file: unpacked where it is gzip (RFC 1952), and
// without the byte order mark. What begins as no text does is fault.Malformed
// and says what to do. The result reads from r, which stays the caller's.
func Open(r io.Reader) (io.Reader, error) {
	b, err := unpacked(r)
	if err != nil {
		return nil, err
	}
	if begins(b, "\xff\xfe") || begins(b, "\xfe\xff") {
		return nil, fault.New(fault.Malformed, "this is UTF-16; save the file as CSV UTF-8")
	}
	if begins(b, bom) {
		if _, err := b.Discard(len(bom)); err != nil {
			return nil, fmt.Errorf("reading: %w", err)
		}
	}
	return b, nil
}

// unpacked gives what gzip holds, and refuses what is no text.
func unpacked(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, 4096)
	if begins(b, "\x1f\x8b") {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, &fault.Error{Kind: fault.Malformed, Words: "it begins as gzip does, but is not", Err: err}
		}
		b = bufio.NewReaderSize(z, 4096)
	}
	for _, w := range wrappings {
		if begins(b, w.magic) {
			return nil, fault.New(fault.Malformed, "%s", w.words)
		}
	}
	return b, nil
}

func begins(b *bufio.Reader, magic string) bool {
	start, _ := b.Peek(len(magic)) // an error comes again with the reading
	return bytes.Equal(start, []byte(magic))
}
