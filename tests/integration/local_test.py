#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The daemon from end to end over the local transport, spoken here from docs/PROTOCOL.md: the five commands, the PPI
ports, how it starts and ends, recordings, and a log that no guest can flood."""
import fcntl
import mmap
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

BUILD_DIR = os.environ["BUILD_DIR"]
DAEMON = os.path.join(BUILD_DIR, "uefistored")
# Looking for leaks needs more than the sandbox gives.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
PROGRAMS = os.path.join(BUILD_DIR, "tests/programs")

MEMORY, WRITE, READ = 1, 2, 3
SERVED, BAD_MESSAGE, NO_MEMORY, NOT_SEALED, NOT_MEMORY, FULL = range(6)
REQUEST, PPI_INDEX, PPI_DATA = 0x100, 0x104, 0x108
BUFFER = 65536

ERROR = 1 << 63
SUCCESS = 0
INVALID_PARAMETER, UNSUPPORTED, BUFFER_TOO_SMALL, DEVICE_ERROR = ERROR | 2, ERROR | 3, ERROR | 5, ERROR | 7
NOT_FOUND, ACCESS_DENIED = ERROR | 14, ERROR | 15
NV_BS_RT, BS = 7, 2
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le
OTHER = uuid.UUID("5b446ed1-e30b-4faa-871a-3654eca36080").bytes_le


def equal(a, b):
    assert a == b, "%r is not %r" % (a, b)


class Guest:
    """A firmware behind the local transport."""

    def __init__(self, path, seals=fcntl.F_SEAL_SHRINK, gfn=3):
        self.gfn = gfn
        memfd = os.memfd_create("guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(memfd, 32 * 4096)
        fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, seals)
        self.memory = mmap.mmap(memfd, 32 * 4096)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        self.socket.connect(path)
        socket.send_fds(self.socket, [struct.pack("<4I", MEMORY, 0, 0, 0)], [memfd])
        os.close(memfd)
        self.result = self.answer()[0]

    def answer(self):
        data = self.socket.recv(9)
        return struct.unpack("<2I", data) if data else (None, None)

    def access(self, operation, port, size, value=0):
        self.socket.send(struct.pack("<4I", operation, port, size, value))
        result, value = self.answer()
        equal(result, SERVED)
        return value

    def call(self, request, gfn=None):
        at = (self.gfn if gfn is None else gfn) * 4096
        self.memory[at:at + len(request)] = request
        self.access(WRITE, REQUEST, 4, self.gfn if gfn is None else gfn)
        reply = self.memory[at:at + BUFFER]
        return struct.unpack_from("<Q", reply)[0], reply[8:]

    @staticmethod
    def name(text):
        encoded = text.encode("utf-16-le")
        return struct.pack("<Q", len(encoded)) + encoded

    def get(self, name, capacity=1000, guid=GLOBAL, at_runtime=0):
        status, rest = self.call(struct.pack("<2I", 1, 0) + self.name(name) + guid + struct.pack("<QB", capacity, at_runtime))
        if status == SUCCESS:
            attributes, length = struct.unpack_from("<IQ", rest)
            return status, attributes, rest[12:12 + length]
        return (status, struct.unpack_from("<Q", rest)[0]) if status == BUFFER_TOO_SMALL else (status,)

    def set(self, name, data, attributes=NV_BS_RT, guid=GLOBAL, at_runtime=0):
        return self.call(struct.pack("<2I", 1, 1) + self.name(name) + guid + struct.pack("<Q", len(data)) + data
                         + struct.pack("<IB", attributes, at_runtime))[0]

    def next(self, name, guid, capacity=1000, at_runtime=0):
        status, rest = self.call(struct.pack("<2IQ", 1, 2, capacity) + self.name(name) + guid + bytes([at_runtime]))
        if status != SUCCESS:
            return (status, struct.unpack_from("<Q", rest)[0]) if status == BUFFER_TOO_SMALL else (status,)
        length = struct.unpack_from("<Q", rest)[0]
        return status, rest[8:8 + length].decode("utf-16-le"), rest[8 + length:24 + length]

    def walk(self, at_runtime=0):
        found, name, guid = [], "", b"\xff" * 16
        while True:
            answer = self.next(name, guid, at_runtime=at_runtime)
            if answer[0] != SUCCESS:
                equal(answer, (NOT_FOUND,))
                return found
            name, guid = answer[1:]
            found.append((name, guid))

    def query(self, attributes):
        status, rest = self.call(struct.pack("<3I", 1, 3, attributes))
        return (status,) + struct.unpack_from("<3Q", rest) if status == SUCCESS else (status,)

    def notify(self):
        return self.call(struct.pack("<2I", 1, 4), gfn=16)[0]

    def ppi_read(self, offset, size=1):
        self.access(WRITE, PPI_INDEX, 4, offset)
        return self.access(READ, PPI_DATA, size)

    def ppi_write(self, offset, value, size=1):
        self.access(WRITE, PPI_INDEX, 4, offset)
        self.access(WRITE, PPI_DATA, size, value)

    def close(self):
        self.socket.close()
        self.memory.close()


class Daemon:
    """A daemon in a folder of its own; the file store is kept between starts."""

    def __init__(self, folder, *arguments, wait=True):
        self.socket = os.path.join(folder, "socket")
        self.log_path = os.path.join(folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [DAEMON, "--transport", "unix:" + self.socket, "--backend", "file", "--arg",
                 "path:" + os.path.join(folder, "store"), "--keys", folder] + list(arguments), stderr=log, env=ENVIRONMENT)
        if wait:
            self.await_log("ready")

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def await_log(self, text):
        end = time.time() + 60
        while text not in self.log():
            assert time.time() < end and self.process.poll() is None, self.log()
            time.sleep(0.01)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(60)


def test_get_and_set(folder, daemons):
    guest = Guest(daemons().socket)
    equal(guest.get("Key"), (NOT_FOUND,))
    equal(guest.set("Key", b"value"), SUCCESS)
    equal(guest.get("Key"), (SUCCESS, NV_BS_RT, b"value"))
    equal(guest.get("Key", capacity=4), (BUFFER_TOO_SMALL, 5))
    equal(guest.get("Key", capacity=0), (BUFFER_TOO_SMALL, 5))
    equal(guest.get("Key", guid=OTHER), (NOT_FOUND,))
    equal(guest.set("Key", b"1", attributes=NV_BS_RT | 0x40), SUCCESS)
    equal(guest.get("Key"), (SUCCESS, NV_BS_RT, b"value1"))
    equal(guest.set("Key", b""), SUCCESS)
    equal(guest.set("Key", b""), NOT_FOUND)
    equal(guest.set("Private", b"x", attributes=BS), SUCCESS)
    equal(guest.get("Private", at_runtime=1), (NOT_FOUND,))
    equal(guest.get("Private"), (SUCCESS, BS, b"x"))


def test_walk(folder, daemons):
    guest = Guest(daemons().socket)
    before = guest.walk()
    equal(len(before), len(set(before)))
    names = {("Boot%04X" % i, GLOBAL) for i in range(20)} | {("N", OTHER)}
    for name, guid in names:
        equal(guest.set(name, b"x", guid=guid), SUCCESS)
    equal(guest.set("Hidden", b"x", attributes=BS), SUCCESS)
    equal(set(guest.walk()), set(before) | names | {("Hidden", GLOBAL)})
    equal(len(guest.walk()), len(before) + 22)
    equal(set(guest.walk(at_runtime=1)), set(before) | names)
    name = guest.next("Boot0000", GLOBAL)[1]
    equal(guest.next("Boot0000", GLOBAL, capacity=2), (BUFFER_TOO_SMALL, 2 * len(name) + 2))
    equal(guest.next("NotThere", GLOBAL), (INVALID_PARAMETER,))


def test_query(folder, daemons):
    guest = Guest(daemons().socket)
    status, maximum, remaining, largest = guest.query(NV_BS_RT)
    equal((status, maximum, largest), (SUCCESS, 131072, 57344))
    equal(guest.set("Key", b"x" * 100), SUCCESS)
    equal(guest.query(NV_BS_RT)[2], remaining - 128 - 6 - 100)
    equal(guest.query(0), (INVALID_PARAMETER,))
    equal(guest.query(8), (UNSUPPORTED,))


def test_notify_is_taken_once(folder, daemons):
    guest = Guest(daemons().socket)
    equal(guest.notify(), SUCCESS)
    equal(guest.notify(), ACCESS_DENIED)


def test_other_versions_and_commands(folder, daemons):
    guest = Guest(daemons().socket)
    equal(guest.call(struct.pack("<2I", 2, 0))[0], DEVICE_ERROR)
    equal(guest.call(struct.pack("<2I", 1, 5))[0], UNSUPPORTED)
    equal(guest.call(struct.pack("<2I", 1, 0xffffffff))[0], UNSUPPORTED)


def test_ppi_ports(folder, daemons):
    daemon = daemons()
    guest = Guest(daemon.socket)
    guest.ppi_write(0x00, 0x11223344, size=4)
    equal(guest.ppi_read(0x00, size=4), 0x11223344)
    equal(guest.ppi_read(0x01, size=2), 0x2233)
    guest.ppi_write(0x100, 0xab)
    guest.ppi_write(0x12f, 0xcd)
    equal((guest.ppi_read(0x100), guest.ppi_read(0x12f), guest.ppi_read(0x130)), (0xab, 0xcd, 0))
    equal(guest.access(READ, PPI_INDEX, 4), 0)
    equal(daemon.end(signal.SIGKILL), -signal.SIGKILL)
    guest = Guest(daemons().socket)
    equal((guest.ppi_read(0x100), guest.ppi_read(0x12f), guest.ppi_read(0x00)), (0xab, 0xcd, 0))


def test_two_vcpus_see_one_state(folder, daemons):
    daemon = daemons()
    first, second = Guest(daemon.socket), Guest(daemon.socket, gfn=0)
    for i in range(50):
        equal((first, second)[i % 2].set("Key", b"%d" % i), SUCCESS)
        equal((second, first)[i % 2].get("Key"), (SUCCESS, NV_BS_RT, b"%d" % i))


def test_unsealed_memory_is_refused(folder, daemons):
    daemon = daemons()
    equal(Guest(daemon.socket, seals=0).result, NOT_SEALED)
    equal(Guest(daemon.socket).result, SERVED)


def test_a_buffer_beyond_the_memory_is_left_alone(folder, daemons):
    guest = Guest(daemons().socket)
    guest.memory[:] = b"\x5a" * len(guest.memory)
    for gfn in (17, 31, 32, 0xffffffff):
        guest.access(WRITE, REQUEST, 4, gfn)
    equal(guest.memory[:], b"\x5a" * len(guest.memory))


def ends_cleanly(daemons, number):
    daemon = daemons()
    guest = Guest(daemon.socket)
    equal(guest.set("Key", b"kept"), SUCCESS)
    equal(daemon.end(number), 0)
    equal(guest.answer(), (None, None))
    assert not os.path.exists(daemon.socket)
    equal(Guest(daemons().socket).get("Key"), (SUCCESS, NV_BS_RT, b"kept"))


def test_sigterm_ends_cleanly(folder, daemons):
    ends_cleanly(daemons, signal.SIGTERM)


def test_sigint_ends_cleanly(folder, daemons):
    ends_cleanly(daemons, signal.SIGINT)


def test_sighup_ends_cleanly(folder, daemons):
    ends_cleanly(daemons, signal.SIGHUP)


def test_socket_is_private_and_a_stale_one_is_replaced(folder, daemons):
    daemon = daemons()
    equal(stat.S_IMODE(os.stat(daemon.socket).st_mode), 0o600)
    daemon.end(signal.SIGKILL)
    assert os.path.exists(daemon.socket)
    equal(Guest(daemons().socket).result, SERVED)


def test_a_second_daemon_is_refused(folder, daemons):
    daemon = daemons()
    second = subprocess.run([DAEMON, "--transport", "unix:" + daemon.socket, "--backend", "memory"],
                            stderr=subprocess.PIPE, text=True, timeout=60)
    equal(second.returncode, 1)
    assert daemon.socket in second.stderr, second.stderr
    equal(Guest(daemon.socket).result, SERVED)


def test_wrong_usage_exits_2(folder, daemons):
    for arguments in ([], ["--nonsense"], ["--transport", "tcp:1"], ["--transport", "unix:"],
                      ["--transport", "unix:/tmp/x", "--backend", "file"]):
        run = subprocess.run([DAEMON] + arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, timeout=60)
        equal(run.returncode, 2)
        assert run.stderr


def test_help_and_version(folder, daemons):
    for argument, text in (("--help", "usage"), ("--version", "uefistored")):
        run = subprocess.run([DAEMON, argument], stdout=subprocess.PIPE, text=True, timeout=60)
        equal(run.returncode, 0)
        assert text in run.stdout


def test_a_recording_is_replayed_with_equal_answers(folder, daemons):
    recording = os.path.join(folder, "recording")
    daemon = daemons("--record", recording)
    subprocess.run([os.path.join(PROGRAMS, "firmware_boot"), daemon.socket, "boot"], check=True, timeout=120,
                   stdout=subprocess.DEVNULL)
    guest = Guest(daemon.socket)
    equal(guest.set("Large", b"x" * 50000), SUCCESS)
    equal(guest.get("Large", capacity=60000)[0], SUCCESS)
    guest.ppi_write(0x10, 7)
    equal(guest.ppi_read(0x10), 7)
    guest.call(b"\xff" * BUFFER)
    equal(daemon.end(), 0)
    equal(stat.S_IMODE(os.stat(recording).st_mode), 0o600)
    assert os.path.getsize(recording) > 100000

    os.rename(os.path.join(folder, "store"), os.path.join(folder, "first"))
    daemon = daemons()
    replay = [os.path.join(PROGRAMS, "replay"), daemon.socket, recording]
    run = subprocess.run(replay, stderr=subprocess.PIPE, text=True, timeout=120)
    assert run.returncode == 0 and " 0 differences" in run.stderr, run.stderr
    equal(daemon.end(), 0)
    with open(os.path.join(folder, "first", "EFI-variables"), "rb") as a, \
            open(os.path.join(folder, "store", "EFI-variables"), "rb") as b:
        equal(a.read(), b.read())
    daemons()  # with a state that the recording didn't begin with, answers differ
    equal(subprocess.run(replay, stderr=subprocess.DEVNULL, timeout=120).returncode, 1)


def test_a_recording_gives_seeds_for_a_fuzzer(folder, daemons):
    recording, corpus = os.path.join(folder, "recording"), os.path.join(folder, "corpus")
    daemon = daemons("--record", recording)
    guest = Guest(daemon.socket)
    for _ in range(3):
        equal(guest.set("Key", b"x"), SUCCESS)
        equal(guest.get("Key")[0], SUCCESS)
    equal(daemon.end(signal.SIGKILL), -signal.SIGKILL)
    os.mkdir(corpus)
    subprocess.run([os.path.join(PROGRAMS, "replay"), "--corpus", recording, corpus], check=True, timeout=60,
                   stderr=subprocess.DEVNULL)
    equal(sorted(os.listdir(corpus)), ["0000-set", "0001-get"])
    with open(os.path.join(corpus, "0001-get"), "rb") as file:
        seed = file.read()
    equal(seed, struct.pack("<2I", 1, 0) + Guest.name("Key") + GLOBAL + struct.pack("<QB", 1000, 0))


def test_the_log_can_not_be_flooded(folder, daemons):
    daemon = daemons()
    guest = Guest(daemon.socket)
    for i in range(2000):
        guest.notify()
        guest.set("SecureBoot", b"x")
        guest.set("x" * (i % 50 + 1), b"x", attributes=0x27)
        guest.call(struct.pack("<2I", i, i))
    for _ in range(200):
        equal(Guest(daemon.socket, seals=0).result, NOT_SEALED)
    equal(daemon.end(), 0)
    lines = daemon.log().count("\n")
    assert lines < 100, "%d lines:\n%s" % (lines, daemon.log()[-2000:])


def run(test):
    daemons = []
    with tempfile.TemporaryDirectory() as folder:
        def start(*arguments):
            daemons.append(Daemon(folder, *arguments))
            return daemons[-1]
        try:
            test(folder, start)
            return True
        except BaseException:  # noqa: B902: whatever it is, it is this test's failure
            traceback.print_exc(file=sys.stdout)
            for daemon in daemons:
                print(daemon.log())
            return False
        finally:
            for daemon in daemons:
                if daemon.process.poll() is None:
                    daemon.process.kill()
                    daemon.process.wait()


def main():
    bad = 0
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            good = run(test)
            bad += not good
            print("%s %s" % ("ok" if good else "not ok", name[5:]), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
