package banner

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/policy"
)

//go:embed amana.d.ts
var declarations string

// Types gives the TypeScript declarations of window.amana with the policy's own
// switches as a union type: what is not in the policy does not compile.
func Types(p *policy.Policy) []byte {
	list := []string{}
	for _, k := range cookie.Switches(p) {
		list = append(list, strconv.Quote(Value(k)))
	}
	union := strings.Join(list, " | ")
	if union == "" {
		union = "never"
	}
	return []byte(strings.Replace(declarations, "type Purpose = string", "type Purpose = "+union, 1))
}
