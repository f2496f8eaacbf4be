-- +goose Up

-- Facts about a person beside their answers: restricted since when, objections. JSON, '' = none.
ALTER TABLE subject ADD COLUMN facts TEXT NOT NULL DEFAULT '';

-- What people demand, and how far it has come.
CREATE TABLE request (
  shard_id   INTEGER NOT NULL,
  n          INTEGER NOT NULL,  -- of the event with which it began
  request_id BLOB NOT NULL,     -- 16 bytes: that event's id
  subject_id BLOB NOT NULL,
  kind       TEXT NOT NULL,
  state      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  due        INTEGER NOT NULL,  -- 0 where there is nothing to answer
  acts       INTEGER NOT NULL,  -- when it goes on by itself; 0 = it waits for somebody
  sealed     BLOB NOT NULL,     -- the rest, under the subject's data key
  PRIMARY KEY (shard_id, n)
) WITHOUT ROWID;
CREATE INDEX request_by_subject ON request (shard_id, subject_id);
CREATE INDEX request_by_time ON request (at, shard_id, n);
CREATE INDEX request_by_act ON request (acts);

-- Downloads that lie ready, in parts, under the subject's data key.
CREATE TABLE download (
  shard_id   INTEGER NOT NULL,
  n          INTEGER NOT NULL,  -- of the request
  part       INTEGER NOT NULL,
  subject_id BLOB NOT NULL,
  sealed     BLOB NOT NULL,
  PRIMARY KEY (shard_id, n, part)
) WITHOUT ROWID;
CREATE INDEX download_by_subject ON download (shard_id, subject_id);

-- Receipts of erasures for those who were erased: found and opened by their
-- ticket alone, which nobody else has.
CREATE TABLE ticket (
  id       BLOB PRIMARY KEY,    -- SHA-256 of the public half of the ticket's key
  shard    INTEGER NOT NULL, -- where its request stands, or stood
  n        INTEGER NOT NULL,
  until    INTEGER NOT NULL,    -- exclusive; 0 while nothing is in it
  sealed   BLOB                 -- to that key; NULL before the erasure
) WITHOUT ROWID;
CREATE INDEX ticket_by_time ON ticket (until);
