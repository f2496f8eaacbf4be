package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// demanded is a request as the door shows it.
type demanded struct {
	ID, Subject, Kind, State, Asked, Due, Acts, Ended, Text, Answer string
	DueBy                                                           string `json:"due_by"`
	Late                                                            bool
	Linked, Purposes                                                []string
	Corrections                                                     []struct{ Data, Value string }
}

type demandPage struct {
	Requests []demanded
	Next     string
}

func TestRequestsAreListedShownAndAnswered(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for _, id := range []subject.ID{"email:sara@example.com", "customer:10042", "email:omar@example.com"} {
		r, _, err := w.db.Ask(t.Context(), store.Ask{Subjects: []subject.ID{id}, Kind: request.Correction, Demand: request.Demand{Corrections: map[string]string{"name": "Sara Nasser"}}})
		must(t, err)
		ids = append(ids, r.ID)
	}
	seen := map[string]bool{}
	for next, n := "/v1/requests?state=open&limit=2", 0; next != ""; n++ {
		page := into[demandPage](t, w.do("GET", next, ""))
		for _, r := range page.Requests {
			seen[r.ID] = true
			if strings.Contains(r.Subject, "sara") || r.Corrections != nil || r.Due == "" || r.DueBy == "" {
				t.Errorf("%+v", r)
			}
		}
		if next = ""; page.Next != "" {
			next = "/v1/requests?state=open&limit=2&cursor=" + page.Next
		}
	}
	if len(seen) != len(ids) {
		t.Errorf("%d requests are listed", len(seen))
	}
	one := into[demanded](t, w.post(http.StatusOK, "/v1/requests/get", `{"id":"`+ids[0]+`"}`))
	if one.Subject != "email:sara@example.com" || len(one.Corrections) != 1 || one.Corrections[0].Value != "Sara Nasser" {
		t.Errorf("%+v", one)
	}
	end := func(status int, rest, field string) {
		t.Helper()
		if a := w.post(status, "/v1/requests/outcome", `{"id":"`+ids[0]+`",`+rest+`}`); status >= 400 && into[problem](t, a).Field != field {
			t.Errorf("%s: %s", rest, a.body)
		}
	}
	end(http.StatusUnprocessableEntity, `"outcome":"refused"`, "words")
	end(http.StatusUnprocessableEntity, `"outcome":"done","words":"`+strings.Repeat("x", 5000)+`"`, "words")
	end(http.StatusUnprocessableEntity, `"outcome":"done","words":"a\u202eb"`, "words")
	end(http.StatusOK, `"outcome":"done","words":"It is right now."`, "")
	end(http.StatusConflict, `"outcome":"done"`, "")
	if one = into[demanded](t, w.post(http.StatusOK, "/v1/requests/get", `{"id":"`+ids[0]+`"}`)); one.State != "done" || one.Answer != "It is right now." || one.Ended == "" {
		t.Errorf("%+v", one)
	}
	for body, field := range map[string]string{`{"id":"nobody"}`: "id", `{"id":"` + strings.Repeat("0", 36) + `"}`: "id"} {
		if p := into[problem](t, w.post(http.StatusNotFound, "/v1/requests/get", body)); p.Field != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
	if a := w.do("GET", "/v1/requests?state=lost", ""); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a state that is none: %d", a.status)
	}
	if a := w.do("GET", "/v1/requests", "", "Authorization: Bearer "+w.newToken("decide")); a.status != http.StatusForbidden {
		t.Errorf("without the scope: %d", a.status)
	}
}
