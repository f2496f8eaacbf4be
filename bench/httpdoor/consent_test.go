// Package httpdoor measures what is answered over HTTP, beside peers and beside
// the bare operation. What stands beside peers is started as a process of its
// own; bench/ratios sets the figures beside each other.
package httpdoor

import (
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/bench/load"
	"github.com/amana-privacy/amana/bench/world"
)

// connections are those over which each product may be at its best.
var connections = []int{16, 64, 256}

// people numbers persons over all benchmarks: each answers once.
var people atomic.Int64

// BenchmarkConsent sends one consent a request, each of a new person. Both
// products read JSON, check a bearer token, and answer when the consent is on
// the disk; the peer may be at its best in one process or in one for each
// processor.
func BenchmarkConsent(b *testing.B) {
	for _, db := range world.Databases {
		b.Run("amana/"+db, func(b *testing.B) {
			s := amana(b, world.Database(b, db))
			b.Run("whole", func(b *testing.B) { s.consents(b, ours(""), connections...) })
			b.Run("minimal", func(b *testing.B) { s.consents(b, ours("Prefer: return=minimal\r\n"), connections...) })
		})
		for processes := 1; processes <= runtime.NumCPU(); processes *= 2 {
			b.Run(fmt.Sprintf("c15t/%s/processes=%d", db, processes), func(b *testing.B) {
				c15t(b, world.Database(b, db), processes).consents(b, theirs, connections...)
			})
		}
	}
}

// form is how a server is asked about a person.
type form struct {
	path, more string
	status     int
	body       func(b []byte, person int64) []byte
}

func ours(more string) form {
	return form{"/v1/consents", more, 201, func(b []byte, person int64) []byte {
		b = append(b, `{"subject":"customer:`...)
		b = strconv.AppendInt(b, person, 10)
		return append(b, `","choices":[{"purpose":"tailored_offers","decision":"given"}]}`...)
	}}
}

var theirs = form{"/subjects", "", 200, func(b []byte, person int64) []byte {
	b = append(b, `{"type":"marketing_communications","subjectId":"sub_`...)
	for range 10 { // theirs are written in base 58
		b = append(b, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[person%58])
		person /= 58
	}
	b = append(b, `","domain":"example.com","preferences":{"marketing":true},"givenAt":`...)
	b = strconv.AppendInt(b, time.Now().UnixMilli(), 10)
	return append(b, '}')
}}

// consents sends b.N of them over each number of connections.
func (s server) consents(b *testing.B, f form, over ...int) {
	for _, n := range over {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			s.send(b, f, n)
		})
	}
}

// send asks b.N times, each time about another person.
func (s server) send(b *testing.B, f form, over int) {
	first := people.Add(int64(b.N)) - int64(b.N)
	run(b, s, load.Task{Addr: s.addr, Connections: over, Status: f.status, Request: func(out []byte, i int64) []byte {
		return f.append(out, s, first+i+1)
	}})
}

// append writes the request about one person.
func (f form) append(out []byte, s server, person int64) []byte {
	var buf [256]byte
	body := f.body(buf[:0], person)
	out = fmt.Appendf(out, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n",
		f.path, s.addr, s.token, f.more, len(body))
	return append(out, body...)
}

// run asks b.N requests and reports how they went.
func run(b *testing.B, s server, t load.Task) {
	t.Requests = int64(b.N)
	before := s.spent(b)
	b.ResetTimer()
	r, err := load.Run(limited(b), t)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((s.spent(b)-before).Microseconds())/float64(b.N), "cpu-us")
	b.ReportMetric(float64(b.N)/r.Took.Seconds(), "requests/s")
	b.ReportMetric(float64(r.P99.Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(r.Received)/float64(b.N), "received-B")
}
