package store

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Columns are arguments for unnest, one element for each of many rows. A batch has
// some twenty of a thousand elements each: they are written into the room they need,
// where pgx would ask for every element how it is written, and find room for it.
type (
	integers []int64
	blobs    [][]byte
	words    []string
)

// columns writes columns in the form of PostgreSQL's array_send, and everything else
// as pgx does.
type columns struct{ *pgtype.ArrayCodec }

// learnColumns teaches a connection the form of columns.
func learnColumns(_ context.Context, c *pgx.Conn) error {
	m := c.TypeMap()
	for _, of := range []uint32{pgtype.Int8ArrayOID, pgtype.ByteaArrayOID, pgtype.TextArrayOID} {
		t, _ := m.TypeForOID(of)
		m.RegisterType(&pgtype.Type{Name: t.Name, OID: of, Codec: columns{t.Codec.(*pgtype.ArrayCodec)}})
	}
	return nil
}

// PlanEncode implements pgtype.Codec.
func (c columns) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	switch value.(type) {
	case integers, blobs, words:
		if format == pgtype.BinaryFormatCode {
			return columnPlan(c.ElementType.OID)
		}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

// columnPlan is the type of a column's elements.
type columnPlan uint32

// Encode implements pgtype.EncodePlan.
func (of columnPlan) Encode(value any, b []byte) ([]byte, error) {
	switch column := value.(type) {
	case integers:
		b = of.begin(b, len(column), 8*len(column))
		for _, n := range column {
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(n))
		}
	case blobs:
		b = appendColumn(of.begin(b, len(column), length(column)), column)
	case words:
		b = appendColumn(of.begin(b, len(column), length(column)), column)
	}
	return b, nil
}

// room is how much a batch has that is sent next, for a connection to make room for it
// at once: pgx would double what it has, again and again, and copy what it holds.
type room int

func roomFor(asked *pgx.Batch) (r room) {
	for _, q := range asked.QueuedQueries {
		r += 256
		for _, a := range q.Arguments {
			switch column := a.(type) {
			case integers:
				r += room(12 * len(column))
			case blobs:
				r += room(4*len(column) + length(column))
			case words:
				r += room(4*len(column) + length(column))
			}
		}
	}
	return r
}

// Frontend, Decode and Encode implement pgproto3.FrontendMessage: one of no bytes.
func (room) Frontend()                         {}
func (room) Decode([]byte) error               { return nil }
func (r room) Encode(b []byte) ([]byte, error) { return slices.Grow(b, int(r)), nil }

// begin makes room for so many elements of so many bytes in all, and writes what
// stands before them.
func (of columnPlan) begin(b []byte, elements, bytes int) []byte {
	b = slices.Grow(b, 20+4*elements+bytes)
	b = binary.BigEndian.AppendUint32(b, 1) // dimension
	b = binary.BigEndian.AppendUint32(b, 0) // none is NULL
	b = binary.BigEndian.AppendUint32(b, uint32(of))
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(elements)), 1) // numbered from 1
}

func length[T string | []byte](column []T) (sum int) {
	for _, v := range column {
		sum += len(v)
	}
	return sum
}

func appendColumn[T string | []byte](b []byte, column []T) []byte {
	for _, v := range column {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return b
}
