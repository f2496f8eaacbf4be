package receipt

import "encoding/base64"

// canonical gives the RFC 8785 bytes of a record that is plain: its texts have
// no character that JSON escapes, so members in the order of their names are all
// there is to it. It is written out because each answer passes here.
func (r Record) canonical() []byte {
	c := r.HasConsent
	w := writer(make([]byte, 0, 1024))
	w = w.open(`{"conformsTo":`).text(r.ConformsTo)
	w = w.open(`,"hasConsent":{`)
	if c.Confirms != "" {
		w = w.open(`"confirms":`).text(c.Confirms).open(`,`)
	}
	w = w.open(`"consentType":`).text(c.Type).open(`,"decision":`).text(string(c.Decision))
	if c.Frequency != "" {
		w = w.open(`,"frequency":`).text(c.Frequency)
	}
	w = w.open(`,"hasConsentStatus":`).text(c.Status)
	if c.Until != "" {
		w = w.open(`,"hasDuration":`).text(c.Until)
	}
	w = w.open(`,"hasIndicationMethod":`).text(string(c.Surface)).open(`,"hasPurpose":`).text(c.Purpose)
	if c.Recipient != "" {
		w = w.open(`,"hasRecipient":`).text(c.Recipient)
	}
	w = w.open(`,"isIndicatedAtTime":`).text(c.Time).open(`,"isIndicatedBy":`).text(c.By).open(`,"meaning":`).text(c.Meaning).open(`,"scope":`).text(c.Scope)
	if c.Signals != nil {
		w = w.open(`,"signals":{`)
		if c.Signals.GPC {
			w = w.open(`"gpc":true`)
		}
		w = w.open(`}`)
	}
	if len(c.Topics) > 0 {
		w = w.open(`,"topics":[`)
		for i, t := range c.Topics {
			if i > 0 {
				w = w.open(`,`)
			}
			w = w.text(t)
		}
		w = w.open(`]`)
	}
	w = w.open(`},"hasDataSubject":{"commitment":`).bytes(r.HasDataSubject.Commitment).open(`,"kind":`).text(r.HasDataSubject.Kind)
	n := r.HasNotice
	w = w.open(`},"hasNotice":{"commitment":`).bytes(n.Commitment).open(`,"language":`).text(n.Language).open(`,"policy":`).text(string(n.Policy)).open(`,"shown":`).text(n.Shown)
	return w.open(`},"id":`).text(r.ID).open(`}`)
}

// writer appends JSON.
type writer []byte

func (w writer) open(s string) writer { return append(w, s...) }

func (w writer) text(s string) writer { return append(append(append(w, '"'), s...), '"') }

func (w writer) bytes(b []byte) writer {
	return append(base64.StdEncoding.AppendEncode(append(w, '"'), b), '"')
}
