// Package feed carries what decisions rest on from a server to its replicas:
// the rows, the chains they form, the signed heads that vouch for them, the
// snapshot to begin from, and the replica that takes nothing unproved and says
// stale when it hears nothing.
//
// A row says what is known of one identifier from now on, under its keyed tag;
// or what holds for everybody. Each shard's rows form a hash chain; one more
// chain holds the rules. A head signs where all chains stand. It comes with
// every batch of rows, and at least every Beat, so that it is the heartbeat as
// well. A replica applies a batch when its rows lead exactly to its head, and
// not before.
//
// What it cannot see is a server that lies from the start, and one that tells
// each replica another story: for that heads are logged.
package feed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Shards is how many chains of identifiers there are; the chain of rules has
// the number after them.
const (
	Shards = 256
	Chains = Shards + 1
	Rules  = Shards
)

// Beat is how long a server lets pass at most between two heads, Bound how old
// what a replica knows may be before it says stale.
const (
	Beat  = 500 * time.Millisecond
	Bound = 2 * time.Second
)

// Why a replica does not take what it was given. Besides, it may be malformed.
var (
	ErrGap      = errors.New("rows are missing")                                      // resume from Position, or load a snapshot
	ErrEpoch    = errors.New("the feed began anew")                                   // load a snapshot
	ErrForked   = errors.New("the rows are not those that were signed")               // stale at once
	ErrRollback = errors.New("the feed stands behind what it once was")               // stale at once
	ErrUnsigned = errors.New("no signature of the feed's key")                        // nothing has changed
	ErrUngreet  = errors.New("no hello was heard, so that the age of a head is open") // Greet first
)

// errMalformed is what no server writes.
var errMalformed = errors.New("malformed")

func malformed(what string) error { return fmt.Errorf("%s: %w", what, errMalformed) }

// reader reads numbers and bytes of a message; after the first that is missing
// it gives zeros, and bad is set.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) fail() { r.rest, r.bad = nil, true }

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) int() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// below reads a number less than limit.
func (r *reader) below(limit int) int {
	n := r.uint()
	if n >= uint64(max(limit, 0)) {
		r.fail()
		return 0
	}
	return int(n)
}

// count reads how many things follow, each of at least one byte.
func (r *reader) count() int { return r.below(len(r.rest) + 1) }

// take gives the next n bytes, which stay those of the message.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail()
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// bytes reads a length and so many bytes.
func (r *reader) bytes() []byte { return r.take(r.count()) }

// end reports whether all was read, and nothing was missing.
func (r *reader) end() bool { return !r.bad && len(r.rest) == 0 }

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendInt(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }
