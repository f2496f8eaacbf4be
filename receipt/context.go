package receipt

// contextsOf are the JSON-LD contexts that receipts with such signers have had,
// oldest first. One that was ever issued stays: receipts in people's hands must
// verify for ever. There is one for receipts without a hand-over to explain, and
// one for those with.
func contextsOf(signers []Signer) []map[string]any {
	if len(signers) > 1 {
		return []map[string]any{contextV2()}
	}
	return []map[string]any{contextV1()}
}

// contextOf is the context that is written now.
func contextOf(signers []Signer) map[string]any {
	list := contextsOf(signers)
	return list[len(list)-1]
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
