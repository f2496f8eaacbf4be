package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
	decisiontable "github.com/amana-privacy/amana/table"
)

// The tag that replicas know somebody by has to reach them when nothing else of
// the person is left. It is sealed under a key of its own, which the bucket's key
// wraps: it goes with everything else that the bucket's old key opened.

func (db *DB) sealErasedTag(id keyring.SubjectID, n int64, name subject.ID, removed bool) []byte {
	feed := db.cfg.Ring.Feeds()[0]
	e := ErasedTag{feed.Version, removed, decisiontable.KeyFrom(feed.Key).Tag(name)}
	keys, wrapped := db.cfg.Ring.NewKeys(id)
	b := append([]byte{byte(len(wrapped.Data))}, wrapped.Data...)
	b = append(append(b, byte(len(wrapped.Evidence))), wrapped.Evidence...)
	return append(b, keyring.Seal(keys.Data, erasedTagContext(id, n), e.bytes())...)
}

func (db *DB) openErasedTag(id keyring.SubjectID, n int64, b []byte) (*ErasedTag, error) {
	var w keyring.Wrapped
	for _, into := range []*[]byte{&w.Data, &w.Evidence} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return nil, ErrShredded
		}
		*into, b = b[1:1+int(b[0])], b[1+int(b[0]):]
	}
	keys, err := db.cfg.Ring.Unwrap(id, w)
	if errors.Is(err, keyring.ErrNoKey) {
		return nil, ErrShredded
	} else if err != nil {
		return nil, err
	}
	plain, err := keyring.Unseal(keys.Data, erasedTagContext(id, n), b)
	if err != nil {
		return nil, fmt.Errorf("opening the tag of somebody erased: %w", err)
	}
	return readErasedTag(plain)
}

func erasedTagContext(id keyring.SubjectID, n int64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte("amana/erased-tag/v1/"), id[:]...), uint64(n))
}

func (e ErasedTag) bytes() []byte {
	b := binary.BigEndian.AppendUint32([]byte{0}, uint32(e.Version))
	if e.Removed {
		b[0] = 1
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e.Tag.Hi), e.Tag.Lo)
}

func readErasedTag(b []byte) (*ErasedTag, error) {
	if len(b) != 21 {
		return nil, fmt.Errorf("the tag of somebody erased has %d bytes", len(b))
	}
	return &ErasedTag{int(binary.BigEndian.Uint32(b[1:])), b[0] == 1, decisiontable.Tag{Hi: binary.BigEndian.Uint64(b[5:]), Lo: binary.BigEndian.Uint64(b[13:])}}, nil
}
