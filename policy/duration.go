package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is an ISO 8601 duration in normal form: whole months and seconds,
// because a month has no fixed length. The zero value means "not said".
type Duration struct {
	Months  int
	Seconds int64
	Said    bool // a duration stood in the file, be it P0D
}

var iso8601 = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// maxMonths bounds what a policy may promise: 200 years.
const maxMonths = 2400

// ParseDuration reads an ISO 8601 duration such as P2Y, P30D or PT48H. Signs
// and fractions are refused.
func ParseDuration(s string) (Duration, error) {
	m := iso8601.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "T") || s == "P" {
		return Duration{}, fmt.Errorf("%q is not an ISO 8601 duration such as P2Y, P6M, P30D or PT48H", s)
	}
	var n [7]int64
	for i, f := range m[1:] {
		if f == "" {
			continue
		}
		if len(f) > 9 {
			return Duration{}, fmt.Errorf("%q is longer than 200 years", s)
		}
		n[i], _ = strconv.ParseInt(f, 10, 64)
	}
	months := n[0]*12 + n[1]
	days := n[2]*7 + n[3]
	secs := days*86400 + n[4]*3600 + n[5]*60 + n[6]
	if months > maxMonths || secs > maxMonths*31*86400 {
		return Duration{}, fmt.Errorf("%q is longer than 200 years", s)
	}
	return Duration{Months: int(months), Seconds: secs, Said: true}, nil
}

// String gives the normal form: P24M and P2Y are one, so are P2W, P14D and PT336H.
func (d Duration) String() string {
	if !d.Said {
		return ""
	}
	var b strings.Builder
	put := func(n int64, unit string) {
		if n > 0 {
			b.WriteString(strconv.FormatInt(n, 10) + unit)
		}
	}
	b.WriteByte('P')
	put(int64(d.Months/12), "Y")
	put(int64(d.Months%12), "M")
	put(d.Seconds/86400, "D")
	if rest := d.Seconds % 86400; rest > 0 {
		b.WriteByte('T')
		put(rest/3600, "H")
		put(rest%3600/60, "M")
		put(rest%60, "S")
	}
	if b.Len() == 1 {
		return "P0D"
	}
	return b.String()
}

// After gives the instant a duration after t, in UTC; the last day of a month
// stays the last day where the later month is shorter.
func (d Duration) After(t time.Time) time.Time {
	t = t.UTC()
	y, m, day := t.Date()
	first := time.Date(y, m+time.Month(d.Months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	if last := first.AddDate(0, 1, -1).Day(); day > last {
		day = last
	}
	return first.AddDate(0, 0, day-1).Add(time.Duration(d.Seconds) * time.Second)
}

// Less orders durations by their length from an arbitrary start; months count 30.4 days.
func (d Duration) Less(e Duration) bool { return d.approx() < e.approx() }

func (d Duration) approx() int64 { return int64(d.Months)*2629746 + d.Seconds }
