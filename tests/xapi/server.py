#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A stand-in for XAPI's socket, for tests: XML-RPC over HTTP/1.1 on an AF_UNIX stream socket.

    server.py --socket PATH [--uuid UUID] [--mode guard|xapi] [--nvram FILE] [--control PATH] [--background]
    server.py ctl CONTROL counts|state|JSON

As "guard" (the default) it is the deprivileged socket of one VM: it gives DUMMYSESSION and DUMMYVM, looks at no reference,
and takes nothing beyond the calls of the toolstack's contract. As "xapi" it has sessions and a reference for the VM, and
minds both.

--nvram FILE: VM.NVRAM as a JSON object, read at the start if it is there ({} otherwise: a first boot), and written (renamed into
place) before a call that changes it is answered. `jq -r '."EFI-variables"' FILE | base64 -d` is the VARS blob; see vars.py.

It serves when "ready" is on stdout. With --background it prints its process id instead, once it serves, and goes on in the
background, so that a shell can say

    pid=$(tests/xapi/server.py --background --socket $dir/xapi --nvram $dir/nvram.json --control $dir/control)
    ...
    kill $pid

--control PATH: a second socket; each line is a JSON object, answered by a line (or: `server.py ctl PATH JSON`):

    {"get": "counts"}      {"connections": 1, "requests": 3, "methods": {"VM.get_NVRAM": 1, ..}, "violations": []}
    {"get": "state"}       {"nvram": {..}, "messages": [[name, priority, class, uuid, body], ..], "updates": ["yes", "no", ..]}
    {"reset": true}        the counts begin anew
    {"set": {OPTION: VALUE, ..}}
    {"rules": [RULE, ..]}  misbehaviour; replaces the rules that there are
    {"nvram": {..}}        replaces the map
    {"power_state": "Running"}, {"platform": {..}}   what the VM does, and VM.platform (XAPI alone answers that)
    {"restart": SECONDS}   the socket goes, with all connections and sessions, and comes back after so long
    {"drop": true}         closes all connections
    {"expire": true}       forgets all sessions
    {"stop": true}

"violations" are requests that a real server would have stumbled over: a wrong type or number of parameters, a bad header.

Options (all on the command line too, as --option NAME=JSON):

    keep_alive    true       false: "Connection: close", and so it does
    http          "1.1"
    header_case   "title"    "lower", "upper", "mixed"
    members       "forward"  "reverse": the order in every struct
    strings       "typed"    "bare": <value>text</value>
    pretty        false      true: white space between the elements
    v2            true       false: the newer methods are missing
    failure       "array"    "string", "nil": what an ErrorDescription is
    session_calls null       N: a session expires after so many calls
    delay         0          seconds before each answer
    body_max      307200     longer requests are refused

A RULE is {"method": GLOB, "action": NAME, ..}; the first that fits is applied. "skip": N lets N calls pass first, "times": N
is its life. "apply": true makes the call take effect all the same (as when an answer is lost). Actions:

    fail      Failure; "description": the ErrorDescription
    hang      no answer, ever
    close     no answer, the connection is closed
    truncate  only the first "bytes" bytes of the answer, then the connection is closed
    raw       "data" instead of the answer, then the connection is closed
    body      "data" as the body of a correct answer
    status    "code" as the HTTP status
    delay     "seconds", then as usual
    slow      the answer byte by byte, "seconds" between them
    extra     "data" behind the answer
    no_length no Content-Length
    restart   the server restarts, and is away for "seconds"
"""
import argparse
import base64
import binascii
import fnmatch
import json
import os
import socket
import sys
import threading
import time

from replies import Replies

DEFAULTS = {
    "keep_alive": True, "http": "1.1", "header_case": "title", "members": "forward", "strings": "typed", "pretty": False,
    "v2": True, "failure": "array", "session_calls": None, "delay": 0, "body_max": 300 * 1024,
}
# method: (types of the parameters, needs a session, needs a VM)
METHODS = {
    "session.login_with_password": ("ssss", False, False),
    "session.logout": ("s", True, False),
    "VM.get_by_uuid": ("ss", True, False),
    "VM.get_NVRAM": ("ss", True, True),
    "VM.set_NVRAM_EFI_variables": ("sss", True, True),
    "VM.set_NVRAM_EFI_variables_v2": ("ssss", True, True),
    "VM.get_secureboot_certificates_state": ("ss", True, True),
    "VM.get_all": ("s", True, False),
    "VM.get_record": ("ss", True, False),
    "VM.get_power_state": ("ss", True, True),
    "VM.get_platform": ("ss", True, True),
    "message.create": ("ssisss", True, False),
    "pool.get_all": ("s", True, False),
    "pool.get_uuid": ("ss", True, False),
    "pool.get_uefi_certificates": ("ss", True, False),
    "pool.set_uefi_certificates": ("sss", True, False),
    "pool.get_custom_uefi_certificates": ("ss", True, False),
    "pool.set_custom_uefi_certificates": ("sss", True, False),
}
POOL_UUID = "fedcba98-7654-3210-fedc-ba9876543210"
NEW_METHODS = ("VM.set_NVRAM_EFI_variables_v2", "VM.get_secureboot_certificates_state",
               "pool.get_custom_uefi_certificates", "pool.set_custom_uefi_certificates")
FULL_METHODS = ("VM.get_power_state", "VM.get_platform", "VM.get_all", "VM.get_record")  # XAPI itself has them, the guard hasn't
APPLIED = ("truncate", "delay", "slow", "extra", "no_length")


class Failed(Exception):
    """What the call is answered with: an ErrorDescription."""


class CloseConnection(Exception):
    pass


class Server(Replies):
    def __init__(self, path, mode, uuid, nvram_file, options):
        self.path, self.mode, self.uuid, self.nvram_file = path, mode, uuid, nvram_file
        self.options = dict(DEFAULTS, **options)
        self.lock = threading.RLock()
        self.rules = []
        self.nvram, self.messages, self.updates = {}, [], []
        self.certificates, self.host_certificates = "", ""
        self.power_state, self.platform = "Halted", {}
        self.record = {"name_label": "The VM", "is_a_template": "0", "is_a_snapshot": "0", "is_control_domain": "0",
                       "VBDs": [], "HVM_boot_params": {"firmware": "uefi"}}
        self.others = {}  # further VMs: reference: what is different in their records, or None for one that is gone
        self.sessions = {}  # reference: calls that are left, or None
        self.connections = set()
        self.listener = None
        self.timer = threading.Timer(0, self.listen)
        self.reset()
        if nvram_file and os.path.exists(nvram_file):
            with open(nvram_file) as file:
                self.nvram = json.load(file)

    def reset(self):
        self.counts = {"connections": 0, "requests": 0, "methods": {}, "violations": []}

    # ------------------------------------------------------------------------------------------ sockets

    def listen(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        os.chmod(self.path, 0o666)
        listener.listen(8)
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.counts["connections"] += 1
                self.connections.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def drop(self):
        with self.lock:
            for connection in list(self.connections):
                self.hang_up(connection)

    @staticmethod
    def hang_up(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def restart(self, away):
        with self.lock:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            os.unlink(self.path)
            self.sessions.clear()
            self.drop()
        self.timer = threading.Timer(away, self.listen)
        self.timer.start()
        if not away:
            self.timer.join()

    def stop(self):
        """For tests in Python, which have it in their own process."""
        self.timer.cancel()
        self.listener.close()
        self.drop()

    def serve(self, connection):
        try:
            stream = connection.makefile("rb")
            while self.serve_request(connection, stream):
                pass
        except (CloseConnection, OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            self.hang_up(connection)
            connection.close()

    # ------------------------------------------------------------------------------------------ HTTP

    def violation(self, text):
        self.counts["violations"].append(text)

    def read_request(self, stream):
        """The body of one request, or None at the end of the connection."""
        request = stream.readline(65536)
        if not request:
            return None
        headers = {}
        while True:
            line = stream.readline(65536).strip()
            if not line:
                break
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if request.split()[:2] != [b"POST", b"/"] or headers.get("content-type") != "text/xml" or "host" not in headers:
            self.violation("request line or headers: %r %r" % (request, headers))
        length = int(headers.get("content-length", -1))
        if length < 0 or length > self.options["body_max"]:
            self.violation("length %d" % length)
            return b""
        body = stream.read(length)
        return body if len(body) == length else None

    def serve_request(self, connection, stream):
        body = self.read_request(stream)
        if body is None:
            return False
        if body == b"":
            connection.sendall(b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return False
        with self.lock:
            self.counts["requests"] += 1
            method, params = self.parse_call(body)
            self.counts["methods"][method] = self.counts["methods"].get(method, 0) + 1
            rule = self.find_rule(method)
        action = rule.get("action")
        if action == "delay":
            time.sleep(rule["seconds"])
        answer = self.answer(method, params, rule)
        time.sleep(self.options["delay"])
        self.misbehave(connection, rule)
        return self.send(connection, answer, rule)

    def find_rule(self, method):
        for rule in self.rules:
            if fnmatch.fnmatchcase(method, rule.get("method", "*")):
                if rule.get("skip", 0) > 0:
                    rule["skip"] -= 1
                elif rule.get("times", 1) != 0:
                    rule["times"] = rule.get("times", -1) - 1
                    return rule
        return {}

    def answer(self, method, params, rule):
        action = rule.get("action")
        if action is None or rule.get("apply", action in APPLIED):
            try:
                with self.lock:
                    answer = self.success(self.call(method, params))
            except Failed as failure:
                answer = self.failure(failure.args[0])
        else:
            answer = ""
        if action == "fail":
            answer = self.failure(rule.get("description", ["INTERNAL_ERROR", "told to fail"]), rule.get("exact", False))
        return rule["data"] if action == "body" else answer

    def misbehave(self, connection, rule):
        action = rule.get("action")
        if action == "hang":
            while connection.recv(4096):
                pass
            raise CloseConnection()
        if action == "close":
            raise CloseConnection()
        if action == "raw":
            connection.sendall(rule["data"].encode("latin-1"))
            raise CloseConnection()
        if action == "restart":
            self.restart(rule["seconds"])
            raise CloseConnection()

    def send(self, connection, answer, rule):
        """True: the connection goes on."""
        action = rule.get("action")
        data = answer.encode()
        data = self.head(len(data), rule).encode() + data
        if action == "truncate":
            connection.sendall(data[:rule["bytes"]])
            return False
        if action == "extra":
            data += rule["data"].encode()
        if action == "slow":
            for i in range(len(data)):
                connection.sendall(data[i:i + 1])
                time.sleep(rule["seconds"])
        else:
            connection.sendall(data)
        return self.options["keep_alive"] and action != "no_length"

    # ------------------------------------------------------------------------------------------ the calls

    def call(self, method, params):
        missing = (method in NEW_METHODS and not self.options["v2"]) or (
            self.mode == "guard" and (method.startswith("pool.") or method in FULL_METHODS))
        if method not in METHODS or missing:
            raise Failed(["MESSAGE_METHOD_UNKNOWN", str(method)])
        types, needs_session, needs_vm = METHODS[method]
        got = "".join({"string": "s", "int": "i"}.get(kind, "?") for kind, _ in params)
        if got != types:
            self.violation("%s: parameters %s instead of %s" % (method, got, types))
            raise Failed(["MESSAGE_PARAMETER_COUNT_MISMATCH", method])
        texts = [text for _, text in params]
        if self.mode == "xapi":
            self.check_references(texts, needs_session, needs_vm)
        return getattr(self, "call_" + method.replace(".", "_"))(*texts)

    def check_references(self, params, needs_session, needs_vm):
        if needs_session:
            if params[0] not in self.sessions or self.sessions[params[0]] == 0:
                raise Failed(["SESSION_INVALID", params[0]])
            if self.sessions[params[0]] is not None:
                self.sessions[params[0]] -= 1
        if needs_vm and params[1] != self.vm_reference():
            raise Failed(["HANDLE_INVALID", "VM", params[1]])

    def vm_reference(self):
        return "OpaqueRef:vm-" + self.uuid

    def call_session_login_with_password(self, *_):
        if self.mode == "guard":
            return "DUMMYSESSION"
        reference = "OpaqueRef:session-%s" % binascii.hexlify(os.urandom(8)).decode()
        self.sessions[reference] = self.options["session_calls"]
        return reference

    def call_session_logout(self, session):
        self.sessions.pop(session, None)

    def call_VM_get_by_uuid(self, _, uuid):
        if self.mode == "guard":
            return "DUMMYVM"
        if uuid != self.uuid:
            raise Failed(["UUID_INVALID", "VM", uuid])
        return self.vm_reference()

    def call_VM_get_NVRAM(self, *_):
        return self.nvram

    def call_VM_set_NVRAM_EFI_variables(self, session, vm, value, update="other"):
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            self.violation("not base64")
            raise Failed(["VALUE_NOT_SUPPORTED", "value"])
        self.updates.append(update)
        self.nvram["EFI-variables"] = value
        self.store()
        return ""

    call_VM_set_NVRAM_EFI_variables_v2 = call_VM_set_NVRAM_EFI_variables

    def call_VM_get_secureboot_certificates_state(self, *_):
        return "ok"

    def call_VM_get_all(self, _):
        return [self.vm_reference()] + sorted(self.others)

    def call_VM_get_record(self, _, vm):
        if vm == self.vm_reference():
            return dict(self.record, uuid=self.uuid)
        if vm not in self.others or self.others[vm] is None:
            raise Failed(["HANDLE_INVALID", "VM", vm])
        return dict(self.record, **self.others[vm])

    def call_VM_get_power_state(self, *_):
        return self.power_state

    def call_VM_get_platform(self, *_):
        return self.platform

    def call_message_create(self, _, *message):
        self.messages.append(message)
        return None if self.mode == "guard" else "OpaqueRef:message-%d" % len(self.messages)

    def call_pool_get_all(self, _):
        return ["OpaqueRef:pool"]

    def call_pool_get_uuid(self, *_):
        return POOL_UUID

    def call_pool_get_custom_uefi_certificates(self, _, pool):
        if pool != "OpaqueRef:pool":
            raise Failed(["HANDLE_INVALID", "pool", pool])
        return self.certificates

    def call_pool_get_uefi_certificates(self, _, pool):
        return self.call_pool_get_custom_uefi_certificates(_, pool) or self.host_certificates

    def call_pool_set_uefi_certificates(self, _, pool, value):
        self.certificates = value
        return ""

    call_pool_set_custom_uefi_certificates = call_pool_set_uefi_certificates

    def store(self):
        if self.nvram_file:
            with open(self.nvram_file + ".new", "w") as file:
                json.dump(self.nvram, file)
            os.rename(self.nvram_file + ".new", self.nvram_file)

    # ------------------------------------------------------------------------------------------ control

    def control(self, command):
        if "get" in command:
            return self.counts if command["get"] == "counts" else {
                "nvram": self.nvram, "messages": self.messages, "updates": self.updates}
        if "set" in command:
            self.options.update(command["set"])
        if "rules" in command:
            self.rules = command["rules"]
        if "nvram" in command:
            self.nvram = command["nvram"]
            self.store()
        if "power_state" in command:
            self.power_state = command["power_state"]
        if "platform" in command:
            self.platform = command["platform"]
        if "reset" in command:
            self.reset()
        if "expire" in command:
            self.sessions.clear()
        if "drop" in command:
            self.drop()
        if "restart" in command:
            self.restart(command["restart"])
        return {}

    def serve_control(self, path):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(8)

        def serve(connection):
            with connection, connection.makefile("rw") as stream:
                for line in stream:
                    command = json.loads(line)
                    with self.lock:
                        answer = self.control(command)
                        stream.write(json.dumps(answer) + "\n")
                    stream.flush()
                    if "stop" in command:
                        os._exit(0)

        def accept():
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()


class Control:
    """The control socket, for tests in Python: Control(path).do(rules=[..])."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rw")

    def do(self, **command):
        self.stream.write(json.dumps(command) + "\n")
        self.stream.flush()
        return json.loads(self.stream.readline())

    def counts(self):
        return self.do(get="counts")

    def state(self):
        return self.do(get="state")


def into_background():
    """Goes on in a child; the parent waits until it calls the function that this gives, and prints its process id."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid > 0:
        os.close(write_end)
        ready = os.read(read_end, 1)
        if ready:
            print(pid, flush=True)
        os._exit(0 if ready else 1)
    os.setsid()
    os.close(read_end)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)

    def ready():
        os.write(write_end, b".")
        os.close(write_end)
    return ready


def main():
    if sys.argv[1:2] == ["ctl"]:
        words = {"counts": {"get": "counts"}, "state": {"get": "state"}}
        command = words.get(sys.argv[3]) or json.loads(sys.argv[3])
        print(json.dumps(Control(sys.argv[2]).do(**command)))
        return
    parser = argparse.ArgumentParser(description="A stand-in for XAPI's socket; see the head of this file.")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--uuid", default="12345678-9abc-def0-1234-56789abcdef0")
    parser.add_argument("--mode", choices=["guard", "xapi"], default="guard")
    parser.add_argument("--nvram")
    parser.add_argument("--control")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--background", action="store_true")
    args = parser.parse_args()
    options = {name: json.loads(value) for name, value in (option.split("=", 1) for option in args.option)}
    ready = into_background() if args.background else lambda: print("ready", flush=True)
    server = Server(args.socket, args.mode, args.uuid, args.nvram, options)
    if args.control:
        server.serve_control(args.control)
    server.listen()
    ready()
    threading.Event().wait()


if __name__ == "__main__":
    main()
