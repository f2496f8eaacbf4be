-- +goose Up

-- Mails that wait to be sent, and of those that were, what their reader may ask
-- about: when, of what kind, where its links lead. Who it went to is a keyed tag.
CREATE TABLE mail (
  shard_id     bigint NOT NULL,
  mail_id      bytea NOT NULL,     -- 16 bytes: the shard, the bucket of its keys, 14 random ones
  address      bytea NOT NULL,     -- HMAC of the receiving identifier under the suppression key
  kind         text NOT NULL,
  state        text NOT NULL,     -- queued, then one of sent, bounced, given_up, dropped
  at           bigint NOT NULL,   -- when it was queued
  due          bigint NOT NULL,   -- queued: when it is tried next; else when it ended
  leased       bigint NOT NULL,   -- until when somebody is trying it
  tries        bigint NOT NULL,
  until        bigint NOT NULL,   -- exclusive: later it is given up
  links        text NOT NULL,     -- JSON list of hosts
  digest       bytea,             -- SHA-256 of what was sent, before its signature
  data_key     bytea,             -- its own, under the key of the bucket; NULL once it ended
  evidence_key bytea,             -- likewise, and no key of anything
  sealed       bytea,             -- the letter, under its own key
  PRIMARY KEY (shard_id, mail_id)
);
CREATE INDEX mail_by_address ON mail (shard_id, address, at);
CREATE INDEX mail_by_time ON mail (state, due);

-- Addresses that mail servers said do not exist: nothing is sent there for a while.
CREATE TABLE unreachable (
  shard_id bigint NOT NULL,
  address  bytea NOT NULL,
  at       bigint NOT NULL,
  PRIMARY KEY (shard_id, address)
);

-- Subjects of whom a yes waits for its confirmation, and when to look whether
-- there is anything else: an address that nobody confirmed is erased.
CREATE TABLE unconfirmed (
  shard_id   bigint NOT NULL,
  subject_id bytea NOT NULL,
  due        bigint NOT NULL,
  PRIMARY KEY (shard_id, subject_id)
);
CREATE INDEX unconfirmed_by_time ON unconfirmed (due);
INSERT INTO unconfirmed SELECT shard_id, subject_id, 0 FROM subject WHERE states LIKE '%"w":{%';
