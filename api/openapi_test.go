package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// described is openapi.json, with every object closed: an answer may have no
// member that the document does not tell.
type described struct {
	t    testing.TB
	root map[string]any
	c    *jsonschema.Compiler
}

func readDescription(t testing.TB) *described {
	t.Helper()
	raw, err := os.ReadFile("openapi.json")
	must(t, err)
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	must(t, err)
	d := &described{t, root.(map[string]any), jsonschema.NewCompiler()}
	for _, s := range d.at("components", "schemas") {
		if o := s.(map[string]any); o["properties"] != nil {
			o["additionalProperties"] = false
		}
	}
	d.c.AssertFormat()
	must(t, d.c.AddResource("https://cascofiber.example/openapi.json", root))
	return d
}

func (d *described) at(path ...string) map[string]any {
	d.t.Helper()
	o := d.root
	for _, p := range path {
		next, ok := o[p].(map[string]any)
		if !ok {
			d.t.Fatalf("there is no %s in %s", p, strings.Join(path, " "))
		}
		o = next
	}
	return o
}

// holds validates a body against the schema at a path of the document.
func (d *described) holds(body []byte, path ...string) error {
	d.t.Helper()
	for i, p := range path {
		path[i] = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(p)
	}
	schema, err := d.c.Compile("https://cascofiber.example/openapi.json#/" + strings.Join(path, "/"))
	must(d.t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// answerHolds validates an answer against what the document says of its route and status.
func (d *described) answerHolds(method, path string, a answer) {
	d.t.Helper()
	responses := d.at("paths", path, strings.ToLower(method), "responses")
	said, ok := responses[fmt.Sprint(a.status)].(map[string]any)
	if !ok {
		d.t.Errorf("%s %s: %d is not described: %s", method, path, a.status, a.body)
		return
	}
	at := []string{"paths", path, strings.ToLower(method), "responses", fmt.Sprint(a.status)}
	if ref, ok := said["$ref"].(string); ok {
		at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	}
	if a.status == 304 {
		return
	}
	kind := a.header.Get("Content-Type")
	if err := d.holds(a.body, append(at, "content", kind, "schema")...); err != nil {
		d.t.Errorf("%s %s: %v\n%s", method, path, err, a.body)
	}
	for name := range d.at(append(slices.Clone(at), "headers")...) {
		if a.header.Get(name) == "" && name != "Preference-Applied" {
			d.t.Errorf("%s %s %d: no %s", method, path, a.status, name)
		}
	}
}

// examples gives the values of the examples of a body.
func examples(media map[string]any) map[string][]byte {
	out := map[string][]byte{}
	list, _ := media["examples"].(map[string]any)
	for name, e := range list {
		out[name], _ = json.Marshal(e.(map[string]any)["value"])
	}
	return out
}

var someVersion = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

const someReceipt = "7d444840-9dc0-41d1-b245-5ffdce74fad2"

// someRequest is the request that examples name; each that is sent has one of its own.
const someRequest = "07000000-000c-8d44-8840-9dc041d1b245"

// demanded gives the id of a request that was just made.
func (w *world) demanded() string {
	w.t.Helper()
	r, _, err := w.db.Ask(w.t.Context(), store.Ask{Subjects: []subject.ID{"email:sara@example.com"}, Kind: request.Complaint, Demand: request.Demand{Text: "late"}})
	must(w.t, err)
	return r.ID
}

// Every example of a request is sent to a real door, and what comes back is as
// described; so are the examples of answers.
func TestExamplesAreTrue(t *testing.T) {
	w, d := newWorld(t), readDescription(t)
	hook, message := w.hooked()
	id := into[receipts](t, w.post(201, "/v1/consents", saraTexts)).Receipts[0].ID
	there := strings.NewReplacer("{id}", hook, "{delivery}", message)
	sent := 0
	for path, methods := range d.at("paths") {
		for method, op := range methods.(map[string]any) {
			at := []string{"paths", path, method, "responses"}
			for status := range op.(map[string]any)["responses"].(map[string]any) {
				if status != "200" && status != "201" || path == "/problems/{kind}" || path == "/v1/snapshot" { // 204 has no body, a snapshot is no JSON
					continue
				}
				content := append(slices.Clone(at), status, "content", "application/json")
				for name, body := range examples(d.at(content...)) {
					if err := d.holds(body, append(slices.Clone(content), "schema")...); err != nil {
						t.Errorf("%s, answer %s: %v", path, name, err)
					}
				}
			}
			if _, asks := op.(map[string]any)["requestBody"]; !asks {
				if path != "/problems/{kind}" && path != "/v1/snapshot" && method != "delete" {
					d.answerHolds(strings.ToUpper(method), path, w.do(strings.ToUpper(method), there.Replace(path), ""))
				}
				continue
			}
			content := []string{"paths", path, method, "requestBody", "content", "application/json"}
			for name, body := range examples(d.at(content...)) {
				if err := d.holds(body, append(slices.Clone(content), "schema")...); err != nil {
					t.Errorf("%s, request %s: %v", path, name, err)
				}
				text := someVersion.ReplaceAllString(strings.ReplaceAll(string(body), someReceipt, id), string(w.db.InForce().ID))
				if strings.Contains(text, someRequest) {
					text = strings.ReplaceAll(text, someRequest, w.demanded())
				}
				a := w.do(strings.ToUpper(method), there.Replace(path), text)
				if a.status >= 300 {
					t.Errorf("%s, request %s: %d %s", path, name, a.status, a.body)
				}
				d.answerHolds(strings.ToUpper(method), path, a)
				sent++
			}
		}
	}
	if sent < 9 {
		t.Errorf("only %d examples", sent)
	}
}

// The answers that examples do not lead to.
func TestProblemsAreAsDescribed(t *testing.T) {
	w, d := newWorld(t), readDescription(t)
	for _, path := range []string{"/v1/consents", "/v1/decide", "/v1/receipts/get", "/v1/webhooks"} {
		none := w.newToken("feed")
		for _, a := range []answer{
			w.post(401, path, "{}", "Authorization:"), w.post(403, path, "{}", "Authorization: Bearer "+none),
			w.post(400, path, "{"), w.post(415, path, "{}", "Content-Type: text/plain"), w.post(422, path, `{"a":1,"b":2}`),
			w.post(413, path, strings.Repeat(" ", 1<<20+1)),
		} {
			d.answerHolds("POST", path, a)
		}
	}
	d.answerHolds("POST", "/v1/receipts/get", w.post(404, "/v1/receipts/get", `{"ids":["x"]}`))
	d.answerHolds("POST", "/v1/consents", w.post(201, "/v1/consents", saraTexts, "Prefer: return=minimal"))
	d.answerHolds("GET", "/v1/policies", w.do("GET", "/v1/policies?limit=0", ""))
	d.answerHolds("GET", "/v1/policies", w.do("GET", "/v1/policies", "", "Authorization:"))
	empty := emptyWorld(t)
	empty.token = empty.newToken("*")
	d.answerHolds("GET", "/readyz", empty.do("GET", "/readyz", ""))
	d.answerHolds("GET", "/v1/policies", empty.do("GET", "/v1/policies", ""))
	d.answerHolds("POST", "/v1/decide", empty.post(409, "/v1/decide", `{"subject":"customer:1","purpose":"x"}`))
}

// What the document calls a request, the door reads, and nothing else: each
// example is bent in many ways, and both must judge alike.
func TestDescriptionAndReaderAgree(t *testing.T) {
	w, d := newWorld(t), readDescription(t)
	const words = "is missing|there is no such member|must be |must not be empty|must have|name either"
	shape := regexp.MustCompile(words)
	judged := map[bool]int{}
	for _, path := range []string{"/v1/consents", "/v1/decide", "/v1/receipts/get"} {
		content := []string{"paths", path, "post", "requestBody", "content", "application/json"}
		for _, body := range examples(d.at(content...)) {
			var value any
			must(t, json.Unmarshal(body, &value))
			for _, bentValue := range bent(value) {
				doc, err := json.Marshal(bentValue)
				must(t, err)
				fits := d.holds(doc, append(slices.Clone(content), "schema")...) == nil
				a := w.do("POST", path, string(doc))
				p := problem{}
				_ = json.Unmarshal(a.body, &p)
				read := a.status != 422 || !shape.MatchString(p.Detail)
				if fits != read {
					t.Errorf("%s %s: by the document %v, by the door %d %s", path, doc, fits, a.status, a.body)
				}
				judged[fits]++
			}
		}
	}
	if judged[true] < 20 || judged[false] < 100 {
		t.Errorf("judged only %v", judged)
	}
}

// bent gives a value with one thing changed, in every place.
func bent(v any) []any {
	out := []any{nil, true, 1.5, "", "given", []any{}, map[string]any{}}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			without := maps.Clone(v)
			delete(without, key)
			out = append(out, without)
			for _, inner := range bent(v[key]) {
				with := maps.Clone(v)
				with[key] = inner
				out = append(out, with)
			}
		}
		more := maps.Clone(v)
		more["more"] = 1
		out = append(out, more)
	case []any:
		for i := range v {
			for _, inner := range bent(v[i]) {
				with := slices.Clone(v)
				with[i] = inner
				out = append(out, with)
			}
		}
	}
	return out
}

// The receipt that stands in the document is one that verifies.
func TestReceiptExample(t *testing.T) {
	const file = "testdata/receipt.json"
	if *api.Update {
		w := newWorld(t)
		w.post(201, "/v1/consents", `{"subject":"customer:7","choices":[{"purpose":"coverage_study","decision":"refused"}]}`)
		var made struct{ Receipts []json.RawMessage }
		must(t, json.Unmarshal(w.post(201, "/v1/consents", `{"subject":"email:sara@example.com","choices":[{"purpose":"newsletter","decision":"given","topics":["works"]}],"policy":"`+string(w.db.InForce().ID)+`","surface":"api"}`).body, &made))
		must(t, os.WriteFile(file, append(made.Receipts[0], '\n'), 0o644))
	}
	raw, err := os.ReadFile(file)
	must(t, err)
	var r receipt.Receipt
	must(t, json.Unmarshal(raw, &r))
	if v, err := receipt.Verify(raw, r.Signers[0].Key); err != nil || v.Outcome != receipt.Valid {
		t.Errorf("%s %s %v", v.Outcome, v.Detail, err)
	}
}

func TestDescriptionIsServed(t *testing.T) {
	w := newWorld(t)
	raw, err := os.ReadFile("openapi.json")
	must(t, err)
	a := w.do("GET", "/openapi.json", "", "Authorization:")
	if a.status != 200 || !bytes.Equal(a.body, raw) || a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if again := w.do("GET", "/openapi.json", "", "If-None-Match: "+a.header.Get("ETag")); again.status != 304 {
		t.Errorf("%d", again.status)
	}
}
