package store

import (
	"context"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/policy"
)

// Shown is how often the questions of a version were shown in a language on a day.
type Shown struct {
	Day      string // YYYY-MM-DD, UTC
	Version  policy.VersionID
	Language string
	N        int64
}

// CountShown counts that the questions were shown. It keeps a number a day,
// version and language: no event, no id, no time.
func (db *DB) CountShown(ctx context.Context, version policy.VersionID, language string) error {
	err := db.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO shown (day, version, language, n) VALUES (?, ?, ?, 1)
			ON CONFLICT (day, version, language) DO UPDATE SET n = shown.n + 1`, t.now.Format(time.DateOnly), string(version), language)
	})
	if err != nil {
		return fmt.Errorf("counting what was shown: %w", err)
	}
	return nil
}

// Shown gives the counts, the newest day first.
func (db *DB) Shown(ctx context.Context) ([]Shown, error) {
	rows, err := db.readRows(ctx)(`SELECT day, version, language, n FROM shown ORDER BY day DESC, version, language`)
	if err != nil {
		return nil, fmt.Errorf("reading what was shown: %w", err)
	}
	defer rows.Close()
	var list []Shown
	for rows.Next() {
		var s Shown
		if err := rows.Scan(&s.Day, &s.Version, &s.Language, &s.N); err != nil {
			return nil, fmt.Errorf("reading what was shown: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
