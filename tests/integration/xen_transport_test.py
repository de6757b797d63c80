#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The Xen transport alone (tests/programs/xen_echo.c) with a guest that does what guests may do."""
import os
import signal
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import cases  # noqa: E402
import xen  # noqa: E402

BUILD = os.environ.get("BUILD_DIR", "build/test")
PAGE = xen.PAGE
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Echo:
    """A host with a daemon that answers a request with its bytes complemented."""

    def __init__(self, folder, vcpus=2):
        self.host = xen.Host(folder, BUILD, vcpus=vcpus)
        self.log = open(f"{folder}/log", "w+b")
        self.daemon = self.start()
        self.guest = xen.Guest(self.host)

    def start(self, expect_ready=True):
        process = subprocess.Popen([f"{BUILD}/tests/programs/xen_echo", str(self.host.domain)],
                                   env=self.host.environment(), stderr=self.log)
        assert self.host.wait_ready(process) == expect_ready
        return process

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def text(self):
        self.log.seek(0)
        return self.log.read().decode()

    def end(self):
        pass

    def close(self):
        if self.daemon.poll() is None:
            self.daemon.terminate()
        code = self.daemon.wait(20)
        assert code in (0, -9), f"the daemon ended with {code}: {self.text()}"
        self.host.close()


REQUEST = bytes([1, 0, 0, 0, 3, 0, 0, 0, 9, 9, 9, 9])  # QueryVariableInfo: 12 bytes
ANSWER = bytes(255 - byte for byte in REQUEST)


def answered(guest, gfn=None):
    gfn = guest.gfn if gfn is None else gfn
    guest.poke(gfn * PAGE, REQUEST)
    guest.port_out(0x100, 4, gfn)
    return guest.peek(gfn * PAGE, len(ANSWER)) == ANSWER


@test
def a_request_is_answered_from_and_to_the_guests_buffer(echo):
    for _ in range(3):
        assert answered(echo.guest)


@test
def ports_take_one_two_and_four_bytes(echo):
    guest = echo.guest
    for port, size, value in ((0x104, 4, 0x89abcdef), (0x108, 1, 0xfe), (0x108, 2, 0x8001), (0x108, 4, 0x7f000001)):
        guest.port_out(port, size, value)
        assert guest.port_in(port, size) == value


@test
def what_is_no_register_reads_0_and_writes_nothing(echo):
    guest = echo.guest
    before = guest.peek(guest.gfn * PAGE, 64)
    for size in (1, 2, 8, 3):
        guest.port_out(0x100, size, guest.gfn)
        assert guest.port_in(0x100, size) == 0
    assert guest.port_in(0x100, 4) == 0
    assert guest.access(xen.READ, 0x104, 8) == 0
    assert guest.access(xen.READ, 0x104, 0) == 0
    assert guest.peek(guest.gfn * PAGE, 64) == before
    assert answered(guest)


@test
def the_upper_bits_of_a_value_are_not_looked_at(echo):
    echo.guest.poke(echo.guest.gfn * PAGE, REQUEST)
    echo.guest.access(xen.WRITE, 0x100, 4, data=0xdead << 32 | echo.guest.gfn)
    assert echo.guest.peek(echo.guest.gfn * PAGE, len(ANSWER)) == ANSWER
    echo.guest.access(xen.WRITE, 0x108, 1, data=0x1234567890)
    assert echo.guest.port_in(0x108, 4) == 0x90


@test
def every_type_of_request_is_completed(echo):
    for kind in (xen.COPY, xen.TIMEOFFSET, xen.INVALIDATE, 2, 9, 255):
        for direction in (xen.READ, xen.WRITE):
            for pointer in (False, True):
                echo.guest.access(direction, 0x100, 4, data=echo.guest.gfn, kind=kind, pointer=pointer)
    assert answered(echo.guest)


@test
def an_event_without_a_request_is_nothing(echo):
    for port in (1001, 1002, 1000, 77, 0x7fffffff):
        os.write(echo.guest.events, port.to_bytes(4, "little"))
    assert answered(echo.guest)


@test
def the_mapping_is_kept_while_the_gfn_is_the_same(echo):
    for _ in range(20):
        assert answered(echo.guest)
    assert echo.host["maps"] == 1 and echo.host["unmaps"] == 0
    assert answered(echo.guest, 512)
    assert echo.host["maps"] == 2 and echo.host["unmaps"] == 1
    assert answered(echo.guest)
    assert echo.host["maps"] == 3 and echo.host["unmaps"] == 2


@test
def the_mapping_is_dropped_when_the_guest_gives_pages_back(echo):
    assert answered(echo.guest)
    echo.guest.access(xen.WRITE, 0, 4, kind=xen.INVALIDATE)
    assert echo.host["unmaps"] == 1
    assert answered(echo.guest)
    assert echo.host["maps"] == 2


@test
def gfns_that_are_not_memory_leave_everything_as_it_is(echo):
    guest, last = echo.guest, 4096
    for gfn in (last - 15, last - 1, last, 0x7fffffff, 0xfffffff1, 0xffffffff):
        for at in range(gfn, min(gfn + 16, last)):
            guest.poke(at * PAGE, REQUEST)
        guest.port_out(0x100, 4, gfn)
        for at in range(gfn, min(gfn + 16, last)):
            assert guest.peek(at * PAGE, len(REQUEST)) == REQUEST
        assert echo.host["maps"] == echo.host["unmaps"]
        assert answered(guest)
        guest.access(xen.WRITE, 0, 4, kind=xen.INVALIDATE)
    assert answered(guest, last - 16)


@test
def a_hole_in_the_buffer_leaves_it_as_it_is(echo):
    guest = echo.guest
    for hole in (0, 7, 15):
        echo.host["bad_first"], echo.host["bad_count"] = guest.gfn + hole, 1
        guest.access(xen.WRITE, 0, 4, kind=xen.INVALIDATE)
        assert not answered(guest)
        assert guest.peek(guest.gfn * PAGE, len(REQUEST)) == REQUEST
        echo.host["bad_count"] = 0
        assert answered(guest)
    echo.host["fail_maps"] = 1
    assert not answered(guest, 1024)
    assert answered(guest, 1024)
    assert echo.host["maps"] - echo.host["unmaps"] == 1


@test
def only_the_pages_that_were_written_are_reported(echo):
    guest, host = echo.guest, echo.host
    since = host["reports"]
    assert answered(guest)
    assert host.reported(since) == [(guest.gfn, 1)]
    for length, pages in ((4000, 1), (4060, 2), (20000, 5), (57344, 15)):
        since = host["reports"]
        guest.request(guest.set_request("x", bytes(length)))
        assert host.reported(since) == [(guest.gfn, pages)], host.reported(since)
    since = host["reports"]
    guest.port_out(0x108, 4, 1)
    guest.port_in(0x108, 4)
    guest.port_out(0x100, 4, 0xfffffff0)
    assert host.reported(since) == []


@test
def a_string_out_writes_its_last_element(echo):
    guest = echo.guest
    guest.poke(0x5000, bytes(range(1, 33)))
    guest.access(xen.WRITE, 0x108, 4, data=0x5000, count=4, pointer=True)
    assert guest.port_in(0x108, 4) == 0x100f0e0d
    guest.access(xen.WRITE, 0x108, 2, data=0x5010, count=5, pointer=True, df=True)
    assert guest.port_in(0x108, 4) == 0x0a09
    guest.poke(0x5ffe, b"\x11\x22\x33\x44")  # the element lies in two pages
    guest.access(xen.WRITE, 0x108, 4, data=0x5ffe, count=1, pointer=True)
    assert guest.port_in(0x108, 4) == 0x44332211
    assert echo.host["maps"] == echo.host["unmaps"]


@test
def a_string_in_fills_its_elements_and_nothing_else(echo):
    guest, host = echo.guest, echo.host
    guest.port_out(0x108, 4, 0x44332211)
    for size, count in ((1, 5), (2, 3), (4, 3), (4, 1500)):
        data = 0x6ffa
        guest.poke(data - 64, bytes([0xee]) * (count * size + 128))
        since = host["reports"]
        guest.access(xen.READ, 0x108, size, data=data, count=count, pointer=True)
        element = b"\x11\x22\x33\x44"[:size]
        assert guest.peek(data - 64, count * size + 128) == b"\xee" * 64 + element * count + b"\xee" * 64
        pages = range(data // PAGE, (data + count * size - 1) // PAGE + 1)
        assert host.reported(since) == [(page, 1) for page in pages]
    guest.poke(0x7000, bytes(64))
    guest.access(xen.READ, 0x108, 4, data=0x7010, count=3, pointer=True, df=True)
    assert guest.peek(0x7000, 64) == bytes(8) + b"\x11\x22\x33\x44" * 3 + bytes(44)
    assert host["maps"] == host["unmaps"]


@test
def strings_to_the_request_port_do_nothing(echo):
    guest = echo.guest
    guest.poke(guest.gfn * PAGE, REQUEST)
    guest.poke(0x5000, guest.gfn.to_bytes(4, "little") * 8)
    guest.access(xen.WRITE, 0x100, 4, data=0x5000, count=8, pointer=True)
    assert guest.peek(guest.gfn * PAGE, len(REQUEST)) == REQUEST
    guest.poke(0x5000, bytes([0xee]) * 16)
    guest.access(xen.READ, 0x100, 4, data=0x5000, count=2, pointer=True)
    assert guest.peek(0x5000, 16) == bytes(8) + bytes([0xee]) * 8


@test
def strings_anywhere_and_of_any_length_are_completed(echo):
    guest = echo.guest
    for data in (0, 0xfff, 4096 * PAGE - 2, 4096 * PAGE, 1 << 51, 0xfffffffffffffffe, 0xffffffffffffffff):
        for count in (0, 1, 4096, 4097, 0x40000000, 0xffffffff):
            for direction in (xen.READ, xen.WRITE):
                guest.access(direction, 0x108, 4, data=data, count=count, pointer=True, df=bool(count & 1))
    assert answered(guest)
    assert echo.host["maps"] - echo.host["unmaps"] == 1


@test
def two_vcpus_are_served_at_once(echo):
    failures = []

    def run(number):
        guest = xen.Guest(echo.host, number, gfn=256 + 64 * number)
        for i in range(2000):
            request = bytes([1, 0, 0, 0, 3, 0, 0, 0, number, i & 255, i >> 8, 0])
            reply = guest.request(request)[:12]
            if reply != bytes(255 - byte for byte in request):
                failures.append((number, i, reply))

    threads = [threading.Thread(target=run, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]


@test
def a_request_that_waits_when_the_daemon_is_killed_is_answered_by_its_successor(echo):
    guest, other = echo.guest, xen.Guest(echo.host, 1, gfn=512)
    assert answered(guest)
    for state in (xen.READY, xen.INPROCESS):
        echo.daemon.send_signal(signal.SIGSTOP)
        guest.poke(guest.gfn * PAGE, REQUEST)
        waiting = guest.begin(xen.WRITE, 0x100, 4, data=guest.gfn)
        echo.kill()
        guest.requests[waiting + 30] = guest.requests[waiting + 30] & 0xf0 | state
        echo.daemon = echo.start()
        guest.finish(waiting)
        assert guest.peek(guest.gfn * PAGE, len(ANSWER)) == ANSWER
        assert answered(other)
        assert echo.host.server(0)[0] == 1 and echo.host.server(1)[0] == 0
    assert "took over IOREQ server 0" in echo.text()


@test
def a_reply_that_lies_in_the_buffer_is_not_taken_for_a_request(echo):
    guest = echo.guest
    for reply in (xen.SUCCESS, xen.DEVICE_ERROR, 0x800000000000000e):
        written = struct.pack("<Q", reply) + bytes(24)
        echo.daemon.send_signal(signal.SIGSTOP)
        guest.poke(guest.gfn * PAGE, written)
        waiting = guest.begin(xen.WRITE, 0x100, 4, data=guest.gfn)
        echo.kill()
        guest.requests[waiting + 30] = guest.requests[waiting + 30] & 0xf0 | xen.INPROCESS
        echo.daemon = echo.start()
        guest.finish(waiting)
        assert guest.peek(guest.gfn * PAGE, len(written)) == written
        assert answered(guest)


@test
def an_answer_that_was_not_told_is_told_by_the_successor(echo):
    echo.kill()
    echo.guest.requests[30] = xen.RESP_READY
    while True:
        try:
            os.read(echo.guest.wakeups, 1)
        except BlockingIOError:
            break
    echo.daemon = echo.start()
    assert os.read(echo.guest.wakeups, 1)
    echo.guest.requests[30] = xen.NONE
    assert answered(echo.guest)


@test
def a_daemon_that_was_killed_before_it_had_claimed_its_ports_is_succeeded(echo):
    echo.kill()
    echo.host.control[24:40] = bytes([1]) + bytes(15)  # exists, neither enabled nor with ports
    echo.daemon = echo.start()
    assert answered(echo.guest)


@test
def a_server_that_somebody_serves_is_not_taken(echo):
    second = echo.start(expect_ready=False)
    assert second.returncode != 0
    assert "another daemon" in echo.text()
    assert answered(echo.guest)


@test
def an_id_whose_server_is_gone_is_not_used(echo):
    echo.daemon.terminate()
    assert echo.daemon.wait(20) == 0
    for key in ("0", "3", "77", "70000", "-1", "nonsense", "", "1 ", "9" * 60):
        echo.host.set_key("varstored-ioreq-id", key)
        echo.daemon = echo.start()
        assert answered(echo.guest), key
        assert "took over" not in echo.text(), key
        assert echo.host.key("varstored-ioreq-id") == "0"
        echo.daemon.terminate()
        assert echo.daemon.wait(20) == 0


@test
def a_clean_end_leaves_nothing_and_frees_who_waits(echo):
    assert answered(echo.guest)
    echo.daemon.send_signal(signal.SIGSTOP)
    waiting = echo.guest.begin(xen.WRITE, 0x104, 4, data=1)
    echo.daemon.terminate()
    echo.daemon.send_signal(signal.SIGCONT)
    assert echo.daemon.wait(20) == 0
    echo.guest.finish(waiting)
    assert echo.host.server(0)[0] == 0
    assert echo.host["maps"] == echo.host["unmaps"]
    assert echo.guest.port_in(0x104, 4) == 0xffffffff


@test
def the_daemon_leaves_with_its_domain_and_not_with_another(echo):
    assert answered(echo.guest)
    echo.host.release_another()
    for _ in range(20):
        assert answered(echo.guest)
    assert echo.daemon.poll() is None
    echo.host.destroy()
    assert echo.daemon.wait(20) == 0
    assert "the domain is gone" in echo.text()


@test
def the_daemon_survives_xenstored(echo):
    assert answered(echo.guest)
    echo.host.close()
    assert answered(echo.guest)
    usage = os.sysconf("SC_CLK_TCK")

    def ticks():
        with open(f"/proc/{echo.daemon.pid}/stat", encoding="ascii") as file:
            return sum(int(field) for field in file.read().rsplit(")", 1)[1].split()[11:13])

    before = ticks()
    signal.sigtimedwait([], 0.3)
    assert ticks() - before < usage * 0.2, "it spins"
    assert "xenstored hung up" in echo.text()


@test
def the_handles_are_restricted(echo):
    assert echo.host["restricted"] == 1


def without_xen():
    """Started where there is no Xen, the reason is said."""
    for environment, text in (({}, "Xen"), ({"XENSTUB_DIR": "/nonexistent"}, "Xen")):
        result = subprocess.run([f"{BUILD}/tests/programs/xen_echo", "7"], capture_output=True, text=True, check=False,
                                env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/xenstub", **environment})
        assert result.returncode == 2 and text in result.stderr, result.stderr


def main():
    if not os.path.exists(f"{BUILD}/tests/programs/xen_echo"):
        print("ok xen_transport # skipped: built without Xen")
        return
    without_xen()
    print("ok without_xen")
    cases.main(cases.named(TESTS), Echo)


if __name__ == "__main__":
    main()
