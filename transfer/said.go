package transfer

import (
	"strconv"
	"strings"
	"time"
)

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
}

// when reads a time: one of layouts, or seconds or milliseconds since 1970.
func when(s string, zone *time.Location) (time.Time, bool) {
	s = strings.Map(digit, strings.TrimSpace(s))
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return t.UTC().Truncate(time.Second), true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return time.Time{}, false
	case len(s) == 10:
		return time.Unix(n, 0).UTC(), true
	case len(s) == 13:
		return time.UnixMilli(n).UTC().Truncate(time.Second), true
	}
	return time.Time{}, false
}

// digit folds Arabic-Indic and Persian digits to ASCII.
func digit(r rune) rune {
	switch {
	case '٠' <= r && r <= '٩':
		return r - '٠' + '0'
	case '۰' <= r && r <= '۹':
		return r - '۰' + '0'
	}
	return r
}
