#!/bin/sh
# Creates .venv. Debian keeps what that needs in a package of its own, which root gets here.
set -eu
python=${PYTHON:-python3.11}

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Python 3.11 with its venv module is missing: on Debian, as root, apt-get install python3.11-venv" >&2
        echo "(or name another Python: make PYTHON=…)" >&2
        exit 1
    fi
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends python3.11-venv >/dev/null
fi
"$python" -m venv --clear .venv
