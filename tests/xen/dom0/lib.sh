# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the scenarios in dom0 share: guests, daemons, waiting and checks. Every check prints one line that
# begins with PASS or FAIL; the runner shows them, and the last line counts them.
set -uo pipefail

work=/tmp/lab
# In memory: the firmware's messages are written one by one, and each write to /host is a slow one.
logs=$work/logs
stores=/var/lib/uefistored
emulator_fault=77
passed=0
failed=0
declare -A daemon_of=()
mkdir -p "$work" "$logs" "$stores"

# A stage begins; what was logged so far is kept even if the lab's time ends in this one.
note() {
    echo "@@ $*"
    keep_logs
}

keep_logs() {
    xl dmesg >"$logs/xl-dmesg" 2>/dev/null
    cp -r "$logs" /host/
    cp /var/log/xen/*.log /host/logs/ 2>/dev/null
}

pass() {
    passed=$((passed + 1))
    echo "PASS $*"
}

fail() {
    failed=$((failed + 1))
    echo "FAIL $*"
    keep_logs
    # QEMU 7.2 now and then lets a guest go on in the hypervisor's registers, and so crash: no guest gets
    # there by itself. The runner begins anew.
    ! grep -q 'RIP: *e008:.*ffff82d0' "$logs/xl-dmesg" || exit "$emulator_fault"
}

# check NAME COMMAND...: does it succeed?
check() {
    local name=$1
    shift
    if "$@" >"$work/check" 2>&1; then pass "$name"; else fail "$name ($(tail -n 1 "$work/check"))"; fi
}

# On an idle machine dom0 is up after 8 s. What is waited for may take longer in proportion: other work on
# the machine must not fail a test.
slowness=$(awk '{ s = int($1 / 8 + 0.5); if (s < 1) s = 1; if (s > 6) s = 6; print s }' /proc/uptime)

# wait_for SECONDS COMMAND...: until it succeeds, in SECONDS of an idle machine
wait_for() {
    local end=$((SECONDS + $1 * slowness))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.5
    done
}

now() {
    cut -d' ' -f1 /proc/uptime
}

since() {
    awk -v from="$1" '{ printf "%.1f", $1 - from }' /proc/uptime
}

# ------------------------------------------------------------------------------------------------ guests

serial() {
    echo "$logs/$1.serial"
}

# What Linux prints; xenconsoled begins a new file for each domain, and appends.
console() {
    echo "/var/log/xen/console/guest-$1.log"
}

# make_guest NAME IMAGE [LINE...]: a disk of its own and an xl configuration
make_guest() {
    local name=$1 image=$2
    shift 2
    cp "/host/$image.img" "$work/$name.img"
    cat >"$work/$name.cfg" <<CFG
name = "$name"
type = "hvm"
firmware = "ovmf"
bios_path_override = "/host/OVMF.fd"
memory = 384
vcpus = 1
vga = "none"
vnc = 0
nographic = 1
serial = "file:$(serial "$name")"
disk = [ "format=raw,vdev=xvde,access=rw,backendtype=qdisk,target=$work/$name.img" ]
device_model_args = [ "-debugcon", "file:$logs/$name.debug", "-global", "isa-debugcon.iobase=0x402" ]
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "preserve"
$(printf '%s\n' "$@")
CFG
}

domid() {
    xl domid "$1" 2>/dev/null
}

# create_guest NAME [DAEMON OPTION...]: paused, its daemon, go
create_guest() {
    local name=$1
    shift
    rm -f "$(serial "$name")"
    xl create -p "$work/$name.cfg" >>"$logs/xl.log" 2>&1 || return 1
    start_daemon "$name" "$@" || return 1
    xl unpause "$name"
}

is_gone() {
    ! xl list 2>/dev/null | awk 'NR > 1 { print $1 }' | grep -qx -e "$1" -e '(null)'
}

# The domain and its daemon leave nothing behind.
destroy_guest() {
    local name=$1 pid=${daemon_of[$1]:-}
    xl destroy "$name"
    [ -n "$pid" ] || return
    check "$name: the daemon ends with its domain" wait_for 10 is_dead "$pid"
    check "$name: no zombie is left" wait_for 10 is_gone "$name"
    unset "daemon_of[$name]"
}

says() { # says FILE TEXT
    grep -aq -- "$2" "$1"
}

says_not() {
    ! says "$@"
}

wait_serial() { # wait_serial NAME SECONDS TEXT
    wait_for "$2" says "$(serial "$1")" "$3"
}

wait_console() {
    wait_for "$2" says "$(console "$1")" "$3"
}

# The guest's own checks, from its console, count like ours.
take_guest_checks() {
    local name=$1 line
    while read -r line; do
        case $line in
        PASS*) pass "$name: ${line#PASS guest: }" ;;
        FAIL*) fail "$name: ${line#FAIL guest: }" ;;
        esac
    done < <(tr -d '\r' <"$(console "$name")" | grep -a '^\(PASS\|FAIL\) guest')
    cat "$(console "$name")" >>"$logs/$name.console"
    : >"$(console "$name")"
}

# ----------------------------------------------------------------------------------------------- daemons

is_dead() {
    ! kill -0 "$1" 2>/dev/null
}

# start_daemon NAME [OPTION...]: as a toolstack would, and wait until it serves
start_daemon() {
    local name=$1 domain root user pid
    shift
    domain=$(domid "$name") || return 1
    root=/run/uefistored/root-$domain
    user=$((65536 + domain))
    install -d -m 0750 -g "$user" "$root"
    # The variables belong to the user of this start.
    install -d -m 0700 "$stores/$name"
    chown -Rh "$user:$user" "$stores/$name"
    # shellcheck disable=SC2086 # a command with arguments, or nothing
    setsid ${wrap_daemon:-} /host/uefistored --domain "$domain" --backend file --arg "path:$stores/$name" \
        --pidfile "/run/uefistored/$domain.pid" --depriv --uid "$user" --gid "$user" --chroot "$root" \
        --log-level info "$@" >>"$logs/$name.daemon" 2>&1 </dev/null &
    pid=$!
    daemon_of[$name]=$pid
    wait_for 20 daemon_serves "$domain" "$pid" && ! is_dead "$pid"
}

# Its own pid, which is not the one of strace where that is in front.
daemon_pid() {
    xenstore-read "/local/domain/$1/varstored-pid" 2>/dev/null
}

daemon_serves() {
    local pid
    is_dead "$2" && return 0 # no use in waiting longer
    pid=$(daemon_pid "$1") && ! is_dead "$pid" && grep -aq uefistored "/proc/$pid/cmdline"
}

cpu_seconds() { # of a process, to a hundredth
    awk '{ printf "%.2f", ($14 + $15) / 100 }' "/proc/$1/stat"
}

# -------------------------------------------------------------------------------------------- uefistored-dm

# As an administrator sets it up; see docs/XEN.md.
set_up_wrapper() {
    mkdir -p /etc/uefistored/vms
    cat >/etc/uefistored/uefistored-dm.conf <<CONF
# the lab's
daemon = /host/uefistored
store = $stores
keys = /host/none
CONF
}

# set_for_guest NAME SETTING...: the guest's own settings
set_for_guest() {
    local name=$1
    shift
    printf '%s\n' "$@" >"/etc/uefistored/vms/$name.conf"
}

# xl_guest NAME IMAGE [LINE...]: xl and the wrapper start everything
xl_guest() {
    local name=$1 image=$2
    shift 2
    make_guest "$name" "$image" 'device_model_override = "/host/uefistored-dm"' 'on_reboot = "restart"' "$@"
    rm -f "$(serial "$name")"
    xl create "$work/$name.cfg" >>"$logs/xl.log" 2>&1
}

# What the daemon and its supervisor say
log_of() {
    echo "/var/log/xen/uefistored-$1.log"
}

no_daemons() {
    ! pgrep -f '^/host/uefistored --domain' >/dev/null
}

# --------------------------------------------------------------------------------------------------- end

summary() {
    keep_logs
    echo "@@ $passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
