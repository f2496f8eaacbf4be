package parcel

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
)

// known has a row for each category of data.
func (c Contents) known() [][]string {
	w := c.Words
	rows := [][]string{{w.T("known.data"), w.T("known.from"), w.T("known.why"), w.T("known.who"), w.T("known.until")}}
	for _, k := range c.Picture.Categories {
		var why, who, until []string
		for _, u := range k.Uses {
			why = append(why, u.Title)
			if end := u.Keep; !u.Until.IsZero() {
				until = append(until, w.Date(u.Until))
			} else {
				until = append(until, end)
			}
		}
		for _, p := range k.Parties() {
			who = append(who, p.Name)
		}
		slices.Sort(until)
		rows = append(rows, []string{k.Label, strings.TrimSpace(k.From + " " + k.Source), cmp.Or(strings.Join(why, "; "), w.T("known.unused")), strings.Join(who, "; "), strings.Join(slices.Compact(until), "; ")})
	}
	return rows
}

// choices has a row for each answer that stands.
func (c Contents) choices() [][]string {
	w := c.Words
	rows := [][]string{{w.T("receipt.who"), w.T("receipt.purpose"), w.T("receipt.recipient"), w.T("receipt.answer"), w.T("receipt.time"), w.T("receipt.until")}}
	for _, p := range c.Persons {
		for _, k := range keysOf(p.States) {
			s := p.States[k]
			until := ""
			if s.Yes != nil {
				until = receipt.Stamp(s.Yes.Until)
			}
			rows = append(rows, []string{string(p.ID), c.title(k.Purpose), c.party(k.Recipient), w.Of("status", s.Status), receipt.Stamp(s.Since), until})
		}
	}
	return rows
}

func keysOf(states map[consent.Key]consent.State) []consent.Key {
	return slices.SortedFunc(maps.Keys(states), func(a, b consent.Key) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Recipient, b.Recipient))
	})
}

// title names a purpose; one that has left the policy keeps its id.
func (c Contents) title(id string) string {
	return cmp.Or(c.in(c.Version.Policy.Purposes[id].Title), id)
}

func (c Contents) party(id string) string {
	return cmp.Or(c.in(c.Version.Policy.Recipients[id].Name), id)
}

func (c Contents) in(t policy.Text) string {
	return cmp.Or(t.In(c.Words.Tag), t.In(c.Version.Policy.Master()))
}

func (c Contents) requests() [][]string {
	w := c.Words
	rows := [][]string{{w.T("request.kind"), w.T("request.state"), w.T("request.asked"), w.T("request.due"), w.T("request.what"), w.T("request.answer")}}
	for _, r := range c.Requests {
		due := ""
		if !r.Due.IsZero() {
			due = receipt.Stamp(r.Due)
		}
		rows = append(rows, []string{w.Of("demand", r.Kind), w.Of("demand_state", r.State), receipt.Stamp(r.At), due, c.what(r), r.Answer})
	}
	return rows
}

// what says what exactly was asked.
func (c Contents) what(r request.Request) string {
	parts := []string{}
	for _, id := range slices.Sorted(maps.Keys(r.Demand.Corrections)) {
		parts = append(parts, cmp.Or(c.in(c.Version.Policy.Data[id].Label), id)+": "+r.Demand.Corrections[id])
	}
	for _, id := range r.Demand.Purposes {
		parts = append(parts, c.title(id))
	}
	if r.Demand.Text != "" {
		parts = append(parts, r.Demand.Text)
	}
	return strings.Join(parts, "; ")
}

func (c Contents) receipts() [][]string {
	w := c.Words
	rows := [][]string{{w.T("receipt.time"), w.T("receipt.who"), w.T("receipt.purpose"), w.T("receipt.answer"), w.T("receipt.number"), w.T("receipt.version")}}
	for _, p := range c.Persons {
		for _, r := range p.Receipts {
			at, about, said := "", "", ""
			switch {
			case r.Record.HasConsent != nil:
				x := r.Record.HasConsent
				at, about, said = x.Time, c.title(x.Purpose), w.Of("act", x.Decision)
				if x.Recipient != "" {
					about += " – " + c.party(x.Recipient)
				}
			case r.Record.HasDemand != nil:
				x := r.Record.HasDemand
				at, about, said = x.Time, w.Of("demand", x.Kind), w.Of("demand_step", x.Step)
			}
			rows = append(rows, []string{at, string(p.ID), about, said, r.ID, string(r.Record.Policy())})
		}
	}
	return rows
}

// export is data.json: what is known, in the words of the program.
type export struct {
	Form     string           `json:"form"` // amana-takeaway-v1
	Made     string           `json:"made"`
	Company  string           `json:"company"`
	Policy   policy.VersionID `json:"policy"`
	Persons  []person         `json:"persons"`
	Requests []demand         `json:"requests"`
	Data     []category       `json:"data"`
}

type person struct {
	Subject    string            `json:"subject"`
	Restricted string            `json:"restricted,omitempty"`
	Choices    []choice          `json:"choices"`
	Receipts   []receipt.Receipt `json:"receipts"`
}

type choice struct {
	Purpose   string         `json:"purpose"`
	Recipient string         `json:"recipient,omitempty"`
	Topics    []string       `json:"topics,omitempty"`
	Frequency string         `json:"frequency,omitempty"`
	Status    consent.Status `json:"status"`
	Since     string         `json:"since"`
	Until     string         `json:"until,omitempty"`
}

type demand struct {
	ID          string            `json:"id"`
	Kind        request.Kind      `json:"kind"`
	State       request.State     `json:"state"`
	Asked       string            `json:"asked"`
	Due         string            `json:"due,omitempty"`
	Corrections map[string]string `json:"corrections,omitempty"`
	Purposes    []string          `json:"purposes,omitempty"`
	Text        string            `json:"text,omitempty"`
	Answer      string            `json:"answer,omitempty"`
}

type category struct {
	ID         string   `json:"id"`
	Label      string   `json:"label"`
	From       string   `json:"from"`
	Sensitive  bool     `json:"sensitive,omitempty"`
	Purposes   []string `json:"purposes"`
	Recipients []string `json:"recipients"`
}

func (c Contents) json(out io.Writer) error {
	e := export{Form: "amana-takeaway-v1", Made: receipt.Stamp(c.Made), Company: c.Notice.Company, Policy: c.Version.ID, Persons: []person{}, Requests: []demand{}, Data: []category{}}
	for _, p := range c.Persons {
		one := person{Subject: string(p.ID), Restricted: stamped(p.Since), Choices: []choice{}, Receipts: p.Receipts}
		for _, k := range keysOf(p.States) {
			s := p.States[k]
			x := choice{Purpose: k.Purpose, Recipient: k.Recipient, Status: s.Status, Since: receipt.Stamp(s.Since)}
			if s.Yes != nil {
				x.Topics, x.Frequency, x.Until = s.Yes.Topics, s.Yes.Often, receipt.Stamp(s.Yes.Until)
			}
			one.Choices = append(one.Choices, x)
		}
		e.Persons = append(e.Persons, one)
	}
	for _, r := range c.Requests {
		e.Requests = append(e.Requests, demand{r.ID, r.Kind, r.State, receipt.Stamp(r.At), stamped(r.Due), r.Demand.Corrections, r.Demand.Purposes, r.Demand.Text, r.Answer})
	}
	for _, k := range c.Picture.Categories {
		x := category{ID: k.ID, Label: k.Label, From: c.Version.Policy.Data[k.ID].From, Sensitive: k.Sensitive, Purposes: []string{}, Recipients: []string{}}
		for _, u := range k.Uses {
			x.Purposes = append(x.Purposes, u.ID)
		}
		for _, p := range k.Parties() {
			x.Recipients = append(x.Recipients, p.ID)
		}
		e.Data = append(e.Data, x)
	}
	return indented(out, e)
}

func stamped(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return receipt.Stamp(t)
}
