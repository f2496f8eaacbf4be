// Package interop answers questions of the AuthZEN Authorization API by a small
// set of rules from a file, instead of by what customers said. It is there so
// that the standard's public scenarios can be put to a server unchanged, and
// for nothing else: a server that was given such a file says nothing about
// anybody's data on those paths.
package interop

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Entity is a subject or a resource; the values of its properties are those of
// JSON.
type Entity struct {
	Type       string         `yaml:"type"`
	ID         string         `yaml:"id"`
	Properties map[string]any `yaml:"properties"`
}

// Question is what is asked. What it brings of an entity's properties wins over
// what the file says of the same entity.
type Question struct {
	Subject    Entity
	Action     string
	Properties map[string]any // of the action
	Resource   Entity
}

// Rules is a set of rules and the entities it knows. It is only read, and safe
// for concurrent use.
type Rules struct {
	Subjects  []Entity `yaml:"subjects"`
	Resources []Entity `yaml:"resources"`
	Actions   []string `yaml:"actions"`
	Rules     []rule   `yaml:"rules"`
}

// rule permits what meets all of its conditions: by type, id and properties of
// the subject and the resource, and by the properties of the action.
type rule struct {
	Actions  []string   `yaml:"actions"`
	With     conditions `yaml:"with"`
	Subject  conditions `yaml:"subject"`
	Resource conditions `yaml:"resource"`
}

// conditions say what must stand where. A list is met by any of its values, and
// {subject: id} by what stands there at the subject.
type conditions = map[string]any

// Read reads a file of rules, YAML or JSON. An unknown key is an error.
func Read(src []byte) (*Rules, error) {
	var r Rules
	if err := yaml.Load(src, &r, yaml.WithKnownFields()); err != nil {
		return nil, err
	}
	for i, one := range r.Rules {
		if len(one.Actions) == 0 {
			return nil, fmt.Errorf("rules[%d] names no action", i)
		}
		for _, c := range []conditions{one.With, one.Subject, one.Resource} {
			if err := check(c); err != nil {
				return nil, fmt.Errorf("rules[%d]: %w", i, err)
			}
		}
	}
	return &r, nil
}

func check(c conditions) error {
	for name, want := range c {
		if m, ok := want.(map[string]any); ok && (len(m) != 1 || !isText(m["subject"]) && !isText(m["resource"])) {
			return fmt.Errorf("%s: a condition is a value, a list of values, or such as {subject: id}", name)
		}
	}
	return nil
}

func isText(v any) bool { _, ok := v.(string); return ok }

// Allows says whether some rule permits it.
func (r *Rules) Allows(q Question) bool {
	q.Subject, q.Resource = known(r.Subjects, q.Subject), known(r.Resources, q.Resource)
	return slices.ContainsFunc(r.Rules, func(one rule) bool {
		return slices.Contains(one.Actions, q.Action) && met(one.With, Entity{Properties: q.Properties}, q) &&
			met(one.Subject, q.Subject, q) && met(one.Resource, q.Resource, q)
	})
}

// known adds to an entity what the file says of it.
func known(list []Entity, e Entity) Entity {
	i := slices.IndexFunc(list, func(k Entity) bool { return k.Type == e.Type && k.ID == e.ID })
	if i < 0 {
		return e
	}
	all := map[string]any{}
	for _, from := range []Entity{list[i], e} {
		for name, v := range from.Properties {
			all[name] = v
		}
	}
	e.Properties = all
	return e
}

// SubjectsOf gives the known subjects of the question's type that may do it.
func (r *Rules) SubjectsOf(q Question) []Entity {
	return r.among(r.Subjects, q.Subject, func(e Entity) Question { q.Subject = e; return q })
}

// ResourcesOf gives the known resources of the question's type that it may be
// done with.
func (r *Rules) ResourcesOf(q Question) []Entity {
	return r.among(r.Resources, q.Resource, func(e Entity) Question { q.Resource = e; return q })
}

// among tries each known entity in the place of the one that is looked for.
func (r *Rules) among(list []Entity, like Entity, ask func(Entity) Question) []Entity {
	var out []Entity
	for _, e := range list {
		if e.Type == like.Type && r.Allows(ask(Entity{e.Type, e.ID, like.Properties})) {
			out = append(out, Entity{Type: e.Type, ID: e.ID})
		}
	}
	return out
}

// ActionsOf gives the known actions that are permitted, as they stand in the file.
func (r *Rules) ActionsOf(q Question) []string {
	var out []string
	for _, q.Action = range r.Actions {
		if r.Allows(q) {
			out = append(out, q.Action)
		}
	}
	return out
}

// met says whether everything an entity must have stands there.
func met(c conditions, e Entity, q Question) bool {
	for name, want := range c {
		if m, ok := want.(map[string]any); ok {
			want = q.at(m)
		}
		if !meets(e.at(name), want) {
			return false
		}
	}
	return true
}

// at gives what {subject: NAME} or {resource: NAME} refers to.
func (q Question) at(ref map[string]any) any {
	if name, ok := ref["subject"].(string); ok {
		return q.Subject.at(name)
	}
	return q.Resource.at(ref["resource"].(string))
}

// at gives the type, the id or a property; nil if there is none.
func (e Entity) at(name string) any {
	switch name {
	case "type":
		return e.Type
	case "id":
		return e.ID
	}
	return e.Properties[name]
}

// meets says whether one of what is there is one of what is wanted. What is not
// there meets nothing.
func meets(have, want any) bool {
	wanted := values(want)
	return slices.ContainsFunc(values(have), func(v any) bool { return slices.Contains(wanted, v) })
}

// values gives the single values of a value: texts, truths and numbers.
func values(v any) []any {
	switch v := v.(type) {
	case []any:
		var out []any
		for _, one := range v {
			out = append(out, values(one)...)
		}
		return out
	case int:
		return []any{float64(v)}
	case string, bool, float64:
		return []any{v}
	}
	return nil
}
