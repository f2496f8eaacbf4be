package banner

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"slices"

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
	Heeds  bool          // a Global Privacy Control signal is a no to it
	Labels template.HTML // its data
	Own    []own         // recipients that need an answer of their own
	Stored []stored
}

type own struct{ ID, Name string }

type stored struct{ Name, Why, Life string }

// texts are the pieces of HTML that a script carries or fetches.
type texts struct {
	parts   string   // the questions, what stands in the place of something that waits, the way back
	details []string // by purpose, in the order of the questions
}

// write fills the templates.
func write(w *lang.Words, list []asked) (texts, error) {
	t, err := template.New("").Funcs(template.FuncMap{"T": w.T, "lang": func() string { return w.Tag }, "dir": w.Dir}).Parse(questionsHTML)
	if err != nil {
		return texts{}, err
	}
	var out texts
	fill := func(name string, data any) string {
		var b bytes.Buffer
		err = errors.Join(err, t.ExecuteTemplate(&b, name, data))
		return b.String()
	}
	heeds := slices.ContainsFunc(list, func(a asked) bool { return a.Heeds })
	out.parts = fill("questions", struct {
		Asked []asked
		Heeds bool
	}{list, heeds}) + fill("held", nil) + fill("way", nil)
	for _, a := range list {
		out.details = append(out.details, fill("details", a))
	}
	return out, err
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
	var labels []string
	for _, d := range p.Data {
		labels = append(labels, d.Label)
	}
	for _, r := range p.Recipients {
		if r.Own {
			a.Own = append(a.Own, own{p.ID + "/" + r.ID, r.Name})
		}
	}
	a.Labels = w.Names(labels)
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
