package ledger

import (
	"strings"
	"testing"
	"time"

	other "github.com/transparency-dev/formats/note"
	texts "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func witness(t testing.TB, name string) *Cosigner {
	t.Helper()
	key, err := NewCosignerKey(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCosigner(key, func() time.Time { return time.Unix(1679315147, 5).UTC() })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func head(t testing.TB) (signed, text, key string) {
	t.Helper()
	s, key := signer(t, "shop.example/log")
	c := Checkpoint{"shop.example/log", 12, tlog.Hash{1}}
	signed, err := c.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return signed, c.Text(), key
}

// TestCosignaturesAreThoseOfTheStandard is held to transparency-dev/formats,
// both ways.
func TestCosignaturesAreThoseOfTheStandard(t *testing.T) {
	signed, text, _ := head(t)
	w := witness(t, "witness.example/w1")
	line, err := w.Line(text)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := other.NewVerifierForCosignatureV1(w.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open([]byte(signed+line), note.VerifierList(theirs))
	if err != nil || n.Text != text {
		t.Fatal(err)
	}
	if at, err := other.CoSigV1Timestamp(n.Sigs[0]); err != nil || at.Unix() != 1679315147 {
		t.Errorf("%v, %v", at, err)
	}

	skey, _ := NewCosignerKey("witness.example/w2")
	signs, err := other.NewSignerForCosignatureV1(skey)
	if err != nil {
		t.Fatal(err)
	}
	both, err := note.Sign(n, signs)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := NewCosigner(skey, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewCosignatureVerifier(ours.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Cosignatures(string(both), v)
	if err != nil || len(got) != 1 || got[0].Witness != "witness.example/w2" || time.Since(got[0].Time) > time.Minute {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestACosignatureCountsOnlyWhole(t *testing.T) {
	signed, text, _ := head(t)
	w := witness(t, "witness.example/w1")
	line, _ := w.Line(text)
	v, err := NewCosignatureVerifier(w.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Cosignatures(signed+line, v); err != nil || len(got) != 1 || got[0].Line != line {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := Cosignatures(signed, v); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	spoilt := line[:len(line)-9] + "AAAA" + line[len(line)-5:]
	for what, text := range map[string]string{"its signature": signed + spoilt, "the size": strings.Replace(signed, "\n12\n", "\n13\n", 1) + line} {
		if got, err := Cosignatures(text, v); err == nil {
			t.Errorf("%s was changed and %+v still counts", what, got)
		}
	}
	stranger, _ := witness(t, "witness.example/w1").Line(text)
	if got, err := Cosignatures(signed+stranger, v); err != nil || len(got) != 0 {
		t.Errorf("another key under the same name: %+v, %v", got, err)
	}
}

func TestKeysOfWitnessesAreReadStrictly(t *testing.T) {
	key, _ := NewCosignerKey("w.example")
	c, err := NewCosigner(key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, logKey := signer(t, "w.example")
	for _, bad := range []string{"", "w.example", logKey, key, c.Verifier() + "A", strings.Replace(c.Verifier(), "w.", "v.", 1), "+" + c.Verifier()} {
		if _, err := NewCosignatureVerifier(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	for _, bad := range []string{"", c.Verifier(), strings.Replace(key, "w.", "v.", 1), key[:len(key)-4]} {
		if _, err := NewCosigner(bad, time.Now); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if _, err := NewCosignerKey("two words"); err == nil {
		t.Error("a name with a space was taken")
	}
}

func FuzzNewCosignatureVerifier(f *testing.F) {
	f.Add(witness(f, "w.example").Verifier())
	f.Fuzz(func(t *testing.T, key string) {
		if v, err := NewCosignatureVerifier(key); err == nil && (v.Name() == "" || v.Verify([]byte("x"), []byte("y"))) {
			t.Fatal("a key without a name, or one that verifies anything")
		}
	})
}

func TestAHeadIsOpenedWithWhateverElseIsUnderIt(t *testing.T) {
	signed, text, key := head(t)
	line, _ := witness(t, "witness.example/w1").Line(text)
	ours, stranger := verifier(t, key), func() note.Verifier { _, k := signer(t, "shop.example/log"); return verifier(t, k) }()
	c, by, err := OpenHead(signed+line, []note.Verifier{stranger, ours})
	if err != nil || by != ours || c.Size != 12 {
		t.Fatalf("%+v, %v, %v", c, by, err)
	}
	if _, _, err := OpenHead(signed+line, []note.Verifier{stranger}); err != ErrNotSigned {
		t.Errorf("%v", err)
	}
	if _, _, err := OpenHead(strings.Replace(signed, "\n12\n", "\n13\n", 1), []note.Verifier{ours}); err != ErrBadSignature {
		t.Errorf("%v", err)
	}
	foreign, err := Checkpoint{"other.example/log", 12, tlog.Hash{}}.Sign(func() note.Signer { s, _ := signer(t, "other.example/log"); return s }())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenHead(foreign, []note.Verifier{ours}); err != ErrNotSigned {
		t.Errorf("%v", err)
	}
	if _, got, err := ReadHead("a.example\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n\n— x AAAA\n"); err != nil || !strings.HasSuffix(got, "extension\n") {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "a\n1\n", text, "a\n1\n\n— x AAAA\n", "a\n1\nAAAA\n\n— x AAAA\n", text + "\n" + signed} {
		if c, _, err := ReadHead(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, c)
		}
	}
}

func TestProofsInTextAreThoseOfTheStandard(t *testing.T) {
	tree, _, entries := small(t, 300)
	s, _ := signer(t, "shop.example/log")
	root, _ := tree.Root(300)
	signed, _ := Checkpoint{"shop.example/log", 300, root}.Sign(s)
	for _, index := range []int64{0, 255, 256, 299} {
		hashes, err := tree.Inclusion(300, index)
		if err != nil {
			t.Fatal(err)
		}
		var p texts.TLogProof
		if err := p.Unmarshal([]byte(ProofText(index, hashes, signed))); err != nil {
			t.Fatal(err)
		}
		var back tlog.RecordProof
		for _, h := range p.Hashes {
			back = append(back, h)
		}
		if err := tlog.CheckRecord(back, 300, root, int64(p.Index), entries[index].Leaf()); err != nil || string(p.Checkpoint) != signed {
			t.Errorf("entry %d: %v\n%s", index, err, p.Checkpoint)
		}
	}
}

func TestHashLinesAreReadBack(t *testing.T) {
	h := tlog.Hash{1, 31: 2}
	line := strings.TrimSuffix(HashLines([]tlog.Hash{h}), "\n")
	if got, err := ParseHash(line); err != nil || got != h {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", line + "\n", line[:43], "AAAA", strings.Replace(line, "=", "", 1), " " + line} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
