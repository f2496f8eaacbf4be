package notice

import (
	"maps"
	"slices"

	"github.com/amana-privacy/amana/policy"
)

// DPV gives a version in terms of the W3C Data Privacy Vocabulary 2.3, as
// JSON-LD with its context inside: nothing has to be fetched to read it. Base
// is the address of the site, without a slash at the end.
func DPV(v *policy.Version, base string) map[string]any {
	p := v.Policy
	return map[string]any{
		"@context":          dpvContext(),
		"@id":               base + "/policy/" + string(v.ID),
		"@type":             "PrivacyNotice",
		"identifier":        v.ID,
		"issued":            v.Published.UTC().Format("2006-01-02T15:04:05Z"),
		"language":          p.Languages,
		"hasDataController": controller(p),
		"hasProcess":        processes(p),
		"hasRight":          rights(p),
	}
}

func dpvContext() map[string]any {
	term := func(id string) map[string]any { return map[string]any{"@id": id, "@type": "@vocab"} }
	words := func(id string) map[string]any { return map[string]any{"@id": id, "@container": "@language"} }
	return map[string]any{
		"@version": 1.1,
		"@vocab":   "https://w3id.org/dpv#",
		"dct":      "http://purl.org/dc/terms/", "skos": "http://www.w3.org/2004/02/skos/core#",
		"schema": "https://schema.org/", "xsd": "http://www.w3.org/2001/XMLSchema#",
		"pd": "https://w3id.org/dpv/pd#", "loc": "https://w3id.org/dpv/loc#",
		"hasCountry": map[string]any{"@id": "https://w3id.org/dpv#hasCountry", "@type": "@id"},
		"identifier": "dct:identifier", "language": "dct:language",
		"issued": map[string]any{"@id": "dct:issued", "@type": "xsd:dateTime"},
		"title":  words("dct:title"), "description": words("dct:description"), "label": words("skos:prefLabel"), "name": words("schema:name"),
		"email": "schema:email", "telephone": "schema:telephone", "address": words("schema:address"),
		"broader": term("skos:broader"), "hasLegalBasis": term("https://w3id.org/dpv#hasLegalBasis"),
		"url":         map[string]any{"@id": "schema:url", "@type": "@id"},
		"hasDuration": map[string]any{"@id": "https://w3id.org/dpv#hasDuration", "@type": "xsd:duration"},
	}
}

// words gives a text by language; a proper name written once stands in all of them.
func words(p *policy.Policy, t policy.Text) map[string]string {
	m := map[string]string{}
	for _, l := range p.Languages {
		if s := t.In(l); s != "" {
			m[l] = s
		}
	}
	return m
}

func controller(p *policy.Policy) map[string]any {
	c := p.Organization.Contact
	return map[string]any{"@type": "DataController", "name": words(p, p.Organization.LegalName), "email": c.Email, "telephone": c.Phone, "address": words(p, c.Address)}
}

func processes(p *policy.Policy) []any {
	list := []any{}
	for _, id := range slices.Sorted(maps.Keys(p.Purposes)) {
		list = append(list, process(p, id))
	}
	return list
}

func process(p *policy.Policy, id string) map[string]any {
	u := p.Purposes[id]
	purpose := map[string]any{"@type": "Purpose", "identifier": id, "title": words(p, u.Title), "description": words(p, u.Text)}
	if u.DPV != "" {
		purpose["broader"] = u.DPV
	}
	out := map[string]any{
		"@type": "Process", "hasPurpose": purpose, "hasLegalBasis": u.Basis.DPV(), "hasPersonalData": personal(p, u.Data),
		"hasStorageCondition": map[string]any{"@type": "StorageCondition", "hasDuration": u.Keep.String()},
	}
	if len(u.Recipients) > 0 {
		out["hasRecipient"] = recipientsOf(p, u.Recipients)
	}
	return out
}

func personal(p *policy.Policy, ids []string) []any {
	var list []any
	for _, id := range ids {
		d := p.Data[id]
		m := map[string]any{"@type": "PersonalData", "identifier": id, "label": words(p, d.Label)}
		if d.Sensitive {
			m["@type"] = "SensitivePersonalData"
		}
		if d.DPV != "" {
			m["broader"] = "pd:" + d.DPV
		}
		list = append(list, m)
	}
	return list
}

func recipientsOf(p *policy.Policy, ids []string) []any {
	var list []any
	for _, id := range ids {
		r := p.Recipients[id]
		role := "DataProcessor"
		if r.Role == policy.ThirdParty {
			role = "ThirdParty"
		}
		list = append(list, map[string]any{"@type": role, "identifier": id, "name": words(p, r.Name), "hasCountry": "loc:" + r.Country, "url": r.PolicyURL})
	}
	return list
}

// rightTerm are DPV's names of data subjects' rights (eu-gdpr has them by article).
var rightTerm = map[string]string{
	"access": "A15", "correction": "A16", "erasure": "A17", "restriction": "A18", "portability": "A20", "objection": "A21", "complaint": "A77",
}

func rights(p *policy.Policy) []any {
	list := []any{}
	for _, r := range p.Requests.Rights {
		if t, ok := rightTerm[r]; ok {
			list = append(list, map[string]any{"@id": "https://w3id.org/dpv/legal/eu/gdpr#" + t, "@type": "DataSubjectRight"})
		}
	}
	return list
}
