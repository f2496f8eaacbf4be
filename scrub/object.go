package scrub

// object walks the members of a JSON object (RFC 8259) that is all of b,
// without building anything. What is UTF-8 has been seen to before.
type object struct {
	b       []byte
	i       int
	begun   bool
	ended   bool // it was an object from its first to its last byte
	name    []byte
	escaped bool // the name has a backslash
	value   []byte
}

// maxDepth bounds how deep values may lie in each other.
const maxDepth = 64

// next goes to the next member; name (with its marks) and value then hold.
// It is false at the end, where ended says whether all was well.
func (o *object) next() bool {
	if !o.begun {
		o.begun = true
		if !o.take('{') {
			return false
		}
		if o.take('}') {
			return o.end()
		}
	} else if o.take('}') {
		return o.end()
	} else if !o.take(',') {
		return false
	}
	o.space()
	from := o.i
	var ok bool
	if o.escaped, ok = o.text(); !ok {
		return false
	}
	o.name = o.b[from:o.i]
	if !o.take(':') {
		return false
	}
	o.space()
	from = o.i
	if !o.skip(0) {
		return false
	}
	o.value = o.b[from:o.i]
	return true
}

func (o *object) end() bool {
	o.space()
	o.ended = o.i == len(o.b)
	return false
}

func (o *object) space() {
	for o.i < len(o.b) {
		switch o.b[o.i] {
		case ' ', '\t', '\r', '\n':
			o.i++
		default:
			return
		}
	}
}

// take takes c if it comes next.
func (o *object) take(c byte) bool {
	o.space()
	if o.i == len(o.b) || o.b[o.i] != c {
		return false
	}
	o.i++
	return true
}

// text takes a string.
func (o *object) text() (escaped, ok bool) {
	if o.i == len(o.b) || o.b[o.i] != '"' {
		return false, false
	}
	for o.i++; o.i < len(o.b); o.i++ {
		switch c := o.b[o.i]; {
		case c == '"':
			o.i++
			return escaped, true
		case c < ' ':
			return escaped, false
		case c == '\\':
			if escaped = o.escape(); !escaped {
				return false, false
			}
		}
	}
	return escaped, false
}

// escape takes all of an escape but its last byte.
func (o *object) escape() bool {
	o.i++
	if o.i == len(o.b) {
		return false
	}
	switch o.b[o.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if o.i++; o.i == len(o.b) || !hex(o.b[o.i]) {
				return false
			}
		}
		return true
	}
	return false
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// skip takes any value.
func (o *object) skip(depth int) bool {
	if depth > maxDepth || o.i == len(o.b) {
		return false
	}
	switch o.b[o.i] {
	case '"':
		_, ok := o.text()
		return ok
	case '{':
		return o.nested('}', depth, true)
	case '[':
		return o.nested(']', depth, false)
	case 't':
		return o.word("true")
	case 'f':
		return o.word("false")
	case 'n':
		return o.word("null")
	}
	return o.number()
}

// nested takes an object or an array, at whose first bracket it is.
func (o *object) nested(closing byte, depth int, named bool) bool {
	o.i++
	if o.take(closing) {
		return true
	}
	for {
		o.space()
		if named {
			if _, ok := o.text(); !ok || !o.take(':') {
				return false
			}
			o.space()
		}
		if !o.skip(depth + 1) {
			return false
		}
		if o.take(closing) {
			return true
		}
		if !o.take(',') {
			return false
		}
	}
}

func (o *object) word(w string) bool {
	if len(o.b)-o.i < len(w) || string(o.b[o.i:o.i+len(w)]) != w {
		return false
	}
	o.i += len(w)
	return true
}

// number takes a number by the grammar of RFC 8259 section 6.
func (o *object) number() bool {
	o.any("-")
	if !o.any("0") && !o.digits() {
		return false
	}
	if o.any(".") && !o.digits() {
		return false
	}
	if o.any("eE") {
		o.any("+-")
		return o.digits()
	}
	return true
}

// any takes one byte of set if it comes next.
func (o *object) any(set string) bool {
	if o.i == len(o.b) {
		return false
	}
	for i := range len(set) {
		if o.b[o.i] == set[i] {
			o.i++
			return true
		}
	}
	return false
}

func (o *object) digits() bool {
	from := o.i
	for o.i < len(o.b) && '0' <= o.b[o.i] && o.b[o.i] <= '9' {
		o.i++
	}
	return o.i > from
}
