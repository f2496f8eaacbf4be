-- +goose Up

-- The other identifiers of the person, as JSON: ids of subjects, and since when.
ALTER TABLE subject ADD COLUMN links TEXT NOT NULL DEFAULT '';
