package api

import (
	"encoding/json"
	"net/http"

	"github.com/amana-privacy/amana/interop"
)

// fixture answers the standard's questions by rules of a file, for its public
// scenarios. Of customers it knows nothing, so it asks for no token.
type fixture struct{ *interop.Rules }

func (f fixture) evaluate(_ *http.Request, e evaluation) (decided, error) {
	return decided{Decision: f.Allows(put(e))}, nil
}

func (f fixture) subjects(_ *http.Request, s search) (results, error) {
	return s.paged(entities(f.SubjectsOf(put(s.evaluation))))
}

func (f fixture) resources(_ http.ResponseWriter, _ *http.Request, s search) (results, error) {
	return s.paged(entities(f.ResourcesOf(put(s.evaluation))))
}

func (f fixture) actions(_ *http.Request, s search) (results, error) {
	var found []candidate
	s.Action = nil
	for _, name := range f.ActionsOf(put(s.evaluation)) {
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

func open(properties map[string]json.RawMessage) map[string]any {
	out := map[string]any{}
	for name, raw := range properties {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			out[name] = v
		}
	}
	return out
}
