package store

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
)

// Tombstones are who was erased and what was stopped, outside the database: so that a
// restore of an older copy brings nobody back and lets nothing go. Subjects stand by their random ids, and by the
// suppression tags of their identifiers. They are lines of text, which are only
// ever added to:
//
//	amana-tombstones-v1 KEYRING
//	e SUBJECT TIME               an erased subject: its id in hexadecimal, Unix milliseconds
//	s SHARD TAG TIME             the suppression entry of an identifier
//	g GENERATION                 whoever was erased before the bucket keys came to it stands above
//	r CHANGE RECIPIENT           was stopped after so many changes of what is, as in a query of a URL
//	p CHANGE PURPOSE             likewise
//	n CHANGE                     nothing else was
//	t TIME                       whoever was erased before then stands above; ends a list that was asked for
//
// So a restore lets no recipient or purpose go that was stopped since either.
type Tombstones struct {
	Keyring    string
	Generation int64 // of the bucket keys; 0 = none is told
	Newest     time.Time
	Until      time.Time // it is known until then who was erased; zero = of nobody but those who stand here
	Ended      bool      // the last line ends something: it was not cut short
	erased     map[keyring.SubjectID]bool
	suppressed []suppressed
	late       map[int64]Stops // what was stopped, by how often that had changed
	whole      int64           // the newest change that is told of to its end
}

type suppressed struct {
	shard int64
	tag   []byte
	at    int64
}

const tombstoneForm = "amana-tombstones-v1 "

// TombstoneHead is the first line of a file of tombstones.
func (db *DB) TombstoneHead() string { return tombstoneForm + db.cfg.Ring.ID() + "\n" }

// TombstoneList gives all lines of a file of tombstones, its first and its last among
// them.
func (db *DB) TombstoneList(ctx context.Context) ([]string, error) {
	until := db.now().Add(-underWay) // who is erased at this moment may not be seen yet
	lines, err := db.TombstoneLines(ctx, time.Time{}, nil)
	if err != nil {
		return nil, err
	}
	return append(append([]string{db.TombstoneHead()}, lines...), fmt.Sprintf("t %d\n", moment(until))), nil
}

// TombstoneLines gives the lines of who was erased from a time on, but for those
// in seen; the last, where it is new, is that of the generation of the bucket keys
// that they are complete for. Where the clock went back behind that time, it is from a
// moment ago on: who is erased now bears the time of now.
func (db *DB) TombstoneLines(ctx context.Context, from time.Time, seen map[string]bool) ([]string, error) {
	if now := db.now().Add(-underWay); from.After(now) {
		from = now
	}
	generation := db.cfg.Ring.BucketGeneration() // looked at first: what comes in between is here and not in it
	fresh := func(lines []string) []string {
		return slices.DeleteFunc(lines, func(line string) bool { return seen[line] })
	}
	all, err := db.erasedSince(ctx, from)
	lines := fresh(all)
	if err == nil && len(lines) > 0 {
		var more []string
		more, err = db.suppressedSince(ctx, from)
		lines = append(fresh(more), lines...) // or whoever stands there after a crash would be taken for told of to the end
	}
	if err != nil {
		return nil, fmt.Errorf("listing who was erased: %w", err)
	}
	stopped, err := db.stoppedNow(ctx)
	if err != nil {
		return nil, err
	}
	return append(lines, fresh(append(stopped, fmt.Sprintf("g %d\n", generation)))...), nil
}

func (db *DB) stoppedNow(ctx context.Context) (lines []string, err error) {
	s, err := readStops(db.reader(ctx))
	if err != nil || s.Seq == 0 {
		return nil, err
	}
	for _, id := range s.Recipients {
		lines = append(lines, fmt.Sprintf("r %d %s\n", s.Seq, url.QueryEscape(id)))
	}
	for _, id := range s.Purposes {
		lines = append(lines, fmt.Sprintf("p %d %s\n", s.Seq, url.QueryEscape(id)))
	}
	return append(lines, fmt.Sprintf("n %d\n", s.Seq)), nil
}

func (db *DB) erasedSince(ctx context.Context, from time.Time) ([]string, error) {
	rows, err := db.readRows(ctx)(`SELECT subject_id, at FROM event WHERE purpose = '' AND at >= ? AND kind = 'subject.erased' ORDER BY at`, max(moment(from), 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id []byte
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("e %x %d\n", id, at))
	}
	return out, rows.Err()
}

func (db *DB) suppressedSince(ctx context.Context, from time.Time) ([]string, error) {
	rows, err := db.readRows(ctx)(`SELECT shard_id, tag, at FROM suppression WHERE at >= ? ORDER BY at`, max(moment(from), 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var shard, at int64
		var tag []byte
		if err := rows.Scan(&shard, &tag, &at); err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("s %d %x %d\n", shard, tag, at))
	}
	return out, rows.Err()
}

// maxTombstone bounds a line, in bytes.
const maxTombstone = 256

// ReadTombstones reads a file of tombstones. A last line that a crash cut short
// is left out; any other line that is none is fault.Invalid.
func ReadTombstones(r io.Reader) (*Tombstones, error) {
	b := bufio.NewReaderSize(r, maxTombstone)
	t := &Tombstones{erased: map[keyring.SubjectID]bool{}, late: map[int64]Stops{}}
	for n := 1; ; n++ {
		raw, err := b.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			if n == 1 {
				return nil, fault.New(fault.Invalid, "these are no tombstones")
			}
			t.Ended = t.Ended && len(raw) == 0
			return t, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fault.New(fault.Invalid, "line %d of the tombstones is too long", n)
		}
		if err != nil {
			return nil, fmt.Errorf("reading tombstones: %w", err)
		}
		line := strings.TrimSuffix(string(raw), "\n")
		if n == 1 {
			id, ok := strings.CutPrefix(line, tombstoneForm)
			if !ok || id == "" {
				return nil, fault.New(fault.Invalid, "these are no tombstones")
			}
			t.Keyring = id
		} else if !t.take(strings.Split(line, " ")) {
			return nil, fault.New(fault.Invalid, "line %d of the tombstones cannot be read", n)
		}
	}
}

func (t *Tombstones) take(words []string) bool {
	t.Ended = strings.Contains("gnt", words[0])
	switch {
	case words[0] == "e" && len(words) == 3:
		id, err1 := hex.DecodeString(words[1])
		at, err2 := strconv.ParseInt(words[2], 10, 64)
		if err1 != nil || err2 != nil || len(id) != len(keyring.SubjectID{}) {
			return false
		}
		t.erased[keyring.SubjectID(id)] = true
		t.seen(at)
		return true
	case words[0] == "s" && len(words) == 4:
		shard, err1 := strconv.ParseInt(words[1], 10, 64)
		tag, err2 := hex.DecodeString(words[2])
		at, err3 := strconv.ParseInt(words[3], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil || shard < 0 || shard >= Shards || len(tag) != 32 {
			return false
		}
		t.suppressed = append(t.suppressed, suppressed{shard, tag, at})
		t.seen(at)
		return true
	case words[0] == "g" && len(words) == 2:
		g, err := strconv.ParseInt(words[1], 10, 64)
		t.Generation = max(t.Generation, g)
		return err == nil
	case words[0] == "t" && len(words) == 2:
		at, err := strconv.ParseInt(words[1], 10, 64)
		if until := fromMillis(at); until.After(t.Until) {
			t.Until = until
		}
		return err == nil
	case len(words) == 3 && (words[0] == "r" || words[0] == "p"), len(words) == 2 && words[0] == "n":
		return t.stopped(words)
	}
	return false
}

func (t *Tombstones) stopped(words []string) bool {
	change, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil || change < 1 {
		return false
	}
	if words[0] == "n" {
		t.whole = max(t.whole, change)
		return true
	}
	id, err := url.QueryUnescape(words[2])
	s := t.late[change]
	if words[0] == "r" {
		s.Recipients = append(s.Recipients, id)
	} else {
		s.Purposes = append(s.Purposes, id)
	}
	t.late[change] = s
	return err == nil && id != ""
}

// stops gives what was stopped at the newest change, and at those after it that a
// crash kept from being told of to their end.
func (t *Tombstones) stops() (s Stops) {
	s.Seq = t.whole
	for change, late := range t.late {
		if change >= t.whole {
			s.Recipients, s.Purposes, s.Seq = append(s.Recipients, late.Recipients...), append(s.Purposes, late.Purposes...), max(s.Seq, change)
		}
	}
	return s
}

func (t *Tombstones) seen(at int64) {
	if when := fromMillis(at); when.After(t.Newest) {
		t.Newest = when
	}
}

// Erased is how many subjects they stand for.
func (t *Tombstones) Erased() int { return len(t.erased) }

// Add takes in others of the same keyring.
func (t *Tombstones) Add(u *Tombstones) error {
	if t.Keyring != u.Keyring {
		return fault.New(fault.Conflict, "the tombstones belong to two keyrings")
	}
	for id := range u.erased {
		t.erased[id] = true
	}
	t.suppressed = append(t.suppressed, u.suppressed...)
	for change, s := range u.late { // the same twice is once: see stops
		late := t.late[change]
		t.late[change] = Stops{Recipients: append(late.Recipients, s.Recipients...), Purposes: append(late.Purposes, s.Purposes...)}
	}
	t.Generation, t.whole = max(t.Generation, u.Generation), max(t.whole, u.whole)
	t.seen(millis(u.Newest))
	if u.Until.After(t.Until) {
		t.Until = u.Until
	}
	return nil
}
