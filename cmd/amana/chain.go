package main

import (
	"context"
	"fmt"
	"io"

	"github.com/amana-privacy/amana/decision"
	why "github.com/amana-privacy/amana/explain"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
)

// chained is one link of what an answer rests on, as the company door has it.
type chained struct {
	Step  why.Step  `json:"step"`
	State why.State `json:"state"`
	Value string    `json:"value,omitempty"`
	En    string    `json:"en"`
	Ar    string    `json:"ar"`
}

// print writes a link as a line, and under it what it is named by.
func (c chained) print(w io.Writer, words *lang.Words) {
	text := map[string]string{"en": c.En, "ar": c.Ar}[words.Tag]
	fmt.Fprintf(w, "\n%s (%s)\n  %s\n", words.Of("step", c.Step), words.Of("state", c.State), plain(text))
	if c.Value != "" {
		fmt.Fprintf(w, "  %s\n", plain(c.Value))
	}
}

// chain says what an answer rests on. A receipt that is gone since, with the
// person it was of, is none.
func (l local) chain(ctx context.Context, q decision.Question, a decision.Answer) ([]chained, error) {
	whole := why.Decision{Question: q, Reason: a.Reason, InForce: l.in.db.InForce(), Evidence: why.Evidence(a)}
	if id := why.EventOf(a); id != "" {
		list, err := l.in.db.Receipts(ctx, []string{id})
		if err != nil && fault.KindOf(err) != fault.Unknown {
			return nil, err
		}
		if err == nil {
			whole.Receipt = &list[0]
		}
	}
	en, _ := lang.For("en", lang.Options{})
	ar, _ := lang.For("ar", lang.Options{})
	var out []chained
	arabic := why.Chain(whole, ar)
	for i, link := range why.Chain(whole, en) {
		out = append(out, chained{link.Step, link.State, link.Value, link.Text, arabic[i].Text})
	}
	return out, nil
}
