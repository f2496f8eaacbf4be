-- +goose Up

-- The entries of the log, 32 to a row: a tile of 256 is read from eight rows, and
-- a commit writes one row where it wrote thirty-two.
CREATE TABLE ledger_entries (
  n       bigint PRIMARY KEY,  -- of leaves 32 n to 32 n + 31; 0, 1, 2 …
  entries bytea NOT NULL       -- 32 bytes each; 1,024, but in the last row
);
-- A server of the program before may be writing entries: one between the next two
-- statements would be lost.
LOCK TABLE ledger_entry IN ACCESS EXCLUSIVE MODE;
INSERT INTO ledger_entries (n, entries)
  SELECT leaf / 32, string_agg(entry, '' ORDER BY leaf) FROM ledger_entry GROUP BY leaf / 32;
DROP TABLE ledger_entry;
