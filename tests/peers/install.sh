#!/bin/sh
# Installs the Debian packages that tests use as real peers, and says which and why.
# Without apt or root it changes nothing: the tests that need a missing peer skip and name this command.
set -eu

missing=""
need() { # program, package, what for
    if ! command -v "$1" >/dev/null 2>&1; then
        echo "peer missing: $1 ($3) — package $2"
        missing="$missing $2"
    fi
}

need chromium chromium "drives the page as a clinician's browser does"
# Debian keeps the server's programs off the PATH.
PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tr '\n' ':')"
need initdb postgresql "keeps records and jobs in production"

[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    echo "cannot install here (needs apt and root); as root: apt-get install -y --no-install-recommends$missing"
    exit 0
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
