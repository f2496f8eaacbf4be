package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
)

// verified is a verdict as --json prints it.
type verified struct {
	Outcome receipt.Outcome `json:"outcome"`
	Part    receipt.Part    `json:"part,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	ID      string          `json:"id,omitempty"`
	Signer  string          `json:"signer,omitempty"`
	Via     receipt.Via     `json:"via,omitempty"` // later, earlier: than the key that was given
	Size    int64           `json:"size,omitempty"`
}

func runVerify(_ context.Context, e env, args []string) error {
	fs := find("verify").flags(e)
	key := fs.String("key", "", "the company's verifier key, noted by hand from where it publishes it, or a file that holds it")
	signersFile := fs.String("signers", "", "the log's list of its keys (/log/signers of the public door), to follow a hand-over from one key to another")
	language := fs.String("language", "en", "language of the answer: en or ar")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	words, err := wordsIn(*language)
	if err != nil {
		return err
	}
	if len(operands) != 1 {
		return fmt.Errorf("say which receipt, - for standard input: amana verify receipt.json --key KEY")
	}
	data, err := readInput(e, operands[0])
	if err != nil {
		return err
	}
	pinned, err := readKey(*key)
	if err != nil {
		return err
	}
	known, err := readSigners(*signersFile)
	if err != nil {
		return err
	}
	v, err := receipt.Verify(data, pinned, known...)
	if err != nil {
		return err
	}
	if *asJSON {
		err = json.NewEncoder(e.stdout).Encode(summary(v))
	} else {
		err = tellVerdict(e.stdout, words, v)
	}
	if err != nil {
		return err
	}
	if code := v.ExitCode(); code != exitYes {
		return exitError{code: code}
	}
	return nil
}

func readInput(e env, name string) ([]byte, error) {
	in := e.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading the receipt: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, receipt.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the receipt: %w", err)
	}
	return data, nil
}

// readKey takes a key, or a file that holds one.
func readKey(s string) (string, error) {
	if s == "" || strings.Contains(s, "+") {
		return strings.TrimSpace(s), nil
	}
	raw, err := os.ReadFile(s)
	if err != nil {
		return "", fmt.Errorf("--key is neither a verifier key nor a file that holds one: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// readSigners reads a log's list of its keys; none without a file.
func readSigners(file string) ([]ledger.Signer, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the list of the log's keys: %w", err)
	}
	list, _, err := ledger.ReadSigners(raw)
	if err != nil {
		return nil, fmt.Errorf("%s does not hold: %w", file, err)
	}
	return list, nil
}

func summary(v receipt.Verdict) verified {
	out := verified{Outcome: v.Outcome, Part: v.Part, Reason: plain(v.Detail), Signer: plain(v.Signer), Via: v.Via, Size: v.Checkpoint.Size}
	if v.Receipt != nil {
		out.ID = plain(v.Receipt.ID)
	}
	return out
}
