package strict

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/amana-privacy/amana/fault"
)

// peek gives the first byte of the next token, 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

// end refuses anything after the value.
func (r *reader) end() *fault.Error {
	r.peek()
	if r.pos < len(r.data) {
		return r.broken("something follows the JSON value")
	}
	return nil
}

// take consumes c if it is the next token.
func (r *reader) take(c byte) bool {
	if r.peek() != c || r.pos == len(r.data) {
		return false
	}
	r.pos++
	return true
}

// object reads an object; member is called with each name and reads its value.
func (r *reader) object(member func(name string) *fault.Error) *fault.Error {
	return r.nested('}', func(int) *fault.Error {
		if r.peek() != '"' {
			return r.broken("not JSON: a member's name was expected")
		}
		name, err := r.text()
		if err != nil {
			return err
		}
		if !r.take(':') {
			return r.broken("not JSON: a colon was expected")
		}
		return member(name)
	})
}

// nested reads what stands between an opening bracket, at which the reader
// is, and the closing one: elements with commas between them.
func (r *reader) nested(closing byte, element func(i int) *fault.Error) *fault.Error {
	if r.depth++; r.depth > maxDepth {
		return r.broken("nested deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	r.pos++
	if r.take(closing) {
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if r.take(closing) {
			return nil
		}
		if !r.take(',') {
			return r.broken("not JSON: a comma or %q was expected", closing)
		}
	}
}

// text reads a string, at whose quotation mark the reader is.
func (r *reader) text() (string, *fault.Error) {
	start := r.pos + 1
	for i := start; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			r.pos = i + 1
			return r.data[start:i], nil
		case c == '\\':
			r.pos = i
			return r.escaped([]byte(r.data[start:i]))
		case c < ' ':
			r.pos = i
			return "", r.broken("not JSON: a control character in a string")
		}
	}
	r.pos = len(r.data)
	return "", r.broken("not JSON: a string does not end")
}

// escaped reads the rest of a string from its first backslash on.
func (r *reader) escaped(out []byte) (string, *fault.Error) {
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		switch {
		case c == '"':
			r.pos++
			return string(out), nil
		case c < ' ':
			return "", r.broken("not JSON: a control character in a string")
		case c != '\\':
			out = append(out, c)
			r.pos++
			continue
		}
		char, err := r.escape()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, char)
	}
	return "", r.broken("not JSON: a string does not end")
}

var short = [256]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads one escape, surrogate pairs as one.
func (r *reader) escape() (rune, *fault.Error) {
	if r.pos+1 < len(r.data) {
		if c := short[r.data[r.pos+1]]; c != 0 {
			r.pos += 2
			return c, nil
		}
	}
	char, ok := r.unit()
	if !ok {
		return 0, r.broken("not JSON: an escape that does not exist")
	}
	if !utf16.IsSurrogate(char) {
		return char, nil
	}
	if low, ok := r.unit(); ok {
		if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
			return pair, nil
		}
	}
	return 0, r.broken("a string holds half of a surrogate pair")
}

// unit reads \uXXXX.
func (r *reader) unit() (rune, bool) {
	if len(r.data)-r.pos < 6 || r.data[r.pos] != '\\' || r.data[r.pos+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(r.data[r.pos+2:r.pos+6], 16, 16)
	if err != nil {
		return 0, false
	}
	r.pos += 6
	return rune(n), true
}

// literal reads a word such as true.
func (r *reader) literal(word string) bool {
	if !strings.HasPrefix(r.data[r.pos:], word) {
		return false
	}
	r.pos += len(word)
	return true
}

// skip reads any value and forgets it.
func (r *reader) skip() *fault.Error {
	switch c := r.peek(); {
	case c == '{':
		return r.object(func(string) *fault.Error { return r.skip() })
	case c == '[':
		return r.nested(']', func(int) *fault.Error { return r.skip() })
	case c == '"':
		_, err := r.text()
		return err
	case c == 't' && r.literal("true"), c == 'f' && r.literal("false"), c == 'n' && r.literal("null"), r.number():
		return nil
	}
	if r.pos == len(r.data) {
		return r.broken("not JSON: it ends where a value was expected")
	}
	return r.broken("not JSON: a value was expected")
}

// number reads a number by the grammar of RFC 8259 section 6.
func (r *reader) number() bool {
	i := r.pos
	at := func(set string) bool {
		if i < len(r.data) && strings.IndexByte(set, r.data[i]) >= 0 {
			i++
			return true
		}
		return false
	}
	digits := func() bool {
		if !at("0123456789") {
			return false
		}
		for at("0123456789") {
		}
		return true
	}
	at("-")
	if !at("0") && !digits() {
		return false
	}
	if at(".") && !digits() {
		return false
	}
	if at("eE") {
		at("+-")
		if !digits() {
			return false
		}
	}
	r.pos = i
	return true
}
