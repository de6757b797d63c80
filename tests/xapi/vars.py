#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The VARS format (docs/FORMAT.md), read and written independently of the daemon: for tests.

    vars.py FILE          a raw blob, such as a save file
    vars.py --base64 FILE one in base64
    vars.py --nvram FILE  VM.NVRAM as server.py keeps it

Prints the blob as JSON: {"version", "mor_key", "ppi_index", "ppi", "variables": [{"name", "guid", "attributes", "data", "time",
"owner"}]}; bytes are hexadecimal. Exits 1 and says why when the blob is not exactly what the format says.
"""
import base64
import json
import struct
import sys
import uuid

TIME_NAMES = ("year", "month", "day", "hour", "minute", "second", "pad1", "nanosecond", "timezone", "daylight", "pad2")
TIME_FORMAT = "<HBBBBBBIhBB"


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, count):
        if count > len(self.data) - self.at:
            raise ValueError("%d bytes wanted at %d, %d are there" % (count, self.at, len(self.data) - self.at))
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, size):
        return int.from_bytes(self.bytes(size), "little")


def decode_variable(reader):
    name = reader.bytes(reader.number(8))
    data = reader.bytes(reader.number(8))
    if not name or not data:
        raise ValueError("an empty name or empty data")
    return {
        "name": name.decode("utf-16-le"),
        "data": data.hex(),
        "guid": str(uuid.UUID(bytes_le=reader.bytes(16))),
        "attributes": reader.number(4),
        "time": dict(zip(TIME_NAMES, struct.unpack(TIME_FORMAT, reader.bytes(16)))),
        "owner": reader.bytes(32).hex(),
    }


def decode(data):
    reader = Reader(data)
    if reader.bytes(4) != b"VARS":
        raise ValueError("no VARS")
    version, count, data_len = reader.number(4), reader.number(8), reader.number(8)
    if version > 2 or count > 1024:
        raise ValueError("version %d, %d variables" % (version, count))
    blob = {"version": version}
    if version == 2:
        blob.update(mor_key=reader.bytes(8).hex(), ppi_index=reader.number(4), ppi=reader.bytes(256).hex())
    start = reader.at
    blob["variables"] = [decode_variable(reader) for _ in range(count)]
    if reader.at != len(data):
        raise ValueError("%d bytes behind the last record" % (len(data) - reader.at))
    if version == 2 and data_len != reader.at - start:
        raise ValueError("data_len is %d, the records have %d bytes" % (data_len, reader.at - start))
    return blob


def encode(blob):
    """A blob from what decode gives; what is left out is zero."""
    records = b""
    for variable in blob["variables"]:
        name, data = variable["name"].encode("utf-16-le"), bytes.fromhex(variable["data"])
        time = variable.get("time", {})
        records += struct.pack("<Q", len(name)) + name + struct.pack("<Q", len(data)) + data
        records += uuid.UUID(variable["guid"]).bytes_le + struct.pack("<I", variable["attributes"])
        records += struct.pack(TIME_FORMAT, *(time.get(field, 0) for field in TIME_NAMES))
        records += bytes.fromhex(variable.get("owner", "00" * 32))
    version = blob.get("version", 2)
    head = b"VARS" + struct.pack("<IQQ", version, len(blob["variables"]), len(records))
    if version == 2:
        head += bytes.fromhex(blob.get("mor_key", "00" * 8)) + struct.pack("<I", blob.get("ppi_index", 0))
        head += bytes.fromhex(blob.get("ppi", "00" * 256))
    return head + records


def main():
    kind, path = (sys.argv[1], sys.argv[2]) if len(sys.argv) == 3 else ("--raw", sys.argv[1])
    with open(path, "rb") as file:
        data = file.read()
    if kind == "--nvram":
        data = json.loads(data)["EFI-variables"].encode()
    if kind in ("--nvram", "--base64"):
        data = base64.b64decode(data.strip(), validate=True)
    try:
        print(json.dumps(decode(data), indent=1))
    except ValueError as error:
        sys.exit("%s: %s" % (path, error))


if __name__ == "__main__":
    main()
