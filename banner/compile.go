package banner

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Script is the banner of a version in one language. It is read-only and safe
// for concurrent use.
type Script struct {
	Questions File   // what the gate fetches when it has to show them
	Details   File   // each purpose in full, for the dialog
	Static    File   // for everybody: pages include it by its own address
	Type      string // what For gives

	v         *policy.Version
	all, gate settings
}

// Visitor is what the server read of one visitor.
type Visitor struct {
	Answer string // how the cookie begins, behind its format; "" without one
	cookie.Reading
	GPC bool
}

// Compile makes the script. attributes end the cookie that it writes: path, age,
// domain.
func Compile(v *policy.Version, w *lang.Words, attributes string) (*Script, error) {
	list := everything(v, w)
	page, err := write(w, list)
	if err != nil {
		return nil, err
	}
	details, err := json.Marshal(page.details)
	if err != nil {
		return nil, err
	}
	s := &Script{v: v, Type: scriptType(w), Details: fileOf("application/json; charset=utf-8", ".json", details)}
	s.all = settings{B: never, V: cookie.Revision(v.ID), L: w.Tag, K: attributes,
		D: s.Details.Path(), T: page.parts, S: stores(v.Policy), E: w.T("banner.failed"), C: styleOf(v.Policy)}
	switch {
	case len(list) == 0:
		s.all.Z = 2
	case !slices.ContainsFunc(list, func(a asked) bool { return !a.Heeds }):
		s.all.Z = 1
	}
	s.all.M = ConsentMode(v.Policy, nil)
	s.Questions = fileOf(javaScript, ".js", with(s.all, farJS))
	s.gate = settings{B: never, K: mark + brief.Replace(attributes), M: s.all.M, U: strings.TrimPrefix(s.Questions.Path(), "/")} // from /amana.js
	s.Static = fileOf(s.Type, ".js", encode(s.Type, with(s.all, "{"+answered+staticJS+"else"+fullJS+"}")))
	return s, nil
}

// never is a regular expression that nothing matches.
const never = "a^"

// mark is what a cookie ends with whose yes is taken back and whose server has not
// heard it (package cookie). The gate writes it with what a cookie needs to take
// the place of another, and no more: it stands until the server answers.
const mark = ".u"

var brief = strings.NewReplacer(";samesite=lax", "", ";secure", "")

// answered asks in the browser whether it may have an answer: the server, which is
// asked then, knows.
const answered = `if(document.cookie.match("amana=1"))`

// For gives the script for one visitor: all of it where there is something to
// ask, else the gate alone.
func (s *Script) For(v Visitor) []byte {
	if v.Answer != "" && !v.Ask {
		gate := with(v.set(s.gate, s.v.Policy), gateJS)
		if strings.HasSuffix(v.Answer, ".0") {
			gate = append(with(settings{K: s.gate.K}, refusedJS), gate...)
		}
		return encode(s.Type, gate)
	}
	return encode(s.Type, with(v.set(s.all, s.v.Policy), fullJS))
}

func (v Visitor) set(s settings, p *policy.Policy) settings {
	if v.Answer != "" {
		s.B, s.G, s.H = "1."+v.Answer+"$", values(v.Granted), values(v.Heeding)
		if strings.HasSuffix(v.Answer, ".") {
			s.B = "1." + v.Answer + `.{29}.?$` // time and id, and no mark behind them
		}
	}
	if v.Answer != "" && v.Ask {
		s.Q = 1
	}
	if v.GPC {
		s.P = 1
	}
	if len(v.Granted) > 0 {
		s.N = ConsentMode(p, v.Granted)
		maps.DeleteFunc(s.N, func(_, said string) bool { return said == "denied" }) // that is told already
	}
	return s
}

// Value names a switch as pages do: ID or ID/RECIPIENT.
func Value(k consent.Key) string {
	if k.Recipient == "" {
		return k.Purpose
	}
	return k.Purpose + "/" + k.Recipient
}

func values(keys []consent.Key) []string {
	list := []string{}
	for _, k := range keys {
		list = append(list, Value(k))
	}
	return list
}

// signals of Google Consent Mode that are always told, because tags read them
// whether or not a purpose stands behind them.
var signals = []string{"ad_personalization", "ad_storage", "ad_user_data", "analytics_storage"}

// ConsentMode says of each signal of Google Consent Mode v2 granted or denied:
// granted where every purpose that names it has a yes among the given. It is
// empty where no purpose names any.
func ConsentMode(p *policy.Policy, given []consent.Key) map[string]string {
	m := map[string]string{}
	for _, k := range cookie.Switches(p) {
		if k.Recipient != "" {
			continue
		}
		for _, s := range p.Purposes[k.Purpose].GCM {
			if m[s] != "denied" {
				m[s] = map[bool]string{true: "granted", false: "denied"}[slices.Contains(given, k)]
			}
		}
	}
	if len(m) > 0 {
		for _, s := range signals {
			if m[s] == "" {
				m[s] = "denied"
			}
		}
	}
	return m
}

// stores gives for each switch the names that it stores, as more alternatives of a
// regular expression. A pixel stores nothing, and the cookie of the answer
// goes with no purpose, whatever the file says of it.
func stores(p *policy.Policy) map[string]string {
	m := map[string]string{}
	for _, s := range p.Storage {
		u := p.Purposes[s.Purpose]
		if u.Basis != policy.Consent || !slices.Contains(u.Acts(), subject.Device) || s.Kind == "pixel" || s.Name == cookie.Name {
			continue
		}
		name := strings.ReplaceAll(regexp.QuoteMeta(s.Name), `\*`, ".*")
		if regexp.MustCompile("^" + name + "$").MatchString(cookie.Name) {
			name = "(?!" + cookie.Name + "$)" + name
		}
		m[s.Purpose] += "|" + name
	}
	return m
}

// Files are what never changes under its address.
func (s *Script) Files() []File { return []File{s.Questions, s.Details, s.Static} }
