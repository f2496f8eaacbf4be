package feed

import (
	"encoding/binary"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Run is consecutive rows of one chain, as bytes.
type Run struct {
	Chain int
	First uint64 // how many rows the chain has before them
	Rows  [][]byte
}

// Batch is rows and the head they lead to:
//
//	length, head; count, runs: chain, first, count, rows: length, bytes …
type Batch struct {
	Head []byte // a signed note
	Runs []Run
}

// Append appends the bytes of a batch.
func (m Batch) Append(b []byte) []byte {
	b = appendInt(appendBytes(b, m.Head), len(m.Runs))
	for _, run := range m.Runs {
		b = binary.AppendUvarint(appendInt(b, run.Chain), run.First)
		b = appendInt(b, len(run.Rows))
		for _, row := range run.Rows {
			b = appendBytes(b, row)
		}
	}
	return b
}

// ReadBatch reads a batch, whose bytes it keeps.
func ReadBatch(raw []byte) (Batch, error) {
	r := reader{rest: raw}
	m := Batch{Head: r.bytes()}
	for range r.count() {
		run := Run{Chain: r.below(Chains), First: r.uint()}
		for range r.count() {
			run.Rows = append(run.Rows, r.bytes())
		}
		m.Runs = append(m.Runs, run)
	}
	if !r.end() {
		return Batch{}, malformed("a batch of the feed")
	}
	return m, nil
}

// Writer vouches for rows. It is not safe for concurrent use.
type Writer struct {
	Origin, Epoch string
	Key           note.Signer
	At            *Position
	Number        uint64 // of the last head
}

// Batch puts runs at the end of their chains, each where its chain stands, and
// signs where that leads to. Without runs it is a heartbeat.
func (w *Writer) Batch(runs []Run, now time.Time) (Batch, error) {
	for _, run := range runs {
		if run.Chain < 0 || run.Chain >= Chains || run.First != w.At.Rows[run.Chain] {
			return Batch{}, ErrGap
		}
		for _, row := range run.Rows {
			w.At.Extend(run.Chain, row)
		}
	}
	w.Number++
	head := Head{w.Origin, w.Epoch, w.Number, now, w.At.Total(), w.At.Sum()}
	signed, err := head.Sign(w.Key)
	return Batch{signed, runs}, err
}
