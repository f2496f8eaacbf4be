package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// kept is where a test keeps entries and nodes, as a store does.
type kept struct {
	leaves []tlog.Hash
	nodes  map[int]map[int64]tlog.Hash
}

func (k *kept) load(level int, n int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for i := n * Width; i < (n+1)*Width; i++ {
		if level == 0 {
			if i < int64(len(k.leaves)) {
				out = append(out, k.leaves[i])
			}
		} else if h, ok := k.nodes[level][i]; ok {
			out = append(out, h)
		}
	}
	return out, nil
}

func (k *kept) add(t *testing.T, tree *Tree, entries []Entry) {
	t.Helper()
	s := tree.Stage(entries)
	staged, err := s.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if root, err := tree.Root(tree.Size()); err != nil || root != staged {
			t.Fatalf("the root of %d entries was staged as another: %v", tree.Size(), err)
		}
	}()
	for _, e := range entries {
		k.leaves = append(k.leaves, e.Leaf())
	}
	for _, n := range s.Nodes {
		if k.nodes[n.Level] == nil {
			k.nodes[n.Level] = map[int64]tlog.Hash{}
		}
		k.nodes[n.Level][n.N] = n.Hash
	}
	tree.Accept(s)
}

// oracle is the tree as golang.org/x/mod keeps it: every hash stored.
type oracle struct{ hashes []tlog.Hash }

func (o *oracle) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = o.hashes[x]
	}
	return out, nil
}

func (o *oracle) add(t *testing.T, n int64, e Entry) {
	t.Helper()
	more, err := tlog.StoredHashesForRecordHash(n, e.Leaf(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.hashes = append(o.hashes, more...)
}

func TestTreeAgreesWithTheReferenceAcrossBatchesAndRestarts(t *testing.T) {
	k, o := &kept{nodes: map[int]map[int64]tlog.Hash{}}, &oracle{}
	tree, err := Load(0, k.load)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for batch := 0; size < 70_000; batch++ {
		entries := make([]Entry, []int{1, 0, 255, 1, 256, 1000, 3, 4096}[batch%8])
		for i := range entries {
			rand.Read(entries[i][:])
			o.add(t, size+int64(i), entries[i])
		}
		k.add(t, tree, entries)
		size += int64(len(entries))
		if batch%5 == 0 {
			if tree, err = Load(size, k.load); err != nil {
				t.Fatal(err)
			}
		}
		compare(t, tree, o, size)
	}
}

func compare(t *testing.T, tree *Tree, o *oracle, size int64) {
	t.Helper()
	want, err := tlog.TreeHash(size, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree.Root(size)
	if err != nil || got != want {
		t.Fatalf("root of %d entries: %v, want %v (%v)", size, got, want, err)
	}
	for _, index := range []int64{0, size / 3, size / 2, size - 256, size - 1} {
		if index < 0 || index >= size {
			continue
		}
		leaf, err := o.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := tree.Inclusion(size, index)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, size, want, index, leaf[0]); err != nil {
			t.Fatalf("entry %d of %d: %v", index, size, err)
		}
		old := index + 1
		oldRoot, err := tlog.TreeHash(old, o)
		if err != nil {
			t.Fatal(err)
		}
		consistent, err := tree.Consistency(size, old)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(consistent, size, want, old, oldRoot); err != nil {
			t.Fatalf("%d is not a prefix of %d: %v", old, size, err)
		}
	}
}

func TestAnEdgeThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Load(3, func(int, int64) ([]tlog.Hash, error) { return nil, nil }); err == nil {
		t.Fatal("a log of three entries without hashes was loaded")
	}
}

func signer(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s, vkey
}

func TestEveryByteOfACheckpointCounts(t *testing.T) {
	s, key := signer(t, "shop.example/log")
	signed, err := Checkpoint{"shop.example/log", 12, tlog.Hash{1}}.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := OpenCheckpoint(signed, key); err != nil || c.Size != 12 {
		t.Fatalf("%+v, %v", c, err)
	}
	for i := range len(signed) {
		for _, b := range []byte{signed[i] ^ 1, signed[i] ^ 0x20, ' ', '\n'} {
			if b == signed[i] {
				continue
			}
			changed := signed[:i] + string([]byte{b}) + signed[i+1:]
			if _, err := OpenCheckpoint(changed, key); err == nil {
				t.Fatalf("byte %d changed from %q to %q and nobody noticed", i, signed[i], b)
			}
		}
	}
	other, _ := signer(t, "other.example/log")
	n, err := note.Open([]byte(signed), note.VerifierList(verifier(t, key)))
	if err != nil {
		t.Fatal(err)
	}
	two, err := note.Sign(n, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoint(string(two), key); err == nil {
		t.Fatal("a signature that nobody checks was accepted")
	}
}

func verifier(t *testing.T, key string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var update = flag.Bool("update", false, "write the test vectors anew (they are frozen: only before the first release)")

type vector struct {
	Salt, Record, Identifier, Process string
	Entry, Leaf, Subject, Shown       string
	Root                              string // of the tree of all entries so far
}

func TestFrozenVectors(t *testing.T) {
	const file = "testdata/vectors.json"
	raw, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	var want []vector
	if err := json.Unmarshal(raw, &want); err != nil && !*update {
		t.Fatal(err)
	}
	k := &kept{nodes: map[int]map[int64]tlog.Hash{}}
	tree, _ := Load(0, k.load)
	var got []vector
	for i := range 5 {
		v := vector{Record: fmt.Sprintf(`{"id":"%d","text":"أمانة"}`, i), Identifier: fmt.Sprintf("email:sara%d@example.com", i), Process: fmt.Sprintf(`{"p":%d}`, i)}
		salt := Salt{byte(i), 15: 0xff}
		entry := EntryOf(salt, []byte(v.Record))
		leaf, sub, shown := entry.Leaf(), CommitSubject(salt, v.Identifier), CommitProcess(salt, []byte(v.Process))
		v.Salt, v.Entry, v.Leaf = hex.EncodeToString(salt[:]), hex.EncodeToString(entry[:]), hex.EncodeToString(leaf[:])
		v.Subject, v.Shown = hex.EncodeToString(sub[:]), hex.EncodeToString(shown[:])
		k.add(t, tree, []Entry{entry})
		root, err := tree.Root(tree.Size())
		if err != nil {
			t.Fatal(err)
		}
		v.Root = hex.EncodeToString(root[:])
		got = append(got, v)
	}
	if *update {
		out, _ := json.MarshalIndent(got, "", "  ")
		if err := os.WriteFile(file, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the frozen vectors do not hold:\n%v\n%v", got, want)
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(Checkpoint{"shop.example/log", 12, tlog.Hash{1}}.Text())
	f.Add("a\n-1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Fatal("two spellings of one checkpoint")
		}
	})
}
