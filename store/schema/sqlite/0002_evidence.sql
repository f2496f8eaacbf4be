-- +goose Up

-- What imported yeses rest on: the text that was shown, and who declares that it
-- asked for the same as a purpose of a version.
CREATE TABLE evidence (
  id        TEXT PRIMARY KEY,   -- sha256:…
  name      TEXT NOT NULL UNIQUE,
  canonical BLOB NOT NULL,      -- RFC 8785
  version   TEXT NOT NULL REFERENCES policy_version (id),
  at        INTEGER NOT NULL,
  record    INTEGER NOT NULL    -- its public record
) WITHOUT ROWID;
