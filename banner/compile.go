package banner

import (
	"regexp"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

// settings are what the script reads as $C; src/config.d.ts says what each is.
type settings struct {
	V string            `json:"v,omitempty"`
	L string            `json:"l,omitempty"`
	W []string          `json:"w,omitempty"`
	B string            `json:"b,omitempty"`
	G []string          `json:"g,omitempty"`
	M [][]any           `json:"m,omitempty"`
	A map[string]string `json:"a,omitempty"`
	N string            `json:"n,omitempty"`
	K string            `json:"k,omitempty"`
	U string            `json:"u,omitempty"`
	T string            `json:"t,omitempty"`
	C string            `json:"c,omitempty"`
	S map[string]string `json:"s,omitempty"`
	F string            `json:"f,omitempty"`
	D string            `json:"d,omitempty"`
	E string            `json:"e,omitempty"`
}

// Full gives the whole script.
func Full(v *policy.Version, w *lang.Words) ([]byte, error) {
	s := gateSettings(v, w)
	var err error
	if s.T, err = questions(v, w, "questions"); err != nil {
		return nil, err
	}
	if s.F, err = questions(v, w, "held"); err != nil {
		return nil, err
	}
	s.V, s.L, s.K = string(v.ID[7:15]), w.Tag, ";path=/;max-age=31536000;samesite=lax;secure"
	s.D, s.C, s.S, s.E = "/amana/89abcdef.txt", theme(styleCSS), names(v.Policy), w.T("banner.failed")
	return with(s, fullJS), nil
}

// Gate gives the script for a visitor who has answered.
func Gate(v *policy.Version, w *lang.Words) []byte {
	s := gateSettings(v, w)
	s.U, s.B, s.G, s.W, s.A = "/amana/01234567.js", "0123abcd.3.", []string{"analytics"}, nil, nil
	s.M = append(s.M, []any{"update", map[string]string{"analytics_storage": "granted"}})
	return with(s, gateJS)
}

func gateSettings(v *policy.Version, w *lang.Words) settings {
	s := settings{M: [][]any{{"default", signals(v.Policy)}}, A: map[string]string{"id": "amana", "lang": w.Tag, "dir": w.Dir(), "ariaLabel": w.T("nav.choices")}}
	return s
}

// holds gives the days that a yes to each switch holds.
func holds(p *policy.Policy) map[string]int {
	m := map[string]int{}
	for _, k := range cookie.Switches(p) {
		id := k.Purpose
		if k.Recipient != "" {
			id += "/" + k.Recipient
		}
		m[id] = days(p.Purposes[k.Purpose].Keep)
	}
	for id, u := range p.Purposes {
		if u.HeedsSignal() && m[id] > 0 {
			m["+"+id] = m[id]
		}
	}
	return m
}

func days(d policy.Duration) int { return d.Months/12*365 + d.Months%12*30 + int(d.Seconds/86400) }

// signals of Consent Mode with what has to be granted for each.
func signals(p *policy.Policy) map[string]any {
	m := map[string]any{}
	for _, k := range cookie.Switches(p) {
		if k.Recipient != "" {
			continue
		}
		for _, s := range p.Purposes[k.Purpose].GCM {
			m[s] = "denied"
		}
	}
	return m
}

// names gives for each switch what it stores, as one regular expression.
func names(p *policy.Policy) map[string]string {
	m := map[string][]string{}
	for _, s := range p.Storage {
		if slices.Contains(p.Purposes[s.Purpose].Acts(), "device") && p.Purposes[s.Purpose].Basis == policy.Consent && s.Kind != "pixel" {
			m[s.Purpose] = append(m[s.Purpose], strings.ReplaceAll(regexp.QuoteMeta(s.Name), `\*`, ".*"))
		}
	}
	out := map[string]string{}
	for id, l := range m {
		out[id] = strings.Join(l, "|")
	}
	return out
}

func theme(css string) string {
	return strings.NewReplacer("SCHEME", "light dark", "TEXT", "CanvasText", "GROUND", "Canvas").Replace(css)
}
