package api_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/interop"
)

// ruled is a door that answers by the rules of an example, asked as the public
// harnesses ask: without a token.
func ruled(t *testing.T, file string) *world {
	t.Helper()
	src, err := os.ReadFile("../examples/authzen/" + file)
	must(t, err)
	rules, err := interop.Read(src)
	must(t, err)
	return emptyWorld(t, func(c *api.Config) { c.Fixture = rules })
}

// scenario asks one thing of the standard's form.
func (w *world) scenario(status int, path, body string) answer {
	w.t.Helper()
	return w.post(status, "/access/v1/"+path, body, "Authorization:")
}

// decisions gives what an evaluation, or each of several, came to.
func (w *world) decisions(path, body string) string {
	w.t.Helper()
	out := into[struct {
		Decision    *bool
		Context     any
		Evaluations []struct {
			Decision bool
			Context  any
		}
	}](w.t, w.scenario(200, path, body))
	if out.Decision != nil {
		return fmt.Sprint(*out.Decision)
	}
	var all []string
	for _, e := range out.Evaluations {
		all = append(all, fmt.Sprint(e.Decision))
	}
	return strings.Join(all, " ")
}

const (
	alice    = `"subject":{"type":"user","id":"alice"}`
	bob      = `"subject":{"type":"user","id":"bob"}`
	admin    = `"subject":{"type":"user","id":"bob","properties":{"role":"admin"}}`
	record1  = `"resource":{"type":"record","id":"record-1"}`
	active1  = `"resource":{"type":"record","id":"record-1","properties":{"status":"active"}}`
	archived = `"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}`
	reads    = `"action":{"name":"read"}`
	writes   = `"action":{"name":"write"}`
)

func members(m ...string) string { return "{" + strings.Join(m, ",") + "}" }

// The scenario by which the OpenID Foundation certifies, section by section.
func TestTheCertificationScenario(t *testing.T) {
	w := ruled(t, "certification.yaml")
	deletes := func(soft string) string { return `"action":{"name":"delete","properties":{"soft":` + soft + `}}` }
	list := func(items ...string) string { return `"evaluations":[` + strings.Join(items, ",") + `]` }
	for name, c := range map[string]struct{ path, body, want string }{
		"2.2.1 permit":                    {"evaluation", members(alice, reads, record1), "true"},
		"2.2.2 deny":                      {"evaluation", members(bob, writes, record1), "false"},
		"2.2.3 context":                   {"evaluation", members(alice, reads, record1, `"context":{"time":"2025-06-27T18:03-07:00","ip":"192.168.1.1"}`), "true"},
		"2.2.4 resource's properties":     {"evaluation", members(alice, writes, archived), "false"},
		"2.2.5 subject's properties":      {"evaluation", members(admin, writes, archived), "true"},
		"2.2.6 action's properties":       {"evaluation", members(alice, deletes("true"), record1), "true"},
		"2.2.7 action's properties":       {"evaluation", members(alice, deletes("false"), record1), "false"},
		"2.2.8 more properties":           {"evaluation", members(`"subject":{"type":"user","id":"alice","properties":{"department":"Sales","role":"manager"}}`, `"action":{"name":"read","properties":{"method":"GET"}}`, active1), "true"},
		"2.2.9 unknown fields":            {"evaluation", members(alice, reads, record1, `"foo":"bar"`, `"futureField":{"nested":true}`), "true"},
		"3.2.2 in order":                  {"evaluations", members(bob, record1, list(members(reads), members(writes))), "true false"},
		"3.2.3 properties by item":        {"evaluations", members(alice, writes, list(members(active1), members(archived))), "true false"},
		"3.2.4 subjects by item":          {"evaluations", members(writes, archived, list(members(alice), members(admin))), "false true"},
		"3.2.5 no defaults":               {"evaluations", members(list(members(alice, reads, record1), members(bob, writes, record1))), "true false"},
		"3.2.6 context inherited":         {"evaluations", members(alice, reads, `"context":{"time":"x"}`, list(members(record1), members(archived, `"context":{"source":"y"}`))), "true true"},
		"3.4.1 one that is bad":           {"evaluations", members(alice, reads, list(members(record1), "{}")), "true false"},
		"3.4.2 no evaluations":            {"evaluations", members(alice, reads, record1), "true"},
		"3.4.3 empty evaluations":         {"evaluations", members(alice, reads, record1, list()), "true"},
		"one that is not of the form":     {"evaluations", members(alice, reads, record1, list("5", `{"subject":"alice"}`, `{"resource":null}`, "null", "{}")), "false false false false true"},
		"a member with nothing of itself": {"evaluations", members(alice, reads, record1, list(`{"resource":{"type":"record"}}`)), "false"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // 2.6: the same again
				if got := w.decisions(c.path, c.body); got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
			}
		})
	}
	for name, body := range map[string]string{
		"subject": members(reads, record1), "action": members(alice, record1), "resource": members(alice, reads),
		"subject.type": members(`"subject":{"id":"alice"}`, reads, record1), "subject.id": members(`"subject":{"type":"user"}`, reads, record1),
		"action.name": members(alice, `"action":{}`, record1), "resource.type": members(alice, reads, `"resource":{"id":"record-1"}`),
		"resource.id": members(alice, reads, `"resource":{"type":"record"}`), "subject a string": members(`"subject":"alice"`, reads, record1),
		"a number": members(alice, `"action":{"name":123}`, record1), "properties a string": members(`"subject":{"type":"user","id":"alice","properties":"x"}`, reads, record1),
		"context a list": members(alice, reads, record1, `"context":[]`), "not JSON": "{", "nothing": "",
	} {
		t.Run("2.4 "+name, func(t *testing.T) {
			a := w.do("POST", "/access/v1/evaluation", body, "Authorization:", "Content-Type: application/json")
			if a.status != 400 {
				t.Errorf("%d", a.status)
			}
		})
	}
}

// found gives the ids, or names, that a search found.
func (w *world) found(path string, m ...string) []string {
	w.t.Helper()
	a := w.scenario(200, "search/"+path, members(m...))
	if strings.Contains(string(a.body), `"page"`) {
		w.t.Errorf("a page that nobody asked for: %s", a.body)
	}
	ids := []string{}
	for _, r := range into[searched](w.t, a).Results {
		ids = append(ids, r.ID+r.Name)
	}
	return ids
}

func TestTheCertificationScenarioSearches(t *testing.T) {
	w := ruled(t, "certification.yaml")
	user, record := `"subject":{"type":"user"}`, `"resource":{"type":"record"}`
	for name, c := range map[string]struct{ got, want []string }{
		"4.2.1": {w.found("subject", user, reads, record1), []string{"alice", "bob"}},
		"4.2.4": {w.found("subject", user, writes, archived), []string{"bob"}},
		"4.3.1": {w.found("resource", alice, reads, record), []string{"record-1", "record-2"}},
		"4.3.3": {w.found("resource", admin, writes, record), []string{"record-2"}},
		"4.4.1": {w.found("action", alice, record1), []string{"read", "write"}},
		"4.4.3": {w.found("action", admin, archived), []string{"read", "write"}},
		"4.6.1": {w.found("action", `"subject":{"type":"user","id":"nonexistent-user"}`, record1), []string{}},
		"4.6.2": {w.found("subject", `"subject":{"type":"spaceship"}`, reads, record1), []string{}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for path, bodies := range map[string][]string{
		"subject":  {members(user, record1), members(user, reads, record), members(reads, record1)},
		"resource": {members(reads, record), members(user, reads, record), members(alice, reads)},
		"action":   {members(alice), members(user, record1), members(alice, reads, record1, `"page":{"limit":-1}`), members(alice, record1, `"page":{"token":"x"}`)},
	} {
		for _, body := range bodies { // 4.7
			w.scenario(400, "search/"+path, body)
		}
	}
	first := into[searched](t, w.scenario(200, "search/subject", members(user, reads, record1, `"page":{"limit":1}`)))
	if len(first.Results) != 1 || first.Page.Next == "" {
		t.Fatalf("4.5.1: %+v", first)
	}
	rest := w.scenario(200, "search/subject", members(user, reads, record1, fmt.Sprintf(`"page":{"token":%q}`, first.Page.Next)))
	if d := cmp.Diff(`{"results":[{"type":"user","id":"bob"}],"page":{"next_token":""}}`+"\n", string(rest.body)); d != "" {
		t.Errorf("4.5.2: %s", d)
	}
}

// The todo scenario: who may do what, by the role, to their own and to others'.
func TestTheTodoScenario(t *testing.T) {
	w := ruled(t, "todo.yaml")
	people := []struct {
		pid, email                                       string
		create, update, delete, updateOwn, deleteOwn     bool
		routeCreate, routeUpdate, routeDelete, routeRead bool
	}{
		{"CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "rick@the-citadel.com", true, true, true, true, true, true, true, true, true},
		{"CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "morty@the-citadel.com", true, false, false, true, true, true, true, true, true},
		{"CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "summer@the-smiths.com", true, false, false, true, true, true, true, true, true},
		{"CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "beth@the-smiths.com", false, false, false, false, false, false, false, false, true},
		{"CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs", "jerry@the-smiths.com", false, false, false, false, false, false, false, false, true},
	}
	todo := func(owner string) string {
		return `"resource":{"type":"todo","id":"7240d0db-8ff0-41ec-98b2-34a096273b9f","properties":{"ownerID":"` + owner + `"}}`
	}
	for _, p := range people {
		other := "rick@the-citadel.com"
		if p.email == other {
			other = "morty@the-citadel.com"
		}
		who := func(kind string) string { return `"subject":{"type":"` + kind + `","id":"` + p.pid + `"}` }
		route := func(method, path string, want bool) {
			if got := w.decisions("evaluation", members(who("identity"), `"action":{"name":"`+method+`"}`, `"resource":{"type":"route","id":"`+path+`"}`)); got != fmt.Sprint(want) {
				t.Errorf("%s: %s %s is %s", p.email, method, path, got)
			}
		}
		can := func(action, resource string, want bool) {
			if got := w.decisions("evaluation", members(who("user"), `"action":{"name":"`+action+`"}`, resource, `"context":{}`)); got != fmt.Sprint(want) {
				t.Errorf("%s: %s %s is %s", p.email, action, resource, got)
			}
		}
		can("can_read_user", `"resource":{"type":"user","id":"beth@the-smiths.com"}`, true)
		can("can_read_user", `"resource":{"type":"user","id":"`+p.email+`"}`, true)
		can("can_read_todos", `"resource":{"type":"todo","id":"todo-1"}`, true)
		can("can_create_todo", `"resource":{"type":"todo","id":"todo-1"}`, p.create)
		can("can_update_todo", todo(other), p.update)
		can("can_update_todo", todo(p.email), p.updateOwn)
		can("can_delete_todo", todo(other), p.delete)
		can("can_delete_todo", todo(p.email), p.deleteOwn)
		route("GET", "/users/{userId}", p.routeRead)
		route("GET", "/todos", p.routeRead)
		route("POST", "/todos", p.routeCreate)
		route("PUT", "/todos/{todoId}", p.routeUpdate)
		route("DELETE", "/todos/{todoId}", p.routeDelete)
		both := members(who("user"), `"action":{"name":"can_update_todo"}`, `"resource":{}`, `"context":{}`, `"evaluations":[`+members(todo(other))+`,`+members(todo(p.email))+`]`)
		if got, want := w.decisions("evaluations", both), fmt.Sprint(p.update, p.updateOwn); got != want {
			t.Errorf("%s: of several, %s, want %s", p.email, got, want)
		}
	}
}

// The published table of the search scenario: which records somebody may view,
// edit and delete. Who may, and what may be done, are the same read otherwise.
const mayDo = `
alice view 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120
alice edit 101 107 110 113 119
alice delete 101 107 113 119
bob view 101 102 103 105 108 112 114 116 117 119 120
bob edit 102 108 114 120
bob delete 102 108 114 120
carol view 101 102 103 105 108 109 112 115 116 117 119
carol edit 103 109 115
carol delete 103 109 115
dan view 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120
dan edit 104 110 115 116
dan delete 104 110 116
erin view 105 111 115 117
erin edit 105 111 117
erin delete 105 111 117
felix view 104 106 109 111 112 114 118 120
felix edit 106 112 118
felix delete 106 112 118`

func TestTheSearchScenario(t *testing.T) {
	w := ruled(t, "search.yaml")
	user := func(id string) string { return `"subject":{"type":"user","id":"` + id + `"}` }
	act := func(name string) string { return `"action":{"name":"` + name + `"}` }
	record := func(id string) string { return `"resource":{"type":"record","id":"` + id + `"}` }
	may := map[[2]string][]string{} // records by user and action
	for _, line := range strings.Split(strings.TrimSpace(mayDo), "\n") {
		f := strings.Fields(line)
		may[[2]string{f[0], f[1]}] = f[2:]
	}
	people, does := []string{"alice", "bob", "carol", "dan", "erin", "felix"}, []string{"delete", "edit", "view"}
	for key, want := range may {
		if d := cmp.Diff(want, w.found("resource", user(key[0]), act(key[1]), `"resource":{"type":"record"}`)); d != "" {
			t.Errorf("%v: %s", key, d)
		}
	}
	for n := 101; n <= 120; n++ {
		id := fmt.Sprint(n)
		for _, a := range does {
			want := slices.DeleteFunc(slices.Clone(people), func(p string) bool { return !slices.Contains(may[[2]string{p, a}], id) })
			if d := cmp.Diff(want, w.found("subject", `"subject":{"type":"user"}`, act(a), record(id))); d != "" {
				t.Errorf("%s %s: %s", a, id, d)
			}
		}
		for _, p := range people {
			want := slices.DeleteFunc(slices.Clone(does), func(a string) bool { return !slices.Contains(may[[2]string{p, a}], id) })
			if d := cmp.Diff(want, w.found("action", user(p), record(id))); d != "" {
				t.Errorf("%s and %s: %s", p, id, d)
			}
		}
	}
	for _, m := range [][]string{{`"subject":{"type":"user"}`, act("view"), record("121")}, {`"subject":{"type":"user"}`, act("print"), record("101")}} {
		if got := w.found("subject", m...); len(got) > 0 {
			t.Errorf("%v finds %v", m, got)
		}
	}
}

// The rules answer on the standard's paths alone; all else wants a token still.
func TestRulesOpenNothingElse(t *testing.T) {
	w := ruled(t, "search.yaml")
	for _, path := range []string{"/v1/decide", "/v1/consents", "/access/v1/", "/access/v1/other"} {
		if a := w.do("POST", path, "{}", "Authorization:"); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
