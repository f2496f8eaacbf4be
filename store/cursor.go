package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/amana-privacy/amana/fault"
)

// A cursor is where a page ended: numbers, and a tag that binds them to the
// question. It says nothing of anybody, so that it may stand in a URL, and
// nobody can make one.
const cursorTag = 16 // bytes of HMAC-SHA-256

var cursorForm = base64.RawURLEncoding.Strict()

// cursor makes the cursor of a question that goes on behind some numbers.
func (db *DB) cursor(binding string, numbers ...int64) string {
	b := make([]byte, 0, len(numbers)*8+cursorTag)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return cursorForm.EncodeToString(append(b, db.cursorTag(binding, b)...))
}

// openCursor gives the numbers of a cursor. One that was not given for this
// question is fault.Invalid at cursor.
func (db *DB) openCursor(s, binding string, count int) ([]int64, error) {
	refused := fault.At(fault.Invalid, "cursor", "is not one that was given for this question")
	if len(s) != cursorForm.EncodedLen(count*8+cursorTag) {
		return nil, refused
	}
	b, err := cursorForm.DecodeString(s)
	if err != nil || len(b) != count*8+cursorTag || !hmac.Equal(b[count*8:], db.cursorTag(binding, b[:count*8])) {
		return nil, refused
	}
	numbers := make([]int64, count)
	for i := range numbers {
		numbers[i] = int64(binary.BigEndian.Uint64(b[i*8:]))
	}
	return numbers, nil
}

func (db *DB) cursorTag(binding string, numbers []byte) []byte {
	k := db.cfg.Ring.Link("cursor")
	m := hmac.New(sha256.New, k[:])
	fmt.Fprintf(m, "%d\n%s", len(binding), binding)
	m.Write(numbers)
	return m.Sum(nil)[:cursorTag]
}

// binding is what a cursor of the question is good for: the same question about
// the same subject. Somebody who was erased and came back is another.
func (q *HistoryQuery) binding(p *person) string {
	var id []byte
	if p != nil {
		id = p.id[:]
	}
	return fmt.Sprintf("history\n%t\n%d\n%d\n%x\n%s", q.Oldest, moment(q.From), moment(q.Until), id, q.Purpose)
}
