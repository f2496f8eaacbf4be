package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// The log for everybody (C2SP tlog-tiles, prefix /log). Its answers are bytes
// for programs: no language, no cookie, no page. What they name by number never
// changes; nothing is served that the newest signed head does not have.

// momentary is how long a head may be kept by whoever stands between.
const momentary = "public, max-age=2"

// recordsAtOnce is how many public records one list names.
const recordsAtOnce = 1000

// outlet answers one request for a part of the log.
type outlet func(w http.ResponseWriter, r *http.Request) error

// logRoutes adds the addresses of the log.
func (s *site) logRoutes(mux *http.ServeMux) {
	for path, o := range map[string]outlet{
		"/log/checkpoint":     s.logHead,
		"/log/tile/{path...}": s.logTile,
		"/log/record/{leaf}":  s.logRecord,
		"/log/records":        s.logRecords,
		"/log/signers":        s.logSigners,
		"/log/": func(http.ResponseWriter, *http.Request) error {
			return fault.New(fault.Unknown, "no such part of the log")
		},
	} {
		mux.Handle(path, s.outlet(o))
	}
}

func (s *site) outlet(o outlet) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		err := errMethod
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			err = o(w, r)
		} else {
			w.Header().Set("Allow", http.MethodGet)
		}
		if err == nil {
			return
		}
		status := statusOf(err)
		s.note(r, status, err)
		w.Header().Set("Cache-Control", never)
		http.Error(w, strconv.Itoa(status)+" "+http.StatusText(status), status)
	})
}

// logHead is the head with the signatures under it.
func (s *site) logHead(w http.ResponseWriter, r *http.Request) error {
	return give(w, r, momentary, "text/plain; charset=utf-8", []byte(s.Store.Published()), true)
}

func (s *site) logTile(w http.ResponseWriter, r *http.Request) error {
	t, err := ledger.ParseTile("tile/" + r.PathValue("path"))
	if err != nil {
		return &fault.Error{Kind: fault.Unknown, Words: "no such tile", Err: err}
	}
	body, err := s.Store.Tile(r.Context(), t)
	if err != nil {
		return err
	}
	return give(w, r, forever, "application/octet-stream", body, t.Level == ledger.EntriesLevel)
}

// logRecord is a public record with the salt that opens its entry.
func (s *site) logRecord(w http.ResponseWriter, r *http.Request) error {
	leaf, err := number(r.PathValue("leaf"))
	if err != nil {
		return fault.New(fault.Unknown, "no such leaf")
	}
	record, err := s.Store.PublicRecord(r.Context(), leaf)
	if err != nil {
		return err
	}
	return giveJSON(w, r, forever, record)
}

// logRecords lists the leaves of public records, from ?from= on. Whoever audits
// the log could not find them otherwise: entries say nothing.
func (s *site) logRecords(w http.ResponseWriter, r *http.Request) error {
	var list struct {
		Leaves []int64 `json:"leaves"`
		Next   *int64  `json:"next"` // where the list goes on; null at its end
	}
	from, err := number(r.URL.Query().Get("from"))
	if r.URL.Query().Get("from") != "" && err != nil {
		return fault.New(fault.Malformed, "from is not the number of a leaf")
	}
	if list.Leaves, err = s.Store.PublicLeaves(r.Context(), from, recordsAtOnce); err != nil {
		return err
	}
	if n := len(list.Leaves); n == recordsAtOnce {
		list.Next = new(list.Leaves[n-1] + 1)
	}
	return giveJSON(w, r, momentary, list)
}

// logSigners lists the keys the log has had, each with its hand-over. Whoever
// holds a receipt that another of them signed follows it by this.
func (s *site) logSigners(w http.ResponseWriter, r *http.Request) error {
	return giveJSON(w, r, momentary, s.Store.Signers())
}

// number reads a number in its one spelling.
func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fault.New(fault.Malformed, "not a number")
	}
	return n, nil
}

func giveJSON(w http.ResponseWriter, r *http.Request, cache string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a record's bytes are hashed: they stay as they are
	if err := enc.Encode(v); err != nil {
		return err
	}
	return give(w, r, cache, "application/json", b.Bytes(), true)
}

// give sends bytes, pressed where the reader takes that and it helps. Hashes are
// not to be pressed.
func give(w http.ResponseWriter, r *http.Request, cache, kind string, body []byte, press bool) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cache)
	h.Add("Vary", "Accept-Encoding")
	if press && takes(r, "gzip") {
		if small := pressed(body); len(small) < len(body) {
			h.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.Write(body) // a reader that went away is no error of ours
	}
	return nil
}
