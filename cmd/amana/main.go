// Command amana is a privacy policy that runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // --zone of imports, on machines without zones of their own
)

// Exit codes of every verb.
const (
	exitYes     = 0 // holds, yes, done
	exitNo      = 1 // does not hold, no
	exitUsage   = 2 // wrong use
	exitUnknown = 3 // could not tell
)

// env is what a verb may touch of the outside.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// verb is one subcommand. Its run gives an exit code, or an error that is
// printed and ends with exitUsage unless it is an exitError.
type verb struct {
	name    string // "lint", "policy publish"
	args    string // operands and flags in short, for the usage line
	summary string // one line
	run     func(ctx context.Context, e env, args []string) error
}

// exitError ends the program with a code; its message, if any, is printed first.
type exitError struct {
	code int
	msg  string
}

func (e exitError) Error() string { return e.msg }

// verbs is the one list of what the program does.
func verbs() []verb {
	return []verb{
		{"demo", "[--policy FILE] [--customers N] [--dir DIR] [--db DB] [--json]", "run a believable company with simulated customers", runDemo},
		{"init", "[--language en|ar] [--name NAME] [FILE]", "write a commented policy to begin with", runInit},
		{"lint", "FILE [--json] [--schema]", "hold a policy file to the charter", runLint},
		{"serve", "--dir DIR [--db DB] [--policy amana.yaml] [--config server.yaml] | --replica-of URL --token TOKEN", "serve both doors, or decisions in the place of another server", runServe},
		{"doctor", "--dir DIR [--config server.yaml] [--resolver ADDR] [--snippets] [--json]", "look at the set-up, and say what to change", runDoctor},
		{"policy publish", "FILE --dir DIR --by NAME [--same-meaning PURPOSE]…", "put a policy in force", runPublish},
		{"decide", "SUBJECT --purpose P [--data A,B] [--recipient R] [--explain]", "ask: may I use this?", runDecide},
		{"import consents", "FILE --dir DIR [--from PROGRAM] [--evidence FILE]… [--purpose P] [--dry-run]", "take in the consent list of another program", runImportConsents},
		{"import export", "FILE --dir NEW --public-url URL", "take in everything of another installation", runImportExport},
		{"export", "--by NAME [--out FILE] [--consents csv|ndjson] --dir DIR", "take everything out, or what stands as a list", runExport},
		{"backup", "--to FILE --recipient age1… [--keyring [--days N] | --tombstones] --dir DIR", "back everything up, encrypted, while it is being used", runBackup},
		{"restore", "FILE --identity KEYFILE --dir DIR [--keyring COPY] [--tombstones FILE]… [--witness URL=KEY]… [--force-new-origin NAME]", "restore a backup into an empty database", runRestore},
		{"request erase", "SUBJECT [--by subject|company] [--yes] --dir DIR", "erase a person, and print the receipts", runErase},
		{"evidence open", "RECEIPT-ID --by NAME --by NAME --dir DIR", "open what was kept of somebody erased", runEvidenceOpen},
		{"db check", "--dir DIR [--db DB] [--json]", "hold the database to what must be true of it", runCheck},
		{"scrub", "[FILE] --purpose P --key COLUMN --column COLUMN=DATA… [--recipient R] [--explain FILE] --dir DIR", "of a customer list, only what may be used", runScrub},
		{"sync", "postgres://… --purpose P --table NAME [--server URL] [--token T] [--kind K] [--recipient R] [--once] [--dry-run] [--schema] [--json]", "keep in your own database who is permitted", runSync},
		{"db citus", "[--db DB] [--json]", "print what distributes a PostgreSQL database over many machines", runCitus},
		{"verify", "receipt.json [--key KEY|FILE] [--signers FILE]", "verify a receipt, offline", runVerify},
		{"history", "[SUBJECT] [--purpose P] [--from TIME] [--until TIME] [--oldest] [--limit N] [--cursor C] [--clear] --dir DIR", "show what happened, page by page", runHistory},
		{"audit", "URL [--key KEY|FILE] [--state FILE] [--receipts DIR] [--witness KEY[=URL]]… [--json]", "hold a published log to its word, from outside", runAudit},
		{"witness", "--log KEY[=/PREFIX]… [--signers FILE]… [--listen ADDR] [--dir DIR] [--name NAME]", "co-sign logs of others, as long as they only grow", runWitness},
		{"keys list", "--dir DIR [--json]", "what keys there are, and which of them is being changed", runKeysList},
		{"keys rotate", "master|bucket|index|feed|ledger --dir DIR [--to-identity FILE] [--prepare] [--json]", "change a key, while serving", runKeysRotate},
		{"keys make", "", "print a new master key, for AMANA_MASTER_KEY", runKeysMake},
		{"token create", "--name NAME --scope SCOPE… --dir DIR", "make a bearer token for the company door", runTokenCreate},
		{"version", "", "print the version", runVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

func run(ctx context.Context, e env, args []string) int {
	list, out := verbs(), &printed{Writer: e.stdout}
	e.stdout = out
	for n := min(2, len(args)); n > 0; n-- { // two-word verbs first
		name := args[0]
		if n == 2 {
			name += " " + args[1]
		}
		if i := slices.IndexFunc(list, func(v verb) bool { return v.name == name }); i >= 0 {
			err := list[i].run(ctx, e, args[n:])
			return finish(e, list[i], out.unsaid(err))
		}
	}
	if len(args) > 1 && args[0] == "help" {
		return run(ctx, e, append(args[1:], "-h"))
	}
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		usage(e.stdout, list)
		return exitYes
	}
	fmt.Fprintf(e.stderr, "amana: there is no verb %q\n\n", args[0])
	if longer := slices.DeleteFunc(slices.Clone(list), func(v verb) bool { return !strings.HasPrefix(v.name, args[0]+" ") }); len(longer) > 0 {
		list = longer // "token" was meant as "token create"
	}
	usage(e.stderr, list)
	return exitUsage
}

// printed is standard output, and keeps the first error of writing to it: what a verb
// said of itself may be lost, but not that it was.
type printed struct {
	io.Writer
	err error
}

// Write prints b.
func (p *printed) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	if p.err == nil {
		p.err = err
	}
	return n, err
}

// unsaid is what a verb ends with: nobody was told what came of it where that could not
// be printed, unless it ends with a no of its own.
func (p *printed) unsaid(err error) error {
	exit, ok := asExit(err)
	switch {
	case p.err == nil || ok && exit.msg != "":
		return err
	case !ok:
		exit.code = exitUnknown
	}
	exit.msg = "what came of it could not be printed: " + p.err.Error()
	return exit
}

func finish(e env, v verb, err error) int {
	if err == nil {
		return exitYes
	}
	if errors.Is(err, flag.ErrHelp) {
		return exitYes
	}
	exit, ok := errors.AsType[exitError](err)
	if !ok {
		exit = exitError{exitUsage, err.Error()}
	}
	if exit.msg != "" {
		fmt.Fprintf(e.stderr, "amana %s: %s\n", v.name, exit.msg)
	}
	return exit.code
}

func usage(w io.Writer, list []verb) {
	fmt.Fprint(w, "amana: a privacy policy that runs\n\nusage: amana VERB [flags] [operands]; amana VERB -h explains one\n\n")
	for _, v := range list {
		fmt.Fprintf(w, "  %-16s %s\n", v.name, v.summary)
	}
}

// find gives a verb by its name.
func find(name string) verb {
	list := verbs()
	return list[slices.IndexFunc(list, func(v verb) bool { return v.name == name })]
}

// asExit gives the exit error in a chain.
func asExit(err error) (exitError, bool) { return errors.AsType[exitError](err) }

// no is an error that means: it does not hold.
func no(err error) error { return exitError{exitNo, err.Error()} }

// flags makes the flag set of a verb; parse accepts flags before and after operands.
func (v verb) flags(e env) *flag.FlagSet {
	fs := flag.NewFlagSet("amana "+v.name, flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	fs.Usage = func() {
		fmt.Fprintf(e.stderr, "amana %s: %s\n\nusage: amana %s %s\n\n", v.name, v.summary, v.name, v.args)
		fs.PrintDefaults()
	}
	return fs
}

// parse reads flags that may stand before or after operands, and gives the operands.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var operands []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, exitError{code: exitUsage} // the flag set has printed it
		}
		rest := fs.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" { // after --: operands only
			return append(operands, rest...), nil
		}
		if len(rest) == 0 {
			return operands, nil
		}
		operands, args = append(operands, rest[0]), rest[1:]
	}
}
