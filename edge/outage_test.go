package edge

import (
	"log/slog"
	"testing"
	"time"
)

func TestAnOutageIsOneWarning(t *testing.T) {
	var o Outage
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		after time.Duration
		want  slog.Level
	}{{0, slog.LevelWarn}, {0, slog.LevelInfo}, {settled, slog.LevelInfo}, {settled, slog.LevelInfo}, {settled + time.Millisecond, slog.LevelWarn}, {time.Second, slog.LevelInfo}} {
		if now = now.Add(c.after); o.Level(now) != c.want {
			t.Errorf("number %d is no %s", i, c.want)
		}
	}
}
