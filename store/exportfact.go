package store

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/transfer"
)

// What an export says of a person beside their answers. A parent's permission is
// not in it: it is the parent's word to this installation, and whoever is a child
// goes on without one.

// facts gives what holds for somebody; nil where nothing does.
func (x *export) facts(p *person) (*transfer.Facts, error) {
	f := p.facts
	if f.Permits = nil; f.stored() == "" {
		return nil, nil
	}
	out := &transfer.Facts{Child: f.Child}
	if !f.Grown.IsZero() {
		out.Grown = stamp(f.Grown)
	}
	if !f.Restricted.IsZero() {
		waits, alone, err := x.erasing(p)
		if err != nil {
			return nil, err
		}
		if out.Erasing = waits; !alone {
			out.Restricted, out.Named = stamp(f.Restricted), f.Named
		}
	}
	for id, at := range f.Objected {
		put(&out.Objected, id, stamp(at))
	}
	for _, k := range inOrder(f.Heard) {
		out.Heard = append(out.Heard, transfer.Heard{Purpose: k.Purpose, Recipient: k.Recipient, Since: stamp(f.Heard[k])})
	}
	return out, nil
}

// erasing reports whether an erasure waits that somebody asked for, by this or by
// another of their identifiers, and whether it is all that restricts.
func (x *export) erasing(p *person) (waits, alone bool, err error) {
	const erasures = `SELECT count(*) > 0 FROM request WHERE kind = 'erasure' AND state = 'waiting' AND shard_id = ? AND `
	alone = len(p.facts.By) > 0
	for _, id := range p.facts.By {
		var erasure bool
		if by, none := uuid.Parse(id); none == nil {
			shard, n := whereIs(by)
			if _, err = x.row(erasures+`n = ?`, []any{shard, n}, &erasure); err != nil {
				return false, false, err
			}
		}
		waits, alone = waits || erasure, alone && erasure
	}
	if waits {
		return waits, alone, nil
	}
	_, err = x.row(erasures+`subject_id = ?`, []any{p.id.Shard(), p.id[:]}, &waits)
	return waits, false, err
}

// linked gives all identifiers of a person; none where there is one.
func (x *export) linked(p *person) ([]transfer.Linked, error) {
	others, err := x.others(p)
	if err != nil || len(others) == 0 {
		return nil, err
	}
	var list []transfer.Linked
	for _, o := range append(others, p) {
		list = append(list, transfer.Linked{Subject: o.name, Since: stamp(fromMillis(o.links.Since)), Unsure: o.links.Unsure, Vouched: o.links.Vouched})
	}
	slices.SortFunc(list, func(a, b transfer.Linked) int { return cmp.Compare(a.Subject, b.Subject) })
	return list, nil
}
