package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/amana-privacy/amana/policy"
)

func runInit(_ context.Context, e env, args []string) error {
	flags := find("init").flags(e)
	language := flags.String("language", "en", "language of the comments and master language of the policy: en or ar")
	name := flags.String("name", "", "name of the company")
	asJSON := flags.Bool("json", false, "print one JSON object")
	operands, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(operands) > 1 {
		return fmt.Errorf("one file at a time: amana init amana.yaml")
	}
	file := "amana.yaml"
	if len(operands) == 1 {
		file = operands[0]
	}
	src, err := policy.Starter(*language, *name)
	if err != nil {
		return err
	}
	if file == "-" { // as everywhere: the stream
		_, err := e.stdout.Write(src)
		return err
	}
	schema := filepath.Join(filepath.Dir(file), policy.SchemaName)
	if err := writeStarter(file, src, schema); err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(map[string]string{"file": file, "schema": schema})
	}
	tellStarted(e, file, schema)
	return nil
}

// writeStarter writes both files or, where one of them is another's work, neither.
func writeStarter(file string, src []byte, schema string) error {
	old, err := os.ReadFile(schema)
	stands := err == nil
	if stands && !bytes.Equal(old, policy.Schema) {
		return fmt.Errorf("%s is another file or of another version; move it away first", schema)
	}
	if err := create(file, src); err != nil || stands {
		return err
	}
	if err := create(schema, policy.Schema); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}

// create writes a new file; one that stands is never overwritten.
func create(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s stands already and is not overwritten", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func tellStarted(e env, file, schema string) {
	fmt.Fprintf(e.stdout, "wrote %s, and %s by which editors help while you write\n", file, schema)
	fmt.Fprintf(e.stdout, "next: put your own words where the marks ‹ › stand, then run: amana lint %s\n", file)
}
