#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Kills the daemon with SIGKILL at random moments of a stream of writes, KILL_ROUNDS (500) times: every acknowledged
# write is there afterwards, and nothing half-written. See tests/programs/kill_rounds.c.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
rounds=${KILL_ROUNDS:-500}
seed=${KILL_SEED:-$RANDOM}

echo "seed $seed"
if "$BUILD_DIR/tests/programs/kill_rounds" "$BUILD_DIR/uefistored" "$folder" "$rounds" "$seed"; then
    echo "ok every_acknowledged_write_survives_$rounds""_kills"
else
    echo "not ok every_acknowledged_write_survives_$rounds""_kills"
fi
snapshots=$(find "$folder/vm/history" -type f | wc -l)
if [ "$snapshots" -gt 0 ] && [ "$snapshots" -le 32 ]; then
    echo "ok the_history_is_bounded"
else
    echo "not ok the_history_is_bounded: $snapshots snapshots"
fi
