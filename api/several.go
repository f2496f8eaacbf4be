package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// several are questions of one request that are asked together: what is in memory
// is fetched for all of them at once. What they need is used again by others.
type several struct {
	names []byte // normal forms of all identifiers
	ends  []int  // where in names each ends
	asked []decision.Question
	at    []int // the place of each in the request
	ids   []subject.ID
	told  []table.Answer
	found []brief
}

var spare = sync.Pool{New: func() any { return new(several) }}

// room makes room for n questions. Who is done with the answers calls leave.
func room(n int) *several {
	s := spare.Get().(*several)
	s.names, s.ends, s.at = slices.Grow(s.names, 32*n), slices.Grow(s.ends, n), slices.Grow(s.at, n)
	s.asked, s.ids, s.told, s.found = slices.Grow(s.asked, n), slices.Grow(s.ids, n), slices.Grow(s.told, n), slices.Grow(s.found, n)
	return s
}

// leave gives the room to others. What was asked is forgotten.
func (s *several) leave() {
	clear(s.names)
	clear(s.asked)
	clear(s.ids)
	clear(s.told)
	clear(s.found)
	s.names, s.ends, s.at, s.asked, s.ids, s.told, s.found = s.names[:0], s.ends[:0], s.at[:0], s.asked[:0], s.ids[:0], s.told[:0], s.found[:0]
	spare.Put(s)
}

// add adds a question; an identifier that is none is fault.Invalid.
func (s *several) add(at int, who, region string, q decision.Question) error {
	kind, value, _ := strings.Cut(who, ":")
	plain := false
	if s.names, plain = subject.AppendPlain(s.names, kind, strings.ToUpper(region), []byte(value)); !plain {
		id, err := subject.Parse(who, region)
		if err != nil {
			return err
		}
		s.names = append(s.names, id...)
	}
	s.ends, s.asked, s.at = append(s.ends, len(s.names)), append(s.asked, q), append(s.at, at)
	return nil
}

// brief is an answer without its detail.
type brief struct {
	allowed bool
	reason  decision.Reason
	policy  policy.VersionID
}

// decide answers them, in the order in which they were added. The answers hold until leave.
func (s *several) decide(ctx context.Context, from decider) ([]brief, error) {
	if len(s.at) == 0 {
		return nil, nil
	}
	names, begun := string(s.names), 0
	for _, end := range s.ends {
		s.ids, begun = append(s.ids, subject.ID(names[begun:end])), end
	}
	s.told = s.told[:len(s.ids)]
	v := from.DecideEach(s.ids, s.asked, s.told)
	for i, id := range s.ids {
		if v != nil && s.told[i].Reason != decision.Stale {
			s.found = append(s.found, brief{s.told[i].Allowed, s.told[i].Reason, v.ID})
			continue
		}
		a, by, err := from.Decide(ctx, id, s.asked[i])
		if err != nil {
			return nil, err
		}
		s.found = append(s.found, brief{a.Allowed, a.Reason, by})
	}
	return s.found, nil
}

// DecideEach leaves it to Decide.
func (stored) DecideEach([]subject.ID, []decision.Question, []table.Answer) *policy.Version {
	return nil
}

// buffer is what an answer is written into before it is sent.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, roomForEach)} }}

// mostKept bounds what a buffer keeps for the next answer, in bytes: a few thousand
// answers without their detail.
const mostKept = 1 << 19

// shortest is how long an answer is, in bytes, of which net/http has all before it
// sends the head.
const shortest = 1 << 10

// write gives an empty buffer. Who has filled it calls sent.
func write() *buffer {
	out := buffers.Get().(*buffer)
	out.b = out.b[:0]
	return out
}

// sent sends what was written, unless that failed, and gives the buffer to others.
// Of a short answer net/http finds the length by itself.
func (out *buffer) sent(w http.ResponseWriter, err error) error {
	if err == nil {
		out.b = append(out.b, '\n')
		head := w.Header()
		head["Content-Type"] = isJSON
		if len(out.b) > shortest {
			head["Content-Length"] = []string{strconv.Itoa(len(out.b))}
		}
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(out.b) // whoever does not read it has gone
	}
	if cap(out.b) <= mostKept {
		buffers.Put(out)
	}
	return err
}

// appendAnswer writes an answer as encoding/json does.
func appendAnswer(b []byte, a *answer) ([]byte, error) {
	if a.Since != "" || a.Expires != "" || a.Receipt != "" || a.Frequency != "" || a.Chain != nil || a.Evidence != "" {
		raw, err := encode(a)
		if err != nil {
			return b, err
		}
		return append(b, raw[:len(raw)-1]...), nil // without the line's end
	}
	return appendBrief(b, &brief{a.Allowed, a.Reason, a.Policy}), nil
}

// appendBrief writes an answer without its detail; a reason and the name of a
// version hold nothing that JSON escapes.
func appendBrief(b []byte, a *brief) []byte {
	b = appendBool(append(b, `{"allowed":`...), a.allowed)
	b = append(append(b, `,"reason":"`...), a.reason...)
	b = append(append(b, `","policy":"`...), a.policy...)
	return append(b, `"}`...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

// appendAnswers writes a list of answers: those that have their detail, by place,
// and the others in their order.
func appendAnswers(b []byte, n int, detailed map[int]*answer, others []brief) (_ []byte, err error) {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if a, ok := detailed[i]; ok {
			if b, err = appendAnswer(b, a); err != nil {
				return b, err
			}
			continue
		}
		b, others = appendBrief(b, &others[0]), others[1:]
	}
	return append(b, ']'), nil
}

// appendDecided writes an answer in AuthZEN's form.
func appendDecided(b []byte, d *decided) (_ []byte, err error) {
	b = appendBool(append(b, `{"decision":`...), d.Decision)
	switch context := d.Context.(type) {
	case nil:
	case *brief:
		b = appendBrief(append(b, `,"context":`...), context)
	case *answer:
		b, err = appendAnswer(append(b, `,"context":`...), context)
	default:
		var raw []byte
		raw, err = encode(context)
		b = append(append(b, `,"context":`...), raw[:max(len(raw)-1, 0)]...)
	}
	return append(b, '}'), err
}

// appendEvaluations writes a list of them.
func appendEvaluations(b []byte, list []decided) (_ []byte, err error) {
	b = append(b, `{"evaluations":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendDecided(b, &list[i]); err != nil {
			return b, err
		}
	}
	return append(b, ']', '}'), nil
}
