package subject

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/amana-privacy/amana/fault"
)

// Lengths in bytes (RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4).
const (
	maxLocal  = 64
	maxDomain = 253
	maxLabel  = 63
	maxEmail  = 254
)

// atext are the ASCII signs besides letters and digits that stand unquoted in a
// local part (RFC 5322 section 3.2.3). Quoted local parts are refused: no mail
// service gives them out.
const atext = "!#$%&'*+-/=?^_`{|}~."

// email gives lower case, and the domain in its ASCII form (UTS 46). The local
// part may be in any script (RFC 6531).
func email(s string) (string, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", fault.New(fault.Invalid, "an e-mail address has an @")
	}
	local := norm.NFC.String(strings.ToLower(s[:at]))
	if !dotAtom(local) {
		return "", fault.New(fault.Invalid, "the part of the e-mail address before the @ is not well formed")
	}
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil || !hostname(domain) {
		return "", fault.New(fault.Invalid, "the part of the e-mail address after the @ is not a domain name")
	}
	if len(local)+1+len(domain) > maxEmail {
		return "", fault.New(fault.Invalid, "an e-mail address has at most %d bytes", maxEmail)
	}
	return local + "@" + domain, nil
}

func dotAtom(s string) bool {
	if s == "" || len(s) > maxLocal || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		if r >= utf8.RuneSelf {
			return unseen(r)
		}
		return !(letterOrDigit(r) || strings.ContainsRune(atext, r))
	})
}

// hostname asks for a name that public mail can reach: two labels or more, the
// last one no number (an address of four numbers is no domain).
func hostname(s string) bool {
	labels := strings.Split(s, ".")
	last := labels[len(labels)-1]
	if len(s) > maxDomain || len(labels) < 2 || strings.Trim(last, "0123456789") == "" {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > maxLabel {
			return false
		}
	}
	return true
}

func letterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
}
