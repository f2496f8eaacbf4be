package banner

import (
	"bytes"
	"regexp"
)

var (
	bare    = regexp.MustCompile(`"([a-z])":`)
	escaped = regexp.MustCompile(`\\u(003c|003e|0026)`)
)

// literal writes JSON as a shorter JavaScript literal: members of one letter
// need no quotation marks, and a script of its own may hold < > and &.
func literal(raw []byte) []byte {
	raw = escaped.ReplaceAllFunc(raw, func(m []byte) []byte {
		return map[string][]byte{`\u003c`: []byte("<"), `\u003e`: []byte(">"), `\u0026`: []byte("&")}[string(m)]
	})
	return bytes.TrimSpace(bare.ReplaceAll(raw, []byte("$1:")))
}
