#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# firmware/build.sh with a tree that pretends to be edk2: what is built when, what is kept, and what an aborted build
# leaves behind. Whether the real one compiles is seen by `make firmware`.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

# shellcheck source=tests/support/check.sh
. tests/support/check.sh
export UEFISTORED_CACHE=$folder/cache
mkdir -p "$folder/scripts"
cp -r firmware "$folder/firmware"
build=$folder/firmware/build.sh

# ---------------------------------------------------------------------------------------- the pretence

platform() { # what wire-platform looks for; fdf: in the volumes' syntax
    local stack=(OvmfPkg/EmuVariableFvbRuntimeDxe/Fvb.inf MdeModulePkg/Universal/FaultTolerantWriteDxe/FaultTolerantWriteDxe.inf
        MdeModulePkg/Universal/Variable/RuntimeDxe/VariableRuntimeDxe.inf)
    local flash=OvmfPkg/QemuFlashFvbServicesRuntimeDxe/FvbServicesRuntimeDxe.inf
    if [ "$1" = dsc ]; then
        printf '%s\n' 'FLASH_DEFINITION = OvmfPkg/OvmfXen.fdf' 'OUTPUT_DIRECTORY = Build/OvmfXen' \
            '  PciHostBridgeLib|OvmfPkg/Library/PciHostBridgeLibScan/PciHostBridgeLibScan.inf' \
            '  MdeModulePkg/Universal/SecurityStubDxe/SecurityStubDxe.inf'
        printf '  %s\n' "$flash" "${stack[@]}"
    else
        printf '  INF %s\n' "$flash"
        printf 'INF %s\n' "$flash" "${stack[@]}"
    fi
}

make_tree() { # make_tree DIR: an edk2 whose build breaks on what it finds of another build
    mkdir -p "$1"/{OvmfPkg/Library/PciHostBridgeLibScan,BaseTools/Conf,debian/patches,bin}
    platform dsc >"$1/OvmfPkg/OvmfXen.dsc"
    platform fdf >"$1/OvmfPkg/OvmfXen.fdf"
    echo 'while (PrimaryBus <= PCI_MAX_BUS) {' >"$1/OvmfPkg/Library/PciHostBridgeLibScan/ScanForRootBridges.c"
    echo '*_GCC5_X64' >"$1/BaseTools/Conf/tools_def.template"
    # shellcheck disable=SC2016 # for make
    printf 'all:\n\t@test ! -e half\n\t@echo tools >>%s\nclean:\n\t@rm -f half\n' "$folder/made" >"$1/BaseTools/Makefile"
    echo "PATH=\$WORKSPACE/bin:\$PATH" >"$1/edksetup.sh"
    cat >"$1/bin/build" <<BUILD
#!/bin/sh
while [ \$# -gt 0 ]; do [ "\$1" != -b ] || kind=\$2; shift; done
out=Build/OvmfXenVariable/\${kind}_GCC5/FV
[ ! -e Build/OvmfXenVariable/half ] || { echo "a half-made file" >&2; exit 1; }
mkdir -p \$out
[ ! -e $folder/abort ] || { touch Build/OvmfXenVariable/half; kill -9 \$PPID; exit 1; }
grep -q XenVariableDxe OvmfPkg/OvmfXenVariable.dsc && echo \$kind >\$out/OVMF.fd && echo \$kind >>$folder/made
BUILD
    chmod +x "$1/bin/build"
    : >"$1/debian/patches/Disable-the-Shell-when-SecureBoot-is-enabled.patch"
}

made() { # made WORDS: since it was asked last
    [ "$(paste -sd' ' "$folder/made" 2>/dev/null)" = "$1" ] || { cat "$folder/made"; return 1; }
    rm -f "$folder/made"
}

make_tree "$folder/edk2-1"
cat >"$folder/scripts/debian-box" <<BOX
#!/bin/sh
case \$2 in
version) echo 1 ;;
source) cp -r $folder/edk2-1 . && echo source >>$folder/made ;;
esac
BOX
chmod +x "$folder/scripts/debian-box"

# ----------------------------------------------------------------------------------------------- tests

helps() {
    "$build" --help | grep -q -- '--edk2 TREE' && ! "$build" && ! "$build" --unknown x && ! "$build" --edk2 "$folder" x
}

builds_from_the_archive() {
    "$build" "$folder/out" && made 'source tools DEBUG RELEASE' &&
        [ "$(cat "$folder"/out/OVMF-xen-{debug,release}.fd)" = $'DEBUG\nRELEASE' ] && grep -q edk2 "$folder/out/firmware.txt"
}

keeps_what_has_not_changed() {
    "$build" "$folder/again" && made '' && cmp "$folder"/{out,again}/OVMF-xen-debug.fd &&
        touch "$folder/firmware/build.sh" && echo more >>"$folder/firmware/README.md" && "$build" "$folder/again" && made ''
}

builds_one_when_one_is_asked_for() {
    echo '// other' >>"$folder/firmware/XenVariablePkg/XenVariableDxe/Wire.c"
    "$build" --only release "$folder/only" && made RELEASE && [ ! -e "$folder/only/OVMF-xen-debug.fd" ] &&
        "$build" "$folder/only" && made DEBUG
}

builds_what_has_changed() {
    echo '// more' >>"$folder/firmware/XenVariablePkg/XenVariableDxe/Wire.c"
    "$build" "$folder/again" && made 'DEBUG RELEASE'
}

builds_after_an_abort() {
    echo '// yet more' >>"$folder/firmware/XenVariablePkg/XenVariableDxe/Wire.c"
    touch "$folder/abort"
    mkdir "$UEFISTORED_CACHE/firmware.abcdef"
    ! "$build" "$folder/aborted" && [ ! -e "$folder/aborted/firmware.txt" ] || return
    rm "$folder/abort" "$UEFISTORED_CACHE"/edk2/1/BaseTools/.built
    touch "$UEFISTORED_CACHE"/edk2/1/BaseTools/half
    [ -e "$UEFISTORED_CACHE"/edk2/1/Build/OvmfXenVariable/half ] || return
    "$build" "$folder/aborted" && made 'tools DEBUG RELEASE' && [ ! -e "$UEFISTORED_CACHE/firmware.abcdef" ]
}

builds_another_tree() {
    make_tree "$folder/other"
    "$build" --edk2 "$folder/other" "$folder/of-other" && made 'tools DEBUG RELEASE' &&
        grep -q 'edk2: other' "$folder/of-other/firmware.txt" && cmp "$folder/edk2-1/OvmfPkg/OvmfXen.dsc" "$folder/other/OvmfPkg/OvmfXen.dsc"
}

refuses_a_tree_that_it_does_not_know() {
    sed -i /SecurityStubDxe/d "$folder/other/OvmfPkg/OvmfXen.dsc"
    ! "$build" --edk2 "$folder/other" "$folder/of-other" && made ''
}

check help_and_wrong_usage helps
check both_images_are_built_from_the_archives_source builds_from_the_archive
check what_has_not_changed_is_not_built_again keeps_what_has_not_changed
check one_image_is_built_when_one_is_asked_for builds_one_when_one_is_asked_for
check what_has_changed_is builds_what_has_changed
check a_build_that_was_aborted_does_not_break_the_next builds_after_an_abort
check another_tree_is_built_and_nothing_in_it_changed builds_another_tree
check a_tree_without_what_is_replaced_is_refused refuses_a_tree_that_it_does_not_know
