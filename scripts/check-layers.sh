#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Includes go one way: each folder of src/ may include itself and those that the table gives it. And the headers of a
# library are included in one place only.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A may=(
    [base]="base"
    [wire]="base wire"
    [store]="base store"
    [crypto]="base crypto"
    [auth]="base wire store crypto auth"
    [service]="base wire store crypto auth service"
    [backend]="base store crypto auth wire service backend"
    [transport]="base wire transport"
    [daemon]="base wire store crypto auth service backend transport daemon"
    [verifier]="base crypto daemon verifier"
    [tools]="base wire store crypto auth service backend tools"
)
# system header (a regular expression) and the files that may include it
declare -A only=(
    ['openssl/']="^src/crypto/"
    ['xen[a-z]*\.h|xen/']="^src/transport/xen"
    ['expat\.h']="^src/backend/xapi"
    ['jansson\.h']="^src/tools/"
)

bad=0
say() { echo "check-layers: $*" >&2; bad=1; }

while IFS=: read -r file line; do
    layer=$(cut -d/ -f2 <<< "$file")
    target=$(sed 's/.*"\([a-z]*\)\/.*/\1/' <<< "$line")
    [ -n "${may[$layer]:-}" ] || { say "$file: the folder $layer is not in the table"; continue; }
    [[ " ${may[$layer]} " == *" $target "* ]] || say "$file: $layer may not include $target"
done < <(grep -rHE '^#include "' src --include='*.[ch]')

for header in "${!only[@]}"; do
    while IFS=: read -r file line; do
        [[ $file =~ ${only[$header]} ]] || say "$file: $line belongs into ${only[$header]} only"
    done < <(grep -rHE "^#include <($header)" src --include='*.[ch]' || true)
done

files=$(find src -name '*.[ch]' | wc -l)
[ "$bad" -eq 0 ] && echo "check-layers: $files files, includes go one way"
exit "$bad"
