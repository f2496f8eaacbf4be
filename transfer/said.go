package transfer

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/amana-privacy/amana/fault"
)

// earliest is when the first answer of any list may have been said. What is before
// it is the zero of some program, or a year of another calendar: 1446 is a year of
// the Hijra, and read as one of ours it would make a no older than every yes.
var earliest = time.Date(1971, time.January, 1, 0, 0, 0, 0, time.UTC)

// layouts are the forms of a time that leave no doubt. 03/04/2021 does.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02 15:04:05.999999999 -0700 MST", // Go's time.Time.String
	"2006-01-02 15:04:05.999999999-07",        // PostgreSQL
	"2006-01-02 15:04:05.999999999-07:00",
	"2006-01-02 15:04",
	time.DateOnly,
	"2006/01/02 15:04:05",
	"2006/01/02 15:04",
	"2006/01/02",
}

// DateOrders are what a day such as 03/04/2021 can be said to be.
var DateOrders = []string{"day-first", "month-first"}

// dayForms are the forms of such a day, by what it was said to be; clocks follow it.
var (
	dayForms = map[string]string{DateOrders[0]: "2/1/2006", DateOrders[1]: "1/2/2006"}
	clocks   = []string{"", " 15:04:05", " 15:04", " 3:04:05 PM", " 3:04 PM"}
)

// numbered is a day whose year comes last.
var numbered = regexp.MustCompile(`^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(\D.*)?$`)

// twoDays ends a list with days that can be read two ways where nobody said how:
// the wrong one would make a no older than a yes that it came after.
func (p *plan) twoDays(line int, r record) error {
	if p.Dates != "" {
		return nil
	}
	for _, f := range []Field{Time, Confirmed, Withdrawn} {
		if numbered.MatchString(bare(r[f])) {
			return fault.New(fault.Invalid, "line %d, %s: a day such as 03/04/2021 is two days, and nothing from that line on was read; say which it is: --dates day-first or --dates month-first", line, f)
		}
	}
	return nil
}

// bare gives what a cell shows, in ASCII digits.
func bare(s string) string { return strings.TrimSpace(strings.Map(shown, s)) }

// when reads a time that is not before earliest; UTC, to the second. The marks of
// direction that spreadsheets in Arabic put around day, month and year are left out.
func (p *plan) when(s string) (time.Time, bool) {
	s = bare(s)
	t, ok := instant(s, p.Zone)
	if parts := numbered.FindStringSubmatch(s); !ok && parts != nil && p.Dates != "" {
		day := parts[1] + "/" + parts[2] + "/" + parts[3] + strings.ToUpper(strings.TrimPrefix(parts[4], ","))
		for _, clock := range clocks {
			if at, err := time.ParseInLocation(dayForms[p.Dates]+clock, day, p.Zone); err == nil {
				t, ok = at, true
			}
		}
	}
	if t = t.UTC().Truncate(time.Second); !ok || t.Before(earliest) {
		return time.Time{}, false
	}
	return t, true
}

// instant reads one of layouts, or seconds or milliseconds since 1970.
func instant(s string, zone *time.Location) (time.Time, bool) {
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return t, true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return time.Time{}, false
	case len(s) == 10:
		return time.Unix(n, 0), true
	case len(s) == 13:
		return time.UnixMilli(n), true
	}
	return time.Time{}, false
}

// shown folds Arabic-Indic and Persian digits to ASCII, and drops what nobody sees.
func shown(r rune) rune {
	switch {
	case unicode.Is(unicode.Cf, r):
		return -1
	case '٠' <= r && r <= '٩':
		return r - '٠' + '0'
	case '۰' <= r && r <= '۹':
		return r - '۰' + '0'
	}
	return r
}
