package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// RequestQuery says which requests of everybody are listed.
type RequestQuery struct {
	State  request.State // in that state alone; "" = in any
	Limit  int           // on a page, 1 to MaxHistory; 0 = DefaultHistory
	Cursor string        // Next of the page before; "" = the first page
}

// OwnedRequest is a request and whose it is.
type OwnedRequest struct {
	request.Request
	Owner subject.ID
}

// ListRequests gives a page of everybody's requests, the oldest first, and the
// cursor of the next page; "" where there is none.
func (db *DB) ListRequests(ctx context.Context, q RequestQuery) (list []OwnedRequest, next string, err error) {
	if q.Limit == 0 {
		q.Limit = DefaultHistory
	}
	if q.Limit < 1 || q.Limit > MaxHistory {
		return nil, "", fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", MaxHistory)
	}
	list, next, err = db.listRequests(ctx, q)
	if errors.Is(err, keyring.ErrNoKey) { // a bucket's key was changed between reading and opening
		list, next, err = db.listRequests(ctx, q)
	}
	if err != nil {
		return nil, "", fmt.Errorf("listing requests: %w", err)
	}
	return list, next, nil
}

func (db *DB) listRequests(ctx context.Context, q RequestQuery) (list []OwnedRequest, next string, err error) {
	binding, from := "requests\n"+string(q.State), []int64{-1, -1, -1}
	if q.Cursor != "" {
		if from, err = db.openCursor(q.Cursor, binding, 3); err != nil {
			return nil, "", err
		}
	}
	condition, args := ``, []any{from[0], from[1], from[2]}
	if q.State != "" {
		condition, args = ` AND r.state = ?`, append(args, string(q.State))
	}
	rows, err := db.readRows(ctx)(`SELECT r.shard_id, r.n, `+requestColumns+`, `+subjectRow+` FROM request r
		JOIN subject s ON s.shard_id = r.shard_id AND s.subject_id = r.subject_id
		WHERE (r.at, r.shard_id, r.n) > (?, ?, ?)`+condition+` ORDER BY r.at, r.shard_id, r.n LIMIT ?`, append(args, q.Limit+1)...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	var last []int64
	for rows.Next() {
		var row requestRow
		var s scanned
		var shard, n int64
		if err := rows.Scan(append([]any{&shard, &n}, append(row.into(), s.into()...)...)...); err != nil {
			return nil, "", err
		}
		if len(list) == q.Limit {
			return list, db.cursor(binding, last...), nil
		}
		one, err := db.owned(row, s)
		if err != nil {
			return nil, "", err
		}
		list, last = append(list, one), []int64{row.at, shard, n}
	}
	return list, "", rows.Err()
}

func (db *DB) owned(row requestRow, s scanned) (OwnedRequest, error) {
	p, err := s.person()
	if err == nil {
		err = p.open(db.cfg.Ring)
	}
	if err == nil {
		err = p.nameOf()
	}
	if err != nil {
		return OwnedRequest{}, err
	}
	r, err := row.open(p)
	return OwnedRequest{r, p.name}, err
}
