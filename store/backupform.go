package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// A backup is a stream of frames, the same for every database: a line that
// names the form, the header, each table with its rows, the manifest. A frame is
// one letter, the length of what follows, and that.
//
//	H  JSON: BackupHeader
//	T  JSON: tableForm; the rows behind it are its
//	R  a row: of each column 0 where it is NULL, else 1 and the value
//	M  JSON: Manifest; the end
//
// An integer is a zigzag varint; a text and bytes are their length and
// themselves. Rows stand in the order of their primary key, columns in that of
// their names, tables without rows are left out: so one state of an installation
// is one stream, but for the header's time.
const backupForm = "amana-backup-v1\n"

// maxFrame bounds a frame, in bytes: no row comes near it.
const maxFrame = 16 << 20

// BackupHeader says what a backup is of.
type BackupHeader struct {
	Schema  int64     `json:"schema"`  // version of the schema its tables have
	Made    time.Time `json:"made"`    // its moment, to the millisecond
	Keyring string    `json:"keyring"` // id of the keyring that opens it
	Origin  string    `json:"origin"`  // of the log
	Keys    []string  `json:"keys"`    // verifier keys of the log, oldest first
	Index   string    `json:"index"`   // names the key its identifiers are found by; "" = of either of two
}

// Manifest is what a backup holds, as whoever wrote it counted.
type Manifest struct {
	Tables   []BackupTable `json:"tables"`
	Subjects int64         `json:"subjects"`
	Events   int64         `json:"events"`  // those that are somebody's
	Entries  int64         `json:"entries"` // of the ledger
	Waiting  int64         `json:"waiting"` // that the ledger had yet to take
	Head     string        `json:"head"`    // the signed head of those entries
}

// BackupTable is one table of a backup.
type BackupTable struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // of its frames, T and R, without letter and length
}

// tableForm is the columns of a table, in the order of their names.
type tableForm struct {
	Name    string       `json:"name"`
	Columns []columnForm `json:"columns"`
}

type columnForm struct {
	Name string     `json:"name"`
	Kind columnKind `json:"kind"`
}

type columnKind string

const (
	kindInteger columnKind = "integer"
	kindText    columnKind = "text"
	kindBytes   columnKind = "bytes"
)

// index gives the place of a column, -1 if there is none.
func (f tableForm) index(name string) int {
	for i, c := range f.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// damaged is the error of a backup that is not what it should be.
func damaged(format string, args ...any) error {
	return fault.New(fault.Invalid, "the backup is damaged: "+format, args...)
}

// backupWriter writes frames.
type backupWriter struct {
	w      *bufio.Writer
	frame  []byte
	tables []BackupTable
	sum    hash.Hash // of the table that is being written
}

func newBackupWriter(w io.Writer, h BackupHeader) (*backupWriter, error) {
	b := &backupWriter{w: bufio.NewWriterSize(w, 1<<20)}
	if _, err := b.w.WriteString(backupForm); err != nil {
		return nil, err
	}
	return b, b.json('H', h)
}

func (b *backupWriter) put(letter byte, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a row of %d bytes is larger than a backup takes", len(payload))
	}
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = letter
	n := binary.PutUvarint(head[1:], uint64(len(payload)))
	if _, err := b.w.Write(head[:1+n]); err != nil {
		return err
	}
	_, err := b.w.Write(payload)
	return err
}

func (b *backupWriter) json(letter byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if letter == 'T' {
		b.sum.Write(raw)
	}
	return b.put(letter, raw)
}

// table begins a table.
func (b *backupWriter) table(f tableForm) error {
	b.close()
	b.tables, b.sum = append(b.tables, BackupTable{Name: f.Name}), sha256.New()
	return b.json('T', f)
}

// row writes a row of the table that was begun: nil, int64, string or []byte
// for each of its columns.
func (b *backupWriter) row(f tableForm, values []any) error {
	b.frame = b.frame[:0]
	for i, c := range f.Columns {
		var ok bool
		if b.frame, ok = appendValue(b.frame, c.Kind, values[i]); !ok {
			return fmt.Errorf("column %s of table %s holds a %T, and not the %s it should", c.Name, f.Name, values[i], c.Kind)
		}
	}
	b.sum.Write(b.frame)
	b.tables[len(b.tables)-1].Rows++
	return b.put('R', b.frame)
}

func appendValue(b []byte, kind columnKind, v any) ([]byte, bool) {
	if v == nil {
		return append(b, 0), true
	}
	b = append(b, 1)
	switch v := v.(type) {
	case int64:
		return binary.AppendVarint(b, v), kind == kindInteger
	case string:
		return append(binary.AppendUvarint(b, uint64(len(v))), v...), kind == kindText
	case []byte:
		return append(binary.AppendUvarint(b, uint64(len(v))), v...), kind == kindBytes
	}
	return b, false
}

// close ends the table that is being written.
func (b *backupWriter) close() {
	if b.sum != nil {
		b.tables[len(b.tables)-1].SHA256 = hex.EncodeToString(b.sum.Sum(nil))
	}
}

// end writes the manifest, with the tables filled in.
func (b *backupWriter) end(m *Manifest) error {
	b.close()
	m.Tables = b.tables
	if err := b.json('M', m); err != nil {
		return err
	}
	return b.w.Flush()
}
