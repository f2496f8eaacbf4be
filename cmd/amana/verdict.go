package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/receipt"
)

// wordsIn gives the program's own words in a language.
func wordsIn(language string) (*lang.Words, error) {
	words, ok := lang.For(language, lang.Options{})
	if !ok {
		return nil, fmt.Errorf("the program speaks en and ar, not %q", language)
	}
	return words, nil
}

// tellVerdict says what is proved and what is not. Of the receipt it shows only
// what cannot steer a terminal; the detail for programmers only where the
// receipt is broken.
func tellVerdict(w io.Writer, words *lang.Words, v receipt.Verdict) error {
	x := v.Explain(words)
	lines, unproved := []string{x.Title}, words.T("verify.unproved")
	if v.Outcome == receipt.Broken {
		unproved = words.T("verify.why")
	} else if v.Receipt != nil {
		lines = append(lines, told(words, v)...)
	}
	if v.Part == receipt.PartSigner {
		x.Unproved = append(x.Unproved, words.T("verify.part.signer.list", "flag", "--signers"))
	}
	lines = append(lines, section(words.T("verify.proved"), x.Proved)...)
	lines = append(lines, section(unproved, x.Unproved)...)
	if v.Outcome == receipt.Broken && v.Detail != "" {
		lines = append(lines, "", "("+plain(v.Detail)+")")
	}
	if v.Outcome == receipt.Unidentified || v.Outcome == receipt.Valid {
		lines = append(lines, "", plain(v.Signer))
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// told is what a receipt says, in the reader's words, and in its own where it
// brings the texts that were shown.
func told(words *lang.Words, v receipt.Verdict) []string {
	r, c := v.Receipt, v.Receipt.Record.HasConsent
	if e := r.Record.HasErasure; e != nil {
		return erased(words, v, e)
	}
	if d := r.Record.HasDemand; d != nil {
		return demanded(words, v, d)
	}
	purpose, recipient := named(r)
	lines := []string{"", fact(words.T("receipt.purpose"), purpose), fact(words.T("receipt.answer"), words.Of("act", c.Decision))}
	if recipient != "" {
		lines = append(lines, fact(words.T("receipt.recipient"), recipient))
	}
	lines = append(lines, fact(words.T("receipt.time"), moment(words, c.Time)))
	version := words.T("receipt.version")
	if c.Said != "" {
		lines = append(lines, fact(words.T("receipt.said"), moment(words, c.Said)))
	}
	if r.Record.HasNotice.Evidence != "" {
		version = words.T("receipt.equal")
	}
	lines = append(lines, fact(version, plain(string(r.Record.HasNotice.Policy))))
	if r.Proof != nil {
		lines = append(lines, "  "+words.T("verify.entry", "index", r.Proof.Index+1, "size", r.Proof.Size, "log", plain(v.Checkpoint.Origin)))
	}
	return lines
}

// erased is what the receipt of an erasure says.
func erased(words *lang.Words, v receipt.Verdict, e *receipt.Erasure) []string {
	lines := []string{"", fact(words.T("receipt.erased"), moment(words, e.Time)), fact(words.T("receipt.erased.answers"), words.Number(e.Answers))}
	for _, k := range e.Kept {
		line := words.Of("kept", k.Kind)
		if k.Until != "" {
			line += " " + words.T("receipt.erased.until", "time", moment(words, k.Until))
		}
		lines = append(lines, fact(words.T("receipt.erased.kept"), line))
	}
	lines = append(lines, fact(words.T("receipt.version"), plain(string(e.Policy))))
	if v.Receipt.Proof != nil {
		lines = append(lines, "  "+words.T("verify.entry", "index", v.Receipt.Proof.Index+1, "size", v.Receipt.Proof.Size, "log", plain(v.Checkpoint.Origin)))
	}
	return lines
}

// demanded is what the receipt of a demand says.
func demanded(words *lang.Words, v receipt.Verdict, d *receipt.Demand) []string {
	lines := []string{"", fact(words.Of("demand", d.Kind), words.Of("demand_step", d.Step)), fact(words.T("receipt.time"), moment(words, d.Time))}
	if d.Due != "" {
		lines = append(lines, fact(words.T("request.due"), moment(words, d.Due)))
	}
	lines = append(lines, fact(words.T("receipt.version"), plain(string(d.Policy))))
	if v.Receipt.Proof != nil {
		lines = append(lines, "  "+words.T("verify.entry", "index", v.Receipt.Proof.Index+1, "size", v.Receipt.Proof.Size, "log", plain(v.Checkpoint.Origin)))
	}
	return lines
}

// named gives the purpose and, where the answer is about one, the recipient:
// by title and id if the receipt has the texts, else by id alone.
func named(r *receipt.Receipt) (purpose, recipient string) {
	purpose, recipient = plain(r.Record.HasConsent.Purpose), plain(r.Record.HasConsent.Recipient)
	if r.Process == nil {
		return purpose, recipient
	}
	p := r.Process.Value
	purpose = plain(p.Purpose.Title) + " (" + purpose + ")"
	for _, q := range p.Recipients {
		if q.ID == r.Record.HasConsent.Recipient {
			recipient = plain(q.Name) + " (" + recipient + ")"
		}
	}
	return purpose, recipient
}

// moment writes a time of a record; what cannot be read stays as it is.
func moment(words *lang.Words, s string) string {
	t, err := receipt.Time(s)
	if err != nil {
		return plain(s)
	}
	return words.DateTime(t)
}

func fact(name, value string) string { return "  " + name + ": " + value }

func section(title string, items []string) []string {
	if len(items) == 0 {
		return nil
	}
	out := []string{"", title}
	for _, s := range items {
		out = append(out, "  - "+s)
	}
	return out
}
