package transfer

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/amana-privacy/amana/sheet"
)

// Writer writes answers as a list that Rows reads back to the same: CSV safe
// for spreadsheets, or lines of JSON. It is not safe for concurrent use.
type Writer struct {
	csv  *sheet.Writer
	json *json.Encoder
	head bool
}

// written are the fields of a written list, in order.
var written = []Field{Subject, Purpose, Recipient, Decision, Time, Confirmed, Topics, Language, Evidence, Source, Frequency}

// NewCSV writes a table to w: UTF-8 with a byte order mark, by which
// spreadsheets show Arabic as it is, and with cells that none of them takes for
// formulas (see sheet.Safe). A comma of 0 is the comma; spreadsheets of some
// countries want the semicolon.
func NewCSV(w io.Writer, comma byte) *Writer {
	return &Writer{csv: sheet.NewWriter(w, sheet.Form{Comma: comma, BOM: true, Safe: true})}
}

// NewJSON writes an object a line to w.
func NewJSON(w io.Writer) *Writer {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &Writer{json: e}
}

// line is a row as JSON has it.
type line struct {
	Subject   string   `json:"subject"`
	Purpose   string   `json:"purpose"`
	Recipient string   `json:"recipient,omitempty"`
	Decision  string   `json:"decision"`
	Time      string   `json:"time,omitempty"`
	Confirmed bool     `json:"confirmed,omitempty"`
	Topics    []string `json:"topics,omitempty"`
	Language  string   `json:"language,omitempty"`
	Evidence  string   `json:"evidence,omitempty"`
	Source    string   `json:"source,omitempty"`
	Frequency string   `json:"frequency,omitempty"`
}

// Write writes an answer.
func (w *Writer) Write(r Row) error {
	c, said := r.Choice, ""
	if !r.Said.IsZero() {
		said = r.Said.UTC().Format(time.RFC3339)
	}
	if w.json != nil {
		return w.json.Encode(line{string(r.Subject), c.Purpose, c.Recipient, string(c.Decision), said, r.Confirmed, c.Topics, r.Language, r.Evidence, r.Source, c.Frequency})
	}
	w.header()
	confirmed := map[bool]string{true: "yes"}[r.Confirmed]
	w.csv.Row(string(r.Subject), c.Purpose, c.Recipient, string(c.Decision), said, confirmed, strings.Join(c.Topics, "|"), r.Language, r.Evidence, r.Source, c.Frequency)
	return nil
}

func (w *Writer) header() {
	if w.head {
		return
	}
	w.head = true
	for _, f := range written {
		w.csv.Cell([]byte(f))
	}
	w.csv.End()
}

// Flush ends the list and gives the first error of writing it. A list of
// nobody has its header.
func (w *Writer) Flush() error {
	if w.csv == nil {
		return nil
	}
	w.header()
	return w.csv.Flush()
}
