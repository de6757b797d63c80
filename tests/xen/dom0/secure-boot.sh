# shellcheck shell=bash source=tests/xen/dom0/lib.sh
# SPDX-License-Identifier: BSD-2-Clause
# Secure Boot with a test owner's keys, and with the chain that users run. What the guest really does is
# compared with what varstore verify says of the same image and the same store.
. /host/lib.sh

set_up_wrapper

# What efitools' HelloWorld.efi shows when it runs
greeting='This file is used to prove'

# secure_guest NAME KEYS: a guest with Secure Boot on, from the disk NAME
secure_guest() {
    local name=$1 keys=$2
    set_for_guest "$name" 'secure-boot = yes' "keys = /host/$keys"
    check "$name: starts with Secure Boot" xl_guest "$name" "$name"
}

verify_says() { # verify_says NAME STATUS
    local status=0
    /host/varstore verify --store "$stores/$1" "/host/loaders/$1.efi" || status=$?
    [ "$status" -eq "$2" ]
}

# The firmware refuses what is on the disk, tells the host, and goes on with its own shell.
is_refused() {
    local name=$1
    check "$name: the shell starts instead" wait_serial "$name" 150 SHELL-UP
    check "$name: the firmware refused it" says "$(serial "$name")" 'Access Denied\|Security Violation'
    check "$name: the log tells of the refusal" says "$(log_of "$name")" 'refused an image'
    check "$name: xenstore tells of the refusal" \
        xenstore-exists "/local/domain/$(domid "$name")/uefistored/refused-image"
    xl destroy "$name"
    check "$name: varstore verify agrees" verify_says "$name" 1
}

is_started() {
    local name=$1
    check "$name: nobody was told of a refusal" says_not "$(log_of "$name")" 'refused an image'
    check "$name: varstore verify agrees" verify_says "$name" 0
}

for name in unsigned other; do
    note "a loader that is $name"
    secure_guest $name keys
    is_refused $name
    check "$name: did not run" says_not "$(serial $name)" "$greeting"
done

note "a loader that is signed with a key of db"
secure_guest signed keys
check "signed: runs" wait_serial signed 150 "$greeting"
xl destroy signed
is_started signed

note "shim, GRUB and Linux of Debian, with Microsoft's certificates in db"
secure_guest chain keys
check "chain: Linux is up" wait_console chain 300 GUEST-UP
check "chain: ends its checks" wait_console chain 60 GUEST-END
take_guest_checks chain
check "chain: powers off" wait_for 60 is_gone chain
is_started chain

note "the same with shim's hash in dbx"
check "chain: the daemon is gone" wait_for 15 no_daemons
rm -rf "${stores:?}/chain" "$(log_of chain)"
secure_guest chain revoked
is_refused chain
check "chain: no daemon is left" wait_for 15 no_daemons

summary
