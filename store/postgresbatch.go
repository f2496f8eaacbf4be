package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// postgresWriter writes recordings of its shards, on a connection of its own
// for as long as that holds.
type postgresWriter struct {
	e     *postgresEngine
	queue chan *recording
	conn  *pgxpool.Conn // owned by the goroutine; nil when there is none
}

func (w *postgresWriter) run(ctx context.Context) {
	defer w.release()
	for {
		select {
		case <-w.e.quit:
			return
		case r := <-w.queue:
			w.batch(ctx, gather(r, w.queue))
		}
	}
}

func (w *postgresWriter) release() {
	if w.conn != nil {
		w.conn.Release()
		w.conn = nil
	}
}

// batch writes recordings in one transaction, again where it lost against
// another server. Where one of them spoils it, each is tried alone.
func (w *postgresWriter) batch(ctx context.Context, recs []*recording) {
	var results []error
	var err error
	for try := range retries {
		results, err = w.try(ctx, recs)
		if !again(err) {
			break
		}
		time.Sleep(pause(try))
	}
	if _, spoiled := errors.AsType[spoiler](err); spoiled && len(recs) > 1 {
		for _, r := range recs {
			w.batch(ctx, []*recording{r})
		}
		return
	}
	if postgresTrouble(err) {
		err = unavailable("writing", err)
	}
	w.e.ended(err)
	finish(recs, results, err)
}

func (w *postgresWriter) try(ctx context.Context, recs []*recording) (results []error, err error) {
	if w.conn == nil || w.conn.Conn().IsClosed() {
		w.release()
		if w.conn, err = w.e.pool.Acquire(ctx); err != nil {
			return nil, unavailable("connecting", err)
		}
	}
	release, err := w.e.db.cfg.Ring.Hold(ctx) // until the commit: what is wrapped now is found by whoever changes keys
	if err != nil {
		return nil, err
	}
	defer release()
	defer func() {
		if err != nil {
			w.abandon(ctx)
		}
	}()
	b, err := w.read(ctx, recs)
	if err != nil {
		return nil, unsent(err)
	}
	if results, err = b.foldAll(recs); err != nil {
		return nil, err
	}
	if len(b.events) == 0 {
		w.abandon(ctx)
		return results, nil
	}
	if err := b.sealAll(); err != nil {
		return nil, err
	}
	if err := w.save(ctx, b); err != nil && !again(err) && !postgresTrouble(err) {
		return nil, spoiler{err}
	} else if err != nil {
		return nil, err
	}
	b.keepTexts()
	b.wakeMail()
	w.e.db.changed(b.changes())
	return results, nil
}

// abandon leaves the connection without a transaction, or closes it.
func (w *postgresWriter) abandon(ctx context.Context) {
	if w.conn == nil {
		return
	}
	if c := w.conn.Conn(); !c.IsClosed() && c.PgConn().TxStatus() != 'I' {
		if _, err := c.Exec(ctx, `ROLLBACK`); err != nil {
			c.Close(ctx)
		}
	}
}

// read begins a transaction, locks the shards in their order, and reads what
// the recordings need, in one exchange with the server.
func (w *postgresWriter) read(ctx context.Context, recs []*recording) (*batch, error) {
	db := w.e.db
	b := &batch{db: db, now: db.now(), known: db.known.Load(), last: map[int]int64{},
		people: make(map[string]*person, len(recs)), erased: map[string]bool{}, earlier: map[string]onceRow{}, asked: map[string]int{}}
	b.process = func(v *policy.Version, e consent.Event) (processRow, error) {
		return db.process(db.reads, ctx, v, e) // in a transaction of its own: it is nobody's and stays
	}
	db.placeAll(recs) // the keyring is held
	asked := &pgx.Batch{}
	asked.Queue(`BEGIN`)
	w.lockShards(asked, b, shards(recs))
	var published int64
	asked.Queue(`SELECT coalesce(max(seq), 0) FROM publication`).QueryRow(func(row pgx.Row) error { return row.Scan(&published) })
	w.askPeople(asked, b, recs)
	w.askAsked(asked, b, recs)
	askOnce(asked, b, recs)
	if err := w.conn.SendBatch(ctx, asked).Close(); err != nil {
		return nil, fmt.Errorf("reading subjects: %w", err)
	}
	var err error
	b.known, err = db.follow(ctx, published)
	return b, err
}

// lockShards locks the rows of shards in their order, and reads them.
func (w *postgresWriter) lockShards(asked *pgx.Batch, b *batch, shards []int64) {
	read := func(rows pgx.Rows) error {
		var shard, n int64
		_, err := pgx.ForEachRow(rows, []any{&shard, &n}, func() error { b.last[int(shard)] = n; return nil })
		return err
	}
	if !w.e.citus {
		asked.Queue(`SELECT shard_id, n FROM shard WHERE shard_id = ANY($1::bigint[]) ORDER BY shard_id FOR UPDATE`, shards).Query(read)
		return
	}
	for _, shard := range shards { // each may lie on another machine, and Citus locks on one at a time
		asked.Queue(`SELECT shard_id, n FROM shard WHERE shard_id = $1 FOR UPDATE`, shard).Query(read)
	}
}

func (w *postgresWriter) askPeople(asked *pgx.Batch, b *batch, recs []*recording) {
	shard, shardOf := make(integers, 0, len(recs)), make(integers, 0, len(recs))
	tags, allTags, suppressed := make(blobs, 0, len(recs)), make(blobs, 0, len(recs)), make(blobs, 0, len(recs))
	byTag := make(map[string]*recording, len(recs))
	for _, r := range recs {
		if byTag[r.place.key()] != nil {
			continue
		}
		shard, tags, suppressed = append(shard, int64(r.place.shard)), append(tags, r.place.tag), append(suppressed, w.e.db.suppressionTag(r.id))
		for _, tag := range r.place.tags() {
			byTag[string(tag)] = r
			shardOf, allTags = append(shardOf, int64(r.place.shard)), append(allTags, tag)
		}
	}
	asked.Queue(`SELECT i.tag, `+subjectRow+` FROM unnest($1::bigint[], $2::bytea[]) AS u (shard_id, tag)
		JOIN identifier i ON i.shard_id = u.shard_id AND i.tag = u.tag
		JOIN subject s ON s.shard_id = i.shard_id AND s.subject_id = i.subject_id`, shardOf, allTags).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var tag []byte
			var s scanned
			if err := rows.Scan(append([]any{&tag}, s.into()...)...); err != nil {
				return err
			}
			p, err := s.person()
			if err != nil {
				return err
			}
			r := byTag[string(tag)]
			p.name, p.place = r.id, r.place
			b.people[r.place.key()] = p
		}
		return rows.Err()
	})
	asked.Queue(`SELECT u.i FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS u (shard_id, tag, i)
		JOIN suppression s ON s.shard_id = u.shard_id AND s.tag = u.tag`, shard, suppressed).Query(func(rows pgx.Rows) error {
		var i int64
		_, err := pgx.ForEachRow(rows, []any{&i}, func() error { b.erased[string(tags[i-1])] = true; return nil })
		return err
	})
}

// askAsked counts the mails that asked for a confirmation lately.
func (w *postgresWriter) askAsked(asked *pgx.Batch, b *batch, recs []*recording) {
	var shard []int64
	var address [][]byte
	var keys []string
	for _, r := range recs {
		if w.e.db.asksToConfirm(r.id) {
			shard, address, keys = append(shard, int64(r.place.shard)), append(address, w.e.db.suppressionTag(r.id)), append(keys, r.place.key())
		}
	}
	if keys == nil {
		return
	}
	asked.Queue(`SELECT u.i, count(*) FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS u (shard_id, address, i)
		JOIN mail m ON m.shard_id = u.shard_id AND m.address = u.address AND m.kind = 'confirm' AND m.at > $3 GROUP BY u.i`,
		shard, address, millis(b.now.Add(-askedFor))).Query(func(rows pgx.Rows) error {
		var i, n int64
		_, err := pgx.ForEachRow(rows, []any{&i, &n}, func() error { b.asked[keys[i-1]] = int(n); return nil })
		return err
	})
}

// saveMails writes what waits for a confirmation, and the mails that ask for it:
// a few rows of a batch at most.
func saveMails(asked *pgx.Batch, b *batch) {
	var shard, due []int64
	var id [][]byte
	for p, until := range b.waiting {
		shard, id, due = append(shard, int64(p.id.Shard())), append(id, p.id[:]), append(due, until)
	}
	if len(id) > 0 {
		asked.Queue(`INSERT INTO unconfirmed (shard_id, subject_id, due) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[])
			ON CONFLICT (shard_id, subject_id) DO UPDATE SET due = excluded.due`, shard, id, due)
	}
	for _, m := range b.mails {
		asked.Queue(postgresDialect.sql(insertMail), m.args()...)
	}
}

func askOnce(asked *pgx.Batch, b *batch, recs []*recording) {
	var clients []string
	var tags [][]byte
	for _, r := range recs {
		if r.once != nil {
			clients, tags = append(clients, r.once.client), append(tags, r.once.tag)
		}
	}
	if tags == nil {
		return
	}
	asked.Queue(`SELECT o.client, o.tag, o.request, o.events, o.at FROM unnest($1::text[], $2::bytea[]) AS u (client, tag)
		JOIN once o ON o.client = u.client AND o.tag = u.tag`, clients, tags).Query(func(rows pgx.Rows) error {
		var key onceTags
		var row onceRow
		for rows.Next() {
			var events string
			if err := rows.Scan(&key.client, &key.tag, &row.request, &events, &row.at); err != nil {
				return err
			}
			row.events = []byte(events)
			b.earlier[key.id()] = row
		}
		return rows.Err()
	})
}

// save writes a batch and commits it, in one exchange with the server.
func (w *postgresWriter) save(ctx context.Context, b *batch) error {
	asked := &pgx.Batch{}
	w.savePeople(asked, b)
	saveEvents(asked, b)
	saveMails(asked, b)
	saveOnce(asked, b)
	committed := false
	asked.Queue(`COMMIT`).Exec(func(tag pgconn.CommandTag) error { committed = tag.String() == "COMMIT"; return nil })
	w.conn.Conn().PgConn().Frontend().Send(roomFor(asked))
	err := w.conn.SendBatch(ctx, asked).Close()
	if err == nil && !committed {
		return errLost
	}
	if err == nil || refused(err) {
		return err
	}
	first := b.events[0] // the answer was lost
	w.release()
	return w.e.settle(ctx, err, func(ctx context.Context) (bool, error) { return w.e.written(ctx, first) })
}

// written reports whether an event is in the database; it waits for a
// transaction that is under way on its shard.
func (e *postgresEngine) written(ctx context.Context, a *appended) (is bool, err error) {
	stx, err := e.sql.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer stx.Rollback()
	if _, err := stx.ExecContext(ctx, `SELECT n FROM shard WHERE shard_id = $1 FOR UPDATE`, a.shard); err != nil {
		return false, err
	}
	err = stx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM event WHERE shard_id = $1 AND n = $2 AND event_id = $3)`, a.shard, a.n, a.id[:]).Scan(&is)
	return is, err
}

func (w *postgresWriter) savePeople(asked *pgx.Batch, b *batch) {
	room := len(b.changed)
	shard, seq, at, last := make(integers, 0, room), make(integers, 0, room), make(integers, 0, room), make(integers, 0, room)
	tags, id, data, evidence, name := make(blobs, 0, room), make(blobs, 0, room), make(blobs, 0, room), make(blobs, 0, room), make(blobs, 0, room)
	states := make(blobs, 0, room)
	var endedIn integers
	var ended blobs
	add := func(p *person) {
		shard, id = append(shard, int64(p.id.Shard())), append(id, p.id[:])
		seq, at, last, states = append(seq, p.seq), append(at, p.at), append(last, p.last), append(states, p.stored)
	}
	for _, p := range b.changed {
		if p.suppressed && !onlyWaits(p.states) {
			endedIn, ended = append(endedIn, int64(p.id.Shard())), append(ended, w.e.db.suppressionTag(p.name))
		}
		if !p.fresh {
			continue
		}
		add(p)
		tags, data, evidence, name = append(tags, p.place.tag), append(data, p.wrapped.Data), append(evidence, p.wrapped.Evidence), append(name, p.identifier)
	}
	if len(id) > 0 {
		asked.Queue(`INSERT INTO identifier (shard_id, tag, subject_id) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])`, shard, tags, id)
		asked.Queue(`INSERT INTO subject (shard_id, subject_id, data_key, evidence_key, identifier, seq, at, last, states)
			SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[])`,
			shard, id, data, evidence, name, seq, at, last, states)
	}
	if len(ended) > 0 {
		asked.Queue(`DELETE FROM suppression s USING unnest($1::bigint[], $2::bytea[]) AS u (shard_id, tag) WHERE s.shard_id = u.shard_id AND s.tag = u.tag`, endedIn, ended)
	}
	shard, id, seq, at, last, states = nil, nil, nil, nil, nil, nil // what was queued holds the others
	for _, p := range b.changed {
		if !p.fresh {
			add(p)
		}
	}
	if len(id) > 0 {
		asked.Queue(`UPDATE subject s SET seq = u.seq, at = u.at, last = u.last, states = u.states
			FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) AS u (shard_id, subject_id, seq, at, last, states)
			WHERE s.shard_id = u.shard_id AND s.subject_id = u.subject_id`, shard, id, seq, at, last, states)
	}
}

func saveEvents(asked *pgx.Batch, b *batch) {
	room := len(b.events)
	shard, n, prev, seq, at := make(integers, 0, room), make(integers, 0, room), make(integers, 0, room), make(integers, 0, room), make(integers, 0, room)
	id, who, sealed, entry := make(blobs, 0, room), make(blobs, 0, room), make(blobs, 0, room), make(blobs, 0, room)
	kind, purpose := make(words, 0, room), make(words, 0, room)
	for _, a := range b.events {
		shard, n, prev, seq, at = append(shard, int64(a.shard)), append(n, a.n), append(prev, a.prev), append(seq, a.event.Seq), append(at, millis(a.event.Time))
		id, who, sealed, entry = append(id, a.id[:]), append(who, a.p.id[:]), append(sealed, a.sealed), append(entry, a.entry[:])
		kind, purpose = append(kind, a.kind()), append(purpose, a.event.Purpose)
	}
	asked.Queue(`INSERT INTO event (shard_id, n, event_id, subject_id, prev, seq, kind, purpose, at, sealed)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::bytea[])`,
		shard, n, id, who, prev, seq, kind, purpose, at, sealed)
	asked.Queue(`INSERT INTO ledger_queue (shard_id, n, at, entry) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])`, shard, n, at, entry)
	var last integers
	shard = nil
	for s, v := range b.last {
		shard, last = append(shard, int64(s)), append(last, v)
	}
	asked.Queue(`UPDATE shard s SET n = u.n FROM unnest($1::bigint[], $2::bigint[]) AS u (shard_id, n) WHERE s.shard_id = u.shard_id`, shard, last)
}

func saveOnce(asked *pgx.Batch, b *batch) {
	if len(b.used) == 0 {
		return
	}
	var clients, events []string
	var tags, who, requests [][]byte
	for _, r := range b.used {
		clients, events = append(clients, r.once.client), append(events, string(r.eventIDs()))
		tags, who, requests = append(tags, r.once.tag), append(who, r.appended[0].p.id[:]), append(requests, r.once.request)
	}
	asked.Queue(`DELETE FROM once o USING unnest($1::text[], $2::bytea[]) AS u (client, tag) WHERE o.client = u.client AND o.tag = u.tag AND o.at <= $3`,
		clients, tags, millis(b.now.Add(-onceFor)))
	asked.Queue(`INSERT INTO once (client, tag, subject, request, at, events)
		SELECT u.client, u.tag, u.subject, u.request, $5, u.events FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[], $6::text[]) AS u (client, tag, subject, request, events)`,
		clients, tags, who, requests, millis(b.now), events)
}
