package banner

import (
	"bytes"
	_ "embed"
	"html/template"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

//go:embed form.html
var formHTML string

// Form gives the questions as a form, for browsers without script: a piece of
// HTML for the company's own pages. door is the address of the public door.
// Sent, it leads back to the page it came from, as far as the browser tells.
func Form(v *policy.Version, w *lang.Words, door string) ([]byte, error) {
	t, err := template.New("").Funcs(template.FuncMap{"T": w.T}).Parse(formHTML)
	if err != nil {
		return nil, err
	}
	list := everything(v, w)
	if len(list) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	err = t.Execute(&b, struct {
		Lang, Dir, Door string
		Version         policy.VersionID
		Asked           []asked
	}{w.Tag, w.Dir(), door, v.ID, list})
	return b.Bytes(), err
}
