package subject

import (
	"strings"
	"unicode/utf8"
)

// Masked gives the identifier so that whoever knows it recognises it, and nobody
// else learns it: the kind, and of the value its first letter or its last two
// digits, of what is short the last one. It is still personal data.
func (id ID) Masked() string {
	kind, value, _ := strings.Cut(string(id), ":")
	switch kind {
	case Email:
		return kind + ":" + maskedEmail(value)
	case Phone, Customer, Device:
		return kind + ":" + maskedEnd(value)
	}
	return "…"
}

// maskedEmail keeps the first letter and the last label: s…@….com.
func maskedEmail(value string) string {
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return "…"
	}
	_, size := utf8.DecodeRuneInString(value)
	top := value[at:]
	if dot := strings.LastIndexByte(top, '.'); dot >= 0 {
		return value[:size] + "…@…" + top[dot:]
	}
	return value[:size] + "…@…"
}

// shownEnd is how much of an end is shown at most; it is never more than a third
// of the value.
const shownEnd = 2

func maskedEnd(value string) string {
	end := value
	n := utf8.RuneCountInString(value)
	for range n - min(shownEnd, n/3) {
		_, size := utf8.DecodeRuneInString(end)
		end = end[size:]
	}
	return "…" + end
}
