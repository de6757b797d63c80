#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The daemon from end to end: a guest at the local transport, the variables in XAPI."""
import base64
import os
import signal
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", name) for name in ("xapi", "support")]
import cases  # noqa: E402
import server  # noqa: E402
import vars  # noqa: E402
from cases import GLOBAL, UUID, equal  # noqa: E402
from local_daemon import BUILD_DIR, NV, VOLATILE, DaemonCase  # noqa: E402

OPTIMISED = os.path.basename(BUILD_DIR) in ("nosan", "release")


class Case(DaemonCase):
    def __init__(self, folder):
        super().__init__(folder)
        self.root = os.path.join(folder, "root")
        os.mkdir(self.root)
        self.save_file, self.keys = os.path.join(self.root, "save.dat"), os.path.join(folder, "keys")
        os.mkdir(self.keys)
        open(self.save_file, "w").close()
        self.path = os.path.join(self.root, "xapi")
        self.server = server.Server(self.path, "guard", UUID, os.path.join(folder, "nvram"), {})
        self.server.listen()

    def start(self, *arguments, ready=True):
        words = ["--keys", self.keys, "--backend", "xapidb"]
        if "--chroot" not in arguments:
            words += ["--arg", "socket:" + self.path, "--arg", "save:" + self.save_file]
        begun = time.monotonic()
        process = self.run_daemon(*words, "--arg", "uuid:" + UUID, *arguments, ready=ready)
        process.seconds = time.monotonic() - begun
        return process

    def stop(self, process, number=signal.SIGTERM, status=0):
        begun = time.monotonic()
        super().stop(process, number, status)
        process.seconds = time.monotonic() - begun

    def nvram(self):
        return values(vars.decode(base64.b64decode(self.server.nvram["EFI-variables"], validate=True)))

    def image(self):
        with open(self.save_file, "rb") as file:
            return values(vars.decode(file.read()))

    def end(self):
        super().end()
        for process in self.processes:
            if process.poll() is None:
                self.stop(process)
        equal(self.server.counts["violations"], [])

    def close(self):
        super().close()
        self.server.stop()


def values(blob):
    """name: (attributes, length, first byte), as the guest prints them."""
    return {v["name"]: "Success %#x %d %d" % (v["attributes"], len(v["data"]) // 2, int(v["data"][:2], 16))
            for v in blob["variables"] if v["guid"] == GLOBAL}


def nvram_of(**variables):
    """NVRAM with variables name=byte."""
    blob = {"version": 2, "variables": [
        {"name": name, "guid": GLOBAL, "attributes": NV, "data": "%02x" % byte * 100} for name, byte in variables.items()]}
    return {"EFI-variables": base64.b64encode(vars.encode(blob)).decode()}


def test_a_first_boot_and_the_next(case):
    daemon = case.start()
    assert "first boot" in daemon.log, daemon.log
    guest = case.guest()
    equal(guest.set("Kept", 1), "Success")
    equal(guest.set("Lost", 2, attributes=VOLATILE), "Success")
    nvram = case.nvram()
    equal(nvram["Kept"], "Success 0x7 100 1")
    assert "Lost" not in nvram
    case.stop(daemon)
    case.start("--log-level", "debug")
    guest = case.guest()
    equal(guest.ask("get Kept"), "Success 0x7 100 1")
    equal(guest.ask("get Lost"), "Not Found")


def test_a_write_is_one_request_and_no_connection(case):
    case.start()
    guest = case.guest()
    equal(guest.set("First", 1), "Success")
    case.server.reset()
    for byte in range(1, 51):
        equal(guest.set("V", byte), "Success")
        equal(case.nvram()["V"], "Success 0x7 100 %d" % byte)
    equal((case.server.counts["requests"], case.server.counts["connections"]), (50, 0))
    equal(guest.set("V", 50), "Success")
    equal(guest.set("Volatile", 1, attributes=VOLATILE), "Success")
    equal(guest.ask("get V"), "Success 0x7 100 50")
    equal(case.server.counts["requests"], 50)


def test_a_restart_of_the_guard(case):
    case.start()
    guest = case.guest()
    for away in (0, 0.3):
        equal(guest.set("V", 1), "Success")
        case.server.restart(away)
        equal(guest.set("V", 2), "Success")
        equal(case.nvram()["V"], "Success 0x7 100 2")


def test_a_failed_save_is_undone(case):
    case.start()
    guest = case.guest()
    equal(guest.set("V", 1), "Success")
    before = dict(case.server.nvram)
    case.server.rules = [{"action": "fail"}]
    equal(guest.set("V", 2), "Device Error")
    equal(guest.set("New", 2), "Device Error")
    equal(guest.set("V", 0, length=0), "Device Error")
    equal(guest.ask("get V"), "Success 0x7 100 1")
    equal(guest.ask("get New"), "Not Found")
    equal(case.server.nvram, before)
    case.server.rules = []
    equal(guest.set("V", 3), "Success")
    equal(case.nvram()["V"], "Success 0x7 100 3")


def test_sigterm_while_xapi_hangs(case):
    daemon = case.start()
    guest = case.guest()
    equal(guest.set("V", 1), "Success")
    equal(guest.set("Volatile", 9, attributes=VOLATILE), "Success")
    case.server.rules = [{"action": "hang"}]
    guest.send("set V %d 100 2" % NV)
    time.sleep(0.3)
    case.stop(daemon)
    assert daemon.seconds < 8, daemon.seconds
    image = case.image()
    equal((image["V"], image["Volatile"]), ("Success 0x7 100 1", "Success 0x6 100 9"))


def test_suspend_and_resume(case):
    daemon = case.start()
    guest = case.guest()
    equal(guest.set("V", 1), "Success")
    equal(guest.set("Volatile", 9, attributes=VOLATILE), "Success")
    case.stop(daemon)
    resumed = os.path.join(case.root, "resume.dat")
    os.rename(case.save_file, resumed)
    open(case.save_file, "w").close()
    case.server.reset()
    case.server.nvram = {}
    case.start("--resume", "--arg", "resume:" + resumed)
    equal(case.server.counts["requests"], 0)
    guest = case.guest()
    equal(guest.ask("get V"), "Success 0x7 100 1")
    equal(guest.ask("get Volatile"), "Success 0x6 100 9")
    equal(guest.set("V", 2), "Success")
    equal(case.nvram()["V"], "Success 0x7 100 2")


def test_starts_that_fail_say_why(case):
    for nvram, words in (("", "empty"), ("?", "not base64"), ("QUJD", "VARS")):
        case.server.nvram = {"EFI-variables": nvram}
        daemon = case.start(ready=False)
        case.ended(daemon, 1)
        assert words in daemon.log, daemon.log
    case.server.rules = [{"method": "VM.get_NVRAM", "action": "fail", "description": ["HOST_OFFLINE", "x"]}]
    daemon = case.start(ready=False)
    case.ended(daemon, 1)
    assert "HOST_OFFLINE" in daemon.log, daemon.log
    case.server.restart(60)
    daemon = case.start(ready=False)
    case.ended(daemon, 1)
    assert "can't connect" in daemon.log and case.path in daemon.log, daemon.log


def test_nothing_is_saved_without_persistence(case):
    case.server.nvram = nvram_of(Old=5)
    before = dict(case.server.nvram)
    case.start("--nonpersistent")
    guest = case.guest()
    equal(guest.ask("get Old"), "Success 0x7 100 5")
    equal(guest.set("V", 1), "Success")
    equal(guest.ask("get V"), "Success 0x7 100 1")
    equal(case.server.nvram, before)
    equal([method for method in case.server.counts["methods"] if "set" in method], [])


def test_an_image_that_fails_secure_boot(case):
    case.start()
    equal(case.guest().ask("notify"), "Success")
    equal([message[0] for message in case.server.messages], ["VM_SECURE_BOOT_FAILED"])


def locked_in(case):
    """The toolstack's way of making a chroot, and the arguments that go with it."""
    uid = 70000 + os.getpid() % 1000
    os.chmod(case.folder, 0o755)
    os.chown(case.root, 0, uid)
    os.chmod(case.root, 0o750)
    os.chown(case.save_file, uid, uid)
    return ["--arg", "socket:/xapi", "--arg", "save:/save.dat", "--chroot", case.root, "--depriv",
            "--uid", str(uid), "--gid", str(uid)]


def test_the_sandbox_lets_it_fail(case):
    arguments = locked_in(case)
    case.server.nvram = {"EFI-variables": ""}
    daemon = case.start(*arguments, ready=False)
    case.ended(daemon, 1)
    assert "is empty" in daemon.log, daemon.log
    case.server.nvram = {}
    case.server.rules = [{"action": "hang"}]
    daemon = case.start(*arguments, ready=False)
    time.sleep(0.5)
    case.stop(daemon)
    assert daemon.seconds < 8 and "before it served" in daemon.log, (daemon.seconds, daemon.log)
    equal(os.path.getsize(case.save_file), 0)


def test_the_sandbox_lets_it_save_and_reconnect(case):
    daemon = case.start(*locked_in(case))
    guest = case.guest()
    equal(guest.set("V", 1, length=30000), "Success")
    case.server.restart(0.2)
    equal(guest.set("V", 2, length=30000), "Success")
    case.server.rules = [{"action": "fail"}]
    equal(guest.set("V", 3, length=30000), "Device Error")
    case.server.rules = [{"action": "close"}]
    equal(guest.set("V", 3, length=30000), "Device Error")
    case.server.rules = []
    equal(guest.set("V", 4, length=30000), "Success")
    equal(guest.ask("notify"), "Success")
    case.server.rules = [{"action": "hang"}]
    guest.send("set V %d 100 5" % NV)
    time.sleep(0.3)
    case.stop(daemon)
    equal(case.image()["V"], "Success 0x7 30000 4")


def private_dirty(pid):
    """Of the process and its children."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        children = [int(child) for child in file.read().split()]
    with open("/proc/%d/smaps_rollup" % pid) as file:
        own = sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))
    return own + sum(private_dirty(child) for child in children)


def test_an_idle_daemon_is_small(case):
    case.server.nvram = nvram_of(**{"Variable%d" % i: i for i in range(100)})
    daemon = case.start()
    size = private_dirty(daemon.pid)
    print("# private memory of a daemon that loaded 100 variables: %d KiB; ready after %.0f ms" % (size, daemon.seconds * 1000))
    guest = case.guest()
    for i in range(50):
        equal(guest.set("V", i, length=30000), "Success")
    print("# and after 50 saves: %d KiB" % private_dirty(daemon.pid))
    assert size <= 500 or not OPTIMISED, size


if __name__ == "__main__":
    cases.main(globals(), Case)
