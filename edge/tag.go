package edge

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// Tag gives the ETag of a body (RFC 9110 section 8.8.3). A
// body that is sent plain or pressed needs a weak one: W/ before it.
func Tag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// Has says whether a request tells that it has the tagged body already. Tags
// are compared weakly (RFC 9110 section 13.1.2); ours hold no comma.
func Has(r *http.Request, tag string) bool {
	for _, line := range r.Header.Values("If-None-Match") {
		for item := range strings.SplitSeq(line, ",") {
			item = strings.TrimSpace(item)
			if item == "*" || strings.TrimPrefix(item, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
