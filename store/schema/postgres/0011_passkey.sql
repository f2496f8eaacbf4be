-- +goose Up

-- Passkeys: found by an HMAC of what the authenticator calls them, and sealed
-- under the data key of whose they are.
CREATE TABLE passkey (
  shard_id   bigint NOT NULL,
  handle     bytea NOT NULL,    -- random but for its first byte, the shard
  subject_id bytea NOT NULL,
  tag        bytea NOT NULL,
  made       bigint NOT NULL,
  used       bigint NOT NULL,
  sealed     bytea NOT NULL,
  PRIMARY KEY (shard_id, handle)
);
CREATE UNIQUE INDEX passkey_tag ON passkey (shard_id, tag);
CREATE INDEX passkey_subject ON passkey (shard_id, subject_id);
