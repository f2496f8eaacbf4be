-- +goose Up

-- What replicas have yet to hear of who was erased: the tag they know them by,
-- sealed under a key that the bucket's key wraps, until that is destroyed.
CREATE TABLE erasure (
  shard_id INTEGER NOT NULL,
  n        INTEGER NOT NULL,  -- of the event that says so
  bucket   INTEGER NOT NULL,
  sealed   BLOB NOT NULL,
  PRIMARY KEY (shard_id, n)
) WITHOUT ROWID;
