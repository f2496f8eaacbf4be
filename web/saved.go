package web

import (
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
)

// savedNow reads the token of an answer just given.
func (s *site) savedNow(v *visit, b browser) (*saved, []slip, error) {
	token := v.URL.Query().Get("saved")
	if token == "" {
		return nil, nil, nil
	}
	ids, ok := s.links.open(s.Now(), token)
	out := &saved{Title: v.T("saved.title"), Text: v.T("saved.text")}
	switch {
	case !ok:
		out.Text = v.T("saved.old")
		return out, nil, nil
	case len(ids) == 0 && b.id == "":
		out.Text = v.T("saved.no")
		return out, nil, nil
	case len(ids) == 0:
		out.Text = v.T("saved.same")
		return out, nil, nil
	}
	receipts, err := s.Store.Receipts(v.Context(), ids)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range receipts {
		c := r.Record.HasConsent
		k := consent.Key{Purpose: c.Purpose, Recipient: c.Recipient}
		out.Receipts = append(out.Receipts, slip{v.titleOf(k), v.Of("act", c.Decision), v.path("/receipt/" + s.links.make(s.Now(), r.ID)), k})
	}
	if len(receipts) > 1 {
		return out, nil, nil // each is named at the top already
	}
	return out, out.Receipts, nil
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
