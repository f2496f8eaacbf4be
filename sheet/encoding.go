package sheet

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/amana-privacy/amana/fault"
)

const utf8Name = "utf-8"

// encodings are those in which spreadsheets write a text, by their IANA names.
var encodings = map[string]encoding.Encoding{
	utf8Name:       encoding.Nop,
	"utf-16le":     unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"utf-16be":     unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"windows-1252": charmap.Windows1252,
	"windows-1256": charmap.Windows1256,
	"iso-8859-1":   charmap.ISO8859_1,
}

// Encodings gives the names of the encodings that OpenIn reads.
func Encodings() []string { return slices.Sorted(maps.Keys(encodings)) }

// marks are the byte order marks by which a text says its encoding.
var marks = []struct{ magic, name string }{{bom, utf8Name}, {"\xff\xfe", "utf-16le"}, {"\xfe\xff", "utf-16be"}}

// OpenIn is Open for a text in one of Encodings; "" is the one that the text
// names by its mark, or UTF-8. What it gives is UTF-8 and nothing else: the first
// bytes that are none end it with a *EncodingError. What contradicts its own
// mark, or is UTF-16 without one and was not said to be, is fault.Malformed.
func OpenIn(r io.Reader, name string) (io.Reader, error) {
	if _, ok := encodings[name]; name != "" && !ok {
		return nil, fault.New(fault.Invalid, "no encoding is called so; there are %s", strings.Join(Encodings(), ", "))
	}
	b, err := unpacked(r)
	if err != nil {
		return nil, err
	}
	marked := ""
	for _, m := range marks {
		if begins(b, m.magic) {
			marked = m.name
		}
	}
	switch {
	case marked != "" && name != "" && name != marked:
		return nil, fault.New(fault.Malformed, "it begins with the mark of %s, so it is not %s: leave the encoding out", marked, name)
	case marked != "":
		name = marked
	case name == "":
		if err := unmarked(b); err != nil {
			return nil, err
		}
		name = utf8Name
	}
	if name != utf8Name {
		return encodings[name].NewDecoder().Reader(b), nil
	}
	if marked != "" {
		if _, err := b.Discard(len(bom)); err != nil {
			return nil, fmt.Errorf("reading: %w", err)
		}
	}
	return transform.NewReader(b, &wellFormed{at: EncodingError{1, 1}}), nil
}

// unmarked refuses UTF-16 without a mark: no text of UTF-8 has zero bytes, and
// one of UTF-16 has them beside every delimiter.
func unmarked(b *bufio.Reader) error {
	start, _ := b.Peek(512) // an error comes again with the reading
	n := bytes.IndexByte(start, 0)
	if n < 0 {
		return nil
	}
	name := "utf-16le"
	if n%2 == 0 {
		name = "utf-16be"
	}
	return fault.New(fault.Malformed, "it holds zero bytes, so it is not UTF-8 but, it seems, %s: say so with --encoding %s, or %s", name, name, resave)
}

// resave says how a spreadsheet writes UTF-8.
const resave = "save it as CSV UTF-8 (Excel: Save As, CSV UTF-8; LibreOffice: Save As, Edit filter settings, Unicode (UTF-8))"

// EncodingError is the place of the first bytes that are not UTF-8. Nothing from
// that line on was read.
type EncodingError struct{ Line, Character int } // from 1

// Error names the place and what to do; never what stands there.
func (e *EncodingError) Error() string {
	return fmt.Sprintf("line %d, character %d: the text is not UTF-8, and nothing from that line on was read; %s, or say what it is, as in --encoding windows-1256 (there are %s)",
		e.Line, e.Character, resave, strings.Join(Encodings(), ", "))
}

// wellFormed hands on UTF-8, up to what is none.
type wellFormed struct{ at EncodingError }

// Reset begins anew.
func (w *wellFormed) Reset() { w.at = EncodingError{1, 1} }

// Transform copies whole characters.
func (w *wellFormed) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		r, size := utf8.DecodeRune(src[nSrc:])
		switch {
		case r == utf8.RuneError && size == 1 && !atEOF && !utf8.FullRune(src[nSrc:]):
			return nDst, nSrc, transform.ErrShortSrc
		case r == utf8.RuneError && size == 1:
			at := w.at
			return nDst, nSrc, &at
		case nDst+size > len(dst):
			return nDst, nSrc, transform.ErrShortDst
		}
		copy(dst[nDst:], src[nSrc:nSrc+size])
		nDst, nSrc = nDst+size, nSrc+size
		if w.at.Character++; r == '\n' {
			w.at = EncodingError{w.at.Line + 1, 1}
		}
	}
	return nDst, nSrc, nil
}

// Sound reads a text to its end, and says why it is none. It is asked before
// anything is done with the first of its records.
func Sound(r io.Reader, name string) error {
	text, err := OpenIn(r, name)
	if err == nil {
		_, err = io.Copy(io.Discard, text)
	}
	return err
}
