package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/amana-privacy/amana/audit"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
)

func runAudit(ctx context.Context, e env, args []string) error {
	fs := find("audit").flags(e)
	key := fs.String("key", "", "the log's verifier key, noted by hand from where the company publishes it, or a file that holds it")
	stateFile := fs.String("state", "", "what the audit before saw; written anew where nothing contradicts it")
	receipts := fs.String("receipts", "", "folder of receipts (*.json) that must be in the log")
	asJSON := fs.Bool("json", false, "print one JSON object")
	var c audit.Config
	fs.Func("witness", "a witness's verifier KEY, whose signature is looked for, or KEY=URL to ask it as well what it has seen; may be repeated", func(s string) error {
		w := audit.Witness{Key: s}
		w.Key, w.URL, _ = strings.Cut(s, "=")
		_, err := ledger.NewCosignatureVerifier(w.Key)
		c.Witnesses = append(c.Witnesses, w)
		return err
	})
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 {
		return errors.New("say which log: amana audit https://privacy.example.com --key KEY")
	}
	c.URL = operands[0]
	if c.Key, err = readKey(*key); err != nil {
		return err
	}
	if *stateFile != "" {
		if c.State, err = audit.ReadState(*stateFile); err != nil {
			return exitError{exitUnknown, err.Error()}
		}
	}
	if c.Receipts, err = readReceipts(*receipts); err != nil {
		return err
	}
	v, state, err := audit.Run(ctx, c)
	if err != nil {
		return err
	}
	var forgot error // said behind the verdict, which is worth knowing all the same
	if state != nil && *stateFile != "" {
		forgot = state.Write(*stateFile)
	}
	if *asJSON {
		err = json.NewEncoder(e.stdout).Encode(v)
	} else {
		for line := range strings.SplitSeq(strings.Join(v.Lines(), "\n"), "\n") {
			if _, err = fmt.Fprintln(e.stdout, plain(line)); err != nil {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	if forgot != nil {
		return exitError{exitUnknown, forgot.Error()}
	}
	if code := v.ExitCode(); code != exitYes {
		return exitError{code: code}
	}
	return nil
}

// readReceipts reads the receipts in a folder; none without a folder. A folder
// without receipts is more likely a slip than a wish.
func readReceipts(dir string) ([]audit.File, error) {
	if dir == "" {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there are no receipts (*.json) in %s", dir)
	}
	var out []audit.File
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("reading the receipts: %w", err)
		}
		if info.Size() > receipt.MaxSize {
			return nil, fmt.Errorf("%s is too large for a receipt", name)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the receipts: %w", err)
		}
		out = append(out, audit.File{Name: filepath.Base(name), Data: data})
	}
	return out, nil
}
