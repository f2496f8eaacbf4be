-- +goose Up

-- What this installation is: the id of its keyring, the origin of its log.
CREATE TABLE installation (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Published policies. Canonical bytes are stored, never recomputed.
CREATE TABLE policy_version (
  id        TEXT PRIMARY KEY,   -- sha256:…
  canonical BLOB NOT NULL       -- RFC 8785
) WITHOUT ROWID;

CREATE TABLE publication (
  seq          INTEGER PRIMARY KEY,
  version      TEXT NOT NULL REFERENCES policy_version (id),
  meanings     TEXT NOT NULL,    -- JSON: purpose → meaning id, from this publication on
  at           INTEGER NOT NULL, -- Unix milliseconds, as all times here
  by_name      TEXT NOT NULL,
  same_meaning TEXT NOT NULL,    -- JSON list of purposes
  leaf         INTEGER NOT NULL  -- its public record in the ledger
);

-- The ledger: one commitment per record, and the hashes above full tiles.
CREATE TABLE ledger_entry (
  leaf  INTEGER PRIMARY KEY,    -- 0, 1, 2 …
  entry BLOB NOT NULL           -- 32 bytes
);

CREATE TABLE ledger_node (
  level INTEGER NOT NULL,       -- from 1 on; level 0 are the entries
  n     INTEGER NOT NULL,
  hash  BLOB NOT NULL,
  PRIMARY KEY (level, n)
) WITHOUT ROWID;

-- The sizes at which a checkpoint was signed, one a batch. The note is written
-- with the next batch; until then it is signed again, to the same bytes.
CREATE TABLE ledger_head (
  size INTEGER PRIMARY KEY,
  at   INTEGER NOT NULL,
  note TEXT
);

-- Records of class public, in clear with their salt.
CREATE TABLE public_record (
  leaf   INTEGER PRIMARY KEY,
  salt   BLOB NOT NULL,
  record BLOB NOT NULL
);

-- Texts as they were shown, by their hash; no personal data.
CREATE TABLE process (
  id    INTEGER PRIMARY KEY,
  hash  BLOB NOT NULL UNIQUE,
  value BLOB NOT NULL
);

-- Identifiers are found by a keyed tag of their normal form.
CREATE TABLE identifier (
  tag        BLOB PRIMARY KEY,  -- HMAC-SHA-256 under the index key
  shard_id   INTEGER NOT NULL,
  subject_id BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE subject (
  shard_id     INTEGER NOT NULL,
  subject_id   BLOB NOT NULL,   -- 16 random bytes
  bucket       INTEGER NOT NULL,
  data_key     BLOB NOT NULL,   -- under the bucket's key
  evidence_key BLOB NOT NULL,
  identifier   BLOB NOT NULL,   -- sealed under the data key
  PRIMARY KEY (shard_id, subject_id)
) WITHOUT ROWID;
CREATE INDEX subject_by_bucket ON subject (bucket);

CREATE TABLE event (
  shard_id   INTEGER NOT NULL,
  subject_id BLOB NOT NULL,
  seq        INTEGER NOT NULL,  -- 1, 2, 3 … within the subject
  event_id   BLOB NOT NULL,     -- 16 bytes, a UUID whose first byte is the shard
  at         INTEGER NOT NULL,
  leaf       INTEGER NOT NULL,
  sealed     BLOB NOT NULL,     -- record and salts, under the data key
  PRIMARY KEY (shard_id, subject_id, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX event_by_id ON event (shard_id, event_id);

CREATE TABLE state (
  shard_id   INTEGER NOT NULL,
  subject_id BLOB NOT NULL,
  purpose    TEXT NOT NULL,
  recipient  TEXT NOT NULL,     -- '' for the purpose itself
  status     TEXT NOT NULL,
  state      TEXT NOT NULL,     -- consent.State as JSON
  PRIMARY KEY (shard_id, subject_id, purpose, recipient)
) WITHOUT ROWID;

-- What engines and replicas have yet to hear of, gapless within a shard.
CREATE TABLE outbox (
  shard_id   INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  subject_id BLOB NOT NULL,
  event_id   BLOB NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (shard_id, seq)
) WITHOUT ROWID;

-- Who was erased, under a key of its own: nothing brings them back.
CREATE TABLE suppression (
  tag BLOB PRIMARY KEY,
  at  INTEGER NOT NULL
) WITHOUT ROWID;

-- Buckets whose old key has yet to be destroyed.
CREATE TABLE shred (
  bucket INTEGER PRIMARY KEY,
  since  INTEGER NOT NULL
);

-- An idempotency key and what it did.
CREATE TABLE once (
  client  TEXT NOT NULL,
  tag     BLOB NOT NULL,        -- HMAC of the key
  subject BLOB NOT NULL,        -- whose events they are: erased with them
  request BLOB NOT NULL,        -- HMAC of the request
  at      INTEGER NOT NULL,
  events  TEXT NOT NULL,        -- JSON list of event ids
  PRIMARY KEY (client, tag)
) WITHOUT ROWID;
CREATE INDEX once_by_time ON once (at);
CREATE INDEX once_by_subject ON once (subject);

CREATE TABLE token (
  hash    BLOB PRIMARY KEY,     -- SHA-256 of the secret
  id      TEXT NOT NULL UNIQUE,
  name    TEXT NOT NULL,
  scopes  TEXT NOT NULL,        -- JSON list
  created INTEGER NOT NULL
) WITHOUT ROWID;

-- Refusals of browsers that never said yes: a number a day, and nothing else.
CREATE TABLE refusal (
  day      TEXT NOT NULL,       -- YYYY-MM-DD, UTC
  surface  TEXT NOT NULL,
  language TEXT NOT NULL,
  n        INTEGER NOT NULL,
  PRIMARY KEY (day, surface, language)
) WITHOUT ROWID;
