package main

import (
	"bufio"
	"context"
	"encoding/json"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/transfer"
)

// exportRequest says what is taken out, and by whom.
type exportRequest struct {
	By       string `json:"by"`
	Consents string `json:"consents"` // what stands, as csv or ndjson; "" = everything
	Comma    byte   `json:"comma"`
}

// exported is what was taken out, or so far.
type exported struct {
	Persons  int `json:"persons"`
	Receipts int `json:"receipts,omitempty"`
	Answers  int `json:"answers,omitempty"`

	// Barred are yeses that stand and may not be used now, by why. They are in the
	// list under that word.
	Barred map[string]int `json:"barred,omitempty"`
}

// exportNews is how often news of an export is told, in persons.
const exportNews = 500

func (l local) Export(ctx context.Context, r exportRequest, s stream) (out exported, err error) {
	w := bufio.NewWriterSize(s.out, 256<<10)
	count := func() error {
		if out.Persons++; out.Persons%exportNews == 0 {
			return s.tell(out)
		}
		return nil
	}
	switch r.Consents {
	case "":
		err = l.everything(ctx, r.By, json.NewEncoder(w), &out, count)
	case "csv":
		err = l.standing(ctx, r.By, transfer.NewCSV(w, r.Comma), &out, count)
	case "ndjson":
		err = l.standing(ctx, r.By, transfer.NewJSON(w), &out, count)
	default:
		err = fault.At(fault.Invalid, "consents", "what stands is written as csv or ndjson")
	}
	if err == nil {
		err = w.Flush()
	}
	return out, err
}

func (l local) everything(ctx context.Context, by string, enc *json.Encoder, out *exported, count func() error) error {
	enc.SetEscapeHTML(false)
	return l.in.db.Export(ctx, by, func(line transfer.Line) error {
		if line.Receipt != nil {
			out.Receipts++
		}
		if err := enc.Encode(line); err != nil || line.Person == nil {
			return err
		}
		return count()
	})
}

func (l local) standing(ctx context.Context, by string, w *transfer.Writer, out *exported, count func() error) error {
	var last string
	err := l.in.db.ExportConsents(ctx, by, func(row transfer.Row) error {
		out.Answers++
		out.barred(string(row.Choice.Decision))
		if err := w.Write(row); err != nil || string(row.Subject) == last {
			return err
		}
		last = string(row.Subject)
		return count()
	})
	if err != nil {
		return err
	}
	return w.Flush()
}

// barred counts a row of a list that is there under a reason in place of its answer.
func (o *exported) barred(word string) {
	switch decision.Reason(word) {
	case "", decision.Given, decision.Refused, decision.Withdrawn, decision.Unconfirmed, decision.Expired:
		return
	}
	if o.Barred == nil {
		o.Barred = map[string]int{}
	}
	o.Barred[word]++
}

func (r remote) Export(ctx context.Context, in exportRequest, s stream) (out exported, err error) {
	return out, r.stream(ctx, "/export", in, s, &out)
}
