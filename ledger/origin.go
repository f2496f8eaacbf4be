package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/note"
)

// OriginType is the type of the public record with which a log begins that
// follows another.
const OriginType = "origin"

// Origin is the first record of a log that was begun because the one before was
// lost from some point on: its database was restored from an older copy. It names
// the newest head that is known of the log before, so that nobody can take the new
// log for the whole story. Its entries are those of the log before, from the first on:
// entry i of the one is entry i+1 of the other, as many as were restored.
type Origin struct {
	Type       string   `json:"type"`       // OriginType
	Origin     string   `json:"origin"`     // of the log that begins
	Before     string   `json:"before"`     // origin of the log before
	Keys       []string `json:"keys"`       // its verifier keys, in C2SP signed-note form, oldest first
	Checkpoint string   `json:"checkpoint"` // the newest head known of it, signed by one of them
	Restored   int64    `json:"restored"`   // entries of it that follow here
	Time       string   `json:"time"`       // RFC 3339, UTC, milliseconds
}

// NewOrigin writes the record of a log that begins.
func NewOrigin(origin string, keys []string, checkpoint string, restored int64, at time.Time) (Origin, error) {
	head, _, err := ReadHead(checkpoint)
	if err != nil {
		return Origin{}, err
	}
	o := Origin{OriginType, origin, head.Origin, keys, checkpoint, restored, at.UTC().Format(timeForm)}
	_, err = o.Head()
	return o, err
}

// Head gives the head it names, once everything it says is in order.
func (o Origin) Head() (Checkpoint, error) {
	var keys []note.Verifier
	for _, k := range o.Keys {
		v, err := note.NewVerifier(k)
		if err != nil || v.Name() != o.Before {
			return Checkpoint{}, fmt.Errorf("the log's beginning names what is no key of the log before")
		}
		keys = append(keys, v)
	}
	head, _, err := OpenHead(o.Checkpoint, keys)
	if err != nil {
		return head, fmt.Errorf("the head of the log before: %w", err)
	}
	at, err := time.Parse(timeForm, o.Time)
	switch {
	case o.Type != OriginType || o.Origin == "" || head.Origin != o.Before:
		return head, fmt.Errorf("the record is not that of a log's beginning")
	case o.Origin == o.Before:
		return head, fmt.Errorf("a log that begins has the name of the one before")
	case o.Restored < 0 || o.Restored > maxSize:
		return head, fmt.Errorf("a log begins with as many entries as none can have")
	case err != nil || at.Format(timeForm) != o.Time:
		return head, fmt.Errorf("a log's beginning has no time")
	}
	return head, nil
}

// Record gives the RFC 8785 bytes that the log commits to.
func (o Origin) Record() ([]byte, error) {
	raw, err := json.Marshal(o)
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("writing a log's beginning: %w", err)
	}
	return raw, nil
}

// ParseOrigin reads a record. Only the one spelling that Record writes is read.
func ParseOrigin(record []byte) (o Origin, err error) {
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return o, fmt.Errorf("reading a log's beginning: %w", err)
	}
	if _, err := o.Head(); err != nil {
		return o, err
	}
	if again, err := o.Record(); err != nil || !bytes.Equal(again, record) {
		return o, fmt.Errorf("a log's beginning is not in its one spelling")
	}
	return o, nil
}
