package main

import (
	"bufio"
	"context"
	"io"
	"strconv"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/scrub"
	"github.com/amana-privacy/amana/sheet"
)

// scrubRequest says what a list is to be used for; the list follows.
type scrubRequest struct {
	Purpose   string         `json:"purpose"`
	Recipient string         `json:"recipient"`
	Key       string         `json:"key"`
	Kind      string         `json:"kind"`
	Columns   []scrub.Column `json:"columns"`
	GPC       bool           `json:"gpc"`
	Comma     byte           `json:"comma"`
	Safe      bool           `json:"safe"`    // for spreadsheets
	Explain   bool           `json:"explain"` // write the reason of each row beside
}

// scrubbed is what became of a list, or so far.
type scrubbed struct {
	scrub.Report
	Dropped []string `json:"dropped,omitempty"` // columns that nobody's yes to the purpose covers
}

// scrubNews is how often news of scrubbing is told, in rows.
const scrubNews = 1 << 16

func (l local) Scrub(ctx context.Context, r scrubRequest, s stream) (out scrubbed, err error) {
	v := l.in.db.InForce()
	if v == nil {
		return out, fault.New(fault.Conflict, "no policy is in force yet")
	}
	kept, dropped, err := scrub.Fit(v, r.Purpose, r.Columns)
	if err != nil {
		return out, err
	}
	for _, c := range dropped {
		out.Dropped = append(out.Dropped, c.Name)
	}
	if len(kept) == 0 {
		return out, fault.New(fault.Invalid, "the purpose uses the data of none of these columns")
	}
	if _, ok := v.Policy.Recipients[r.Recipient]; r.Recipient != "" && !ok {
		return out, fault.At(fault.Invalid, "recipient", "the policy has no recipient %q", r.Recipient)
	}
	if err := l.in.db.EnterScrub(ctx, r.Purpose, r.Recipient); err != nil {
		return out, err
	}
	known := l.in.publisher
	if known == nil { // nothing is served: the table is filled for this list
		known = publisher.New(ctx, publisher.Config{Store: l.in.db, Ring: l.in.ring})
		defer known.Close()
		if err := known.Ready(ctx); err != nil {
			return out, err
		}
	}
	side := bufio.NewWriterSize(s.side, 64<<10)
	cfg := scrub.Config{Key: r.Key, Kind: r.Kind, Region: v.Policy.DefaultRegion, Columns: kept, Comma: r.Comma, Form: sheet.Form{BOM: r.Safe, Safe: r.Safe},
		Decider: known.Asking(ctx, decision.Question{Purpose: r.Purpose, Recipient: r.Recipient, Signals: consent.Signals{GPC: r.GPC}}),
		Read:    reading(s)}
	if r.Explain {
		cfg.Explain = explain(side)
	}
	out.Report, err = scrub.Run(ctx, s.in, s.out, cfg)
	if err == nil {
		err = side.Flush()
	}
	return out, err
}

// reading tells how many rows were read, now and then.
func reading(s stream) func(int) {
	next := scrubNews
	return func(rows int) {
		if rows >= next {
			next = rows + scrubNews
			s.tell(scrub.Report{Rows: rows}) // who does not hear it hears the end
		}
	}
}

// explain writes a line for each row.
func explain(w io.Writer) func(int, scrub.Reason) error {
	var b []byte
	return func(line int, why scrub.Reason) error {
		b = append(append(strconv.AppendInt(b[:0], int64(line), 10), ','), why...)
		_, err := w.Write(append(b, '\n'))
		return err
	}
}

func (r remote) Scrub(ctx context.Context, in scrubRequest, s stream) (out scrubbed, err error) {
	return out, r.stream(ctx, "/scrub", in, s, &out)
}
