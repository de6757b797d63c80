#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""uefistored-dm as libxl runs it, with the real daemon on a pretended Xen host: QEMU, xenstore's tools and logger are
scripts. Each test is lives of one guest: started, saved, restored, killed, refused."""
import functools
import glob
import os
import signal
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../xapi")]
import cases  # noqa: E402
import sandbox_test  # noqa: E402
import vars  # noqa: E402
import xen  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD_DIR", "build/nosan"))
WRAPPER = os.path.join(HERE, "../../packaging/xl/uefistored-dm")
UUID = "11111111-2222-3333-4444-555555555555"
MOR_LOCK = uuid.UUID("bb983ccf-151d-40e1-a07b-4a17be168292").bytes_le
NV, VOLATILE = 7, 6
TESTS = []

COMMANDS = {
    "xenstore-read": 'cat "$XENSTUB_DIR/store$1"',
    "xenstore-write": 'mkdir -p "$(dirname "$XENSTUB_DIR/store$1")"; printf %s "$2" >"$XENSTUB_DIR/store$1"',
    "logger": 'echo "$*" >>"$XENSTUB_DIR/syslog"',
    "qemu": 'echo "$*" >"$XENSTUB_DIR/qemu.new"\n[ -z "${STATE:-}" ] || cat <&"$STATE" >"$XENSTUB_DIR/qemu-state"\n'
            'mv "$XENSTUB_DIR/qemu.new" "$XENSTUB_DIR/qemu"; exec sleep 600',
}


def test(function):
    @functools.wraps(function)
    def logged(lab):
        try:
            function(lab)
        except Exception:
            for domain in lab.domains[-2:]:
                print(f"of domain {domain.number}:\n{domain.log()}")
            raise

    TESTS.append(logged)
    return logged


def wait(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}, after {seconds} s"
        time.sleep(0.02)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def alive(pid):
    try:
        return read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Domain:
    """One start of the guest by xl: a pretended host with one domain, and the device model."""

    def __init__(self, lab, number, name, vm, arguments, descriptors):
        self.lab, self.number, self.name = lab, number, name
        self.folder = f"{lab.folder}/host-{number}"
        self.host = xen.Host(self.folder, BUILD, domain=number)
        self.host.set_key("name", name)
        self.host.set_key("vm", f"/vm/{vm}")
        environment = self.host.environment(
            PATH=f"{lab.folder}/bin:{os.environ['PATH']}", UEFISTORED_CONFIG=lab.config,
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0",  # it needs more than the sandbox gives
            STATE=str(descriptors[0]) if descriptors else "")
        self.log_path = f"{self.folder}/qemu-dm.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([lab.wrapper, "-xen-domid", str(number), "-name", name, *arguments], env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=descriptors)

    def log(self):
        return read(self.log_path)

    def serves(self):
        wait(lambda: self.process.poll() is not None or os.path.exists(f"{self.folder}/qemu"), "no device model")
        assert self.process.poll() is None, self.log()
        return xen.Guest(self.host)

    def fails(self):
        assert self.process.wait(60) == 1, self.log()
        assert not os.path.exists(f"{self.folder}/qemu")
        self.gone()
        return self.log()

    def daemon(self):
        return int(self.host.key("varstored-pid"))

    def kill_daemon(self):
        """Waits for the next one."""
        old = self.daemon()
        os.kill(old, signal.SIGKILL)
        wait(lambda: self.daemon() != old, "no other daemon")

    def gone(self):
        """xl destroys the domain: QEMU is told to end, Xen forgets it, xenstore too."""
        self.process.kill()
        self.process.wait()
        self.host.destroy()
        subprocess.run(["rm", "-r", f"{self.folder}/store/local/domain/{self.number}"], check=True)

    def end(self):
        self.gone()
        self.nothing_left()
        return self

    def nothing_left(self):
        wait(lambda: not self.lab.processes(), "processes are left")
        assert os.listdir(f"{self.lab.folder}/run") == [], os.listdir(f"{self.lab.folder}/run")


class Lab:
    def __init__(self, folder):
        self.folder, self.config, self.domains, self.wrapper = folder, f"{folder}/etc", [], WRAPPER
        os.chmod(folder, 0o755)
        for name in ("bin", "etc", "etc/vms", "run", "log"):
            os.mkdir(f"{folder}/{name}")
        for name, text in COMMANDS.items():
            write(f"{folder}/bin/{name}", f"#!/bin/sh\n{text}\n", 0o755)
        self.settings = {"daemon": f"{BUILD}/uefistored", "device-model": f"{folder}/bin/qemu", "store": f"{folder}/vms",
                         "run": f"{folder}/run", "log": f"{folder}/log", "keys": f"{folder}/none"}
        self.set()

    def set(self, **more):
        self.settings.update({name.replace("_", "-"): value for name, value in more.items()})
        write(f"{self.config}/uefistored-dm.conf",
              "# a comment\n\n" + "".join(f"{name} = {value}\n" for name, value in self.settings.items()))

    def hurry(self):
        """What takes long to be given up is given up soon."""
        self.wrapper = f"{self.folder}/uefistored-dm"
        text = read(WRAPPER)
        for name, seconds in (("former_seconds", 1), ("ready_seconds", 5)):
            assert f"\n{name}=" in text
            text = text.replace(f"\n{name}=", f"\n{name}={seconds} #")
        write(self.wrapper, text, 0o755)

    def start(self, *arguments, name="guest", vm=UUID, descriptors=()):
        self.domains.append(Domain(self, 7 + len(self.domains), name, vm, arguments, descriptors))
        return self.domains[-1]

    def restore(self, **more):
        return self.start("-incoming", "fd:17", **more)

    def syslog(self, name="guest"):
        return read(f"{self.folder}/log/uefistored-{name}.log")

    def image(self):
        return f"{self.folder}/vms/.images/guest"

    def processes(self):
        """What the wrapper started, by what is in their environment."""
        found = []
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as file:
                    ours = f"UEFISTORED_CONFIG={self.config}\0".encode() in file.read()
                if ours and alive(path.split("/")[2]):
                    found.append(read(os.path.dirname(path) + "/cmdline").replace("\0", " "))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass
        return found

    def end(self):
        pass

    def close(self):
        for domain in self.domains:
            if domain.process.poll() is None:
                domain.gone()
        try:
            wait(lambda: not self.processes(), "processes are left at the end")
        finally:
            for domain in self.domains:
                domain.host.close()


@test
def the_device_model_starts_when_the_daemon_serves_and_nothing_is_left(lab):
    reader, writer = os.pipe()
    os.write(writer, b"the state of QEMU")
    os.close(writer)
    domain = lab.start("-machine", "xenfv", "-serial", "pty", descriptors=(reader,))
    os.close(reader)
    guest = domain.serves()
    assert read(f"{domain.folder}/qemu") == "-xen-domid 7 -name guest -machine xenfv -serial pty\n"
    assert read(f"{domain.folder}/qemu-state") == "the state of QEMU"
    assert guest.set("Kept", b"1") == xen.SUCCESS
    daemon = domain.daemon()
    assert any(line.startswith(f"{BUILD}/uefistored --domain 7 ") for line in lab.processes())
    assert os.path.realpath(f"/proc/{daemon}/root") == f"{lab.folder}/run/root-7"
    assert os.stat(f"/proc/{daemon}").st_uid == 65543
    inherited = {os.readlink(link) for link in glob.glob(f"/proc/{daemon}/fd/*")}
    assert not any(path.endswith(".lock") for path in inherited), inherited
    supervisor = read(f"/proc/{daemon}/stat").rsplit(")", 1)[1].split()[1]
    status = read(f"/proc/{supervisor}/stat").rsplit(")", 1)[1].split()
    assert status[1] != str(domain.process.pid) and status[3] == supervisor  # its parent; its session
    assert "uefistored: ready" in lab.syslog() and "uefistored: ready" in domain.log()
    domain.end()
    guest = lab.start().serves()
    assert guest.get("Kept")[1] == b"1"
    lab.domains[-1].end()


@test
def a_saved_domain_is_restored_with_its_volatile_variables(lab):
    guest = lab.start().serves()
    assert guest.set("Kept", b"1") == xen.SUCCESS
    assert guest.set("Volatile", b"2", VOLATILE) == xen.SUCCESS
    assert guest.set("MemoryOverwriteRequestControlLock", b"12345678", NV, MOR_LOCK) == xen.SUCCESS
    lab.domains[-1].end()
    assert os.stat(f"{lab.folder}/vms/.images").st_mode & 0o7777 == 0o700
    guest = lab.restore(name="guest--incoming").serves()
    assert "resumed" in lab.domains[-1].log()
    assert not os.path.exists(lab.image())
    assert guest.get("Volatile")[1:] == (b"2", VOLATILE)
    assert guest.set("MemoryOverwriteRequestControlLock", b"12345678", NV, MOR_LOCK) == xen.SUCCESS  # the key fits
    assert guest.set("Kept", b"3") == xen.SUCCESS
    lab.domains[-1].kill_daemon()  # whose successor must not go back to the image
    assert guest.get("Kept")[1] == b"3"
    lab.domains[-1].end()


@test
def a_cold_start_uses_no_image_and_leaves_none(lab):
    guest = lab.start().serves()
    assert guest.set("Volatile", b"2", VOLATILE) == xen.SUCCESS
    lab.domains[-1].end()
    assert os.path.exists(lab.image())
    lab.set(daemon="/bin/false")
    assert "did not start" in lab.start().fails()
    assert os.path.exists(lab.image()), "no guest ran since it was written"
    lab.set(daemon=f"{BUILD}/uefistored")
    guest = lab.start("-name", "-incoming").serves()
    assert guest.get("Volatile")[0] == xen.NOT_FOUND
    assert not os.path.exists(lab.image())
    lab.domains[-1].end()


@test
def restored_without_an_image_the_locks_are_closed(lab):
    guest = lab.start().serves()
    assert guest.set("Kept", b"1") == xen.SUCCESS
    lab.domains[-1].end()
    os.unlink(lab.image())
    guest = lab.restore().serves()
    assert "warning: there is no suspend image of guest" in lab.domains[-1].log()
    assert guest.get("Kept")[1] == b"1"
    assert guest.get("MemoryOverwriteRequestControlLock", MOR_LOCK)[1] == b"\1"
    lab.domains[-1].end()
    write(f"{lab.folder}/vms/guest/EFI-variables", "changed")
    assert "its suspend image is not used" in lab.restore().fails()


def images(lab):
    """The image is whole, or there is none."""
    found = os.listdir(f"{lab.folder}/vms/.images")
    assert found in ([], ["guest"]), found
    for name in found:
        with open(f"{lab.folder}/vms/.images/{name}", "rb") as file:
            assert any(v["name"] == "Volatile" for v in vars.decode(file.read())["variables"])
    return found


@test
def a_daemon_killed_while_it_writes_the_image_leaves_none(lab):
    """Half an image, then death, by a daemon that is a script; and the real one, killed at some moment of its end."""
    write(f"{lab.folder}/dies", '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" != --chroot ] || root=$2; shift; done\n'
          'key=$XENSTUB_DIR/store/local/domain/7\necho $$ >$key/varstored-pid\nwhile [ -e $key ]; do sleep 0.05; done\n'
          'printf half >$root/save; kill -9 $$\n', 0o755)
    lab.set(daemon=f"{lab.folder}/dies")
    domain = lab.start()
    domain.serves()
    domain.end()
    assert images(lab) == []
    assert "and so did the domain" in domain.log()
    lab.set(daemon=f"{BUILD}/uefistored")
    lab.start().serves()
    for delay in (0, 0.002, 0.005, 0.01, 0.02):
        domain = lab.domains[-1]
        guest = xen.Guest(domain.host)
        assert guest.set("Kept", b"%f" % delay) == xen.SUCCESS
        assert guest.set("Volatile", bytes(40000), VOLATILE) == xen.SUCCESS
        daemon = domain.daemon()
        domain.gone()
        time.sleep(delay)
        try:
            os.kill(daemon, signal.SIGKILL)
        except ProcessLookupError:
            pass
        domain.nothing_left()
        had = images(lab)
        guest = lab.restore().serves()
        assert guest.get("Volatile")[0] == (xen.SUCCESS if had else xen.NOT_FOUND)
        assert guest.get("Kept")[1] == b"%f" % delay


@test
def a_restore_right_behind_a_save_waits_for_the_image(lab):
    guest = lab.start().serves()
    assert guest.set("Volatile", b"2", VOLATILE) == xen.SUCCESS
    daemon = lab.domains[-1].daemon()
    os.kill(daemon, signal.SIGSTOP)
    lab.domains[-1].gone()
    domain = lab.restore()
    time.sleep(0.5)
    assert domain.host.key("varstored-pid") is None
    os.kill(daemon, signal.SIGCONT)
    assert domain.serves().get("Volatile")[1] == b"2"
    domain.end()


@test
def a_killed_daemon_is_followed_by_another_but_not_for_ever(lab):
    domain = lab.start()
    guest = domain.serves()
    for number in range(5):
        assert guest.set("Counter", bytes([number])) == xen.SUCCESS
        domain.kill_daemon()
        assert guest.get("Counter")[1] == bytes([number])
    os.kill(domain.daemon(), signal.SIGKILL)
    wait(lambda: "is not started again" in lab.syslog(), "no end of it")
    assert lab.syslog().count("starting another") == 5
    assert "run_daemon" not in lab.syslog()  # what bash itself says of it
    domain.end()


@test
def a_refused_image_is_in_the_log_and_in_xenstore_whatever_the_log_level(lab):
    lab.set(log_level="error", log="syslog")
    domain = lab.start()
    write(f"{domain.folder}/syslog", "")
    guest = domain.serves()
    assert domain.host.key("uefistored/refused-image") is None
    guest.request(b"\1\0\0\0\4\0\0\0")
    wait(lambda: domain.host.key("uefistored/refused-image"), "no key")
    assert abs(int(domain.host.key("uefistored/refused-image")) - time.time()) < 100
    wait(lambda: "refused an image" in read(f"{domain.folder}/syslog"), "no line")
    assert "-t uefistored[guest] -p daemon.warning -- " in read(f"{domain.folder}/syslog")
    domain.end()


@test
def settings_of_a_guest_go_before_those_of_all(lab):
    """With keys as docs/XEN.md has them made."""
    own, keys = f"{lab.folder}/own", f"{lab.folder}/keys"
    os.mkdir(keys)
    for words in (("make",), ("install", "--profile", "own", "--output", keys)):
        subprocess.run([f"{BUILD}/varstore", "keys", *words, "--keys", own], check=True, stdout=subprocess.DEVNULL)
    write(f"{lab.config}/vms/guest.conf", f"secure-boot = yes # it is\nkeys = {keys}")
    guest = lab.start().serves()
    assert guest.get("SecureBoot")[1] == b"\1"
    assert guest.set("PK", b"", 0x27) != xen.SUCCESS
    lab.domains[-1].end()
    guest = lab.start(name="other").serves()
    assert guest.get("SecureBoot")[1] == b"\0"
    lab.domains[-1].end()


@test
def wrong_settings_are_named(lab):
    for line, says in (("secure-boot = perhaps", "must be one of: yes no"), ("secure-bot = yes", "no such setting: secure-bot"),
                       ("yes", "guest.conf: not a setting: yes"), ("user-base = 0", "must be a number above 0"),
                       ("log-level = all", "must be one of: error warning info debug"),
                       ("device-model = /nowhere\nkeys = $(touch /tmp/x)", "/nowhere")):
        write(f"{lab.config}/vms/guest.conf", line + "\n")
        domain = lab.start()
        assert domain.process.wait(60) != 0 and says in domain.log(), domain.log()
        domain.gone()
    for name in ("../guest", ".images"):
        assert "can't be the name of a folder" in lab.start(name=name).fails()


@test
def a_daemon_that_does_not_start_says_why(lab):
    os.mkdir(f"{lab.folder}/vms")
    write(f"{lab.folder}/vms/guest", "no folder")
    lab.start().fails()
    os.unlink(f"{lab.folder}/vms/guest")
    os.mkdir(f"{lab.folder}/vms/guest")
    write(f"{lab.folder}/vms/guest/EFI-variables", "no variables")
    domain = lab.start()
    assert "the variable daemon for guest did not start" in domain.fails()
    wait(lambda: "can't load the VM's variables" in domain.log() and "before it served" in domain.log(), "no reason")
    domain.nothing_left()


@test
def a_daemon_that_hangs_is_given_up(lab):
    lab.hurry()
    write(f"{lab.folder}/hangs", "#!/bin/sh\nexec sleep 600\n", 0o755)
    lab.set(daemon=f"{lab.folder}/hangs")
    domain = lab.start()
    assert "did not serve within 5 s" in domain.fails()
    domain.nothing_left()


@test
def a_second_domain_of_the_same_variables_is_refused(lab):
    """A live migration to the same host: the guest goes on where it is."""
    guest = lab.start().serves()
    lab.hurry()
    assert "a former start of guest has not ended yet" in lab.restore(name="guest--incoming").fails()
    assert guest.set("Kept", b"1") == xen.SUCCESS
    assert os.listdir(f"{lab.folder}/run") != []
    supervisor = int(read(f"/proc/{lab.domains[0].daemon()}/stat").rsplit(")", 1)[1].split()[1])
    os.kill(supervisor, signal.SIGTERM)  # both end, in good order
    lab.domains[0].process.kill()
    lab.domains[0].process.wait()
    lab.domains[0].nothing_left()
    assert guest.port_in(0x108, 4) == 0xffffffff


@test
def a_uuid_that_xl_made_up_is_warned_of(lab):
    lab.set(identity="uuid")
    guest = lab.start().serves()
    assert guest.set("Kept", b"1") == xen.SUCCESS
    assert "warning" not in lab.domains[-1].end().log()
    other = UUID.replace("1", "a")
    guest = lab.start(vm=other).serves()
    assert guest.get("Kept")[0] == xen.NOT_FOUND
    assert f'guest had the UUID {UUID} before and has {other} now' in lab.domains[-1].end().log()
    guest = lab.start(name="renamed").serves()
    assert guest.get("Kept")[1] == b"1"
    lab.domains[-1].end()


@test
def without_a_domain_it_is_just_the_device_model(lab):
    lab.set(device_model="/bin/echo")
    assert subprocess.check_output([WRAPPER, "-version"], env=dict(os.environ, UEFISTORED_CONFIG=lab.config)) == b"-version\n"


if __name__ == "__main__":
    sandbox_test.skipped() or cases.main(cases.named(TESTS), Lab, at_once=2)
