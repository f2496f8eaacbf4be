package lang

import (
	"fmt"
	"strconv"
	"time"
)

// Date writes the day of t in UTC: 3 November 2025. Where the site shows both
// calendars, an Arabic date has the Umm al-Qura day first, as far as its table
// reaches (1356 to 1500 AH): 12 جمادى الأولى 1447 هـ، الموافق 3 نوفمبر 2025 م.
func (w *Words) Date(t time.Time) string {
	y, m, d := t.UTC().Date()
	gregorian := w.day(d, w.Of("month", int(m)), y)
	if w.calendar != Both {
		return gregorian
	}
	h, ok := hijriOf(t)
	if !ok {
		return gregorian
	}
	return w.T("date.both", "hijri", w.day(h.day, w.Of("hijri", h.month), h.year), "gregorian", gregorian)
}

// DateTime writes the day and the minute of t in UTC, and says that it is UTC.
func (w *Words) DateTime(t time.Time) string {
	return w.T("date.time", "date", w.Date(t), "time", w.Clock(t))
}

// Clock writes the minute of t in UTC, without saying so: 14:05.
func (w *Words) Clock(t time.Time) string {
	return w.digits(t.UTC().Format("15:04"))
}

// day puts a date together. Years have no thousands separator, and the day
// never stands alone at the end of a line.
func (w *Words) day(d int, month string, y int) string {
	return fmt.Sprintf("%s\u00a0%s %s", w.digits(strconv.Itoa(d)), month, w.digits(strconv.Itoa(y)))
}
