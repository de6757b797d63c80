# shellcheck shell=bash source=tests/xen/dom0/lib.sh
# SPDX-License-Identifier: BSD-2-Clause
# The daemon as a toolstack starts it, under its real sandbox, and the firmware's shell.
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
wrap_daemon="strace -f -y -o $logs/strace" check "one: starts again" create_guest one --record "$logs/one.record"
check "two: starts beside it" create_guest two
check "one: reaches the shell again" wait_serial one 300 SHELL-END
xl pause one # its shell asks for keys all the time, and dom0 is busy with that
check "two: reaches the shell" wait_serial two 300 SHELL-END
check "one: what it wrote is still there" says "$(serial one)" SECOND-BOOT
check "one: with the same value" says "$(serial one)" '70 65 72 73 69 73 74 65 6E 74' # "persistent"
check "two: does not see it" says "$(serial two)" FIRST-BOOT
destroy_guest one
destroy_guest two

summary
