// Package publisher keeps a server's own decision table at what its store says,
// and publishes the same to replicas: rows as they come, a signed head with them
// and at least every feed.Beat, and a snapshot to begin from.
//
// What this server commits is in the table before it is acknowledged. What other
// servers commit to the same database is looked for ten times a second. Until the
// table is filled, and whenever it may be behind, questions are answered by the
// store, which is slower and always right.
//
// A publisher begins an epoch of the feed when it starts, and another when the
// key of the tags is changed: replicas load a snapshot then.
package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/table"
)

// Config is what a publisher needs. Store and Ring are required.
type Config struct {
	Store *store.DB
	Ring  *keyring.Ring
	Dir   string           // where a snapshot lies while it is given out; os.TempDir if ""
	Log   *slog.Logger     // discarded if nil
	Now   func() time.Time // time.Now if nil

	// Keep is how many bytes of rows are kept for replicas that were away; 64 MiB
	// if 0. One that was away for longer loads a snapshot.
	Keep int
}

// How often a database is looked at that others write to as well, and one that
// this server alone writes; and for how long rows are gathered into a batch.
const (
	lookShared = 100 * time.Millisecond
	lookAlone  = time.Second
	gatherFor  = 10 * time.Millisecond
	beat       = feed.Beat * 4 / 5 // sooner than promised, for a busy machine
)

// loggedEvery is how often a head goes into the log, and firstLogged how long after
// the start the first does, so that a server that is restarted often has some there.
const (
	loggedEvery = time.Hour
	firstLogged = 5 * time.Minute
)

// Publisher is a running one. It is safe for concurrent use.
type Publisher struct {
	Config
	now  atomic.Pointer[epoch] // nil until the table was filled
	mu   sync.Mutex            // held by whoever changes an epoch
	wake chan struct{}         // something is to be sent
	soon chan struct{}         // it is to be looked at once
	run  context.Context       // done when it is closed
	stop context.CancelFunc
	done sync.WaitGroup
	base time.Time

	beginning sync.Mutex  // held while an epoch is made
	filling   atomic.Bool // one is made beside the one under way

	signing   sync.Mutex // guards what follows
	verifier  string
	signer    note.Signer
	snapshots snapshots
}

// epoch is a table and the feed of what changes in it. What is not atomic is
// guarded by Publisher.mu.
type epoch struct {
	name    string
	version int         // of the feed key
	tags    keyring.Key // which is gone from the keyring while the next epoch is made
	table   *table.Table

	last         [store.Shards]int64 // event that was taken, of each shard
	publications int64
	stops        store.Stops
	told         map[policy.VersionID]*policy.Version // what rows were written of
	complete     time.Time                            // everything committed before is in the table
	misses       int                                  // how often a change could not be taken when it was told
	broken       bool                                 // it cannot go on: another has to begin

	writer  feed.Writer
	pending [feed.Chains][]feed.Row
	newest  map[table.Tag]feed.Identifier // of who is linked, among what is pending
	sent    log
}

// New starts a publisher. It fills its table in the background; Ready waits for
// that. Close it before the store.
func New(ctx context.Context, c Config) *Publisher {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Keep == 0 {
		c.Keep = 64 << 20
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Publisher{Config: c, wake: make(chan struct{}, 1), soon: make(chan struct{}, 1), run: run, stop: stop, base: time.Now()}
	p.snapshots.turn = make(chan struct{}, 1)
	c.Store.Follow(p.changed)
	p.done.Go(func() { p.follow(run) })
	p.done.Go(func() { p.send(run) })
	p.done.Go(func() { p.turn(run) })
	return p
}

// Close stops publishing: whoever waits for news is told that there will be none.
func (p *Publisher) Close() {
	p.Store.Follow(nil)
	p.stop()
	p.done.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.now.Load(); e != nil {
		e.end()
		e.sent.close()
	}
	p.now.Store(nil)
}

// Ready waits until questions are answered from the table.
func (p *Publisher) Ready(ctx context.Context) error {
	for p.now.Load() == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// every is how often the database is looked at.
func (p *Publisher) every() time.Duration {
	if p.Store.Alone() {
		return lookAlone
	}
	return lookShared
}

// follow fills the table, and then looks again and again whether it is at what
// the database says.
func (p *Publisher) follow(ctx context.Context) {
	tick := time.NewTicker(p.every())
	defer tick.Stop()
	said := ""
	logged := p.Now().Add(firstLogged - loggedEvery)
	for {
		err := p.look(ctx)
		if now := p.Now(); err == nil && now.Sub(logged) >= loggedEvery {
			var entered bool
			if entered, err = p.enterHead(ctx); entered {
				logged = now // not a later time: an hour may pass while it is entered
			}
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != said {
			p.Log.Error("decisions could not be kept in memory; the database answers", "error", err)
		}
		said = fmt.Sprint(err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.soon:
		}
	}
}

// look brings the table to what the database says, or fills another.
func (p *Publisher) look(ctx context.Context) error {
	if err := p.Ring.Look(); err != nil {
		return err
	}
	start := time.Now()
	e := p.now.Load()
	broken, misses := p.standing(e)
	if broken {
		return p.begin(ctx)
	}
	if e.version != p.Ring.Feeds()[0].Version && p.filling.CompareAndSwap(false, true) {
		p.done.Go(func() { // this one goes on until the other is there
			defer p.filling.Store(false)
			if err := p.begin(ctx); err != nil && ctx.Err() == nil {
				p.Log.Error("the feed could not begin anew under its new key", "error", err)
			}
		})
	}
	reach, err := p.Store.Reach(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.broken {
		return nil // another begins at the next look
	}
	if err := p.reach(ctx, e, reach); err != nil {
		return err
	}
	if e.misses == misses { // else one may have come after it was looked
		e.complete = start
		e.table.StaleAfter(start.Add(feed.Bound))
	}
	return nil
}

// standing says whether another epoch has to begin, and how often a change was missed.
func (p *Publisher) standing(e *epoch) (broken bool, misses int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e == nil {
		return true, 0
	}
	return e.broken, e.misses
}

// begin fills a table and begins an epoch with it, unless one of the newest key is
// there already.
func (p *Publisher) begin(ctx context.Context) error {
	p.beginning.Lock()
	defer p.beginning.Unlock()
	key := p.Ring.Feeds()[0]
	if now := p.now.Load(); now != nil && now.version == key.Version {
		if broken, _ := p.standing(now); !broken {
			return nil
		}
	}
	e := &epoch{name: feed.Epoch(key.Version, key.Key, p.Ring.Suppression()), version: key.Version, tags: key.Key}
	start := time.Now()
	reach, err := p.Store.Reach(ctx)
	if err != nil {
		return err
	}
	if p.Store.InForce() == nil {
		return nil // nothing is answered before the first policy
	}
	if err := p.fill(ctx, e, table.KeyFrom(key.Key)); err != nil {
		return err
	}
	e.last = reach.Last
	var rows [feed.Chains]uint64
	for shard, n := range reach.Last {
		rows[shard] = uint64(n)
	}
	rows[feed.Rules] = 2*uint64(e.publications) + uint64(e.stops.Seq) // a version and a state each, and a state
	e.writer = feed.Writer{Origin: p.origin(), Epoch: e.name, At: feed.BeginAt(p.origin(), e.name, rows)}
	e.sent.open(p.Keep)
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := time.Now() // what others commit while it is read comes with the next look
	if reach, err = p.Store.Reach(ctx); err == nil {
		err = p.reach(ctx, e, reach)
	}
	if err != nil {
		return err
	}
	e.complete = start
	e.table.StaleAfter(seen.Add(feed.Bound))
	if before := p.now.Swap(e); before != nil {
		before.sent.close()
	}
	return p.cut(e)
}

// fill makes the table of an epoch.
func (p *Publisher) fill(ctx context.Context, e *epoch, key table.Key) error {
	count, err := p.Store.People(ctx)
	if err != nil {
		return err
	}
	e.table = table.New(key, table.Rules{}, p.Now())
	e.publications, e.told, e.stops = p.Store.Publications(), p.versions(), p.Store.Stops()
	loader := e.table.Loader(count, p.rulesOf(e.stops), p.Now())
	err = p.Store.Everybody(ctx, func(list []store.Change) error {
		for _, c := range list {
			profile, times := p.profile(c)
			loader.Add(key.Tag(c.Subject), loader.Shape(profile), times)
		}
		return nil
	})
	if err != nil {
		return err
	}
	erased, err := p.Store.Suppressed(ctx)
	if err != nil {
		return err
	}
	set := make(map[table.Tag]struct{}, len(erased))
	for _, tag := range erased {
		set[tag] = struct{}{}
	}
	loader.Swap()
	e.table.Suppress(p.Ring.Suppression(), set)
	return nil
}

// turn notes the yeses that have ended.
func (p *Publisher) turn(ctx context.Context) {
	for {
		wait := time.Second
		if e := p.now.Load(); e != nil {
			wait = min(wait, max(time.Millisecond, e.table.Turn(p.Now()).Sub(p.Now())))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// stamp gives the time that stands in what is signed: it goes on evenly, whatever
// is done to the clock of the machine.
func (p *Publisher) stamp(t time.Time) time.Time { return p.base.Add(t.Sub(p.base)) }

// origin names the feed: as the log, whose key signs it.
func (p *Publisher) origin() string { return p.Store.Origin() }

// sign gives the signer of the log's key that is in force.
func (p *Publisher) sign() (note.Signer, error) {
	key := p.Store.LogKey()
	p.signing.Lock()
	defer p.signing.Unlock()
	if key != p.verifier {
		signer, err := p.Ring.LogSignerOf(key)
		if err != nil {
			return nil, err
		}
		p.verifier, p.signer = key, signer
	}
	return p.signer, nil
}

// enterHead enters the newest head into the log, if there is one yet.
func (p *Publisher) enterHead(ctx context.Context) (entered bool, err error) {
	e := p.now.Load()
	if e == nil {
		return false, nil
	}
	head, _ := e.sent.newest()
	if head == nil {
		return false, nil
	}
	err = p.Store.EnterFeedHead(ctx, head)
	return err == nil, err
}

// errBroken says that an epoch cannot go on.
var errBroken = errors.New("the feed has to begin anew")
