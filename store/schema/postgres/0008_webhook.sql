-- +goose Up

-- Where other programs want to be told of events.
CREATE TABLE webhook (
  id      text PRIMARY KEY,
  sealed  bytea NOT NULL,        -- JSON: address and secrets, under a key of the keyring
  kinds   text NOT NULL,        -- JSON list; [] = all
  stopped text NOT NULL,        -- why nothing is sent: '', 'asked', 'gone' or 'failing'
  created bigint NOT NULL,
  failing bigint NOT NULL,     -- since when every attempt failed, 0 = the last went well
  held    bigint NOT NULL      -- nothing is sent before
);

-- Up to which event of each shard a webhook has its deliveries; shard 256 are
-- the publications of policies.
CREATE TABLE webhook_place (
  shard_id bigint NOT NULL,
  webhook  text NOT NULL,
  n        bigint NOT NULL,
  PRIMARY KEY (shard_id, webhook)
);
CREATE INDEX webhook_place_by_webhook ON webhook_place (webhook);

-- What is sent to whom. What is said of an event is read from it when it is sent.
CREATE TABLE webhook_delivery (
  shard_id bigint NOT NULL,
  webhook  text NOT NULL,
  n        bigint NOT NULL,    -- of the event
  kind     text NOT NULL,
  made     bigint NOT NULL,
  due      bigint,             -- when it is tried next, or whoever tries it gives up; NULL = no more
  attempts bigint NOT NULL,
  state    text NOT NULL,       -- waiting, delivered, failed, dropped
  tried    bigint NOT NULL,    -- when it was tried last, 0 = never
  status   bigint NOT NULL,    -- the answer's, 0 = none came
  outcome  text NOT NULL,       -- of the last attempt
  took     bigint NOT NULL,    -- milliseconds
  PRIMARY KEY (shard_id, webhook, n)
);
CREATE INDEX webhook_delivery_by_due ON webhook_delivery (webhook, due);
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (webhook, made, shard_id, n);
