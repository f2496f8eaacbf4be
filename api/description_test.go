package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// Update asks the tests to write what they would otherwise compare with.
var Update = flag.Bool("update", false, "write openapi.json and testdata/receipt.json")

// TestDescription holds openapi.json to the list of routes and to the shapes.
func TestDescription(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(document(t)); err != nil {
		t.Fatal(err)
	}
	if *Update {
		if err := os.WriteFile("openapi.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(b.Bytes(), description) {
		t.Error("openapi.json is not current: go test ./api -run TestDescription -update")
	}
}

func document(t *testing.T) object {
	s, paths := schemas{}, object{}
	described := operations(t)
	for _, rt := range routes() {
		if strings.HasPrefix(rt.path, "/problems/") || isAccess(rt.path) || isGate(rt.path) || strings.HasSuffix(rt.path, "/explain") { // the latter two are described by AuthZEN, and in docs/gateway.md; and what is for people
			continue
		}
		op, ok := described[rt.method+" "+rt.path]
		if !ok {
			t.Errorf("%s %s is not described", rt.method, rt.path)
		}
		delete(described, rt.method+" "+rt.path)
		if paths[rt.path] == nil {
			paths[rt.path] = object{}
		}
		paths[rt.path].(object)[strings.ToLower(rt.method)] = s.operation(rt, op)
	}
	for route := range described {
		t.Errorf("%s is described and does not exist", route)
	}
	paths["/problems/{kind}"] = problemPages()
	answers := object{}
	for _, k := range problems {
		answers[k.name] = s.problem(k)
	}
	return object{
		"openapi": "3.1.1",
		"info": object{
			"title": "Amana, the company door", "version": "1",
			"description": "For a company's own programs: record what people answered, ask before each use of their data, fetch receipts, read the policy. Identifiers travel in bodies, never in URLs. Times are UTC, RFC 3339. JSON is read strictly: an unknown member is an error, and every error names the member at fault.",
		},
		"servers":    []any{object{"url": "/", "description": "The company door, by default http://127.0.0.1:8081. It is never put on the Internet."}},
		"paths":      paths,
		"components": object{"schemas": s, "responses": answers, "headers": headers(), "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "bearerFormat": "amana_…", "description": "Made with amana token create; shown once. The roles beside an operation are the scopes a token needs; * is all of them."}}},
	}
}

func (s schemas) operation(rt route, op operation) object {
	out := object{"operationId": op.id, "summary": op.summary, "description": op.text, "responses": object{}, "security": []any{}}
	if rt.scope != "" {
		out["security"] = []any{object{"token": []string{rt.scope}}}
		out["description"] = op.text + " Scope: " + rt.scope + "."
	}
	if all := append(places(rt.path), op.parameters...); len(all) > 0 {
		out["parameters"] = all
	}
	if op.in != nil {
		out["requestBody"] = object{"required": true, "content": s.content(op.in, op.asked)}
	}
	sent := object{"X-Request-ID": object{"$ref": "#/components/headers/X-Request-ID"}}
	for _, name := range op.headers {
		sent[name] = object{"$ref": "#/components/headers/" + name}
	}
	answers := out["responses"].(object)
	answers[op.status] = object{"description": op.summary, "headers": sent}
	if op.out != nil {
		answers[op.status].(object)["content"] = s.content(op.out, op.answered)
	}
	if len(op.headers) > 0 && op.headers[0] == "ETag" {
		answers["304"] = object{"description": "Nothing is new.", "headers": sent}
	}
	for _, k := range op.problems {
		answers[strconv.Itoa(k.status)] = object{"$ref": "#/components/responses/" + k.name}
	}
	return out
}

// places are the parameters that stand in a path.
func places(path string) (out []object) {
	texts := map[string]string{"id": "The webhook's id.", "delivery": "The message's id."}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			out = append(out, object{"name": name, "in": "path", "required": true, "description": texts[name], "schema": object{"type": "string"}})
		}
	}
	return out
}

// content is a body of one of several shapes, with its examples.
func (s schemas) content(shapes []reflect.Type, list []example) object {
	alternatives := []any{}
	for _, t := range shapes {
		alternatives = append(alternatives, s.body(t))
	}
	media := object{"schema": object{"oneOf": alternatives}}
	if len(alternatives) == 1 {
		media["schema"] = alternatives[0]
	}
	examples := object{}
	for _, e := range list {
		examples[e.name] = object{"summary": e.summary, "value": e.value}
	}
	if len(examples) > 0 {
		media["examples"] = examples
	}
	return object{"application/json": media}
}

func (s schemas) body(t reflect.Type) object {
	out := s.ref(t)
	if t == reflect.TypeFor[[]question]() {
		out["maxItems"] = mostQuestions
	}
	return out
}

func (s schemas) problem(k *kind) object {
	sent := object{"X-Request-ID": object{"$ref": "#/components/headers/X-Request-ID"}}
	switch k {
	case noToken, denied:
		sent["WWW-Authenticate"] = object{"$ref": "#/components/headers/WWW-Authenticate"}
	case tooMany, busy:
		sent["Retry-After"] = object{"$ref": "#/components/headers/Retry-After"}
	}
	return object{"description": k.title + ". " + k.help, "headers": sent, "content": object{"application/problem+json": object{
		"schema": s.ref(reflect.TypeFor[problem]()), "example": of(k, "", strings.ToLower(k.title[:1])+k.title[1:])}}}
}

func headers() object {
	text := func(s string) object { return object{"description": s, "schema": object{"type": "string"}} }
	return object{
		"X-Request-ID":       text("Names the request in the server's log: the one you sent, if it was a plain word of at most 64 characters, or a new one."),
		"WWW-Authenticate":   text("Bearer, and what is wrong with the token (RFC 6750)."),
		"Retry-After":        text("In how many seconds to try again."),
		"ETag":               text("Changes when the body does."),
		"Preference-Applied": text("Which preferences were followed (RFC 7240)."),
	}
}

// problemPages describes the pages at which problems explain themselves.
func problemPages() object {
	names := []string{}
	for _, k := range problems {
		names = append(names, k.name)
	}
	return object{"get": object{
		"operationId": "explainProblem", "summary": "What a kind of problem means", "description": "The page behind the type of a problem, in plain text.", "security": []any{},
		"parameters": []object{{"name": "kind", "in": "path", "required": true, "description": "The end of the type.", "schema": object{"type": "string", "enum": names}}},
		"responses":  object{"200": object{"description": "The page.", "content": object{"text/plain": object{"schema": object{"type": "string"}}}}},
	}}
}
