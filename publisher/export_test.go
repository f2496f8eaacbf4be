package publisher

import (
	"context"
	"time"
)

// FromMemory reports whether the table answers.
func (p *Publisher) FromMemory() bool {
	e := p.now.Load()
	return e != nil && !e.table.Stale(time.Now())
}

// Renewed waits until the table is that of the newest key of tags.
func (p *Publisher) Renewed(ctx context.Context) error {
	for {
		e := p.now.Load()
		if broken, _ := p.standing(e); !broken && e.version == p.Ring.Feeds()[0].Version {
			return nil
		}
		if err := p.look(ctx); err != nil {
			return err
		}
	}
}

// HoldNext has the next epoch wait until release.
func (p *Publisher) HoldNext() (release func()) {
	p.beginning.Lock()
	return p.beginning.Unlock
}

// HoldSnapshots has whoever asks for a snapshot wait until release, as while one is
// written.
func (p *Publisher) HoldSnapshots() (release func()) {
	p.snapshots.turn <- struct{}{}
	return func() { <-p.snapshots.turn }
}
