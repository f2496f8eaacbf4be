package policy

import (
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
)

// form is the form of a scalar: what it should be, and whether it is.
type form struct {
	expected string
	hint     string
	pattern  string // for the JSON Schema; "" where a pattern cannot say it
	holds    func(v string, p *Policy) bool
}

var (
	category  = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
	term      = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	hexColor  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	imageFile = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\.(svg|png)$`)
)

// forms are the forms a scalar can have.
var forms = map[string]form{
	"email":    {"an e-mail address", "such as privacy@your-company.com", `^[^\s@]+@[^\s@]+\.[^\s@]+$`, func(v string, _ *Policy) bool { return isEmail(v) }},
	"phone":    {"a phone number", "with the country in front, such as +966 11 555 0100, or local with default_region", "", isPhone},
	"https":    {"an https address", "such as https://www.your-company.com", `^https://[^\s/]+`, func(v string, _ *Policy) bool { return isHTTPS(v) }},
	"region":   {"a country code of ISO 3166", "two capital letters such as US or SA", `^[A-Z]{2}$`, func(v string, _ *Policy) bool { return isRegion(v) }},
	"date":     {"a date", "YYYY-MM-DD", `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, func(v string, _ *Policy) bool { _, err := time.Parse(time.DateOnly, v); return err == nil }},
	"category": {"a key of the fideslang taxonomy", "such as user.contact.email", category.String(), func(v string, _ *Policy) bool { return category.MatchString(v) }},
	"term":     {"a term of the Data Privacy Vocabulary", "such as EmailAddress", term.String(), func(v string, _ *Policy) bool { return term.MatchString(v) }},
	"image":    {"an SVG or PNG file beside the policy", "such as logo.svg", imageFile.String(), func(v string, _ *Policy) bool { return imageFile.MatchString(v) }},
	"color":    {"a colour that can be read on white", "#rrggbb with a contrast of at least 4.5:1 against white: a darker one", hexColor.String(), func(v string, _ *Policy) bool { return hexColor.MatchString(v) && contrastOnWhite(v) >= 4.5 }},
	"rgb":      {"a colour", "#rrggbb", hexColor.String(), func(v string, _ *Policy) bool { return hexColor.MatchString(v) }},
	"id":       {"an id", idHint, idForm.String(), func(v string, _ *Policy) bool { return idForm.MatchString(v) }},
}

func isEmail(v string) bool {
	a, err := mail.ParseAddress(v)
	if err != nil || a.Address != v {
		return false
	}
	return strings.Contains(strings.Trim(v[strings.LastIndexByte(v, '@')+1:], "."), ".")
}

func isPhone(v string, p *Policy) bool {
	n, err := phonenumbers.Parse(v, p.DefaultRegion)
	return err == nil && phonenumbers.IsPossibleNumber(n)
}

func isHTTPS(v string) bool {
	u, err := url.Parse(v)
	return err == nil && u.Scheme == "https" && u.User == nil && strings.Contains(strings.Trim(u.Hostname(), "."), ".")
}

func isRegion(v string) bool {
	r, err := language.ParseRegion(v)
	return err == nil && r.IsCountry() && len(v) == 2 && strings.ToUpper(v) == v
}

// contrastOnWhite gives the contrast of WCAG 2.2 between #rrggbb and white.
func contrastOnWhite(color string) float64 { return contrast(color, "#ffffff") }

// contrast is the ratio of WCAG 2.2 between two colours #rrggbb, from 1 to 21.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(color string) float64 {
	n, _ := strconv.ParseUint(color[1:], 16, 32)
	channel := func(c uint64) float64 {
		s := float64(c&0xFF) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
}
