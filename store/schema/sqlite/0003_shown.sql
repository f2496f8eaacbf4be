-- +goose Up

-- How often the questions on the company's sites were shown: a number a day, and nothing else.
CREATE TABLE shown (
  day      TEXT NOT NULL,       -- YYYY-MM-DD, UTC
  version  TEXT NOT NULL,       -- sha256:…
  language TEXT NOT NULL,
  n        INTEGER NOT NULL,
  PRIMARY KEY (day, version, language)
) WITHOUT ROWID;
