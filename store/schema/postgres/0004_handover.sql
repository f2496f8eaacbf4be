-- +goose Up

-- Hand-overs of the log's key, each the last entry of a tree of so many. The
-- note is that tree's head, signed by both keys; until it is written it is
-- signed again, to the same bytes.
CREATE TABLE handover (
  size   bigint PRIMARY KEY,
  record bigint NOT NULL,       -- its public record
  note   text
);
