package scrub

import (
	"slices"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/subject"
)

// batchSize is how many rows are asked about at once: a table that is asked in
// batches hides the time its memory takes.
const batchSize = 64

// batch is some rows on their way. Its memory is used again for the next.
type batch struct {
	cfg   Config
	all   uint64   // a bit for every column
	data  []string // of all columns, each once, sorted
	masks [batchSize]uint64
	why   [batchSize]Reason // "" until it is known
	lines [batchSize]int
	n     int

	text []byte // of the pieces of all rows
	cuts []int  // where in text each piece ends

	names []byte // normal forms of all rows that are asked about
	ends  []int  // where in names each ends
	slots []int  // the row each belongs to

	ids   []subject.ID
	whys  []decision.Reason
	again []int
}

func newBatch(cfg Config) *batch {
	b := &batch{cfg: cfg, all: 1<<len(cfg.Columns) - 1}
	b.cfg.Columns = slices.Clone(cfg.Columns) // they are brought into the order of the file
	for _, c := range cfg.Columns {
		b.data = append(b.data, c.Data)
	}
	slices.Sort(b.data)
	b.data = slices.Compact(b.data)
	return b
}

func (b *batch) reset() {
	b.n, b.text, b.cuts, b.names, b.ends, b.slots = 0, b.text[:0], b.cuts[:0], b.names[:0], b.ends[:0], b.slots[:0]
}

// begin makes room for a row.
func (b *batch) begin(line int) {
	b.lines[b.n], b.why[b.n], b.masks[b.n] = line, "", 0
}

// reject ends a row that is not asked about. Its pieces are forgotten.
func (b *batch) reject(line int, why Reason) {
	b.begin(line)
	b.why[b.n] = why
	for len(b.cuts) < (b.n+1)*len(b.cfg.Columns) {
		b.cuts = append(b.cuts, len(b.text))
	}
	b.n++
}

// piece ends the next piece of a row, of which text has been given its bytes.
func (b *batch) piece() { b.cuts = append(b.cuts, len(b.text)) }

// about ends a row by saying who it is about.
func (b *batch) about(line int, key []byte) {
	before := len(b.names)
	var ok bool
	if b.names, ok = subject.AppendPlain(b.names, b.cfg.Kind, b.cfg.Region, key); !ok {
		if len(key) == 0 {
			b.reject(line, NoIdentifier)
			return
		}
		id, err := subject.Parse(b.cfg.Kind+":"+string(key), b.cfg.Region)
		if err != nil {
			b.names = b.names[:before]
			b.reject(line, Identifier)
			return
		}
		b.names = append(b.names, id...)
	}
	b.begin(line)
	b.ends, b.slots = append(b.ends, len(b.names)), append(b.slots, b.n)
	b.n++
}

// decide asks about all rows, and once more, data by data, about those whose
// yes covers less than all the columns.
func (b *batch) decide() error {
	b.ids = b.ids[:0]
	names, from := string(b.names), 0 // the one allocation of a batch
	for _, to := range b.ends {
		b.ids = append(b.ids, subject.ID(names[from:to]))
		from = to
	}
	if len(b.ids) == 0 {
		return nil
	}
	if err := b.ask(b.data); err != nil {
		return err
	}
	b.again = b.again[:0]
	for i, slot := range b.slots {
		switch b.why[slot] = b.whys[i]; {
		case permitted(b.whys[i]):
			b.masks[slot] = b.all
		case b.whys[i] == decision.OutsideScope && len(b.data) > 1:
			b.again = append(b.again, i)
		}
	}
	return b.narrow()
}

func (b *batch) ask(data []string) error {
	b.whys = slices.Grow(b.whys[:0], len(b.ids))[:len(b.ids)]
	clear(b.whys)
	return b.cfg.Decider.Decide(b.ids, data, b.whys)
}

func permitted(why decision.Reason) bool { return why == decision.Given || why == decision.Basis }

// narrow finds the columns that the rest may still give.
func (b *batch) narrow() error {
	if len(b.again) == 0 {
		return nil
	}
	for to, from := range b.again {
		b.ids[to], b.slots[to] = b.ids[from], b.slots[from]
	}
	b.ids = b.ids[:len(b.again)]
	for d := range b.data {
		if err := b.ask(b.data[d : d+1]); err != nil {
			return err
		}
		for i, why := range b.whys {
			if permitted(why) {
				b.masks[b.slots[i]] |= b.columnsOf(b.data[d])
				b.why[b.slots[i]] = why
			}
		}
	}
	return nil
}

func (b *batch) columnsOf(data string) (mask uint64) {
	for i, c := range b.cfg.Columns {
		if c.Data == data {
			mask |= 1 << i
		}
	}
	return mask
}

// pieces are what a row has to give, one for each column.
type pieces struct {
	text []byte
	from int
	ends []int
}

func (b *batch) piecesOf(row int) pieces {
	k := len(b.cfg.Columns)
	p := pieces{text: b.text, ends: b.cuts[row*k : (row+1)*k]}
	if row > 0 {
		p.from = b.cuts[row*k-1]
	}
	return p
}

// at gives a piece.
func (p pieces) at(i int) []byte {
	if i == 0 {
		return p.text[p.from:p.ends[0]]
	}
	return p.text[p.ends[i-1]:p.ends[i]]
}

// tell counts the rows and explains them.
func (b *batch) tell(cfg Config, report *Report) error {
	for i := range b.n {
		report.count(b.why[i], b.masks[i] != 0 && b.masks[i] != b.all)
		if cfg.Explain != nil {
			if err := cfg.Explain(b.lines[i], b.why[i]); err != nil {
				return err
			}
		}
	}
	if cfg.Read != nil {
		cfg.Read(report.Rows)
	}
	return nil
}
