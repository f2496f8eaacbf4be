package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	seen, err := read(strings.NewReader(`goos: linux
BenchmarkConsent/amana/sqlite/minimal/connections=16-2   300  3000 ns/op  100 cpu-us  1000 requests/s
BenchmarkConsent/amana/sqlite/minimal/connections=64-2   300  3000 ns/op  80 cpu-us  2000 requests/s
BenchmarkConsent/amana/sqlite/minimal/connections=64-2   300  3000 ns/op  90 cpu-us  9000 requests/s
BenchmarkConsent/amana/sqlite/minimal/connections=64-2   300  3000 ns/op  82 cpu-us  2500 requests/s
BenchmarkConsent/c15t/sqlite/processes=1/connections=16-2  30  3000 ns/op  1640 cpu-us  50 requests/s
BenchmarkConsent/c15t/sqlite/processes=2/connections=16-2  30  3000 ns/op  2000 cpu-us  25 requests/s
BenchmarkRecord/sqlite/batch=1-2     100  1 ns/op  700 consents/s
BenchmarkRecord/sqlite/batch=1024-2  100  1 ns/op  60000 consents/s
BenchmarkBareRows/sqlite/batch=1-2   100  1 ns/op  1000 consents/s
BenchmarkProof/alone-2  10  1 ns/op  12.5 p50-ms
--- FAIL: BenchmarkOther
ok  	somewhere	1.5s
`))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	table(&out, seen)
	want := `| what | ours | beside | ratio |
|---|---|---|---|
| one consent a request, SQLite, against c15t | 2500 requests/s (connections=64) | 50.0 requests/s (processes=1/connections=16) | 50.0 |
| processor time of the server for one consent, SQLite, against c15t | 82.0 cpu-us (connections=64) | 1640 cpu-us (processes=1/connections=16) | 20.0 |
| durable writes, SQLite, 1 a commit, against the same rows bare | 700 consents/s | 1000 consents/s | 0.70 |
| 1,024 a commit | 60000 consents/s | | |
| from acknowledgement to proof, PostgreSQL, alone, median | 12.5 p50-ms | | |
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
