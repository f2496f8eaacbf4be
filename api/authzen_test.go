package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/api"
)

// asking is a question of the standard's form; parts replace its members.
func asking(parts ...string) string {
	members := []string{`"subject":{"type":"service","id":"mailer"}`, `"action":{"name":"use","properties":{"purpose":"tailored_offers"}}`, `"resource":{"type":"customer","id":"customer:10042"}`}
	for _, p := range parts {
		name, _, _ := strings.Cut(p, ":")
		for i, m := range members {
			if strings.HasPrefix(m, name+":") {
				members[i], p = p, ""
			}
		}
		if p != "" {
			members = append(members, p)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (w *world) agree(who string) {
	w.t.Helper()
	w.post(201, "/v1/consents", `{"subject":"`+who+`","choices":[{"purpose":"tailored_offers","decision":"given"}]}`)
}

func TestAuthZENEvaluates(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	for name, c := range map[string]struct{ body, want string }{
		"yes":                  {asking(), `"decision":true,"context":{"allowed":true,"reason":"given"`},
		"nobody":               {asking(`"resource":{"type":"customer","id":"customer:1"}`), `"decision":false,"context":{"allowed":false,"reason":"unknown_subject"`},
		"unknown purpose":      {asking(`"action":{"name":"use","properties":{"purpose":"x"}}`), `"reason":"unknown_purpose"`},
		"data":                 {asking(`"resource":{"type":"customer","id":"customer:10042","properties":{"data":["nothing"]}}`), `"reason":"unknown_data"`},
		"recipient":            {asking(`"subject":{"type":"recipient","id":"nobody"}`), `"reason":"recipient_not_permitted"`},
		"other action":         {asking(`"action":{"name":"read"}`), `{"decision":false}`},
		"other resource":       {asking(`"resource":{"type":"document","id":"customer:10042"}`), `{"decision":false}`},
		"other subject":        {asking(`"subject":{"type":"user","id":"u"}`), `{"decision":false}`},
		"no identifier":        {asking(`"resource":{"type":"customer","id":"10042"}`), `{"decision":false}`},
		"shared with nobody":   {asking(`"action":{"name":"share","properties":{"purpose":"tailored_offers"}}`), `{"decision":false}`},
		"members nobody knows": {asking(`"context":{"time":"2026"}`, `"more":1`), `"decision":true`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(w.post(200, "/access/v1/evaluation", c.body).body); !strings.Contains(got, c.want) {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestAuthZENKeepsTheStandardsHabits(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		status  int
		body    string
		headers []string
	}{
		"empty":             {400, "", nil},
		"no JSON":           {400, "{", nil},
		"wrong type":        {400, asking(`"subject":"mailer"`), nil},
		"no subject":        {400, asking(`"subject":null`), nil},
		"no action name":    {400, asking(`"action":{}`), nil},
		"no resource id":    {400, asking(`"resource":{"type":"customer"}`), nil},
		"a list of context": {400, asking(`"context":[]`), nil},
		"wrong properties":  {400, asking(`"resource":{"type":"customer","id":"customer:1","properties":"x"}`), nil},
		"another media":     {400, asking(), []string{"Content-Type: text/plain"}},
		"no token":          {401, asking(), []string{"Authorization:"}},
		"wrong token":       {401, asking(), []string{"Authorization: Bearer amana_no"}},
		"something after":   {400, asking() + "{}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("POST", "/access/v1/evaluation", c.body, c.headers...)
			if a.status != c.status || a.header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.Count(string(a.body), "\n") != 1 {
				t.Errorf("%d %q", a.status, a.body)
			}
			if c.status == 401 && a.header.Get("WWW-Authenticate") == "" {
				t.Error("401 without WWW-Authenticate")
			}
		})
	}
	if a := w.do("POST", "/access/v1/evaluation", asking(), "X-Request-ID: {a/b c}=1"); a.header.Get("X-Request-ID") != "{a/b c}=1" {
		t.Errorf("the request's id came back as %q", a.header.Get("X-Request-ID"))
	}
	w.token = w.newToken("consent:write")
	if a := w.do("POST", "/access/v1/evaluation", asking()); a.status != 403 {
		t.Errorf("without its scope: %d", a.status)
	}
}

func TestAuthZENEvaluatesSeveral(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	no, yes := `{"resource":{"type":"customer","id":"customer:1"}}`, `{}`
	for name, c := range map[string]struct {
		items    []string
		semantic string
		want     string
	}{
		"all":                    {[]string{yes, no, yes}, "execute_all", "true false true"},
		"all is the default":     {[]string{no, yes}, "", "false true"},
		"the first no":           {[]string{yes, no, yes}, "deny_on_first_deny", "true false"},
		"the first yes":          {[]string{no, yes, no}, "permit_on_first_permit", "false true"},
		"a bad one is a no":      {[]string{`{"resource":{"type":"customer"}}`, yes}, "", "false true"},
		"a member is not merged": {[]string{`{"action":{"name":"use"}}`}, "", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			parts := []string{`"evaluations":[` + strings.Join(c.items, ",") + `]`}
			if c.semantic != "" {
				parts = append(parts, `"options":{"evaluations_semantic":"`+c.semantic+`"}`)
			}
			out := into[struct {
				Evaluations []struct {
					Decision bool `json:"decision"`
					Context  any  `json:"context"`
				} `json:"evaluations"`
			}](t, w.post(200, "/access/v1/evaluations", asking(parts...)))
			var got []string
			for _, e := range out.Evaluations {
				got = append(got, fmt.Sprint(e.Decision))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v", got)
			}
		})
	}
	if got := string(w.post(200, "/access/v1/evaluations", asking()).body); !strings.HasPrefix(got, `{"decision":true`) {
		t.Errorf("without evaluations: %s", got)
	}
	w.post(400, "/access/v1/evaluations", asking(`"evaluations":[{}]`, `"options":{"evaluations_semantic":"some"}`))
}

// searched is what a search gave.
type searched struct {
	Results []struct {
		Type, ID, Name string
		Properties     struct{ Purpose string }
	} `json:"results"`
	Page struct {
		Next string `json:"next_token"`
	} `json:"page"`
}

func TestAuthZENSearchesWhomToWriteTo(t *testing.T) {
	w := newWorld(t)
	want := map[string]bool{}
	for i := range 25 {
		who := fmt.Sprintf("customer:%d", i)
		w.agree(who)
		if want[who] = i%5 != 0; !want[who] {
			w.post(201, "/v1/consents", `{"subject":"`+who+`","choices":[{"purpose":"tailored_offers","decision":"withdrawn"}]}`)
		}
	}
	w.token = w.newToken("search:tailored_offers")
	got, pages := map[string]bool{}, 0
	for token := ""; ; pages++ {
		out := into[searched](t, w.post(200, "/access/v1/search/resource", asking(`"resource":{"type":"customer"}`, fmt.Sprintf(`"page":{"limit":7,"token":%q}`, token))))
		for _, r := range out.Results {
			if got[r.ID] || r.Type != "customer" {
				t.Errorf("%+v twice or wrong", r)
			}
			got[r.ID] = true
		}
		if token = out.Page.Next; token == "" {
			break
		}
	}
	for who, allowed := range want {
		if got[who] != allowed {
			t.Errorf("%s: %v, want %v", who, got[who], allowed)
		}
	}
	if pages < 2 {
		t.Errorf("%d pages", pages)
	}
	leaves, err := w.db.PublicLeaves(t.Context(), 0, 10)
	must(t, err)
	last, err := w.db.PublicRecord(t.Context(), leaves[len(leaves)-1])
	must(t, err)
	if len(leaves) != 2 || !strings.Contains(string(last.Record), `"purpose":"tailored_offers"`) || !strings.Contains(string(last.Record), `"type":"search"`) {
		t.Errorf("%d public records; the last: %s", len(leaves), last.Record)
	}
	if a := w.do("POST", "/access/v1/search/resource", asking(`"action":{"name":"use","properties":{"purpose":"newsletter"}}`)); a.status != 403 {
		t.Errorf("another purpose: %d", a.status)
	}
	if out := into[searched](t, w.post(200, "/access/v1/search/resource", asking(`"resource":{"type":"document"}`))); len(out.Results) != 0 {
		t.Errorf("an unknown type finds %+v", out)
	}
	if a := w.do("POST", "/access/v1/search/resource", asking(`"page":{"token":"no"}`)); a.status != 400 {
		t.Errorf("a token of nobody's: %d", a.status)
	}
}

// What is searched for stands in the public log: a purpose of the policy, and nothing
// else that somebody may have put in its place.
func TestASearchForNoPurposeIsNotRecorded(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	before, err := w.db.PublicLeaves(t.Context(), 0, 10)
	must(t, err)
	out := into[searched](t, w.post(200, "/access/v1/search/resource", asking(`"action":{"name":"use","properties":{"purpose":"sara@example.com"}}`)))
	if len(out.Results) != 0 {
		t.Errorf("%+v", out)
	}
	if p := into[problem](t, w.post(422, "/v1/permits", `{"purpose":"sara@example.com"}`)); p.Field != "purpose" {
		t.Errorf("%+v", p)
	}
	w.token = w.newToken("search:newsletter")
	for path, body := range map[string]string{"/access/v1/search/resource": asking(`"action":{"name":"use","properties":{"purpose":"sara@example.com"}}`), "/v1/permits": `{"purpose":"sara@example.com"}`} {
		if a := w.do("POST", path, body); a.status != 403 || strings.Contains(fmt.Sprint(a.header, string(a.body)), "sara") {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
	}
	after, err := w.db.PublicLeaves(t.Context(), 0, 10)
	must(t, err)
	if len(after) != len(before) {
		rec, err := w.db.PublicRecord(t.Context(), after[len(after)-1])
		t.Errorf("the log says %s, %v", rec.Record, err)
	}
}

func TestAuthZENSearchesWhatIsOpenAndWhoMayReceive(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	open := map[string]bool{}
	for _, r := range into[searched](t, w.post(200, "/access/v1/search/action", asking())).Results {
		open[r.Properties.Purpose] = r.Name == "use"
	}
	if !open["tailored_offers"] || open["coverage_study"] || !open["billing"] {
		t.Errorf("open are %v", open)
	}
	w.token = w.newToken("search:newsletter")
	if out := into[searched](t, w.post(200, "/access/v1/search/action", asking())); len(out.Results) != 0 {
		t.Errorf("a token of another purpose learns %+v", out)
	}
	w.token = w.newToken("search:billing")
	out := into[searched](t, w.post(200, "/access/v1/search/subject", asking(`"subject":{"type":"recipient"}`, `"action":{"name":"share","properties":{"purpose":"billing"}}`)))
	if len(out.Results) == 0 || out.Results[0].Type != "recipient" {
		t.Errorf("%+v", out)
	}
}

func TestAuthZENSaysWhereItIs(t *testing.T) {
	w := newWorld(t)
	w.token = ""
	got := into[map[string]string](t, w.do("GET", "/.well-known/authzen-configuration", "", "Authorization:"))
	if got["policy_decision_point"] != w.url || got["access_evaluation_endpoint"] != w.url+"/access/v1/evaluation" {
		t.Errorf("%v", got)
	}
}

// What is declared is found page by page too.
func TestAuthZENSearchesPageByPage(t *testing.T) {
	w := newWorld(t)
	var all []string
	for _, r := range into[searched](t, w.post(200, "/access/v1/search/action", asking())).Results {
		all = append(all, r.Properties.Purpose)
	}
	var got []string
	for token := ""; ; {
		out := into[searched](t, w.post(200, "/access/v1/search/action", asking(fmt.Sprintf(`"page":{"limit":1,"token":%q}`, token))))
		for _, r := range out.Results {
			got = append(got, r.Properties.Purpose)
		}
		if token = out.Page.Next; token == "" {
			break
		}
	}
	if len(all) < 2 || !slices.IsSorted(all) || !slices.Equal(all, got) {
		t.Errorf("at once %v, in pages %v", all, got)
	}
	if a := w.post(200, "/access/v1/search/action", asking()); strings.Contains(string(a.body), "page") {
		t.Errorf("a page that nobody asked for: %s", a.body)
	}
	w.post(400, "/access/v1/search/action", asking(`"page":{"token":"no"}`))
	w.post(400, "/access/v1/search/subject", asking(`"page":{"limit":-1}`))
	w.post(400, "/access/v1/search/subject", asking(`"resource":{"type":"customer"}`))
}

func TestAuthZENEchoesWhateverIDItIsGiven(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("a b/", 500) + "."
	if a := w.do("POST", "/access/v1/evaluation", asking(), "X-Request-ID: "+long); a.header.Get("X-Request-ID") != long {
		t.Errorf("came back as %q", a.header.Get("X-Request-ID"))
	}
	if a := w.do("GET", "/.well-known/authzen-configuration", "", "X-Request-ID: {1}"); a.header.Get("X-Request-ID") != "{1}" {
		t.Error("the metadata does not say it again")
	}
	if a := w.do("POST", "/access/v1/evaluation", asking()); a.header.Get("X-Request-ID") == "" || a.status != 200 {
		t.Error("none is made where none was sent")
	}
}

func TestAuthZENSaysWhereItIsBehindAProxy(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.URL = "https://privacy.internal.example" })
	got := into[map[string]string](t, w.do("GET", "/.well-known/authzen-configuration", "", "Authorization:"))
	if got["policy_decision_point"] != "https://privacy.internal.example" || got["search_action_endpoint"] != "https://privacy.internal.example/access/v1/search/action" {
		t.Errorf("%v", got)
	}
}

// What one person of several said never answers for another whose identifier is
// missing: an item's member takes the whole place of the default.
func TestAuthZENMergesNothingIntoAMember(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	a := w.post(200, "/access/v1/evaluations", asking(`"evaluations":[{"resource":{"type":"customer"}},{"subject":{"id":"mailer"}},{"action":{"properties":{"purpose":"tailored_offers"}}},"x",{}]`))
	out := into[struct {
		Evaluations []struct {
			Decision bool
			Context  struct {
				Allowed                        bool
				Reason, Policy, Since, Receipt string
				Expires                        string `json:"expires_at"`
				Evidence                       string
				Error                          struct {
					Status  int
					Message string
				}
			}
		}
	}](t, a)
	for i, e := range out.Evaluations {
		if last := i == 4; e.Decision != last || last == (e.Context.Error.Status == 400) {
			t.Errorf("[%d]: %+v", i, e)
		}
	}
}

// What is read in two ways by two programs is read in none here: a member twice,
// or under a name that differs by its case.
func TestAuthZENReadsEveryMemberOnce(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	for name, c := range map[string]struct{ body, want string }{
		"a member twice":         {`{` + asking()[1:len(asking())-1] + `,"resource":{"type":"customer","id":"customer:1"}}`, "resource: the member stands here twice"},
		"an id twice":            {asking(`"resource":{"type":"customer","id":"customer:1","id":"customer:10042"}`), "resource.id: the member stands here twice"},
		"a purpose twice":        {asking(`"action":{"name":"use","properties":{"purpose":"billing","purpose":"tailored_offers"}}`), "action.properties.purpose: the member stands here twice"},
		"an unknown one twice":   {asking(`"more":1,"more":2`), "more: the member stands here twice"},
		"another case":           {asking(`"Context":{"signals":{"gpc":true}}`), "Context: is written context"},
		"another case inside":    {asking(`"resource":{"type":"customer","ID":"customer:1","id":"customer:10042"}`), "resource.ID: is written id"},
		"another case of gpc":    {asking(`"context":{"signals":{"GPC":true}}`), "context.signals.GPC: is written gpc"},
		"signals of a kind":      {asking(`"context":{"signals":"gpc"}`), "context.signals: must be an object"},
		"gpc of a kind":          {asking(`"context":{"signals":{"gpc":"1"}}`), "context.signals.gpc: must be true or false"},
		"detail of a kind":       {asking(`"context":{"detail":1}`), "context.detail: must be true or false"},
		"data of a kind":         {asking(`"resource":{"type":"customer","id":"customer:1","properties":{"data":"email"}}`), "resource.properties.data: must be a list"},
		"a purpose of a kind":    {asking(`"action":{"name":"use","properties":{"purpose":["billing"]}}`), "action.properties.purpose: must be a string"},
		"a context of a kind":    {asking(`"context":"x"`), "context: must be an object"},
		"a context that is null": {asking(`"context":null`), ""},
		"properties as null":     {asking(`"resource":{"type":"customer","id":"customer:10042","properties":null}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("POST", "/access/v1/evaluation", c.body)
			if c.want == "" && a.status == 200 && strings.Contains(string(a.body), `"decision":true`) {
				return
			}
			if a.status != 400 || !strings.HasPrefix(string(a.body), c.want) || c.want == "" {
				t.Errorf("%d %s", a.status, a.body)
			}
			item := strings.Replace(asking(`"evaluations":[`+c.body+`,{}]`), "\n", "", -1)
			out := string(w.post(200, "/access/v1/evaluations", item).body)
			if !strings.HasPrefix(out, `{"evaluations":[{"decision":false,"context":{"error":{"status":400,"message":"`+c.want) || !strings.Contains(out, `{"decision":true`) {
				t.Errorf("as one of two: %s", out)
			}
		})
	}
	a := w.do("POST", "/access/v1/search/resource", asking(`"page":{"token":"no"}`))
	if a.status != 400 || !strings.HasPrefix(string(a.body), "page.token") {
		t.Errorf("a token of nobody's: %d %s", a.status, a.body)
	}
}

// What is answered together is what would be answered one by one.
func TestManyAreAnsweredAsOne(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	w.post(201, "/v1/consents", `{"subject":"customer:7","choices":[{"purpose":"tailored_offers","decision":"refused"}]}`)
	var asked []string
	for _, who := range []string{"customer:10042", "customer:7", "customer:8", "phone:2075550134"} {
		for _, more := range []string{`"purpose":"tailored_offers"`, `"purpose":"billing"`, `"purpose":"none"`, `"purpose":"tailored_offers","data":["email"]`,
			`"purpose":"tailored_offers","data":[]`, `"purpose":"tailored_offers","recipient":"nobody"`, `"purpose":"tailored_offers","signals":{"gpc":true}`, `"purpose":"tailored_offers","detail":true`} {
			asked = append(asked, `{"subject":"`+who+`",`+more+`}`)
		}
	}
	for _, publisher := range []bool{true, false} {
		door := w
		if !publisher {
			door = newWorld(t, func(c *api.Config) { c.Publisher = nil })
			door.agree("customer:10042")
		}
		var want []string
		for _, q := range asked {
			want = append(want, strings.TrimSpace(string(door.post(200, "/v1/decide", q).body)))
		}
		if got := string(door.post(200, "/v1/decide", "["+strings.Join(asked, ",")+"]").body); got != "["+strings.Join(want, ",")+"]\n" {
			t.Errorf("together:\n%s\none by one:\n%s", got, strings.Join(want, "\n"))
		}
	}
	if a := w.do("POST", "/v1/decide", `[{"subject":"customer:1","purpose":"billing"},{"subject":"nobody","purpose":"billing"}]`); a.status != 422 || !strings.Contains(string(a.body), `"field":"[1].subject"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
