# shellcheck shell=bash source=tests/xen/dom0/lib.sh
# SPDX-License-Identifier: BSD-2-Clause
# Plain Xen: xl starts and ends everything, through device_model_override=.
. /host/lib.sh

export UEFISTORED_CONFIG=/etc/uefistored
mkdir -p /etc/uefistored/vms "$stores"
cat >/etc/uefistored/uefistored-dm.conf <<CONF
# the lab's
daemon = /host/uefistored
store = $stores
keys = /host/none
CONF
# As docs/XEN.md has them in a guest's configuration.
firmware=/usr/lib/uefistored/OVMF-xen-release.fd
device_model=/usr/libexec/uefistored/uefistored-dm
mkdir -p "${firmware%/*}" "${device_model%/*}"
ln -sf /host/OVMF.fd "$firmware"
ln -sf /host/uefistored-dm "$device_model"

# xl_guest NAME IMAGE [LINE...]
xl_guest() {
    local name=$1 image=$2
    shift 2
    make_guest "$name" "$image" "device_model_override = \"$device_model\"" 'on_reboot = "restart"' "$@"
    sed -i "s|\"/host/OVMF.fd\"|\"$firmware\"|" "$work/$name.cfg"
    rm -f "$(serial "$name")"
    xl create "$work/$name.cfg" >>"$logs/xl.log" 2>&1
}

log_of() {
    echo "/var/log/xen/uefistored-$1.log"
}

newer_domain() { # newer_domain NAME OLD
    [ "$(domid "$1")" -gt "$2" ]
}

other_daemon() { # other_daemon DOMAIN OLD
    [ "$(daemon_pid "$1")" != "$2" ]
}

nothing_in_run() {
    [ -z "$(ls /run/uefistored)" ]
}

no_daemons() {
    ! pgrep -f '^/host/uefistored --domain' >/dev/null
}

note "Linux resets itself, and xl starts it again"
check "linux: xl create" xl_guest linux linux
first=$(domid linux)
check "linux: its daemon serves" [ -n "$(daemon_pid "$first")" ]
check "linux: is up" wait_console linux 200 GUEST-UP
check "linux: resets" wait_console linux 100 GUEST-RESET
check "linux: is another domain now" wait_for 60 newer_domain linux "$first"
check "linux: ends its second boot" wait_console linux 200 GUEST-END
take_guest_checks linux
check "linux: powers off" wait_for 60 is_gone linux
check "linux: no daemon is left" wait_for 15 no_daemons
check "linux: no file is left in /run" wait_for 5 nothing_in_run

note "a daemon that is killed is followed by another"
check "busy: xl create" xl_guest busy busy
check "busy: writes" wait_console busy 200 'BUSY 10'
domain=$(domid busy)
pid=$(daemon_pid "$domain")
kill -9 "$pid"
check "busy: another daemon serves" wait_for 20 other_daemon "$domain" "$pid"
check "busy: the log tells of it" says "$(log_of busy)" 'starting another'
note "it is saved, and restored with what the daemon had in memory"
sleep 3
check "busy: is saved" xl save busy "$work/busy.save"
check "busy: no daemon is left behind the save" wait_for 15 no_daemons
check "busy: its suspend image is kept" wait_for 5 [ -s "$stores/.images/busy" ]
check "busy: is restored" xl restore "$work/busy.save"
check "busy: goes on from the image" says "$(log_of busy)" 'resumed:'
check "busy: which is used up" [ ! -e "$stores/.images/busy" ]
check "busy: goes on to its end" wait_console busy 150 GUEST-END
take_guest_checks busy
check "busy: powers off" wait_for 60 is_gone busy
check "busy: no daemon is left" wait_for 15 no_daemons

note "Secure Boot by a settings file of the guest"
printf 'secure-boot = yes\nkeys = /host/keys\n' >/etc/uefistored/vms/unsigned.conf
check "unsigned: xl create" xl_guest unsigned unsigned
check "unsigned: the shell starts instead of the loader" wait_serial unsigned 150 SHELL-UP
check "unsigned: the log tells of the refusal" says "$(log_of unsigned)" 'refused an image'
check "unsigned: xenstore tells of the refusal" \
    xenstore-exists "/local/domain/$(domid unsigned)/uefistored/refused-image"
xl destroy unsigned
check "unsigned: no daemon is left" wait_for 15 no_daemons

note "a daemon that can't start is told of, and the guest isn't started"
printf 'identity = uuid\nkeys = /host/keys\ndaemon = /usr/bin/false\n' >/etc/uefistored/vms/shell.conf
check "shell: xl create fails" eval '! xl_guest shell shell'
check "shell: and says why" says /var/log/xen/qemu-dm-shell.log 'did not start'
check "shell: there is no such domain" is_gone shell
printf 'secure-boot = perhaps\n' >/etc/uefistored/vms/shell.conf
check "shell: a wrong setting is refused" eval '! xl_guest shell shell'
check "shell: and named" says /var/log/xen/qemu-dm-shell.log 'must be one of: yes no'

summary
