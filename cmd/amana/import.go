package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/sheet"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/transfer"
)

func runImportConsents(ctx context.Context, e env, args []string) error {
	fs := find("import consents").flags(e)
	var at place
	at.flags(fs, "amana-data")
	r := importRequest{Columns: map[string]transfer.Field{}, Words: map[string]string{}, Purposes: map[string]string{}}
	finish := importFlags(fs, &r)
	rejects := fs.String("rejects", "", "file to write the line and the reason of each row that was left to, - for standard error")
	url := fs.String("public-url", "", "where customers find the hosted pages, as in serve; needed where no server runs (AMANA_PUBLIC_URL)")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 {
		return errors.New("say which list: amana import consents subscribers.csv --from mailchimp --purpose newsletter --evidence letter.yaml")
	}
	beside, err := finish(operands[0])
	if err != nil {
		return err
	}
	in, size, err := openInput(ctx, e, operands[0])
	if err != nil {
		return no(err)
	}
	defer in.Close()
	if err := beforehand(e, in, size, func(list io.Reader) error { return sheet.Sound(list, r.Encoding) }); err != nil {
		return no(fmt.Errorf("%s: %w; nothing was written", operands[0], err))
	}
	if err := apart("--rejects", *rejects, append(beside, operands[0])...); err != nil {
		return err
	}
	told, err := openTold(e, *rejects, "line,field,reason\n")
	if err != nil {
		return no(err)
	}
	r.Tell = told != nil
	bar := newProgress(e.stderr, "importing", size)
	var out imported
	err = operateAt(ctx, at, orEnv(*url, "AMANA_PUBLIC_URL"), func(op operator) (err error) {
		out, err = op.Import(ctx, r, stream{in: counting(in, bar), news: func(raw json.RawMessage) error { return heard(raw, bar, told) }})
		return err
	})
	bar.done()
	if err = errors.Join(err, told.close()); err != nil {
		return no(err)
	}
	if *asJSON {
		err = json.NewEncoder(e.stdout).Encode(out)
	} else {
		tellImported(e, out)
	}
	if err != nil {
		return err
	}
	return out.overlooked()
}

// beforehand reads what can be read twice to its end before anything of it is taken, and
// says why it cannot be. Of a pipe that shows when it is taken.
func beforehand(e env, in io.Reader, size int, read func(io.Reader) error) error {
	f, ok := in.(io.ReadSeeker)
	if !ok {
		return nil
	}
	if _, err := f.Seek(0, io.SeekCurrent); err != nil {
		return nil // a pipe that has a name
	}
	bar := newProgress(e.stderr, "reading", size)
	err := read(counting(f, bar))
	bar.done()
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return err
}

// overlooked says what nobody may overlook: a list of which nothing was understood, and
// a no that was not taken.
func (o imported) overlooked() error {
	switch {
	case o.Rows > 0 && o.unread() == o.Rows:
		return exitError{exitNo, "no row of the list says who answered what: is it the right file, --from, --map? --rejects FILE tells each line's reason"}
	case o.NoesLeft == 0:
		return nil
	}
	return exitError{exitNo, lang.Count(o.NoesLeft, "row that is a no, or may be one, was", "rows that are a no, or may be one, were") +
		fmt.Sprintf(" left, the first in line %d: who said it counts as before, also where that is a yes. --rejects FILE tells each line's reason; mend the list, and run the same command again: twice is once. "+
			"What is to be left on purpose is said: --name 'NAME=' for a purpose, --word 'WORD=' for a word", o.FirstNo)}
}

// unread is how many rows say nothing that an import understands.
func (o imported) unread() (n int) {
	for _, reason := range []transfer.Reason{transfer.Unreadable, transfer.OtherCells, transfer.NoIdentifier, transfer.BadIdentifier, transfer.NoPurpose, transfer.UnknownWord} {
		n += o.Left[string(reason)]
	}
	return n
}

// importFlags declares how a list is read; finish fills in what hangs on its name, and
// gives the files of its evidence.
func importFlags(fs *flag.FlagSet, r *importRequest) (finish func(file string) ([]string, error)) {
	fs.StringVar(&r.Preset, "from", "csv", "the program the list comes from: "+strings.Join(transfer.Presets(), ", "))
	fs.StringVar(&r.Purpose, "purpose", "", "purpose of all rows that name none")
	fs.StringVar(&r.Status, "status", "", "what holds for all rows that do not say it, in the words of the program: given, confirmed, subscribed …")
	fs.StringVar(&r.Zone, "zone", "UTC", "time zone of times without one, such as Asia/Riyadh")
	fs.StringVar(&r.Dates, "dates", "", "how days such as 03/04/2021 are meant: day-first or month-first; a list that has some is read no further without it")
	fs.StringVar(&r.Encoding, "encoding", "", "of the list, where it is not UTF-8 and does not begin with a mark that says so: "+strings.Join(sheet.Encodings(), ", "))
	fs.BoolVar(&r.DryRun, "dry-run", false, "read and judge everything, write nothing")
	pairs(fs, "map", "COLUMN=FIELD: what a column holds; may be repeated", func(column, field string) { r.Columns[column] = transfer.Field(field) })
	pairs(fs, "word", "WORD=given|refused|withdrawn: what a word of the list means, WORD= that it is no answer; may be repeated", func(word, meaning string) { r.Words[word] = meaning })
	pairs(fs, "name", "NAME=PURPOSE: the purpose that the list calls so, NAME= that its rows are to be left; may be repeated", func(name, purpose string) { r.Purposes[name] = purpose })
	delimiter := fs.String("delimiter", "", "what stands between cells, where it is not found out: , ; or tab")
	by := fs.String("by", "", "name of the person who declares the evidence, where its file does not say; it stands in the public record")
	var files list
	fs.Var(&files, "evidence", "file that says what people were shown, without which no yes is taken; may be repeated")
	return func(file string) ([]string, error) {
		if err := r.checkFlags(); err != nil {
			return nil, err
		}
		if r.Status == "" {
			r.Status = transfer.StatusOf(r.Preset, file)
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading the evidence: %w", err)
			}
			set, err := transfer.ReadEvidence(name, src, *by)
			if err != nil {
				return nil, no(err)
			}
			r.Evidence = append(r.Evidence, *set)
		}
		var err error
		r.Comma, err = delimiterOf(*delimiter)
		return files, err
	}
}

// checkFlags says what of the flags is none of a closed set.
func (r importRequest) checkFlags() error {
	for _, f := range []struct {
		name, value string
		set         []string
	}{{"from", r.Preset, transfer.Presets()}, {"dates", r.Dates, transfer.DateOrders}, {"encoding", r.Encoding, sheet.Encodings()}} {
		if f.value != "" && !slices.Contains(f.set, f.value) {
			return fmt.Errorf("--%s is one of %s", f.name, strings.Join(f.set, ", "))
		}
	}
	if _, err := time.LoadLocation(r.Zone); err != nil {
		return errors.New("--zone is a time zone such as Asia/Riyadh")
	}
	return nil
}

// orEnv gives a flag, or what stands for it in the environment.
func orEnv(flag, name string) string { return cmp.Or(flag, os.Getenv(name)) }

// pairs declares a flag whose value is NAME=VALUE.
func pairs(fs *flag.FlagSet, name, usage string, take func(name, value string)) {
	fs.Func(name, usage, func(s string) error {
		i := strings.LastIndexByte(s, '=')
		if i < 1 {
			return errors.New("it is written NAME=VALUE")
		}
		take(s[:i], s[i+1:])
		return nil
	})
}

func delimiterOf(s string) (byte, error) {
	switch s {
	case "", ",", ";", "\t":
		return append([]byte(s), 0)[0], nil
	case "tab":
		return '\t', nil
	}
	return 0, errors.New("--delimiter is , ; or tab")
}

// openInput opens a file, or standard input for -, for which nobody waits any more when
// ctx is done; size is 0 where it is not known.
func openInput(ctx context.Context, e env, name string) (in io.ReadCloser, size int, err error) {
	if name == "-" {
		return until(ctx, e.stdin), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, int(info.Size()), nil
}

// until reads from r until ctx is done. Reading standard input cannot be broken off, so
// what does it ends with the program.
func until(ctx context.Context, r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(fmt.Errorf("reading was broken off: %w", ctx.Err())) })
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	return out
}

// counting moves a bar by the bytes that are read.
func counting(r io.Reader, bar *progress) io.Reader {
	return io.TeeReader(r, writing(func(b []byte) error { bar.add(len(b)); return nil }))
}

// heard takes news of an import.
func heard(raw json.RawMessage, bar *progress, told *tellFile) error {
	var n importNews
	if err := json.Unmarshal(raw, &n); err != nil {
		return err
	}
	bar.rows(n.Rows)
	for _, l := range n.Left {
		if err := told.line("%d,%s,%s\n", l.Line, l.Field, l.Reason); err != nil {
			return err
		}
	}
	return nil
}

// tellFile is a file of lines about rows; nil tells nothing.
type tellFile struct {
	w *bufio.Writer
	f *os.File // nil for standard error
}

func openTold(e env, name, head string) (*tellFile, error) {
	t := &tellFile{w: bufio.NewWriter(e.stderr)}
	switch name {
	case "":
		return nil, nil
	case "-":
	default:
		f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		t.f = f
		t.w.Reset(f)
	}
	return t, t.line("%s", head)
}

func (t *tellFile) line(format string, args ...any) error {
	_, err := fmt.Fprintf(t.w, format, args...)
	return err
}

func (t *tellFile) close() error {
	if t == nil {
		return nil
	}
	err := t.w.Flush()
	if t.f != nil {
		err = errors.Join(err, t.f.Close())
	}
	return err
}

func tellImported(e env, out imported) {
	verb := map[bool]string{false: "taken", true: "would be taken"}[out.DryRun]
	fmt.Fprintln(e.stdout, lang.Count(out.Rows, "row", "rows"))
	for _, a := range []consent.Answer{consent.Given, consent.Refused, consent.Withdrawn} {
		if n := out.Taken[a]; n > 0 {
			fmt.Fprintf(e.stdout, "%8d %s: %s\n", n, verb, a)
		}
	}
	if out.Standing > 0 {
		fmt.Fprintf(e.stdout, "%8d already so\n", out.Standing)
	}
	for _, reason := range byCount(out.Left) {
		fmt.Fprintf(e.stdout, "%8d left: %s (%s)\n", out.Left[reason], reason, whyLeft[reason])
	}
	for _, name := range slices.Sorted(maps.Keys(out.Evidence)) {
		fmt.Fprintf(e.stdout, "evidence %s is %s\n", name, out.Evidence[name])
	}
}

// byCount gives reasons, the most frequent first.
func byCount(n map[string]int) []string {
	return slices.SortedFunc(maps.Keys(n), func(a, b string) int { return cmp.Or(n[b]-n[a], strings.Compare(a, b)) })
}

// whyLeft says of each reason what is meant.
var whyLeft = map[string]string{
	string(transfer.Unreadable):    "no row of such a file",
	string(transfer.OtherCells):    "the number of cells is not that of the header",
	string(transfer.NoIdentifier):  "names nobody",
	string(transfer.BadIdentifier): "what names somebody is no such identifier",
	string(transfer.NoPurpose):     "no purpose, or one the policy does not ask consent for",
	string(transfer.UnknownWord):   "the word for the answer is not known",
	string(transfer.NotAnAnswer):   "nobody answered, or the address failed",
	string(transfer.NotConfirmed):  "a yes that was never confirmed",
	string(transfer.Expired):       "a yes whose time is over",
	string(transfer.Barred):        "a yes that might not be used where the list was written",
	string(transfer.BadTime):       "when it was said cannot be read, or lies ahead",
	string(transfer.NoEvidence):    "nothing shows what was said yes to",
	string(transfer.OtherEvidence): "the evidence is of another purpose or time",
	string(transfer.OtherLanguage): "the evidence has no text in that language",
	string(transfer.TestRow):       "made to try things out",
	string(transfer.Unwanted):      "to be left, as was said",
	string(store.NoStands):         "a yes where a no stands",
	string(store.NewerYes):         "a no that is older than what the person said here",
	string(store.BelowAge):         "a yes of a child, which is a parent's to give",
	string(store.Erased):           "the person was erased",
	string(store.NoRecipient):      "no recipient with a permission of its own",
	string(store.NoFrequency):      "not offered so often",
	string(store.NoTopic):          "no such topic",
	string(store.WrongKind):        "such an identifier cannot say yes to it",
}
