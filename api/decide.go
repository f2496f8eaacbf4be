package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/explain"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/strict"
	"github.com/amana-privacy/amana/subject"
)

// question is the body of POST /v1/decide, or one of its elements.
type question struct {
	Subject   string   `json:"subject" need:"yes" doc:"About whom: kind:value, the kind being email, phone, customer or device."`
	Purpose   string   `json:"purpose" need:"yes" doc:"The id of the purpose the data is to be used for."`
	Data      []string `json:"data" max:"200" doc:"The ids of the data categories to be used; all of the purpose's if absent."`
	Recipient string   `json:"recipient" doc:"The id of the recipient the data is to be handed to."`
	Signals   signals  `json:"signals" doc:"What the person's browser says of itself now."`
	Detail    bool     `json:"detail" doc:"Also say since when, until when, by which receipt, on what evidence, and what the answer rests on, in words."`
}

// mostQuestions is how many are answered at once.
const mostQuestions = 1000

// answer is the answer to one question.
type answer struct {
	Allowed bool             `json:"allowed" doc:"Whether the data may be used so, now."`
	Reason  decision.Reason  `json:"reason" enum:"stale|unknown_purpose|unknown_data|outside_scope|erased|restricted|forbidden_by_law|objected|unknown_subject|child|not_asked|refused|withdrawn|unconfirmed|expired|signal|recipient_not_permitted|recipient_suspended|given|basis" doc:"Why. The set is closed."`
	Policy  policy.VersionID `json:"policy" doc:"The version in force by which it was decided."`

	Since     string `json:"since,omitempty" format:"date-time" doc:"With detail: since when the answer it rests on has stood."`
	Expires   string `json:"expires_at,omitempty" format:"date-time" doc:"With detail: when a yes stops by itself; at that instant it is already no."`
	Receipt   string `json:"receipt,omitempty" format:"uuid" doc:"With detail: the id of the receipt of the answer it rests on."`
	Frequency string `json:"frequency,omitempty" doc:"With detail, of a yes to a purpose that offers a choice: how often at most."`
	Chain     []link `json:"chain,omitempty" doc:"With detail: what the answer rests on, from the policy in force to the entry in the log, in words."`
	Evidence  string `json:"evidence,omitempty" enum:"shown|attested|imported|not_evidenced" doc:"With detail, of a yes: shown, the person said it on a page of ours that named the version shown; attested, the company entered it and named the version that was shown; imported, it was taken over from an earlier list, and the text of that time is declared to have asked for the same; not_evidenced, nobody said which version was shown."`
}

func (d *door) decide(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	if strict.IsList(raw) {
		return d.decideAll(w, r, raw)
	}
	var q question
	if err := strict.Decode(raw, &q); err != nil {
		return err
	}
	if q.Detail {
		a, err := d.answer(r, "subject", q)
		if err != nil {
			return err
		}
		return reply(w, http.StatusOK, &a)
	}
	id, err := subjectAt("subject", q.Subject, d.region())
	if err != nil {
		return err
	}
	a, err := d.told(r, id, q.asked())
	if err != nil {
		return err
	}
	out := write()
	out.b = appendBrief(out.b, &a)
	return out.sent(w, nil)
}

// told answers about a person, without what the answer rests on.
func (d *door) told(r *http.Request, id subject.ID, asked decision.Question) (brief, error) {
	a, by, err := d.Decide(r.Context(), id, asked)
	return brief{a.Allowed, a.Reason, by}, err
}

func (d *door) decideAll(w http.ResponseWriter, r *http.Request, raw []byte) error {
	var list []question
	if err := strict.DecodeList(raw, mostQuestions, &list); err != nil {
		return err
	}
	together := room(len(list))
	defer together.leave()
	var detailed map[int]*answer
	region := d.region()
	for i := range list {
		if q := &list[i]; q.Detail {
			a, err := d.answer(r, fmt.Sprintf("[%d].subject", i), *q)
			if err != nil {
				return err
			}
			if detailed == nil {
				detailed = map[int]*answer{}
			}
			detailed[i] = &a
		} else if err := together.add(i, q.Subject, region, q.asked()); err != nil {
			return fault.At(fault.Invalid, fmt.Sprintf("[%d].subject", i), "%s", problemOf(err).Detail)
		}
	}
	others, err := together.decide(r.Context(), d.decider)
	if err != nil {
		return err
	}
	out := write()
	out.b, err = appendAnswers(out.b, len(list), detailed, others)
	return out.sent(w, err)
}

// roomForEach is about how many bytes an answer has without its detail.
const roomForEach = 160

func (q *question) asked() decision.Question {
	return decision.Question{Purpose: q.Purpose, Data: q.Data, Recipient: q.Recipient, Signals: consent.Signals(q.Signals)}
}

// answer asks, and says what the answer rests on, in words. What the policy does not
// name is an answer too; only an identifier that is none is an error, at the field.
func (d *door) answer(r *http.Request, field string, q question) (answer, error) {
	id, err := subjectAt(field, q.Subject, d.region())
	if err != nil {
		return answer{}, err
	}
	asked := q.asked()
	a, err := d.decided(r, id, asked)
	if err == nil {
		a.Chain, err = d.chain(r.Context(), asked, a)
	}
	return a, err
}

// decided answers about a person, with what the answer rests on, which is in the
// store alone.
func (d *door) decided(r *http.Request, id subject.ID, asked decision.Question) (answer, error) {
	if d.Store == nil {
		return answer{}, fault.At(fault.Invalid, "detail", "a replica knows the answer, not what it rests on: ask the server")
	}
	a, by, err := d.Store.DecideBy(r.Context(), id, asked)
	if err != nil {
		return answer{}, err
	}
	out := answer{Allowed: a.Allowed, Reason: a.Reason, Policy: by}
	out.detail(a)
	return out, nil
}

// detail says what an answer rests on, where it rests on anything the person said.
func (out *answer) detail(a decision.Answer) {
	since := a.State.Since
	if a.Yes != nil {
		since = a.Yes.Since
	}
	out.Since, out.Expires, out.Receipt, out.Evidence = stamp(since), stamp(a.Ends()), explain.EventOf(a), explain.Evidence(a)
	if a.Allowed && a.Yes != nil {
		out.Frequency = a.Yes.Often
	}
}

// stamp writes a time, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(receipt.TimeForm)
}
