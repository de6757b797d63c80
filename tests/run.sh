#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BUILD [PATTERN]: runs the tests of one variant (all, or those whose path contains PATTERN), and ends with the
# line "N passed, N failed". A test is a cmocka program, or a script in tests/integration/ that prints "ok NAME" and
# "not ok NAME" lines, and "skipped NAME: WHY" for what this machine can't do. One that ends badly without having counted a failure counts as one.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$1")
pattern=${2:-}
export BUILD_DIR=$build
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
logs=$build/logs
mkdir -p "$logs"

passed=0 failed=0 skipped=0
account() { # NAME OK NOT_OK SKIPPED RC SECONDS LOG
    local bad=$3
    if [ "$5" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$5" -eq 0 ] && [ $(($2 + $4)) -eq 0 ]; then bad=1; fi # a test that tests nothing
    passed=$((passed + $2)) failed=$((failed + bad)) skipped=$((skipped + $4))
    printf '%-44s %5d passed %3d failed %7.1f s\n' "$1" "$2" "$bad" "$6"
    if [ "$bad" -ne 0 ]; then tail -n 60 "$7"; fi
    grep '^skipped ' "$7" || true
}

run() { # NAME COMMAND...
    local name=$1 log=$logs/${1//\//-}.log start end rc ok not_ok
    shift
    start=$(date +%s.%N)
    timeout --kill-after=10 "${TEST_TIMEOUT:-900}" "$@" > "$log" 2>&1 < /dev/null
    rc=$?
    end=$(date +%s.%N)
    # cmocka's own sums, and the lines of scripts
    ok=$(awk '/^\[  PASSED  \] [0-9]+ test/ {n += $4} /^ok / {n++} END {print n + 0}' "$log")
    not_ok=$(awk '/^ *[0-9]+ FAILED TEST\(S\)/ {n += $1} /^not ok / {n++} END {print n + 0}' "$log")
    account "$name" "$ok" "$not_ok" "$(grep -c '^skipped ' "$log")" "$rc" "$(echo "$end - $start" | bc -l 2>/dev/null || awk "BEGIN{print $end - $start}")" "$log"
}

for test in $(cd "$build/tests" && find unit contract -type f -name '*_test' 2>/dev/null | sort); do
    [[ $test == *$pattern* ]] && run "$test" "$build/tests/$test"
done
for test in $(cd tests && find integration -type f \( -name '*_test.sh' -o -name '*_test.py' \) | sort); do
    [[ $test == *$pattern* ]] && run "$test" "tests/$test"
done
if [ "$skipped" -gt 0 ]; then echo "$skipped skipped: this machine hasn't got what they need"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
