package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// node is a part of the policy's JSON Schema.
type node struct {
	Description          string
	Type                 any
	Const                any
	Ref                  string `json:"$ref"`
	Enum                 []string
	Properties           map[string]node
	Required             []string
	Items                *node
	AdditionalProperties json.RawMessage
	PropertyNames        *node
	Maximum              int
}

// each gives the schema of a map's values; false where it is no map.
func (n node) each() (node, bool) {
	var e node
	return e, n.PropertyNames != nil && json.Unmarshal(n.AdditionalProperties, &e) == nil
}

// tables writes one table for each object, by its path: purposes.*.topics.*
func (n node) tables(path string, out map[string]string) {
	below := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	if e, ok := n.each(); ok {
		e.tables(below("*"), out)
	}
	if n.Items != nil {
		n.Items.tables(below("*"), out)
	}
	if len(n.Properties) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString("| key | form | what it says |\n|---|---|---|\n")
	names := slices.SortedFunc(maps.Keys(n.Properties), func(a, b string) int {
		if x, y := slices.Contains(n.Required, a), slices.Contains(n.Required, b); x != y {
			return map[bool]int{true: -1, false: 1}[x]
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		p := n.Properties[name]
		needed := ""
		if slices.Contains(n.Required, name) {
			needed = " \\*"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s |\n", name, needed, p.form(), requirement.ReplaceAllString(p.Description, ""))
		p.tables(below(name), out)
	}
	out[path] = b.String()
}

// requirement are the ids of requirements in brackets.
var requirement = regexp.MustCompile(` \([ABN]\d[^)]*\)`)

// form says in words what may stand there.
func (n node) form() string {
	if e, ok := n.each(); ok {
		if n.PropertyNames.Enum != nil {
			return "for each of " + oneOf(n.PropertyNames.Enum) + ": " + e.form()
		}
		return "a map, by ids of your own"
	}
	switch {
	case n.Items != nil && n.Items.Enum != nil && len(n.Items.Enum) > 10:
		return "a list of their ids"
	case n.Items != nil && n.Items.Enum != nil:
		return "a list of " + oneOf(n.Items.Enum)
	case n.Items != nil && n.Items.Properties != nil:
		return "a list"
	case n.Items != nil && n.Items.Ref == "" && n.Items.Type == "string":
		return "a list of ids"
	case n.Items != nil:
		return "a list of " + strings.TrimPrefix(n.Items.form(), "a ") + "s"
	case n.Enum != nil:
		return oneOf(n.Enum)
	case n.Const != nil:
		return fmt.Sprint("`", n.Const, "`")
	case n.Properties != nil:
		return "keys below"
	case n.Type == "boolean":
		return "`true` or `false`"
	case n.Type == "string":
		return "an id"
	case n.Ref != "":
		return map[string]string{"text": "a text", "name": "a name", "duration": "a length of time", "string": "a word"}[strings.TrimPrefix(n.Ref, "#/$defs/")]
	case n.Maximum > 0:
		return fmt.Sprint("a number up to ", n.Maximum)
	}
	return "a number"
}

func oneOf(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }
