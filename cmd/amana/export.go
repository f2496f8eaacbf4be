package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/lang"
)

func runExport(ctx context.Context, e env, args []string) error {
	fs := find("export").flags(e)
	var at place
	at.flags(fs, "amana-data")
	var r exportRequest
	fs.StringVar(&r.By, "by", "", "name of the person who takes everybody's answers out; it stands in the public record")
	fs.StringVar(&r.Consents, "consents", "", "only what stands, as a list: csv, safe for spreadsheets, or ndjson")
	delimiter := fs.String("delimiter", "", "between the cells of csv: , ; or tab; spreadsheets of some countries want ;")
	file := fs.String("out", "", "file to write, which only you may read; packed if its name ends with .gz; standard output where absent")
	asJSON := fs.Bool("json", false, "print one JSON object about what was written; with --out")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if r.Comma, err = delimiterOf(*delimiter); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "csv", "ndjson"}, r.Consents) {
		return errors.New("--consents is csv or ndjson")
	}
	if len(operands) > 0 || r.By == "" || *asJSON && *file == "" {
		return errors.New("say who takes it out, and where to: amana export --by \"Mona Haddad\" --out everything.ndjson.gz")
	}
	to, err := createOutput(e, *file)
	if err != nil {
		return no(err)
	}
	bar := newProgress(e.stderr, "exporting persons", 0)
	var out exported
	err = operate(ctx, at, func(op operator) (err error) {
		out, err = op.Export(ctx, r, stream{in: strings.NewReader(""), out: to, news: func(raw json.RawMessage) error { return so(raw, bar) }})
		return err
	})
	bar.done()
	if err = to.finish(err); err != nil {
		return no(err)
	}
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(out)
	}
	what := lang.Count(out.Receipts, "receipt", "receipts")
	if r.Consents != "" {
		what = lang.Count(out.Answers, "answer", "answers")
	}
	fmt.Fprintf(e.stderr, "%s, %s; the log says that %s took them out\n", lang.Count(out.Persons, "person", "persons"), what, plain(r.By))
	for _, why := range slices.Sorted(maps.Keys(out.Barred)) {
		fmt.Fprintf(e.stderr, "%d of them said yes, which may not be used now: %s\n", out.Barred[why], why)
	}
	return nil
}

// so takes news of an export.
func so(raw json.RawMessage, bar *progress) error {
	var far exported
	if err := json.Unmarshal(raw, &far); err != nil {
		return err
	}
	bar.rows(far.Persons)
	return nil
}

// output is what is written: a file that is there when it is whole, and not
// before, a pipe or a device, or standard output.
type output struct {
	io.Writer
	name string // that the file takes in the end; "" where there is none
	file *os.File
	pack *gzip.Writer
}

func createOutput(e env, name string) (*output, error) {
	if name == "" {
		return &output{Writer: e.stdout}, nil
	}
	if at, err := filepath.EvalSymlinks(name); err == nil {
		name = at // a link goes on leading where it led
	}
	o, begin := &output{name: name}, beginFile
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // it is written into, and stays what it is
		o.name, begin = "", func(name string) (*os.File, error) { return os.OpenFile(name, os.O_WRONLY, 0) }
	}
	var err error
	if o.file, err = begin(name); err != nil {
		return nil, err
	}
	o.Writer = o.file
	if strings.HasSuffix(name, ".gz") {
		o.pack = gzip.NewWriter(o.file)
		o.Writer = o.pack
	}
	return o, nil
}

// finish puts the file in its place if there was no error, and takes it away if
// there was.
func (o *output) finish(err error) error {
	if o.file == nil {
		return err
	}
	if o.pack != nil && err == nil {
		err = o.pack.Close()
	}
	if o.name == "" {
		return errors.Join(err, o.file.Close())
	}
	if err == nil {
		err = o.file.Sync()
	}
	if err = errors.Join(err, o.file.Close()); err == nil {
		err = os.Rename(o.file.Name(), o.name)
	}
	if err != nil {
		os.Remove(o.file.Name())
	}
	return err
}
