package banner

import (
	"bytes"
	_ "embed"
	"html/template"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

//go:embed questions.html
var questionsHTML string

// asked is a purpose as the questions show it.
type asked struct {
	notice.Purpose
	Heeds  bool   // a Global Privacy Control signal is a no to it
	Labels string // its data
	Shown  string // recipients inside its scope
	Own    []own  // recipients that need an answer of their own
	Stored []stored
}

type own struct{ ID, Name, Country string }

type stored struct{ Name, Why, Life string }

// questions writes the first layer and the dialog.
func questions(v *policy.Version, w *lang.Words, name string) (string, error) {
	t, err := template.New("").Funcs(template.FuncMap{"T": w.T}).Parse(strings.TrimSpace(questionsHTML))
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	all := everything(v, w)
	err = t.ExecuteTemplate(&b, name, struct {
		Asked []asked
		Heeds bool
	}{all, slices.ContainsFunc(all, func(a asked) bool { return a.Heeds })})
	return b.String(), err
}

// everything gives what is asked of a browser, in the order of the switches.
func everything(v *policy.Version, w *lang.Words) []asked {
	var list []asked
	for _, p := range notice.Of(v, w).Asked {
		if slices.Contains(v.Policy.Purposes[p.ID].Acts(), subject.Device) {
			list = append(list, ask(v, w, p))
		}
	}
	return list
}

func ask(v *policy.Version, w *lang.Words, p notice.Purpose) asked {
	a := asked{Purpose: p, Heeds: v.Policy.Purposes[p.ID].HeedsSignal()}
	var labels, shown []string
	for _, d := range p.Data {
		labels = append(labels, d.Label)
	}
	for _, r := range p.Recipients {
		if r.Own {
			a.Own = append(a.Own, own{p.ID + "/" + r.ID, r.Name, r.Country})
		} else {
			shown = append(shown, r.Name+", "+r.Country)
		}
	}
	a.Labels, a.Shown = strings.Join(labels, "; "), strings.Join(shown, "; ")
	for _, s := range v.Policy.Storage {
		if s.Purpose != p.ID {
			continue
		}
		item := stored{Name: s.Name, Why: say(v, w, s.Why)}
		if s.Lifetime.Said {
			item.Life = w.Duration(s.Lifetime.Months, s.Lifetime.Seconds)
		}
		a.Stored = append(a.Stored, item)
	}
	return a
}

// say gives a text in the language, else in the version's master.
func say(v *policy.Version, w *lang.Words, t policy.Text) string {
	if s := t.In(w.Tag); s != "" {
		return s
	}
	return t.In(v.Policy.Master())
}
