# shellcheck shell=bash source=tests/xen/dom0/lib.sh
# SPDX-License-Identifier: BSD-2-Clause
# Secure Boot with a test owner's keys, and with the chain that users run.
. /host/lib.sh

# What efitools' HelloWorld.efi shows when it runs
greeting='This file is used to prove'

# secure_guest NAME KEYS: a guest with Secure Boot on, from the disk NAME
secure_guest() {
    local name=$1 keys=$2
    make_guest "$name" "$name"
    check "$name: starts with Secure Boot" create_guest "$name" --secure-boot yes --keys "/host/$keys"
}

for name in unsigned other; do
    note "a loader that is $name"
    secure_guest $name keys
    check "$name: the shell starts instead" wait_serial $name 150 SHELL-UP
    check "$name: did not run" says_not "$(serial $name)" "$greeting"
    check "$name: the firmware refused it" says "$(serial $name)" 'Access Denied\|Security Violation'
    check "$name: the host was told" says "$logs/$name.daemon" "refused an image"
    destroy_guest $name
done

note "a loader that is signed with a key of db"
secure_guest signed keys
check "signed: runs" wait_serial signed 150 "$greeting"
check "signed: nobody was told of a refusal" says_not "$logs/signed.daemon" 'refused an image'
destroy_guest signed

note "shim, GRUB and Linux of Debian, with Microsoft's certificates in db"
secure_guest chain keys
check "chain: Linux is up" wait_console chain 300 GUEST-UP
check "chain: ends its checks" wait_console chain 60 GUEST-END
take_guest_checks chain
check "chain: powers off" wait_for 60 is_gone chain

note "the same with shim's hash in dbx"
rm -rf "$stores/chain"
secure_guest chain revoked
check "revoked: the shell starts instead" wait_serial chain 200 SHELL-UP
check "revoked: the firmware refused shim" says "$(serial chain)" 'Access Denied\|Security Violation'
check "revoked: the host was told" says "$logs/chain.daemon" "refused an image"
destroy_guest chain

summary
