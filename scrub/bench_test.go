package scrub_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/scrub"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// halves answers yes and no by the last letters of the name, without a look
// into any memory: what is measured is the filter, not whom it asks.
type halves struct{}

func (halves) Decide(ids []subject.ID, _ []string, why []decision.Reason) error {
	for i, id := range ids {
		if why[i] = decision.Given; len(id)%2 == 0 {
			why[i] = decision.Withdrawn
		}
	}
	return nil
}

// tabled answers from a decision table of a million people, as a server does.
type tabled struct {
	table *table.Table
	asked []prepared
	out   []table.Answer
	now   time.Time
}

type prepared struct {
	data     []string
	question *table.Question
}

func (d *tabled) Decide(ids []subject.ID, data []string, why []decision.Reason) error {
	i := slices.IndexFunc(d.asked, func(p prepared) bool { return slices.Equal(p.data, data) })
	if i < 0 {
		i = len(d.asked)
		d.asked = append(d.asked, prepared{slices.Clone(data), d.table.Question(decision.Question{Purpose: "letter", Data: data})})
	}
	d.out = slices.Grow(d.out[:0], len(ids))[:len(ids)]
	d.asked[i].question.DecideEach(ids, d.out, d.now)
	for n := range d.out {
		why[n] = d.out[n].Reason
	}
	return nil
}

// newTabled makes a table in which every second person said yes.
func newTabled(b *testing.B) *tabled {
	b.Helper()
	versions := consenttest.Versions{{ID: "v1", Within: "P7D", Purposes: map[string]consenttest.Purpose{"letter": {Text: "one", Data: []string{"email", "name", "phone"}, Keep: "P1Y"}}}}.Publish(b)
	find := func(id policy.VersionID) *policy.Version { return versions[id] }
	now := consenttest.Time(b, "2026-02-01")
	t := table.New(table.Key{1, 2}, table.Rules{Policy: versions["v1"], Version: find}, now)
	for half, said := range []string{"given letter v1 2026-01-01", "refused letter v1 2026-01-01"} {
		states := consent.Fold(consenttest.Meant(consenttest.Events(b, []string{said}), find), find)
		p, times := table.ProfileOf(decision.World{Version: find, Subject: &decision.Subject{Kind: subject.Email, States: states}})
		for i := half; i < people1M; i += 2 {
			t.Put(t.Tag(subject.ID("email:"+name(i))), p, times, true)
			t.Put(t.Tag(subject.ID("phone:"+telephone(i))), p, times, true)
		}
	}
	return &tabled{table: t, now: now}
}

const people1M = 1 << 20

// name gives each number an address of its own, neighbours far apart.
func name(i int) string { return fmt.Sprintf("customer%07d@mail%d.example.com", i*7919%people1M, i%10) }

// telephone is the same for telephones.
func telephone(i int) string { return fmt.Sprintf("+966551%06d", i*7919%people1M) }

// block is a list with a row for everybody the table knows; longer lists are it
// again and again.
func block(line func(i int) string) []byte {
	var b bytes.Buffer
	for i := range people1M {
		b.WriteString(line(i))
	}
	return b.Bytes()
}

var forms = []struct {
	name, kind, head string
	line             func(i int) string
}{
	{"plain", subject.Email, "email,Name,E-mail,Phone,Town,Spent\n", func(i int) string {
		return fmt.Sprintf("%s,سارة القحطاني,%s,+966550%06d,Riyadh,%d\n", name(i), "x@y.example", i%1e6, i)
	}},
	{"quoted", subject.Email, "email,Name,E-mail,Phone,Town,Spent\n", func(i int) string {
		return fmt.Sprintf("%q,\"سارة القحطاني\",%q,\"+966550%06d\",\"Riyadh\",\"%d\"\n", name(i), "x@y.example", i%1e6, i)
	}},
	{"telephone", subject.Phone, "email,Name,E-mail,Phone,Town,Spent\n", func(i int) string {
		return fmt.Sprintf("%s,سارة القحطاني,%s,+966550%06d,Riyadh,%d\n", telephone(i), "x@y.example", i%1e6, i)
	}},
	{"json", subject.Email, "", func(i int) string {
		return fmt.Sprintf("{\"email\":%q,\"Name\":\"سارة القحطاني\",\"E-mail\":\"x@y.example\",\"Phone\":\"+966550%06d\",\"Town\":\"Riyadh\",\"Spent\":%d}\n", name(i), i%1e6, i)
	}},
}

// rounds says how often a list is read.
func rounds(b *testing.B) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("AMANA_SCRUB_ROUNDS"), "2"))
	if err != nil {
		b.Fatal("AMANA_SCRUB_ROUNDS is no number")
	}
	return n
}

// stream gives a list so many times as one.
func stream(head string, part []byte, rounds int) io.Reader {
	readers := []io.Reader{strings.NewReader(head)}
	for range rounds {
		readers = append(readers, bytes.NewReader(part))
	}
	return io.MultiReader(readers...)
}

// BenchmarkScrub filters two million rows of about 95 bytes, half of which come
// out. AMANA_SCRUB_ROUNDS=10 makes it ten million.
func BenchmarkScrub(b *testing.B) {
	known := sync.OnceValue(func() scrub.Decider { return newTabled(b) })
	for _, f := range forms {
		part := block(f.line)
		for _, who := range []string{"nobody", "table"} {
			b.Run(f.name+"/"+who, func(b *testing.B) {
				d := scrub.Decider(halves{})
				if who == "table" {
					d = known()
				}
				n := rounds(b) * people1M
				cfg := contacts()
				cfg.Decider, cfg.Kind = d, f.kind
				b.SetBytes(int64(len(part) * rounds(b)))
				begun := cpu(b)
				for b.Loop() {
					report, err := scrub.Run(context.Background(), stream(f.head, part, rounds(b)), io.Discard, cfg)
					if err != nil || report.Rows != n {
						b.Fatal(report, err)
					}
				}
				b.ReportMetric(float64(n*b.N)/(cpu(b)-begun), "rows/core-s")
			})
		}
	}
}

// BenchmarkEncodingCSV reads and writes the same rows with the standard library
// and asks about nobody.
func BenchmarkEncodingCSV(b *testing.B) {
	part := block(forms[0].line)
	n := rounds(b) * people1M
	b.SetBytes(int64(len(part) * rounds(b)))
	begun := cpu(b)
	for b.Loop() {
		r := csv.NewReader(stream(forms[0].head, part, rounds(b)))
		r.ReuseRecord = true
		w := csv.NewWriter(io.Discard)
		for i := 0; ; i++ {
			cells, err := r.Read()
			if err == io.EOF {
				break
			}
			if i%2 == 0 {
				w.Write(cells[1:4])
			}
		}
		w.Flush()
	}
	b.ReportMetric(float64(n*b.N)/(cpu(b)-begun), "rows/core-s")
}

// cpu gives the seconds that cores have spent on this process: what a row costs,
// whatever else runs on the machine.
func cpu(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
