#!/usr/bin/env bash
# Fails on Go files that gofmt would change, and names them.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	printf 'not formatted (make fmt):\n%s\n' "$unformatted"
	exit 1
fi
