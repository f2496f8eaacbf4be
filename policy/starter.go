package policy

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed starter
var starters embed.FS

// Starter gives a commented policy to begin with, in the language of its
// comments and master texts ("ar" or "en"). A name, where one is given, is
// filled in; what else the author has to say stands between ‹ and ›, which
// lint refuses. Any other language, and a name that no policy may carry, is
// an error.
func Starter(language, name string) ([]byte, error) {
	src, err := starters.ReadFile("starter/" + language + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no starter in %q: en or ar", language)
	}
	if name == "" {
		return src, nil
	}
	if strings.TrimSpace(name) == "" || len(name) > 200 || strings.ContainsAny(name, "‹›\n\t") || strings.ContainsFunc(name, forbidden) {
		return nil, fmt.Errorf("%s cannot be the name of a company", quoted(name))
	}
	quotedName, err := json.Marshal(strings.ToValidUTF8(name, ""))
	if err != nil {
		return nil, err
	}
	key := "\n  name: "
	before, rest, _ := strings.Cut(string(src), key)
	_, after, _ := strings.Cut(rest, "\n")
	return []byte(before + key + string(quotedName) + "\n" + after), nil
}
