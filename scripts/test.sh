#!/usr/bin/env bash
# Everything that must hold, cheapest first. Each step has its own time budget
# in seconds and says what it took; the first that fails ends the run. A budget
# ends what hangs: it is about three times what the step takes on two cores, or on
# a machine that has nothing compiled yet, since one may be slow or busy.
#
# AMANA_SOAK=1 runs the same at full counts: the tests read that variable where
# they repeat something, and fuzzing takes a minute a target.
set -euo pipefail
cd "$(dirname "$0")/.."

# As in make build, so that nothing is compiled twice for being built otherwise.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -trimpath"

longer=1
if [ -n "${AMANA_SOAK:-}" ]; then
	longer=30
	export FUZZTIME=${FUZZTIME:-60s}
fi

# step NAME SECONDS COMMAND… The command runs in a process group of its own, so
# that whatever it started ends with it.
step() {
	local name=$1 budget=$(($2 * longer)) start=$SECONDS code=0
	shift 2
	echo "== $name (at most $budget s)"
	timeout --kill-after=20 "$budget" "$@" &
	trap "kill $! 2>/dev/null; exit 130" INT TERM
	wait $! || code=$?
	if [ $code -eq 124 ]; then
		echo "== $name: out of time after $budget s"
	elif [ $code -ne 0 ]; then
		echo "== $name: failed with $code"
	fi
	[ $code -eq 0 ] || exit $code
	echo "== $name: done in $((SECONDS - start)) s"
}

step needs 600 scripts/needs.sh
step format 30 scripts/format.sh
step vet 600 go vet ./...
step bench 600 sh -c "go -C bench list -deps -test ./... >/dev/null && go -C bench test ./load ./ratios && go -C bench test -vet=off ./envoy" # all its modules are named
step staticcheck 480 go tool -modfile=tools/go.mod staticcheck ./...
step build 300 make --no-print-directory build
# The race detector needs cgo. It leaves SQLite alone: that is C turned into Go,
# no code of ours, and a hundred times slower under the detector. The packages
# around it stay with it: what of sync.Map is compiled into a package without the
# detector would be linked for all, and nothing that goes through one be seen.
# Pressing is left alone too: arithmetic in one goroutine, ten times slower under it.
# cmd/amana, e2e and docs drive the program and share no memory with it. A package
# where nothing runs beside anything else, its tests included, has nothing to race
# with; internal/pgtest and internal/powerloss are raced by the tests of the store.
several=() single=()
for p in $(go list ./... | grep -vE '/(e2e|docs|cmd/amana)$'); do
	if [[ $p != */internal/p* ]] && grep -qE '^\s*go |\.Go\(|\.Parallel\(|httptest|synctest|/(store|keyring)"' ".${p#github.com/amana-privacy/amana}"/*.go; then
		several+=("$p")
	else
		single+=("$p")
	fi
done
# What runs on each database does so on the newest PostgreSQL without it.
newest=$(grep -hB1 -E '^	each(Postgres)?\(t, |^func Test.*\{ each(Postgres)?\(t, ' store/*_test.go | sed -n 's/^func \(Test[A-Za-z0-9]*\).*/\1/p' | paste -sd'|')
# So does what is up to thirty times slower under it: what rebuilds a disk at every
# one of many thousand writes or cuts a connection at each of hundreds of statements,
# and what tries a hundred thousand worlds, each in one goroutine.
slow='TestAConnectionLostAtAnyStatementLosesNothing|TestAPowerLoss.*|TestAChangeCutAnywhereGoesOn|TestAFailedWriteLosesNothing'
slow+='|TestAgreesWithTheReference|TestAgreesWhenCramped|TestTagsThatFallTogetherStayApart|TestATouchedSnapshotIsRefused'
mapfile -t where < <(grep -rlE --include='*_test.go' "^func ($slow)\(" . | xargs -n1 dirname | sort -u)
step tests 1600 env CGO_ENABLED=1 AMANA_DATABASES='sqlite postgres15' scripts/gotest.sh -race -vet=off -gcflags='modernc.org/sqlite/lib=-race=false' \
	-gcflags='github.com/andybalholm/brotli=-race=false' -gcflags='compress/flate=-race=false' -parallel=8 -skip="^($slow)\$" -timeout="$((1580 * longer))s" "${several[@]}"
step single 240 scripts/gotest.sh -vet=off -timeout="$((230 * longer))s" "${single[@]}"
step slow 240 scripts/gotest.sh -vet=off -timeout="$((230 * longer))s" -run "^($slow)\$" "${where[@]}"
step postgres18 400 env AMANA_DATABASES=postgres18 scripts/gotest.sh -vet=off -parallel=6 -timeout="$((380 * longer))s" -run "^($newest)\$" ./store
step program 1500 scripts/gotest.sh -count=1 -vet=off -timeout="$((1490 * longer))s" ./cmd/amana ./e2e ./docs
step fuzz 500 scripts/fuzz.sh
echo "== all done in $SECONDS s"
