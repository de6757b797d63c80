# shellcheck shell=bash source=tests/xen/dom0/lib.sh
# SPDX-License-Identifier: BSD-2-Clause
# The daemon under its real sandbox, the firmware's shell, Linux, death and adoption, save and restore.
. /host/lib.sh

note "first boot to the shell"
make_guest one shell
start=$(now)
check "one: starts" create_guest one
check "one: reaches the shell" wait_serial one 150 SHELL-UP
note "measured: $(since "$start") s from xl create to the shell"
check "one: the script ends" wait_serial one 60 SHELL-END
pid=$(daemon_pid "$(domid one)")
check "one: begins with nothing" says "$(serial one)" FIRST-BOOT
check "one: runs without privileges" [ "$(awk '/^CapEff/ { print $2 }' "/proc/$pid/status")" = 0000000000000000 ]
check "one: runs as its own user" [ "$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")" -gt 65535 ]
check "one: runs under seccomp" [ "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")" = 2 ]
note "measured: $(cpu_seconds "$pid") s of the daemon's CPU for the boot"
destroy_guest one

note "second boot, and another guest beside it"
make_guest two shell
wrap_daemon="strace -f -c -o $logs/strace" check "one: starts again" create_guest one --record "$logs/one.record"
check "two: starts beside it" create_guest two
check "one: reaches the shell again" wait_serial one 200 SHELL-END
check "two: reaches the shell" wait_serial two 200 SHELL-END
check "one: what it wrote is still there" says "$(serial one)" SECOND-BOOT
check "one: with the same value" says "$(serial one)" '70 65 72 73 69 73 74 65 6E 74' # "persistent"
check "two: does not see it" says "$(serial two)" FIRST-BOOT
destroy_guest one
destroy_guest two
note "measured: $(awk '$NF == "total" { print $4 }' "$logs/strace") system calls of the daemon for a boot"

note "Linux"
make_guest linux linux
check "linux: starts" create_guest linux
check "linux: is up" wait_console linux 200 GUEST-UP
check "linux: ends its checks" wait_console linux 100 'GUEST-RESET\|GUEST-END'
check "linux: the domain ends" wait_for 60 is_gone linux
take_guest_checks linux
check "linux: starts a second time" create_guest linux
check "linux: is up again" wait_console linux 200 GUEST-END
take_guest_checks linux
check "linux: powers off" wait_for 60 is_gone linux

note "the daemon is killed under a guest that writes, and adopted"
make_guest busy busy
check "busy: starts" create_guest busy
check "busy: writes" wait_console busy 200 'BUSY 10'
pid=$(daemon_pid "$(domid busy)")
kill -9 "$pid"
wait_for 10 is_dead "$pid"
sleep 2
check "busy: waits while there is no daemon" [ "$(xl domid busy)" -gt 0 ]
check "busy: a second daemon takes over" start_daemon busy
check "busy: it says so" says "$logs/busy.daemon" 'took over'
note "save and restore under the same guest"
sleep 3
pid=${daemon_of[busy]}
check "busy: is saved" xl save busy "$work/busy.save"
check "busy: its daemon ends" wait_for 15 is_dead "$pid"
check "busy: is restored" xl restore -p "$work/busy.save"
check "busy: a daemon for the new domain" start_daemon busy
xl unpause busy
check "busy: goes on to its end" wait_console busy 120 GUEST-END
take_guest_checks busy
check "busy: powers off" wait_for 60 is_gone busy

summary
