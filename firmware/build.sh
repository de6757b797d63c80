#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh [--edk2 TREE] [--only debug|release] OUTDIR: build OVMF for Xen with XenVariable and Secure Boot.
#
# Gives OUTDIR/OVMF-xen-debug.fd, OUTDIR/OVMF-xen-release.fd (or the only one asked for) and
# OUTDIR/firmware.txt (what they were made of). Without --edk2, Debian 12's edk2 source package is fetched,
# and the result is kept in the cache ($UEFISTORED_CACHE, ~/.cache/uefistored) under a hash of this folder,
# so that it is built again only when this folder changes. With --edk2, the tree at TREE, which must have
# its submodules, is built (it gets new files in OvmfPkg/ and Build/OvmfXenVariable/) and nothing is cached.
# What a build that was aborted left behind is built anew.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${UEFISTORED_CACHE:-$HOME/.cache/uefistored}
tree=
out=
kinds=(debug release)

usage() {
    echo "usage: build.sh [--edk2 TREE] [--only debug|release] OUTDIR (build.sh --help tells more)" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) sed -n '/^# build\.sh/,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --edk2)
        [ -d "${2:-}/OvmfPkg" ] || { echo "build.sh: --edk2 ${2:-}: no edk2 tree there" >&2; exit 2; }
        tree=$(cd "$2" && pwd)
        shift 2
        ;;
    --only)
        case ${2:-} in debug | release) kinds=("$2") ;; *) usage ;; esac
        shift 2
        ;;
    -*) usage ;;
    *) [ -z "$out" ] || usage; out=$1; shift ;;
    esac
done
[ -n "$out" ] || usage

say() {
    echo "firmware: $*"
}

content_key() {
    (cd "$here" && find . -type f ! -name '*.md' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
}

# Debian's edk2 source with its patches, without the one that makes the Shell refuse to run under
# Secure Boot: the Shell is part of the image and verified with it, and it is how tests and
# administrators reach the variables.
debian_tree() {
    local version dir work
    version=$("$here/../scripts/debian-box" bookworm version edk2)
    dir=$cache/edk2/$version
    if [ ! -e "$dir/.unpacked" ]; then
        rm -rf "$dir" "$dir.new"
        mkdir -p "$dir.new"
        work=$dir.new
        (cd "$work" && "$here/../scripts/debian-box" bookworm source edk2) >&2
        mv "$work"/edk2-*/ "$dir"
        rm -rf "$work"
        patch -s -R -p1 -d "$dir" <"$dir/debian/patches/Disable-the-Shell-when-SecureBoot-is-enabled.patch"
        touch "$dir/.unpacked"
    fi
    echo "$dir"
}

# edk2's set-up script reads its caller's arguments and uses unset variables, so it gets a function of
# its own in a shell without -u.
in_edk2() {
    local dir=$1
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    env -u EDK_TOOLS_PATH -u CONF_PATH WORKSPACE="$dir" PACKAGES_PATH="$dir:$here" PYTHON_COMMAND=python3 \
        bash -c 'cd "$WORKSPACE"; setup() { . ./edksetup.sh; }; setup >/dev/null && exec "$@"' bash "$@"
}

toolchain() {
    grep -q '_GCC5_' "$1/BaseTools/Conf/tools_def.template" && echo GCC5 || echo GCC
}

# A mark tells that they were built to the end: that one of them is there tells nothing.
build_tools() {
    local dir=$1
    [ ! -e "$dir/BaseTools/.built" ] || return 0
    say "build tools of edk2"
    { in_edk2 "$dir" make -C BaseTools clean && in_edk2 "$dir" make -C BaseTools -j "$(nproc)"; } \
        >"$dir/BaseTools.log" 2>&1 || { tail -30 "$dir/BaseTools.log" >&2; exit 1; }
    touch "$dir/BaseTools/.built"
}

build_image() {
    local dir=$1 kind=${2^^} target=$3/OVMF-xen-$2.fd log=$1/OvmfXenVariable.$2.log start=$SECONDS
    in_edk2 "$dir" nice -n 5 build -a X64 -t "$(toolchain "$dir")" -b "$kind" -n "$(nproc)" \
        -p OvmfPkg/OvmfXenVariable.dsc >"$log" 2>&1 || { tail -40 "$log" >&2; exit 1; }
    cp "$dir/Build/OvmfXenVariable/${kind}_$(toolchain "$dir")/FV/OVMF.fd" "$target"
    say "$(basename "$target"): $((SECONDS - start)) s"
}

# build_images DIR TARGET KIND...
build_images() {
    local dir=$1 target=$2 kind
    shift 2
    "$here/wire-platform" "$dir"
    rm -rf "$dir/Build/OvmfXenVariable"
    build_tools "$dir"
    for kind in "$@"; do
        build_image "$dir" "$kind" "$target"
    done
    printf 'edk2: %s\nXenVariablePkg: %s\ncompiler: %s\n' "$(basename "$dir")" "$(content_key)" \
        "$(gcc --version | head -n 1)" >"$target/firmware.txt"
}

mkdir -p "$out"
if [ -n "$tree" ]; then
    build_images "$tree" "$out" "${kinds[@]}"
    exit
fi

kept=$cache/firmware/$(content_key)
find_missing() {
    local kind
    missing=()
    for kind in "${kinds[@]}"; do
        [ -e "$kept/OVMF-xen-$kind.fd" ] || missing+=("$kind")
    done
}

# One build at a time: they share the tree. What is there of another is of one that was aborted.
find_missing
if [ ${#missing[@]} -gt 0 ]; then
    mkdir -p "$kept"
    exec 9>"$cache/firmware.lock"
    flock -n 9 || { say "waiting for another build"; flock 9; }
    find_missing
fi
if [ ${#missing[@]} -gt 0 ]; then
    rm -rf "$cache"/firmware.??????
    work=$(mktemp -d "$cache/firmware.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    source_tree=$(debian_tree)
    build_images "$source_tree" "$work" "${missing[@]}"
    rm -rf "$source_tree/Build"
    mv "$work"/*.txt "$work"/*.fd "$kept/"
fi
for kind in "${kinds[@]}"; do
    cp "$kept/OVMF-xen-$kind.fd" "$out/"
done
cp "$kept/firmware.txt" "$out/"
say "$(paste -sd, "$out/firmware.txt") in $out"
