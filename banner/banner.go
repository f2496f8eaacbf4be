// Package banner compiles what the company's own sites load: one script with
// the questions of the policy in force in the visitor's language, and nothing
// that is not in the policy.
//
// The script is written in TypeScript (src), built by a module of its own
// (build) and embedded here as it was built. Compiling is pure: the same
// version, language and visitor give the same bytes.
package banner

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"github.com/amana-privacy/amana/lang"
)

//go:generate go -C build run .

// The built parts: blocks, but for far, which is a module. Each reads its settings
// as $C.x (src/config.d.ts).
var (
	//go:embed built/full.js
	fullJS string
	//go:embed built/gate.js
	gateJS string
	//go:embed built/far.js
	farJS string
	//go:embed built/static.js
	staticJS string
	//go:embed built/refused.js
	refusedJS string
	//go:embed built/style.css
	styleCSS string
)

// File is something that never changes under its address.
type File struct {
	Name string // its address below /amana/, of its bytes
	Type string
	Body []byte
}

// What scripts are served as. In windows-1256 an Arabic letter is one byte, in
// UTF-8 it is two; what it lacks a script can write as an escape.
const (
	javaScript       = "text/javascript; charset=utf-8"
	arabicJavaScript = "text/javascript; charset=windows-1256"
)

func scriptType(w *lang.Words) string {
	if w.Tag == "ar" {
		return arabicJavaScript
	}
	return javaScript
}

// encode writes a script that is no module as its type says.
func encode(kind string, script []byte) []byte {
	if kind != arabicJavaScript {
		return script
	}
	var out []byte
	for _, r := range string(script) {
		if b, ok := charmap.Windows1256.EncodeRune(r); ok {
			out = append(out, b)
		} else {
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
	}
	return out
}

func fileOf(kind, extension string, body []byte) File {
	sum := sha256.Sum256(body)
	return File{hex.EncodeToString(sum[:4]) + extension, kind, body}
}

// Path gives the address of the file at the door.
func (f File) Path() string { return "/amana/" + f.Name }

// settings are what a part reads as $C; src/config.d.ts says what each is.
type settings struct {
	V string            `json:"v,omitempty"`
	L string            `json:"l,omitempty"`
	B string            `json:"b,omitempty"`
	G any               `json:"g,omitempty"` // []string, where there is an answer
	H any               `json:"h,omitempty"`
	Q int               `json:"q,omitempty"`
	P int               `json:"p,omitempty"`
	Z int               `json:"z,omitempty"`
	M map[string]string `json:"m,omitempty"`
	N map[string]string `json:"n,omitempty"`
	K string            `json:"k,omitempty"`
	U string            `json:"u,omitempty"`
	D string            `json:"d,omitempty"`
	T string            `json:"t,omitempty"`
	S map[string]string `json:"s,omitempty"`
	E string            `json:"e,omitempty"`
	C string            `json:"c,omitempty"`
}

var setting = regexp.MustCompile(`\$C\.([a-z])\b`)

// with gives a part its settings: each in the place where it is read, or under a
// name of its own where that is more than one; 0 where there is none.
func with(s settings, part string) []byte {
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal(plain(s), &values); err != nil {
		panic("banner: settings are no object: " + err.Error())
	}
	var names []string
	part = setting.ReplaceAllStringFunc(part, func(place string) string {
		id := place[len("$C."):]
		switch n := strings.Count(part, place); {
		case values[id] == nil:
			return "0"
		case n == 1:
			return string(literal(values[id]))
		case !slices.Contains(names, id):
			names = append(names, id)
		}
		return "$" + id
	})
	if len(names) == 0 {
		return []byte(part)
	}
	for i, id := range names {
		names[i] = "$" + id + "=" + string(literal(values[id]))
	}
	let := "let " + strings.Join(names, ",")
	inner, block := strings.CutPrefix(part, "{")
	rest, more := strings.CutPrefix(inner, "let ")
	return []byte(map[bool]string{true: "{"}[block] + let + map[bool]string{true: ",", false: ";"}[more] + rest)
}

// literal writes plain values as a JavaScript literal.
func literal(v any) []byte { return bare(plain(v)) }

// plain writes JSON. A script that is no part of a page may hold < > and &.
func plain(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("banner: a plain value does not marshal: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}

var member = regexp.MustCompile(`"([a-z]\w*)":`)

// bare takes the quotation marks off members that are names, and off nothing
// inside a text: JavaScript needs them no more than the bytes they take.
func bare(raw []byte) []byte {
	var out []byte
	for i := 0; i < len(raw); i++ {
		if raw[i] != '"' {
			out = append(out, raw[i])
			continue
		}
		end := i + 1
		for ; raw[end] != '"'; end++ {
			if raw[end] == '\\' {
				end++
			}
		}
		text := raw[i : end+1]
		if m := member.FindSubmatch(append(bytes.Clone(text), next(raw, end+1))); m != nil && len(m[0]) == len(text)+1 {
			text = m[1]
		}
		out, i = append(out, text...), end
	}
	return out
}

func next(raw []byte, i int) byte {
	if i < len(raw) {
		return raw[i]
	}
	return 0
}
