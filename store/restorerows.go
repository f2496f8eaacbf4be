package store

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/request"
)

// change makes of a row what it is in the restored database, and says whether it
// is there at all.
func (w *writing) change(form tableForm, values []any) (keep bool, err error) {
	switch form.Name {
	case "installation":
		name, _ := valueOf(form, values, "name").(string)
		if name == stopsName {
			return false, w.stopped(valueOf(form, values, "value")) // see installation
		}
		return !slices.Contains([]string{"origin", "before", restoringMark, "keyring changes"}, name) && (name != taggedName || w.sameIndex), nil
	case "ledger_queue":
		return false, nil // see waiting
	case "ledger_head", "cosignature", "handover":
		return w.begin == nil, nil // what the old log's keys signed
	case "public_record":
		return w.publicRecord(form, values)
	case "subject":
		return w.subject(form, values)
	case "identifier":
		return w.sameIndex && !w.left(valueOf(form, values, "subject_id")), nil
	case "session", "pass", "knock", "passkey": // who was let in then is not let in now, and what was used is not used again
		return false, nil
	case "once":
		return !w.left(valueOf(form, values, "subject")), nil
	case "event":
		return true, w.event(form, values)
	case "request":
		w.thinkAgain(form, values)
		return !w.left(valueOf(form, values, "subject_id")), nil
	case "download":
		return !w.left(valueOf(form, values, "subject_id")), nil
	case "kept":
		return w.kept(form, values)
	case "mail":
		return valueOf(form, values, "state") != string(MailQueued) && !w.leftAddress(form, values), nil // what waited was sent since, or is late
	case "unreachable":
		return !w.leftAddress(form, values), nil
	case "unconfirmed":
		return !w.left(valueOf(form, values, "subject_id")), nil
	}
	return true, nil
}

// left says whether a subject's id is that of one who is left out.
func (w *writing) left(id any) bool {
	raw, ok := id.([]byte)
	return ok && len(raw) == len(keyring.SubjectID{}) && w.gone[keyring.SubjectID(raw)]
}

// leftAddress says whether a row is about the address of one who was erased since.
func (w *writing) leftAddress(form tableForm, values []any) bool {
	address, _ := valueOf(form, values, "address").([]byte)
	since := w.tags
	if w.Tombstones != nil {
		since = append(slices.Clone(since), w.Tombstones.suppressed...)
	}
	return slices.ContainsFunc(since, func(s suppressed) bool { return bytes.Equal(s.tag, address) })
}

// moved sets the leaf of a row: moved with the log, or where it waited the one it
// has by now.
func (w *writing) moved(form tableForm, values []any, shard, n int64) error {
	at := form.index("leaf")
	if at < 0 {
		return damaged("table %s has no leaves", form.Name)
	}
	if leaf, ok := values[at].(int64); ok {
		values[at] = leaf + w.shift
	} else if leaf, ok := w.leaves[[2]int64{shard, n}]; ok {
		values[at] = leaf
	}
	return nil
}

func (w *writing) publicRecord(form tableForm, values []any) (bool, error) {
	id, err := numbers(form, values, "id")
	if err != nil {
		return false, err
	}
	w.record = max(w.record, id[0])
	if raw, _ := valueOf(form, values, "record").([]byte); w.begin != nil && bytes.Contains(raw, []byte(`"type":"`+ledger.HandoverType+`"`)) {
		var kind struct{ Type string }
		if json.Unmarshal(raw, &kind) == nil && kind.Type == ledger.HandoverType {
			return false, nil // of the old log's keys: its entry stays, and says nothing
		}
	}
	return true, w.moved(form, values, publicShard, id[0])
}

func (w *writing) subject(form tableForm, values []any) (bool, error) {
	s, err := subjectIn(form, values)
	if err != nil || w.gone[s.id] {
		return false, err
	}
	var fate fate
	s.keys, fate = w.fateOf(s)
	if fate == wrappedAnew {
		wrapped := w.Ring.Wrap(s.id, s.keys)
		values[form.index("data_key")], values[form.index("evidence_key")] = wrapped.Data, wrapped.Evidence
		w.out.Rewrapped++
	}
	if err := w.unpermit(form, values); err != nil || w.sameIndex {
		return err == nil, err
	}
	return true, w.tagAnew(s)
}

// unpermit takes from the facts of a child the permissions of parents who are left
// out: nobody could take them back.
func (w *writing) unpermit(form tableForm, values []any) error {
	raw, _ := valueOf(form, values, "facts").(string)
	f, err := unmarshalFacts(raw)
	if err != nil {
		return damaged("the facts of a subject cannot be read")
	}
	stand := slices.DeleteFunc(slices.Clone(f.Permits), func(id string) bool {
		of, known := w.permitted[id]
		return !known || w.gone[of]
	})
	if len(stand) < len(f.Permits) {
		f.Permits = stand
		values[form.index("facts")] = f.stored()
	}
	return nil
}

// thinkAgain lets the time to think of an erasure that waits begin again: it may have
// been cancelled since, which nobody knows here.
func (w *writing) thinkAgain(form tableForm, values []any) {
	if valueOf(form, values, "kind") == string(request.Erasure) && valueOf(form, values, "state") == string(request.Waiting) {
		values[form.index("acts")] = millis(w.now().Add(request.ToThink))
	}
}

// stopped reads what was stopped when the backup was made.
func (w *writing) stopped(value any) error {
	raw, _ := value.(string)
	if err := json.Unmarshal([]byte(raw), &w.stops); err != nil {
		return damaged("what was stopped cannot be read")
	}
	return nil
}

// kept sees to what is kept of people who were erased before the backup.
func (w *writing) kept(form tableForm, values []any) (bool, error) {
	until, err := numbers(form, values, "until")
	if err != nil {
		return false, err
	}
	s, err := subjectIn(form, values)
	if err != nil || until[0] <= millis(w.now()) {
		return false, err
	}
	if _, err := w.Ring.Unwrap(s.id, s.wrapped); err == nil {
		return true, nil
	}
	if w.Old == nil {
		w.out.KeptClosed++
		return false, nil
	}
	keys, err := w.Old.Unwrap(s.id, s.wrapped)
	if err != nil {
		w.out.KeptClosed++
		return false, nil
	}
	wrapped := w.Ring.Wrap(s.id, keys)
	values[form.index("data_key")], values[form.index("evidence_key")] = wrapped.Data, wrapped.Evidence
	return true, nil
}

// tagAnew enters a subject's identifier under the index key of today, which is
// another than that of the backup.
func (w *writing) tagAnew(s *person) error {
	if err := s.nameOf(); err != nil {
		return err
	}
	at := w.shell().placeOf(s.name)
	form := w.forms["identifier"]
	values := make([]any, len(form.Columns))
	for name, v := range map[string]any{shardColumn: int64(at.shard), "tag": at.tag, "subject_id": s.id[:]} {
		values[form.index(name)] = v
	}
	return w.to.put(w.ctx, form, values)
}

// event blanks what is somebody's who is left out, as an erasure does.
func (w *writing) event(form tableForm, values []any) error {
	at, err := numbers(form, values, shardColumn, "n")
	if err != nil {
		return err
	}
	w.last[at[0]] = at[1]
	if err := w.moved(form, values, at[0], at[1]); err != nil {
		return err
	}
	if !w.left(valueOf(form, values, "subject_id")) || valueOf(form, values, "kind") == erasedKind {
		return nil
	}
	w.out.Blanked++
	for name, blank := range map[string]any{"event_id": nil, "subject_id": nil, "sealed": nil, "prev": int64(0), "seq": int64(0), "kind": HistoryErased, "purpose": ""} {
		i := form.index(name)
		if i < 0 {
			return damaged("an event has no %s", name)
		}
		values[i] = blank
	}
	return nil
}
