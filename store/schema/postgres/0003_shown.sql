-- +goose Up

-- How often the questions on the company's sites were shown: a number a day, and nothing else.
CREATE TABLE shown (
  day      text NOT NULL,       -- YYYY-MM-DD, UTC
  version  text NOT NULL,       -- sha256:…
  language text NOT NULL,
  n        bigint NOT NULL,
  PRIMARY KEY (day, version, language)
);
