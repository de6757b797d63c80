#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whole lives of the daemon in its sandbox, every kind of transport and backend, and of its verifier: nothing that they need
is forbidden, and nothing is allowed that none of them needs (src/daemon/seccomp_table.h)."""
import array
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../xapi")]
import cases  # noqa: E402
import toolstack_test  # noqa: E402
import vars  # noqa: E402
import xen  # noqa: E402

BUILD = os.environ.get("BUILD_DIR", "build/nosan")
# Sanitizers and coverage make calls of their own.
WATCHED = os.path.basename(BUILD) in ("nosan", "release", "clang")
UUID = "11111111-2222-3333-4444-555555555555"
UID = 4242
SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f").bytes_le
USE_XEN, USE_LOCAL, USE_SOCKET, USE_FILES = 1, 2, 4, 8  # enum sandbox_use


class Life:
    """A daemon in a chroot, as the toolstack starts it; ends with the block."""

    seen = {}

    def __init__(self, folder, backend, *options, transport=None):
        self.folder, self.root, self.domain = folder, f"{folder}/root", 7
        os.chmod(folder, 0o755)
        os.mkdir(self.root, 0o750)
        os.chown(self.root, 0, UID)
        self.make_file("save.dat")
        self.make_file("resume.dat")
        os.mkdir(f"{self.root}/vars", 0o700)
        os.chown(f"{self.root}/vars", UID, UID)
        self.host = xen.Host(f"{folder}/xen", BUILD)
        self.backend, self.options, self.transport = backend, options, transport
        self.process = self.xapi = None

    def make_file(self, name):
        with open(f"{self.root}/{name}", "wb"):
            pass
        os.chown(f"{self.root}/{name}", UID, UID)
        os.chmod(f"{self.root}/{name}", 0o600)

    def start_xapi(self):
        self.xapi = int(subprocess.check_output(
            [f"{HERE}/../xapi/server.py", "--background", "--socket", f"{self.root}/xapi-depriv-socket", "--uuid", UUID,
             "--nvram", f"{self.folder}/nvram.json", "--control", f"{self.folder}/xapi-control"]))
        os.chown(f"{self.root}/xapi-depriv-socket", UID, UID)

    def tell_xapi(self, **what):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(f"{self.folder}/xapi-control")
            control.sendall(json.dumps(what).encode() + b"\n")
            return json.loads(control.makefile().readline())

    def start(self, expect_ready=True):
        """Gives the process that ends when the daemon does, and as it does."""
        if os.path.exists(f"{self.host.folder}/store/local/domain/7/varstored-pid"):
            os.unlink(f"{self.host.folder}/store/local/domain/7/varstored-pid")
        command = [f"{BUILD}/uefistored", "--depriv", "--backend", *self.backend, *self.options]
        if self.transport:
            command += ["--transport", self.transport]
        else:
            command += ["--domain", "7", "--chroot", self.root, "--uid", str(UID), "--gid", str(UID)]
        if WATCHED:
            uses = USE_LOCAL if self.transport else USE_XEN
            uses |= {"xapidb": USE_SOCKET, "file": USE_FILES}.get(self.backend[0], 0)
            command = [f"{BUILD}/tests/programs/seccomp_watch", f"{self.folder}/report", str(uses), *command]
        # No leak check: it would want /proc, which isn't in the chroot.
        self.process = subprocess.Popen(command, env=self.host.environment(ASAN_OPTIONS="detect_leaks=0"))
        if self.transport is None and expect_ready:
            self.wait(lambda: self.host.key("varstored-pid"))
        return self

    def wait(self, condition):
        end = time.monotonic() + 30
        while not condition():
            assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}"
            assert time.monotonic() < end
            time.sleep(0.005)

    def signal(self, number):
        key = self.host.key("varstored-pid")
        if key is None and not WATCHED:
            key = self.process.pid
        elif key is None:
            children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
            with open(children, encoding="ascii") as file:
                key = (file.read().split() or [self.process.pid])[0]
        os.kill(int(key), number)

    def ends(self, code=0):
        got = self.process.wait(30)
        if WATCHED:
            with open(f"{self.folder}/report", encoding="ascii") as file:
                for line in file:
                    word, number, *name = line.split()
                    assert word != "outside", f"system call {number} is needed"
                    if Life.seen.get((int(number), *name)) != "used":
                        Life.seen[(int(number), *name)] = word
        assert got == code, f"the daemon ended with {got}"

    def stop(self):
        self.signal(signal.SIGTERM)
        self.ends()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.xapi is not None:
            os.kill(self.xapi, signal.SIGKILL)
        self.host.close()


def busy(life):
    """What a guest does."""
    guest = xen.Guest(life.host)
    assert guest.get("SecureBoot")[0] == xen.SUCCESS
    for index, size in enumerate((1, 50000, 40000, 30000)):
        assert guest.set(f"Variable{index}", bytes(size)) == xen.SUCCESS
    for index in range(24):
        assert guest.set("Changing", bytes([index])) == xen.SUCCESS
    guest.gfn = 1024
    assert guest.get("Variable1")[1] == bytes(50000)
    assert guest.set("Variable0", b"", 7) == xen.SUCCESS
    life.signal(signal.SIGSTOP)
    time.sleep(0.02)
    life.signal(signal.SIGCONT)
    guest.port_out(0x104, 4, 0x100)
    guest.port_out(0x108, 1, 0x55)
    assert guest.port_in(0x108, 1) == 0x55
    return guest


def key_update(number):
    """An authenticated write of db in permissive mode: one hash in a list, without a signature."""
    when = struct.pack("<H6BIh2B", 2026, 1, 1, 0, number // 60, number % 60, 0, 0, 0, 0, 0)
    pkcs7, sha256 = (uuid.UUID(text).bytes_le for text in ("4aafd29d-68df-49ee-8aa9-347d375665a7",
                                                          "c1c41626-504c-4092-aca9-41f936934328"))
    descriptor = when + struct.pack("<IHH", 24, 0x0200, 0x0ef1) + pkcs7
    return descriptor + sha256 + struct.pack("<III", 76, 0, 48) + bytes(16) + bytes([number]) * 32


def change_keys(life):
    """Often enough that the file backend's history is full."""
    guest = xen.Guest(life.host)
    for number in range(40):
        status = guest.set("db", key_update(number), 0x27, SECURITY)
        assert status == xen.SUCCESS, hex(status)


def status_of(life):
    with open(f"/proc/{life.host.key('varstored-pid')}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def a_life_that_saves_nothing_but_an_image(folder):
    """A life on Xen with nothing saved but a suspend image; the process has no privilege left."""
    life = Life(folder, ["memory", "--arg", "save:/save.dat"]).start()
    try:
        guest = busy(life)
        status = status_of(life)
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, f"{name} {status[name]}"
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and status["Groups"].strip() == ""
        assert set(status["Uid"].split() + status["Gid"].split()) == {str(UID)}
        assert life.host["restricted"] == 1
        pid = life.host.key("varstored-pid")
        for namespace in ("mnt", "ipc", "net", "uts"):
            assert os.readlink(f"/proc/{pid}/ns/{namespace}") != os.readlink(f"/proc/self/ns/{namespace}"), namespace
        assert os.path.realpath(f"/proc/{pid}/root") == life.root
        guest.access(xen.WRITE, 0, 4, kind=xen.INVALIDATE)
        life.host.release_another()
        life.stop()
        assert os.path.getsize(f"{life.root}/save.dat") > 80000
    finally:
        life.close()


def write_signed(guest, keys):
    """Writes that are signed by who may and by who may not: small, large, an append, a deletion."""
    seconds = iter(range(60))

    def write(name, signer, attributes=0x27, guid=SECURITY):
        later = ["-t", f"2027-01-01 00:00:{next(seconds):02}"]
        keys.sign(name, signer, "update.esl", "update.auth", *later, *(["-a"] if attributes & 0x40 else []))
        return guest.set(name, keys.read("update.auth"), attributes, guid)

    keys.make_dbx("update.esl", 2)
    assert write("dbx", "KEK", 0x67) == xen.SUCCESS
    assert write("dbx", "db", 0x67) == xen.ERROR | 26
    keys.make_dbx("update.esl", 3, 1000)
    assert write("dbx", "KEK") == xen.SUCCESS
    assert len(guest.get("dbx", SECURITY)[1]) > 48000
    keys.make_dbx("update.esl", 4)
    assert write("dbx", "KEK") == xen.SUCCESS
    shutil.copy(keys.path("PK.esl"), keys.path("update.esl"))
    assert write("PK", "KEK", guid=xen.GLOBAL) == xen.ERROR | 26
    assert write("PK", "PK", guid=xen.GLOBAL) == xen.SUCCESS
    open(keys.path("update.esl"), "wb").close()
    assert write("db", "KEK") == xen.SUCCESS
    assert guest.get("db", SECURITY)[0] == xen.NOT_FOUND


def locked_in(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return "\nSeccomp:\t2\n" in file.read()


def a_life_of_files_keys_and_signed_writes(folder):
    """The file backend, twice, so that there is something to load; a first start with keys, then signed writes, and
    keys that change."""
    keys = toolstack_test.Keys(f"{folder}/keys")
    life = Life(folder, ["file", "--arg", f"path:{folder}/root/vars"], "--keys", keys.folder)
    try:
        life.start()
        daemon = life.host.key("varstored-pid")
        with open(f"/proc/{daemon}/task/{daemon}/children", encoding="ascii") as file:
            assert all(locked_in(pid) for pid in (daemon, file.read().strip()))
        write_signed(xen.Guest(life.host), keys)
        busy(life)
        life.stop()
        life.options = ["--auth-enforce", "no"]
        life.start()
        change_keys(life)
        life.stop()
    finally:
        life.close()


def a_life_with_xapi(folder):
    """XAPI: first boot, its guard restarts, a suspend, a resume, a loaded state, an alert."""
    backend = ["xapidb", "--arg", "socket:/xapi-depriv-socket", "--arg", f"uuid:{UUID}", "--arg", "save:/save.dat"]
    life = Life(folder, backend)
    try:
        life.start_xapi()
        life.start()
        guest = busy(life)
        life.tell_xapi(restart=0.3)
        time.sleep(0.1)
        assert guest.set("AfterRestart", b"1") in (xen.SUCCESS, xen.DEVICE_ERROR)
        time.sleep(0.5)
        os.chown(f"{life.root}/xapi-depriv-socket", UID, UID)
        assert guest.set("AfterRestart", b"2") == xen.SUCCESS
        guest.request(struct.pack("<II", 1, 4))
        life.stop()
        with open(f"{life.root}/save.dat", "rb") as image:
            state = vars.decode(image.read())
        state["variables"].append({**state["variables"][-1], "name": "Zuletzt", "data": bytes(50000).hex()})
        with open(f"{life.root}/resume.dat", "wb") as image:
            image.write(vars.encode(state))  # larger than any daemon would let it become, as some in the field
        life.options = ["--resume", "--arg", "resume:/resume.dat"]
        life.start()
        assert xen.Guest(life.host).get("AfterRestart")[1] == b"2"
        life.stop()
        life.options = []
        life.start()
        assert xen.Guest(life.host).get("AfterRestart")[1] == b"2"
        life.stop()
    finally:
        life.close()


def a_life_that_xapi_refuses(folder):
    """A start that fails ends with a reason, not with a forbidden call."""
    life = Life(folder, ["xapidb", "--arg", "socket:/xapi-depriv-socket", "--arg", f"uuid:{UUID}"])
    try:
        life.start(expect_ready=False)
        life.ends(1)
        life.start_xapi()
        life.tell_xapi(rules=[{"method": "VM.get_NVRAM", "action": "fail", "description": ["INTERNAL_ERROR"]}])
        life.start(expect_ready=False)
        life.ends(1)
    finally:
        life.close()


def a_life_whose_domain_ends(folder):
    """The domain ends; another daemon's xenstored ends first."""
    life = Life(folder, ["memory"]).start()
    try:
        life.host.destroy()
        life.ends()
        life.host.close()
        life.host = xen.Host(f"{folder}/xen", BUILD)
        life.start()
        assert xen.Guest(life.host).get("SecureBoot")[0] == xen.SUCCESS
        life.host.close()
        assert xen.Guest(life.host).set("Lonely", b"1") == xen.SUCCESS
        life.stop()
    finally:
        life.close()


def a_life_at_the_local_transport(folder):
    """The local transport: a client comes, passes memory, asks, and leaves."""
    life = Life(folder, ["memory"], transport=f"unix:{folder}/root/socket")
    try:
        life.start()
        life.wait(lambda: os.path.exists(f"{folder}/root/socket"))
        time.sleep(0.2)
        for _ in range(2):
            guest = os.memfd_create("guest", os.MFD_ALLOW_SEALING)
            os.ftruncate(guest, 65536)
            fcntl.fcntl(guest, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
                client.connect(f"{folder}/root/socket")
                client.settimeout(20)
                client.sendmsg([struct.pack("<4I", 1, 0, 0, 0)],
                               [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [guest]))])
                assert client.recv(16) == struct.pack("<2I", 0, 0)
                os.pwrite(guest, struct.pack("<III", 1, 3, 7), 0)
                client.send(struct.pack("<4I", 2, 0x100, 4, 0))
                assert client.recv(16) == struct.pack("<2I", 0, 0)
                assert os.pread(guest, 8, 0) == bytes(8)
            os.close(guest)
        asked = ("enroll", "plain", "sign", "forge", "private", "chain")
        result = subprocess.run([f"{BUILD}/tests/programs/signed_guest", f"{folder}/root/socket"], check=True, timeout=60,
                                input="\n".join(asked), stdout=subprocess.PIPE, text=True)
        statuses = dict(zip(asked, result.stdout.splitlines()))
        assert statuses == {**dict.fromkeys(asked, "Success"), "forge": "Security Violation"}, statuses
        life.stop()
    finally:
        life.close()


def no_rule_is_idle(_):
    """Each rule of the table was made use of by one of the lives before."""
    idle = [name for name, word in Life.seen.items() if word == "unused"]
    assert not idle, idle
    assert any(word == "used" for word in Life.seen.values())


LIVES = (a_life_that_saves_nothing_but_an_image, a_life_of_files_keys_and_signed_writes, a_life_with_xapi,
         a_life_that_xapi_refuses, a_life_whose_domain_ends, a_life_at_the_local_transport)


def skipped():
    """Says so where they can't run."""
    if os.geteuid() == 0 and os.path.exists(f"{BUILD}/tests/programs/xen_host"):
        return False
    print(f"ok {os.path.basename(sys.argv[0])} # skipped: needs root, and a build with Xen")
    return True


def main():
    watched = WATCHED and len(sys.argv) == 1
    cases.main(cases.named((*LIVES, no_rule_is_idle) if watched else LIVES), cases.InFolder, at_once=1)


if __name__ == "__main__":
    skipped() or main()
