package banner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Nginx gives maps for nginx, one a switch asked now: $amana_PURPOSE (or
// $amana_PURPOSE_RECIPIENT, with _ for other signs) is 1 where the cookie says yes
// and no Global Privacy Control signal takes it away, else empty. How old a yes is
// they do not see: the cookie's own life ends it.
func (m *Manifest) Nginx() []byte {
	var b strings.Builder
	b.WriteString("# made of the policy " + string(m.Version) + "; fetch it again when the policy changes\n")
	for _, id := range m.Switches {
		fmt.Fprintf(&b, "map \"$http_sec_gpc:$cookie_amana\" $amana_%s {\n    default \"\";\n", strings.NewReplacer("/", "_", "-", "_").Replace(id))
		for _, revision := range slices.Sorted(maps.Keys(m.Revisions)) {
			for _, pattern := range patterns(revision, m.Revisions[revision], id) {
				fmt.Fprintf(&b, "    \"~%s\" 1;\n", pattern)
			}
		}
		b.WriteString("}\n")
	}
	return []byte(b.String())
}

// patterns are the regular expressions (PCRE) of signal and cookie under which a
// switch counts.
func patterns(revision string, bits []Bit, id string) []string {
	purpose, _, _ := strings.Cut(id, "/")
	own, parent, against := -1, -1, -1
	for i, b := range bits {
		switch {
		case b.Switch == id:
			own = i
		case b.Switch == purpose:
			parent = i
		case b.Against == purpose:
			against = i
		}
	}
	if own < 0 {
		return nil
	}
	set := ahead(own)
	if id != purpose {
		if parent < 0 {
			return nil
		}
		set += ahead(parent)
	}
	const rest = `[0-9a-f]+\.[0-9a-z]+\.[\w-]{22}$`
	cookie := `1\.` + revision + `\.`
	if !bits[own].Heeds {
		return []string{"^[^:]*:" + cookie + set + rest}
	}
	list := []string{"^(?!1:)[^:]*:" + cookie + set + rest}
	if against >= 0 {
		list = append(list, "^[^:]*:"+cookie+set+ahead(against)+rest)
	}
	return list
}

// ahead looks whether a bit of the hex digits that follow is set.
func ahead(n int) string {
	var digits strings.Builder
	for d := range 16 {
		if d>>(n%4)&1 == 1 {
			digits.WriteByte("0123456789abcdef"[d])
		}
	}
	after := ""
	if n/4 > 0 {
		after = fmt.Sprintf("[0-9a-f]{%d}", n/4)
	}
	return `(?=[0-9a-f]*[` + digits.String() + `]` + after + `\.)`
}
