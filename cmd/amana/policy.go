package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/policy"
)

// findings is what a policy file breaks; it ends a verb with exit code 1.
type findings struct{ list []policy.Finding }

func (f findings) Error() string {
	lines := make([]string, len(f.list))
	for i := range f.list {
		lines[i] = f.list[i].String()
	}
	return fmt.Sprintf("%s\n%d to mend before this policy can be published", strings.Join(lines, "\n"), len(lines))
}

// readPolicy reads a policy and holds it to the charter.
func readPolicy(name string, src []byte) (*policy.Document, error) {
	doc, list := policy.Check(name, src)
	if len(list) > 0 {
		return nil, findings{list}
	}
	return doc, nil
}

// policyFile is a policy on disk with what stands beside it.
type policyFile struct {
	doc    *policy.Document
	src    []byte
	beside fs.FS
}

func loadPolicy(path string) (policyFile, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return policyFile{}, fmt.Errorf("reading the policy: %w", err)
	}
	doc, err := readPolicy(path, src)
	return policyFile{doc, src, os.DirFS(filepath.Dir(path))}, err
}

// logo gives the logo's bytes, nil where the policy names none.
func (f policyFile) logo() ([]byte, error) {
	name := f.doc.Policy.Organization.Logo
	if name == "" {
		return nil, nil
	}
	data, err := fs.ReadFile(f.beside, name)
	if err != nil {
		return nil, fmt.Errorf("reading the logo the policy names: %w", err)
	}
	return data, nil
}

func runPublish(ctx context.Context, e env, args []string) error {
	v := find("policy publish")
	fs := v.flags(e)
	var at place
	at.flags(fs, "amana-data")
	by := fs.String("by", "", "name of the person who publishes; it stands in the public record")
	asJSON := fs.Bool("json", false, "print one JSON object")
	var same list
	fs.Var(&same, "same-meaning", "purpose whose edited texts mean what they meant before; may be repeated")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 || *by == "" {
		return fmt.Errorf("say which file, and --by whom: amana policy publish amana.yaml --by \"Mona Haddad\"")
	}
	file, err := loadPolicy(operands[0])
	if err != nil {
		return no(err)
	}
	mark, err := file.logo()
	if err != nil {
		return no(err)
	}
	return ended(exitNo, operate(ctx, at, func(op operator) error {
		out, err := op.Publish(ctx, publishRequest{file.doc.Name, file.src, mark, same, *by})
		if err != nil {
			return no(err)
		}
		if *asJSON {
			return json.NewEncoder(e.stdout).Encode(out)
		}
		return tellPublished(e, out)
	}))
}

func tellPublished(e env, out published) error {
	for _, id := range out.Declared {
		fmt.Fprintf(e.stdout, "declared in the public record: %s means what it meant before\n", id)
	}
	if out.Before == out.Version && len(out.Declared) > 0 {
		fmt.Fprintf(e.stdout, "%s stays in force; answers to what was declared are covered again\n", out.Version)
		return nil
	}
	if out.Before == out.Version {
		fmt.Fprintf(e.stdout, "%s is in force already; nothing changed\n", out.Version)
		return nil
	}
	fmt.Fprintf(e.stdout, "in force now: %s\n", out.Version)
	for _, id := range out.Meanings {
		fmt.Fprintf(e.stdout, "  %s: its words changed, so a yes to the former words does not cover it.\n    If they mean the same as before, say so by name: the same command with --same-meaning %s\n", id, id)
	}
	return nil
}

// meaningsChanged gives the purposes of both versions whose meaning is new.
func meaningsChanged(before, after *policy.Version) []string {
	out := []string{}
	for id, meaning := range after.Meanings {
		if old, ok := before.Meanings[id]; ok && old != meaning {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }
