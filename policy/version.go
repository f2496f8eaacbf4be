package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gowebpki/jcs"
)

// VersionID names a version: "sha256:" and the hex SHA-256 of its canonical bytes.
type VersionID string

// IDOf gives the id of canonical bytes.
func IDOf(canonical []byte) VersionID {
	sum := sha256.Sum256(canonical)
	return VersionID("sha256:" + hex.EncodeToString(sum[:]))
}

// Version is one published policy. Its canonical bytes are stored and never
// recomputed. It is read-only and safe for concurrent use.
type Version struct {
	ID        VersionID
	Canonical []byte // RFC 8785
	Policy    *Policy

	// Meanings maps each purpose to its meaning id: the hash of its texts in
	// all languages at their last edit that was not published as the same meaning.
	Meanings map[string]string

	Published   time.Time // when it took effect, UTC
	By          string    // who published it
	SameMeaning []string  // purposes declared to mean the same as before

	// Declared maps those purposes to who declared it, in the same act as the
	// publication or later.
	Declared map[string]string
}

// Scope is what a yes to a purpose covers: its structure and its meaning.
type Scope struct {
	Purpose    string           `json:"purpose"`
	Meaning    string           `json:"meaning"`
	Data       []string         `json:"data"`       // sorted
	Recipients []ScopeRecipient `json:"recipients"` // sorted by id
	Keep       string           `json:"keep"`       // normal form of the duration
}

// ScopeRecipient is a recipient inside a scope, with the form of its permission.
type ScopeRecipient struct {
	ID         string     `json:"id"`
	Permission Permission `json:"permission"`
}

// ScopeOf gives the scope of a purpose in this version; false if it has no such purpose.
func (v *Version) ScopeOf(purpose string) (Scope, bool) {
	p, ok := v.Policy.Purposes[purpose]
	if !ok {
		return Scope{}, false
	}
	s := Scope{Purpose: purpose, Meaning: v.Meanings[purpose], Data: slices.AppendSeq([]string{}, slices.Values(p.Data)), Recipients: []ScopeRecipient{}, Keep: p.Keep.String()}
	slices.Sort(s.Data)
	for _, id := range p.Recipients {
		s.Recipients = append(s.Recipients, ScopeRecipient{id, v.Policy.Recipients[id].PermissionOf()})
	}
	slices.SortFunc(s.Recipients, func(a, b ScopeRecipient) int { return cmp.Compare(a.ID, b.ID) })
	return s, true
}

// ID names the scope: "sha256:" and the hex SHA-256 of its RFC 8785 form.
func (s Scope) ID() string { return hashJSON("amana/scope/v1\n", s) }

// meaningOf hashes a purpose's title, text and benefit in all languages.
func meaningOf(p Purpose) string {
	return hashJSON("amana/meaning/v1\n", map[string]Text{"title": p.Title, "text": p.Text, "benefit": p.Benefit})
}

// MeaningsAfter gives the meaning ids of next when it follows prev (nil for the
// first version). A purpose whose texts did not change, or which is named in
// sameMeaning, keeps its id; every other edit makes a new one. Naming a purpose
// that either version lacks is an error.
func MeaningsAfter(prev *Version, next *Policy, sameMeaning []string) (map[string]string, error) {
	for _, id := range sameMeaning {
		_, now := next.Purposes[id]
		if prev == nil || !now || prev.Meanings[id] == "" {
			return nil, fmt.Errorf("purpose %q cannot mean the same as before: it is not in both versions", id)
		}
	}
	m := make(map[string]string, len(next.Purposes))
	for id, p := range next.Purposes {
		m[id] = meaningOf(p)
		if prev == nil || prev.Meanings[id] == "" {
			continue
		}
		if meaningOf(prev.Policy.Purposes[id]) == m[id] || slices.Contains(sameMeaning, id) {
			m[id] = prev.Meanings[id]
		}
	}
	return m, nil
}

func hashJSON(domain string, v any) string {
	raw, err := json.Marshal(v)
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		panic("policy: a plain value does not marshal: " + err.Error())
	}
	sum := sha256.Sum256(append([]byte(domain), raw...))
	return "sha256:" + hex.EncodeToString(sum[:])
}
