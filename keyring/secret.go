package keyring

import (
	"context"
	"time"
)

// Versioned is a key with the number it has in the database. Numbers go up by
// one and are never given twice.
type Versioned struct {
	Version int       `json:"version"`
	Key     Key       `json:"key"`
	Made    time.Time `json:"made,omitzero"` // zero where nobody wrote it down
}

// ID names the keyring. A database remembers the one it was made with.
func (r *Ring) ID() string { return r.view.Load().secret.ID }

// Index is the newest key of identifier tags: what is written is tagged by it.
func (r *Ring) Index() Key { return newest(r.view.Load().secret.Index).Key }

// Indexes gives the keys of identifier tags, newest first: while there are two,
// an identifier is looked for by both.
func (r *Ring) Indexes() []Versioned { return newestFirst(r.view.Load().secret.Index) }

// BeginIndex makes a new key of identifier tags beside the old one, durably, and
// gives it. While there are two already it gives the newer: a change that was
// cut short goes on.
func (r *Ring) BeginIndex(ctx context.Context) (Versioned, error) {
	return r.begin(ctx, func(s *secrets) *[]Versioned { return &s.Index })
}

// FinishIndex destroys the keys of identifier tags before a version, durably. What
// is not tagged anew by then is not found any more. Where another change began
// meanwhile it does nothing: that one has tagged nobody yet.
func (r *Ring) FinishIndex(ctx context.Context, version int) error {
	return r.finish(ctx, version, func(s *secrets) *[]Versioned { return &s.Index })
}

// Feed is the newest key of the tags in feeds and snapshots.
func (r *Ring) Feed() Key { return newest(r.view.Load().secret.Feed).Key }

// Feeds gives the keys of the tags in feeds and snapshots, newest first.
func (r *Ring) Feeds() []Versioned { return newestFirst(r.view.Load().secret.Feed) }

// BeginFeed makes a new key of feeds as BeginIndex does.
func (r *Ring) BeginFeed(ctx context.Context) (Versioned, error) {
	return r.begin(ctx, func(s *secrets) *[]Versioned { return &s.Feed })
}

// FinishFeed destroys the keys of feeds before a version as FinishIndex does.
func (r *Ring) FinishFeed(ctx context.Context, version int) error {
	return r.finish(ctx, version, func(s *secrets) *[]Versioned { return &s.Feed })
}

// Suppression is the key of suppression tags. It is never changed: whom a tag stands
// for is erased, so that nobody can tag them anew.
func (r *Ring) Suppression() Key { return newest(r.view.Load().secret.Suppression).Key }

// Shard is the key by which an identifier leads to its shard. It is never
// changed: where rows lie is no secret, only whose they are.
func (r *Ring) Shard() Key { return r.view.Load().secret.Shard }

// Link is the key of short-lived links of one use. Each use has its own: what is
// sealed for one opens for no other.
func (r *Ring) Link(use string) Key {
	return derive(r.view.Load().secret.Link, "amana/link/v1/"+use)
}

func newest(list []Versioned) Versioned { return list[len(list)-1] }

func newestFirst(list []Versioned) []Versioned {
	out := make([]Versioned, 0, len(list))
	for i := range list {
		out = append(out, list[len(list)-1-i])
	}
	return out
}

func (r *Ring) begin(ctx context.Context, of func(*secrets) *[]Versioned) (made Versioned, err error) {
	err = r.change(ctx, func(next *view) (part, error) {
		list := of(&next.secret)
		if made = newest(*list); len(*list) > 1 {
			return partNone, nil
		}
		made = Versioned{made.Version + 1, random(), now()}
		*list = append(*list, made)
		return partRing, nil
	})
	return made, err
}

func (r *Ring) finish(ctx context.Context, version int, of func(*secrets) *[]Versioned) error {
	return r.change(ctx, func(next *view) (part, error) {
		list := of(&next.secret)
		if len(*list) == 1 || newest(*list).Version != version {
			return partNone, nil
		}
		*list = []Versioned{newest(*list)}
		return partRing, nil
	})
}
