package main

// comparison is a line of the table: a benchmark or its parts, and what it is
// compared with, by one unit of theirs.
type comparison struct {
	what         string
	ours, beside string // beside is "" where the figure stands alone
	unit         string
	less         bool // less is better
}

var comparisons = []comparison{
	{"one consent a request, SQLite, against c15t", "Consent/amana/sqlite/minimal", "Consent/c15t/sqlite", "requests/s", false},
	{"the same, the whole receipt in the answer", "Consent/amana/sqlite/whole", "Consent/c15t/sqlite", "requests/s", false},
	{"one consent a request, PostgreSQL, against c15t", "Consent/amana/postgres/minimal", "Consent/c15t/postgres", "requests/s", false},
	{"the same, the whole receipt in the answer", "Consent/amana/postgres/whole", "Consent/c15t/postgres", "requests/s", false},
	{"processor time of the server for one consent, SQLite, against c15t", "Consent/amana/sqlite/minimal", "Consent/c15t/sqlite", "cpu-us", true},

	{"consent over HTTP, SQLite, against a bare handler", "ConsentBeside/sqlite", "ConsentBeside/bare", "requests/s", false},
	{"consent over HTTP, PostgreSQL, against a bare handler", "ConsentBeside/postgres", "ConsentBeside/bare", "requests/s", false},
	{"decision over HTTP, SQLite, against a bare handler", "DecideBeside/sqlite/native", "DecideBeside/bare/native", "requests/s", false},
	{"processor time of it, load included", "DecideBeside/sqlite/native", "DecideBeside/bare/native", "cpu-us", true},
	{"the same, PostgreSQL", "DecideBeside/postgres/native", "DecideBeside/bare/native", "requests/s", false},
	{"AuthZEN evaluation, against a bare handler", "DecideBeside/sqlite/evaluation", "DecideBeside/bare/evaluation", "requests/s", false},
	{"processor time of it, load included", "DecideBeside/sqlite/evaluation", "DecideBeside/bare/evaluation", "cpu-us", true},
	{"decision over HTTP, against OPA's server", "DecideBeside/sqlite/native", "OPAServer", "requests/s", false},
	{"AuthZEN evaluation, against OPA's server", "DecideBeside/sqlite/evaluation", "OPAServer", "requests/s", false},
	{"a thousand decisions in a request, against a bare handler", "DecideBeside/sqlite/natives", "DecideBeside/bare/natives", "decisions/s", false},
	{"a thousand evaluations in a request, against a bare handler", "DecideBeside/sqlite/evaluations", "DecideBeside/bare/evaluations", "decisions/s", false},
	{"the policy's page against an empty page", "Page/policy", "Page/bare", "requests/s", false},
	{"a customer's own pages at 200 a second beside consents as fast as they go, median, against an empty answer of the same server", "OwnPages/loaded=true", "", "times-empty", true},
	{"the same, against an empty page of a process that does nothing else", "OwnPages/loaded=true", "", "times-idle", true},
	{"without the consents, against an empty answer of the same server", "OwnPages/loaded=false", "", "times-empty", true},
	{"the same, against an empty page of a process that does nothing else", "OwnPages/loaded=false", "", "times-idle", true},

	{"decision in the process, SQLite, against one row by its key", "Decide/store/sqlite", "Decide/bare/sqlite", "ns/op", true},
	{"decision in the process, PostgreSQL, against one row by its key", "Decide/store/postgres", "Decide/bare/postgres", "ns/op", true},
	{"durable writes, SQLite, 1 a commit, against the same rows bare", "Record/sqlite/batch=1", "BareRows/sqlite/batch=1", "consents/s", false},
	{"64 a commit", "Record/sqlite/batch=64", "BareRows/sqlite/batch=64", "consents/s", false},
	{"1,024 a commit", "Record/sqlite/batch=1024", "BareRows/sqlite/batch=1024", "consents/s", false},
	{"durable writes, PostgreSQL, 1 a commit, against the same rows bare", "Record/postgres15/batch=1", "BareRows/postgres15/batch=1", "consents/s", false},
	{"64 a commit", "Record/postgres15/batch=64", "BareRows/postgres15/batch=64", "consents/s", false},
	{"1,024 a commit", "Record/postgres15/batch=1024", "BareRows/postgres15/batch=1024", "consents/s", false},

	{"the ledger's part of the write path, SQLite", "LedgerShare/sqlite", "", "%ledger", true},
	{"the ledger's part of the write path, PostgreSQL", "LedgerShare/postgres", "", "%ledger", true},
	{"from acknowledgement to proof, PostgreSQL, alone, median", "Proof/alone", "", "p50-ms", true},
	{"99 of 100", "Proof/alone", "", "p99-ms", true},
	{"while 256 others write, median", "Proof/loaded", "", "p50-ms", true},
	{"99 of 100", "Proof/loaded", "", "p99-ms", true},
	{"audit from outside, against hashing the leaves alone", "Audit", "Leaves", "leaves/s", false},
	{"a list filtered, CSV, against encoding/csv alone", "Scrub/plain/table", "EncodingCSV", "rows/core-s", false},
	{"the same, every cell quoted", "Scrub/quoted/table", "EncodingCSV", "rows/core-s", false},
	{"the same, by telephone number", "Scrub/telephone/table", "EncodingCSV", "rows/core-s", false},
	{"a list filtered, NDJSON, against encoding/csv alone", "Scrub/json/table", "EncodingCSV", "rows/core-s", false},
	{"from the acknowledgement of a withdrawal to the no of two replicas, median", "Withdrawal", "", "p50-ms", true},
	{"99 of 100", "Withdrawal", "", "p99-ms", true},
	{"ten million identifiers from a snapshot in a file", "Load", "", "s/load", true},
	{"memory of a server that nobody asks, SQLite, against c15t", "Idle/amana/sqlite", "Idle/c15t/sqlite", "resident-MB", true},
	{"memory of a server that nobody asks, PostgreSQL, against c15t", "Idle/amana/postgres", "Idle/c15t/sqlite", "resident-MB", true},
	{"a page of the history, by time", "History/newest", "", "ms/page", true},
	{"of one purpose", "History/purpose", "", "ms/page", true},
	{"of one subject", "History/subject", "", "ms/page", true},
}
