package keyring

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// SubjectID is the random id of a subject. Its first byte is the shard, its
// first two are the bucket: a bucket lies within one shard, and its subjects
// beside each other.
type SubjectID [16]byte

// Bucket gives the bucket whose key wraps the subject's keys.
func (id SubjectID) Bucket() uint16 { return binary.BigEndian.Uint16(id[0:2]) }

// Shard gives the shard the subject's rows live in, 0 to 255.
func (id SubjectID) Shard() int { return int(id[0]) }

// Keys are the two keys of a subject: one for its data, one for the evidence
// that may have to outlive the data.
type Keys struct {
	Data, Evidence Key
}

// Wrapped are a subject's keys under its bucket's key.
type Wrapped struct {
	Data, Evidence []byte
}

// ErrNoKey says that no bucket key opens a subject's keys: it was erased, or
// the keyring is another one.
var ErrNoKey = errors.New("no key opens this subject")

// NewKeys makes the keys of a new subject. Where other processes may change
// keys, call it between Hold and release.
func (r *Ring) NewKeys(id SubjectID) (Keys, Wrapped) {
	k := Keys{random(), random()}
	return k, r.Wrap(id, k)
}

// Wrap wraps a subject's keys under the newest key of its bucket. Where other
// processes may change keys, call it between Hold and release.
func (r *Ring) Wrap(id SubjectID, k Keys) Wrapped {
	bucket := r.view.Load().newestOf(id.Bucket()).Sealer()
	return Wrapped{bucket.Seal(wrapContext(id, "data"), k.Data[:]), bucket.Seal(wrapContext(id, "evidence"), k.Evidence[:])}
}

// newestOf is the key that a bucket's subjects are wrapped under now.
func (v *view) newestOf(bucket uint16) Key {
	if next, changing := v.pending[bucket]; changing {
		return next
	}
	return v.buckets[bucket]
}

// Unwrap opens a subject's keys. While its bucket is being changed either key
// of the bucket will do. Where none does, it looks whether another process has
// changed them, and tries once more.
func (r *Ring) Unwrap(id SubjectID, w Wrapped) (Keys, error) {
	v := r.view.Load()
	k, _, err := v.unwrap(id, w)
	if err == nil {
		return k, nil
	}
	if lerr := r.Look(); lerr != nil {
		return k, fmt.Errorf("%w: %w", err, lerr)
	}
	if seen := r.view.Load(); seen != v {
		k, _, err = seen.unwrap(id, w)
	}
	return k, err
}

// Rewrap gives a subject's keys under the newest key of their bucket. What is
// wrapped under it already is given back as it is, with false: there is nothing
// to write.
func (r *Ring) Rewrap(id SubjectID, w Wrapped) (Wrapped, bool, error) {
	v := r.view.Load()
	k, newest, err := v.unwrap(id, w)
	if err != nil {
		if k, err = r.Unwrap(id, w); err != nil {
			return w, false, err
		}
	}
	if newest {
		return w, false, nil
	}
	return r.Wrap(id, k), true, nil
}

// unwrap also says whether it was the newest key of the bucket that opened.
func (v *view) unwrap(id SubjectID, w Wrapped) (k Keys, newest bool, err error) {
	now := v.newestOf(id.Bucket())
	for _, bucket := range []Key{now, v.buckets[id.Bucket()]} {
		data, err1 := Unseal(bucket, wrapContext(id, "data"), w.Data)
		evidence, err2 := Unseal(bucket, wrapContext(id, "evidence"), w.Evidence)
		if err1 == nil && err2 == nil {
			return Keys{Key(data), Key(evidence)}, bucket == now, nil
		}
	}
	return Keys{}, false, ErrNoKey
}

func wrapContext(id SubjectID, role string) []byte {
	return append([]byte("amana/wrap/v1/"+role+"/"), id[:]...)
}
