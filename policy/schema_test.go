package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestSchemaIsCurrent(t *testing.T) {
	want := buildSchema()
	if *update {
		if err := os.WriteFile(SchemaName, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(Schema, want) {
		t.Error("amana.schema.json is not what the tags say: run go generate ./policy")
	}
}

func TestSchemaAcceptsWholePolicies(t *testing.T) {
	schema := compiled(t)
	files, _ := filepath.Glob("../examples/*/amana.yaml")
	for _, name := range append(files, "testdata/whole.yaml") {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(plain(t, string(src))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		doc, found := Read(name, src)
		if len(found) > 0 {
			t.Fatalf("%s: %v", name, found)
		}
		if err := schema.Validate(plain(t, string(doc.Canonical))); err != nil {
			t.Errorf("canonical form of %s: %v", name, err)
		}
	}
}

func TestSchemaRefusesMistakes(t *testing.T) {
	schema := compiled(t)
	whole, err := os.ReadFile("testdata/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new string }{
		{"unknown key", "keep_from: collection", "keep_form: collection"},
		{"word", "basis: contract", "basis: contact"},
		{"duration", "keep: P2Y", "keep: two years"},
		{"missing key", "    basis: contract\n", ""},
		{"list for a map", "recipients:\n  mailer:", "recipients:\n - mailer:"},
		{"regime", "[us-me-9301]", "[us-me]"},
		{"number", "minimum_age: 16", "minimum_age: sixteen"},
		{"truth", "correctable: true", "correctable: yes"},
		{"language", "label: {en:", "label: {fr: x, en:"},
		{"e-mail", "email: privacy@northwind.example", "email: privacy"},
		{"preset answer", "confirm: double", "checked: true"},
		{"id", "  newsletter:", "  News:"},
		{"part missing", "programmes: []\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := strings.Replace(string(whole), c.old, c.new, 1)
			if src == string(whole) {
				t.Fatalf("testdata/whole.yaml no longer has %q", c.old)
			}
			if schema.Validate(plain(t, src)) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaName, doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile(SchemaName)
}

// plain reads YAML the way an editor does.
func plain(t *testing.T, src string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(src), &v); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	return v
}
