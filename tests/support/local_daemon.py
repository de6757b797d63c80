# SPDX-License-Identifier: BSD-2-Clause
"""The daemon at the local transport, and guests that talk to it, for tests that are scripts."""
import os
import signal
import subprocess
import threading

from cases import equal

BUILD_DIR = os.environ["BUILD_DIR"]
NV, VOLATILE, KEY = 7, 6, 0x27
# Looking for leaks needs more than the sandbox gives.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")


class Guest:
    """tests/programs/guest.c"""

    def __init__(self, path):
        self.process = subprocess.Popen([os.path.join(BUILD_DIR, "tests/programs/guest"), path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.send(line)
        return self.process.stdout.readline().strip()

    def set(self, name, byte, length=100, attributes=NV):
        return self.ask("set %s %d %d %d" % (name, attributes, length, byte))

    def put(self, *arguments, **more):
        equal(self.set(*arguments, **more), "Success")

    def expect(self, name, byte, length=100, attributes=NV):
        equal(self.ask("get " + name), "Success %#x %d %d" % (attributes, length, byte))

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


class DaemonCase:
    """What a case (cases.py) has of daemons and guests. The last daemon is at self.transport."""

    def __init__(self, folder):
        self.folder, self.processes, self.guests = folder, [], []
        self.transport = os.path.join(folder, "transport")

    def run_daemon(self, *arguments, ready=True, keep=()):
        """A process that is ready, or (ready=False) just started. What it says is in its log."""
        process = subprocess.Popen(
            [os.path.join(BUILD_DIR, "uefistored"), "--transport", "unix:" + self.transport, *arguments],
            stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, pass_fds=keep)
        watchdog = threading.Timer(60, process.kill)
        watchdog.daemon = True
        watchdog.start()
        self.processes.append(process)
        process.log = ""
        while ready:
            line = process.stderr.readline()
            process.log += line
            assert line, "the daemon ended: " + process.log
            ready = not line.rstrip().endswith("ready")
        return process

    def guest(self):
        self.guests.append(Guest(self.transport))
        return self.guests[-1]

    def stop(self, process, number=signal.SIGTERM, status=0):
        process.send_signal(number)
        self.ended(process, status)

    @staticmethod
    def ended(process, status):
        process.log += process.stderr.read()
        process.wait(30)
        assert process.returncode == status, "exit status %r: %s" % (process.returncode, process.log)

    def end(self):
        for guest in self.guests:
            guest.end()

    def close(self):
        for process in self.processes + [guest.process for guest in self.guests]:
            process.kill()
            process.wait()
