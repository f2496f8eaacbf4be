package web

import (
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
)

// savedNow reads the token of an answer just given. What the browser's signal
// still says no to is named: a yes to everything left it out.
func (s *site) savedNow(v *visit, b browser, signaled []string) (*saved, []slip, error) {
	token := v.URL.Query().Get("saved")
	if token == "" {
		return nil, nil, nil
	}
	out := &saved{Title: v.T("saved.title"), Text: v.T("saved.text"), Signaled: signaled}
	ids, ok := s.links.open(s.Now(), token)
	if !ok {
		out.Text = v.T("saved.old")
		return out, nil, nil
	}
	if len(ids) == 0 {
		v.nothingNew(out, b)
		return out, nil, nil
	}
	receipts, err := s.Store.Receipts(v.Context(), ids)
	if fault.KindOf(err) == fault.Unknown { // erased since
		out.Text = v.T("saved.old")
		return out, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, r := range receipts {
		c := r.Record.HasConsent
		if c == nil { // of no answer
			continue
		}
		k := consent.Key{Purpose: c.Purpose, Recipient: c.Recipient}
		out.Receipts = append(out.Receipts, slip{v.titleOf(k), v.Of("act", c.Decision), v.path("/receipt/" + s.links.make(s.Now(), r.ID)), k})
	}
	if len(receipts) > 1 {
		return out, nil, nil // each is named at the top already
	}
	return out, out.Receipts, nil
}

// nothingNew words an answer without receipts.
func (v *visit) nothingNew(out *saved, b browser) {
	switch {
	case b.id != "":
		out.Text = v.T("saved.same")
	case !b.refused && len(out.Signaled) > 0:
		out.Title, out.Text = v.T("saved.nothing"), v.T("saved.nothing.text")
	default:
		out.Text = v.T("saved.no")
	}
}

// titleOf names what was asked. What has left the policy keeps its bare id.
func (f *face) titleOf(k consent.Key) string {
	title := k.Purpose
	if p, ok := f.version.Policy.Purposes[k.Purpose]; ok {
		title = f.say(p.Title)
	}
	if k.Recipient == "" {
		return title
	}
	name := k.Recipient
	if r, ok := f.version.Policy.Recipients[k.Recipient]; ok {
		name = f.say(r.Name)
	}
	return title + " – " + name
}

// standing lists the receipts of the yeses that stand, in the switches' order.
func (s *site) standing(v *visit, b browser) []slip {
	var list []slip
	for _, k := range cookie.Switches(v.version.Policy) {
		if st := b.states[k]; st.Yes != nil {
			list = append(list, slip{v.titleOf(k), v.Of("act", consent.ActGiven), v.path("/receipt/" + s.links.make(s.Now(), st.Yes.Event)), k})
		}
	}
	return list
}
