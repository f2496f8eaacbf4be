package main

import (
	"context"
	"encoding/json"
	"fmt"
)

func runTokenCreate(ctx context.Context, e env, args []string) error {
	fs := find("token create").flags(e)
	var at place
	at.flags(fs, "amana-data")
	name := fs.String("name", "", "who will use it, e.g. shop-backend")
	asJSON := fs.Bool("json", false, "print one JSON object")
	var scopes list
	fs.Var(&scopes, "scope", "what it may do: consent:write, decide, subject:read, policy:read, … or * for everything; may be repeated")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 || *name == "" || len(scopes) == 0 {
		return fmt.Errorf("say who will use it and for what: amana token create --name shop-backend --scope decide --dir %s", at.dir)
	}
	return ended(exitNo, operate(ctx, at, func(op operator) error {
		made, err := op.CreateToken(ctx, tokenRequest{*name, scopes})
		if err != nil {
			return no(err)
		}
		if *asJSON {
			return json.NewEncoder(e.stdout).Encode(made)
		}
		if _, err := fmt.Fprintln(e.stdout, made.Token); err != nil {
			return err
		}
		fmt.Fprintln(e.stderr, "keep it now: only its hash is stored, it is not shown again")
		return nil
	}))
}
