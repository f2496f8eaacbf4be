-- +goose Up

-- Passkeys: found by an HMAC of what the authenticator calls them, and sealed
-- under the data key of whose they are.
CREATE TABLE passkey (
  shard_id   INTEGER NOT NULL,
  handle     BLOB NOT NULL,     -- random but for its first byte, the shard
  subject_id BLOB NOT NULL,
  tag        BLOB NOT NULL,
  made       INTEGER NOT NULL,
  used       INTEGER NOT NULL,
  sealed     BLOB NOT NULL,
  PRIMARY KEY (shard_id, handle)
) WITHOUT ROWID;
CREATE UNIQUE INDEX passkey_tag ON passkey (shard_id, tag);
CREATE INDEX passkey_subject ON passkey (shard_id, subject_id);
