-- +goose Up

-- Where other programs want to be told of events.
CREATE TABLE webhook (
  id      TEXT PRIMARY KEY,
  sealed  BLOB NOT NULL,        -- JSON: address and secrets, under a key of the keyring
  kinds   TEXT NOT NULL,        -- JSON list; [] = all
  stopped TEXT NOT NULL,        -- why nothing is sent: '', 'asked', 'gone' or 'failing'
  created INTEGER NOT NULL,
  failing INTEGER NOT NULL,     -- since when every attempt failed, 0 = the last went well
  held    INTEGER NOT NULL      -- nothing is sent before
) WITHOUT ROWID;

-- Up to which event of each shard a webhook has its deliveries; shard 256 are
-- the publications of policies.
CREATE TABLE webhook_place (
  shard_id INTEGER NOT NULL,
  webhook  TEXT NOT NULL,
  n        INTEGER NOT NULL,
  PRIMARY KEY (shard_id, webhook)
) WITHOUT ROWID;
CREATE INDEX webhook_place_by_webhook ON webhook_place (webhook);

-- What is sent to whom. What is said of an event is read from it when it is sent.
CREATE TABLE webhook_delivery (
  shard_id INTEGER NOT NULL,
  webhook  TEXT NOT NULL,
  n        INTEGER NOT NULL,    -- of the event
  kind     TEXT NOT NULL,
  made     INTEGER NOT NULL,
  due      INTEGER,             -- when it is tried next, or whoever tries it gives up; NULL = no more
  attempts INTEGER NOT NULL,
  state    TEXT NOT NULL,       -- waiting, delivered, failed, dropped
  tried    INTEGER NOT NULL,    -- when it was tried last, 0 = never
  status   INTEGER NOT NULL,    -- the answer's, 0 = none came
  outcome  TEXT NOT NULL,       -- of the last attempt
  took     INTEGER NOT NULL,    -- milliseconds
  PRIMARY KEY (shard_id, webhook, n)
) WITHOUT ROWID;
CREATE INDEX webhook_delivery_by_due ON webhook_delivery (webhook, due);
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (webhook, made, shard_id, n);
