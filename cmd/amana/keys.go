package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/lang"
)

// rotateRequest says which key is to be changed.
type rotateRequest struct {
	Key      string `json:"key"`
	Identity string `json:"identity,omitempty"` // of master: file of the age identity it is left to
	Prepare  bool   `json:"prepare,omitempty"`  // of ledger: make the next key, and no more
}

// rotated is what changing a key came to.
type rotated struct {
	Key  string   `json:"key"`
	Done string   `json:"done"`
	From string   `json:"from,omitempty"` // of ledger: verifier keys
	To   string   `json:"to,omitempty"`
	Size int64    `json:"size,omitempty"` // of ledger: entries at the hand-over
	Next []string `json:"next"`           // what is left to do by hand
}

// rotateNews is how far it is.
type rotateNews struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

var rotatable = []string{"master", "bucket", "index", "feed", "ledger"}

// Keys lists the keys of the installation.
func (l local) Keys(context.Context, struct{}) ([]keyring.Listed, error) { return l.in.ring.List() }

// Rotate changes one key.
func (l local) Rotate(ctx context.Context, r rotateRequest, s stream) (rotated, error) {
	tell := func(done, total int) { s.tell(rotateNews{done, total}) }
	switch out := (rotated{Key: r.Key}); r.Key {
	case "master":
		return l.rotateMaster(ctx, r)
	case "bucket":
		out.Done = "every bucket has a new key, and everybody's keys are wrapped under it"
		out.Next = []string{"destroy old copies of the keyring: with one of them an old copy of the database still opens", "copy the keyring to where you keep its copy"}
		return out, l.in.db.RotateBuckets(ctx, tell)
	case "index":
		out.Done = "identifiers are entered by a new key, and the old one is destroyed"
		out.Next = []string{"copy the keyring to where you keep its copy; with an old one nobody would be found"}
		return out, l.in.db.RotateIndex(ctx, tell)
	case "feed":
		out.Done = "feeds and snapshots have a new key, and the old one is destroyed"
		out.Next = []string{"copy the keyring to where you keep its copy"}
		return out, l.in.db.RotateFeed(ctx)
	case "ledger":
		return l.handOver(ctx, r)
	}
	return rotated{}, fault.New(fault.Invalid, "there is no key %q to change; there are %s", r.Key, strings.Join(rotatable, ", "))
}

func (l local) rotateMaster(ctx context.Context, r rotateRequest) (rotated, error) {
	out := rotated{Key: r.Key, Done: "the keyring is sealed under a new master key, and the old one is destroyed", Next: []string{
		"copy the keyring to where you keep its copy",
		"destroy old copies of it: they still open with the old master key. Where one got out together with that key, change the other keys too: " + strings.Join(rotatable[1:], ", "),
	}}
	if r.Identity == "" {
		if l.in.ring.Source() == keyring.FromEnvironment {
			out.Next = append([]string{"take the old key out of AMANA_MASTER_KEY on every server, and keep the new one where you kept the old"}, out.Next[1:]...)
		}
		return out, l.in.db.RotateMaster(ctx)
	}
	to, err := keyring.Identity(r.Identity)
	if err != nil {
		return out, err
	}
	out.Done = "the master key lies under the age identity, and is a new one"
	out.Next = append([]string{"name the identity at the next start: --key-identity " + r.Identity + " (or key_identity, AMANA_KEY_IDENTITY), on every server", "keep a copy of the identity in another place: without it nothing opens"}, out.Next...)
	return out, l.in.db.MoveMaster(ctx, to)
}

func (l local) handOver(ctx context.Context, r rotateRequest) (rotated, error) {
	out := rotated{Key: r.Key, From: l.in.db.LogKey()}
	var err error
	if r.Prepare {
		out.Done = "the next key of the log is made, and signs nothing yet"
		out.Next = []string{"tell it to your witnesses: they may take it beside the one in force", "amana keys rotate ledger hands over to it"}
		out.To, err = l.in.ring.BeginLog(ctx)
		return out, err
	}
	h, err := l.in.db.HandOver(ctx)
	out.Done = "the log's key is handed over, and the old one's signing half is destroyed"
	out.From, out.To, out.Size = h.From, h.To, h.Size
	out.Next = []string{
		"publish the new key where customers and auditors find it; receipts that they hold stay good, and /log/signers leads from one key to the other",
		"give it to your witnesses: until they know it they refuse new heads",
		"copy the keyring to where you keep its copy, and destroy old ones: the old key in them could date heads back",
	}
	return out, err
}

func (r remote) Keys(ctx context.Context, in struct{}) (out []keyring.Listed, err error) {
	return out, r.call(ctx, "/keys", in, &out)
}

func (r remote) Rotate(ctx context.Context, in rotateRequest, s stream) (out rotated, err error) {
	return out, r.stream(ctx, "/rotate", in, s, &out)
}

func runKeysList(ctx context.Context, e env, args []string) error {
	fs := find("keys list").flags(e)
	var at place
	at.flags(fs, "amana-data")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return errors.New("keys list takes no operand")
	}
	return ended(exitUnknown, operate(ctx, at, func(op operator) error {
		list, err := op.Keys(ctx, struct{}{})
		if err != nil {
			return no(err)
		}
		if *asJSON {
			return writeJSON(e, map[string]any{"keys": list})
		}
		return tellKeys(e.stdout, list)
	}))
}

func tellKeys(w io.Writer, list []keyring.Listed) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var next []string
	for _, k := range list {
		made := "-"
		if !k.Made.IsZero() {
			made = k.Made.Format(time.DateOnly)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", k.Name, versionOf(k), k.State, made, k.Detail)
		cut := k.State == keyring.Changing || k.State == keyring.Older && k.Name != "ledger" && k.Name != "suppression"
		if hint := "amana keys rotate " + k.Name; cut && !slices.Contains(next, hint) {
			next = append(next, hint)
		}
	}
	for _, hint := range next {
		fmt.Fprintf(t, "next: %s goes on with what is being changed\n", hint)
	}
	return t.Flush()
}

func versionOf(k keyring.Listed) string {
	if k.Version == 0 {
		return "-"
	}
	return fmt.Sprint(k.Version)
}

func runKeysRotate(ctx context.Context, e env, args []string) error {
	fs := find("keys rotate").flags(e)
	var at place
	at.flags(fs, "amana-data")
	r := rotateRequest{}
	fs.StringVar(&r.Identity, "to-identity", "", "of master: file of an age identity that is to open it from now on")
	fs.BoolVar(&r.Prepare, "prepare", false, "of ledger: make the next key and print it, for witnesses to know it beforehand; it signs nothing yet")
	asJSON := fs.Bool("json", false, "print one JSON object")
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 || !slices.Contains(rotatable, operands[0]) {
		return fmt.Errorf("say which key: amana keys rotate %s --dir %s", strings.Join(rotatable, "|"), at.dir)
	}
	r.Key = operands[0]
	if r.Identity != "" && r.Key != "master" || r.Prepare && r.Key != "ledger" {
		return errors.New("--to-identity is for the master key, --prepare for the ledger's")
	}
	if r.Identity != "" { // the server that reads it may run in another folder
		if r.Identity, err = filepath.Abs(r.Identity); err != nil {
			return no(err)
		}
	}
	out, err := rotate(ctx, e, at, r)
	if err != nil {
		if r.Key == "ledger" { // the next start may have finished it: again would be once more
			return no(fmt.Errorf("%w; amana keys list says whether it was handed over", err))
		}
		return no(fmt.Errorf("%w; where something was changed already, the same command goes on", err))
	}
	if *asJSON {
		return writeJSON(e, out)
	}
	return tellRotated(e.stdout, out)
}

func rotate(ctx context.Context, e env, at place, r rotateRequest) (out rotated, err error) {
	bar := newProgress(e.stderr, "changing", 100)
	done := 0
	err = operate(ctx, at, func(op operator) (err error) {
		out, err = op.Rotate(ctx, r, stream{in: strings.NewReader(""), out: io.Discard, news: func(raw json.RawMessage) error {
			var n rotateNews
			if err := json.Unmarshal(raw, &n); err != nil {
				return err
			}
			now := 100 * n.Done / max(n.Total, 1)
			bar.add(now - done)
			done = now
			return nil
		}})
		return err
	})
	if done > 0 {
		bar.done()
	}
	return out, err
}

func tellRotated(w io.Writer, out rotated) error {
	lines := []string{out.Done}
	if out.To != "" {
		lines = append(lines, "", "  from  "+out.From, "  to    "+out.To)
	}
	if out.Size > 0 {
		lines = append(lines, "  at    "+lang.Count(out.Size, "entry", "entries"))
	}
	lines = append(lines, "")
	for _, n := range out.Next {
		lines = append(lines, "next: "+n)
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func runKeysMake(_ context.Context, e env, args []string) error {
	fs := find("keys make").flags(e)
	operands, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return errors.New("keys make takes no operand")
	}
	_, err = fmt.Fprintln(e.stdout, keyring.NewMaster())
	return err
}
