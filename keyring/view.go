package keyring

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// view is what the files of a keyring say. It is never changed once it is shown
// to others: who changes a key makes another.
type view struct {
	secret  secrets
	buckets []Key
	pending map[uint16]Key // next keys of buckets that are being changed
	round   int            // first bucket that a rotation of all has yet to reach; noRound = none is under way
	ring    sealedBy
	bucket  sealedBy
}

// sealedBy says which generation of a file was read, and under which master key.
type sealedBy struct {
	generation int64 // goes up by one with every change; 0 in the first form
	master     Key
}

func (v *view) clone() *view {
	c := *v
	c.secret = v.secret.clone()
	c.buckets, c.pending = slices.Clone(v.buckets), maps.Clone(v.pending)
	return &c
}

// secrets is what the ring file seals.
type secrets struct {
	ID          string      `json:"id"` // names the keyring; the database remembers it
	Index       []Versioned `json:"index"`
	Suppression []Versioned `json:"suppression"`
	Feed        []Versioned `json:"feed"`
	Shard       Key         `json:"shard"`
	Link        Key         `json:"link"`
	Logs        []logKey    `json:"logs"`               // oldest first; the last is in force
	NextLog     *logKey     `json:"next_log,omitempty"` // made, and not in force yet
	Before      []string    `json:"before,omitempty"`   // verifier keys of the log before, where a restore began another
}

func (s secrets) clone() secrets {
	s.Index, s.Suppression, s.Feed = slices.Clone(s.Index), slices.Clone(s.Suppression), slices.Clone(s.Feed)
	s.Logs = slices.Clone(s.Logs)
	return s
}

// firstForm is how the ring was written before keys had versions.
type firstForm struct {
	ID                       string
	Index, Suppression, Feed Key
	Shard, Link              Key
	Log                      string
	LogVerifier              string `json:"log_verifier"`
}

func (f firstForm) secrets() secrets {
	one := func(k Key) []Versioned { return []Versioned{{Version: 1, Key: k}} }
	if f.Shard == (Key{}) { // a ring from before it had one
		f.Shard = derive(f.Index, "amana/keyring/shard/v1")
	}
	return secrets{ID: f.ID, Index: one(f.Index), Suppression: one(f.Suppression), Feed: one(f.Feed),
		Shard: f.Shard, Link: f.Link, Logs: []logKey{{Verifier: f.LogVerifier, Signer: f.Log}}}
}

// headOf is the first line of a file, in clear: its form and its generation, by
// which others see that it was changed. It is sealed with the rest as context.
func headOf(name string, generation int64) string {
	return fmt.Sprintf("amana-%s-v2 %d\n", name, generation)
}

// maxHead is longer than every head.
const maxHead = 64

// parseHead gives the generation of a file and what it seals. A file without a
// head is of the first form.
func parseHead(name string, raw []byte) (generation int64, context, sealed []byte) {
	line, _, found := bytes.Cut(raw[:min(len(raw), maxHead)], []byte("\n"))
	number, ours := strings.CutPrefix(string(line), "amana-"+name+"-v2 ")
	n, err := strconv.ParseInt(number, 10, 64)
	if !found || !ours || err != nil || n < 1 || headOf(name, n) != string(line)+"\n" {
		return 0, []byte(name), raw
	}
	return n, raw[:len(line)+1], raw[len(line)+1:]
}

// generationOf reads the generation of a file and no more of it. It opens the
// file anew: on a shared file system that is what shows the newest.
func (d disk) generationOf(name string) (int64, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, maxHead)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	generation, _, _ := parseHead(name, head[:n])
	return generation, nil
}

// open reads both files with whatever of the masters opens them.
func (d disk) open(masters []Key) (*view, error) {
	v := &view{}
	plain, err := d.unseal(ringFile, masters, &v.ring)
	if err != nil {
		return nil, err
	}
	if v.secret, err = readSecrets(plain, v.ring.generation); err != nil {
		return nil, fmt.Errorf("reading the ring: %w", err)
	}
	if plain, err = d.unseal(bucketsFile, masters, &v.bucket); err != nil {
		return nil, err
	}
	return v, v.readBuckets(plain)
}

func (d disk) unseal(name string, masters []Key, by *sealedBy) ([]byte, error) {
	raw, err := os.ReadFile(d.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Unknown, "the keyring in %s has no file %q: put it back; it cannot be made anew", d.dir, name)
	} else if err != nil {
		return nil, fmt.Errorf("reading the keyring: %w", err)
	}
	generation, context, sealed := parseHead(name, raw)
	for _, m := range masters {
		if plain, err := Unseal(fileKey(m, name), context, sealed); err == nil {
			*by = sealedBy{generation, m}
			return plain, nil
		}
	}
	return nil, fault.New(fault.Denied, "the master key does not open %s: one of the two is another installation's, or damaged", d.path(name))
}

// putRing seals and writes the ring file as the next generation.
func (d disk) putRing(v *view) error {
	plain, err := json.Marshal(v.secret)
	if err != nil {
		return fmt.Errorf("writing the ring: %w", err)
	}
	return d.seal(ringFile, plain, &v.ring)
}

func (d disk) putBuckets(v *view) error { return d.seal(bucketsFile, v.bucketBytes(), &v.bucket) }

func (d disk) seal(name string, plain []byte, by *sealedBy) error {
	by.generation++
	head := []byte(headOf(name, by.generation))
	return d.write(name, append(head, Seal(fileKey(by.master, name), head, plain)...))
}

func readSecrets(plain []byte, generation int64) (s secrets, err error) {
	if generation == 0 {
		var f firstForm
		err = json.Unmarshal(plain, &f)
		s = f.secrets()
	} else {
		err = json.Unmarshal(plain, &s)
	}
	if err == nil && (len(s.Index) == 0 || len(s.Suppression) == 0 || len(s.Feed) == 0 || len(s.Logs) == 0) {
		err = errors.New("it lacks a key")
	}
	return s, err
}

// noRound says that no rotation of all buckets is under way. In the file it has
// all its bits set.
const noRound = -1

// bucketBytes are the round, all bucket keys, and the pending ones as (number, key).
func (v *view) bucketBytes() []byte {
	plain := make([]byte, 0, 4+Buckets*32+len(v.pending)*34)
	plain = binary.BigEndian.AppendUint32(plain, uint32(v.round))
	for i := range v.buckets {
		plain = append(plain, v.buckets[i][:]...)
	}
	for _, b := range slices.Sorted(maps.Keys(v.pending)) {
		k := v.pending[b]
		plain = append(binary.BigEndian.AppendUint16(plain, b), k[:]...)
	}
	return plain
}

func (v *view) readBuckets(plain []byte) error {
	v.round = noRound
	if v.bucket.generation > 0 && len(plain) >= 4 {
		v.round = int(int32(binary.BigEndian.Uint32(plain)))
		plain = plain[4:]
	}
	if len(plain) < Buckets*32 || (len(plain)-Buckets*32)%34 != 0 || v.round < noRound || v.round >= Buckets {
		return fault.New(fault.Denied, "the buckets of the keyring are damaged")
	}
	v.buckets, v.pending = make([]Key, Buckets), map[uint16]Key{}
	for i := range v.buckets {
		v.buckets[i] = Key(plain[i*32:][:32])
	}
	for rest := plain[Buckets*32:]; len(rest) > 0; rest = rest[34:] {
		v.pending[binary.BigEndian.Uint16(rest)] = Key(rest[2:34])
	}
	return nil
}

// fileKey is the key that seals one file.
func fileKey(master Key, name string) Key { return derive(master, "amana/keyring/"+name+"/v1") }

func derive(k Key, use string) Key {
	b, err := hkdf.Key(sha256.New, k[:], nil, use, len(Key{}))
	if err != nil {
		panic("keyring: hkdf: " + err.Error()) // only for lengths out of range
	}
	return Key(b)
}

// now is the time at which a key is made, as the list of keys shows it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
