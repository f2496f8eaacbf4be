-- +goose Up

-- What replicas have yet to hear of who was erased: the tag they know them by,
-- sealed under a key that the bucket's key wraps, until that is destroyed.
CREATE TABLE erasure (
  shard_id bigint NOT NULL,
  n        bigint NOT NULL,  -- of the event that says so
  bucket   bigint NOT NULL,
  sealed   bytea NOT NULL,
  PRIMARY KEY (shard_id, n)
);
