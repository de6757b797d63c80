# SPDX-License-Identifier: BSD-2-Clause
"""A pretended Xen host with one guest, for tests that are scripts: tests/xenstub/xenstub.h.

    with xen.Host(folder, build) as host:
        daemon = subprocess.Popen([...], env=host.environment())
        host.wait_ready(daemon)
        guest = xen.Guest(host)
        guest.get("SecureBoot")
"""
import mmap
import os
import select
import struct
import subprocess
import time
import uuid

PAGE = 4096
BUFFER = 65536
SERVERS, VCPUS, REPORTS = 4, 16, 1024

# struct xenstub
SERVER = 4 * (4 + VCPUS)
OFFSETS = {"destroyed": 16, "released": 20}
FAULTS = 24 + SERVERS * SERVER
OFFSETS.update({"bad_first": FAULTS, "bad_count": FAULTS + 8, "fail_maps": FAULTS + 16, "restricted": FAULTS + 20,
                "maps": FAULTS + 24, "unmaps": FAULTS + 32, "notifies": FAULTS + 40, "reports": FAULTS + 48})
WIDE = ("bad_first", "bad_count", "maps", "unmaps", "notifies", "reports")
REPORTED = FAULTS + 56

# struct ioreq
NONE, READY, INPROCESS, RESP_READY = 0, 1, 2, 3
PIO, COPY, TIMEOFFSET, INVALIDATE = 0, 1, 7, 8
WRITE, READ = 0, 1

GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le
ERROR = 1 << 63
SUCCESS, INVALID_PARAMETER, UNSUPPORTED, BUFFER_TOO_SMALL, DEVICE_ERROR, NOT_FOUND = \
    0, ERROR | 2, ERROR | 3, ERROR | 5, ERROR | 7, ERROR | 14


class Unanswered(Exception):
    """The vCPU waits, and nobody serves it."""


class Host:
    def __init__(self, folder, build, domain=7, vcpus=2):
        self.folder, self.build, self.domain, self.vcpus = str(folder), str(build), domain, vcpus
        self.process = subprocess.Popen([f"{build}/tests/programs/xen_host", self.folder, str(domain), str(vcpus)],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        self.control = self.map("control")

    def map(self, name):
        with open(f"{self.folder}/{name}", "r+b") as file:
            return mmap.mmap(file.fileno(), 0)

    def close(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def environment(self, **more):
        """What a daemon needs to find this host instead of Xen."""
        return {**os.environ, "LD_LIBRARY_PATH": f"{self.build}/xenstub", "XENSTUB_DIR": self.folder,
                "XENSTORED_PATH": f"{self.folder}/xenstored", **more}

    def key(self, name):
        """A value below the domain's path in xenstore, or None."""
        try:
            with open(f"{self.folder}/store/local/domain/{self.domain}/{name}", encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def set_key(self, name, value):
        path = f"{self.folder}/store/local/domain/{self.domain}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(value)

    def wait_ready(self, process, seconds=30):
        """True when the process has announced itself; False when it ends without."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.key("varstored-pid") == str(process.pid):
                return True
            if process.poll() is not None:
                return False
            time.sleep(0.002)
        raise TimeoutError("the daemon neither announces itself nor ends")

    def __getitem__(self, name):
        return struct.unpack_from("<Q" if name in WIDE else "<I", self.control, OFFSETS[name])[0]

    def __setitem__(self, name, value):
        struct.pack_into("<Q" if name in WIDE else "<I", self.control, OFFSETS[name], value)

    def reported(self, since):
        """The (first, count) of pages that the daemon has reported as modified since self["reports"] was that."""
        return [struct.unpack_from("<QQ", self.control, REPORTED + 16 * (i % REPORTS))
                for i in range(since, self["reports"])]

    def server(self, index):
        """(exists, enabled, first port, last port, [process bound to each vCPU])"""
        fields = struct.unpack_from(f"<4I{VCPUS}i", self.control, 24 + index * SERVER)
        return (*fields[:4], list(fields[4:4 + self.vcpus]))

    def destroy(self):
        """The domain ends, as by `xl destroy`."""
        self["destroyed"] = 1
        for index in range(SERVERS):
            struct.pack_into("<2I", self.control, 24 + index * SERVER, 0, 0)
        self["released"] += 1

    def release_another(self):
        """Some other domain ends."""
        self["released"] += 1


class Vcpu:
    def __init__(self, host, number):
        self.host, self.number = host, number
        self.requests = host.map("requests")
        self.events = os.open(f"{host.folder}/events", os.O_RDWR | os.O_NONBLOCK)
        self.wakeups = os.open(f"{host.folder}/vcpu-{number}", os.O_RDWR | os.O_NONBLOCK)

    def close(self):
        os.close(self.events)
        os.close(self.wakeups)

    def find_server(self, port, size):
        for index in range(SERVERS):
            exists, enabled, first, last, bound = self.host.server(index)
            if exists and enabled and first <= port and port + size - 1 <= last:
                return index, bound[self.number] != 0
        return None, False

    def state(self, at):
        return self.requests[at + 30] & 0xf

    def begin(self, direction, port, size, data=0, count=1, pointer=False, df=False, kind=PIO):
        """Sends the access; gives what to wait for it with, or None when no server takes it."""
        index, bound = self.find_server(port, size) if kind == PIO else (0, True)
        if index is None:
            return None
        at = index * PAGE + self.number * 32
        flags = pointer << 4 | direction << 5 | df << 6
        event_port = struct.unpack_from("<I", self.requests, at + 24)[0]
        assert self.state(at) == NONE
        struct.pack_into("<QQIIIHBB", self.requests, at, port, data, count, size, event_port, 0, flags, kind)
        self.requests[at + 30] = flags | READY
        if bound:
            os.write(self.events, struct.pack("<I", event_port + 1000))
        return at

    def finish(self, at, seconds=20):
        end = time.monotonic() + seconds
        while self.state(at) != RESP_READY:
            if not self.host.server(at // PAGE)[0]:
                return 0xffffffff  # a vCPU goes on when its server is destroyed
            if time.monotonic() > end:
                raise Unanswered
            if select.select([self.wakeups], [], [], 0.05)[0]:
                os.read(self.wakeups, 1)
        self.requests[at + 30] = NONE
        return struct.unpack_from("<Q", self.requests, at + 8)[0]

    def access(self, *args, **kwargs):
        at = self.begin(*args, **kwargs)
        return 0xffffffff if at is None else self.finish(at)

    def port_out(self, port, size, value):
        self.access(WRITE, port, size, value)

    def port_in(self, port, size):
        return self.access(READ, port, size) & ((1 << 8 * size) - 1)


class Guest(Vcpu):
    """A vCPU with the firmware's buffer at a GFN."""

    def __init__(self, host, number=0, gfn=256):
        super().__init__(host, number)
        self.gfn = gfn
        self.memory = host.map("memory")

    def peek(self, address, length):
        return bytes(self.memory[address:address + length])

    def poke(self, address, data):
        self.memory[address:address + len(data)] = data

    def request(self, data):
        """The whole buffer, after the request that lies at its start."""
        self.poke(self.gfn * PAGE, data)
        self.port_out(0x100, 4, self.gfn)
        return self.peek(self.gfn * PAGE, BUFFER)

    def get_request(self, name, guid=GLOBAL, capacity=57344):
        encoded = name.encode("utf-16-le")
        return struct.pack("<IIQ", 1, 0, len(encoded)) + encoded + guid + struct.pack("<QB", capacity, 0)

    def set_request(self, name, data, attributes=7, guid=GLOBAL):
        encoded = name.encode("utf-16-le")
        return (struct.pack("<IIQ", 1, 1, len(encoded)) + encoded + guid + struct.pack("<Q", len(data)) + data +
                struct.pack("<IB", attributes, 0))

    def get(self, name, guid=GLOBAL, capacity=57344):
        """(status, data, attributes)"""
        return self.get_reply(self.request(self.get_request(name, guid, capacity)))

    @staticmethod
    def get_reply(reply):
        status, attributes, length = struct.unpack_from("<QIQ", reply)
        return (status, reply[20:20 + length], attributes) if status == SUCCESS else (status, b"", 0)

    def set(self, name, data, attributes=7, guid=GLOBAL):
        return struct.unpack_from("<Q", self.request(self.set_request(name, data, attributes, guid)))[0]
