package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
)

// Versions on a page.
const (
	versionsDefault = 20
	versionsMost    = 100
)

// policies is the answer to GET /v1/policies.
type policies struct {
	Policies []published `json:"policies" doc:"The version in force first, then the others, latest first."`
	Next     string      `json:"next,omitempty" doc:"Where there are more: the cursor of the next page."`
}

// published is one version.
type published struct {
	Version   policy.VersionID `json:"version" doc:"Its id: sha256: and the hex SHA-256 of the bytes of policy as they stand here (RFC 8785)."`
	State     string           `json:"state" enum:"in_force|announced|past" doc:"Whether it holds."`
	Effective string           `json:"effective" format:"date-time" doc:"From when it holds, or held."`
	Policy    json.RawMessage  `json:"policy" doc:"The policy file in canonical form, keys as in amana.yaml."`
}

func (d *door) listPolicies(w http.ResponseWriter, r *http.Request) error {
	out, err := d.page(r.URL.Query().Get("limit"), r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	raw, err := encode(out)
	if err != nil {
		return err
	}
	return sendTagged(w, r, raw)
}

// page gives the versions after the one a cursor names.
func (d *door) page(limit, cursor string) (policies, error) {
	n, err := countOf(limit)
	if err != nil {
		return policies{}, err
	}
	all := d.Store.Versions()
	inForce, now := d.Store.InForce(), d.Now()
	if cursor != "" {
		i := slices.IndexFunc(all, func(v *policy.Version) bool { return string(v.ID) == cursor })
		if i < 0 {
			return policies{}, fault.At(fault.Invalid, "cursor", "is not one that was given")
		}
		all = all[i+1:]
	}
	out := policies{Policies: []published{}}
	for _, v := range all[:min(n, len(all))] {
		out.Policies = append(out.Policies, published{v.ID, stateOf(v, inForce, now), stamp(v.Published), v.Canonical})
	}
	if n < len(all) {
		out.Next = string(all[n-1].ID)
	}
	return out, nil
}

func countOf(limit string) (int, error) {
	if limit == "" {
		return versionsDefault, nil
	}
	n, err := strconv.Atoi(limit)
	if err != nil || n < 1 || n > versionsMost {
		return 0, fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", versionsMost)
	}
	return n, nil
}

func stateOf(v, inForce *policy.Version, now time.Time) string {
	switch {
	case inForce != nil && v.ID == inForce.ID:
		return "in_force"
	case v.Published.After(now):
		return "announced"
	default:
		return "past"
	}
}
