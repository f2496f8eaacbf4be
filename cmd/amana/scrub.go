package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/scrub"
)

func runScrub(ctx context.Context, e env, args []string) error {
	fs := find("scrub").flags(e)
	var at place
	at.flags(fs, "amana-data")
	var r scrubRequest
	fs.StringVar(&r.Purpose, "purpose", "", "purpose as the policy names it")
	fs.StringVar(&r.Recipient, "recipient", "", "recipient the list is for")
	fs.StringVar(&r.Key, "key", "", "column that says who a row is about")
	fs.StringVar(&r.Kind, "kind", "", "what that identifier is: email, phone, customer or device; by default as the column is called")
	fs.BoolVar(&r.GPC, "gpc", false, "everybody's browser sends Global Privacy Control")
	fs.BoolVar(&r.Safe, "spreadsheet", false, "write for people: with a byte order mark, and no cell that a spreadsheet takes for a formula")
	pairs(fs, "column", "COLUMN=DATA: a column that may come out, and the data category it holds; all others are dropped; may be repeated", func(column, data string) {
		r.Columns = append(r.Columns, scrub.Column{Name: column, Data: data})
	})
	delimiter := fs.String("delimiter", "", "what stands between cells, where it is not found out: , ; or tab")
	file := fs.String("out", "", "file to write; packed if its name ends with .gz; standard output where absent")
	explain := fs.String("explain", "", "file to write the line and the reason of every row to, - for standard error")
	language := fs.String("language", "en", "language of the reasons: en or ar")
	asJSON := fs.Bool("json", false, "print one JSON object about the rows, to standard error")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	words, err := wordsIn(*language)
	if err != nil {
		return err
	}
	if r.Comma, err = delimiterOf(*delimiter); err != nil {
		return err
	}
	if len(operands) > 1 || r.Purpose == "" || r.Key == "" || len(r.Columns) == 0 {
		return errors.New("say what for, who a row is about and what may come out: amana scrub list.csv --purpose newsletter --key email --column email=email")
	}
	r.Kind, r.Explain = cmp.Or(r.Kind, strings.ToLower(r.Key)), *explain != ""
	out, err := scrubInto(ctx, e, at, append(operands, "-")[0], *file, *explain, r)
	if err != nil {
		return no(err)
	}
	if *asJSON {
		return json.NewEncoder(e.stderr).Encode(out)
	}
	tellScrubbed(e, words, out)
	return nil
}

// scrubInto moves a list from file to file.
func scrubInto(ctx context.Context, e env, at place, from, to, explain string, r scrubRequest) (out scrubbed, err error) {
	in, size, err := openInput(ctx, e, from)
	if err != nil {
		return out, err
	}
	defer in.Close()
	if err := apart("--explain", explain, from, to); err != nil {
		return out, err
	}
	side, err := openTold(e, explain, "line,reason\n")
	if err != nil {
		return out, err
	}
	w, err := createOutput(e, to)
	if err != nil {
		return out, errors.Join(err, side.close())
	}
	bar := newProgress(e.stderr, "scrubbing", size)
	s := stream{in: counting(in, bar), out: w, side: writing(func(b []byte) error { return side.line("%s", b) }), news: func(raw json.RawMessage) error {
		var far scrub.Report
		err := json.Unmarshal(raw, &far)
		bar.rows(far.Rows)
		return err
	}}
	err = operate(ctx, at, func(op operator) (err error) {
		out, err = op.Scrub(ctx, r, s)
		return err
	})
	bar.rows(out.Rows)
	bar.done()
	return out, w.finish(errors.Join(err, side.close()))
}

// apart refuses a file of reasons that is one of the others: it would be emptied.
func apart(flag, explain string, others ...string) error {
	told, err := os.Stat(explain)
	for _, name := range others {
		other, missing := os.Stat(name)
		switch {
		case explain == "" || explain == "-" || name == "" || name == "-":
		case filepath.Clean(name) == filepath.Clean(explain), err == nil && missing == nil && told.Mode().IsRegular() && os.SameFile(told, other):
			return fmt.Errorf("%s %s is read or written here too: say another file", flag, explain)
		}
	}
	return nil
}

// tellScrubbed says what became of the rows, beside the list.
func tellScrubbed(e env, words *lang.Words, out scrubbed) {
	fmt.Fprintf(e.stderr, "%s, %d permitted", lang.Count(out.Rows, "row", "rows"), out.Permitted)
	if out.Narrowed > 0 {
		fmt.Fprintf(e.stderr, " (%d of them with cells left empty that their yes does not cover)", out.Narrowed)
	}
	fmt.Fprintln(e.stderr)
	for _, c := range out.Rejected() {
		fmt.Fprintf(e.stderr, "%8d %s: %s\n", c.Rows, c.Reason, whyScrubbed(words, c.Reason))
	}
	for _, column := range out.Dropped {
		fmt.Fprintf(e.stderr, "the column %q stayed behind: the purpose does not use such data\n", plain(column))
	}
}

// whyScrubbed puts a reason in words.
func whyScrubbed(words *lang.Words, r scrub.Reason) string {
	switch r {
	case scrub.Unreadable:
		return words.T("scrub.unreadable")
	case scrub.NoIdentifier:
		return words.T("scrub.no_identifier")
	case scrub.Identifier:
		return words.T("scrub.identifier")
	}
	return words.Of("reason", r)
}
