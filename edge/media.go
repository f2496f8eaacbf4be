package edge

import (
	"mime"
	"net/http"
	"strings"
)

// MediaError tells why a body is not taken for JSON.
type MediaError string

func (e MediaError) Error() string { return string(e) }

// JSON checks that a body is JSON by its header: one Content-Type, UTF-8, not
// pressed. Its error is a MediaError.
func JSON(h http.Header) error {
	if kinds := h["Content-Type"]; len(kinds) == 1 && kinds[0] == "application/json" && h["Content-Encoding"] == nil {
		return nil
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, said := params["charset"]
	switch {
	case err != nil || kind != "application/json", len(h.Values("Content-Type")) > 1:
		return MediaError("the Content-Type must be application/json")
	case said && !strings.EqualFold(charset, "utf-8"):
		return MediaError("JSON is sent in UTF-8")
	case h.Get("Content-Encoding") != "":
		return MediaError("the body must come without a Content-Encoding")
	}
	return nil
}
