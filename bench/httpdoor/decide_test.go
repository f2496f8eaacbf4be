package httpdoor

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/amana-privacy/amana/bench/world"
)

// asked is how many people there are whom decisions are about; together is how
// many questions stand in one request where several do.
const (
	asked    = 10_000
	together = 1000
)

// The questions: natively and in AuthZEN's words, alone and many at once.
func native(b []byte, person int64) []byte {
	b = append(b, `{"subject":"customer:`...)
	b = strconv.AppendInt(b, 1+person*7919%asked, 10)
	return append(b, `","purpose":"tailored_offers"}`...)
}

func evaluation(b []byte, person int64) []byte {
	b = append(b, `{"subject":{"type":"service","id":"mailer"},"action":{"name":"use","properties":{"purpose":"tailored_offers"}},"resource":`...)
	return append(resource(b, person), '}')
}

func resource(b []byte, person int64) []byte {
	b = append(b, `{"type":"customer","id":"customer:`...)
	b = strconv.AppendInt(b, 1+person*7919%asked, 10)
	return append(b, `"}`...)
}

func natives(b []byte, person int64) []byte {
	b = append(b, '[')
	for i := range int64(together) {
		b = append(native(b, person*together+i), ',')
	}
	b[len(b)-1] = ']'
	return b
}

// resources asks the same of many, as the standard's defaults let one.
func resources(b []byte, person int64) []byte {
	b = append(b, `{"subject":{"type":"service","id":"mailer"},"action":{"name":"use","properties":{"purpose":"tailored_offers"}},"evaluations":[`...)
	for i := range int64(together) {
		b = append(append(resource(append(b, `{"resource":`...), person*together+i), '}'), ',')
	}
	b[len(b)-1] = ']'
	return append(b, '}')
}

// decisions are the forms of asking; bare is a handler that does what they need.
var decisions = []struct {
	name string
	form form
	each int
	bare func(known map[string]bool) http.Handler
}{
	{"native", form{"/v1/decide", "", 200, native}, 1, bareNative},
	{"evaluation", form{"/access/v1/evaluation", "", 200, evaluation}, 1, bareEvaluation},
	{"natives", form{"/v1/decide", "", 200, natives}, together, bareNatives},
	{"evaluations", form{"/access/v1/evaluations", "", 200, resources}, together, bareEvaluations},
}

// BenchmarkDecideBeside asks for decisions over HTTP, of the company door as the
// program serves it, and of handlers that look into a map.
func BenchmarkDecideBeside(b *testing.B) {
	for _, kind := range world.Databases {
		b.Run(kind, func(b *testing.B) {
			db, ring := world.OpenKeys(b, world.Database(b, kind))
			world.Fill(b, db, asked, world.Yes("tailored_offers"))
			s := company(b, db, ring)
			for _, d := range decisions {
				b.Run(d.name, func(b *testing.B) { s.ask(b, d.form, d.each) })
			}
		})
	}
	known := map[string]bool{}
	for i := range asked {
		known["customer:"+strconv.Itoa(i+1)] = true
	}
	for _, d := range decisions {
		b.Run("bare/"+d.name, func(b *testing.B) {
			s := inside(b, d.bare(known))
			s.token = bareToken
			s.ask(b, d.form, d.each)
		})
	}
}

// ask sends b.N requests with so many questions each.
func (s server) ask(b *testing.B, f form, each int) {
	connections := one
	if each > 1 {
		connections = 4
	}
	s.send(b, f, connections)
	b.ReportMetric(float64(each)*float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

type (
	question struct{ Subject, Purpose string }
	answer   struct {
		Allowed bool   `json:"allowed"`
		Reason  string `json:"reason"`
		Policy  string `json:"policy"`
	}
	thing struct {
		Type, ID   string
		Properties map[string]json.RawMessage
	}
	evaluated struct {
		Decision bool   `json:"decision"`
		Context  answer `json:"context"`
	}
	evaluating struct {
		Subject, Resource thing
		Action            struct {
			Name       string
			Properties map[string]json.RawMessage
		}
		Evaluations []struct{ Resource thing }
	}
)

func said(known map[string]bool, subject string) answer {
	return answer{known[subject], "given", "sha256:3f0c2a9d7b5e4f0c2a9d7b5e4f0c2a9d7b5e3f0c2a9d7b5e4f0c2a9d7b5e4f0c"}
}

func bareNative(known map[string]bool) http.Handler {
	return bare(bareToken, http.StatusOK, func(q question) any { return said(known, q.Subject) })
}

func bareNatives(known map[string]bool) http.Handler {
	return bare(bareToken, http.StatusOK, func(all []question) any {
		out := make([]answer, len(all))
		for i, q := range all {
			out[i] = said(known, q.Subject)
		}
		return out
	})
}

func bareEvaluation(known map[string]bool) http.Handler {
	return bare(bareToken, http.StatusOK, func(e evaluating) any {
		a := said(known, e.Resource.ID)
		return evaluated{a.Allowed, a}
	})
}

func bareEvaluations(known map[string]bool) http.Handler {
	type all struct {
		Evaluations []evaluated `json:"evaluations"`
	}
	return bare(bareToken, http.StatusOK, func(e evaluating) any {
		out := all{make([]evaluated, len(e.Evaluations))}
		for i, q := range e.Evaluations {
			a := said(known, q.Resource.ID)
			out.Evaluations[i] = evaluated{a.Allowed, a}
		}
		return out
	})
}
