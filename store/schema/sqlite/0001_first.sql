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
  record       INTEGER NOT NULL  -- its public record
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

-- The sizes at which a checkpoint was signed. The note is written with the next
-- batch; until then it is signed again, to the same bytes.
CREATE TABLE ledger_head (
  size INTEGER PRIMARY KEY,
  at   INTEGER NOT NULL,
  note TEXT
);

-- The newest co-signature of each witness: under which head, and its line.
CREATE TABLE cosignature (
  witness TEXT PRIMARY KEY,     -- its verifier key
  size    INTEGER NOT NULL,     -- of the head
  at      INTEGER NOT NULL,     -- when that head was the newest
  line    TEXT NOT NULL
) WITHOUT ROWID;

-- Records of class public, in clear with their salt.
CREATE TABLE public_record (
  id     INTEGER PRIMARY KEY,
  leaf   INTEGER UNIQUE,        -- NULL until the ledger has it
  salt   BLOB NOT NULL,
  record BLOB NOT NULL
);

-- Texts as they were shown, by their hash; no personal data.
CREATE TABLE process (
  id    INTEGER PRIMARY KEY,
  hash  BLOB NOT NULL UNIQUE,
  value BLOB NOT NULL
);

-- Identifiers are found by a keyed tag of their normal form. Their shard is the
-- first byte of another.
CREATE TABLE identifier (
  shard_id   INTEGER NOT NULL,
  tag        BLOB NOT NULL,     -- HMAC-SHA-256 under the index key
  subject_id BLOB NOT NULL,
  PRIMARY KEY (shard_id, tag)
) WITHOUT ROWID;

-- A subject: its keys, its last event, and what its events come to.
CREATE TABLE subject (
  shard_id     INTEGER NOT NULL,
  subject_id   BLOB NOT NULL,   -- 16 bytes: the shard, 15 random ones
  data_key     BLOB NOT NULL,   -- under the key of the bucket: the first two bytes of subject_id
  evidence_key BLOB NOT NULL,
  identifier   BLOB NOT NULL,   -- sealed under the data key
  seq          INTEGER NOT NULL, -- of its last event, 0 before the first
  at           INTEGER NOT NULL, -- its time
  last         INTEGER NOT NULL, -- its n
  states       TEXT NOT NULL,   -- JSON: the fold of its events
  PRIMARY KEY (shard_id, subject_id)
) WITHOUT ROWID;

-- Everything that happened, gapless within a shard: the history, and what
-- engines and replicas have yet to hear of. Of an erased subject's events the
-- number, the time and the leaf stay, and nothing else.
CREATE TABLE event (
  shard_id   INTEGER NOT NULL,
  n          INTEGER NOT NULL,  -- 1, 2, 3 … within the shard
  event_id   BLOB,              -- 16 bytes, a UUID that holds shard and n
  subject_id BLOB,
  prev       INTEGER NOT NULL,  -- n of the subject's event before, 0 for its first
  seq        INTEGER NOT NULL,  -- 1, 2, 3 … within the subject
  kind       TEXT NOT NULL,
  purpose    TEXT NOT NULL,     -- '' where it is about none
  at         INTEGER NOT NULL,
  leaf       INTEGER,           -- NULL where there is no record
  sealed     BLOB,              -- record and salts, under the subject's data key
  PRIMARY KEY (shard_id, n)
) WITHOUT ROWID;
CREATE INDEX event_by_purpose ON event (purpose, at, shard_id, n);

-- Who was erased, under a key of its own: nothing brings them back.
CREATE TABLE suppression (
  shard_id INTEGER NOT NULL,
  tag      BLOB NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (shard_id, tag)
) WITHOUT ROWID;

-- What is kept of the erased, under their evidence key: records with a basis
-- and an end, found by the receipt's id alone.
CREATE TABLE kept (
  shard_id     INTEGER NOT NULL,
  n            INTEGER NOT NULL,  -- of the event
  record_id    BLOB NOT NULL,     -- 16 bytes: the receipt's id
  subject_id   BLOB NOT NULL,
  data_key     BLOB NOT NULL,     -- wrapped, and no key of anything
  evidence_key BLOB NOT NULL,
  basis        TEXT NOT NULL,     -- a DPV term
  until        INTEGER NOT NULL,  -- exclusive
  sealed       BLOB NOT NULL,     -- under the evidence key
  PRIMARY KEY (shard_id, n)
) WITHOUT ROWID;
CREATE INDEX kept_by_subject ON kept (shard_id, subject_id);
CREATE INDEX kept_by_time ON kept (until);

-- Buckets whose old key has yet to be destroyed.
CREATE TABLE shred (
  bucket INTEGER PRIMARY KEY,
  since  INTEGER NOT NULL,
  n      INTEGER NOT NULL       -- of the last erasure in it
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
