package web

import (
	"bytes"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
)

// A policy is longer than a page should be. It is shown on leaves: each holds as
// many whole blocks as fit, in their order, and is found by any block on it, at
// /policy/at/{block}, which is the same block in every language.

// leafBytes is how much of a policy stands on one leaf, before pressing. With
// what stands around it a page stays under 30 kB.
const leafBytes = 21_000

// block is what is never divided: a purpose, or a section of the full text.
type block struct {
	ID, Title string
	Group     string // asked, stated or full
	Opens     bool   // its group's heading stands before it
	N         int    // of a section, from 0
	Purpose   *notice.Purpose
	Section   *notice.Section
}

// leaf is a page of a policy.
type leaf []block

// leaves divides a notice.
func (f *face) leaves(n *notice.Notice) ([]leaf, error) {
	var list []leaf
	size, room := 0, 0
	for _, group := range groupsOf(n) {
		sizes, whole, err := f.weigh(group)
		if err != nil {
			return nil, err
		}
		fresh := len(list) == 0 || group[0].Group == "full" || size+whole > room
		for i, b := range group {
			if fresh || size+sizes[i] > room {
				list, size, room, b.Opens = append(list, nil), 0, leafBytes, true
			}
			b.Opens, fresh = b.Opens || i == 0, false
			list[len(list)-1] = append(list[len(list)-1], b)
			size += sizes[i]
		}
	}
	return list, nil
}

// weigh gives the bytes of each block, and of them all.
func (f *face) weigh(group []block) (sizes []int, whole int, err error) {
	for _, b := range group {
		var out bytes.Buffer
		if err := f.pages.lookup("policy").ExecuteTemplate(&out, "block", b); err != nil {
			return nil, 0, err
		}
		sizes, whole = append(sizes, out.Len()), whole+out.Len()
	}
	return sizes, whole, nil
}

// groupsOf gives the blocks of a notice: what is asked, what is not, the full text.
func groupsOf(n *notice.Notice) (groups [][]block) {
	purposes := func(name string, list []notice.Purpose) {
		var group []block
		for i, p := range list {
			group = append(group, block{ID: "p-" + p.ID, Title: p.Title, Group: name, Purpose: &list[i]})
		}
		groups = append(groups, group)
	}
	purposes("asked", n.Asked)
	purposes("stated", n.Stated)
	var full []block
	for i, s := range n.Sections {
		full = append(full, block{ID: s.ID, Title: s.Title, Group: "full", N: i, Section: &n.Sections[i]})
	}
	return slices.DeleteFunc(append(groups, full), func(g []block) bool { return len(g) == 0 })
}

// policyAt shows the leaf that a block is on; "" is the first.
func (s *site) policyAt(v *visit, p *policy.Version, at, id string) error {
	d, err := v.divided(p)
	if err != nil {
		return err
	}
	i := d.on(id)
	if i < 0 {
		return fault.New(fault.Unknown, "no such part of the policy")
	}
	return v.same("policy "+at+" "+string(p.ID)+" "+d.first(i), 200, shortly, "policy", func() any { return v.leafPage(d, p, at, i) })
}

// divided is a version's notice on its leaves.
type divided struct {
	*notice.Notice
	leaves []leaf
}

// divided is made once for each version that is asked for.
func (f *face) divided(p *policy.Version) (*divided, error) {
	if kept, ok := f.cut.Load(p.ID); ok {
		return kept.(*divided), nil
	}
	d := &divided{Notice: f.notice}
	if p.ID != f.version.ID {
		d.Notice = notice.Of(p, f.Words)
	}
	var err error
	if d.leaves, err = f.leaves(d.Notice); err != nil {
		return nil, err
	}
	kept, _ := f.cut.LoadOrStore(p.ID, d)
	return kept.(*divided), nil
}

// on gives the leaf with a block, -1 where none has it.
func (d *divided) on(id string) int {
	if id == "" {
		return 0
	}
	return slices.IndexFunc(d.leaves, func(l leaf) bool {
		return slices.ContainsFunc(l, func(b block) bool { return b.ID == id })
	})
}

// first names a leaf by its first block.
func (d *divided) first(i int) string { return d.leaves[i][0].ID }

// address gives where a leaf is, below the address of its policy.
func (d *divided) address(at string, i int) string {
	if i == 0 {
		return at
	}
	return at + "/at/" + d.first(i)
}

// place gives the address of a block.
func (d *divided) place(at, id string) string { return d.address(at, d.on(id)) + "#" + id }

// toBlock gives the address of a block of the policy in force; where it has
// none, that of the policy.
func (f *face) toBlock(id string) string {
	d, err := f.divided(f.version)
	if err != nil || d.on(id) < 0 {
		return f.path("/policy")
	}
	return d.place(f.path("/policy"), id)
}

// leafPage puts a leaf of a version at an address below the language.
func (v *visit) leafPage(d *divided, p *policy.Version, at string, i int) policyPage {
	page := policyPage{base: v.at(v.ed, d.address(at, i), v.T("policy.title")), Version: p.ID, From: p.Published, Past: p.ID != v.version.ID,
		Leaf: d.leaves[i], First: i == 0, All: len(d.leaves), Number: i + 1}
	if page.Past {
		page.Title = v.T("policy.title.past", "date", p.Published)
	}
	for n := range page.Nav {
		page.Nav[n].Here = at == "/policy" && page.Nav[n].Href == v.path(at)
	}
	turn := func(n int, name string) {
		if n >= 0 && n < len(d.leaves) {
			page.Turns = append(page.Turns, link{Href: v.path(d.address(at, n)), Name: name})
		}
	}
	turn(i-1, v.T("policy.before"))
	turn(i+1, v.T("policy.next"))
	for _, s := range d.Sections {
		page.Parts = append(page.Parts, link{Href: strings.TrimPrefix(v.path(d.place(at, s.ID)), v.path(d.address(at, i))+"#"), Name: s.Title})
	}
	for n, part := range page.Parts {
		if !strings.HasPrefix(part.Href, "/") {
			page.Parts[n].Href = "#" + part.Href
		}
	}
	return page
}
