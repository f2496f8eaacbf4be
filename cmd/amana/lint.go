package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

// linted is the answer of lint --json.
type linted struct {
	File     string           `json:"file"`
	Version  policy.VersionID `json:"version"` // "" where there are findings
	Findings []policy.Finding `json:"findings"`
}

func runLint(_ context.Context, e env, args []string) error {
	fs := find("lint").flags(e)
	asJSON := fs.Bool("json", false, "print one JSON object")
	schema := fs.Bool("schema", false, "print the JSON Schema of the policy file, for editors, and stop")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if *schema {
		_, err := e.stdout.Write(policy.Schema)
		return err
	}
	if len(operands) != 1 {
		return fmt.Errorf("say which file: amana lint amana.yaml (- reads what is piped in)")
	}
	src, err := readOperand(e, operands[0])
	if err != nil {
		return err
	}
	doc, found := policy.Check(operands[0], src)
	if *asJSON {
		return lintJSON(e, operands[0], doc, found)
	}
	return lintText(e, doc, found)
}

// readOperand reads a file, or the standard input for "-". Reading stops soon
// after the size at which a policy is refused.
func readOperand(e env, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(e.stdin, 2<<20))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 2<<20))
}

func lintJSON(e env, name string, doc *policy.Document, found []policy.Finding) error {
	out := linted{File: name, Findings: []policy.Finding{}}
	if doc != nil {
		out.Version = doc.ID
	}
	out.Findings = append(out.Findings, found...)
	if err := json.NewEncoder(e.stdout).Encode(out); err != nil {
		return err
	}
	if doc == nil {
		return exitError{code: exitNo}
	}
	return nil
}

func lintText(e env, doc *policy.Document, found []policy.Finding) error {
	for _, f := range found {
		fmt.Fprintln(e.stdout, f)
	}
	if doc == nil {
		return exitError{exitNo, lang.Count(len(found), "finding", "findings") + "; mend them and run it again"}
	}
	p := doc.Policy
	fmt.Fprintf(e.stdout, "%s holds: the ten parts are there\n", doc.Name)
	fmt.Fprintf(e.stdout, "  version    %s\n", doc.ID)
	fmt.Fprintf(e.stdout, "  promises   %s (%d by consent), %s\n", lang.Count(len(p.Purposes), "purpose", "purposes"), byConsent(p), lang.Count(len(p.Data), "category of data", "categories of data"))
	fmt.Fprintf(e.stdout, "  others     %s, %s on devices\n", lang.Count(len(p.Recipients), "recipient", "recipients"), lang.Count(len(p.Storage), "item", "items"))
	fmt.Fprintf(e.stdout, "  languages  %s\n", strings.Join(p.Languages, ", "))
	fmt.Fprintf(e.stdout, "next: amana serve --dir DIR --policy %s\n", doc.Name)
	return nil
}

func byConsent(p *policy.Policy) int {
	n := 0
	for _, purpose := range p.Purposes {
		if purpose.Basis == policy.Consent {
			n++
		}
	}
	return n
}
