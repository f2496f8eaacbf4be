-- +goose Up

-- Mails that wait to be sent, and of those that were, what their reader may ask
-- about: when, of what kind, where its links lead. Who it went to is a keyed tag.
CREATE TABLE mail (
  shard_id     INTEGER NOT NULL,
  mail_id      BLOB NOT NULL,     -- 16 bytes: the shard, the bucket of its keys, 14 random ones
  address      BLOB NOT NULL,     -- HMAC of the receiving identifier under the suppression key
  kind         TEXT NOT NULL,
  state        TEXT NOT NULL,     -- queued, then one of sent, bounced, given_up, dropped
  at           INTEGER NOT NULL,  -- when it was queued
  due          INTEGER NOT NULL,  -- queued: when it is tried next; else when it ended
  leased       INTEGER NOT NULL,  -- until when somebody is trying it
  tries        INTEGER NOT NULL,
  until        INTEGER NOT NULL,  -- exclusive: later it is given up
  links        TEXT NOT NULL,     -- JSON list of hosts
  digest       BLOB,              -- SHA-256 of what was sent, before its signature
  data_key     BLOB,              -- its own, under the key of the bucket; NULL once it ended
  evidence_key BLOB,              -- likewise, and no key of anything
  sealed       BLOB,              -- the letter, under its own key
  PRIMARY KEY (shard_id, mail_id)
) WITHOUT ROWID;
CREATE INDEX mail_by_address ON mail (shard_id, address, at);
CREATE INDEX mail_by_time ON mail (state, due);

-- Addresses that mail servers said do not exist: nothing is sent there for a while.
CREATE TABLE unreachable (
  shard_id INTEGER NOT NULL,
  address  BLOB NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (shard_id, address)
) WITHOUT ROWID;

-- Subjects of whom a yes waits for its confirmation, and when to look whether
-- there is anything else: an address that nobody confirmed is erased.
CREATE TABLE unconfirmed (
  shard_id   INTEGER NOT NULL,
  subject_id BLOB NOT NULL,
  due        INTEGER NOT NULL,
  PRIMARY KEY (shard_id, subject_id)
) WITHOUT ROWID;
CREATE INDEX unconfirmed_by_time ON unconfirmed (due);
INSERT INTO unconfirmed SELECT shard_id, subject_id, 0 FROM subject WHERE states LIKE '%"w":{%';
