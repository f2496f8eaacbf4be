package receipt

import "github.com/amana-privacy/amana/consent"

// contextsOf are the JSON-LD contexts that receipts like r have had, oldest
// first. One that was ever issued stays: receipts in people's hands must verify
// for ever. There is one for each set of members that a receipt may have:
// without and with a hand-over to explain, of what was said here and of what came
// from elsewhere, and of an erasure.
func contextsOf(r *Receipt) []map[string]any {
	context := contextV1
	if len(r.Signers) > 1 {
		context = contextV2
	}
	if c := r.Record.HasConsent; c != nil && c.Frequency != "" {
		plain := context
		context = func() map[string]any { return often(plain()) }
	}
	switch c := r.Record.HasConsent; {
	case r.Record.HasDemand != nil && r.Record.HasDemand.Kind == permission:
		return []map[string]any{permitted(demanded(context()))}
	case r.Record.HasDemand != nil:
		return []map[string]any{demanded(context())}
	case c == nil:
		return []map[string]any{erased(context())}
	case c.Surface == consent.SurfaceImport || c.Moved != "":
		return []map[string]any{imported(context())}
	}
	return []map[string]any{context()}
}

// contextOf is the context that is written now.
func contextOf(r *Receipt) map[string]any {
	list := contextsOf(r)
	return list[len(list)-1]
}

// often adds to a context what only receipts of answers with a frequency have. It is
// frozen.
func often(c map[string]any) map[string]any {
	c["frequency"] = "amana:frequency"
	return c
}

// imported adds to a context what only receipts of answers from elsewhere have. It is
// frozen.
func imported(c map[string]any) map[string]any {
	for _, name := range []string{"evidence", "said", "source", "moved", "text", "until", "by"} {
		c[name] = "amana:" + name
	}
	return c
}

// contextV2 also knows hand-overs of the log's key. It is frozen.
func contextV2() map[string]any {
	c := contextV1()
	c["handover"] = map[string]any{"@id": "amana:handover", "@context": map[string]any{
		"record": "amana:record",
		"type":   "amana:type",
		"from":   "amana:from",
		"to":     "amana:to",
		"time":   "amana:time",
	}}
	return c
}

// contextV1 puts plain names on the left, the W3C Data Privacy Vocabulary,
// Dublin Core and SKOS on the right; terms that none of them has are in a URN of
// our own. It is embedded in each receipt, so nothing has to be fetched to read
// one. It is frozen: what is learnt later is another context.
func contextV1() map[string]any {
	return map[string]any{
		"@version":    1.1,
		"@vocab":      "https://w3id.org/dpv#",
		"dpv":         "https://w3id.org/dpv#",
		"dct":         "http://purl.org/dc/terms/",
		"skos":        "http://www.w3.org/2004/02/skos/core#",
		"schema":      "https://schema.org/",
		"amana":       "urn:amana:terms:v1:",
		"conformsTo":  map[string]any{"@id": "dct:conformsTo", "@type": "@id"},
		"id":          "dct:identifier",
		"record":      "dpv:hasRecordOfActivity",
		"subject":     "dpv:hasDataSubject",
		"process":     "dpv:hasProcess",
		"policy":      "dct:source",
		"language":    "dct:language",
		"title":       "dct:title",
		"description": "dct:description",
		"label":       "skos:prefLabel",
		"broader":     map[string]any{"@id": "skos:broader", "@type": "@vocab"},
		"name":        "schema:name",
		"legalName":   "schema:legalName",
		"email":       "schema:email",
		"phone":       "schema:telephone",
		"address":     "schema:address",
		"country":     "dpv:hasCountry",
		"value":       "amana:value",
		"kind":        "amana:kind",
		"category":    "amana:category",
		"dpv-term":    "amana:term",
		"sensitive":   "amana:sensitive",
		"from":        "amana:from",
		"role":        "amana:role",
		"permission":  "amana:permission",
		"how":         "amana:how",
		"shown":       "amana:shown",
		"commitment":  "amana:commitment",
		"decision":    "amana:decision",
		"consentType": map[string]any{"@id": "amana:consentType", "@type": "@vocab"},
		"topics":      "amana:topics",
		"scope":       "amana:scope",
		"meaning":     "amana:meaning",
		"confirms":    "amana:confirms",
		"signals":     "amana:signals",
		"gpc":         "amana:gpc",
		"salt":        "amana:salt",
		"proof":       "amana:proof",
		"index":       "amana:index",
		"size":        "amana:size",
		"hashes":      map[string]any{"@id": "amana:hashes", "@container": "@list"},
		"checkpoint":  "amana:checkpoint",
		"signers":     map[string]any{"@id": "amana:signers", "@container": "@list"},
		"key":         "amana:key",
	}
}
