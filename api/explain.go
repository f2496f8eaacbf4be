package api

import (
	"context"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/explain"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
)

// link is one link of what an answer rests on, in both languages.
type link struct {
	Step  explain.Step  `json:"step" enum:"policy|scope|event|receipt|ledger" doc:"Which link."`
	State explain.State `json:"state" enum:"holds|against|none" doc:"holds; against: the answer is no because of it; none: nothing is here."`
	Value string        `json:"value,omitempty" doc:"The id of the version, the id of the scope, the time of the event, the id of the receipt, the index of the entry in the log."`
	En    string        `json:"en" doc:"In English."`
	Ar    string        `json:"ar" doc:"In Arabic."`
}

// words gives a language with the digits and the calendar of the policy in force,
// as the customers' pages have them.
func (d *door) words(tag string) *lang.Words {
	var o lang.Options
	if v := d.Store.InForce(); v != nil {
		o = lang.Options{Digits: lang.Digits(v.Policy.Digits), Calendar: lang.Calendar(v.Policy.Calendar)}
	}
	w, _ := lang.For(tag, o)
	return w
}

// chain says what an answer with detail rests on.
func (d *door) chain(ctx context.Context, q decision.Question, a answer) ([]link, error) {
	whole, err := explained(ctx, d.Store, q, a)
	if err != nil {
		return nil, err
	}
	en, ar := d.words("en"), d.words("ar")
	var out []link
	arabic := explain.Chain(whole, ar)
	for i, l := range explain.Chain(whole, en) {
		out = append(out, link{l.Step, l.State, l.Value, l.Text, arabic[i].Text})
	}
	return out, nil
}

// explained fetches what belongs to an answer with detail. A receipt that is
// gone since, with the person it was of, is none.
func explained(ctx context.Context, db *store.DB, q decision.Question, a answer) (explain.Decision, error) {
	whole := explain.Decision{Question: q, Reason: a.Reason, InForce: db.Version(a.Policy), Evidence: a.Evidence}
	if a.Receipt == "" {
		return whole, nil
	}
	list, err := db.Receipts(ctx, []string{a.Receipt})
	switch {
	case fault.KindOf(err) == fault.Unknown:
		return whole, nil
	case err != nil:
		return whole, err
	}
	whole.Receipt = new(receipt.Receipt)
	*whole.Receipt = list[0]
	return whole, nil
}
