package subject

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/amana-privacy/amana/fault"
)

// phone gives E.164. A number is taken when its length is possible for its
// country; whether its block is assigned is not asked, because assignments
// change and a real customer's new number must not be refused.
func phone(s, defaultRegion string) (string, error) {
	region := strings.ToUpper(defaultRegion)
	if plain, ok := appendPlainPhone(nil, region, []byte(s)); ok {
		return string(plain[len(Phone)+1:]), nil
	}
	return phoneByLibrary(s, region)
}

// phoneByLibrary is phone, of which appendPlainPhone is the quick part.
func phoneByLibrary(s, region string) (string, error) {
	number, ok := dialled(s)
	if !ok {
		return "", fault.New(fault.Invalid, "a phone number has digits, with + before the country code, and no extension")
	}
	number, ok = e164(number, region)
	if again, _ := e164(number, ""); !ok || again != number { // e.g. zeros that one more reading would drop
		return "", fault.New(fault.Invalid, "the phone number is not possible; write it with + and the country code")
	}
	return number, nil
}

func e164(number, region string) (string, bool) {
	n, err := phonenumbers.Parse(number, region)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// dialled keeps the digits and a leading +, and drops what people write
// between them. Letters are refused, not dialled; anything else as well.
func dialled(s string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case unicode.IsSpace(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Pd, r), strings.ContainsRune("()./−", r):
		default:
			return "", false
		}
	}
	return b.String(), b.Len() > 0
}
