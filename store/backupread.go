package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/amana-privacy/amana/fault"
)

// backupReader reads frames. Whatever it is given it ends with an error or with
// the manifest, which it has compared.
type backupReader struct {
	r        *bufio.Reader
	frame    bytes.Buffer
	header   BackupHeader
	manifest Manifest // once next has given io.EOF
	form     tableForm
	values   []any
	tables   []BackupTable
	sum      hash.Hash
}

func newBackupReader(r io.Reader) (*backupReader, error) {
	b := &backupReader{r: bufio.NewReaderSize(r, 64<<10)}
	first := make([]byte, len(backupForm))
	if _, err := io.ReadFull(b.r, first); err != nil || string(first) != backupForm {
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return nil, err
		}
		return nil, fault.New(fault.Invalid, "this is no backup, or one of a form that this version does not know")
	}
	letter, err := b.get()
	if err == nil && letter != 'H' {
		err = damaged("it has no header")
	}
	if err == nil {
		err = b.decode(&b.header)
	}
	return b, err
}

// get reads a frame and gives its letter.
func (b *backupReader) get() (byte, error) {
	letter, err := b.r.ReadByte()
	if err != nil {
		return 0, cut(err)
	}
	n, err := binary.ReadUvarint(b.r)
	if err != nil {
		return 0, cut(err)
	}
	if n > maxFrame {
		return 0, damaged("a frame of %d bytes", n)
	}
	b.frame.Reset()
	if _, err := io.CopyN(&b.frame, b.r, int64(n)); err != nil {
		return 0, cut(err)
	}
	return letter, nil
}

// cut is the error of a stream that ends early, or cannot be read.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return damaged("it ends early")
	}
	return fmt.Errorf("reading the backup: %w", err)
}

func (b *backupReader) decode(into any) error {
	dec := json.NewDecoder(bytes.NewReader(b.frame.Bytes()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil || dec.More() {
		return damaged("a frame cannot be read, or says more than this version knows")
	}
	return nil
}

// next gives the next row: its table and its values, which are good until it is
// called again. After the last it is io.EOF, and the manifest holds.
func (b *backupReader) next() (tableForm, []any, error) {
	for {
		letter, err := b.get()
		if err != nil {
			return b.form, nil, err
		}
		switch letter {
		case 'T':
			err = b.begin()
		case 'R':
			if err = b.row(); err == nil {
				return b.form, b.values, nil
			}
		case 'M':
			if err = b.end(); err == nil {
				err = io.EOF
			}
		default:
			err = damaged("a frame of an unknown kind")
		}
		if err != nil {
			return b.form, nil, err
		}
	}
}

func (b *backupReader) begin() error {
	b.close()
	b.form = tableForm{}
	if err := b.decode(&b.form); err != nil {
		return err
	}
	if err := b.form.check(); err != nil {
		return err
	}
	for _, t := range b.tables {
		if t.Name == b.form.Name {
			return damaged("a table stands in it twice")
		}
	}
	b.tables, b.sum = append(b.tables, BackupTable{Name: b.form.Name}), sha256.New()
	b.sum.Write(b.frame.Bytes())
	b.values = make([]any, len(b.form.Columns))
	return nil
}

// check holds names to what may stand in a statement.
func (f tableForm) check() error {
	if !plainName(f.Name) || len(f.Columns) == 0 {
		return damaged("a table without a name or columns")
	}
	last := ""
	for _, c := range f.Columns {
		if !plainName(c.Name) || c.Name <= last || c.Kind != kindInteger && c.Kind != kindText && c.Kind != kindBytes {
			return damaged("columns of table %s that are none", f.Name)
		}
		last = c.Name
	}
	return nil
}

func plainName(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_0123456789") == "" && strings.Trim(s[:1], "0123456789") != ""
}

func (b *backupReader) row() error {
	if b.sum == nil {
		return damaged("a row without a table")
	}
	b.sum.Write(b.frame.Bytes())
	b.tables[len(b.tables)-1].Rows++
	rest := b.frame.Bytes()
	for i, c := range b.form.Columns {
		var ok bool
		if b.values[i], rest, ok = takeValue(rest, c.Kind); !ok {
			return damaged("a row of table %s cannot be read", b.form.Name)
		}
	}
	if len(rest) > 0 {
		return damaged("a row of table %s is longer than its columns", b.form.Name)
	}
	return nil
}

func takeValue(b []byte, kind columnKind) (v any, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 1 {
		return nil, b, false
	}
	if b[0] == 0 {
		return nil, b[1:], true
	}
	b = b[1:]
	if kind == kindInteger {
		n, size := binary.Varint(b)
		return n, b[max(size, 0):], size > 0
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, b, false
	}
	value, rest := b[size:size+int(n)], b[size+int(n):]
	if kind == kindText {
		return string(value), rest, true
	}
	return bytes.Clone(value), rest, true
}

func (b *backupReader) close() {
	if b.sum != nil {
		b.tables[len(b.tables)-1].SHA256 = hex.EncodeToString(b.sum.Sum(nil))
	}
}

// end compares what was read with the manifest, behind which nothing follows.
func (b *backupReader) end() error {
	b.close()
	if err := b.decode(&b.manifest); err != nil {
		return err
	}
	if len(b.manifest.Tables) != len(b.tables) {
		return damaged("it has %d tables, and its manifest %d", len(b.tables), len(b.manifest.Tables))
	}
	for i, t := range b.tables {
		if t != b.manifest.Tables[i] {
			return damaged("table %s is not as its manifest has it", t.Name)
		}
	}
	if _, err := b.r.ReadByte(); err != io.EOF {
		return damaged("something follows its end")
	}
	return nil
}
