#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The process that checks signatures for the daemon: what it has, and what happens when it or the daemon is killed."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

BUILD_DIR = os.environ["BUILD_DIR"]
DAEMON = os.path.join(BUILD_DIR, "uefistored")
GUEST = os.path.join(BUILD_DIR, "tests/programs/signed_guest")
UID = GID = 61234
OK, REFUSED = "Success", "Security Violation"


def equal(a, b):
    assert a == b, "%r is not %r" % (a, b)


def wait_until(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain: " + what
        time.sleep(0.01)


def proc(pid, name):
    with open("/proc/%d/%s" % (pid, name)) as file:
        return file.read()


def alive(pid):
    try:
        return re.search(r"^State:\s+(\S)", proc(pid, "status"), re.M).group(1) != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    return [int(child) for child in proc(pid, "task/%d/children" % pid).split()]


def status(pid, name):
    return re.search(r"^%s:[ \t]*(.*)$" % name, proc(pid, "status"), re.M).group(1).split()


class Daemon:
    def __init__(self, folder, *arguments, daemon=DAEMON):
        self.socket, self.store = os.path.join(folder, "socket"), os.path.join(folder, "store")
        self.guest = None
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
        self.process = subprocess.Popen(
            [daemon, "--transport", "unix:" + self.socket, "--backend", "file", "--arg", "path:" + self.store,
             "--keys", os.path.join(folder, "no-keys")] + list(arguments),
            stderr=subprocess.PIPE, text=True, env=environment)
        self.log = ""

    def ready(self):
        while not self.log.endswith(": ready\n"):
            line = self.process.stderr.readline()
            self.log += line
            assert line, "the daemon ended: " + self.log
        self.pid = self.process.pid
        (self.verifier,) = children(self.pid)
        return self

    def ask(self, line):
        if self.guest is None:
            self.guest = subprocess.Popen([GUEST, self.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.guest.stdin.write(line + "\n")
        self.guest.stdin.flush()
        return self.guest.stdout.readline().strip()

    def stop(self, sent=signal.SIGTERM, returncode=0):
        if self.process.poll() is None:
            self.process.send_signal(sent)
        self.log += self.process.stderr.read()  # ends when nobody has it any more
        equal(self.process.wait(30), returncode)
        self.end()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stderr.close()
        self.process.wait(30)
        if self.guest is not None:
            self.guest.stdin.close()
            self.guest.stdout.close()
            self.guest.wait(30)
            self.guest = None


def test_libcrypto_is_nowhere_before_the_first_signature(folder):
    daemon = Daemon(folder).ready()
    equal(daemon.ask("plain"), OK)
    for pid in (daemon.pid, daemon.verifier):
        assert "libcrypto" not in proc(pid, "maps"), proc(pid, "maps")
    equal(daemon.ask("enroll"), OK)
    equal(daemon.ask("sign"), OK)
    assert "libcrypto" not in proc(daemon.pid, "maps")
    assert "libcrypto" in proc(daemon.verifier, "maps")
    daemon.stop()


def test_signatures_are_checked(folder):
    daemon = Daemon(folder).ready()
    equal(daemon.ask("enroll"), OK)
    for _ in range(3):
        equal(daemon.ask("sign"), OK)
        equal(daemon.ask("forge"), REFUSED)
        equal(daemon.ask("private"), OK)
        equal(daemon.ask("plain"), OK)
    daemon.stop()


def test_what_the_waiting_process_has(folder):
    daemon = Daemon(folder).ready()
    wait_until("three descriptors", lambda: sorted(os.listdir("/proc/%d/fd" % daemon.verifier)) == ["0", "2", "3"])
    assert os.readlink("/proc/%d/fd/0" % daemon.verifier).startswith("socket:")
    assert os.readlink("/proc/%d/fd/3" % daemon.verifier).endswith("/uefistored-verifier")
    daemon.stop()


def sandboxed(folder, *arguments):
    root = os.path.join(folder, "root")
    os.mkdir(root)
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, "store"))
    os.chown(os.path.join(folder, "store"), UID, GID)
    return Daemon(folder, "--chroot", root, "--uid", str(UID), "--gid", str(GID), *arguments).ready(), root


def test_what_the_verifier_has(folder):
    daemon, root = sandboxed(folder, "--depriv")
    equal(daemon.ask("enroll"), OK)
    equal(daemon.ask("sign"), OK)
    equal(daemon.ask("private"), OK)
    equal(daemon.ask("forge"), REFUSED)
    pid = daemon.verifier
    equal(status(pid, "Uid"), [str(UID)] * 4)
    equal(status(pid, "Gid"), [str(GID)] * 4)
    equal(status(pid, "Groups"), [])
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        equal(int(status(pid, name)[0], 16), 0)
    equal(status(pid, "NoNewPrivs"), ["1"])
    equal(status(pid, "Seccomp"), ["2"])
    equal(os.listdir("/proc/%d/fd" % pid), ["0"])
    equal(os.readlink("/proc/%d/root" % pid), root)
    equal(proc(pid, "environ"), "")
    for name in ("mnt", "ipc", "net", "uts"):
        ours, its = os.readlink("/proc/self/ns/" + name), os.readlink("/proc/%d/ns/%s" % (pid, name))
        assert ours != its or "can't leave the" in daemon.log or not can_unshare(), name
    daemon.stop()


def can_unshare():
    return subprocess.run(["unshare", "-m", "-i", "-n", "-u", "true"], stderr=subprocess.DEVNULL).returncode == 0


def test_a_verifier_that_is_killed(folder):
    daemon, _ = sandboxed(folder)
    equal(daemon.ask("enroll"), OK)
    equal(daemon.ask("sign"), OK)
    os.kill(daemon.verifier, signal.SIGKILL)
    wait_until("no zombie", lambda: not os.path.exists("/proc/%d" % daemon.verifier))
    for _ in range(3):
        equal(daemon.ask("sign"), REFUSED)
        equal(daemon.ask("private"), REFUSED)
        equal(daemon.ask("plain"), OK)
    daemon.stop()
    equal(daemon.log.count("signatures can't be checked any more"), 1)


def test_a_waiting_process_that_is_killed(folder):
    daemon = Daemon(folder).ready()
    os.kill(daemon.verifier, signal.SIGKILL)
    equal(daemon.ask("plain"), OK)
    equal(daemon.ask("private"), REFUSED)
    equal(daemon.ask("plain"), OK)
    daemon.stop()


def test_a_verifier_that_hangs_does_not_keep_the_daemon_from_ending(folder):
    daemon = Daemon(folder).ready()
    equal(daemon.ask("private"), OK)
    os.kill(daemon.verifier, signal.SIGSTOP)
    daemon.guest.stdin.write("private\n")
    daemon.guest.stdin.flush()
    time.sleep(0.2)
    begun = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    equal(daemon.process.wait(30), 0)
    took = time.monotonic() - begun
    os.kill(daemon.verifier, signal.SIGCONT)
    assert took < 8, "%.1f s" % took
    wait_until("no process left", lambda: not alive(daemon.verifier))
    daemon.end()


def test_no_process_outlives_the_daemon(folder):
    for sent, returncode in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        for lines in ([], ["private"]):
            daemon = Daemon(folder).ready()
            for line in lines:
                equal(daemon.ask(line), OK)
            daemon.stop(sent, returncode)
            wait_until("no process left", lambda: not alive(daemon.verifier))
            shutil.rmtree(daemon.store)


def test_signals_to_all_processes_are_the_daemons(folder):
    """As systemd sends them to a unit."""
    daemon = Daemon(folder).ready()
    for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(daemon.verifier, sent)
    equal(daemon.ask("enroll"), OK)
    for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(daemon.verifier, sent)
    equal(daemon.ask("sign"), OK)
    daemon.stop()


def test_without_the_program_there_is_no_start(folder):
    alone = os.path.join(folder, "uefistored")
    shutil.copy(DAEMON, alone)
    daemon = Daemon(folder, daemon=alone)
    equal(daemon.process.wait(30), 1)
    daemon.stop(returncode=1)
    assert re.search(r"can't run \S+/uefistored-verifier, which checks signatures: No such file", daemon.log), daemon.log


def main():
    failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        folder = tempfile.mkdtemp(prefix="verifier.")
        try:
            test(folder)
            print("ok", name[5:], flush=True)
        except Exception:
            failed += 1
            traceback.print_exc(file=sys.stdout)
            print("not ok", name[5:], flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
