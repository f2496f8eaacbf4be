package store

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
)

// A changed entry, a changed hash above entries and a changed head are told apart, and
// each is named.
func TestTheCheckSaysWhatOfTheLogWasChanged(t *testing.T) {
	each(t, testTheCheckSaysWhatOfTheLogWasChanged)
}

func testTheCheckSaysWhatOfTheLogWasChanged(t *testing.T, w *world) {
	w.sayFrom(0, 290)
	w.settled()
	w.handOver()
	for i := range 3 {
		w.sayFrom(1000+10*i, 3)
		w.settled()
	}
	db := w.beside()
	forger, err := keyring.Open(w.dir + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := forger.LogSignerOf(w.db.LogKey())
	if err != nil {
		t.Fatal(err)
	}
	size := w.db.head.Load().size
	var last int64 // the newest head whose note is written
	if err := db.QueryRow(`SELECT max(size) FROM ledger_head WHERE note IS NOT NULL`).Scan(&last); err != nil || last < 295 {
		t.Fatal(last, err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*plant)
		says  []string
	}{
		{"an entry under a full tile", func(p *plant) { p.entry(100) }, []string{" of the ledger", "another root", "leaf 100 of the ledger is not its record's"}},
		{"an entry behind it", func(p *plant) { p.entry(size - 2) }, []string{" of the ledger", "another root", fmt.Sprintf("leaf %d of the ledger is not its record's", size-2)}},
		{"an entry with the hash above", func(p *plant) { p.entry(100); p.node(p.above()) }, []string{" of the ledger", "another root", "leaf 100 of the ledger is not its record's"}},
		{"a hash above a full tile", func(p *plant) { p.node(tlog.Hash{1}) }, []string{"ledger node 0 of level 1 is not that of its entries"}},
		{"a head", func(p *plant) {
			p.note(last, func(s string) string { return strings.Replace(s, "\n— ", "\nx\n— ", 1) })
		}, []string{fmt.Sprintf("the head of %d entries is not as the log's key signed it", last)}},
		{"a head with another root", func(p *plant) {
			p.note(last, func(string) string { return p.signed(signer, last, tlog.Hash{2}) })
		}, []string{fmt.Sprintf("the head of %d entries is not that of the entries", last), "two histories"}},
		{"a head of another size", func(p *plant) {
			p.note(last, func(string) string { return p.signed(signer, last-1, tlog.Hash{2}) })
		}, []string{fmt.Sprintf("the head of %d entries is not as the log's key signed it", last), "another head"}},
		{"the head of a hand-over", func(p *plant) {
			p.change(`SELECT note FROM handover`, `UPDATE handover SET note = ?`, func(b []byte) []byte { return bytes.Replace(b, []byte("\n— "), []byte("\nx\n— "), 1) })
		}, []string{"entries is not as the log's key signed it"}},
		{"the tip", func(p *plant) {
			if w.dsn != "" {
				p.change(`SELECT root FROM ledger_tip`, `UPDATE ledger_tip SET root = ?`, func(b []byte) []byte { return bytes.Repeat([]byte{3}, len(b)) })
			} else {
				p.node(tlog.Hash{4})
			}
		}, map[bool][]string{true: {"the tip of the ledger is not that of its"}, false: {"ledger node 0 of level 1"}}[w.dsn != ""]},
	} {
		p := &plant{t: t, w: w, db: db}
		c.spoil(p)
		_, err := w.db.Check(t.Context())
		for _, says := range c.says {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		p.mend()
	}
	w.check()
}

// plant changes the log behind the store's back.
type plant struct {
	t     *testing.T
	w     *world
	db    *sql.DB
	mends []func()
}

// change replaces the one value that a query gives.
func (p *plant) change(read, write string, f func([]byte) []byte, args ...any) {
	p.t.Helper()
	var was []byte
	d := p.w.db.d
	err := p.db.QueryRow(d.sql(read), args...).Scan(&was)
	put := func(v []byte) {
		var value any = v
		if strings.Contains(write, "note") {
			value = string(v)
		}
		if _, err := p.db.Exec(d.sql(write), append([]any{value}, args...)...); err != nil {
			p.t.Fatal(err)
		}
	}
	if err != nil {
		p.t.Fatal(err)
	}
	was = bytes.Clone(was)
	p.mends = append(p.mends, func() { put(was) })
	put(f(bytes.Clone(was)))
}

func (p *plant) mend() {
	for _, f := range p.mends {
		f()
	}
}

func (p *plant) entry(leaf int64) {
	p.change(`SELECT entries FROM ledger_entries WHERE n = ?`, `UPDATE ledger_entries SET entries = ? WHERE n = ?`, func(b []byte) []byte {
		b[leaf%perRow*entryLength] ^= 1
		return b
	}, leaf/perRow)
}

func (p *plant) node(h tlog.Hash) {
	p.change(`SELECT hash FROM ledger_node WHERE level = 1 AND n = ?`, `UPDATE ledger_node SET hash = ? WHERE level = 1 AND n = ?`, func([]byte) []byte { return h[:] }, 0)
}

func (p *plant) note(size int64, f func(string) string) {
	p.change(`SELECT note FROM ledger_head WHERE size = ?`, `UPDATE ledger_head SET note = ? WHERE size = ?`, func(b []byte) []byte { return []byte(f(string(b))) }, size)
}

// above gives the hash above the first full tile, as it is now.
func (p *plant) above() tlog.Hash {
	entries, err := readEntries(p.w.db.readRows(p.t.Context()), 0, ledger.Width)
	if err != nil {
		p.t.Fatal(err)
	}
	return ledger.FullRoot(ledger.LeafHashes(nil, entries))
}

func (p *plant) signed(s note.Signer, size int64, root tlog.Hash) string {
	signed, err := ledger.Checkpoint{Origin: p.w.db.origin, Size: size, Root: root}.Sign(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return signed
}

// A log that does not come to what was signed is not gone on with: the next head would
// be of another history.
func TestADamagedLogIsNotSignedAnew(t *testing.T) { each(t, testADamagedLogIsNotSignedAnew) }

func testADamagedLogIsNotSignedAnew(t *testing.T, w *world) {
	w.sayFrom(0, 270)
	w.settled()
	w.sayFrom(500, 3)
	w.settled()
	size := w.db.head.Load().size
	w.db.Close()
	db := w.beside()
	ring, err := keyring.Open(w.dir + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*plant)
		says  string
	}{
		"an entry":            {func(p *plant) { p.entry(size - 8) }, "another root"},
		"a hash above a tile": {func(p *plant) { p.node(tlog.Hash{1}) }, "ledger node 0 of level 1"},
	} {
		p := &plant{t: t, w: w, db: db}
		c.spoil(p)
		if got, err := Open(t.Context(), w.config(ring)); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				got.Close()
			}
		}
		p.mend()
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.check()
}
