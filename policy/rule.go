package policy

import "strings"

// parts maps every top-level key to the requirement it answers. The ten parts
// of a policy are A2 to A11.
var parts = map[string]string{
	"security": "A2", "access": "A3", "purposes": "A4", "confirm": "A5", "recipients": "A6",
	"requests": "A7", "storage": "A8", "programmes": "A9", "children": "A10", "changes": "A11",
	"organization": "A13", "inquiries": "A14", "data": "B2",
}

// ruleOf gives the requirement a path belongs to, A1 where it is none of its own.
func ruleOf(path string) string {
	top := path
	if i := strings.IndexAny(path, ".["); i >= 0 {
		top = path[:i]
	}
	if rule, ok := parts[top]; ok {
		return rule
	}
	return "A1"
}
