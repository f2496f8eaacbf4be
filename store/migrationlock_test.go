package store

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Servers of the program before go on writing while a schema is brought to the newest on
// PostgreSQL. What one of them writes between two statements is lost where the first read
// a table and the second takes it away or writes it anew, unless it was locked before.
func TestMigrationsLockWhatTheyReadAndReplace(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(schema, "schema/postgres/*.sql")
	if err != nil || len(files) < 12 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := fs.ReadFile(schema, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range unlocked(string(raw)) {
			t.Errorf("%s reads table %s and replaces it: begin with LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", path.Base(name), table, table)
		}
	}
}

func TestAMigrationThatLosesRowsIsFound(t *testing.T) {
	t.Parallel()
	const lock, pack, drop = "LOCK TABLE old IN ACCESS EXCLUSIVE MODE;\n", "INSERT INTO new SELECT a FROM old GROUP BY a;\n", "DROP TABLE old;\n"
	for _, c := range []struct {
		name, sql string
		says      []string
	}{
		{"locked", lock + pack + drop, nil},
		{"not locked", pack + drop, []string{"old"}},
		{"locked too late", pack + lock + drop, []string{"old"}},
		{"locked in a comment", "-- " + lock + pack + drop, []string{"old"}},
		{"another is locked", "LOCK TABLE new IN ACCESS EXCLUSIVE MODE;\n" + pack + drop, []string{"old"}},
		{"locked against others of its kind alone", "LOCK TABLE old IN SHARE MODE;\n" + pack + drop, []string{"old"}},
		{"outside of a transaction", "-- +goose NO TRANSACTION\n" + lock + pack + drop, []string{"old"}},
		{"several at once", "lock table other, old in access exclusive mode;\n" + pack + drop, nil},
		{"read in a join", "INSERT INTO new SELECT a FROM b JOIN old USING (a);\nDROP TABLE IF EXISTS old CASCADE;\n", []string{"old"}},
		{"emptied", pack + "TRUNCATE old;\n", []string{"old"}},
		{"renamed", pack + "ALTER TABLE old RENAME TO older;\n", []string{"old"}},
		{"a column taken away", "UPDATE old SET b = (SELECT c FROM old o);\nALTER TABLE old DROP COLUMN c;\n", []string{"old"}},
		{"rows moved", pack + "DELETE FROM old;\n", []string{"old"}},
		{"dropped alone", drop, nil},
		{"read alone", pack, nil},
		{"its own", "CREATE TABLE old (a bigint);\n" + pack + drop, nil},
		{"a column and what follows from it", "ALTER TABLE old ADD COLUMN b text;\nCREATE INDEX i ON old (b);\n", nil},
		{"changed before it is read, which locks it", "ALTER TABLE old DROP COLUMN b;\n" + pack, nil},
	} {
		if got := unlocked(c.sql); !slices.Equal(got, c.says) {
			t.Errorf("%s: %q, want %q", c.name, got, c.says)
		}
	}
}

var (
	sqlComment = regexp.MustCompile(`--[^\n]*`)
	sqlCreates = regexp.MustCompile(`create (?:unlogged )?table (?:if not exists )?(\w+)`)
	sqlLocks   = regexp.MustCompile(`^lock (?:table )?(.+) in access exclusive mode`)
	sqlReads   = regexp.MustCompile(`\b(?:from|join|using) (?:only )?(\w+)`)
	sqlTakes   = regexp.MustCompile(`^(?:drop table (?:if exists )?|alter table (?:if exists )?(?:only )?|truncate (?:table )?|update (?:only )?|delete from (?:only )?)(\w+)`)
)

// unlocked gives the tables that statements read, take away or write anew, and have not
// locked alone before the first of the two. A table that they make nobody else knows; an
// ALTER TABLE locks by itself.
func unlocked(source string) (tables []string) {
	var locked []string
	reads, takes := map[string]bool{}, map[string]bool{}
	alone := !strings.Contains(source, "NO TRANSACTION")
	for statement := range strings.SplitSeq(strings.ToLower(sqlComment.ReplaceAllString(source, "")), ";") {
		statement = strings.Join(strings.Fields(statement), " ")
		if m := sqlLocks.FindStringSubmatch(statement); m != nil && alone {
			locked = append(locked, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
		}
		if m := sqlCreates.FindStringSubmatch(statement); m != nil {
			locked = append(locked, m[1])
		}
		taken := sqlTakes.FindStringSubmatch(statement)
		for _, m := range sqlReads.FindAllStringSubmatch(statement, -1) {
			if isTaken := taken != nil && taken[1] == m[1] && strings.HasPrefix(statement, "delete"); !isTaken && !slices.Contains(locked, m[1]) {
				reads[m[1]] = true
			}
		}
		if taken == nil {
			continue
		}
		if name := taken[1]; reads[name] {
			takes[name] = true
		} else if strings.HasPrefix(statement, "alter") && alone {
			locked = append(locked, name)
		}
	}
	for name := range takes {
		tables = append(tables, name)
	}
	slices.Sort(tables)
	return tables
}
