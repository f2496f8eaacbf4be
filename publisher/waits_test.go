package publisher_test

import (
	"context"
	"errors"
	"testing"
)

// Who waits for a snapshot that is being written for somebody else may go: replicas
// that ask again and again do not pile up in a server that is slow to write one.
func TestWhoWaitsForASnapshotMayGo(t *testing.T) {
	w := newWorld(t, "sqlite")
	must(t, w.p.Ready(t.Context()))
	release := w.p.HoldSnapshots()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.p.Snapshot(gone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	_, err := w.p.Snapshot(t.Context())
	must(t, err)
}
