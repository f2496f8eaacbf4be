package lang

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed en.json ar.json countries.json
var files embed.FS

// text is one entry of a catalogue: in a text without plural forms only other
// is set.
type text struct {
	forms  [forms]string
	plural bool
}

// UnmarshalJSON reads a string, or an object of plural forms.
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &t.forms[other])
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	t.plural = true
	for f, name := range formNames {
		t.forms[f] = m[name]
		delete(m, name)
	}
	for name := range m {
		return fmt.Errorf("%q is no plural form", name)
	}
	return nil
}

// in gives the words of a form.
func (t text) in(f form) string {
	if s := t.forms[f]; s != "" {
		return s
	}
	return t.forms[other]
}

// mustLoad reads an embedded file: a broken one is a broken build.
func mustLoad[V any](name string) map[string]V {
	raw, err := files.ReadFile(name)
	m := map[string]V{}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		panic("lang: " + name + ": " + err.Error())
	}
	return m
}
