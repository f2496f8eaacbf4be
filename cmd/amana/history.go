package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

type historyRequest struct {
	Subject string    `json:"subject,omitempty"`
	Purpose string    `json:"purpose,omitempty"`
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Oldest  bool      `json:"oldest,omitempty"`
	Limit   int       `json:"limit,omitempty"`
	Cursor  string    `json:"cursor,omitempty"`
	Clear   bool      `json:"clear,omitempty"`
}

// historyShown has the members of the company door's answer.
type historyShown struct {
	Events []happened `json:"events"`
	Next   string     `json:"next,omitempty"`
}

type happened struct {
	ID        string    `json:"id,omitempty"`
	Time      time.Time `json:"time"`
	Kind      string    `json:"kind"`
	Purpose   string    `json:"purpose,omitempty"`
	Recipient string    `json:"recipient,omitempty"`
	Decision  string    `json:"decision,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Surface   string    `json:"surface,omitempty"`
}

func runHistory(ctx context.Context, e env, args []string) error {
	fs := find("history").flags(e)
	var at place
	at.flags(fs, "amana-data")
	var q historyRequest
	fs.StringVar(&q.Purpose, "purpose", "", "only what is about this purpose")
	fs.BoolVar(&q.Oldest, "oldest", false, "the oldest first")
	fs.IntVar(&q.Limit, "limit", store.DefaultHistory, fmt.Sprintf("how many at most, up to %d", store.MaxHistory))
	fs.StringVar(&q.Cursor, "cursor", "", "where the page before ended")
	fs.BoolVar(&q.Clear, "clear", false, "show identifiers as they are")
	fs.Func("from", "not before this time, e.g. 2026-03-01 or 2026-03-01T09:00:00Z", timeFlag(&q.From))
	fs.Func("until", "before this time", timeFlag(&q.Until))
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) > 1 {
		return fmt.Errorf("one subject at a time: amana history email:sara@example.com")
	}
	if len(operands) == 1 {
		q.Subject = operands[0]
	}
	var page historyShown
	err = operate(ctx, at, func(op operator) (err error) {
		page, err = op.History(ctx, q)
		return err
	})
	switch k := fault.KindOf(err); {
	case err == nil && *asJSON:
		return json.NewEncoder(e.stdout).Encode(page)
	case err == nil:
		return tellHistory(e, page)
	case k == fault.Invalid || k == fault.Malformed:
		return err
	}
	return exitError{exitUnknown, err.Error()}
}

// timeFlag reads a day (UTC) or a time of RFC 3339.
func timeFlag(into *time.Time) func(string) error {
	return func(s string) (err error) {
		if *into, err = time.Parse(time.DateOnly, s); err == nil {
			return nil
		}
		if *into, err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("not a time such as 2026-03-01 or 2026-03-01T09:00:00Z")
		}
		return nil
	}
}

func tellHistory(e env, page historyShown) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, h := range page.Events {
		about := h.Purpose
		if h.Recipient != "" {
			about += " → " + h.Recipient
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", h.Time.UTC().Format("2006-01-02 15:04:05"), h.Kind, plain(h.Subject), about)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if page.Next != "" {
		_, err := io.WriteString(e.stderr, "there is more: --cursor "+page.Next+"\n")
		return err
	}
	return nil
}

func (l local) History(ctx context.Context, r historyRequest) (historyShown, error) {
	q := store.HistoryQuery{Purpose: r.Purpose, From: r.From, Until: r.Until, Oldest: r.Oldest, Limit: r.Limit, Cursor: r.Cursor}
	if r.Subject != "" {
		region := ""
		if v := l.in.db.InForce(); v != nil {
			region = v.Policy.DefaultRegion
		}
		var err error
		if q.Subject, err = subject.Parse(r.Subject, region); err != nil {
			return historyShown{}, err
		}
	}
	page, err := l.in.db.Events(ctx, q)
	if err != nil {
		return historyShown{}, err
	}
	out := historyShown{Events: []happened{}, Next: page.Next}
	for _, h := range page.Events {
		one := happened{ID: h.ID, Time: h.Time, Kind: h.Kind, Purpose: h.Purpose, Recipient: h.Recipient, Decision: string(h.Decision), Surface: string(h.Surface)}
		switch {
		case h.Subject == "":
		case r.Clear:
			one.Subject = string(h.Subject)
		default:
			one.Subject = h.Subject.Masked()
		}
		out.Events = append(out.Events, one)
	}
	return out, nil
}

func (r remote) History(ctx context.Context, in historyRequest) (out historyShown, err error) {
	return out, r.call(ctx, "/history", in, &out)
}
