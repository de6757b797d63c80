# SPDX-License-Identifier: BSD-2-Clause
"""For the tests of the XAPI backend: clients, a server, and what they are compared by."""
import base64
import os
import subprocess
import sys
import time

import server

sys.path.insert(0, os.path.join(os.path.dirname(server.__file__), "..", "support"))
import cases  # noqa: E402
from cases import UUID, equal  # noqa: E402

CLIENT = os.path.join(os.environ["BUILD_DIR"], "tests/programs/xapi_client")
SERVER = os.path.join(os.path.dirname(server.__file__), "server.py")
SUCCESS = '<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name>' \
    '<value>Success</value></member></struct></value></param></params></methodResponse>'


class Client:
    """tests/programs/xapi_client."""

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

    def close(self):
        for client in self.clients:
            client.process.kill()
        for each in self.servers:
            each.stop()


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


def main(tests):
    cases.main(tests, Case, at_once=4)
