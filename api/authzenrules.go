package api

import (
	"encoding/json"
	"net/http"

	"github.com/amana-privacy/amana/interop"
	"github.com/amana-privacy/amana/strict"
)

// fixture answers the standard's questions by rules of a file, for its public
// scenarios. Of customers it knows nothing, so it asks for no token.
type fixture struct{ *interop.Rules }

func (f fixture) evaluate(_ *http.Request, e evaluation) (decided, error) {
	return decided{Decision: f.Allows(put(e))}, nil
}

func (f fixture) each(r *http.Request, defaults evaluation, questions []strict.Raw, _ *several) ([]decided, error) {
	out := make([]decided, len(questions))
	for i, raw := range questions {
		var e evaluation
		err := e.filledIn(&defaults, raw)
		if err == nil {
			out[i], err = f.evaluate(r, e)
		}
		if err != nil {
			if out[i], err = bad(err); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (f fixture) subjects(_ *http.Request, s search) (results, error) {
	return s.paged(entities(f.SubjectsOf(put(s.question()))))
}

func (f fixture) resources(_ http.ResponseWriter, _ *http.Request, s search) (results, error) {
	return s.paged(entities(f.ResourcesOf(put(s.question()))))
}

func (f fixture) actions(_ *http.Request, s search) (results, error) {
	var found []candidate
	s.Action = nil
	for _, name := range f.ActionsOf(put(s.question())) {
		found = append(found, candidate{name: name, result: action{Name: name}})
	}
	return s.paged(found)
}

func entities(list []interop.Entity) (found []candidate) {
	for _, e := range list {
		found = append(found, candidate{name: e.ID, result: entity{Type: e.Type, ID: e.ID}})
	}
	return found
}

// put turns an evaluation into a question of the rules.
func put(e evaluation) interop.Question {
	q := interop.Question{Subject: thing(e.Subject), Resource: thing(e.Resource)}
	if e.Action != nil {
		q.Action, q.Properties = e.Action.Name, open(e.Action.Properties)
	}
	return q
}

func thing(e *entity) interop.Entity {
	return interop.Entity{Type: e.Type, ID: e.ID, Properties: open(e.Properties)}
}

func open(properties strict.Object) map[string]any {
	var out map[string]any
	_ = json.Unmarshal([]byte(properties), &out) // it was read before
	return out
}
