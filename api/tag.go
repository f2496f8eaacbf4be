package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// sendTagged sends a body with its ETag, or 304 to whoever has it already.
func sendTagged(w http.ResponseWriter, r *http.Request, raw []byte) error {
	sum := sha256.Sum256(raw)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	if has(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return send(w, http.StatusOK, raw)
}

// has compares weakly (RFC 9110 section 13.1.2). Our tags hold no comma.
func has(lines []string, tag string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			item = strings.TrimSpace(item)
			if item == "*" || strings.TrimPrefix(item, "W/") == tag {
				return true
			}
		}
	}
	return false
}
