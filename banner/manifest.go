package banner

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/policy"
)

// Manifest tells programs how to read the cookie without knowing the policy, and
// pages where the script stands that never changes (/amana.json).
type Manifest struct {
	Version   policy.VersionID       `json:"version"`
	Switches  []string               `json:"switches"`  // asked now
	Revisions map[string][]Bit       `json:"revisions"` // by revision, what each bit of the cookie means now
	Scripts   map[string]Subresource `json:"scripts"`   // by language
}

// Bit is one bit of the cookie's set, the lowest first.
type Bit struct {
	Switch  string `json:"switch"`            // "" where it grants nothing any more
	Days    int    `json:"days,omitempty"`    // for so long at least, from the cookie's time on
	Heeds   bool   `json:"heeds,omitempty"`   // a Global Privacy Control signal takes it away …
	Against string `json:"against,omitempty"` // … unless the bit that names the switch here is set
}

// Subresource is a file with its digest for the attribute integrity.
type Subresource struct {
	Path      string `json:"path"`
	Integrity string `json:"integrity"`
}

// ManifestOf reads every revision that ever was under the version in force.
func ManifestOf(inForce *policy.Version, history []*policy.Version) *Manifest {
	m := &Manifest{Version: inForce.ID, Revisions: map[string][]Bit{}, Scripts: map[string]Subresource{}}
	for _, k := range cookie.Switches(inForce.Policy) {
		m.Switches = append(m.Switches, Value(k))
	}
	for _, v := range slices.Concat([]*policy.Version{inForce}, history) {
		if _, known := m.Revisions[cookie.Revision(v.ID)]; !known {
			m.Revisions[cookie.Revision(v.ID)] = bits(v, inForce)
		}
	}
	return m
}

func bits(v, inForce *policy.Version) []Bit {
	list := []Bit{}
	for _, k := range cookie.Switches(v.Policy) {
		b := Bit{Days: days(v.Policy.Purposes[k.Purpose].Keep), Heeds: inForce.Policy.Purposes[k.Purpose].HeedsSignal()}
		if slices.Contains(cookie.Switches(inForce.Policy), k) && holds(v, inForce, k) {
			b.Switch = Value(k)
		}
		list = append(list, b)
	}
	for _, p := range cookie.Heeding(v.Policy) {
		list = append(list, Bit{Against: p})
	}
	return list
}

// holds reports whether a yes to v counts now, by the same reading as a cookie's.
func holds(v, inForce *policy.Version, k consent.Key) bool {
	given := []consent.Key{{Purpose: k.Purpose}}
	if k.Recipient != "" {
		given = append(given, k)
	}
	c, err := cookie.New(v, given, nil, v.Published, "AAAAAAAAAAAAAAAAAAAAAA")
	return err == nil && slices.Contains(c.Read(v, inForce, false, v.Published.Add(time.Second)).Granted, k)
}

// days gives the fewest days that a duration can be.
func days(d policy.Duration) int {
	fewest := [12]int{0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334}
	return d.Months/12*365 + fewest[d.Months%12] + int(d.Seconds/86400)
}

// Include adds the script of a language.
func (m *Manifest) Include(language string, s *Script) {
	sum := sha512.Sum384(s.Static.Body)
	m.Scripts[language] = Subresource{s.Static.Path(), "sha384-" + base64.StdEncoding.EncodeToString(sum[:])}
}

// JSON writes the manifest.
func (m *Manifest) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	err := e.Encode(m)
	return b.Bytes(), err
}
