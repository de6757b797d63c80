#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The daemon on a pretended Xen host, in its sandbox, with a guest that races against it; and what a guest notices of a
daemon that is killed."""
import os
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sandbox_test  # noqa: E402
from sandbox_test import BUILD, Life, cases, xen  # noqa: E402

sandbox_test.WATCHED = False  # at full speed


def answers_in_a_race_are_each_to_one_version_of_the_request(folder):
    life = Life(folder, ["memory"]).start()
    try:
        subprocess.run([f"{BUILD}/tests/programs/xen_race", life.host.folder, "100000"], check=True, timeout=300)
        life.stop()
    finally:
        life.close()


def pid_of(life):
    return int(life.host.key("varstored-pid"))


def a_write_that_waits_when_the_daemon_is_killed_is_made_by_its_successor(folder):
    life = Life(folder, ["file", "--arg", f"path:{folder}/root/vars"]).start()
    try:
        guest = xen.Guest(life.host)
        assert guest.set("Before", b"1") == xen.SUCCESS
        for number, state in enumerate((xen.READY, xen.INPROCESS)):
            life.signal(signal.SIGSTOP)
            guest.poke(guest.gfn * xen.PAGE, guest.set_request("Pending", bytes([number])))
            waiting = guest.begin(xen.WRITE, 0x100, 4, data=guest.gfn)
            life.signal(signal.SIGKILL)
            life.process.wait()
            guest.requests[waiting + 30] = guest.requests[waiting + 30] & 0xf0 | state
            life.start()
            guest.finish(waiting)
            assert struct.unpack("<Q", guest.peek(guest.gfn * xen.PAGE, 8)) == (xen.SUCCESS,)
            assert guest.get("Pending")[1] == bytes([number])
            assert guest.get("Before")[1] == b"1"
        life.stop()
        life.start()
        assert xen.Guest(life.host).get("Pending")[1] == b"\x01"
        life.stop()
    finally:
        life.close()


def kills_at_any_moment_leave_no_request_without_an_answer(folder):
    """Each write that was answered is there; the one under way is, or isn't."""
    life = Life(folder, ["file", "--arg", f"path:{folder}/root/vars"]).start()
    try:
        guest = xen.Guest(life.host)
        written = 0
        for round_ in range(12):
            killer = subprocess.Popen(["sh", "-c", f"sleep {0.004 + round_ * 0.0017:.4f}; kill -9 {pid_of(life)}"])
            waiting = None
            while waiting is None:
                guest.poke(guest.gfn * xen.PAGE, guest.set_request("Counter", struct.pack("<I", written + 1)))
                at = guest.begin(xen.WRITE, 0x100, 4, data=guest.gfn)
                try:
                    guest.finish(at, seconds=0.25)
                    assert struct.unpack("<Q", guest.peek(guest.gfn * xen.PAGE, 8)) == (xen.SUCCESS,)
                    written += 1
                except xen.Unanswered:
                    waiting = at
            killer.wait()
            life.process.wait(20)
            life.start()
            guest.finish(waiting)
            assert struct.unpack("<Q", guest.peek(guest.gfn * xen.PAGE, 8)) == (xen.SUCCESS,)
            written += 1
            assert guest.get("Counter")[1] == struct.pack("<I", written)
        life.stop()
    finally:
        life.close()


def two_daemons_dont_serve_one_guest(folder):
    life = Life(folder, ["memory"]).start()
    first = life.process
    try:
        guest = xen.Guest(life.host)
        life.start(expect_ready=False)
        assert life.process.wait(20) == 1
        assert guest.set("Mine", b"1") == xen.SUCCESS
        first.terminate()
        assert first.wait(20) == 0
    finally:
        life.close()
        if first.poll() is None:
            first.kill()


def volatile_variables_of_a_domain_that_ends_are_in_the_suspend_image(folder):
    """xl saves a domain without a word to the daemon: it ends, and another is made of what was saved."""
    backend = ["file", "--arg", f"path:{folder}/root/vars"]
    life = Life(folder, backend, "--arg", "save:/save.dat").start()
    try:
        guest = xen.Guest(life.host)
        assert guest.set("Kept", b"1", 7) == xen.SUCCESS
        assert guest.set("Volatile", b"2", 6) == xen.SUCCESS
        life.host.destroy()
        life.ends()
        os.rename(f"{life.root}/save.dat", f"{life.root}/resume.dat")
        life.host.close()
        life.host = xen.Host(f"{folder}/restored", BUILD)
        life.options = ["--resume", "--arg", "resume:/resume.dat"]
        life.start()
        guest = xen.Guest(life.host)
        assert guest.get("Volatile")[1:] == (b"2", 6)
        assert guest.get("Kept")[1:] == (b"1", 7)
        life.stop()
    finally:
        life.close()


TESTS = (answers_in_a_race_are_each_to_one_version_of_the_request,
         a_write_that_waits_when_the_daemon_is_killed_is_made_by_its_successor,
         kills_at_any_moment_leave_no_request_without_an_answer, two_daemons_dont_serve_one_guest,
         volatile_variables_of_a_domain_that_ends_are_in_the_suspend_image)


if __name__ == "__main__":
    sandbox_test.skipped() or cases.main(cases.named(TESTS), cases.InFolder, at_once=1)
