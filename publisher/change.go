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
		row = p.row(e, c)
	}
	for _, i := range feed.Identifiers(row) {
		e.table.Put(i.Tag, i.Profile, i.Times, i.Fresh)
	}
	e.note(row)
	e.pending[c.Shard] = append(e.pending[c.Shard], row)
	e.last[c.Shard] = c.N
	return nil
}

// row gives the row of a change: of the identifier, and of all it is linked with,
// for what it says may be heard by each.
func (p *Publisher) row(e *epoch, c store.Change) feed.Row {
	own := p.identifier(e, c)
	if len(c.Linked) == 0 {
		own.Fresh = c.Fresh
		return own
	}
	all := feed.Person{own}
	for i, l := range c.Linked {
		l.Linked = append([]store.Change{c}, slices.Concat(c.Linked[:i], c.Linked[i+1:])...)
		all = append(all, p.identifier(e, l))
	}
	return all
}

func (p *Publisher) identifier(e *epoch, c store.Change) feed.Identifier {
	profile, times := p.profile(c)
	return feed.Identifier{Tag: e.table.Tag(c.Subject), Profile: profile, Times: times}
}

// note keeps what is newest of those who are linked, for the rows that wait to be
// sent: they are told chain by chain, and a row that was made earlier must not
// come behind a later one with what it knew of the others.
func (e *epoch) note(row feed.Row) {
	person, several := row.(feed.Person)
	if several && e.newest == nil {
		e.newest = map[table.Tag]feed.Identifier{}
	}
	for _, i := range person {
		e.newest[i.Tag] = i
	}
	if i, ok := row.(feed.Identifier); ok && e.newest != nil {
		if _, linked := e.newest[i.Tag]; linked {
			e.newest[i.Tag] = i
		}
	}
}

// encode gives a row as it is sent.
func (e *epoch) encode(row feed.Row) []byte {
	switch r := row.(type) {
	case feed.Identifier:
		row = e.now(r)
	case feed.Person:
		now := make(feed.Person, len(r))
		for n, i := range r {
			now[n] = e.now(i)
		}
		row = now
	}
	return feed.Encode(row)
}

// now gives what is newest of an identifier.
func (e *epoch) now(i feed.Identifier) feed.Identifier {
	newest, ok := e.newest[i.Tag]
	if !ok {
		return i
	}
	newest.Fresh = i.Fresh
	return newest
}

// profile gives what is known of somebody, without the rules.
func (p *Publisher) profile(c store.Change) (table.Profile, []int64) {
	w := decision.World{Version: p.Store.Version, Subject: new(voice(c)), Person: c.Person}
	for _, l := range c.Linked {
		w.Linked = append(w.Linked, voice(l))
	}
	return table.ProfileOf(w)
}

func voice(c store.Change) decision.Subject {
	return decision.Subject{Kind: c.Subject.Kind(), States: c.States, Since: c.Since}
}

// rule makes the policy in force, and what is stopped, true in the table, and has its rows sent.
func (p *Publisher) rule(e *epoch) {
	seq, stops := p.Store.Publications(), p.Store.Stops()
	if seq == e.publications && stops.Seq == e.stops.Seq {
		return
	}
	versions := p.versions()
	e.table.Rule(p.rulesOf(stops))
	e.pending[feed.Rules] = append(e.pending[feed.Rules], rulesRows(versions, e.told, p.state(stops))...)
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
