package web

import (
	"io"
	"net/http"
	"strings"

	"github.com/amana-privacy/amana/fault"
)

// shown counts that the questions were shown: "LANGUAGE REVISION" as plain text.
// It keeps a number by version, language and day, and nothing of the visitor.
func (s *site) shown(w http.ResponseWriter, r *http.Request) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 64))
	if err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	language, revision, _ := strings.Cut(string(raw), " ")
	v := s.versionOf(revision)
	ed, err := s.edition()
	switch {
	case err != nil:
		return err
	case v == nil || ed == nil || ed.faces[language] == nil:
		return fault.New(fault.Invalid, "say which language of which version was shown")
	}
	if err := s.Store.CountShown(r.Context(), v.ID, language); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
