package letter

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/amana-privacy/amana/fault"
)

// refused are the elements that a mail of a company may not have: those that run
// something, load something by themselves, or ask for something in the mail
// itself, which is what a forged one does.
var refused = []string{"script", "style", "iframe", "frame", "object", "embed", "form", "input", "button", "base", "meta", "link", "html", "head", "body"}

// loading are further attributes that hold addresses. None is shown to a reader who
// asks where a mail leads: so a mail has href and src alone.
var loading = []string{"action", "background", "cite", "data", "dynsrc", "formaction", "longdesc", "lowsrc", "ping", "poster", "srcset", "xlink:href"}

// loads finds in a style what fetches something, written plainly or not.
var loads = regexp.MustCompile(`(?i)url\s*\(|image|@|\\|/\*`)

// checkHTML refuses a fragment with such an element, or with an address that is
// neither of the web nor of mail.
func checkHTML(fragment string) error {
	for tag, attributes := range elements(fragment) {
		if slices.Contains(refused, tag) {
			return fault.At(fault.Invalid, "mail.html", "<%s> has no place in a mail", tag)
		}
		for _, a := range attributes {
			if strings.HasPrefix(a.Key, "on") {
				return fault.At(fault.Invalid, "mail.html", "a mail runs nothing: take %s away", shown(a.Key))
			}
			if slices.Contains(loading, a.Key) {
				return fault.At(fault.Invalid, "mail.html", "%s has no place in a mail: only href and src lead elsewhere", a.Key)
			}
			if a.Key == "style" && loads.MatchString(a.Val) {
				return fault.At(fault.Invalid, "mail.html", "a style in a mail fetches nothing: no url(), no image")
			}
			if a.Key != "href" && a.Key != "src" {
				continue
			}
			u, err := url.Parse(strings.TrimSpace(a.Val))
			if err != nil || !slices.Contains([]string{"http", "https", "mailto", "tel", "cid"}, u.Scheme) {
				return fault.At(fault.Invalid, "mail.html", "an address in a mail is whole: https://…, mailto:… or tel:…")
			}
		}
	}
	return nil
}

// shown bounds a name that somebody sent.
func shown(s string) string { return s[:min(len(s), 20)] }

// elements gives the elements of a fragment, in order.
func elements(fragment string) func(yield func(string, []html.Attribute) bool) {
	return func(yield func(string, []html.Attribute) bool) {
		for z := html.NewTokenizer(strings.NewReader(fragment)); ; {
			switch z.Next() {
			case html.ErrorToken:
				return // io.EOF: a reader of a string gives no other
			case html.StartTagToken, html.SelfClosingTagToken:
				t := z.Token()
				if !yield(t.Data, t.Attr) {
					return
				}
			}
		}
	}
}

var webAddress = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"'\x60]+`)

// hosts gives the hosts that a letter of a company leads to, sorted.
func (l Letter) hosts() []string {
	var all []string
	add := func(address string) {
		if u, err := url.Parse(strings.TrimSpace(address)); err == nil && u.Hostname() != "" {
			all = append(all, strings.ToLower(u.Hostname()))
		}
	}
	for _, text := range []string{l.Text, l.HTML} {
		for _, a := range webAddress.FindAllString(text, -1) {
			add(strings.TrimRight(a, ".,;:!?)]}"))
		}
	}
	for _, attributes := range elements(l.HTML) {
		for _, a := range attributes {
			if a.Key == "href" || a.Key == "src" {
				add(a.Val)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Hosts gives the hosts that the mail leads to, ours first: what a reader who
// asks is told to compare.
func (l Letter) Hosts(publicURL string) []string {
	var out []string
	if u, err := url.Parse(publicURL); err == nil && u.Hostname() != "" {
		out = append(out, u.Hostname())
	}
	for _, h := range l.hosts() {
		if !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}
