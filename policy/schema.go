package policy

import (
	_ "embed"
	"encoding/json"
	"strings"

	"github.com/amana-privacy/amana/regime"
)

//go:generate go test . -run TestSchemaIsCurrent -update

// Schema is the JSON Schema (2020-12) of the policy file, for editors. It is
// looser than the reader: it knows nothing of references, of the languages a
// file declares, or of the charter.
//
//go:embed amana.schema.json
var Schema []byte

// SchemaName is the name under which the schema is written beside a policy.
const SchemaName = "amana.schema.json"

type object = map[string]any

// buildSchema derives the schema from the tags of the language.
func buildSchema() []byte {
	s := root().schema()
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", "amana.yaml: a privacy policy that runs"
	translations := object{}
	for _, l := range programLanguages() {
		translations[l] = object{"$ref": "#/$defs/string", "description": languageName(l)}
	}
	s["$defs"] = object{
		"string":   object{"type": []string{"string", "number", "boolean"}, "minLength": 1},
		"text":     object{"type": "object", "properties": translations, "additionalProperties": false, "minProperties": 1},
		"name":     object{"anyOf": []any{object{"$ref": "#/$defs/string"}, object{"$ref": "#/$defs/text"}}},
		"duration": object{"type": "string", "minLength": 3, "pattern": strings.ReplaceAll(iso8601.String(), `\d`, "[0-9٠-٩۰-۹]"), "description": "ISO 8601: P2Y, P6M, P30D, PT48H"},
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("policy: the schema does not marshal: " + err.Error())
	}
	return append(raw, '\n')
}

func (s *shape) schema() object {
	switch s.kind {
	case kindObject:
		return s.objectSchema()
	case kindMap:
		names := object{"pattern": idForm.String()}
		if s.keys != nil {
			names = object{"enum": s.keys}
		}
		return object{"type": "object", "propertyNames": names, "additionalProperties": s.elem.schema()}
	case kindList:
		o := object{"type": "array", "items": s.elem.schema()}
		if s.elem.kind == kindString {
			o["uniqueItems"] = true
		}
		return o
	case kindText:
		if s.plain {
			return object{"$ref": "#/$defs/name"}
		}
		return object{"$ref": "#/$defs/text"}
	case kindDuration:
		return object{"$ref": "#/$defs/duration"}
	}
	return s.scalarSchema()
}

func (s *shape) objectSchema() object {
	properties, required := object{}, []string{}
	for _, f := range s.fields {
		p := f.schema()
		if f.doc != "" {
			p["description"] = f.doc
		}
		if f.key == "amana" {
			p = object{"const": 1, "description": f.doc}
		}
		properties[f.key] = p
		if f.required {
			required = append(required, f.key)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func (s *shape) scalarSchema() object {
	switch {
	case s.kind == kindBool:
		return object{"type": "boolean"}
	case s.kind == kindInt: // 1_000 is a string to YAML 1.2, and a number to us
		o := object{"type": []string{"integer", "string"}, "minimum": 0, "pattern": "^[0-9٠-٩۰-۹]+(_[0-9٠-٩۰-۹]+)*$"}
		if s.max > 0 {
			o["maximum"] = s.max
		}
		return o
	case s.enum != nil:
		return object{"enum": s.enum}
	case s.ref == "regime":
		return object{"enum": regime.IDs()}
	case s.ref != "":
		return object{"type": "string", "pattern": idForm.String()}
	}
	o := object{"$ref": "#/$defs/string"}
	if f, ok := forms[s.form]; ok && f.pattern != "" {
		o["pattern"] = f.pattern
	}
	return o
}
