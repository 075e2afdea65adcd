#!/bin/sh
# The platform's command line, told of the servers by the file that passwords.py has written. What is set already stays.
set -eu
settings=${MENTORING_SERVERS_FILE:-/run/mentoring/servers.env}

if [ -r "$settings" ]; then
    while IFS= read -r line; do
        printenv "${line%%=*}" >/dev/null || export "${line?}"
    done <"$settings"
fi
exec python -m services "$@"
