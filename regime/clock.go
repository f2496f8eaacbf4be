package regime

import "time"

// Term is how long a regime gives a company to answer a demand of a person,
// counted from its receipt: whole months by the calendar, and days.
type Term struct {
	Months, Days int
}

// terms are the statutory times that are known well enough to be counted
// (docs/requests.md has the sources). A regime that is missing says nothing, or
// nothing that was verified; then the charter's term holds alone.
var terms = map[string]Term{
	Charter:        {Days: 30},  // the outer limit of every answer
	"eu-gdpr":      {Months: 1}, // GDPR Article 12(3)
	"uk-gdpr-duaa": {Months: 1}, // UK GDPR Article 12(3)
	"us-ca-ccpa":   {Days: 45},  // 11 CCR §7021
	"sa-pdpl":      {Days: 30},  // Implementing Regulations Article 3(1)
	"br-lgpd":      {Days: 15},  // LGPD Article 19
	"ca-qc-25":     {Days: 30},  // P-39.1 s. 32
	"za-popia":     {Days: 30},  // through PAIA s. 25
	"de-uwg-doi":   {Months: 1}, // as the GDPR
	"in-dpdp":      {Days: 90},  // grievances, Rules 2025
}

// Answer gives when a demand that was received at a time has to be answered
// under regimes, and which of them says so: the earliest of their terms. The
// charter is always among them. Weekends and holidays, which some laws leave
// out at the end, only lengthen a term and are not counted.
func Answer(ids []string, at time.Time) (due time.Time, by string) {
	due, by = terms[Charter].after(at), Charter
	for _, id := range ids {
		t, ok := terms[id]
		if end := t.after(at); ok && end.Before(due) {
			due, by = end, id
		}
	}
	return due, by
}

// after gives the end of a term: the same day of the later month, or its last.
func (t Term) after(at time.Time) time.Time {
	at = at.UTC()
	first := time.Date(at.Year(), at.Month()+time.Month(t.Months), 1, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
	day := min(at.Day(), first.AddDate(0, 1, -1).Day())
	return first.AddDate(0, 0, day-1+t.Days)
}
