package witness

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// Bounds of a submission: 63 lines of proof, and a checkpoint under which
// sixteen others may have signed, with large keys.
const (
	maxBody  = 128 << 10
	maxProof = 63
)

// sizeType is how a witness names the size it has seen (tlog-witness).
const sizeType = "text/x.tlog.size"

// Handler gives the witness's door: POST PREFIX/add-checkpoint for logs, and
// GET PREFIX/HASH/checkpoint for whoever asks what was seen, HASH being the
// SHA-256 of the log's origin in hexadecimal.
func (w *Witness) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	done := map[string]bool{}
	for key, g := range w.logs {
		prefix, _, _ := strings.Cut(key, "\n")
		mux.HandleFunc("GET "+prefix+"/"+hashOf(g.origin)+"/checkpoint", func(rw http.ResponseWriter, r *http.Request) {
			answer(rw, log, "text/plain; charset=utf-8", func() (string, error) { return g.newest(w.signer) })
		})
		if !done[prefix] {
			done[prefix] = true
			mux.HandleFunc("POST "+prefix+"/add-checkpoint", func(rw http.ResponseWriter, r *http.Request) {
				answer(rw, log, "text/plain; charset=utf-8", func() (string, error) { return w.submitted(prefix, http.MaxBytesReader(rw, r.Body, maxBody)) })
			})
		}
	}
	return mux
}

func (w *Witness) submitted(prefix string, body io.Reader) (string, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return "", refusal{status: 400, words: "the submission is too large or does not come"}
	}
	s, err := readSubmission(string(raw))
	if err != nil {
		return "", refusal{status: 400, words: err.Error()}
	}
	g := w.logs[prefix+"\n"+s.origin]
	if g == nil {
		return "", refusal{status: 404, words: "this log is not watched here"}
	}
	return g.add(s, w.signer)
}

func answer(w http.ResponseWriter, log *slog.Logger, kind string, do func() (string, error)) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	body, err := do()
	no, refused := errors.AsType[refusal](err)
	switch {
	case refused && no.sized:
		w.Header().Set("Content-Type", sizeType)
		w.WriteHeader(no.status)
		fmt.Fprintf(w, "%d\n", no.size)
	case refused:
		http.Error(w, no.words, no.status)
	case err != nil:
		log.Error("a submission could not be kept", "error", err)
		http.Error(w, "it could not be kept", http.StatusInternalServerError)
	case body == "":
		http.Error(w, "no head of this log was seen yet", http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}
}

// submission is the body of add-checkpoint.
type submission struct {
	old    int64
	proof  tlog.TreeProof
	signed string
	origin string // as the checkpoint says; nothing is verified yet
}

// readSubmission reads a body strictly: the old size, the proof, an empty line,
// a checkpoint.
func readSubmission(body string) (submission, error) {
	head, signed, found := strings.Cut(body, "\n\n")
	lines := strings.Split(head, "\n")
	number, ok := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(number, 10, 64)
	if !found || !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != number {
		return submission{}, errors.New("the first line is not an old size")
	}
	if len(lines)-1 > maxProof {
		return submission{}, errors.New("the proof has too many lines")
	}
	s := submission{old: old, signed: signed}
	for _, line := range lines[1:] {
		h, err := ledger.ParseHash(line)
		if err != nil {
			return submission{}, errors.New("a line of the proof is not a hash")
		}
		s.proof = append(s.proof, h)
	}
	c, _, err := ledger.ReadHead(signed)
	s.origin = c.Origin
	return s, err
}

// writeSubmission is the other side of readSubmission.
func writeSubmission(old int64, proof []tlog.Hash, signed string) string {
	return "old " + strconv.FormatInt(old, 10) + "\n" + ledger.HashLines(proof) + "\n" + signed
}
