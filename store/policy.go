package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gowebpki/jcs"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

// versions are the published policies, newest publication first. It is
// read-only once made.
type versions struct {
	list    []*policy.Version
	byID    map[policy.VersionID]*policy.Version
	seq     int64             // of the last publication
	history []*policy.Version // every time a policy came into force, oldest first, as it was then
}

// publication is the public record of one (design: records of class public).
type publication struct {
	Type        string           `json:"type"` // policy
	Policy      policy.VersionID `json:"policy"`
	Time        string           `json:"time"`
	By          string           `json:"by"`
	SameMeaning []string         `json:"same_meaning"`
}

// Publish puts a policy in force at once and enters it in the ledger by name.
// Purposes in sameMeaning keep the meaning they had, so that answers to them
// stay covered. The version in force already is returned as it is.
func (db *DB) Publish(ctx context.Context, doc *policy.Document, sameMeaning []string, by string) (*policy.Version, error) {
	by = strings.TrimSpace(by)
	if !isName(by) {
		return nil, fault.At(fault.Invalid, "by", "a policy is published by a named person: letters, no control characters, at most %d bytes", maxName)
	}
	sameMeaning = slices.Compact(slices.Sorted(slices.Values(sameMeaning)))
	var made *policy.Version
	err := db.write(ctx, func(t *tx) error {
		if err := t.alone("publication"); err != nil {
			return err
		}
		inForce := t.known.inForce()
		if inForce != nil && inForce.ID == doc.ID && len(sameMeaning) == 0 {
			made = inForce
			return nil
		}
		v, err := t.known.next(doc, sameMeaning)
		if err != nil {
			return err
		}
		v.Published, v.By, v.SameMeaning = t.now, by, sameMeaning
		seq, err := t.publish(v)
		if err != nil {
			return err
		}
		t.known = t.known.with(v, seq)
		made = t.known.inForce()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("publishing the policy: %w", err)
	}
	db.changed(nil)
	return made, nil
}

// maxName bounds the name of whoever publishes, in bytes.
const maxName = 200

// isName holds a name to what may stand in a public record for good.
func isName(s string) bool {
	bad := func(r rune) bool {
		return !unicode.IsPrint(r) && !unicode.Is(unicode.Join_Control, r) || r == utf8.RuneError
	}
	return len(s) <= maxName && strings.ContainsFunc(s, unicode.IsLetter) && !strings.ContainsFunc(s, bad)
}

// next is the version that follows the one in force. A version that was
// published before keeps the meanings it had, but for those declared now.
func (k *versions) next(doc *policy.Document, sameMeaning []string) (*policy.Version, error) {
	inForce, old := k.inForce(), k.byID[doc.ID]
	if old == nil {
		meanings, err := policy.MeaningsAfter(inForce, doc.Policy, sameMeaning)
		if err != nil {
			return nil, fault.At(fault.Invalid, "same_meaning", "%s", err)
		}
		return &policy.Version{ID: doc.ID, Canonical: doc.Canonical, Policy: doc.Policy, Meanings: meanings}, nil
	}
	before := inForce
	if old == inForce { // a declaration after the fact: compared with what was in force before
		before = k.before()
	}
	again := *old
	again.Meanings = maps.Clone(old.Meanings)
	for _, purpose := range sameMeaning {
		if before == nil || before.Meanings[purpose] == "" || again.Meanings[purpose] == "" {
			return nil, fault.At(fault.Invalid, "same_meaning", "purpose %q cannot mean the same as before: it is not in both versions", purpose)
		}
		again.Meanings[purpose] = before.Meanings[purpose]
	}
	return &again, nil
}

// inForce is the policy in force; nil before the first.
func (k *versions) inForce() *policy.Version {
	if len(k.list) == 0 {
		return nil
	}
	return k.list[0]
}

// before is the version that was in force before the one that is; nil if none was.
func (k *versions) before() *policy.Version {
	if len(k.list) < 2 {
		return nil
	}
	return k.list[1]
}

// version finds one by its id; nil if it was never published.
func (k *versions) version(id policy.VersionID) *policy.Version { return k.byID[id] }

// publish writes a publication and gives its number.
func (t *tx) publish(v *policy.Version) (seq int64, err error) {
	meanings, err := json.Marshal(v.Meanings)
	if err != nil {
		return 0, err
	}
	same, err := json.Marshal(append([]string{}, v.SameMeaning...))
	if err != nil {
		return 0, err
	}
	record, err := t.enterPublic(publication{"policy", v.ID, stamp(v.Published), v.By, append([]string{}, v.SameMeaning...)})
	if err != nil {
		return 0, err
	}
	if err := t.exec(`INSERT INTO policy_version (id, canonical) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(v.ID), v.Canonical); err != nil {
		return 0, err
	}
	_, err = t.row(`INSERT INTO publication (version, meanings, at, by_name, same_meaning, record) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq`, []any{string(v.ID), string(meanings), millis(v.Published), v.By, string(same), record}, &seq)
	return seq, err
}

// adopt makes versions known, unless newer ones are.
func (db *DB) adopt(known *versions) {
	for {
		old := db.known.Load()
		if old != nil && old.seq >= known.seq || db.known.CompareAndSwap(old, known) {
			return
		}
	}
}

// follow gives the versions up to a publication that the database was seen to
// have: another server may have made it.
func (db *DB) follow(ctx context.Context, published int64) (*versions, error) {
	if known := db.known.Load(); published <= known.seq {
		return known, nil
	}
	known, err := readVersions(db.readRows(ctx), db.known.Load())
	if err != nil {
		return nil, err
	}
	db.adopt(known)
	return known, nil
}

// enterPublic enters a record of class public, kept in clear with its salt, and
// gives its id.
func (t *tx) enterPublic(record any) (id int64, err error) {
	raw, err := json.Marshal(record)
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		return 0, fmt.Errorf("writing a public record: %w", err)
	}
	salt := ledger.NewSalt()
	t.wrote = true
	if _, err = t.row(`INSERT INTO public_record (salt, record) VALUES (?, ?) RETURNING id`, []any{salt[:], raw}, &id); err != nil {
		return 0, fmt.Errorf("writing a public record: %w", err)
	}
	leaf, err := t.enter(publicShard, id, ledger.EntryOf(salt, raw))
	if err != nil || leaf == nil {
		return id, err
	}
	return id, t.exec(`UPDATE public_record SET leaf = ? WHERE id = ?`, *leaf, id)
}

// publicShard stands where the shard of a record would, for public ones.
const publicShard = -1

// with gives the versions after one more publication. One that is in force
// already took effect when it did; what is declared of it adds up.
func (k *versions) with(v *policy.Version, seq int64) *versions {
	by, more := v.By, v.SameMeaning
	if len(k.list) > 0 && k.list[0].ID == v.ID {
		declared := *v
		declared.Published, declared.By, declared.Declared = k.list[0].Published, k.list[0].By, maps.Clone(k.list[0].Declared)
		v = &declared
	} else {
		fresh := *v
		fresh.Declared = map[string]string{}
		v = &fresh
	}
	for _, purpose := range more {
		v.Declared[purpose] = by
	}
	v.SameMeaning = slices.Sorted(maps.Keys(v.Declared))
	n := &versions{seq: seq, list: []*policy.Version{v}, byID: map[policy.VersionID]*policy.Version{v.ID: v}, history: slices.Clone(k.history)}
	if len(k.list) > 0 && k.list[0].ID == v.ID {
		n.history[len(n.history)-1] = v
	} else {
		n.history = append(n.history, v)
	}
	for _, old := range k.list {
		if old.ID != v.ID {
			n.list, n.byID[old.ID] = append(n.list, old), old
		}
	}
	return n
}

// parsed gives the policy of a version, which one that was read before, here or
// in another reading, has already.
func (k *versions) parsed(before *versions, v *policy.Version) (*policy.Policy, error) {
	for _, had := range []*versions{k, before} {
		if had == nil {
			continue
		}
		if old := had.byID[v.ID]; old != nil && bytes.Equal(old.Canonical, v.Canonical) {
			return old.Policy, nil
		}
	}
	return policy.FromCanonical(v.Canonical)
}

// readVersions reads every publication, oldest first. What was known before is
// not parsed again; nil where nothing was.
func readVersions(query rowsFunc, before *versions) (*versions, error) {
	known := &versions{byID: map[policy.VersionID]*policy.Version{}}
	rows, err := query(`SELECT p.seq, v.id, v.canonical, p.meanings, p.at, p.by_name, p.same_meaning
		FROM publication p JOIN policy_version v ON v.id = p.version ORDER BY p.seq`)
	if err != nil {
		return known, fmt.Errorf("reading the policies: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v policy.Version
		var at, seq int64
		var meanings, same []byte
		if err := rows.Scan(&seq, &v.ID, &v.Canonical, &meanings, &at, &v.By, &same); err != nil {
			return known, fmt.Errorf("reading the policies: %w", err)
		}
		if v.Policy, err = known.parsed(before, &v); err != nil {
			return known, fmt.Errorf("reading policy %s: %w", v.ID, err)
		}
		if err := json.Unmarshal(meanings, &v.Meanings); err != nil {
			return known, fmt.Errorf("reading policy %s: %w", v.ID, err)
		}
		if err := json.Unmarshal(same, &v.SameMeaning); err != nil {
			return known, fmt.Errorf("reading policy %s: %w", v.ID, err)
		}
		v.Published = fromMillis(at)
		known = known.with(&v, seq)
	}
	return known, rows.Err()
}
