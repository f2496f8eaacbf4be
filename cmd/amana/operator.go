package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"slices"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// operator is what verbs ask of an installation, be it open here or served by
// another process.
type operator interface {
	Publish(ctx context.Context, r publishRequest) (published, error)
	CreateToken(ctx context.Context, r tokenRequest) (tokenMade, error)
	Decide(ctx context.Context, r decideRequest) (decided, error)
	Erase(ctx context.Context, r eraseRequest) (erasureDone, error)
	OpenKept(ctx context.Context, r openRequest) (receipt.Receipt, error)
	Check(ctx context.Context, r struct{}) (store.Report, error)
	History(ctx context.Context, r historyRequest) (historyShown, error)
	Import(ctx context.Context, r importRequest, s stream) (imported, error)
	Export(ctx context.Context, r exportRequest, s stream) (exported, error)
	Keys(ctx context.Context, r struct{}) ([]keyring.Listed, error)
	Rotate(ctx context.Context, r rotateRequest, s stream) (rotated, error)
	Scrub(ctx context.Context, r scrubRequest, s stream) (scrubbed, error)
	Backup(ctx context.Context, r struct{}, s stream) (store.Manifest, error)
	CopyKeyring(ctx context.Context, r copyRequest, s stream) (struct{}, error)
	Tombstones(ctx context.Context, r struct{}, s stream) (struct{}, error)
}

type publishRequest struct {
	Name        string   `json:"name"` // of the file, for its findings
	Source      []byte   `json:"source"`
	Logo        []byte   `json:"logo,omitempty"`
	SameMeaning []string `json:"same_meaning,omitempty"`
	By          string   `json:"by"`
}

type published struct {
	Version  policy.VersionID `json:"version"`
	Before   policy.VersionID `json:"before,omitempty"`
	Meanings []string         `json:"meanings_changed"` // purposes whose meaning is new
	Declared []string         `json:"same_meaning"`     // purposes declared to mean what they meant
}

type tokenRequest struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
}

type tokenMade struct {
	Token  string   `json:"token"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
}

type decideRequest struct {
	Subject   string   `json:"subject"`
	Purpose   string   `json:"purpose"`
	Data      []string `json:"data,omitempty"`
	Recipient string   `json:"recipient,omitempty"`
	Signals   *signals `json:"signals,omitempty"`
	Detail    bool     `json:"detail,omitempty"` // also the chain
}

type signals struct {
	GPC bool `json:"gpc"`
}

type decided struct {
	Allowed bool             `json:"allowed"`
	Reason  decision.Reason  `json:"reason"`
	Policy  policy.VersionID `json:"policy"`
	Chain   []chained        `json:"chain,omitempty"` // with detail
}

// operate gives f an operator for the installation at a place: the server that
// runs on its folder, through its control socket, or the installation itself,
// opened and closed.
func operate(ctx context.Context, at place, f func(operator) error) error {
	return operateAt(ctx, at, "", f)
}

// operateAt is operate for verbs that write receipts. They name the hosted pages
// at publicURL; where a server runs, it knows where those are.
func operateAt(ctx context.Context, at place, publicURL string, f func(operator) error) error {
	socket := filepath.Join(at.dir, "control.sock")
	if conn, err := net.Dial("unix", socket); err == nil {
		conn.Close()
		return f(remote{socket})
	}
	in, err := open(ctx, at.environment(), publicURL, nil)
	if errors.Is(err, errLocked) {
		return errors.New("another amana has the folder open, and its control socket does not answer")
	}
	if err != nil {
		return err
	}
	err = f(local{in})
	return errors.Join(err, in.close())
}

// ended gives what a verb that operates ends with: an error that is none of its own is
// wrong use where it is about what was asked, and else has the code. One of printing is
// left to whom it is printed for.
func ended(code int, err error) error {
	_, done := asExit(err)
	at, unprinted := errors.AsType[*fs.PathError](err)
	unprinted = unprinted && at.Op == "write"
	if k := fault.KindOf(err); done || unprinted || err == nil || k == fault.Invalid || k == fault.Malformed {
		return err
	}
	return exitError{code, err.Error()}
}

// local is an operator on an open installation.
type local struct{ in *installation }

func (l local) Publish(ctx context.Context, r publishRequest) (published, error) {
	doc, err := readPolicy(r.Name, r.Source)
	if err != nil {
		return published{}, err
	}
	if err := goodLogo(doc.Policy, r.Logo); err != nil {
		return published{}, err
	}
	before := l.in.db.InForce()
	v, err := l.in.db.Publish(ctx, doc, r.SameMeaning, r.By)
	if err != nil {
		return published{}, err
	}
	if err := l.in.keepLogo(doc.Policy, r.Logo); err != nil {
		return published{}, err
	}
	out := published{Version: v.ID, Meanings: []string{}, Declared: append([]string{}, r.SameMeaning...)}
	if before != nil {
		out.Before = before.ID
		out.Meanings = slices.DeleteFunc(meaningsChanged(before, v), func(id string) bool { return slices.Contains(r.SameMeaning, id) })
	}
	return out, nil
}

func (l local) CreateToken(ctx context.Context, r tokenRequest) (tokenMade, error) {
	secret, err := l.in.db.CreateToken(ctx, r.Name, r.Scopes)
	return tokenMade{secret, r.Name, r.Scopes}, err
}

func (l local) Decide(ctx context.Context, r decideRequest) (decided, error) {
	region := ""
	if v := l.in.db.InForce(); v != nil {
		region = v.Policy.DefaultRegion
	}
	id, err := subject.Parse(r.Subject, region)
	if err != nil {
		return decided{}, err
	}
	q := decision.Question{Purpose: r.Purpose, Data: r.Data, Recipient: r.Recipient}
	if r.Signals != nil {
		q.Signals.GPC = r.Signals.GPC
	}
	decide := l.in.db.DecideBy
	if l.in.publisher != nil && !r.Detail { // what an answer rests on is in the store
		decide = l.in.publisher.Decide
	}
	a, by, err := decide(ctx, id, q)
	if err != nil {
		return decided{}, err
	}
	out := decided{Allowed: a.Allowed, Reason: a.Reason, Policy: by}
	if r.Detail {
		out.Chain, err = l.chain(ctx, q, a)
	}
	return out, err
}
