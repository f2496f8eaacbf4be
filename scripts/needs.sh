#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: a C compiler (for the race
# detector), Chromium with a font for Arabic, npm, and curl and Python for what
# the documents show, by apt; axe-core by npm.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
lacks() { ! command -v "$1" >/dev/null; }
if lacks gcc; then missing+=(gcc libc6-dev); fi
if lacks chromium; then missing+=(chromium); fi
if lacks npm; then missing+=(npm); fi
if lacks curl; then missing+=(curl); fi
if lacks python3; then missing+=(python3); fi
if lacks fc-list || [ -z "$(fc-list :lang=ar)" ]; then missing+=(fontconfig fonts-dejavu-core); fi

if [ ${#missing[@]} -gt 0 ]; then
	root=()
	if [ "$(id -u)" -ne 0 ]; then root=(sudo); fi
	echo "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	"${root[@]}" apt-get update -qq
	"${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# npm writes its own copy of the lock file after an install; an older one is out of date.
if [ ! e2e/node_modules/.package-lock.json -nt e2e/package-lock.json ]; then
	npm ci --prefix e2e --ignore-scripts --no-audit --no-fund --loglevel=error
fi
