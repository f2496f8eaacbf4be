package feed

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/table"
)

// A snapshot is everything that rows up to a head came to: the file a replica
// begins from. Records of a kind, a length and so many bytes follow each other:
//
//	begin        signed head; position; about how many identifiers
//	rule         a row of the rules, as in the feed: all versions, then the state
//	profile      a profile; they are numbered from 0 as they come
//	identifiers  tag, number of a profile, times; and so on
//	erased       tags of those who were erased and are not known since; and so on
//	end          a signed note with the hash of all bytes before this record
//
// It is written and read in one pass. It says of everybody what was so at its head
// or later: what came after the head is in the rows that follow it, too.
const (
	recordBegin = iota + 1
	recordRule
	recordProfile
	recordIdentifiers
	recordEnd
	recordErased
)

const (
	snapshotMagic = "amana/feed/snapshot/v1\n"
	mostRecord    = 16 << 20
	blockSize     = 64 << 10
)

// How long a snapshot may be, whose end alone is signed: so many bytes for each row of
// its head, and some for versions, and for people who came while it was written.
// One of ours has about 24 for each identifier, of which there was at least one row.
const (
	mostForEach = 256
	mostBeside  = 256 << 20
)

// SnapshotWriter writes a snapshot: Rule for every row of the rules, Add for
// every identifier, in any order, Erased for whoever was; then Close.
type SnapshotWriter struct {
	w        *bufio.Writer
	sum      hash.Hash
	head     Head
	key      note.Signer
	profiles map[string]int
	block    []byte
	err      error
}

// NewSnapshotWriter begins a snapshot as of a signed head and its position, of
// about count identifiers, at most as many as there are rows.
func NewSnapshotWriter(w io.Writer, head []byte, verifier note.Verifier, at *Position, count uint64, key note.Signer) (*SnapshotWriter, error) {
	h, err := OpenHead(head, verifier)
	if err != nil {
		return nil, err
	}
	s := &SnapshotWriter{w: bufio.NewWriterSize(w, 1<<20), sum: sha256.New(), head: h, key: key, profiles: map[string]int{}}
	s.write([]byte(snapshotMagic))
	s.record(recordBegin, binary.AppendUvarint(at.append(appendBytes(nil, head)), count))
	return s, s.err
}

func (s *SnapshotWriter) write(b []byte) {
	if s.err == nil {
		s.sum.Write(b)
		_, s.err = s.w.Write(b)
	}
}

func (s *SnapshotWriter) record(kind byte, b []byte) {
	s.write(appendInt([]byte{kind}, len(b)))
	s.write(b)
}

// Rule writes a row that holds for everybody.
func (s *SnapshotWriter) Rule(row Row) error {
	s.record(recordRule, Encode(row))
	return s.err
}

// Add writes what is known of an identifier. times are as many as p has anchors.
func (s *SnapshotWriter) Add(tag table.Tag, p table.Profile, times []int64) error {
	raw := appendProfile(nil, p)
	n, ok := s.profiles[string(raw)]
	if !ok {
		n = len(s.profiles)
		s.profiles[string(raw)] = n
		s.record(recordProfile, raw)
	}
	s.block = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(s.block, tag.Hi), tag.Lo)
	s.block = appendInt(s.block, n)
	for _, t := range times {
		s.block = appendSigned(s.block, t)
	}
	if len(s.block) >= blockSize {
		s.flush()
	}
	return s.err
}

func (s *SnapshotWriter) flush() {
	if len(s.block) > 0 {
		s.record(recordIdentifiers, s.block)
		s.block = s.block[:0]
	}
}

// Erased writes tags of those who were erased, as table.Suppress takes them.
func (s *SnapshotWriter) Erased(tags []table.Tag) error {
	s.flush()
	for block := range slices.Chunk(tags, blockSize/16) {
		var b []byte
		for _, tag := range block {
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, tag.Hi), tag.Lo)
		}
		s.record(recordErased, b)
	}
	return s.err
}

// Close ends and signs the snapshot. It does not close what it is written to.
func (s *SnapshotWriter) Close() error {
	s.flush()
	signed, err := sign(snapshotText(s.head, s.sum.Sum(nil)), s.key)
	if err != nil {
		return err
	}
	s.record(recordEnd, signed)
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.err
}

func snapshotText(h Head, sum []byte) string {
	return fmt.Sprintf("%s%s\n%s\n%d\n%s\n", snapshotMagic, h.Origin, h.Epoch, h.Number, base64.StdEncoding.EncodeToString(sum))
}

// Load begins anew from a snapshot. Until it was read to its end and found
// signed the table answers as before; and what it says stays stale until the
// next head. A snapshot may be older than the newest head that was ever taken: then
// the feed has to lead to that before anything is answered. One of another epoch
// that has fewer rows, in all or in one chain, is ErrRollback.
func (r *Replica) Load(src io.Reader, now time.Time) error {
	s := snapshotReader{src: bufio.NewReaderSize(src, 1<<20), sum: sha256.New(), replica: r, left: mostRecord, book: newBook(), now: now, erased: map[table.Tag]struct{}{}}
	if err := s.read(); err != nil {
		return fmt.Errorf("loading a snapshot: %w", err)
	}
	r.halt() // stale until the next head
	s.fill().Swap()
	r.table.Suppress(r.Suppression, s.erased)
	r.book = s.book
	r.stands(s.at, s.head)
	return nil
}

// snapshotReader reads a snapshot beside what the table holds.
type snapshotReader struct {
	src      *bufio.Reader
	sum      hash.Hash
	replica  *Replica
	left     uint64 // bytes of records that may still come
	now      time.Time
	book     book
	head     Head
	at       *Position
	count    uint64        // about how many identifiers
	loader   *table.Loader // from the first profile on
	profiles []loaded
	erased   map[table.Tag]struct{}
	raw      []byte
	some     [together]identified
	times    []int64 // of some
}

// together is how many identifiers are read before the first is added: the memory
// they go to is fetched meanwhile.
const together = 64

// identified is an identifier that is about to be added.
type identified struct {
	tag table.Tag
	of  loaded
}

// loaded is a profile in the loader.
type loaded struct {
	shape   table.Shape
	anchors int
}

func (s *snapshotReader) read() error {
	magic := make([]byte, len(snapshotMagic))
	if _, err := io.ReadFull(s.src, magic); err != nil || string(magic) != snapshotMagic {
		return malformed("a snapshot")
	}
	s.sum.Write(magic)
	for first := true; ; first = false {
		sum := s.sum.Sum(nil)
		kind, b, err := s.next()
		if err != nil {
			return err
		}
		if first != (kind == recordBegin) {
			return malformed("a snapshot")
		}
		if kind == recordEnd {
			return s.end(b, sum)
		}
		if err := s.record(kind, b); err != nil {
			return err
		}
	}
}

// next reads one record, into memory that it uses again.
func (s *snapshotReader) next() (byte, []byte, error) {
	kind, err := s.src.ReadByte()
	if err != nil {
		return 0, nil, noEnd(err)
	}
	size, err := binary.ReadUvarint(s.src)
	if err != nil {
		return 0, nil, noEnd(err)
	}
	if size > mostRecord || size+2 > s.left {
		return 0, nil, malformed("a record of a snapshot")
	}
	s.left -= size + 2
	if uint64(cap(s.raw)) < size {
		s.raw = make([]byte, size)
	}
	b := s.raw[:size]
	if _, err := io.ReadFull(s.src, b); err != nil {
		return 0, nil, noEnd(err)
	}
	s.sum.Write(appendInt([]byte{kind}, int(size)))
	s.sum.Write(b)
	return kind, b, nil
}

// noEnd tells that a file ends too soon.
func noEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *snapshotReader) record(kind byte, b []byte) error {
	r := reader{rest: b}
	switch kind {
	case recordBegin:
		return s.begin(&r)
	case recordRule:
		return s.rule(bytes.Clone(b))
	case recordProfile:
		p := r.profile()
		if r.end() {
			s.profiles = append(s.profiles, loaded{s.fill().Shape(p), p.Anchors})
		}
	case recordIdentifiers:
		for len(r.rest) > 0 {
			s.identifiers(&r)
		}
	case recordErased:
		for len(r.rest) > 0 {
			s.erased[r.tag()] = struct{}{}
		}
	default:
		r.fail()
	}
	if !r.end() {
		return malformed("a record of a snapshot")
	}
	return nil
}

// begin reads the first record: from its signed head it is known how much may come.
func (s *snapshotReader) begin(r *reader) error {
	signed := bytes.Clone(r.bytes())
	s.at, s.count = r.position(), r.uint()
	if !r.end() {
		return malformed("the beginning of a snapshot")
	}
	var err error
	switch s.head, err = OpenHead(signed, s.replica.key); {
	case err != nil:
		return err
	case s.head.Origin != s.replica.origin:
		return ErrUnsigned
	case s.replica.Tags != [32]byte{} && !OfKeys(s.head.Epoch, s.replica.Tags, s.replica.Suppression):
		return ErrEpoch
	case s.head.Epoch != s.replica.most.Epoch && (s.head.Rows < s.replica.most.Rows || s.replica.lacks(s.at)):
		return ErrRollback
	case s.at.Total() != s.head.Rows || s.at.Sum() != s.head.Sum || s.count > s.head.Rows:
		return ErrForked
	}
	s.left = s.replica.mostOf(s.head)
	return nil
}

// mostOf is how many bytes the records of a snapshot of a head have at most.
func (r *Replica) mostOf(h Head) uint64 { return r.beside + mostForEach*min(h.Rows, 1<<40) }

// MostSoon is how many bytes a snapshot has at most, until twice as much has happened
// as by the newest head.
func (r *Replica) MostSoon() int64 {
	h := r.most
	h.Rows = 2 * min(h.Rows, 1<<40)
	return int64(r.mostOf(h))
}

// rule reads a row of the rules; they come before all else.
func (s *snapshotReader) rule(raw []byte) error {
	row, err := Decode(raw)
	if err != nil {
		return err
	}
	ruled, err := s.book.note(row)
	if err == nil && (!ruled || s.loader != nil) {
		return malformed("the rules of a snapshot")
	}
	return err
}

// fill gives the loader, under the rules that were read.
func (s *snapshotReader) fill() *table.Loader {
	if s.loader == nil {
		s.loader = s.replica.table.Loader(int(s.count), s.book.rules(), s.now)
	}
	return s.loader
}

func (s *snapshotReader) identifiers(r *reader) {
	n := 0
	s.times = s.times[:0]
	for ; n < together && len(r.rest) > 0; n++ {
		tag, of := r.tag(), r.below(len(s.profiles))
		if r.bad {
			r.fail()
			return
		}
		i := identified{tag, s.profiles[of]}
		if s.times = r.times(i.of.anchors, s.times); r.bad {
			return
		}
		s.loader.Near(tag)
		s.some[n] = i
	}
	times := s.times
	for _, i := range s.some[:n] {
		s.loader.Add(i.tag, i.of.shape, times[:i.of.anchors])
		times = times[i.of.anchors:]
	}
}

// end checks that all came, and nothing but what was signed.
func (s *snapshotReader) end(signed, sum []byte) error {
	text, err := open(signed, s.replica.key)
	switch {
	case err != nil:
		return err
	case text != snapshotText(s.head, sum):
		return ErrForked
	}
	return nil
}
