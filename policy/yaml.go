package policy

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxDepth is how deep a file may nest; the language needs six.
const maxDepth = 40

// parse reads the one document of a file into nodes, or says why it cannot.
func parse(src []byte) (*yaml.Node, *Finding) {
	loader, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, syntax(err)
	}
	var doc, more yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF), err == nil && len(doc.Content) == 0:
		return nil, &Finding{Line: 1, Col: 1, Rule: RuleYAML, Message: "the file is empty", Hint: "amana init writes a start"}
	case err != nil:
		return nil, syntax(err)
	}
	switch err := loader.Load(&more); {
	case err == nil:
		return nil, &Finding{Line: max(1, more.Line), Col: max(1, more.Column), Rule: RuleYAML, Message: "a second document begins here", Hint: "a policy is one document: leave out ---"}
	case !errors.Is(err, io.EOF):
		return nil, syntax(err)
	}
	return doc.Content[0], nil
}

// syntax turns an error of the YAML reader into a finding. For what was opened
// and never closed the place is where it was opened.
func syntax(err error) *Finding {
	f := &Finding{Line: 1, Col: 1, Rule: RuleYAML, Message: "this is not YAML: " + err.Error()}
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return f
	}
	mark := le.Mark
	if le.ContextMark.Line > 0 && unclosed(le) {
		mark = le.ContextMark
	}
	f.Line, f.Col = max(1, mark.Line), max(1, mark.Column)
	f.Message = "this is not YAML: " + strings.TrimSpace(strings.TrimSuffix(le.ContextMsg+": "+le.Message, ": "))
	f.Message = strings.Replace(f.Message, ": : ", ": ", 1)
	f.Hint = syntaxHint(le)
	return f
}

func unclosed(le *yaml.LoadError) bool {
	return strings.Contains(le.Message, "unexpected end of stream") || strings.Contains(le.ContextMsg, "flow")
}

func syntaxHint(le *yaml.LoadError) string {
	for _, h := range []struct{ part, hint string }{
		{"mapping values are not allowed", "check the indentation, and put a text that contains \": \" in quotes"},
		{"cannot start any token", "a line is indented with spaces, not tabs, and a text that begins with @ ` or % needs quotes"},
		{"expected ',' or", "a { or [ that was opened here is not closed"},
		{"unexpected end of stream", "a quote that was opened here is not closed"},
		{"did not find expected key", "check the indentation of this line and the one above"},
		{"expected '-' indicator", "check the indentation of this line and the one above"},
		{"unknown anchor", "the language has no aliases; put a text that begins with * in quotes"},
		{"max depth", "a policy nests at most six deep"},
	} {
		if strings.Contains(le.Message, h.part) {
			return h.hint
		}
	}
	return ""
}
