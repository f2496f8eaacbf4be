package receipt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

const (
	receiptForm = "https://w3id.org/dpv/schema/dpv-27560#receipt"
	recordForm  = "https://w3id.org/dpv/schema/dpv-27560#record"
)

// TimeForm is how times stand in a record: RFC 3339, UTC, milliseconds.
const TimeForm = "2006-01-02T15:04:05.000Z"

// Parts are everything a receipt is made of but its proof. They are what a
// store keeps, sealed.
type Parts struct {
	Record      []byte // RFC 8785
	Salt        ledger.Salt
	Subject     subject.ID
	SubjectSalt ledger.Salt
	Process     []byte // RFC 8785
	ProcessSalt ledger.Salt

	made  *Record  // what Record says; nil: it is read
	shown *Process // what Process says; nil: it is read
}

// Texts are what a person is shown of a purpose, made once for many answers.
type Texts struct {
	Bytes []byte // RFC 8785
	Scope string // id of the scope they state

	value *Process
}

// NewTexts reads the texts that ProcessOf wrote.
func NewTexts(process []byte, scope string) (Texts, error) {
	t := Texts{Bytes: process, Scope: scope, value: new(Process)}
	if err := json.Unmarshal(process, t.value); err != nil {
		return Texts{}, fmt.Errorf("reading the texts of a record: %w", err)
	}
	return t, nil
}

// Shown gives the parts with the texts that were shown.
func (p Parts) Shown(t Texts) Parts {
	p.Process, p.shown = t.Bytes, t.value
	return p
}

// Entry is what the ledger gets of them.
func (p Parts) Entry() ledger.Entry { return ledger.EntryOf(p.Salt, p.Record) }

// Make writes the record of an event with fresh salts. The state is the one
// the event led to.
func Make(e consent.Event, after consent.State, t Texts, id subject.ID) (Parts, error) {
	p := Parts{Salt: ledger.NewSalt(), Subject: id, SubjectSalt: ledger.NewSalt(), ProcessSalt: ledger.NewSalt()}.Shown(t)
	who, what := ledger.CommitSubject(p.SubjectSalt, string(id)), ledger.CommitProcess(p.ProcessSalt, t.Bytes)
	r := Record{
		ConformsTo:     recordForm,
		ID:             e.ID,
		HasDataSubject: Party{id.Kind(), who[:]},
		HasNotice:      &Notice{e.Policy, e.Language, shown(e), e.Claim.Evidence, what[:]},
		HasConsent:     consentOf(e, after, t.Scope),
	}
	err := r.plain()
	if err != nil { // what is written must verify
		return Parts{}, err
	}
	p.made = &r
	if e.Claim != (consent.Claim{}) { // a claim holds texts of others
		p.Record, err = canonical(r)
		return p, err
	}
	p.Record = r.canonical()
	return p, nil
}

// about completes a record that tells of no answer, and shows nothing but whom it is about.
func about(id subject.ID, r Record) (Parts, error) {
	p := Parts{Salt: ledger.NewSalt(), Subject: id, SubjectSalt: ledger.NewSalt(), made: &r}
	who := ledger.CommitSubject(p.SubjectSalt, string(id))
	r.ConformsTo, r.HasDataSubject = recordForm, Party{id.Kind(), who[:]}
	err := r.plain()
	if err != nil { // what is written must verify
		return Parts{}, err
	}
	p.Record, err = canonical(r)
	return p, err
}

func consentOf(e consent.Event, after consent.State, scope string) *Consent {
	c := &Consent{Purpose: e.Purpose, Recipient: e.Recipient, Topics: e.Topics, Frequency: e.Frequency, Decision: e.Act, Type: "ExpressedConsent",
		Status: statusTerm(e, after), Time: e.Time.UTC().Format(TimeForm), By: "subject", Surface: e.Surface, Scope: scope, Meaning: e.Meaning}
	if e.Attested {
		c.By = "company"
	}
	if e.Surface == consent.SurfaceParent {
		c.By = "parent"
	}
	if e.Signals != (consent.Signals{}) {
		c.Signals = &e.Signals
	}
	c.Moved = e.Claim.Moved
	if c.Source = e.Claim.Source; !e.Claim.Said.IsZero() {
		c.Said = e.Claim.Said.UTC().Format(TimeForm)
	}
	if e.Act == consent.ActPaused {
		c.Until = e.Until.UTC().Format(TimeForm)
	}
	if yes := after.Yes; yes != nil && (yes.Event == e.ID || e.Act == consent.ActConfirmed || e.Act == consent.ActResumed) {
		c.Until = yes.Until.UTC().Format(TimeForm)
		if e.Act == consent.ActConfirmed {
			c.Confirms = yes.Event
		}
	}
	return c
}

// statusTerm is the DPV consent status an event led to.
func statusTerm(e consent.Event, after consent.State) string {
	switch {
	case e.Act == consent.ActRefused && after.Status != consent.StatusGone:
		return "ConsentRefused"
	case e.Act == consent.ActRefused, e.Act == consent.ActWithdrawn, e.Act == consent.ActPaused:
		return "ConsentWithdrawn"
	case after.Pending != nil && after.Pending.Event == e.ID:
		return "ConsentRequested"
	default:
		return "ConsentGiven"
	}
}

func shown(e consent.Event) string {
	switch {
	case e.Claim.Evidence != "":
		return "imported"
	case e.Shown:
		return "evidenced"
	}
	return "not_evidenced"
}

// Receipt puts a proof to the parts, and the keys of the log up to the one that
// signed the checkpoint, oldest first. With a nil proof the receipt is pending.
func (p Parts) Receipt(proof *Proof, checkpoint string, signers []Signer) (Receipt, error) {
	r := Receipt{ConformsTo: receiptForm, Salt: p.Salt[:], Proof: proof, Checkpoint: checkpoint, Signers: signers,
		Subject: &Opened{string(p.Subject), p.SubjectSalt[:]}}
	if p.made == nil {
		p.made = new(Record)
		if err := json.Unmarshal(p.Record, p.made); err != nil {
			return Receipt{}, fmt.Errorf("reading a stored record: %w", err)
		}
	}
	if p.shown == nil && p.made.HasNotice != nil {
		t, err := NewTexts(p.Process, "")
		if err != nil {
			return Receipt{}, err
		}
		p.shown = t.value
	}
	r.Record, r.ID = *p.made, p.made.ID
	if p.shown != nil {
		r.Process = &OpenedProcess{*p.shown, p.ProcessSalt[:]}
	}
	r.Context = contextOf(&r)
	return r, nil
}

// ProofOf gives a proof its form.
func ProofOf(index, size int64, hashes tlog.RecordProof) *Proof {
	return ledger.ProofOf(index, size, hashes)
}

// ProcessOf writes what a purpose promises in one language as RFC 8785 bytes:
// the texts a person is shown. At is the page on which an answer is taken
// back, how says so in words.
func ProcessOf(v *policy.Version, purpose, language, at, how string) ([]byte, error) {
	return canonical(processOf(v, purpose, language, at, how))
}

// ImportedProcessOf is ProcessOf of an imported yes, with what was shown in
// place of the version's words.
func ImportedProcessOf(v *policy.Version, purpose, language, at, how string, e ProcessEvidence) ([]byte, error) {
	process := processOf(v, purpose, language, at, how)
	process.Evidence = &e
	return canonical(process)
}

func processOf(v *policy.Version, purpose, language, at, how string) Process {
	pol, p := v.Policy, v.Policy.Purposes[purpose]
	org := pol.Organization
	process := Process{
		Purpose:    ProcessPurpose{purpose, p.Title.In(language), p.Text.In(language), p.Benefit.In(language), p.DPV},
		LegalBasis: p.Basis.DPV(),
		Data:       []ProcessData{},
		Storage:    ProcessStorage{p.Keep.String(), cmp.Or(p.CountsFrom(), "yes"), pol.Security.Destruction.In(language)},
		Controller: ProcessController{org.Name.In(language), org.LegalName.In(language), org.Contact.Email, org.Contact.Phone, org.Contact.Address.In(language)},
		Recipients: []ProcessRecipient{},
		Control:    ProcessControl{"WithdrawConsent", at, how},
		Rights:     nonNil(pol.Requests.Rights),
		Law:        nonNil(pol.Regimes),
	}
	for _, id := range slices.Sorted(slices.Values(p.Data)) {
		d := pol.Data[id]
		process.Data = append(process.Data, ProcessData{id, d.Label.In(language), d.Category, d.DPV, d.Sensitive})
	}
	for _, id := range slices.Sorted(slices.Values(p.Recipients)) {
		r := pol.Recipients[id]
		process.Recipients = append(process.Recipients, ProcessRecipient{id, r.Name.In(language), string(r.Role), string(r.PermissionOf()), r.Country})
	}
	return process
}

func nonNil(list []string) []string { return append([]string{}, list...) }

func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing a record: %w", err)
	}
	return jcs.Transform(raw)
}

// Time reads a time in a record's form.
func Time(s string) (time.Time, error) { return time.Parse(TimeForm, s) }
