package api

import (
	"context"
	"strings"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// several are questions of one request that are asked together: what is in memory
// is fetched for all of them at once, and what they need is allocated once.
type several struct {
	names []byte // normal forms of all identifiers
	ends  []int  // where in names each ends
	asked []decision.Question
	at    []int // the place of each in the request
}

// room makes room for n questions.
func room(n int) several {
	return several{names: make([]byte, 0, 32*n), ends: make([]int, 0, n), asked: make([]decision.Question, 0, n), at: make([]int, 0, n)}
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

// decide answers them, in the order in which they were added.
func (s *several) decide(ctx context.Context, from decider) ([]answer, error) {
	if len(s.at) == 0 {
		return nil, nil
	}
	ids, names, begun := make([]subject.ID, len(s.ends)), string(s.names), 0
	for i, end := range s.ends {
		ids[i], begun = subject.ID(names[begun:end]), end
	}
	told, out := make([]table.Answer, len(ids)), make([]answer, len(ids))
	v := from.DecideEach(ids, s.asked, told)
	for i := range ids {
		if v != nil && told[i].Reason != decision.Stale {
			out[i] = answer{Allowed: told[i].Allowed, Reason: told[i].Reason, Policy: v.ID}
			continue
		}
		a, by, err := from.Decide(ctx, ids[i], s.asked[i])
		if err != nil {
			return nil, err
		}
		out[i] = answer{Allowed: a.Allowed, Reason: a.Reason, Policy: by}
	}
	return out, nil
}

// DecideEach leaves it to Decide.
func (stored) DecideEach([]subject.ID, []decision.Question, []table.Answer) *policy.Version {
	return nil
}

// appendAnswer writes an answer as encoding/json does.
func appendAnswer(b []byte, a *answer) ([]byte, error) {
	if a.Since != "" || a.Expires != "" || a.Receipt != "" || a.Chain != nil || a.Evidence != "" {
		raw, err := encode(a)
		if err != nil {
			return b, err
		}
		return append(b, raw[:len(raw)-1]...), nil // without the line's end
	}
	return appendBrief(b, a), nil
}

// appendBrief writes an answer without its detail; a reason and the name of a
// version hold nothing that JSON escapes.
func appendBrief(b []byte, a *answer) []byte {
	b = appendBool(append(b, `{"allowed":`...), a.Allowed)
	b = append(append(b, `,"reason":"`...), a.Reason...)
	b = append(append(b, `","policy":"`...), a.Policy...)
	return append(b, `"}`...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

// appendAnswers writes a list of answers.
func appendAnswers(b []byte, list []answer) (_ []byte, err error) {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendAnswer(b, &list[i]); err != nil {
			return nil, err
		}
	}
	return append(b, ']', '\n'), nil
}

// appendDecided writes an answer in AuthZEN's form.
func appendDecided(b []byte, d *decided) (_ []byte, err error) {
	b = appendBool(append(b, `{"decision":`...), d.Decision)
	if a, ok := d.Context.(*answer); ok {
		b, err = appendAnswer(append(b, `,"context":`...), a)
	} else if d.Context != nil {
		var raw []byte
		raw, err = encode(d.Context)
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
			return nil, err
		}
	}
	return append(b, ']', '}', '\n'), nil
}
