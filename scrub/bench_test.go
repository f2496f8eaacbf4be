package scrub_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/scrub"
	"github.com/amana-privacy/amana/subject"
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

// known answers from a Go map of a million people.
type known map[subject.ID]bool

func (k known) Decide(ids []subject.ID, _ []string, why []decision.Reason) error {
	for i, id := range ids {
		if why[i] = decision.Withdrawn; k[id] {
			why[i] = decision.Given
		}
	}
	return nil
}

const people1M = 1 << 20

func name(i int) string { return fmt.Sprintf("customer%07d@mail%d.example.com", i*7919%people1M, i%10) }

// block is a part of a list that is read again and again, so that making it is
// not measured.
func block(line func(i int) string) []byte {
	var b bytes.Buffer
	for i := range 20_000 {
		b.WriteString(line(i))
	}
	return b.Bytes()
}

var forms = []struct {
	name, head string
	line       func(i int) string
}{
	{"plain", "email,Name,E-mail,Phone,Town,Spent\n", func(i int) string {
		return fmt.Sprintf("%s,سارة القحطاني,%s,+966550%06d,Riyadh,%d\n", name(i), "x@y.example", i%1e6, i)
	}},
	{"quoted", "email,Name,E-mail,Phone,Town,Spent\n", func(i int) string {
		return fmt.Sprintf("%q,\"سارة القحطاني\",%q,\"+966550%06d\",\"Riyadh\",\"%d\"\n", name(i), "x@y.example", i%1e6, i)
	}},
	{"json", "", func(i int) string {
		return fmt.Sprintf("{\"email\":%q,\"Name\":\"سارة القحطاني\",\"E-mail\":\"x@y.example\",\"Phone\":\"+966550%06d\",\"Town\":\"Riyadh\",\"Spent\":%d}\n", name(i), i%1e6, i)
	}},
}

func benchRows(b *testing.B) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("AMANA_SCRUB_ROWS"), "2000000"))
	if err != nil || n%20_000 != 0 {
		b.Fatal("AMANA_SCRUB_ROWS is no multiple of 20000")
	}
	return n
}

// stream repeats a block until so many rows have been given.
func stream(head string, part []byte, rows, perPart int) io.Reader {
	readers := []io.Reader{strings.NewReader(head)}
	for range rows / perPart {
		readers = append(readers, bytes.NewReader(part))
	}
	return io.MultiReader(readers...)
}

// BenchmarkScrub filters two million rows of about 95 bytes, half of which come
// out. AMANA_SCRUB_ROWS=10000000 makes it more.
func BenchmarkScrub(b *testing.B) {
	for _, f := range forms {
		part := block(f.line)
		for _, who := range []string{"asking nobody", "asking a map of 1M"} {
			b.Run(f.name+"/"+who, func(b *testing.B) {
				d := scrub.Decider(halves{})
				if who != "asking nobody" {
					d = crowd()
				}
				n := benchRows(b)
				cfg := contacts()
				cfg.Decider = d
				b.SetBytes(int64(len(part)) * int64(n) / 20_000)
				begun := cpu(b)
				for b.Loop() {
					report, err := scrub.Run(context.Background(), stream(f.head, part, n, 20_000), io.Discard, cfg)
					if err != nil || report.Rows != n {
						b.Fatal(report, err)
					}
				}
				b.ReportMetric(float64(n*b.N)/(cpu(b)-begun), "rows/core-s")
			})
		}
	}
}

var crowd = func() func() known {
	var k known
	return func() known {
		if k == nil {
			k = make(known, people1M)
			for i := range people1M {
				k[subject.ID("email:"+name(i))] = i%2 == 0
			}
		}
		return k
	}
}()

// BenchmarkEncodingCSV reads and writes the same rows with the standard library
// and asks about nobody.
func BenchmarkEncodingCSV(b *testing.B) {
	part := block(forms[0].line)
	n := benchRows(b)
	b.SetBytes(int64(len(part)) * int64(n) / 20_000)
	begun := cpu(b)
	for b.Loop() {
		r := csv.NewReader(stream(forms[0].head, part, n, 20_000))
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
