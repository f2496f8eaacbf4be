//go:build !amd64 && !arm64

package table

import "sync/atomic"

// prefetch has a line fetched, as far as that goes without an instruction for it.
func prefetch(l *line) { atomic.LoadUint64(&l[0]) }
