#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The XAPI backend against a server that restarts, breaks off, talks nonsense, hangs and is overrun."""
import itertools
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "xapi"))
from harness import CLIENT, SUCCESS, UUID, blob, counted, equal, failed, main  # noqa: E402


# ---------------------------------------------------------------------------------------------- restarts and closed connections

def test_an_idle_connection_that_is_closed(case):
    case.start()
    client = case.client()
    equal(client.save(), "saved")
    for _ in range(3):
        case.server.drop()
        equal(counted(case, lambda: equal(client.save(), "saved")), (1, 1))


def test_a_restart_between_saves(case):
    for mode, away in itertools.product(("guard", "xapi"), (0, 0.3)):
        case.start(mode=mode)
        client = case.client()
        equal(client.save(byte=1), "saved")
        case.server.restart(away)
        equal(client.save(byte=2), "saved")
        equal(case.server.nvram["EFI-variables"], blob(byte=2))
        equal(counted(case, lambda: equal(client.save(), "saved")), (1, 0))


def test_a_restart_during_a_save(case):
    for away, apply in itertools.product((0, 0.3), (False, True)):
        case.start()
        client = case.client()
        client.ask("load")
        case.server.rules = [{"action": "restart", "seconds": away, "apply": apply, "times": 1}]
        equal(client.save(byte=2, keys="yes"), "saved")
        equal(case.server.nvram["EFI-variables"], blob(byte=2))
        equal(set(case.server.updates), {"yes"})


def test_a_server_that_stays_away(case):
    case.start()
    client = case.client(reconnect_ms=400)
    equal(client.save(byte=1), "saved")
    case.server.restart(1.5)
    failed(client.save(byte=2), "can't connect", "toolstack", case.path)
    assert 0.2 < client.seconds < 1.2, client.seconds
    time.sleep(1.5)
    equal(client.save(byte=3), "saved")
    equal(case.server.nvram["EFI-variables"], blob(byte=3))


def test_no_server_at_the_start(case):
    client = case.client()
    failed(client.ask("load"), "can't connect", case.path)
    assert client.seconds < 1, client.seconds


def test_a_path_that_is_too_long(case):
    result = subprocess.run([CLIENT, "/" + "x" * 200, UUID], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    equal(result.returncode, 1)
    assert "too long" in result.stderr, result.stderr


def test_a_connection_closed_instead_of_an_answer(case):
    case.start()
    client = case.client()
    client.ask("load")
    case.server.rules = [{"action": "close", "times": 1}]
    equal(client.save(byte=1), "saved")
    case.server.rules = [{"action": "close", "times": 2}]
    equal(counted(case, lambda: failed(client.save(byte=2), "closed")), (2, 1))
    equal(case.server.nvram["EFI-variables"], blob(byte=1))


def test_answers_cut_at_every_length(case):
    case.start()
    client = case.client(call_ms=3000)
    client.ask("load")
    whole = len(case.server.head(0, {})) + len(case.server.success("")) - 10
    for count in range(0, whole, 7):
        case.server.rules = [{"action": "truncate", "bytes": count, "times": 2}]
        failed(client.ask("load"), "closed")


def test_a_lost_answer_leaves_old_or_new_state(case):
    """The keys of a save that failed may be there: the next save says that they changed."""
    case.start()
    client = case.client()
    equal(client.save(byte=1), "saved")
    case.server.rules = [{"action": "close", "apply": True, "times": 2}]
    failed(client.save(byte=2, keys="yes"))
    equal(case.server.nvram["EFI-variables"], blob(byte=2))
    equal(client.save(byte=1), "saved")
    equal(client.save(byte=3), "saved")
    equal(case.server.updates, ["no", "yes", "yes", "yes", "no"])


# ---------------------------------------------------------------------------------------------- answers that are none

BAD_ANSWERS = [
    ({"action": "raw", "data": "\0\1\2\3 nothing like HTTP \xff\xfe\r\n\r\n"}, "not HTTP"),
    ({"action": "raw", "data": "HTTP/1.1 200 OK\r\n" + "X-Padding: " + "x" * 9000 + "\r\n\r\n"}, "longer than"),
    ({"action": "raw", "data": "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"}, "too long"),
    ({"action": "raw", "data": "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"}, "Content-Length"),
    ({"action": "raw", "data": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, "Transfer-Encoding"),
    ({"action": "status", "code": "500 Internal Server Error", "apply": True}, "500"),
    ({"action": "status", "code": "404 Not Found", "apply": True}, "404"),
    ({"action": "no_length"}, "Content-Length"),
    ({"action": "body", "data": ""}, "not XML-RPC"),
    ({"action": "body", "data": "<html>It works!</html>"}, "not XML-RPC"),
    ({"action": "body", "data": SUCCESS[:-1]}, "not XML-RPC"),
    ({"action": "body", "data": SUCCESS.replace("<methodResponse>", "<!DOCTYPE x [<!ENTITY e 'x'>]><methodResponse>")},
     "document type"),
    ({"action": "body", "data": SUCCESS.replace("Success", "Perhaps")}, "Status"),
    ({"action": "body", "data": SUCCESS.replace("Status", "State")}, "Status"),
]


def test_bad_answers(case):
    case.start()
    client = case.client()
    equal(client.save(byte=1), "saved")
    for rule, words in BAD_ANSWERS:
        case.server.rules = [dict(rule, times=1)]
        failed(client.save(byte=2), words, "XAPI at " + case.path)
        case.server.rules = []
        equal(client.save(byte=3), "saved")
        equal(case.server.nvram["EFI-variables"], blob(byte=3))
    case.server.rules = [{"action": "body", "data": "<methodResponse><fault><value>x</value></fault></methodResponse>"}]
    failed(client.save(byte=2), "refused")


def test_an_answer_that_nobody_asked_for_is_not_taken(case):
    """A second answer behind the first must not be taken for that of the next save."""
    case.start()
    client = case.client()
    client.ask("load")
    second = case.server.head(len(SUCCESS), {}) + SUCCESS
    for rule in ({"action": "extra", "data": second, "times": 1}, {"action": "extra", "data": "x", "times": 1}):
        case.server.rules = [dict(rule)]
        equal(client.save(byte=1), "saved")
        case.server.rules = [{"action": "fail"}]
        failed(client.save(byte=2), "told to fail")
        equal(case.server.nvram["EFI-variables"], blob(byte=1))
    case.server.rules = []
    equal(client.save(byte=1), "saved")
    for connection in list(case.server.connections):
        connection.sendall(second.encode())
    case.server.rules = [{"action": "fail"}]
    failed(client.save(byte=2), "told to fail")


# ---------------------------------------------------------------------------------------------- time

def test_a_server_that_hangs(case):
    case.start()
    client = case.client(call_ms=400)
    equal(client.save(byte=1), "saved")
    case.server.rules = [{"action": "hang", "times": 1}]
    failed(client.save(byte=2), "no answer in time", "VM.set_NVRAM_EFI_variables_v2")
    assert 0.3 < client.seconds < 1.5, client.seconds
    equal(client.save(byte=3), "saved")
    equal(case.server.nvram["EFI-variables"], blob(byte=3))


def test_a_server_that_answers_byte_by_byte(case):
    case.start()
    client = case.client(call_ms=400)
    client.ask("load")
    case.server.rules = [{"action": "slow", "seconds": 0.01, "times": 1}]
    failed(client.save(), "no answer in time")
    assert client.seconds < 1.5, client.seconds
    patient = case.client(call_ms=20000)
    case.server.rules = [{"action": "slow", "seconds": 0.0001}]
    equal(patient.save(), "saved")


def test_a_server_that_takes_nothing_in(case):
    """More than the socket's buffers hold, and nobody reads."""
    case.start()
    case.server.serve = lambda connection: time.sleep(5)
    client = case.client(call_ms=400)
    failed(client.save(200000), "no answer in time")
    assert client.seconds < 1.5, client.seconds


def test_a_slow_server_is_waited_for(case):
    case.start(delay=0.5)
    client = case.client()
    equal(client.save(), "saved")


def test_leaving_while_the_server_hangs(case):
    case.start()
    client = case.client()
    client.ask("load")
    case.server.rules = [{"action": "hang"}]
    client.send("save 1000 1 no")
    time.sleep(0.2)
    client.process.send_signal(signal.SIGTERM)
    failed(client.answer(), "given up")
    assert client.seconds < 6, client.seconds
    failed(client.save(), "given up")
    assert client.seconds < 0.5, client.seconds
    client.close()
    assert client.seconds < 0.5, client.seconds


def test_leaving_while_the_server_is_away(case):
    case.start()
    client = case.client()
    client.ask("load")
    case.server.restart(8)
    client.send("save 1000 1 no")
    time.sleep(0.2)
    client.process.send_signal(signal.SIGTERM)
    failed(client.answer(), "given up")
    assert client.seconds < 6, client.seconds


def test_leaving_lets_a_save_finish(case):
    case.start()
    client = case.client()
    client.ask("load")
    case.server.options["delay"] = 0.5
    client.process.send_signal(signal.SIGTERM)
    equal(client.save(byte=5), "saved")
    equal(case.server.nvram["EFI-variables"], blob(byte=5))


def test_the_limit_on_the_rate(case):
    case.start()
    client = case.client()
    begun = time.monotonic()
    for byte in range(100):
        equal(client.save(10, byte), "saved")
    burst = time.monotonic() - begun
    equal(client.ask("load"), "loaded 10 " + "63" * 10)
    assert client.seconds < 0.45, client.seconds
    for byte in range(4):
        equal(client.save(10, byte), "saved")
    total = time.monotonic() - begun
    assert burst < 4 and total > 1.9 and total < burst + 4, (burst, total)
    client.end()
    assert "have to wait" in client.log, client.log


def test_failed_saves_count_for_the_rate(case):
    case.start()
    client = case.client()
    case.server.rules = [{"method": "VM.set*", "action": "fail"}]
    begun = time.monotonic()
    for _ in range(103):
        failed(client.save(10))
    assert time.monotonic() - begun > 1.4


if __name__ == "__main__":
    main(globals())
