#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore show, convert and diff."""
import json
import os
import struct
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import GLOBAL, SECURITY, equal  # noqa: E402
from varstore import Case, OTHER, OVMF, names, vars_format  # noqa: E402


def test_show(case):
    boot = struct.pack("<IH", 1, 4 + 6 + 18) + "Windows Boot Manager\0".encode("utf-16-le") + b"\x01\x01\x06\0\x02\x01" \
        + b"\x04\x04\x12\0" + "\\a.efi\0".encode("utf-16-le") + b"\x7f\xff\x04\0" + b"WINDOWS"
    store = case.path("s", case.blob((GLOBAL, "Boot0000", boot, 7), (GLOBAL, "BootOrder", b"\x0a\0\0\0", 7),
                                     (OTHER, "X", bytes(100), 3), (GLOBAL, "Boot0001", b"\1", 7)))
    shown = {each["name"]: each for each in case.json("show", store)}
    equal(shown["Boot0000"]["boot_entry"], {"description": "Windows Boot Manager", "active": True, "hidden": False,
                                            "device_path": "Pci(0x1,0x2)/\\a.efi", "optional_data": b"WINDOWS".hex()})
    equal(shown["BootOrder"]["order"], ["000A", "0000"])
    equal(shown["X"]["data"], "00" * 32 + "...")
    equal(shown["Boot0001"]["data"], "01")
    equal(case.json("show", "--hex", store, "X")[0]["data"], "00" * 100)
    text = case.run("show", store, "Boot0000")
    assert "  description: Windows Boot Manager\n" in text and "active: yes" in text, text


def test_show_signatures(case):
    svn = b"\1" + uuid.UUID("9d132b61-59d5-4388-ab1c-185cfcb2eb92").bytes_le + b"\0\0\7\0" + bytes(11)
    microsoft = uuid.UUID("77fa9abd-0359-4d32-bd60-28f4e78f784b").bytes_le
    hashes = b"".join(microsoft + each for each in (svn, b"\2" * 32, b"\3" * 32))
    dbx = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le + struct.pack("<III", 28 + 3 * 48, 0, 48) + hashes
    store = case.path("s", case.blob((SECURITY, "dbx", dbx, 0x27)))
    equal(case.json("show", store, "dbx")[0]["signatures"],
          [{"type": "SHA-256", "count": 3, "owners": ["Microsoft"],
            "minimum_versions": ["9d132b61-59d5-4388-ab1c-185cfcb2eb92: 7.0"]}])
    equal(len(case.json("show", "--hex", store, "dbx")[0]["signatures"][0]["hashes"]), 3)


def test_ovmf_files(case):
    for name in ("OVMF_VARS_4M.ms.fd", "OVMF_VARS_4M.snakeoil.fd", "OVMF_VARS.ms.fd"):
        shown = {each["name"]: each for each in case.json("show", OVMF + name)}
        for key in ("PK", "KEK", "db"):
            assert shown[key]["signatures"][0]["certificates"], shown[key]
        if ".ms." in name:
            assert "Microsoft Corporation UEFI CA 2011" in json.dumps(shown["db"])
        assert "device_path" in shown["ConOut"] and shown["Boot0000"]["boot_entry"]
    equal(case.run("diff", OVMF + "OVMF_VARS_4M.fd", case.path("e", case.blob())), "")


def test_round_trips(case):
    origin = OVMF + "OVMF_VARS_4M.ms.fd"
    for first in ("vars", "base64", "edk2", "json"):
        for second in ("vars", "base64", "edk2", "json"):
            one, two = case.path("one"), case.path("two")
            case.run("convert", origin, "--to", first, "--output", one)
            equal(case.stderr, "")
            case.run("convert", one, "--to", second, "--output", two)
            equal(case.run("diff", origin, two), "")
    equal(case.run("convert", two, "--to", "json"), case.run("convert", origin, "--to", "json"))
    case.run("convert", origin, "--to", "efivarfs", "--output", case.path("folder"))
    assert "times and owners" in case.stderr
    equal(names(case.json("ls", case.path("folder"))), names(case.json("ls", origin)))
    case.run("convert", two, "--to", "edk2", "--template", OVMF + "OVMF_VARS.fd", "--output", case.path("small"))
    equal(os.path.getsize(case.path("small")), 131072)
    equal(case.run("diff", origin, case.path("small")), "")


def test_a_new_volume_is_like_ovmfs(case):
    case.run("convert", case.path("e", case.blob()), "--to", "edk2", "--output", case.path("fd"))
    with open(case.path("fd"), "rb") as ours, open(OVMF + "OVMF_VARS_4M.fd", "rb") as theirs:
        assert ours.read() == theirs.read()


def test_the_json_is_virt_firmwares(case):
    store = case.path("s", vars_format.encode({"variables": [
        {"name": "A", "guid": OTHER, "attributes": 0x27, "data": "0102", "time": {"year": 2026, "month": 1, "day": 2},
         "owner": "ab" * 32}]}))
    equal(json.loads(case.run("convert", store, "--to", "json")),
          {"version": 2, "variables": [{"name": "A", "guid": OTHER, "attr": 39, "data": "0102",
                                        "time": "ea070102000000000000000000000000", "digest": "ab" * 32}]})


def test_convert_names_what_is_lost(case):
    store = case.path("s", case.blob((OTHER, "Volatile", b"1", 6), (OTHER, "A", b"1", 7)))
    case.run("convert", store, "--to", "vars", "--output", case.path("out"))
    assert "Volatile" in case.stderr
    equal(names(case.json("ls", case.path("out"))), ["A"])
    case.refused("convert", store, "--to", "xml")
    case.refused("convert", store)
    case.refused("convert", store, "--to", "efivarfs")
    case.refused("convert", store, "--to", "vars", "--output", case.path("no/out"))


def test_diff(case):
    a = case.path("a", case.blob((OTHER, "Same", b"1", 7), (OTHER, "Old", b"1", 7), (OTHER, "Changed", b"1", 7)))
    b = case.path("b", case.blob((OTHER, "Same", b"1", 7), (OTHER, "New", b"1", 7), (OTHER, "Changed", b"22", 7)))
    equal(case.run("diff", a, a), "")
    equal(sorted(case.run("diff", a, b, code=1).splitlines()),
          ["+ New-%s: 1 bytes" % OTHER, "- Old-%s: 1 bytes" % OTHER, "~ Changed-%s: 1 -> 2 bytes" % OTHER])
    equal(sorted((each["name"], each["change"]) for each in case.json("diff", a, b, code=1)),
          [("Changed", "changed"), ("New", "added"), ("Old", "removed")])
    equal(case.run("diff", "--quiet", a, b, code=1), "")
    case.refused("diff", a, case.path("none"), code=2)


if __name__ == "__main__":
    cases.main(globals(), Case)
