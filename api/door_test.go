package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/policy"
)

func TestTokenComesBeforeEverything(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ method, path string }{
		{"GET", "/v1/policies"}, {"POST", "/v1/decide"}, {"POST", "/v1/nothing"}, {"GET", "/"}, {"DELETE", "/v1/policies"}, {"OPTIONS", "/v1/decide"},
		{"GET", "/v1//policies"}, {"GET", "/v1/policies/"}, {"GET", "/problems/none"},
	} {
		for header, challenge := range map[string]string{
			"Authorization:":                         `Bearer realm="amana"`,
			"Authorization: Basic YTpi":              `Bearer realm="amana", error="invalid_token"`,
			"Authorization: Bearer amana_wrong":      `Bearer realm="amana", error="invalid_token"`,
			"Authorization: Bearer":                  `Bearer realm="amana", error="invalid_token"`,
			"Authorization: Bearer " + w.token + "x": `Bearer realm="amana", error="invalid_token"`,
			"Authorization: Bearer  " + w.token:      `Bearer realm="amana", error="invalid_token"`,
		} {
			a := w.do(c.method, c.path, "", header)
			if a.status != 401 || a.header.Get("WWW-Authenticate") != challenge {
				t.Errorf("%s %s with %.30s: %d %q", c.method, c.path, header, a.status, a.header.Get("WWW-Authenticate"))
			}
		}
	}
	if a := w.do("GET", "/v1/policies", "", "Authorization: bEARER "+w.token); a.status != 200 {
		t.Errorf("the scheme is not a matter of case: %d", a.status)
	}
}

func TestPathsAndMethods(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/v1/nothing", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/v1//policies", 404, ""},
		{"GET", "/v1/policies/", 404, ""},
		{"GET", "/problems/none", 404, ""},
		{"GET", "/v1/decide", 405, "POST"},
		{"HEAD", "/v1/decide", 405, "POST"},
		{"OPTIONS", "/v1/decide", 405, "POST"},
		{"POST", "/v1/policies", 405, "GET, HEAD"},
		{"DELETE", "/healthz", 405, "GET, HEAD"},
		{"HEAD", "/v1/policies", 200, ""},
		{"HEAD", "/openapi.json", 200, ""},
		{"GET", "/healthz", 200, ""},
		{"GET", "/readyz", 200, ""},
	} {
		a := w.do(c.method, c.path, "")
		if a.status != c.status || a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %q", c.method, c.path, a.status, a.header.Get("Allow"))
		}
		if kind := a.header.Get("Content-Type"); a.status >= 400 && kind != "application/problem+json" {
			t.Errorf("%s %s: %s", c.method, c.path, kind)
		}
		if c.method == "HEAD" && len(a.body) > 0 {
			t.Errorf("HEAD %s has a body", c.path)
		}
	}
}

func TestScopes(t *testing.T) {
	w := newWorld(t)
	for scope, c := range map[string]struct{ method, path, body string }{
		"consent:write": {"POST", "/v1/consents", saraTexts},
		"decide":        {"POST", "/v1/decide", `{"subject":"customer:1","purpose":"billing"}`},
		"subject:read":  {"POST", "/v1/receipts/get", `{"subject":"customer:1"}`},
		"policy:read":   {"GET", "/v1/policies", ""},
	} {
		w.token = w.newToken(scope)
		if a := w.do(c.method, c.path, c.body); a.status >= 300 {
			t.Errorf("%s does not open %s: %d %s", scope, c.path, a.status, a.body)
		}
		w.token = w.newToken("feed", "search:billing")
		a := w.do(c.method, c.path, c.body)
		p := into[problem](t, a)
		if a.status != 403 || p.Detail != "the token lacks the scope "+scope || p.Type != "/problems/denied" {
			t.Errorf("%s without %s: %+v", c.path, scope, p)
		}
		if got, want := a.header.Get("WWW-Authenticate"), fmt.Sprintf(`Bearer realm="amana", error="insufficient_scope", scope=%q`, scope); got != want {
			t.Errorf("challenge %s, want %s", got, want)
		}
	}
}

func TestOpenPaths(t *testing.T) {
	w := emptyWorld(t)
	w.token = ""
	if a := w.do("GET", "/healthz", "", "Authorization:"); a.status != 200 || string(a.body) != `{"status":"ok","version":"v0.0.0-test"}`+"\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	a := w.do("GET", "/readyz", "", "Authorization:")
	if a.status != 503 || a.header.Get("Retry-After") != "1" {
		t.Errorf("without a policy: %d %v", a.status, a.header)
	}
	w.publish(cascoFiber(t))
	if a := w.do("GET", "/readyz", "", "Authorization:"); a.status != 200 {
		t.Errorf("with a policy: %d %s", a.status, a.body)
	}
	must(t, w.db.Close())
	if a := w.do("GET", "/readyz", "", "Authorization:"); a.status != 503 {
		t.Errorf("closed: %d %s", a.status, a.body)
	}
}

func TestEveryProblemExplainsItself(t *testing.T) {
	w := newWorld(t)
	p := into[problem](t, w.post(400, "/v1/decide", "{"))
	a := w.do("GET", p.Type, "", "Authorization:")
	if a.status != 200 || !strings.HasPrefix(string(a.body), "400 Cannot be read\n\n") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t)
	const fine = `{"subject":"customer:1","purpose":"billing"}`
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
		field   string
	}{
		"fine":                  {fine, nil, 200, ""},
		"charset said":          {fine, []string{"Content-Type: application/json; charset=UTF-8"}, 200, ""},
		"of a form":             {fine, []string{"Content-Type: application/x-www-form-urlencoded"}, 415, ""},
		"without a type":        {fine, []string{"Content-Type:"}, 415, ""},
		"of a strange type":     {fine, []string{"Content-Type: application/json;;"}, 415, ""},
		"in another charset":    {fine, []string{"Content-Type: application/json; charset=utf-16"}, 415, ""},
		"compressed":            {fine, []string{"Content-Encoding: gzip"}, 415, ""},
		"nothing":               {"", []string{"Content-Type: application/json"}, 400, ""},
		"twice":                 {fine + fine, nil, 400, ""},
		"a member twice":        {`{"subject":"customer:1","subject":"customer:2","purpose":"billing"}`, nil, 400, "subject"},
		"not UTF-8":             {"{\"subject\":\"customer:\xff\",\"purpose\":\"billing\"}", nil, 400, ""},
		"deep":                  {`{"data":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, nil, 400, "data[0]"},
		"wrong type":            {`{"subject":7,"purpose":"billing"}`, nil, 422, "subject"},
		"a list inside a list":  {`[[` + fine + `]]`, nil, 422, "[0]"},
		"as large as it may be": {`{"subject":"customer:1","purpose":"billing"` + strings.Repeat(" ", 1<<20-len(fine)) + "}", nil, 200, ""},
		"too large":             {`{"subject":"customer:1","purpose":"billing"` + strings.Repeat(" ", 1<<20-len(fine)+1) + "}", nil, 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("POST", "/v1/decide", c.body, c.headers...)
			if a.status != c.status {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if a.status >= 400 && !strings.HasPrefix(into[problem](t, a).Field, c.field) {
				t.Errorf("%s", a.body)
			}
			if a.status == 415 && a.header.Get("Accept-Post") != "application/json" {
				t.Error(a.header)
			}
		})
	}
}

func TestEveryMistakeIsTold(t *testing.T) {
	w := newWorld(t)
	p := into[problem](t, w.post(422, "/v1/consents", `{"subjekt":"email:sara@example.com","choices":[{"purpose":"newsletter","decision":"yes"}]}`))
	want := []struct{ Field, Detail string }{
		{"subjekt", "there is no such member here"},
		{"choices[0].decision", "must be one of given, refused, withdrawn"},
		{"subject", "is missing"},
	}
	if diff := cmp.Diff(want, p.Errors); diff != "" || p.Field != "subjekt" {
		t.Errorf("%s: %s", p.Field, diff)
	}
}

func TestQueryParametersAreKnown(t *testing.T) {
	w := newWorld(t)
	for path, c := range map[string]struct {
		status int
		field  string
	}{
		"/v1/policies?subject=email%3Asara%40example.com": {422, "subject"},
		"/v1/policies?sara%40example.com=1":               {422, "?"},
		"/v1/policies?limit=1&limit=2":                    {422, "limit"},
		"/v1/policies?limit=0":                            {422, "limit"},
		"/v1/policies?limit=many":                         {422, "limit"},
		"/v1/policies?cursor=sha256%3A00":                 {422, "cursor"},
		"/v1/policies?%zz":                                {400, ""},
	} {
		if a := w.do("GET", path, ""); a.status != c.status || into[problem](t, a).Field != c.field {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestReceiptsGet(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for _, decision := range []string{"given", "withdrawn", "given"} {
		w.clock.forward(time.Minute)
		ids = append(ids, into[receipts](t, w.post(201, "/v1/consents", strings.Replace(saraTexts, "given", decision, 1))).Receipts[0].ID)
	}
	if diff := cmp.Diff(ids, idsOf(into[receipts](t, w.post(200, "/v1/receipts/get", `{"subject":"phone:+1 207 555 0134"}`)))); diff != "" {
		t.Error("of a subject, oldest first: " + diff)
	}
	if diff := cmp.Diff([]string{ids[2], ids[0], ids[2]}, idsOf(into[receipts](t, w.post(200, "/v1/receipts/get", fmt.Sprintf(`{"ids":[%q,%q,%q]}`, ids[2], ids[0], ids[2]))))); diff != "" {
		t.Error("by id, in the order asked: " + diff)
	}
	if a := w.post(200, "/v1/receipts/get", `{"subject":"customer:nobody"}`); string(a.body) != `{"receipts":[]}`+"\n" {
		t.Errorf("%s", a.body)
	}
	for body, c := range map[string]struct {
		status int
		field  string
	}{
		`{}`:                                   {422, ""},
		`{"ids":[]}`:                           {422, "ids"},
		`{"subject":""}`:                       {422, "subject"},
		`{"ids":["x"],"subject":"customer:1"}`: {422, ""},
		`{"subject":"sara"}`:                   {422, "subject"},
		`{"ids":["` + ids[0] + `","unheard-of"]}`:          {404, "ids[1]"},
		`{"ids":["7d444840-9dc0-41d1-b245-5ffdce74fad2"]}`: {404, "ids[0]"},
	} {
		if p := into[problem](t, w.post(c.status, "/v1/receipts/get", body)); p.Field != c.field {
			t.Errorf("%s: %+v", body, p)
		}
	}
}

func idsOf(r receipts) []string {
	var ids []string
	for _, r := range r.Receipts {
		ids = append(ids, r.ID)
	}
	return ids
}

type policies struct {
	Policies []struct {
		Version, State, Effective string
		Policy                    json.RawMessage
	}
	Next string
}

func TestPolicies(t *testing.T) {
	w := newWorld(t)
	var versions []string
	for _, keep := range []string{"P80D", "P70D"} {
		w.clock.forward(24 * time.Hour)
		w.publish(strings.Replace(cascoFiber(t), "keep: P90D", "keep: "+keep, 1))
	}
	for _, v := range w.db.Versions() {
		versions = append(versions, string(v.ID))
	}
	a := w.do("GET", "/v1/policies", "")
	all := into[policies](t, a)
	var got []string
	for _, p := range all.Policies {
		got = append(got, p.Version+" "+p.State+" "+p.Effective)
		if id := string(policy.IDOf(p.Policy)); id != p.Version {
			t.Errorf("the bytes of %s hash to %s", p.Version, id)
		}
	}
	want := []string{versions[0] + " in_force 2026-03-03T09:00:00.000Z", versions[1] + " past 2026-03-02T09:00:00.000Z", versions[2] + " past 2026-03-01T09:00:00.000Z"}
	if diff := cmp.Diff(want, got); diff != "" || all.Next != "" {
		t.Error(diff)
	}
	same := w.do("GET", "/v1/policies", "", `If-None-Match: "other", W/`+a.header.Get("ETag"))
	if same.status != 304 || len(same.body) > 0 {
		t.Errorf("%d %s", same.status, same.body)
	}
	w.publish(cascoFiber(t))
	if other := w.do("GET", "/v1/policies", "", "If-None-Match: "+a.header.Get("ETag")); other.status != 200 {
		t.Errorf("after publishing: %d", other.status)
	}
}

func TestPoliciesByPages(t *testing.T) {
	w := newWorld(t)
	for _, keep := range []string{"P80D", "P70D", "P60D"} {
		w.publish(strings.Replace(cascoFiber(t), "keep: P90D", "keep: "+keep, 1))
	}
	var got, want []string
	for _, v := range w.db.Versions() {
		want = append(want, string(v.ID))
	}
	path := "/v1/policies?limit=2"
	for pages := 0; path != "" && pages < 9; pages++ {
		page := into[policies](t, w.do("GET", path, ""))
		for _, p := range page.Policies {
			got = append(got, p.Version)
		}
		path = ""
		if page.Next != "" {
			path = "/v1/policies?limit=2&cursor=" + page.Next
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRequestID(t *testing.T) {
	w := newWorld(t)
	if id := w.do("GET", "/healthz", "", "X-Request-ID: job-7.3_a").header.Get("X-Request-ID"); id != "job-7.3_a" {
		t.Errorf("echoed as %q", id)
	}
	seen := map[string]bool{}
	for _, bad := range []string{"", "sara@example.com", strings.Repeat("a", 65), "a b"} {
		id := w.do("GET", "/nothing", "", "X-Request-ID: "+bad).header.Get("X-Request-ID")
		if id == "" || id == bad || seen[id] {
			t.Errorf("%q became %q", bad, id)
		}
		seen[id] = true
	}
}

// The log has ids and figures, and nothing that was sent.
func TestLogHasNoPersonalData(t *testing.T) {
	w := newWorld(t)
	w.post(201, "/v1/consents", `{"subject":"email:sara.log@example.com","choices":[{"purpose":"newsletter","decision":"given"}]}`, "X-Request-ID: r-1", "Idempotency-Key: sara-key")
	w.post(422, "/v1/decide", `{"subject":"email:sara.log","purpose":"x"}`, "User-Agent: sara-agent")
	w.do("GET", "/v1/policies?subject=email:sara.log@example.com", "")
	w.do("GET", "/sara.log@example.com", "")
	w.do("SARA", "/v1/policies", "")
	log := w.log.String()
	for _, word := range []string{"sara", "SARA", w.token, "purpose"} {
		if strings.Contains(log, word) {
			t.Errorf("%q stands in the log:\n%s", word, log)
		}
	}
	var line map[string]any
	first, _, _ := strings.Cut(log, "\n")
	must(t, json.Unmarshal([]byte(first), &line))
	token, err := w.db.Token(t.Context(), w.token)
	must(t, err)
	for _, key := range []string{"time", "took"} {
		if line[key] == nil {
			t.Errorf("no %s in %s", key, first)
		}
		delete(line, key)
	}
	want := map[string]any{"level": "INFO", "msg": "request", "method": "POST", "route": "/v1/consents", "status": 201.0, "token": token.ID, "request": "r-1"}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

// A question leaves a line where it was refused, not where it was answered.
func TestAnsweredQuestionsLeaveNoLine(t *testing.T) {
	w := newWorld(t)
	w.post(200, "/v1/decide", `{"subject":"email:sara@example.com","purpose":"newsletter"}`)
	w.post(200, "/access/v1/evaluation", `{"subject":{"type":"service","id":"crm"},"action":{"name":"use","properties":{"purpose":"newsletter"}},"resource":{"type":"customer","id":"email:sara@example.com"}}`)
	if log := w.log.String(); log != "" {
		t.Error(log)
	}
	w.post(422, "/v1/decide", `{"subject":"email:sara@example.com","purpose":"x","data":7}`)
	if log := w.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, `"route":"/v1/decide","status":422`) {
		t.Error(log)
	}
}

func TestRateOfAToken(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Rate = 3 })
	other := w.newToken("policy:read")
	for range 3 {
		if a := w.do("GET", "/v1/policies", ""); a.status != 200 {
			t.Fatal(a.status)
		}
	}
	if a := w.do("GET", "/v1/policies", ""); a.status != 429 || a.header.Get("Retry-After") != "1" || into[problem](t, a).Type != "/problems/rate" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := w.do("GET", "/v1/policies", "", "Authorization: Bearer "+other); a.status != 200 {
		t.Errorf("another token: %d", a.status)
	}
	w.clock.forward(time.Second)
	if a := w.do("GET", "/v1/policies", ""); a.status != 200 {
		t.Errorf("a second later: %d", a.status)
	}
}

// A program that sends its body slowly holds its place; others are told to
// come again, and the open paths go on.
func TestPlacesAreFew(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.InFlight = 1 })
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	must(t, err)
	defer conn.Close()
	const body = `{"subject":"customer:1","purpose":"billing"}`
	fmt.Fprintf(conn, "POST /v1/decide HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", w.token, len(body))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err) // the server asks for the body from inside its place
	}
	if a := w.do("GET", "/v1/policies", ""); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := w.do("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("an open path: %d", a.status)
	}
	io.WriteString(conn, body)
	in.ReadString('\n') // the blank line after 100 Continue
	resp, err := http.ReadResponse(in, nil)
	must(t, err)
	if resp.StatusCode != 200 {
		t.Errorf("the slow one: %d", resp.StatusCode)
	}
	if a := w.do("GET", "/v1/policies", ""); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

// A body that does not come is not waited for.
func TestBodyThatDoesNotArrive(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Timeout = time.Second })
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/decide HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n{", w.token)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	if resp.StatusCode != 408 || !resp.Close {
		t.Errorf("%d, closing: %v", resp.StatusCode, resp.Close)
	}
}

func TestTimeout(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Timeout = time.Nanosecond })
	a := w.do("POST", "/v1/decide", `{"subject":"customer:1","purpose":"billing","detail":true}`)
	if a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestStoreThatIsClosed(t *testing.T) {
	w := newWorld(t)
	must(t, w.db.Close())
	a := w.do("GET", "/v1/policies", "")
	if p := into[problem](t, a); a.status != 500 || p.Detail != "the server failed" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// FuzzDoor sends any body to every path that takes one: it is answered, never
// with a server's error, and nothing of a person is said back.
func FuzzDoor(f *testing.F) {
	w := newWorld(f)
	f.Add(0, []byte(saraTexts))
	f.Add(1, []byte(`[{"subject":"device:AAECAwQFBgcICQoLDA0ODw","purpose":"analytics","detail":true,"signals":{"gpc":true}}]`))
	f.Add(2, []byte(`{"ids":["7d444840-9dc0-41d1-b245-5ffdce74fad2"]}`))
	f.Add(2, []byte(`{"subject":"email:sara@told.example"}`))
	f.Fuzz(func(t *testing.T, path int, body []byte) {
		if len(body) == 0 {
			return // do sends no Content-Type then
		}
		w := *w
		w.t = t
		paths := []string{"/v1/consents", "/v1/decide", "/v1/receipts/get"}
		a := w.do("POST", paths[uint(path)%3], string(body))
		if a.status >= 500 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a.status >= 400 && (!json.Valid(a.body) || strings.Contains(string(a.body), "told.example")) {
			t.Fatalf("%s", a.body)
		}
	})
}
