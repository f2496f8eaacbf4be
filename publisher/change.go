package publisher

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/table"
)

// readAtOnce is how many changes are read in one statement.
const readAtOnce = 1000

// changed takes what this server committed, before that is acknowledged. What
// lies between is read. Where that fails the store answers until look has gone well.
func (p *Publisher) changed(list []store.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.now.Load()
	if e == nil || e.broken {
		kick(p.soon)
		return
	}
	p.rule(e)
	for _, c := range list {
		err := errGap
		if !c.Unread {
			err = p.take(e, c)
		}
		if errors.Is(err, errGap) {
			err = p.catchUp(context.Background(), e, c.Shard, c.N)
		}
		if err != nil {
			e.behind()
			kick(p.soon)
			return
		}
	}
	kick(p.wake)
}

// behind has the store answer until the next look goes well.
func (e *epoch) behind() {
	e.misses++
	e.complete = time.Time{}
	e.table.StaleAfter(time.Unix(0, 0))
}

// end has the store answer, and another epoch begin.
func (e *epoch) end() {
	e.broken = true
	e.behind()
}

// kick wakes whoever waits for a channel, if they are not awake already.
func kick(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// reach takes everything up to where the database was seen to be.
func (p *Publisher) reach(ctx context.Context, e *epoch, r store.Reach) error {
	p.rule(e)
	for shard, n := range r.Last {
		if err := p.catchUp(ctx, e, shard, n); err != nil {
			return err
		}
	}
	kick(p.wake)
	return nil
}

// catchUp reads the changes of a shard up to the one numbered n.
func (p *Publisher) catchUp(ctx context.Context, e *epoch, shard int, n int64) error {
	for e.last[shard] < n {
		list, err := p.Store.Changes(ctx, shard, e.last[shard], readAtOnce)
		if errors.Is(err, store.ErrShredded) {
			e.end()
		}
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errGap
		}
		p.rule(e)
		for _, c := range list {
			if err := p.take(e, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// errGap says that changes are missing before one.
var errGap = errors.New("changes are missing")

// take makes one change true in the table, and has its row sent. Changes that
// were taken before are passed over.
func (p *Publisher) take(e *epoch, c store.Change) error {
	switch last := e.last[c.Shard]; {
	case c.N <= last:
		return nil
	case c.N > last+1:
		return errGap
	}
	row := feed.Row(feed.Void{})
	switch {
	case c.Erased != nil && c.Erased.Version != e.version:
		e.end()
		return errBroken
	case c.Erased != nil:
		profile, _ := table.ProfileOf(decision.World{Person: decision.Person{Erased: !c.Erased.Removed}})
		row = feed.Identifier{Tag: c.Erased.Tag, Profile: profile}
	case c.Subject != "":
		profile, times := p.profile(c)
		row = feed.Identifier{Tag: e.table.Tag(c.Subject), Fresh: c.Fresh, Profile: profile, Times: times}
	}
	if i, ok := row.(feed.Identifier); ok {
		e.table.Put(i.Tag, i.Profile, i.Times, i.Fresh)
	}
	e.pending[c.Shard] = append(e.pending[c.Shard], feed.Encode(row))
	e.last[c.Shard] = c.N
	return nil
}

// profile gives what is known of somebody, without the rules.
func (p *Publisher) profile(c store.Change) (table.Profile, []int64) {
	return table.ProfileOf(decision.World{Version: p.Store.Version, Subject: &decision.Subject{Kind: c.Subject.Kind(), States: c.States}, Person: c.Person})
}

// rule makes the policy in force, and what is stopped, true in the table, and has its rows sent.
func (p *Publisher) rule(e *epoch) {
	seq, stops := p.Store.Publications(), p.Store.Stops()
	if seq == e.publications && stops.Seq == e.stops.Seq {
		return
	}
	versions := p.versions()
	e.table.Rule(p.rulesOf(stops))
	for _, row := range rulesRows(versions, e.told, p.state(stops)) {
		e.pending[feed.Rules] = append(e.pending[feed.Rules], feed.Encode(row))
	}
	e.publications, e.told, e.stops = seq, versions, stops
}

// rulesRows gives rows of the versions that are not as they were told, and the state.
func rulesRows(versions, told map[policy.VersionID]*policy.Version, state feed.State) []feed.Row {
	var rows []feed.Row
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		v, had := versions[id], told[id]
		if had == nil || !maps.Equal(v.Meanings, had.Meanings) {
			rows = append(rows, feed.Version{Canonical: v.Canonical, Meanings: v.Meanings})
		}
	}
	return append(rows, state)
}

func (p *Publisher) versions() map[policy.VersionID]*policy.Version {
	all := map[policy.VersionID]*policy.Version{}
	for _, v := range p.Store.Versions() {
		all[v.ID] = v
	}
	return all
}

func (p *Publisher) rulesOf(s store.Stops) table.Rules {
	return table.Rules{Policy: p.Store.InForce(), Version: p.Store.Version, Suspended: s.Suspended(), Forbidden: s.Forbids}
}

func (p *Publisher) state(s store.Stops) feed.State {
	return feed.State{InForce: p.Store.InForce().ID, Suspended: s.Recipients, Forbidden: s.Purposes}
}
