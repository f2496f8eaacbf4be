package policy

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/gowebpki/jcs"
	"go.yaml.in/yaml/v4"
)

// Read reads a policy file strictly. Every error of the file is found in one
// run, sorted by position; with any finding the document is nil. Parts that
// the whole lacks are left to Lint, so that an unfinished policy can be read;
// only amana and languages must stand. name is used in findings alone.
// Read never panics and reads at most 1 MiB.
func Read(name string, src []byte) (*Document, []Finding) {
	doc, found := read(name, src)
	if len(found) > 0 {
		return nil, found
	}
	return doc, nil
}

// Check reads a policy file and lints it in one run: what Read and Lint find,
// sorted by position. With any finding the document is nil.
func Check(name string, src []byte) (*Document, []Finding) {
	doc, found := read(name, src)
	if doc != nil {
		found = sorted(append(found, lint(doc, found)...))
	}
	if len(found) > 0 {
		return nil, found
	}
	return doc, nil
}

// FromCanonical reads the canonical bytes of a version that was published.
func FromCanonical(canonical []byte) (*Policy, error) {
	node, bad := parse(canonical)
	if bad != nil {
		bad.File = "policy"
		return nil, fmt.Errorf("read a stored policy: %s", bad)
	}
	r := newReader("policy", node)
	doc := r.document(node)
	if found := r.all(); len(found) > 0 {
		return nil, fmt.Errorf("read a stored policy: %s", found[0])
	}
	return doc.Policy, nil
}

// read gives findings, and a document as far as the file could be read: nil
// if not at all, without canonical form where there are findings.
func read(name string, src []byte) (*Document, []Finding) {
	if len(src) > maxSource {
		return nil, []Finding{{File: name, Line: 1, Col: 1, Rule: RuleYAML, Message: "the file is larger than 1 MiB"}}
	}
	clean, bad := screen(src)
	node, broken := parse(clean)
	if broken != nil {
		r := reader{file: name, found: append(bad, *broken)}
		return nil, r.all()
	}
	r := newReader(name, node)
	r.found = bad
	doc := r.document(node)
	found := r.all()
	if len(found) == 0 {
		doc.Canonical = canonical(r.tree)
		doc.ID = IDOf(doc.Canonical)
	}
	return doc, found
}

func (r *reader) document(node *yaml.Node) *Document {
	r.tree, _ = r.value(node, root(), "", reflect.ValueOf(&r.policy).Elem())
	r.references()
	r.tallied()
	return &Document{Name: r.file, Policy: &r.policy, places: r.places, leaves: r.leaves, absent: r.absent, excused: r.excused}
}

// canonical gives the RFC 8785 form of a tree of the file's own keys.
func canonical(tree any) []byte {
	raw, err := json.Marshal(tree)
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		panic("policy: a plain tree does not marshal: " + err.Error())
	}
	return raw
}
