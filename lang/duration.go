package lang

// Duration writes a length of time, given in whole months and seconds, in the
// largest units that fit: 2 years, 18 months, 30 days, one day and 12 hours. A
// length below two years that is no whole number of years stays in months.
//
// In Arabic the words stand in the oblique case (سنتين، not سنتان), as after
// لمدة, خلال and كل: the texts around a duration are written so.
func (w *Words) Duration(months int, seconds int64) string {
	var parts []string
	put := func(n int64, unit func(int) string) {
		if n > 0 {
			parts = append(parts, unit(int(n)))
		}
	}
	years, rest := months/12, months%12
	if years < 2 && rest > 0 {
		years, rest = 0, months
	}
	put(int64(years), func(n int) string { return w.N("duration.year", n) })
	put(int64(rest), func(n int) string { return w.N("duration.month", n) })
	put(seconds/86400, w.Days)
	put(seconds%86400/3600, func(n int) string { return w.N("duration.hour", n) })
	put(seconds%3600/60, func(n int) string { return w.N("duration.minute", n) })
	put(seconds%60, func(n int) string { return w.N("duration.second", n) })
	if len(parts) == 0 {
		return w.Days(0)
	}
	return w.List(parts)
}

// Days writes a number of days.
func (w *Words) Days(n int) string { return w.N("duration.day", n) }
