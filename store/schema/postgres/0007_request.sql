-- +goose Up

-- Facts about a person beside their answers: restricted since when, objections. JSON, '' = none.
ALTER TABLE subject ADD COLUMN facts text NOT NULL DEFAULT '';

-- What people demand, and how far it has come.
CREATE TABLE request (
  shard_id   bigint NOT NULL,
  n          bigint NOT NULL,  -- of the event with which it began
  request_id bytea NOT NULL,     -- 16 bytes: that event's id
  subject_id bytea NOT NULL,
  kind       text NOT NULL,
  state      text NOT NULL,
  at         bigint NOT NULL,
  due        bigint NOT NULL,  -- 0 where there is nothing to answer
  acts       bigint NOT NULL,  -- when it goes on by itself; 0 = it waits for somebody
  sealed     bytea NOT NULL,     -- the rest, under the subject's data key
  PRIMARY KEY (shard_id, n)
);
CREATE INDEX request_by_subject ON request (shard_id, subject_id);
CREATE INDEX request_by_time ON request (at, shard_id, n);
CREATE INDEX request_by_act ON request (acts);

-- Downloads that lie ready, in parts, under the subject's data key.
CREATE TABLE download (
  shard_id   bigint NOT NULL,
  n          bigint NOT NULL,  -- of the request
  part       bigint NOT NULL,
  subject_id bytea NOT NULL,
  sealed     bytea NOT NULL,
  PRIMARY KEY (shard_id, n, part)
);
CREATE INDEX download_by_subject ON download (shard_id, subject_id);

-- Receipts of erasures for those who were erased: found and opened by their
-- ticket alone, which nobody else has.
CREATE TABLE ticket (
  id       bytea PRIMARY KEY,    -- SHA-256 of the public half of the ticket's key
  shard    bigint NOT NULL, -- where its request stands, or stood
  n        bigint NOT NULL,
  until    bigint NOT NULL,    -- exclusive; 0 while nothing is in it
  sealed   bytea                 -- to that key; NULL before the erasure
);
CREATE INDEX ticket_by_time ON ticket (until);
