# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# For test scripts: a folder that is removed at the end, and lines that tests/run.sh counts.

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

check() { # check NAME COMMAND...: does it succeed? If it doesn't, the end of what it said.
    local name=$1
    shift
    if "$@" >"$folder/check" 2>&1; then
        echo "ok $name"
    else
        tail -n 20 "$folder/check"
        echo "not ok $name"
    fi
}
