-- +goose Up

-- Who is signed in: found by a hash of the cookie's token, opened by the token.
CREATE TABLE session (
  hash    BLOB PRIMARY KEY,     -- HMAC of the token
  id      TEXT NOT NULL UNIQUE, -- by which it is ended from another browser
  owner   BLOB NOT NULL,        -- keyed tag of the identifier that was proved
  made    INTEGER NOT NULL,
  seen    INTEGER NOT NULL,
  until   INTEGER NOT NULL,     -- exclusive
  label   BLOB NOT NULL,        -- what browser it is, sealed for its owner
  sealed  BLOB NOT NULL         -- under a key that follows from the token
) WITHOUT ROWID;
CREATE INDEX session_by_owner ON session (owner);
CREATE INDEX session_by_time ON session (until);

-- What a token in a link opens, once: found by its hash, opened by the token.
CREATE TABLE pass (
  hash    BLOB PRIMARY KEY,     -- HMAC of the token
  kind    TEXT NOT NULL,
  family  BLOB NOT NULL,        -- using one of a family uses all
  owner   BLOB NOT NULL,        -- keyed tag of an identifier
  tries   INTEGER NOT NULL,     -- wrong codes so far
  until   INTEGER NOT NULL,     -- exclusive
  sealed  BLOB NOT NULL         -- under a key that follows from the token
) WITHOUT ROWID;
CREATE INDEX pass_by_family ON pass (family);
CREATE INDEX pass_by_owner ON pass (owner);
CREATE INDEX pass_by_time ON pass (until);

-- How often an identifier was asked for and codes were guessed, for a day.
CREATE TABLE knock (
  owner BLOB NOT NULL,          -- keyed tag of the identifier
  kind  TEXT NOT NULL,
  since INTEGER NOT NULL,       -- begin of the window
  n     INTEGER NOT NULL,
  PRIMARY KEY (owner, kind)
) WITHOUT ROWID;
CREATE INDEX knock_by_time ON knock (since);
