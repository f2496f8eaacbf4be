package web

import (
	"encoding/json"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

type receiptPage struct {
	base
	Slip  slipView
	File  string // address of the file
	Alone string // address of the proof alone
	Key   string // that signed
	Proof *proofView
}

// slipView is a receipt in words.
type slipView struct {
	Title, Answer     string
	Given             bool
	Purpose           string
	Recipient         string
	At                time.Time
	When, Until       string
	Where             string
	Kind, Device      string
	Policy, ID        string
	TextLang, TextDir string
	Text, Benefit     string
	Data              []string
	Parties           []string
	Keep              string
	Back, BackAt      string
	Said              string // of what was imported: when, as its list claims
	Moved             string // of what came from another installation: its receipt there
	Evidence          *evidenceView
	Erased            *erasedView
	Due               string   // of a demand: by when it is answered
	About             []string // and the data or purposes it is about
}

// erasedView is what the receipt of an erasure says.
type erasedView struct {
	Answers string
	Kept    []keptView
}

// keptView is something that stays, and until when.
type keptView struct{ What, Until string }

// evidenceView is what an imported yes rests on.
type evidenceView struct{ By, From, Until, Source string }

// proofView is the way from an entry to the signed head.
type proofView struct {
	Index, Size int64
	Steps       int
	Path        []joint
	Width       int
	Height      int
	Head        joint
}

// joint is one step of the way: our fingerprint and the one it is joined with.
type joint struct{ X, Y, UpX, UpY, SideX, SideY int }

// receiptOf opens the token of the address, which is of one receipt.
func (s *site) receiptOf(v *visit) (receipt.Receipt, error) {
	ids, ok := s.links.open(s.Now(), v.PathValue("token"))
	if !ok || len(ids) != 1 {
		return receipt.Receipt{}, fault.New(fault.Unknown, "the link to the receipt has run out")
	}
	list, err := s.Store.Receipts(v.Context(), ids)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return list[0], nil
}

func (s *site) receipt(v *visit) error {
	r, err := s.receiptOf(v)
	if err != nil {
		return err
	}
	path := "/receipt/" + v.PathValue("token")
	page := receiptPage{Slip: v.slipOf(r), File: v.path(path) + "/json", Alone: v.path(path) + "/proof", Proof: draw(r.Proof)}
	page.base = v.at(v.ed, path, page.Slip.Title)
	page.Private = true
	if n := len(r.Signers); n > 0 {
		page.Key = r.Signers[n-1].Key
	}
	return v.show(200, never, "receipt", page)
}

func (s *site) receiptFile(v *visit) error {
	r, err := s.receiptOf(v)
	if err != nil {
		return err
	}
	return v.attach(r)
}

// attach gives a receipt as a file.
func (v *visit) attach(r receipt.Receipt) error {
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	v.Header().Set("Content-Disposition", `attachment; filename="receipt.json"`)
	v.write(200, never, "application/json", append(body, '\n'))
	return nil
}

// proofFile is the proof alone, for programs that know nothing of receipts.
func (s *site) proofFile(v *visit) error {
	r, err := s.receiptOf(v)
	if err != nil {
		return err
	}
	proof, err := r.LogProof()
	if err != nil {
		return err
	}
	v.Header().Set("Content-Disposition", `attachment; filename="receipt.tlog-proof"`)
	v.write(200, never, "text/plain; charset=utf-8", []byte(proof))
	return nil
}

// slipOf puts a receipt in words: the frame in the reader's language, the texts
// in the one in which they were shown.
func (f *face) slipOf(r receipt.Receipt) slipView {
	c := r.Record.HasConsent
	if e := r.Record.HasErasure; e != nil {
		return f.erasureSlip(r, e)
	}
	if d := r.Record.HasDemand; d != nil {
		return f.demandSlip(r, d)
	}
	out := slipView{
		Title: f.receiptTitle(c.Decision), Answer: f.Of("act", c.Decision), Given: c.Decision == consent.ActGiven || c.Decision == consent.ActConfirmed,
		Purpose: f.titleOf(consent.Key{Purpose: c.Purpose}), When: f.moment(c.Time), Until: f.moment(c.Until), Where: f.Of("surface", c.Surface),
		Kind: f.Of("kind", r.Record.HasDataSubject.Kind), Policy: string(r.Record.HasNotice.Policy), ID: r.ID, TextLang: r.Record.HasNotice.Language,
		Said: f.moment(c.Said), Moved: c.Moved,
	}
	if r.Subject != nil {
		out.Device = r.Subject.Value
	}
	if r.Process != nil {
		out.shown(f, r.Process.Value, c.Recipient)
	}
	if w, ok := lang.For(out.TextLang, lang.Options{}); ok {
		out.TextDir = w.Dir()
	}
	return out
}

// erasureSlip puts the receipt of an erasure in words.
func (f *face) erasureSlip(r receipt.Receipt, e *receipt.Erasure) slipView {
	out := slipView{Title: f.T("receipt.erasure"), Answer: f.T("receipt.erasure.done"), When: f.moment(e.Time), Kind: f.Of("kind", r.Record.HasDataSubject.Kind),
		Policy: string(e.Policy), ID: r.ID, Erased: &erasedView{Answers: f.Number(e.Answers)}}
	if r.Subject != nil {
		out.Device = r.Subject.Value
	}
	for _, k := range e.Kept {
		out.Erased.Kept = append(out.Erased.Kept, keptView{f.Of("kept", k.Kind), f.moment(k.Until)})
	}
	return out
}

func (v *slipView) shown(f *face, p receipt.Process, recipient string) {
	v.Purpose, v.Text, v.Benefit = p.Purpose.Title, p.Purpose.Text, p.Purpose.Benefit
	v.Back, v.BackAt = p.Control.How, p.Control.At
	v.Keep = f.iso(p.Storage.Duration)
	if e := p.Evidence; e != nil { // the words the person saw, not those they are held to
		v.Text, v.Benefit, v.TextLang = e.Text, "", e.Language
		v.Evidence = &evidenceView{e.By, f.day(e.From), f.day(e.Until), e.Source}
	}
	for _, d := range p.Data {
		v.Data = append(v.Data, d.Label)
	}
	for _, r := range p.Recipients {
		where := f.Country(r.Country)
		if policy.Permission(r.Permission) == policy.Own {
			where += " · " + f.T("recipient.own")
		}
		v.Parties = append(v.Parties, r.Name+" ("+where+")")
		if r.ID == recipient {
			v.Recipient = r.Name
		}
	}
}

func (f *face) receiptTitle(a consent.Act) string {
	switch a {
	case consent.ActGiven:
		return f.T("receipt.title.given")
	case consent.ActConfirmed:
		return f.T("receipt.title.confirmed")
	case consent.ActWithdrawn:
		return f.T("receipt.title.withdrawn")
	}
	return f.T("receipt.title.refused")
}

// moment writes a time of a record; what cannot be read stays as it is.
func (f *face) moment(s string) string {
	t, err := receipt.Time(s)
	if err != nil {
		return s
	}
	return f.DateTime(t)
}

// day writes a day of an evidence set; what cannot be read stays as it is.
func (f *face) day(s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return s
	}
	return f.Date(t)
}

// drawn is how many steps are drawn at most; more would only get smaller.
const drawn = 14

// draw lays the way out as stairs, from the entry at the start to the head.
func draw(p *receipt.Proof) *proofView {
	if p == nil {
		return nil
	}
	n := min(len(p.Hashes), drawn)
	v := &proofView{Index: p.Index + 1, Size: p.Size, Steps: len(p.Hashes), Width: 60 + n*56, Height: 56 + n*20}
	x, y := 22, v.Height-22
	for range n {
		v.Path = append(v.Path, joint{x, y, x + 56, y - 20, x + 56, y + 12})
		x, y = x+56, y-20
	}
	v.Head = joint{X: x, Y: y}
	return v
}
