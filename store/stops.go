package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
)

// Stops is what keeps data from being used besides what people say: recipients that
// are not in good standing, and purposes that a law forbids. It holds for everybody,
// at once. Its lists are sorted, and only read.
type Stops struct {
	Seq        int64    `json:"seq"` // how often it was changed
	Recipients []string `json:"recipients,omitempty"`
	Purposes   []string `json:"purposes,omitempty"`
}

// stopsName is under which name the database keeps it.
const stopsName = "stops"

// Stops gives what is known here.
func (db *DB) Stops() Stops { return *db.stops.Load() }

// Stop makes these recipients and purposes the ones that are stopped, in the place of
// those that were. When it returns it is durable, and this server's own decisions
// follow it; those of other servers and of replicas do within a second.
func (db *DB) Stop(ctx context.Context, recipients, purposes []string) error {
	err := db.write(ctx, func(t *tx) error {
		// Whoever else changes it waits here.
		if err := t.exec(`INSERT INTO installation (name, value) VALUES (?, '{}') ON CONFLICT (name) DO UPDATE SET value = installation.value`, stopsName); err != nil {
			return err
		}
		before, err := readStops(t.row)
		if err != nil {
			return err
		}
		next := Stops{before.Seq + 1, sortedSet(recipients), sortedSet(purposes)}
		raw, err := json.Marshal(next)
		if err != nil {
			return err
		}
		t.after = append(t.after, func() {
			db.stop(next)
			db.changed(nil)
		})
		return t.exec(`UPDATE installation SET value = ? WHERE name = ?`, string(raw), stopsName)
	})
	if err != nil {
		return fmt.Errorf("writing what is stopped: %w", err)
	}
	return nil
}

func sortedSet(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// stop makes what was read or written known here, unless later is.
func (db *DB) stop(s Stops) {
	for old := db.stops.Load(); s.Seq > old.Seq; old = db.stops.Load() {
		if db.stops.CompareAndSwap(old, &s) {
			return
		}
	}
}

// stopsNow makes what is stopped by now known here.
func (db *DB) stopsNow(ctx context.Context) error {
	s, err := readStops(db.reader(ctx))
	if err == nil {
		db.stop(s)
	}
	return err
}

func readStops(row func(query string, args []any, into ...any) (bool, error)) (s Stops, err error) {
	var raw string
	found, err := row(`SELECT value FROM installation WHERE name = ?`, []any{stopsName}, &raw)
	if err == nil && found {
		err = json.Unmarshal([]byte(raw), &s)
	}
	if err != nil {
		return s, fmt.Errorf("reading what is stopped: %w", err)
	}
	return s, nil
}

// world is what questions are answered by, without whom they are about.
func (db *DB) world(v *policy.Version) decision.World {
	s := db.stops.Load()
	w := decision.World{Policy: v, Version: db.Version}
	if s.Seq > 0 {
		w.Suspended, w.Forbidden = s.Suspended(), s.Forbids
	}
	return w
}

// Suspended gives the recipients as the rules take them.
func (s Stops) Suspended() map[string]bool {
	all := map[string]bool{}
	for _, id := range s.Recipients {
		all[id] = true
	}
	return all
}

// Forbids says whether a law forbids a purpose.
func (s Stops) Forbids(purpose string, _ policy.Purpose) bool {
	_, found := slices.BinarySearch(s.Purposes, purpose)
	return found
}
