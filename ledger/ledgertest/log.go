// Package ledgertest is a log in memory for tests, whose key can be handed over.
package ledgertest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// Key is both halves of a key of a log.
type Key struct {
	Verifier string
	note.Signer
}

// KeyOf makes a key from a name and a seed: the same for the same.
func KeyOf(t testing.TB, origin, seed string) Key {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	private := ed25519.NewKeyFromSeed(sum[:])
	verifier, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	must(t, err)
	hash := strings.Split(strings.TrimPrefix(verifier, origin), "+")[1]
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, sum[:]...))))
	must(t, err)
	return Key{verifier, signer}
}

// Log is a log with everything in memory.
type Log struct {
	t       testing.TB
	Tree    *ledger.Tree
	Keys    []Key           // oldest first; the last is in force
	Signers []ledger.Signer // as a log publishes them
	leaves  []tlog.Hash
	nodes   map[[2]int64]tlog.Hash
}

// New makes an empty log whose first key is made from a seed.
func New(t testing.TB, origin, seed string) *Log {
	l := &Log{t: t, Keys: []Key{KeyOf(t, origin, seed)}, nodes: map[[2]int64]tlog.Hash{}}
	l.Signers = []ledger.Signer{{Key: l.Keys[0].Verifier}}
	var err error
	l.Tree, err = ledger.Load(0, l.load)
	must(t, err)
	return l
}

func (l *Log) load(level int, n int64) (out []tlog.Hash, err error) {
	for i := n * ledger.Width; i < (n+1)*ledger.Width; i++ {
		if h, ok := l.nodes[[2]int64{int64(level), i}]; ok {
			out = append(out, h)
		} else if level == 0 && i < int64(len(l.leaves)) {
			out = append(out, l.leaves[i])
		}
	}
	return out, nil
}

// Add enters entries.
func (l *Log) Add(entries ...ledger.Entry) *Log {
	s := l.Tree.Stage(entries)
	l.leaves = ledger.LeafHashes(l.leaves, entries)
	for _, n := range s.Nodes {
		l.nodes[[2]int64{int64(n.Level), n.N}] = n.Hash
	}
	l.Tree.Accept(s)
	return l
}

// To grows the log to a size by entries that say nothing.
func (l *Log) To(size int64) *Log {
	for n := l.Tree.Size(); n < size; n++ {
		l.Add(ledger.Entry(sha256.Sum256(fmt.Append(nil, n))))
	}
	return l
}

// Handover hands over to a key made from a seed, as the next entry.
func (l *Log) Handover(seed string, at time.Time) ledger.Handover {
	l.t.Helper()
	from := l.Keys[len(l.Keys)-1]
	to := KeyOf(l.t, from.Name(), seed)
	h, err := ledger.NewHandover(from.Verifier, to.Verifier, l.Tree.Size(), at)
	must(l.t, err)
	record, err := h.Record()
	must(l.t, err)
	salt := ledger.Salt(sha256.New().Sum([]byte(seed + "                "))[:ledger.SaltSize])
	l.Add(ledger.EntryOf(salt, record))
	p, err := ledger.ProveHandover(l.Tree, h, salt, l.Sign(h.Size, from, to))
	must(l.t, err)
	l.Keys, l.Signers = append(l.Keys, to), append(l.Signers, ledger.Signer{Key: to.Verifier, Handover: p})
	return h
}

// Sign signs the head of a size, by any keys.
func (l *Log) Sign(size int64, keys ...Key) string {
	l.t.Helper()
	root, err := l.Tree.Root(size)
	must(l.t, err)
	signers := make([]note.Signer, len(keys))
	for i, k := range keys {
		signers[i] = k
	}
	signed, err := ledger.Checkpoint{Origin: keys[0].Name(), Size: size, Root: root}.Sign(signers...)
	must(l.t, err)
	return signed
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
