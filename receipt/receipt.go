// Package receipt is what a customer keeps of an answer, and how anyone
// verifies it without the company.
//
// A receipt is structured after ISO/IEC TS 27560:2023 through the W3C DPV
// guide (https://w3c.github.io/dpv/guides/consent-27560): member names are DPV
// terms where DPV has one; the context maps the rest.
package receipt

import (
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

// Receipt is a record with its proof. Binary members are standard base64.
type Receipt struct {
	Context    map[string]any `json:"@context"` // one of contextsOf(it)
	ConformsTo string         `json:"conformsTo"`
	ID         string         `json:"id"` // the record's
	Record     Record         `json:"record"`
	Salt       []byte         `json:"salt"`              // 16 bytes, of the record's commitment
	Subject    *Opened        `json:"subject,omitempty"` // the identifier; left out of a copy for others
	Process    *OpenedProcess `json:"process,omitempty"` // the texts shown; may be left out of a copy
	Proof      *Proof         `json:"proof"`             // null while the ledger has not integrated the entry
	Checkpoint string         `json:"checkpoint"`        // signed note; "" while the proof is null
	Signers    []Signer       `json:"signers"`           // the keys of the log up to the one that signed, oldest first
}

// Record is the immutable record of one answer, of an erasure, or of a demand. Its RFC 8785
// bytes are what the ledger commits to.
type Record struct {
	ConformsTo     string   `json:"conformsTo"`
	ID             string   `json:"id"` // UUID
	HasDataSubject Party    `json:"hasDataSubject"`
	HasNotice      *Notice  `json:"hasNotice,omitempty"`  // with an answer: what was shown
	HasConsent     *Consent `json:"hasConsent,omitempty"` // the answer
	HasErasure     *Erasure `json:"hasErasure,omitempty"` // or the erasure
	HasDemand      *Demand  `json:"hasDemand,omitempty"`  // or the demand
}

// Policy is the version that a record names.
func (r Record) Policy() policy.VersionID {
	switch {
	case r.HasErasure != nil:
		return r.HasErasure.Policy
	case r.HasDemand != nil:
		return r.HasDemand.Policy
	}
	return r.HasNotice.Policy
}

// Party names a subject by its kind and a salted commitment to its identifier.
type Party struct {
	Kind       string `json:"kind"`
	Commitment []byte `json:"commitment"` // SHA-256("amana/subject/v1\n" ‖ salt ‖ identifier)
}

// Notice says what was shown, by policy version, language and a salted
// commitment to the texts.
type Notice struct {
	Policy     policy.VersionID `json:"policy"`
	Language   string           `json:"language"`
	Shown      string           `json:"shown"`              // evidenced | not_evidenced | imported
	Evidence   string           `json:"evidence,omitempty"` // imported: id of the evidence set, whose text stands in the process
	Commitment []byte           `json:"commitment"`         // SHA-256("amana/process/v1\n" ‖ salt ‖ RFC 8785 of the process)
}

// Consent is the answer itself.
type Consent struct {
	Purpose   string           `json:"hasPurpose"`
	Recipient string           `json:"hasRecipient,omitempty"`
	Topics    []string         `json:"topics,omitempty"`
	Frequency string           `json:"frequency,omitempty"` // how often at most, where the person chose
	Decision  consent.Act      `json:"decision"`
	Status    string           `json:"hasConsentStatus"`  // a DPV term, e.g. ConsentGiven
	Type      string           `json:"consentType"`       // ExpressedConsent
	Time      string           `json:"isIndicatedAtTime"` // RFC 3339, UTC, milliseconds
	By        string           `json:"isIndicatedBy"`     // subject | company | parent
	Surface   consent.Surface  `json:"hasIndicationMethod"`
	Scope     string           `json:"scope"`
	Meaning   string           `json:"meaning"`               // id of what the purpose's words meant when they were shown
	Until     string           `json:"hasDuration,omitempty"` // RFC 3339: the yes, or the pause, ends then, exclusive
	Confirms  string           `json:"confirms,omitempty"`    // id of the record that a confirmation confirms
	Signals   *consent.Signals `json:"signals,omitempty"`
	Said      string           `json:"said,omitempty"`   // of what was imported: when, as its list claims; RFC 3339
	Source    string           `json:"source,omitempty"` // of what was imported: where, in its list's words
	Moved     string           `json:"moved,omitempty"`  // of what was moved from another installation: log and number of its receipt there
}

// Opened opens the commitment to an identifier.
type Opened struct {
	Value string `json:"value"` // kind:value in normal form; a device as a hash of its cookie's id
	Salt  []byte `json:"salt"`
}

// OpenedProcess opens the commitment to the texts.
type OpenedProcess struct {
	Value Process `json:"value"`
	Salt  []byte  `json:"salt"`
}

// Process is what the person was shown of one purpose, in the language it was
// shown in, in DPV terms (dpv:hasProcess).
type Process struct {
	Purpose    ProcessPurpose     `json:"hasPurpose"`
	LegalBasis string             `json:"hasLegalBasis"` // a DPV term
	Data       []ProcessData      `json:"hasPersonalData"`
	Storage    ProcessStorage     `json:"hasStorageCondition"`
	Controller ProcessController  `json:"hasDataController"`
	Recipients []ProcessRecipient `json:"hasRecipient"`
	Control    ProcessControl     `json:"hasConsentControl"`
	Rights     []string           `json:"hasRight"`
	Law        []string           `json:"hasJurisdiction"` // regimes declared

	// Evidence is, of an imported yes, the text that was shown instead: somebody
	// declares that it asked for the same.
	Evidence *ProcessEvidence `json:"evidence,omitempty"`
}

// ProcessEvidence is the text behind an imported yes, in the language it was
// shown in.
type ProcessEvidence struct {
	ID       string `json:"id"` // of the evidence set
	Language string `json:"language"`
	Text     string `json:"text"`
	From     string `json:"from"`  // first day it was shown
	Until    string `json:"until"` // last day
	Source   string `json:"source"`
	By       string `json:"by"` // who declares that
}

// ProcessPurpose is the purpose in words.
type ProcessPurpose struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Text    string `json:"description"`
	Benefit string `json:"hasBenefit"`
	Broader string `json:"broader,omitempty"` // a DPV purpose
}

// ProcessData is one category of data.
type ProcessData struct {
	ID        string `json:"id"`
	Label     string `json:"label"`
	Category  string `json:"category"` // fideslang key
	DPV       string `json:"dpv,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// ProcessStorage says how long and how data ends.
type ProcessStorage struct {
	Duration string `json:"hasDuration"` // ISO 8601
	From     string `json:"from"`        // yes, collection …
	Deletion string `json:"hasErasure,omitempty"`
}

// ProcessController is who promised.
type ProcessController struct {
	Name    string `json:"name"`
	Legal   string `json:"legalName"`
	Email   string `json:"email"`
	Phone   string `json:"phone"`
	Address string `json:"address"`
}

// ProcessRecipient is who else gets it.
type ProcessRecipient struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Role       string `json:"role"`
	Permission string `json:"permission"`
	Country    string `json:"country"`
}

// ProcessControl says how to take it back. It names a page; it is no link that acts.
type ProcessControl struct {
	Kind string `json:"kind"` // WithdrawConsent
	At   string `json:"isExercisedAt"`
	How  string `json:"how"` // in words
}

// Proof is an RFC 6962 inclusion proof.
type Proof = ledger.Proof

// Signer is a verifier key of the log (C2SP signed-note form), and for every
// key but the first the hand-over by which its predecessor named it.
type Signer = ledger.Signer
