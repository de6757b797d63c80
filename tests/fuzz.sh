#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh BUILD SECONDS [PATTERN]: runs each fuzzer of tests/fuzz (or those whose name contains PATTERN) for so long, and
# fails when one found something. A fuzzer NAME begins with the seeds in tests/data/fuzz/NAME, those that
# make_fuzz_seeds makes, and with what earlier runs kept in BUILD/corpus/NAME; what it finds is put into BUILD/crashes.
# With tests/fuzz/NAME.dict it has a dictionary.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$1")
seconds=$2
pattern=${3:-}

mkdir -p "$build/crashes"
"$build/tests/programs/make_fuzz_seeds" "$build/seeds" || exit 1

run() { # NAME
    local name=$1 corpus=$build/corpus/$1 log=$build/crashes/$1.log
    local arguments=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=70000 -print_final_stats=1 -close_fd_mask=3
        -artifact_prefix="$build/crashes/$name-")
    mkdir -p "$corpus"
    if [ -e "tests/fuzz/$name.dict" ]; then arguments+=(-dict="tests/fuzz/$name.dict"); fi
    local seeds=()
    for folder in "tests/data/fuzz/$name" "$build/seeds/$name"; do
        if [ -d "$folder" ]; then seeds+=("$folder"); fi
    done
    "$build/tests/fuzz/$name" "${arguments[@]}" "$corpus" "${seeds[@]}" > "$log" 2>&1
    local rc=$?
    local runs coverage
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1)
    if [ "$rc" -eq 0 ]; then
        echo "ok $name: ${runs:-?} runs, ${coverage:-no coverage}"
        return 0
    fi
    echo "not ok $name: exit $rc after ${runs:-?} runs; see $log"
    tail -n 40 "$log"
    return 1
}

# As many at a time as there are processors.
failed=0 count=0 running=0
finish_one() {
    wait -n || failed=$((failed + 1))
    running=$((running - 1))
}
for fuzzer in "$build"/tests/fuzz/*_fuzz; do
    if [ -x "$fuzzer" ] && [[ $(basename "$fuzzer") == *$pattern* ]]; then
        if [ "$running" -ge "$(nproc)" ]; then finish_one; fi
        run "$(basename "$fuzzer")" &
        count=$((count + 1)) running=$((running + 1))
    fi
done
while [ "$running" -gt 0 ]; do finish_one; done
echo "$count fuzzers, $failed found something"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
