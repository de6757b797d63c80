#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# make install, install-firmware and uninstall below a DESTDIR, with the programs of this variant; and that what is
# documented of uefistored-dm is what there is.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS

# shellcheck source=tests/support/check.sh
. tests/support/check.sh
dest=$folder/dest
build=$folder/build

# Nothing is compiled or fetched: the programs and images are there, and nothing is looked at that they are made of.
mkdir -p "$build/release" "$build/firmware"
for program in uefistored uefistored-verifier varstore; do cp "$BUILD_DIR/$program" "$build/release/"; done
touch "$build"/packages-{build,build-firmware}.mk "$build"/firmware/{OVMF-xen-debug.fd,OVMF-xen-release.fd,firmware.txt}

run_make() {
    make -s BUILD="$build" DESTDIR="$dest" PREFIX=/usr -o all -o firmware "$@"
}

files() { # lists what is installed, as paths on the host
    (cd "$dest" && find . ! -type d | sed 's/^.//' | sort)
}

has() { # has FILE...: on the host
    local file
    for file in "$@"; do [ -e "$dest$file" ] || { echo "no $file" && return 1; }; done
}

installs() {
    run_make man && run_make install && run_make install-firmware && files
}

has_everything() {
    has /usr/sbin/{uefistored,varstored} /usr/libexec/uefistored/{uefistored-verifier,uefistored-dm} \
        /usr/bin/{varstore,varstore-ls,varstore-sb-state} /etc/uefistored/uefistored-dm.conf /etc/uefistored/{vms,keys} \
        /usr/lib/uefistored/OVMF-xen-{debug,release}.fd /usr/share/man/man8/{uefistored,uefistored-dm}.8 \
        /usr/share/man/man1/varstore.1 /usr/share/bash-completion/completions/{uefistored,varstore} &&
        [ -x "$dest/usr/libexec/uefistored/uefistored-dm" ] && "$dest/usr/sbin/varstored" --version
}

# What xl.cfg examples name is what is installed.
examples_fit() {
    local file path count=0
    for file in docs/XEN.md man/uefistored-dm.8.scd; do
        while read -r path; do
            has "$path" || return
            count=$((count + 1))
        done < <(sed -n 's/^ *\(bios_path\|device_model\)_override = "\(.*\)"$/\2/p' "$file")
    done
    [ "$count" -ge 4 ] || return
    # and what the lab starts its guests with
    while IFS= read -r path; do
        has "$path" && grep -q "^    [a-z_]*_override = \"$path\"$" docs/XEN.md || return
        count=$((count - 1))
    done < <(sed -n 's/^\(firmware\|device_model\)=//p' tests/xen/dom0/xl.sh)
    [ "$count" -ge 2 ]
}

# Each setting that the script knows, with its default, and no other.
settings_are_documented() {
    local name value
    sed -n 's/^    \[\([a-z-]*\)\]=\(.*\)$/\1 \2/p' packaging/xl/uefistored-dm >"$folder/settings"
    [ "$(wc -l <"$folder/settings")" -ge 10 ] || return
    while read -r name value; do
        grep -q "^\*$name\* = " man/uefistored-dm.8.scd || { echo "uefistored-dm.8: $name" && return 1; }
        [ "$value" = "''" ] || value=" = $value\$"
        grep -q "^#$name${value#"''"}" packaging/xl/uefistored-dm.conf || { echo "uefistored-dm.conf: $name" && return 1; }
    done <"$folder/settings"
    [ "$(grep -c '^#[a-z-]* = ' packaging/xl/uefistored-dm.conf)" = "$(wc -l <"$folder/settings")" ] &&
        [ "$(sed -n '/^# SETTINGS/,/^# SAVE/p' man/uefistored-dm.8.scd | grep -c '^\*[a-z-]*\* = ')" = "$(wc -l <"$folder/settings")" ]
}

# As a line that is no comment, each is taken.
example_is_taken() {
    mkdir -p "$folder/etc"
    sed 's/^#\([a-z-]* = \)/\1/; s|^device-model = .*|device-model = /bin/true|' packaging/xl/uefistored-dm.conf \
        >"$folder/etc/uefistored-dm.conf"
    UEFISTORED_CONFIG=$folder/etc "$dest/usr/libexec/uefistored/uefistored-dm" -version
}

options_are_documented() {
    local option
    "$BUILD_DIR/uefistored" --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p' >"$folder/options"
    [ "$(wc -l <"$folder/options")" -ge 15 ] || return
    while read -r option; do
        grep -q "^\*.*$option\*" man/uefistored.8.scd || { echo "uefistored.8: $option" && return 1; }
    done <"$folder/options"
}

messages_are_real() {
    python3 tests/support/known_messages.py docs/XEN.md packaging/xl/uefistored-dm src/*/*.c
}

completes() { # completes WORDS... CURRENT: what bash offers
    PATH=$BUILD_DIR:$PATH bash -c '
        compopt() { :; }
        . packaging/bash-completion/uefistored
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _uefistored
        echo "${COMPREPLY[*]}"' bash "$@"
}

completion_knows() {
    [ "$(completes uefistored --se)" = --secure-boot ] && [ "$(completes uefistored --backend f)" = file ] &&
        [ "$(completes uefistored --arg p)" = path: ]
}

settings_are_kept() {
    echo 'secure-boot = yes' >"$dest/etc/uefistored/uefistored-dm.conf"
    run_make install && run_make uninstall && [ "$(files)" = /etc/uefistored/uefistored-dm.conf ] &&
        grep -q 'secure-boot = yes' "$dest/etc/uefistored/uefistored-dm.conf"
}

leaves_nothing() {
    rm "$dest/etc/uefistored/uefistored-dm.conf"
    run_make install && run_make install-firmware && run_make uninstall && [ -z "$(files)" ] &&
        [ -z "$(find "$dest" -name 'uefistored*')" ]
}

check install_works installs
check everything_is_there has_everything
check the_paths_of_the_examples_are_installed examples_fit
check each_setting_of_uefistored_dm_is_documented settings_are_documented
check the_example_of_settings_is_taken example_is_taken
check each_option_of_the_daemon_is_documented options_are_documented
check each_message_in_the_table_of_troubles_exists messages_are_real
check the_completion_knows_the_daemons_options completion_knows
check settings_that_were_changed_are_kept settings_are_kept
check uninstall_leaves_nothing leaves_nothing
