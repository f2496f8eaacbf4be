package mirror

import (
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/fault"
)

// names are of the view and of what belongs to it, quoted.
type names struct {
	view, rows, state string
	plain             string // of the view, as it was given
	index             [2]string
}

var tableForm = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,39}\.)?[a-z_][a-z0-9_]{0,39}$`)

// namesOf reads the name of the view.
func namesOf(table string) (names, error) {
	if !tableForm.MatchString(table) {
		return names{}, fault.New(fault.Invalid, "--table is a name of up to 40 small letters, digits and underscores, with its schema before a dot if it is not in the search path")
	}
	parts := strings.Split(table, ".")
	quoted := func(suffix string) string {
		id := pgx.Identifier(append([]string{}, parts...))
		id[len(id)-1] += suffix
		return id.Sanitize()
	}
	last := parts[len(parts)-1]
	return names{view: quoted(""), rows: quoted("_rows"), state: quoted("_state"), plain: table,
		index: [2]string{pgx.Identifier{last + "_rows_by_id"}.Sanitize(), pgx.Identifier{last + "_rows_by_expiry"}.Sanitize()}}, nil
}

// schema gives the statements that make a view and what belongs to it. Whoever
// keeps the mirror needs no right to run them where they were run before: reading and writing the
// two tables is all. Whoever queries needs to read the view alone.
func (n names) schema() []string {
	return []string{
		`CREATE TABLE ` + n.rows + ` (
  ref        text PRIMARY KEY,     -- names the person for this table alone
  kind       text NOT NULL,        -- email, phone, customer or device
  id         text NOT NULL,        -- the identifier in its normal form
  expires_at timestamptz,          -- exclusive, by this database's clock
  generation bigint NOT NULL       -- rows of another one than the state's are not shown
)`,
		`CREATE INDEX ` + n.index[0] + ` ON ` + n.rows + ` (id, kind)`,
		`CREATE INDEX ` + n.index[1] + ` ON ` + n.rows + ` (expires_at)`,
		`CREATE TABLE ` + n.state + ` (
  one         boolean PRIMARY KEY DEFAULT true CHECK (one),
  question    text NOT NULL,       -- purpose, data, recipient and kind, as JSON
  generation  bigint NOT NULL,
  filled      boolean NOT NULL,    -- everybody was told once
  cursor      text NOT NULL,       -- where the company door goes on
  policy      text NOT NULL,       -- the version in force by which it was decided
  fresh_until timestamptz NOT NULL -- what is known is believed before
)`,
		`CREATE VIEW ` + n.view + ` AS
SELECT r.kind, r.id FROM ` + n.rows + ` r, ` + n.state + ` s
WHERE s.filled AND s.fresh_until > statement_timestamp() AND r.generation = s.generation
AND (r.expires_at IS NULL OR r.expires_at > statement_timestamp())`,
	}
}

// Schema gives what makes the view and its tables, for whoever has the right to.
func (m *Mirror) Schema() string { return strings.Join(m.names.schema(), ";\n") + ";\n" }
