package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/ledger/ledgertest"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
	"github.com/amana-privacy/amana/subject"
)

// The program of receipts.md, written from the recipe alone, agrees with ours
// on real receipts, and on each of them spoilt.
func TestThePythonProgramVerifiesReceipts(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	program := filepath.Join(t.TempDir(), "verify_receipt.py")
	for _, b := range blocks(t, "receipts.md") {
		if b.kind == "python" {
			must(t, os.WriteFile(program, []byte(b.text), 0o600))
		}
	}
	key, issued := issue(t, 4)
	for i, good := range issued {
		for name, data := range spoilt(t, good, i) {
			file := filepath.Join(t.TempDir(), "receipt.json")
			must(t, os.WriteFile(file, data, 0o600))
			verdict, err := receipt.Verify(data, key)
			must(t, err)
			out, err := exec.CommandContext(t.Context(), python, program, file, key).CombinedOutput()
			if holds := err == nil; holds != (verdict.Outcome == receipt.Valid) || holds != (name == "whole" || name == "a copy for others") {
				t.Errorf("receipt %d, %s: we say %s, it says\n%s", i, name, verdict.Outcome, out)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "receipt.json")
	must(t, os.WriteFile(file, issued[0], 0o600))
	another, err := keyring.Create(filepath.Join(t.TempDir(), "keys"), "company.example/log")
	must(t, err)
	if out, err := exec.CommandContext(t.Context(), python, program, file, another.LogVerifiers()[0]).CombinedOutput(); err == nil {
		t.Errorf("another log's key holds:\n%s", out)
	}
}

// The program follows hand-overs as ours does: on receipts from before, between
// and after them, whichever key was noted, with the log's list and without it,
// and on each of them spoilt.
func TestThePythonProgramFollowsHandovers(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	dir := t.TempDir()
	program, file, known := filepath.Join(dir, "verify_receipt.py"), filepath.Join(dir, "receipt.json"), filepath.Join(dir, "signers.json")
	for _, b := range blocks(t, "receipts.md") {
		if b.kind == "python" {
			must(t, os.WriteFile(program, []byte(b.text), 0o600))
		}
	}
	_, issued := issue(t, 1)
	log := ledgertest.New(t, "casco.example/log", "first").To(3)
	at := map[int64]receipt.Receipt{}
	enter := func() {
		var r receipt.Receipt
		must(t, json.Unmarshal(issued[0], &r))
		entry, err := r.Entry()
		must(t, err)
		at[log.Tree.Size()] = r
		log.Add(entry)
	}
	enter()
	log.To(9)
	log.Handover("second", time.Now())
	enter()
	log.To(20)
	log.Handover("third", time.Now())
	enter()
	log.To(30)
	signers, err := json.Marshal(log.Signers)
	must(t, err)
	must(t, os.WriteFile(known, signers, 0o600))
	again := func(leaf, size int64, by int, with []receipt.Signer) []byte {
		hashes, err := log.Tree.Inclusion(size, leaf)
		must(t, err)
		r := at[leaf]
		record, err := json.Marshal(r.Record)
		must(t, err)
		process, err := json.Marshal(r.Process.Value)
		must(t, err)
		p := receipt.Parts{Record: record, Salt: ledger.Salt(r.Salt), Subject: subject.ID(r.Subject.Value), SubjectSalt: ledger.Salt(r.Subject.Salt), Process: process, ProcessSalt: ledger.Salt(r.Process.Salt)}
		made, err := p.Receipt(receipt.ProofOf(leaf, size, hashes), log.Sign(size, log.Keys[by]), with)
		must(t, err)
		raw, err := json.Marshal(made)
		must(t, err)
		return raw
	}
	thief := ledgertest.New(t, "casco.example/log", "first").To(5)
	thief.Handover("thief", time.Now())
	stranger := ledgertest.KeyOf(t, "casco.example/log", "stranger")
	held := 0
	for name, data := range map[string][]byte{
		"old":                   again(3, 8, 0, log.Signers[:1]),
		"at the hand-over":      again(3, 10, 0, log.Signers[:1]),
		"between":               again(10, 15, 1, log.Signers[:2]),
		"fresh":                 again(21, 30, 2, log.Signers),
		"old, all named":        again(3, 8, 0, log.Signers),
		"old key, beyond":       again(10, 15, 0, log.Signers[:1]),
		"new key, before":       again(3, 8, 1, log.Signers[:2]),
		"a forged hand-over":    again(21, 30, 2, []receipt.Signer{thief.Signers[0], thief.Signers[1]}),
		"one is left out":       again(21, 30, 2, []receipt.Signer{log.Signers[0], log.Signers[2]}),
		"spoilt salt":           bytes.Replace(again(21, 30, 2, log.Signers), []byte(`"handover":{"record":{"type":"handover","from":"casco.example`), []byte(`"handover":{"record":{"type":"handover","from":"cisco.example`), 1),
		"spoilt time":           bytes.Replace(again(21, 30, 2, log.Signers), []byte(`"time":"2`), []byte(`"time":"3`), 1),
		"spoilt size":           bytes.Replace(again(21, 30, 2, log.Signers), []byte(`"size":10,"time"`), []byte(`"size":11,"time"`), 1),
		"spoilt signature":      bytes.Replace(again(21, 30, 2, log.Signers), []byte(`casco.example/log `), []byte(`casco.example/log A`), 1),
		"a line too many":       bytes.Replace(again(3, 8, 0, log.Signers[:1]), []byte(`=\n","signers"`), []byte(`=\n— casco.example/log AAAAAAAA\n","signers"`), 1),
		"named by another":      again(3, 8, 0, thief.Signers),
		"a key that signs none": again(3, 8, 0, log.Signers[:2]),
	} {
		must(t, os.WriteFile(file, data, 0o600))
		for _, c := range []struct {
			key  ledgertest.Key
			list []receipt.Signer
		}{{log.Keys[0], nil}, {log.Keys[2], log.Signers}, {stranger, log.Signers}} {
			args := []string{program, file, c.key.Verifier}
			if c.list != nil {
				args = append(args, known)
			}
			verdict, err := receipt.Verify(data, c.key.Verifier, c.list...)
			must(t, err)
			out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput()
			if holds := err == nil; holds != (verdict.Outcome == receipt.Valid) {
				t.Errorf("%s, %s, %d known: we say %s %s, it says\n%s", name, c.key.Verifier, len(c.list), verdict.Outcome, verdict.Detail, out)
			} else if holds {
				held++
			}
		}
	}
	if held < 10 {
		t.Errorf("only %d hold", held)
	}
}

// spoilt gives a receipt and what can be done to it.
func spoilt(t *testing.T, good []byte, i int) map[string][]byte {
	t.Helper()
	changed := func(old, new string) []byte {
		out := bytes.Replace(good, []byte(old), []byte(new), 1)
		if bytes.Equal(out, good) {
			t.Fatalf("there is no %s in %s", old, good)
		}
		return out
	}
	var r receipt.Receipt
	must(t, json.Unmarshal(good, &r))
	redacted, err := json.Marshal(r.Redact())
	must(t, err)
	edited := func(edit func(r *receipt.Receipt)) []byte {
		var r receipt.Receipt
		must(t, json.Unmarshal(good, &r))
		edit(&r)
		out, err := json.Marshal(r)
		must(t, err)
		return out
	}
	return map[string][]byte{
		"whole":                 good,
		"a copy for others":     redacted,
		"another answer":        changed(`"given"`, `"refused"`),
		"another person":        changed(fmt.Sprintf("سارة%d", i), "ليلى"),
		"another text":          changed("Casco Fiber", "Casco Timber"),
		"another hash":          edited(func(r *receipt.Receipt) { r.Proof.Hashes[0][i] ^= 1 }),
		"another place":         edited(func(r *receipt.Receipt) { r.Proof.Index-- }),
		"another size":          edited(func(r *receipt.Receipt) { r.Proof.Size++ }),
		"another head":          edited(func(r *receipt.Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n", "\n1", 1) }),
		"another salt":          edited(func(r *receipt.Receipt) { r.Salt[i] ^= 1 }),
		"another signer's name": changed(`{"key":"company`, `{"key":"campany`),
	}
}

// issue makes real receipts in a real store and gives the log's key.
func issue(t *testing.T, n int) (key string, receipts [][]byte) {
	t.Helper()
	db := storetest.Open(t, storetest.Source(t, "casco-fiber"))
	for i := range n {
		id, err := subject.Parse(fmt.Sprintf("customer:سارة%d", i), "")
		must(t, err)
		list, err := db.Record(t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI,
			Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Refused}, {Purpose: customerPurpose(t, db.InForce().Policy), Decision: consent.Given}}})
		must(t, err)
		raw, err := json.Marshal(list[1])
		must(t, err)
		receipts = append(receipts, raw)
	}
	return db.LogKey(), receipts
}

// customerPurpose is a purpose that a customer number can say yes to.
func customerPurpose(t *testing.T, p *policy.Policy) string {
	t.Helper()
	for id, u := range p.Purposes {
		if u.Basis == policy.Consent && strings.Contains(strings.Join(u.Acts(), " "), "customer") {
			return id
		}
	}
	t.Fatal("no purpose is asked of a customer number")
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
