#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# demo.sh BUILD: the daemon at work, without Xen: a firmware's boot is played over the local transport, the daemon is
# killed and started again, keys are enrolled. Ends with an error when something isn't as it has to be.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
programs=$build/tests/programs
folder=$(mktemp -d)
socket=$folder/socket
daemon=

end() {
    [ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT

heading() { printf '\n\e[1m%s\e[0m\n\n' "$*"; }
[ -t 1 ] || heading() { printf '\n%s\n\n' "$*"; }

start_daemon() {
    "$build/uefistored" --transport "unix:$socket" --backend file --arg "path:$folder/vm" --secure-boot yes \
        --keys "$folder/none" --log-level warning 2>> "$folder/log" &
    daemon=$!
}

kill_daemon() {
    kill -9 "$daemon"
    wait "$daemon" 2>/dev/null || true
    daemon=
}

failed() {
    echo "demo: this should not have happened; the daemon's log:" >&2
    cat "$folder/log" >&2
    exit 1
}
trap failed ERR

heading "1. A new VM's first boot"
start_daemon
"$programs/firmware_boot" "$socket" boot "$folder/notes"

heading "2. kill -9, and the daemon started again"
kill_daemon
start_daemon
"$programs/firmware_boot" "$socket" check "$folder/notes"

heading "3. The VM boots again"
"$programs/firmware_boot" "$socket" boot

heading "4. Secure Boot: keys are made and enrolled, then defended"
"$programs/make_keys" "$folder/keys" > /dev/null
"$programs/firmware_keys" "$socket" "$folder/keys"
"$programs/firmware_boot" "$socket" note "$folder/notes"

heading "5. kill -9 again: the keys are still there"
kill_daemon
start_daemon
"$programs/firmware_boot" "$socket" keys "$folder/notes"

heading "6. A clean end"
kill -TERM "$daemon"
wait "$daemon"
daemon=
echo "  SIGTERM: exit status 0. The state of the VM, in the format that XAPI keeps too:"
echo
(cd "$folder/vm" && find . -type f -printf '  %6s bytes  %p\n' | sort -k3 | head -n 12)
