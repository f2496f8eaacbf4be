package httpdoor

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// bareToken opens the bare handlers.
const bareToken = "bare_4f0c2a9d7b5e4f0c2a9d7b5e4f0c2a9d7b5e"

// opens checks a bearer token as every program must: by its hash.
func opens(r *http.Request, tokens map[[32]byte]bool) bool {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && tokens[sha256.Sum256([]byte(secret))]
}

// bare reads a body into T and answers what do makes of it.
func bare[T any](token string, status int, do func(T) any) http.Handler {
	tokens := map[[32]byte]bool{sha256.Sum256([]byte(token)): true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !opens(r, tokens) {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		raw, err := io.ReadAll(r.Body)
		var in T
		if err == nil {
			err = json.Unmarshal(raw, &in)
		}
		out, merr := json.Marshal(do(in))
		if err != nil || merr != nil {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		w.WriteHeader(status)
		w.Write(out)
	})
}

func bareConsent(token string) http.Handler {
	type submission struct {
		Subject string
		Choices []struct{ Purpose, Decision string }
	}
	type recorded struct {
		Receipts []string `json:"receipts"`
	}
	return bare(token, http.StatusCreated, func(in submission) any {
		ids := make([]string, len(in.Choices))
		for i := range ids {
			ids[i] = "8e03978e-40d5-43dd-bc93-6894a57f9324"
		}
		return recorded{ids}
	})
}

const empty = "<!doctype html><html lang=\"en\"><title>Empty</title></html>\n"

func barePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(empty)))
	io.WriteString(w, empty)
}
