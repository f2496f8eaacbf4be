package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

type eraseRequest struct {
	Subject string         `json:"subject"`
	By      store.ErasedBy `json:"by"`
}

type openRequest struct {
	Receipt string   `json:"receipt"`
	By      []string `json:"by"`
}

// erasureDone is what came of an erasure. The receipts come whatever happens after it:
// nobody could ask for them again.
type erasureDone struct {
	Receipts []receipt.Receipt `json:"receipts"`       // one for each identifier
	Late     string            `json:"late,omitempty"` // why keys that old copies open with are still there
}

// proofWithin is how long the receipts of an erasure wait for the ledger. One that
// has waited that long is given without its proof.
const proofWithin = 10 * time.Second

// Erase erases a person with all that is linked, each with a receipt of its own, and
// destroys the keys that old copies would open with.
func (l local) Erase(ctx context.Context, r eraseRequest) (out erasureDone, err error) {
	region := ""
	if v := l.in.db.InForce(); v != nil {
		region = v.Policy.DefaultRegion
	}
	id, err := subject.Parse(r.Subject, region)
	if err != nil {
		return out, err
	}
	done, err := l.in.db.Erase(ctx, id, r.By)
	if err != nil {
		return out, err
	}
	if err := l.in.db.Shred(ctx); err != nil {
		out.Late = err.Error()
	}
	ctx = context.WithoutCancel(ctx)
	wait, stop := context.WithTimeout(ctx, proofWithin)
	defer stop()
	_ = done.Wait(wait) // else the receipt says that its proof is still to come
	out.Receipts, err = done.Receipts(ctx)
	return out, err
}

// OpenKept opens what was kept of an erased person.
func (l local) OpenKept(ctx context.Context, r openRequest) (out receipt.Receipt, err error) {
	if len(r.By) != 2 {
		return out, fmt.Errorf("what was kept is opened by two named people: --by NAME --by NAME")
	}
	return l.in.db.OpenKept(ctx, r.Receipt, [2]string(r.By))
}

// Check reads everything and holds it to the invariants.
func (l local) Check(ctx context.Context, _ struct{}) (store.Report, error) {
	return l.in.db.Check(ctx)
}

func (r remote) Erase(ctx context.Context, in eraseRequest) (out erasureDone, err error) {
	return out, r.call(ctx, "/erase", in, &out)
}

func (r remote) OpenKept(ctx context.Context, in openRequest) (out receipt.Receipt, err error) {
	return out, r.call(ctx, "/kept", in, &out)
}

func (r remote) Check(ctx context.Context, in struct{}) (out store.Report, err error) {
	return out, r.call(ctx, "/check", in, &out)
}

func runErase(ctx context.Context, e env, args []string) error {
	fs := find("request erase").flags(e)
	var at place
	at.flags(fs, "amana-data")
	by := fs.String("by", "subject", "who demands it: subject or company")
	yes := fs.Bool("yes", false, "erase; without it the verb only says what would happen")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 || *by != string(store.BySubject) && *by != string(store.ByCompany) {
		return fmt.Errorf("say whom: amana request erase email:sara@example.com --by subject --yes")
	}
	if !*yes {
		fmt.Fprint(e.stderr, `this cannot be taken back. What goes: the identifier, every answer with its record, the keys they are sealed under.
What stays: a keyed fingerprint, so that no import or backup brings the person back; the receipt of the erasure, sealed for its time; what the policy declares under requests.evidence.
next: the same with --yes prints the receipt, which is for the person
`)
		return exitError{code: exitNo}
	}
	signal.Ignore(syscall.SIGPIPE) // of a reader that is gone: the receipts go elsewhere
	return ended(exitNo, operate(ctx, at, func(op operator) error {
		out, err := op.Erase(ctx, eraseRequest{operands[0], store.ErasedBy(*by)})
		if k := fault.KindOf(err); k == fault.Invalid || k == fault.Malformed {
			return err
		} else if err != nil {
			return no(err)
		}
		if err := printReceipts(e, out.Receipts); err != nil {
			return err
		}
		if out.Late != "" {
			return no(fmt.Errorf("erased, and the receipt of each identifier is printed: give it to the person. The keys of old copies are not destroyed yet (%s); a running server tries again every twenty minutes, and when it starts", out.Late))
		}
		fmt.Fprintln(e.stderr, "erased, and the keys of old copies destroyed; give the receipt of each identifier to the person")
		return nil
	}))
}

// printReceipts prints the receipts of an erasure, to standard error where standard
// output takes them no more: nobody could ask for them again.
func printReceipts(e env, list []receipt.Receipt) error {
	for i, r := range list {
		err := writeJSON(e, r)
		if err == nil {
			continue
		}
		e.stdout = e.stderr
		for _, r := range list[i:] {
			if again := writeJSON(e, r); again != nil {
				return exitError{exitUnknown, "erased, and the receipts could not be printed: " + again.Error()}
			}
		}
		return exitError{exitUnknown, fmt.Sprintf("erased; the receipts above belong to the person, and could not be printed to standard output: %s", err)}
	}
	return nil
}

func runEvidenceOpen(ctx context.Context, e env, args []string) error {
	fs := find("evidence open").flags(e)
	var at place
	at.flags(fs, "amana-data")
	var by list
	fs.Var(&by, "by", "a person who approves it; twice, and both names are published in the log")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 || len(by) != 2 {
		return fmt.Errorf("say which receipt, and who approves: amana evidence open RECEIPT-ID --by 'Mona Haddad' --by 'Omar Saleh'")
	}
	return ended(exitNo, operate(ctx, at, func(op operator) error {
		r, err := op.OpenKept(ctx, openRequest{operands[0], by})
		if err != nil {
			return no(err)
		}
		return writeJSON(e, r)
	}))
}

func runCheck(ctx context.Context, e env, args []string) error {
	fs := find("db check").flags(e)
	var at place
	at.flags(fs, "amana-data")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return fmt.Errorf("db check takes no operand")
	}
	return ended(exitUnknown, operate(ctx, at, func(op operator) error {
		r, err := op.Check(ctx, struct{}{})
		if err != nil {
			return doesNotHold(ctx, err)
		}
		if *asJSON {
			return writeJSON(e, r)
		}
		_, err = fmt.Fprintf(e.stdout, "holds: %s, %s, %s of the log\n",
			lang.Count(r.Subjects, "person", "people"), lang.Count(r.Events, "answer", "answers"), lang.Count(r.Entries, "entry", "entries"))
		return err
	}))
}

// doesNotHold is what a check ends with: where it did not come to an end it
// says nothing of the database.
func doesNotHold(ctx context.Context, err error) error {
	if fault.KindOf(err) == fault.Overloaded || ctx.Err() != nil {
		return exitError{exitUnknown, "could not tell: " + err.Error()}
	}
	return no(err)
}

func writeJSON(e env, v any) error { return json.NewEncoder(e.stdout).Encode(v) }
