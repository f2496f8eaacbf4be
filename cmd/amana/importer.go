package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/transfer"
)

// importRequest says how a list is to be read and taken in; the list follows.
type importRequest struct {
	Preset   string                    `json:"preset"`
	Columns  map[string]transfer.Field `json:"columns"`
	Words    map[string]string         `json:"words"`
	Status   string                    `json:"status"`
	Purpose  string                    `json:"purpose"`
	Purposes map[string]string         `json:"purposes"`
	Evidence []transfer.EvidenceSet    `json:"evidence"`
	Comma    byte                      `json:"comma"`
	Zone     string                    `json:"zone"`
	Dates    string                    `json:"dates"`
	Encoding string                    `json:"encoding"`
	DryRun   bool                      `json:"dry_run"`
	Tell     bool                      `json:"tell"` // each row that was left
}

// importNews is what is told on the way: how many rows were read, and which
// were left.
type importNews struct {
	Rows int       `json:"rows"`
	Left []leftRow `json:"left,omitempty"`
}

// leftRow is a row that was left, by its line; never by what stands there.
type leftRow struct {
	Line   int            `json:"line"`
	Field  transfer.Field `json:"field,omitempty"`
	Reason string         `json:"reason"`
}

// imported is what a list came to.
type imported struct {
	DryRun   bool                   `json:"dry_run,omitempty"`
	Rows     int                    `json:"rows"`
	Taken    map[consent.Answer]int `json:"taken"`    // written now
	Standing int                    `json:"standing"` // the same stood already
	Left     map[string]int         `json:"left"`     // by reason
	Evidence map[string]string      `json:"evidence"` // ids of the sets, by name

	// NoesLeft are rows among Left that are a no or may be one, FirstNo the first
	// of their lines.
	NoesLeft int `json:"noes_left,omitempty"`
	FirstNo  int `json:"first_no,omitempty"`
}

// importAtOnce is how many rows share a commit.
const importAtOnce = 1000

func (l local) Import(ctx context.Context, r importRequest, s stream) (imported, error) {
	i := &importer{l: l, s: s, r: r, out: imported{DryRun: r.DryRun, Taken: map[consent.Answer]int{}, Left: map[string]int{}, Evidence: map[string]string{}}}
	options, err := i.options(ctx)
	if err != nil {
		return i.out, err
	}
	for row, err := range transfer.Rows(s.in, options) {
		if reject, ok := errors.AsType[*transfer.Reject](err); ok {
			i.out.Rows++
			i.leave(leftRow{reject.Line, reject.Field, string(reject.Reason)}, reject.MayBeNo)
			err = nil
		} else if err == nil {
			i.out.Rows++
			i.batch = append(i.batch, row)
		}
		if err != nil { // the list ends here; what stood before is taken
			if flushed := i.flush(ctx); flushed != nil {
				err = errors.Join(err, flushed)
			}
			return i.out, err
		}
		if len(i.batch)+len(i.left) >= importAtOnce {
			if err := i.flush(ctx); err != nil {
				return i.out, err
			}
		}
	}
	return i.out, i.flush(ctx)
}

// importer takes one list in.
type importer struct {
	l     local
	s     stream
	r     importRequest
	sets  []store.Evidence
	batch []transfer.Row
	left  []leftRow
	out   imported
}

// options registers the evidence, or looks at it in a dry run.
func (i *importer) options(ctx context.Context) (transfer.Options, error) {
	o := transfer.Options{Preset: i.r.Preset, Columns: i.r.Columns, Words: i.r.Words, Status: i.r.Status, Purpose: i.r.Purpose, Purposes: i.r.Purposes,
		Comma: i.r.Comma, Dates: i.r.Dates, Encoding: i.r.Encoding, Now: time.Now()}
	v := i.l.in.db.InForce()
	switch {
	case v == nil:
		return o, fault.New(fault.Conflict, "no policy is in force yet")
	case i.l.in.site == "" && !i.r.DryRun:
		return o, fault.New(fault.Invalid, "receipts say where an answer is taken back, and no server runs that knows: say --public-url https://…")
	}
	o.Region = v.Policy.DefaultRegion
	var err error
	if o.Zone, err = time.LoadLocation(i.r.Zone); err != nil {
		return o, fault.New(fault.Invalid, "no time zone is called so; say one such as Asia/Riyadh")
	}
	for n := range i.r.Evidence {
		declare := i.l.in.db.RegisterEvidence
		if i.r.DryRun {
			declare = i.l.in.db.CheckEvidence
		}
		e, err := declare(ctx, i.r.Evidence[n])
		if err != nil {
			return o, err
		}
		i.sets, o.Evidence = append(i.sets, e), append(o.Evidence, &i.r.Evidence[n])
		i.out.Evidence[e.Set.Name] = e.ID
	}
	return o, nil
}

func (i *importer) leave(row leftRow, mayBeNo bool) {
	i.out.Left[row.Reason]++
	i.left = append(i.left, row)
	if !mayBeNo {
		return
	}
	if i.out.NoesLeft++; i.out.FirstNo == 0 || row.Line < i.out.FirstNo {
		i.out.FirstNo = row.Line
	}
}

// flush writes what was gathered and says how far it is.
func (i *importer) flush(ctx context.Context) error {
	outcomes, err := i.l.in.db.Import(ctx, i.batch, i.sets, i.r.DryRun)
	if err != nil {
		return fmt.Errorf("after %d rows: %w", i.out.Rows-len(i.batch), err)
	}
	for n, o := range outcomes {
		switch row := i.batch[n]; o {
		case store.Taken:
			i.out.Taken[row.Choice.Decision]++
		case store.Standing:
			i.out.Standing++
		default:
			lost := row.Choice.Decision != consent.Given && (o == store.NoPurpose || o == store.NoRecipient)
			i.leave(leftRow{Line: row.Line, Reason: string(o)}, lost)
		}
	}
	news := importNews{Rows: i.out.Rows}
	if i.r.Tell {
		news.Left = i.left
	}
	i.batch, i.left = i.batch[:0], i.left[:0]
	return i.s.tell(news)
}

func (r remote) Import(ctx context.Context, in importRequest, s stream) (out imported, err error) {
	return out, r.stream(ctx, "/import", in, s, &out)
}
