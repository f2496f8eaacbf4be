package api

import (
	"net/http"

	"github.com/amana-privacy/amana/edge"
)

// sendTagged sends a body with its ETag, or 304 to whoever has it already.
func sendTagged(w http.ResponseWriter, r *http.Request, raw []byte) error {
	tag := edge.Tag(raw)
	w.Header().Set("ETag", tag)
	if edge.Has(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return send(w, http.StatusOK, raw)
}
