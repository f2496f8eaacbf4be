-- +goose Up

-- Who is signed in: found by a hash of the cookie's token, opened by the token.
CREATE TABLE session (
  hash    bytea PRIMARY KEY,     -- HMAC of the token
  id      text NOT NULL UNIQUE, -- by which it is ended from another browser
  owner   bytea NOT NULL,        -- keyed tag of the identifier that was proved
  made    bigint NOT NULL,
  seen    bigint NOT NULL,
  until   bigint NOT NULL,     -- exclusive
  label   bytea NOT NULL,        -- what browser it is, sealed for its owner
  sealed  bytea NOT NULL         -- under a key that follows from the token
);
CREATE INDEX session_by_owner ON session (owner);
CREATE INDEX session_by_time ON session (until);

-- What a token in a link opens, once: found by its hash, opened by the token.
CREATE TABLE pass (
  hash    bytea PRIMARY KEY,     -- HMAC of the token
  kind    text NOT NULL,
  family  bytea NOT NULL,        -- using one of a family uses all
  owner   bytea NOT NULL,        -- keyed tag of an identifier
  tries   bigint NOT NULL,     -- wrong codes so far
  until   bigint NOT NULL,     -- exclusive
  sealed  bytea NOT NULL         -- under a key that follows from the token
);
CREATE INDEX pass_by_family ON pass (family);
CREATE INDEX pass_by_owner ON pass (owner);
CREATE INDEX pass_by_time ON pass (until);

-- How often an identifier was asked for and codes were guessed, for a day.
CREATE TABLE knock (
  owner bytea NOT NULL,          -- keyed tag of the identifier
  kind  text NOT NULL,
  since bigint NOT NULL,       -- begin of the window
  n     bigint NOT NULL,
  PRIMARY KEY (owner, kind)
);
CREATE INDEX knock_by_time ON knock (since);
