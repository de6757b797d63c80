# shellcheck shell=bash source=tests/xen/dom0/lib.sh
# SPDX-License-Identifier: BSD-2-Clause
# Plain Xen: xl starts and ends everything, through device_model_override=.
. /host/lib.sh

set_up_wrapper

newer_domain() { # newer_domain NAME OLD
    [ "$(domid "$1")" -gt "$2" ]
}

other_daemon() { # other_daemon DOMAIN OLD
    [ "$(daemon_pid "$1")" != "$2" ]
}

nothing_in_run() {
    [ -z "$(ls /run/uefistored)" ]
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

note "a daemon that can't start is told of, and the guest isn't started"
set_for_guest shell 'identity = uuid' 'keys = /host/keys' 'daemon = /usr/bin/false'
check "shell: xl create fails" eval '! xl_guest shell shell'
check "shell: and says why" says /var/log/xen/qemu-dm-shell.log 'did not start'
check "shell: there is no such domain" is_gone shell
set_for_guest shell 'secure-boot = perhaps'
check "shell: a wrong setting is refused" eval '! xl_guest shell shell'
check "shell: and named" says /var/log/xen/qemu-dm-shell.log 'must be one of: yes no'

summary
