package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// MaxReceipts is how many receipts of one subject are given at once, at most.
const MaxReceipts = 1000

// ReceiptsOf gives receipts of a subject, oldest first: at most limit of them (0 =
// MaxReceipts), those after the ones that cursor came with. Where there are more,
// next is the cursor of the next. None where nobody is known by the identifier.
func (db *DB) ReceiptsOf(ctx context.Context, id subject.ID, limit int, cursor string) (list []receipt.Receipt, next string, err error) {
	if limit == 0 {
		limit = MaxReceipts
	}
	return receiptPage(limit, func() ([]receipt.Receipt, string, error) { return db.receiptsOf(ctx, id, limit, cursor) })
}

// receiptPage reads a page of at most limit receipts.
func receiptPage(limit int, read func() ([]receipt.Receipt, string, error)) (list []receipt.Receipt, next string, err error) {
	if limit < 1 || limit > MaxReceipts {
		return nil, "", fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", MaxReceipts)
	}
	list, next, err = read()
	if errors.Is(err, keyring.ErrNoKey) { // a bucket's key was changed between reading and opening
		list, next, err = read()
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading receipts: %w", err)
	}
	return list, next, nil
}

func (db *DB) receiptsOf(ctx context.Context, id subject.ID, limit int, cursor string) (list []receipt.Receipt, next string, err error) {
	p, err := db.lookup(db.reader(ctx), id)
	if err != nil || p == nil {
		return nil, "", err
	}
	binding, after := fmt.Sprintf("receipts\n%x", p.id[:]), []int64{0}
	if cursor != "" {
		if after, err = db.openCursor(cursor, binding, 1); err != nil {
			return nil, "", err
		}
	}
	rows, err := db.walk(ctx, p, true, after[0], limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = db.cursor(binding, rows[limit-1].seq)
	}
	for _, r := range rows {
		if r.sealed == nil {
			continue
		}
		one, err := db.receiptOf(ctx, p, storedEvent{r.id, r.sealed, r.leaf})
		if err != nil {
			return nil, "", err
		}
		list = append(list, one)
	}
	return list, next, nil
}
