#!/usr/bin/env bash
# Runs go test with the given flags and packages, and prints a line a package;
# of what failed or did not end, all that it said. On CI nothing may be skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p bin
log=$(mktemp bin/test-XXXXXX.log)
passed=
finish() {
	if [ -z "$passed" ]; then
		grep -vE '^ *(=== (RUN|PAUSE|CONT|NAME)|--- PASS|PASS$)' "$log" || true
		echo "the log ended with:"
		tail -n 3 "$log" # names the test that ran when time was up
	fi
	rm -f "$log"
}
trap finish EXIT

go test -v "$@" >"$log" 2>&1
passed=yes
grep -E '^(ok|\?)' "$log" || true
if grep -E -A3 '^ *--- SKIP' "$log" && [ -n "${CI:-}" ]; then
	echo 'on CI nothing may be skipped'
	exit 1
fi
