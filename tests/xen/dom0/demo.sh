# shellcheck shell=bash source=tests/xen/dom0/lib.sh
# SPDX-License-Identifier: BSD-2-Clause
# make demo: what an administrator of a plain Xen host sees, step by step.
. /host/lib.sh

set_up_wrapper

step() {
    echo "@@"
    note "$*"
}

show() { # show < text: without what only a terminal wants
    sed 's/\x1b\[[0-9;=]*[A-Za-z]//g' | tr -d '\r' | cut -c1-150 | sed 's/^/@@     /'
}

# What has to happen, or the demo ends.
must() {
    check "$@"
    [ "$failed" -eq 0 ] || { summary; exit 1; }
}

log_lines() { # log_lines NAME TEXT: of the daemon, with these words in them
    grep -a -- "$2" "$(log_of "$1")" | cut -d' ' -f3- | show
}

step "A host with xl and without XAPI. The guest's configuration says:"
make_guest unsigned unsigned 'device_model_override = "/host/uefistored-dm"'
grep -e '^type' -e '^firmware' -e '^bios' -e '^device_model_override' "$work/unsigned.cfg" | show
set_for_guest unsigned 'secure-boot = yes' 'keys = /host/keys'
set_for_guest demo 'secure-boot = yes' 'keys = /host/keys'
echo "@@ and its settings, /etc/uefistored/vms/unsigned.conf:"
show </etc/uefistored/vms/unsigned.conf

step "xl create: its loader is not signed by anybody"
must "the guest starts" xl_guest unsigned unsigned
must "its firmware goes on without the loader" wait_serial unsigned 150 SHELL-UP
grep -a -e 'Access Denied' -e 'Security Violation' "$(serial unsigned)" | head -n 2 | show
echo "@@ and the host knows:"
log_lines unsigned 'refused an image'
must "xenstore tells of it, too" xenstore-exists "/local/domain/$(domid unsigned)/uefistored/refused-image"
xl destroy unsigned

step "xl create: Debian's own shim, GRUB and kernel, with Microsoft's certificates in db"
must "the guest starts" xl_guest demo demo
must "Linux is up" wait_console demo 300 GUEST-UP
must "it sees Secure Boot, and can't change the keys" wait_console demo 60 'BUSY 10'
take_guest_checks demo

step "It writes variables all the time. Its daemon is killed with -9:"
domain=$(domid demo)
pid=$(daemon_pid "$domain")
kill -9 "$pid"
another_serves() { [ "$(daemon_pid "$domain")" != "$pid" ]; }
must "another daemon serves" wait_for 20 another_serves
log_lines demo 'starting another\|took over'
must "the guest noticed nothing and writes on to its end" wait_console demo 120 GUEST-END
take_guest_checks demo
must "it powers off" wait_for 60 is_gone demo
must "no daemon is left" wait_for 15 no_daemons

step "What is kept of it on disk:"
/host/varstore status --store "$stores/demo" 2>&1 | show
/host/varstore ls --store "$stores/demo" 2>&1 | tail -n 6 | show

echo "@@"
summary
