package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/strict"
	"github.com/amana-privacy/amana/subject"
)

// submission is the body of POST /v1/consents.
type submission struct {
	Subject  string   `json:"subject" need:"yes" doc:"Who answers: kind:value, the kind being email, phone, customer or device."`
	Choices  []choice `json:"choices" need:"yes" min:"1" max:"200" doc:"The answers. All of them are recorded, or none."`
	Policy   string   `json:"policy" doc:"The version that was shown, by its id. Without it the one in force is answered to, and the receipt says shown: not_evidenced."`
	Language string   `json:"language" doc:"The language it was shown in, one of the policy's; its master language if absent."`
	Surface  string   `json:"surface" enum:"api|choices|banner|demo" doc:"Where the answer was given; api if absent."`
	Signals  signals  `json:"signals" doc:"What the browser said of itself while the person answered."`
}

// choice is one answer in it.
type choice struct {
	Purpose   string   `json:"purpose" need:"yes" doc:"The id of a purpose that rests on consent."`
	Decision  string   `json:"decision" need:"yes" enum:"given|refused|withdrawn" doc:"What the person said."`
	Recipient string   `json:"recipient" doc:"A recipient that needs its own permission: the answer is to that alone."`
	Topics    []string `json:"topics" max:"100" doc:"With a yes, the topics that are wanted; all of them if absent."`
	Frequency string   `json:"frequency" doc:"With a yes, how often at most: one of those the purpose offers; the most often of them if absent."`
}

// signals are those of a browser.
type signals struct {
	GPC bool `json:"gpc" doc:"Global Privacy Control: Sec-GPC was exactly 1."`
}

// recorded is the answer to it; Receipts are whole, or with return=minimal
// their ids.
type recorded[R receipt.Receipt | string] struct {
	Receipts []R `json:"receipts" doc:"One for each choice, in the order of the choices."`
}

// recordConsents takes what a person answered elsewhere. The company enters it,
// and the record says so.
func (d *door) recordConsents(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in submission
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	s, err := in.read(d.region())
	if err != nil {
		return err
	}
	if s.Once, err = once(r, raw); err != nil {
		return err
	}
	done, err := d.Store.Submit(r.Context(), s)
	if err != nil {
		return err
	}
	p := preferred(r.Header)
	p.wait = p.wait && d.proved(r.Context(), done, p.within)
	if p.minimal && s.Once == nil {
		return replyIDs(w, p, done)
	}
	receipts, err := done.Receipts(r.Context())
	if fault.KindOf(err) == fault.Unknown { // a replay, of what is no longer kept
		return fault.At(fault.Conflict, keyHeader, "this was done; its receipts are no longer kept, because the subject was erased")
	}
	if err != nil {
		return err
	}
	if p.minimal {
		return replyIDs(w, p, done)
	}
	p.applied(w.Header())
	return reply(w, http.StatusCreated, recorded[receipt.Receipt]{receipts})
}

// proved waits until the ledger has what was recorded, and says whether it has.
// The answer is 201 either way: what was recorded stays.
func (d *door) proved(ctx context.Context, done store.Recorded, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, min(cmp.Or(within, d.Timeout), d.Timeout/2))
	defer cancel()
	return done.Wait(ctx) == nil
}

func replyIDs(w http.ResponseWriter, p preferences, done store.Recorded) error {
	p.applied(w.Header())
	return reply(w, http.StatusCreated, recorded[string]{done.IDs()})
}

// read gives the submission in the store's words.
func (in submission) read(region string) (store.Submission, error) {
	id, err := subjectAt("subject", in.Subject, region)
	if err != nil {
		return store.Submission{}, err
	}
	s := store.Submission{Subject: id, Policy: policy.VersionID(in.Policy), Language: in.Language,
		Surface: consent.SurfaceAPI, Signals: consent.Signals(in.Signals), Attested: true}
	if in.Surface != "" {
		s.Surface = consent.Surface(in.Surface)
	}
	for _, c := range in.Choices {
		s.Choices = append(s.Choices, consent.Choice{Purpose: c.Purpose, Decision: consent.Answer(c.Decision), Recipient: c.Recipient, Topics: c.Topics, Frequency: c.Frequency})
	}
	return s, nil
}

// subjectAt reads an identifier that stands in a member.
func subjectAt(field, s, region string) (subject.ID, error) {
	id, err := identifier(s, region)
	if err == nil {
		return id, nil
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return "", fault.At(e.Kind, field, "%s", e.Words)
	}
	return "", err
}

// identifier gives the normal form of an identifier, as subject.Parse does; of one
// that is plain at a glance sooner.
func identifier(s, region string) (subject.ID, error) {
	kind, value, _ := strings.Cut(s, ":")
	var room [80]byte
	plain, ok := subject.AppendPlain(room[:0], kind, strings.ToUpper(region), []byte(value))
	switch {
	case !ok:
		return subject.Parse(s, region)
	case string(plain) == s:
		return subject.ID(s), nil
	}
	return subject.ID(plain), nil
}

// region is where phone numbers without a country code are read: the default
// region of the policy in force.
func (d *door) region() string {
	if v := d.InForce(); v != nil {
		return v.Policy.DefaultRegion
	}
	return ""
}
