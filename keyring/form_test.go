package keyring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writeFirstForm writes a keyring as the first released version did.
func writeFirstForm(t *testing.T, v *view, withShard bool) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	first := map[string]any{"id": v.secret.ID, "index": v.secret.Index[0].Key, "suppression": v.secret.Suppression[0].Key, "feed": v.secret.Feed[0].Key,
		"link": v.secret.Link, "log": v.secret.Logs[0].Signer, "log_verifier": v.secret.Logs[0].Verifier}
	if withShard {
		first["shard"] = v.secret.Shard
	}
	ring, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	master := random()
	for name, data := range map[string][]byte{
		masterFile:  []byte(masterText(master) + "\n"),
		ringFile:    Seal(fileKey(master, ringFile), []byte(ringFile), ring),
		bucketsFile: Seal(fileKey(master, bucketsFile), []byte(bucketsFile), v.bucketBytes()[4:]),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheFirstFormIsRead(t *testing.T) {
	for name, withShard := range map[string]bool{"with the key of shards": true, "from before it": false} {
		t.Run(name, func(t *testing.T) {
			v, err := newView("shop.example/log")
			if err != nil {
				t.Fatal(err)
			}
			v.pending[7] = random()
			dir := writeFirstForm(t, v, withShard)
			r := reopen(t, dir)
			got := r.view.Load()
			if !slices.Equal(v.buckets, got.buckets) {
				t.Error("the buckets are others")
			}
			if got.pending[7] != v.pending[7] || len(got.pending) != 1 || got.round != noRound {
				t.Error("what was being changed is not")
			}
			s := got.secret
			if s.ID != v.secret.ID || s.Index[0].Key != v.secret.Index[0].Key || s.Index[0].Version != 1 || s.Link != v.secret.Link ||
				s.Suppression[0].Key != v.secret.Suppression[0].Key || s.Feed[0].Key != v.secret.Feed[0].Key || s.log().Signer != v.secret.log().Signer {
				t.Error("the ring is another")
			}
			if withShard != (s.Shard == v.secret.Shard) || s.Shard == (Key{}) {
				t.Error("the key of shards is another, or none")
			}

			// The first change writes the newer form, and loses nothing.
			if _, err := r.BeginIndex(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.BeginChange([]uint16{9}); err != nil {
				t.Fatal(err)
			}
			again := reopen(t, dir)
			if again.Shard() != s.Shard || again.Indexes()[1].Key != s.Index[0].Key || again.LogVerifier() != r.LogVerifier() {
				t.Error("it was lost when the form changed")
			}
			if diff := cmp.Diff([]uint16{7, 9}, again.Changing()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFileOfAnotherPlaceDoesNotOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if _, err := Create(dir, "shop.example/log"); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, ringFile))
	if err != nil {
		t.Fatal(err)
	}
	later := append([]byte(headOf(ringFile, 9)), raw[len(headOf(ringFile, 1)):]...)
	if err := os.WriteFile(filepath.Join(dir, ringFile), later, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("the head of a file was changed and nobody noticed")
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add([]byte(headOf(ringFile, 1) + "sealed"))
	f.Add([]byte("amana-ring-v2 01\nsealed"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, context, sealed := parseHead(ringFile, raw)
		if n > 0 && string(context)+string(sealed) != string(raw) || n == 0 && string(sealed) != string(raw) {
			t.Fatal("a byte was lost")
		}
		if n > 0 && headOf(ringFile, n) != string(context) {
			t.Fatal("a head has two spellings")
		}
	})
}

func FuzzReadBuckets(f *testing.F) {
	f.Add([]byte{}, int64(1))
	v, err := newView("x")
	if err != nil {
		f.Fatal(err)
	}
	v.pending[3] = random()
	whole := v.bucketBytes()
	f.Fuzz(func(t *testing.T, tail []byte, generation int64) {
		got := &view{bucket: sealedBy{generation: generation}}
		plain := append(whole[:len(whole):len(whole)], tail...)
		if err := got.readBuckets(plain); err == nil && len(got.pending)*34 > len(plain)-Buckets*32 {
			t.Fatal("keys from nowhere")
		}
	})
}
