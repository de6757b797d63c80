#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# configure.sh FILE: writes what this machine has into a makefile; leaves the file alone when nothing changed.
set -euo pipefail

xen="xendevicemodel xenforeignmemory xenevtchn xentoolcore"
has() { pkg-config --exists "$@" 2>/dev/null; }

cflags="" libs="" without=""
if has libcrypto; then libs+=" $(pkg-config --libs libcrypto)"; fi
if has libseccomp; then libs+=" $(pkg-config --libs libseccomp)"; fi # tests only
if has expat; then libs+=" $(pkg-config --libs expat)"; fi
if has jansson; then libs+=" $(pkg-config --libs jansson)"; fi
# shellcheck disable=SC2086
if has $xen; then
    cflags+=" -DHAVE_XEN -D__XEN_TOOLS__"
    libs+=" $(pkg-config --libs $xen)"
else
    without+=" $(echo src/transport/xen*.c tests/*/xen*.c)"
fi

new=$(printf 'CONFIG_CFLAGS :=%s\nCONFIG_LIBS :=%s\nCONFIG_WITHOUT :=%s\n' "$cflags" "$libs" "$without")
if [ ! -e "$1" ] || [ "$(cat "$1")" != "$new" ]; then
    printf '%s\n' "$new" > "$1"
fi
