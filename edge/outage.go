package edge

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// settled is how long nobody was told to come again when an outage is over.
const settled = time.Minute

// Outage is a time in which requests are told to come again (503), for the load
// that they are, or because the database is away. It is one warning in a log, and no
// error of each request: nothing is to be mended here. It is safe for concurrent use.
type Outage struct{ last atomic.Int64 }

// Level gives the level of the line of one more: a warning for the first.
func (o *Outage) Level(now time.Time) slog.Level {
	before := o.last.Swap(now.UnixMilli())
	if before == 0 || now.Sub(time.UnixMilli(before)) > settled {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
