-- +goose Up

-- What imported yeses rest on: the text that was shown, and who declares that it
-- asked for the same as a purpose of a version.
CREATE TABLE evidence (
  id        text PRIMARY KEY,   -- sha256:…
  name      text NOT NULL UNIQUE,
  canonical bytea NOT NULL,     -- RFC 8785
  version   text NOT NULL REFERENCES policy_version (id),
  at        bigint NOT NULL,
  record    bigint NOT NULL     -- its public record
);
