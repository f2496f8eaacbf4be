package keyring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/amana-privacy/amana/fault"
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

// NewKeys makes the keys of a new subject.
func (r *Ring) NewKeys(id SubjectID) (Keys, Wrapped) {
	k := Keys{random(), random()}
	return k, r.Wrap(id, k)
}

// Wrap wraps a subject's keys under the newest key of its bucket.
func (r *Ring) Wrap(id SubjectID, k Keys) Wrapped {
	r.mu.RLock()
	defer r.mu.RUnlock()
	bucket, changing := r.pending[id.Bucket()]
	if !changing {
		bucket = r.buckets[id.Bucket()]
	}
	return Wrapped{Seal(bucket, context(id, "data"), k.Data[:]), Seal(bucket, context(id, "evidence"), k.Evidence[:])}
}

// Unwrap opens a subject's keys. While its bucket is being changed either key
// of the bucket will do.
func (r *Ring) Unwrap(id SubjectID, w Wrapped) (Keys, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	try := []Key{r.buckets[id.Bucket()]}
	if next, changing := r.pending[id.Bucket()]; changing {
		try = append(try, next)
	}
	for _, bucket := range try {
		data, err1 := Unseal(bucket, context(id, "data"), w.Data)
		evidence, err2 := Unseal(bucket, context(id, "evidence"), w.Evidence)
		if err1 == nil && err2 == nil {
			return Keys{Key(data), Key(evidence)}, nil
		}
	}
	return Keys{}, ErrNoKey
}

// ErrNoKey says that no bucket key opens a subject's keys: it was erased, or
// the keyring is another one.
var ErrNoKey = errors.New("no key opens this subject")

func context(id SubjectID, role string) []byte {
	return append([]byte("amana/wrap/v1/"+role+"/"), id[:]...)
}

// BeginChange gives buckets new keys beside their old ones, durably. What is
// wrapped from now on is wrapped under the new ones.
func (r *Ring) BeginChange(buckets []uint16) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var added []uint16
	for _, b := range buckets {
		if _, changing := r.pending[b]; !changing {
			r.pending[b] = random()
			added = append(added, b)
		}
	}
	if err := r.writeBuckets(); err != nil {
		for _, b := range added {
			delete(r.pending, b) // nothing may be wrapped under a key that is in memory alone
		}
		return err
	}
	return nil
}

// Changing gives the buckets that have two keys, in order. After a crash in the
// middle of a change they are still here.
func (r *Ring) Changing() []uint16 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.pending))
}

// FinishChange destroys the old keys of all buckets that have two, durably.
// Everything still wrapped under one of them is gone for good.
func (r *Ring) FinishChange() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.pending
	for b, k := range old {
		r.buckets[b] = k
	}
	r.pending = map[uint16]Key{}
	if err := r.writeBuckets(); err != nil {
		r.pending = old // the file still has both: either state is right
		return err
	}
	return nil
}

// writeBuckets seals all bucket keys, then the pending ones as (number, key).
func (r *Ring) writeBuckets() error {
	plain := make([]byte, 0, Buckets*32+len(r.pending)*34)
	for i := range r.buckets {
		plain = append(plain, r.buckets[i][:]...)
	}
	for b, k := range r.pending {
		plain = binary.BigEndian.AppendUint16(plain, b)
		plain = append(plain, k[:]...)
	}
	return writeFile(r.dir, bucketsFile, Seal(r.derive("buckets"), []byte(bucketsFile), plain))
}

func (r *Ring) readBuckets() error {
	raw, err := os.ReadFile(filepath.Join(r.dir, bucketsFile))
	if err != nil {
		return fmt.Errorf("reading the buckets: %w", err)
	}
	plain, err := Unseal(r.derive("buckets"), []byte(bucketsFile), raw)
	if err != nil || len(plain) < Buckets*32 || (len(plain)-Buckets*32)%34 != 0 {
		return fault.New(fault.Denied, "the buckets in %s do not open: another installation's, or damaged", r.dir)
	}
	r.buckets, r.pending = make([]Key, Buckets), map[uint16]Key{}
	for i := range r.buckets {
		r.buckets[i] = Key(plain[i*32:][:32])
	}
	for rest := plain[Buckets*32:]; len(rest) > 0; rest = rest[34:] {
		r.pending[binary.BigEndian.Uint16(rest)] = Key(rest[2:34])
	}
	return nil
}
