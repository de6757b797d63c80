#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh BUILD [PATTERN]: runs the benchmarks (all, or those whose name contains PATTERN), one at a time. A benchmark
# that misses a target says so with the word "MISSED"; one that fails makes this fail.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1
pattern=${2:-}
export BUILD_DIR=$build

bad=0
for bench in "$build"/tests/bench/*_bench; do
    name=$(basename "$bench")
    [[ $name == *$pattern* ]] || continue
    printf '== %s\n' "$name"
    timeout --kill-after=10 300 "$bench" || { echo "$name: failed" >&2; bad=1; }
    echo
done
exit "$bad"
