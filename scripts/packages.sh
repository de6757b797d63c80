#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# packages.sh GROUP...: sees to the Debian packages that a target needs: root installs them, anybody else is told.
set -euo pipefail

# test: mtools and QEMU to boot a converted store in plain QEMU
declare -A groups=(
    [build]="gcc libc6-dev make pkg-config libssl-dev libexpat1-dev libjansson-dev libxen-dev scdoc"
    [test]="libseccomp-dev libcmocka-dev openssl efitools sbsigntool python3 ovmf shim-signed grub-efi-amd64-signed dosfstools \
        mtools qemu-system-x86"
    [analysis]="clang clang-tools clang-format libclang-rt-14-dev llvm"
    [cover]="gcovr"
    [firmware]="acpica-tools build-essential dpkg-dev nasm patch python3 uuid-dev"
    [lab]="cpio debootstrap dosfstools dpkg-dev efitools kmod mtools openssl python3 sbsigntool zstd"
)

missing=()
for group in "$@"; do
    for package in ${groups[$group]}; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok' || missing+=("$package")
    done
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing. As root: apt-get install ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >&2
apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
