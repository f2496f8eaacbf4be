// Package scrub makes of a customer list what may be used of it: the rows of
// people for whom the answer is yes, and of those the columns it covers. All
// else stays behind and is counted by its reason.
//
// A list is CSV or lines of JSON and may have any length: rows are read, asked
// about in batches and written as they come, at constant memory. What cannot be
// read, or asked about, does not come out.
package scrub

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/sheet"
	"github.com/amana-privacy/amana/subject"
)

// Decider answers for one purpose, and one recipient where there is one, about
// many subjects at once.
type Decider interface {
	// Decide sets why[i] to the reason for ids[i] and the data named. All
	// three belong to the caller and hold until Decide returns; an id may be
	// kept. An error ends the run.
	Decide(ids []subject.ID, data []string, why []decision.Reason) error
}

// Column is one that may come out, and the data category of the policy it holds.
type Column struct {
	Name string // in the header, or of the member
	Data string
}

// Config says what to do with a list. Key, Kind, Columns and Decider are needed.
type Config struct {
	Key     string   // column that says who a row is about
	Kind    string   // of that identifier: subject.Email …
	Region  string   // ISO 3166, for phone numbers without a country code
	Columns []Column // at most 64; all others are dropped
	Decider Decider

	Comma byte       // delimiter of the list; 0: found out
	Form  sheet.Form // of the CSV that is written; by default the delimiter of the list

	// Explain, where set, is told of each row in their order: the line it begins
	// in and its reason.
	Explain func(line int, why Reason) error

	// Read, where set, is told how many rows were read, after each batch.
	Read func(rows int)
}

// Reason is why a row came out or stayed: one of decision.Reasons, or one of
// those below.
type Reason = decision.Reason

// Why a row was never asked about.
const (
	Unreadable   Reason = "unreadable"    // it is no record of the list's form
	NoIdentifier Reason = "no_identifier" // its key is empty
	Identifier   Reason = "identifier"    // its key cannot be an identifier of the kind
)

// maxColumns is how many columns a row's permission has room for.
const maxColumns = 64

// Run reads a list from in and writes what may be used of it to out. in may be
// gzip. The report tells of what was written even where an error ended the run;
// out is then not the whole.
func Run(ctx context.Context, in io.Reader, out io.Writer, cfg Config) (Report, error) {
	if err := cfg.check(); err != nil {
		return Report{}, err
	}
	text, err := sheet.Open(in)
	if err != nil {
		return Report{}, err
	}
	b := newBatch(cfg)
	src, err := open(text, &cfg, b)
	if err != nil {
		return Report{}, err
	}
	w := bufio.NewWriterSize(out, 256<<10)
	report, err := pump(ctx, cfg, src, b, w)
	return report, errors.Join(err, w.Flush())
}

func (c Config) check() error {
	switch {
	case c.Key == "" || len(c.Columns) == 0 || c.Decider == nil:
		return fault.New(fault.Invalid, "scrubbing needs a key, at least one column and somebody to ask")
	case len(c.Columns) > maxColumns:
		return fault.New(fault.Invalid, "at most %d columns can come out", maxColumns)
	case !slices.Contains([]string{subject.Email, subject.Phone, subject.Customer, subject.Device}, c.Kind):
		return fault.New(fault.Invalid, "the kind of an identifier is email, phone, customer or device")
	}
	for i, col := range c.Columns {
		if slices.ContainsFunc(c.Columns[:i], func(other Column) bool { return other.Name == col.Name }) {
			return fault.New(fault.Invalid, "a column is named twice")
		}
	}
	return nil
}

// source reads the rows of one form of list.
type source interface {
	// head gives what stands before the rows in what comes out.
	head() []byte

	// next reads a row into the batch; io.EOF at the end.
	next(b *batch) error

	// write appends a row whose pieces with a bit in mask may come out.
	write(to []byte, pieces pieces, mask uint64) []byte
}

// pump moves the rows, batch by batch.
func pump(ctx context.Context, cfg Config, src source, b *batch, w io.Writer) (Report, error) {
	report := Report{}
	out := src.head()
	for {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		b.reset()
		var end error
		for b.n < batchSize && end == nil {
			end = src.next(b)
		}
		if err := b.decide(); err != nil {
			return report, fmt.Errorf("asking about the rows: %w", err)
		}
		for i := range b.n {
			if b.masks[i] != 0 {
				out = src.write(out, b.piecesOf(i), b.masks[i])
			}
		}
		if _, err := w.Write(out); err != nil {
			return report, fmt.Errorf("writing: %w", err)
		}
		out = out[:0]
		if err := b.tell(cfg, &report); err != nil {
			return report, err
		}
		if end == io.EOF {
			return report, nil
		}
		if end != nil {
			return report, end
		}
	}
}
