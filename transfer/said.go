package transfer

import (
	"strconv"
	"strings"
	"time"
	"unicode"
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

// when reads a time that is not before earliest; UTC, to the second. The marks of
// direction that spreadsheets in Arabic put around day, month and year are left out.
func when(s string, zone *time.Location) (time.Time, bool) {
	t, ok := instant(strings.TrimSpace(strings.Map(shown, s)), zone)
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
