#!/usr/bin/env bash
# Measures beside peers and beside the bare operation, in ROUNDS rounds (3), and
# prints one table of ratios. What was printed on the way is in bench/out. The
# history has EVENTS events (5,000,000, which take about 10 GB while it is read).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-3}
out=$PWD/bench/out
mkdir -p "$out"
export GOGC=${GOGC:-400} # as serve sets it for itself; for the bare operations, too
rm -f "$out"/*.txt

scripts/needs.sh
peers=bench/peers/node_modules
if ! [ "$peers/.package-lock.json" -nt bench/peers/package-lock.json ]; then
	npm ci --prefix bench/peers --ignore-scripts --no-audit --no-fund --loglevel=error
fi
if ! compgen -G "$peers/better-sqlite3/build/Release/better_sqlite3.node" >/dev/null; then
	if ! command -v g++ >/dev/null; then
		root=()
		if [ "$(id -u)" -ne 0 ]; then root=(sudo); fi
		"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends g++ >/dev/null
	fi
	# Node's headers, where the system has them, save fetching them.
	if [ -e /usr/include/node/node.h ]; then export npm_config_nodedir=/usr; fi
	npm rebuild --prefix bench/peers --loglevel=error better-sqlite3
fi
make --no-print-directory build

# measure NAME SECONDS FOLDER COMMAND… keeps what a command prints and shows it.
measure() {
	local name=$1 seconds=$2 folder=$3
	shift 3
	echo "== $name"
	(cd "$folder" && timeout --kill-after=20 "$seconds" "$@") 2>&1 | tee -a "$out/$name.txt" | grep -E '^(Benchmark|---|FAIL|panic)' || true
}
bench() { echo go test -run '^$' -timeout 30m -bench "$1" -benchtime "$2"; }

for round in $(seq "$rounds"); do
	echo "== round $round of $rounds, load $(cut -d' ' -f1-3 /proc/loadavg)"
	measure rows 900 . $(bench 'Record|BareRows' 3s) ./store
	measure leaves 60 . $(bench Leaves 1s) ./ledger
	AMANA_SCRUB_ROUNDS=10 measure scrub 600 . $(bench 'Scrub|EncodingCSV' 1x) ./scrub
	measure http 900 bench $(bench '^Benchmark(Consent|Decide|OPAServer|Page|Audit)' 4s) ./httpdoor
	measure pages 120 bench $(bench OwnPages 2000x) ./httpdoor
	measure writes 600 bench $(bench 'Proof|Ledger|Decide' 3s) ./writes
	measure replicas 120 . $(bench Withdrawal 500x) ./follower
done
AMANA_LOAD=10000000 measure load 300 . $(bench '^BenchmarkLoad$' 1x) ./feed
measure idle 120 bench $(bench Idle 1x) ./httpdoor
AMANA_BENCH_EVENTS=${EVENTS:-5000000} measure history 1500 bench $(bench History 2s) ./writes
echo "== table"
go -C bench run ./table | tee "$out/table.out"

echo
echo "$(date -u +%F), $(nproc) processors, $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(go version | cut -d' ' -f3), Node $(node --version), PostgreSQL 15; medians of $rounds rounds"
echo
cat "$out"/*.txt | (cd bench && go run ./ratios)
