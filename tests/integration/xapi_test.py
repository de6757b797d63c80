#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The XAPI backend (through tests/programs/xapi_client) against a XAPI that behaves in every way that one can."""
import base64
import concurrent.futures
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "xapi"))
import server  # noqa: E402

CLIENT = os.path.join(os.environ["BUILD_DIR"], "tests/programs/xapi_client")
SERVER = os.path.join(os.path.dirname(server.__file__), "server.py")
UUID = "12345678-9abc-def0-1234-56789abcdef0"
SUCCESS = '<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name>' \
    '<value>Success</value></member></struct></value></param></params></methodResponse>'


class Client:
    def __init__(self, path, uuid=UUID, call_ms=0, reconnect_ms=0):
        self.process = subprocess.Popen([CLIENT, path, uuid, str(call_ms), str(reconnect_ms)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.seconds, self.closed = 0, False

    def ask(self, line):
        self.send(line)
        return self.answer()

    def send(self, line):
        self.begun = time.monotonic()
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        answer = self.process.stdout.readline().strip()
        self.seconds = time.monotonic() - self.begun
        return answer

    def save(self, length=1000, byte=7, keys="no"):
        return self.ask("save %d %d %s" % (length, byte, keys))

    def close(self):
        equal(self.ask("close"), "closed")
        self.closed = True

    def end(self):
        if not self.closed:
            self.close()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log = self.process.stderr.read()
        self.process.stderr.close()
        equal((self.process.wait(30), "ERROR" in self.log and self.log), (0, False))


class Case:
    """A server of its own, and clients; afterwards nothing may have been wrong with any request."""

    def __init__(self, folder):
        self.folder, self.clients, self.servers = folder, [], []
        self.path, self.nvram_file = os.path.join(folder, "socket"), os.path.join(folder, "nvram")

    def start(self, mode="guard", uuid=UUID, **options):
        self.server = server.Server(self.path, mode, uuid, self.nvram_file, options)
        self.server.listen()
        self.servers.append(self.server)
        return self.server

    def client(self, **arguments):
        self.clients.append(Client(self.path, **arguments))
        return self.clients[-1]

    def end(self):
        for client in self.clients:
            if not client.process.stdin.closed:
                client.end()
        for each in self.servers:
            equal(each.counts["violations"], [])


def equal(a, b):
    assert a == b, "%r is not %r" % (a, b)


def failed(answer, *words):
    assert answer.startswith("failed: ") and all(word in answer for word in words), answer


def blob(length=1000, byte=7):
    return base64.b64encode(bytes([byte]) * length).decode()


def counted(case, function):
    """What a call costs: (requests, connections)."""
    before = dict(case.server.counts)
    function()
    return (case.server.counts["requests"] - before["requests"],
            case.server.counts["connections"] - before["connections"])


# ---------------------------------------------------------------------------------------------- loading

def test_absent_key_is_a_first_boot(case):
    case.start().nvram["EFI-variables-backend"] = "xapidb"
    equal(case.client().ask("load"), "first-boot")


def test_empty_nvram_is_no_first_boot(case):
    case.start().nvram["EFI-variables"] = ""
    failed(case.client().ask("load"), "empty", UUID)


def test_nvram_that_is_no_base64(case):
    case.start()
    for text in ("VkFSUw", "VkFSUw==\n", "VkFSUw=!", "VARS\0".replace("\0", "?")):
        case.server.nvram["EFI-variables"] = text
        failed(case.client().ask("load"), "not base64")


def test_nvram_of_another_type(case):
    case.start().nvram["EFI-variables"] = ["VkFSUw=="]
    failed(case.client().ask("load"), "not a string")
    case.server.nvram = "EFI-variables"
    failed(case.client().ask("load"), "not a map")
    case.server.nvram = None
    failed(case.client().ask("load"), "not a map")


def test_loads_of_every_size(case):
    case.start().nvram["other"] = "x" * 5000
    client = case.client()
    for length in (1, 2, 3, 4, 3000, 100000, 131072, 1000000, 4 << 20):
        case.server.nvram["EFI-variables"] = blob(length, 0x41)
        equal(client.ask("load"), "loaded %d %s" % (length, "41" * min(length, 16)))


def test_load_is_three_requests_on_one_connection(case):
    case.start()
    client = case.client()
    equal(counted(case, lambda: client.ask("load")), (3, 1))


# ---------------------------------------------------------------------------------------------- saving

def test_a_save_is_one_request_and_no_connection(case):
    for mode in ("guard", "xapi"):
        case.start(mode=mode)
        client = case.client()
        client.ask("load")
        equal(counted(case, lambda: [equal(client.save(50000, i), "saved") for i in range(50)]), (50, 0))
        equal(case.server.nvram["EFI-variables"], blob(50000, 49))


def test_a_save_is_in_the_database_when_it_is_acknowledged(case):
    case.start().nvram["other"] = "kept"
    client = case.client()
    for byte in range(5):
        equal(client.save(2000, byte), "saved")
        with open(case.nvram_file) as file:
            equal(json.load(file), {"EFI-variables": blob(2000, byte), "other": "kept"})


def test_says_whether_keys_changed(case):
    case.start()
    client = case.client()
    for keys in ("no", "yes", "no"):
        equal(client.save(keys=keys), "saved")
    equal(case.server.updates, ["no", "yes", "no"])


def test_a_request_above_the_limit_is_not_sent(case):
    case.start()
    client = case.client()
    client.ask("load")
    equal(client.save(229000), "saved")
    equal(counted(case, lambda: failed(client.save(231000), "307200")), (0, 0))
    failed(client.save(4 << 20), "307200")
    equal(client.save(), "saved")


def test_a_server_that_closes_each_connection(case):
    for http in ("1.0", "1.1"):
        case.start(keep_alive=False, http=http)
        client = case.client()
        equal(client.ask("load"), "first-boot" if http == "1.0" else "loaded 1000 " + "07" * 16)
        for _ in range(5):
            equal(counted(case, lambda: equal(client.save(), "saved")), (1, 1))


def test_every_form_of_answer(case):
    forms = itertools.product(("title", "lower", "upper", "mixed"), ("forward", "reverse"), ("typed", "bare"), (False, True))
    for header_case, members, strings, pretty in forms:
        case.start(header_case=header_case, members=members, strings=strings, pretty=pretty)
        case.server.nvram = {"a": "1", "EFI-variables": blob(100, 1), "z": "2"}
        client = case.client()
        equal(client.ask("load"), "loaded 100 " + "01" * 16)
        equal(client.save(), "saved")
        case.server.rules = [{"action": "fail", "description": ["DB_GONE", "x"]}]
        failed(client.save(), "DB_GONE, x")


def test_uuid_and_references_are_escaped(case):
    case.start(mode="xapi", uuid="<&>'\"")
    client = case.client(uuid="<&>'\"")
    equal(client.save(), "saved")
    equal(client.ask("load"), "loaded 1000 " + "07" * 16)


def test_an_unknown_vm(case):
    case.start(mode="xapi", uuid="another")
    failed(case.client().ask("load"), "VM.get_by_uuid", "UUID_INVALID", UUID)


# ---------------------------------------------------------------------------------------------- the calls of 2026

def test_a_guard_without_the_new_calls(case):
    for failure in ("array", "string", "nil"):
        case.start(v2=False, failure=failure)
        client = case.client()
        equal(client.save(100, 1, "yes"), "saved")
        equal(case.server.nvram["EFI-variables"], blob(100, 1))
        for byte in range(5):
            equal(counted(case, lambda: equal(client.save(100, byte, "yes"), "saved")), (1, 0))
        equal(case.server.counts["methods"]["VM.set_NVRAM_EFI_variables_v2"], 1)


def test_a_failure_of_both_calls_decides_nothing(case):
    case.start()
    client = case.client()
    case.server.rules = [{"method": "VM.set*", "action": "fail", "times": 2}]
    failed(client.save(byte=1), "VM.set_NVRAM_EFI_variables")
    assert "EFI-variables" not in case.server.nvram
    equal(client.save(byte=2, keys="yes"), "saved")
    equal(case.server.updates, ["yes"])


# ---------------------------------------------------------------------------------------------- sessions

def test_an_expired_session(case):
    case.start(mode="xapi")
    client = case.client()
    equal(client.save(byte=1), "saved")
    case.server.control({"expire": True})
    equal(counted(case, lambda: equal(client.save(byte=2), "saved")), (4, 0))
    equal(counted(case, lambda: equal(client.save(byte=3), "saved")), (1, 0))
    equal(case.server.nvram["EFI-variables"], blob(byte=3))


def test_sessions_that_expire_all_the_time(case):
    case.start(mode="xapi", session_calls=2)
    client = case.client()
    for byte in range(6):
        equal(client.save(byte=byte), "saved")
        equal(case.server.nvram["EFI-variables"], blob(byte=byte))
    case.server.options["session_calls"] = 0
    failed(client.save(), "SESSION_INVALID")


def test_a_vm_reference_that_changed(case):
    case.start(mode="xapi")
    client = case.client()
    equal(client.save(), "saved")
    case.server.vm_reference = lambda: "OpaqueRef:another"
    equal(client.save(byte=9), "saved")
    equal(case.server.nvram["EFI-variables"], blob(byte=9))


def test_a_refused_login(case):
    case.start()
    client = case.client()
    case.server.rules = [{"method": "session.*", "action": "fail", "description": ["HOST_IS_SLAVE", "10.0.0.1"], "times": 1}]
    failed(client.ask("load"), "session.login_with_password", "HOST_IS_SLAVE, 10.0.0.1")
    equal(client.ask("load"), "first-boot")


def test_references_that_are_none(case):
    case.start()
    client = case.client()
    for data in (SUCCESS, SUCCESS.replace("</struct>", "<member><name>Value</name><value/></member></struct>")):
        case.server.rules = [{"method": "session.*", "action": "body", "data": data, "times": 1}]
        failed(client.ask("load"), "no reference")


def test_logs_out_at_the_end(case):
    case.start(mode="xapi")
    client = case.client()
    client.ask("load")
    equal(len(case.server.sessions), 1)
    client.close()
    equal(len(case.server.sessions), 0)


def test_a_hanging_logout_is_not_waited_for(case):
    case.start()
    client = case.client()
    client.ask("load")
    case.server.rules = [{"action": "hang"}]
    client.close()
    assert client.seconds < 3, client.seconds


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


# ---------------------------------------------------------------------------------------------- messages

def test_the_message(case):
    for mode in ("guard", "xapi"):
        case.start(mode=mode)
        equal(case.client().ask("notify"), "notified")
        equal(case.server.messages, [("VM_SECURE_BOOT_FAILED", "5", "VM", UUID,
                                      "The VM failed to pass Secure Boot verification.")])


def test_a_message_that_is_refused(case):
    case.start()
    case.server.rules = [{"method": "message.*", "action": "fail", "description": "no more room", "exact": True}]
    failed(case.client().ask("notify"), "no more room", UUID)


# ---------------------------------------------------------------------------------------------- the rest

def test_memory_is_given_back(case):
    """Private memory of the whole program, which does little else, after a load and saves of full size."""
    case.start().nvram["EFI-variables"] = blob(131072)
    client = case.client()
    client.ask("load")
    client.save(131072)
    client.ask("load")
    after = int(client.ask("memory").split()[1])
    print("# private memory after loads and saves of 128 KiB: %d KiB" % after)
    assert after < 400 or os.path.basename(os.environ["BUILD_DIR"]) != "nosan", after


def test_the_server_as_a_program(case):
    control = os.path.join(case.folder, "control")
    pid = int(subprocess.check_output([SERVER, "--background", "--socket", case.path, "--nvram", case.nvram_file,
                                       "--control", control, "--option", "v2=false"], text=True))
    try:
        client = case.client()
        equal(client.save(byte=4), "saved")
        with open(case.nvram_file) as file:
            equal(json.load(file)["EFI-variables"], blob(byte=4))
        counts = json.loads(subprocess.check_output([SERVER, "ctl", control, "counts"]))
        equal((counts["requests"], counts["connections"], counts["violations"]), (4, 1, []))
        server.Control(control).do(rules=[{"action": "fail", "description": ["TOLD", "so"]}])
        failed(client.save(), "TOLD, so")
    finally:
        os.kill(pid, signal.SIGTERM)


def run(name, function):
    with tempfile.TemporaryDirectory(prefix="xapi.", dir="/tmp") as folder:
        case = Case(folder)
        try:
            function(case)
            case.end()
            return "ok " + name
        except Exception:
            return "not ok %s\n%s" % (name, traceback.format_exc())
        finally:
            for client in case.clients:
                client.process.kill()
            for each in case.servers:
                each.stop()


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = [(name[5:], function) for name, function in globals().items() if name.startswith("test_") and wanted in name]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda test: run(*test), tests))
    print("\n".join(results))
    sys.exit(any(result.startswith("not") for result in results))


if __name__ == "__main__":
    main()
