package store

import (
	"context"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/consent"
)

// CountRefusal counts a refusal by a browser that never said yes. It keeps a
// number a day, surface and language: no event, no id, no time.
func (db *DB) CountRefusal(ctx context.Context, surface consent.Surface, language string) error {
	err := db.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO refusal (day, surface, language, n) VALUES (?, ?, ?, 1)
			ON CONFLICT (day, surface, language) DO UPDATE SET n = refusal.n + 1`, t.now.Format(time.DateOnly), string(surface), language)
	})
	if err != nil {
		return fmt.Errorf("counting a refusal: %w", err)
	}
	return nil
}
