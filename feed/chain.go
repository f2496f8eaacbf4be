package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Position is where every chain stands: how many rows it has, and the hash that
// they come to.
type Position struct {
	Rows [Chains]uint64
	Hash [Chains][32]byte
}

// Begin gives the position at which a feed begins. A feed is named by its
// origin and epoch: another key of its tags is another epoch.
func Begin(origin, epoch string) *Position {
	p := &Position{}
	for i := range p.Hash {
		p.Hash[i] = sha256.Sum256(fmt.Appendf(nil, "amana/feed/chain/v1\n%s\n%s\n%d\n", origin, epoch, i))
	}
	return p
}

// BeginAt gives the position of a feed that begins where earlier epochs have come
// to: rows are counted on, so that whoever followed those can tell whether this one
// is behind them.
func BeginAt(origin, epoch string, rows [Chains]uint64) *Position {
	p := Begin(origin, epoch)
	p.Rows = rows
	return p
}

// Extend puts a row's bytes at the end of a chain.
func (p *Position) Extend(chain int, row []byte) {
	p.Hash[chain] = Next(p.Hash[chain], row)
	p.Rows[chain]++
}

// Next gives the hash of a chain with one more row.
func Next(hash [32]byte, row []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("amana/feed/row/v1\n"))
	h.Write(hash[:])
	h.Write(row)
	return [32]byte(h.Sum(nil))
}

// Sum gives one hash of a position.
func (p *Position) Sum() [32]byte { return sha256.Sum256(p.append([]byte("amana/feed/position/v1\n"))) }

// Total gives how many rows there are in all.
func (p *Position) Total() uint64 {
	n := uint64(0)
	for _, rows := range p.Rows {
		n += rows
	}
	return n
}

func (p *Position) append(b []byte) []byte {
	for i, rows := range p.Rows {
		b = append(binary.BigEndian.AppendUint64(b, rows), p.Hash[i][:]...)
	}
	return b
}

func (r *reader) position() *Position {
	p := &Position{}
	for i := range p.Rows {
		if raw := r.take(40); raw != nil {
			p.Rows[i], p.Hash[i] = binary.BigEndian.Uint64(raw), [32]byte(raw[8:])
		}
	}
	return p
}
