package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// What goes on by itself: erasures whose time to think is over, downloads that
// are asked for or whose time is over, pauses that end. Package fulfil does it.

// DueRequest is a request that goes on now.
type DueRequest struct {
	ID    string
	Kind  request.Kind
	State request.State
}

// DueRequests gives requests that go on by themselves by now, those that wait
// longest first.
func (db *DB) DueRequests(ctx context.Context, limit int) ([]DueRequest, error) {
	rows, err := db.readRows(ctx)(`SELECT request_id, kind, state FROM request WHERE acts > 0 AND acts <= ? ORDER BY acts LIMIT ?`, millis(db.now()), limit)
	if err != nil {
		return nil, fmt.Errorf("looking for requests that are due: %w", err)
	}
	defer rows.Close()
	var out []DueRequest
	for rows.Next() {
		var id []byte
		var d DueRequest
		if err := rows.Scan(&id, &d.Kind, &d.State); err != nil {
			return nil, err
		}
		d.ID = uuid.UUID(id).String()
		out = append(out, d)
	}
	return out, rows.Err()
}

// EraseRequested does an erasure whose time has come, for all of the person's
// identifiers at once: all are erased when it returns, or none. The receipts
// are sealed to the request's ticket. Before its time it is fault.Conflict.
func (db *DB) EraseRequested(ctx context.Context, id string) (Recorded, error) {
	var done []*appended
	err := db.erasing(ctx, func() ([]subject.ID, error) { return db.dueToErase(ctx, id) }, func(t *tx) error {
		done = nil
		if err := t.lockLinked(id); err != nil {
			return err
		}
		p, r, err := t.request(id)
		if err != nil {
			return err
		}
		if r.Kind != request.Erasure || r.State != request.Waiting || t.now.Before(r.Acts) {
			return fault.New(fault.Conflict, "it is not time to erase")
		}
		ids := append([]subject.ID{p.name}, linked(r)...)
		all, err := t.whole(ids)
		if err != nil {
			return err
		}
		if done, err = t.eraseAll(ids, BySubject); err != nil {
			return err
		}
		if err := t.free(all, r.ID); err != nil { // who was linked since it was asked
			return err
		}
		return t.fillTicket(r.Demand.Ticket, done)
	})
	if err != nil {
		return Recorded{}, fmt.Errorf("erasing as requested: %w", err)
	}
	return db.recorded(done), nil
}

// dueToErase gives whom a request is about where it is an erasure whose time has
// come; none else.
func (db *DB) dueToErase(ctx context.Context, id string) ([]subject.ID, error) {
	r, owner, err := db.RequestAny(ctx, id)
	if err != nil || r.Kind != request.Erasure || r.State != request.Waiting || db.now().Before(r.Acts) {
		return nil, err
	}
	return append(linked(r), owner), nil
}

// partSize is how much of a download is sealed as one.
const partSize = 256 << 10

// SaveDownload keeps what a person takes away, sealed under their key until its
// time is over, and ends the request. items is how many receipts are in it.
func (db *DB) SaveDownload(ctx context.Context, id string, data []byte, items int64) (request.Request, error) {
	r, _, err := db.move(ctx, "keeping a download", id, BySubject, func(t *tx, p *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		if r.Kind != request.Portability || r.State != request.Working {
			return r, "", fault.New(fault.Conflict, "no download is being prepared")
		}
		u := uuid.MustParse(r.ID)
		shard, n := whereIs(u)
		for part, rest := int64(0), data; len(rest) > 0; part++ {
			size := min(partSize, len(rest))
			sealed := keyring.Seal(p.keys.Data, downloadContext(p.id, u, part), rest[:size])
			if err := t.exec(`INSERT INTO download (shard_id, n, part, subject_id, sealed) VALUES (?, ?, ?, ?, ?)`, shard, n, part, p.id[:], sealed); err != nil {
				return r, "", err
			}
			rest = rest[size:]
		}
		r = r.Stepped("gathered", items, t.now).Stepped("sealed", 0, t.now)
		r.State, r.Ended, r.Until = request.Done, t.now, t.now.Add(request.DownloadLife)
		r.Acts = r.Until
		return r, receipt.DemandDone, nil
	})
	return r, err
}

func downloadContext(id keyring.SubjectID, requestID uuid.UUID, part int64) []byte {
	return binary.BigEndian.AppendUint64(append(append([]byte("amana/download/v1/"), id[:]...), requestID[:]...), uint64(part))
}

// Download gives what a person takes away. One that is not ready, whose time is
// over or that is somebody else's is fault.Unknown.
func (db *DB) Download(ctx context.Context, id string, owners ...subject.ID) ([]byte, error) {
	r, err := db.Request(ctx, id, owners...)
	if err != nil {
		return nil, err
	}
	if r.Kind != request.Portability || r.State != request.Done || !db.now().Before(r.Until) {
		return nil, errNoRequest
	}
	data, err := db.downloaded(ctx, uuid.MustParse(id))
	if errors.Is(err, keyring.ErrNoKey) {
		data, err = db.downloaded(ctx, uuid.MustParse(id))
	}
	if err != nil {
		return nil, fmt.Errorf("reading a download: %w", err)
	}
	return data, nil
}

func (db *DB) downloaded(ctx context.Context, id uuid.UUID) ([]byte, error) {
	shard, n := whereIs(id)
	p, _, err := db.requestAt(db.reader(ctx), shard, n)
	if err != nil || p == nil {
		return nil, orNone(err, errNoRequest)
	}
	rows, err := db.readRows(ctx)(`SELECT part, sealed FROM download WHERE shard_id = ? AND n = ? ORDER BY part`, shard, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []byte
	for rows.Next() {
		var part int64
		var sealed []byte
		if err := rows.Scan(&part, &sealed); err != nil {
			return nil, err
		}
		plain, err := keyring.Unseal(p.keys.Data, downloadContext(p.id, id, part), sealed)
		if err != nil {
			return nil, err
		}
		out = append(out, plain...)
	}
	return out, rows.Err()
}

// EndDownload deletes a download whose time is over, and what it was sealed to.
func (db *DB) EndDownload(ctx context.Context, id string) error {
	_, _, err := db.move(ctx, "deleting a download", id, BySubject, func(t *tx, _ *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		if r.Kind != request.Portability || r.State != request.Done || t.now.Before(r.Until) {
			return r, "", fault.New(fault.Conflict, "its time is not over")
		}
		shard, n := whereIs(uuid.MustParse(r.ID))
		r.Acts, r.Demand.Seal = time.Time{}, ""
		return r, "", t.exec(`DELETE FROM download WHERE shard_id = ? AND n = ?`, shard, n)
	})
	return err
}
