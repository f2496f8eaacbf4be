package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// NewestReceipts gives receipts of all of a person's identifiers together, the
// newest first: at most limit, those before the ones that cursor came with.
// Where there are more, next is the cursor of the next.
func (db *DB) NewestReceipts(ctx context.Context, limit int, cursor string, ids ...subject.ID) (list []receipt.Receipt, next string, err error) {
	return receiptPage(limit, func() ([]receipt.Receipt, string, error) { return db.newestReceipts(ctx, limit, cursor, ids) })
}

// chained is a row of one of several people's chains.
type chained struct {
	historyRow
	of int // the person's place
}

func (db *DB) newestReceipts(ctx context.Context, limit int, cursor string, ids []subject.ID) (list []receipt.Receipt, next string, err error) {
	people, err := db.knownOf(ctx, ids)
	if err != nil || len(people) == 0 {
		return nil, "", err
	}
	binding := "newest receipts"
	from := make([]int64, len(people)) // of each: the n to begin at, 0 = its last, -1 = it is at its end
	for _, p := range people {
		binding += fmt.Sprintf("\n%x", p.id[:])
	}
	if cursor != "" {
		if from, err = db.openCursor(cursor, binding, len(people)); err != nil {
			return nil, "", err
		}
	}
	var all []chained
	for i, p := range people {
		if from[i] < 0 || p.last == 0 {
			continue
		}
		rows, err := db.walk(ctx, p, false, from[i], limit+1)
		if err != nil {
			return nil, "", err
		}
		for _, r := range rows {
			all = append(all, chained{r, i})
		}
	}
	slices.SortStableFunc(all, func(a, b chained) int {
		return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(a.of, b.of), cmp.Compare(b.seq, a.seq))
	})
	more := len(all) > limit
	for _, r := range all[:min(limit, len(all))] {
		if from[r.of] = r.prev; r.prev == 0 {
			from[r.of] = -1
		}
		one, err := db.receiptOf(ctx, people[r.of], storedEvent{r.id, r.sealed, r.leaf})
		if err != nil {
			return nil, "", err
		}
		list = append(list, one)
	}
	if more {
		next = db.cursor(binding, from...)
	}
	return list, next, nil
}
