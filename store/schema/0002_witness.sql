-- +goose Up

-- The newest co-signature of each witness: under which head, and its line.
CREATE TABLE cosignature (
  witness TEXT PRIMARY KEY,     -- its verifier key
  size    INTEGER NOT NULL,     -- of the head
  at      INTEGER NOT NULL,     -- when that head was the newest
  line    TEXT NOT NULL
) WITHOUT ROWID;
