package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
)

func runCitus(ctx context.Context, e env, args []string) error {
	fs := find("db citus").flags(e)
	var at place
	fs.StringVar(&at.db, "db", "", "the database, postgres://… (AMANA_DB keeps its password out of lists of processes)")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	at = at.environment()
	if len(operands) > 0 || !at.postgres() {
		return errors.New("say which database: amana db citus --db postgres://user@host/name, or in AMANA_DB; SQLite is one file and stays one")
	}
	d, err := store.Distribute(ctx, at.db)
	switch {
	case fault.KindOf(err) == fault.Overloaded:
		return exitError{exitUnknown, err.Error()}
	case err != nil:
		return no(err)
	case *asJSON:
		return writeJSON(e, d)
	}
	return printDistribution(e.stdout, d)
}

// printDistribution prints a distribution as a script for psql, which says what
// it does and why.
func printDistribution(w io.Writer, d store.Distribution) error {
	var b strings.Builder
	copied, divided := len(d.Reference), len(d.Sharded)
	fmt.Fprintf(&b, "-- Copied to every machine: %d tables, read beside the rows of a person.\n", copied)
	b.WriteString(strings.Join(d.Statements[:copied], "\n"))
	fmt.Fprintf(&b, "\n-- Divided by shard: %d tables, the rows of a person on one machine.\n", divided)
	b.WriteString(strings.Join(d.Statements[copied:], "\n"))
	fmt.Fprintf(&b, "\n-- Where they are: %d tables.\n", len(d.Coordinator))
	for _, name := range slices.Sorted(maps.Keys(d.Coordinator)) {
		fmt.Fprintf(&b, "--   %-16s %s\n", name, d.Coordinator[name])
	}
	_, err := io.WriteString(w, b.String())
	return err
}
