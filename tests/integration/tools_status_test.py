#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore status, of one store and of many."""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import UUID, equal  # noqa: E402
from varstore import Case, OTHER, OVMF, sha256_list  # noqa: E402


def test_status(case):
    store = case.path("s", case.blob())
    status = case.json("status", store)[0]
    equal((status["verdict"], status["mode"], status["secure_boot_effective"]), ("WARNING", "setup", False))
    equal(case.json("status", store, "--wanted", "off")[0]["verdict"], "OK")
    status = case.json("status", store, "--wanted", "on")[0]
    equal((status["verdict"], status["secure_boot_wanted"]), ("CRITICAL", "on"))
    equal(status["next"], "varstore keys enroll %s --profile 2011+2023 --keys DIR" % store)
    case.refused("status", store, "--wanted", "maybe")
    status = case.json("status", OVMF + "OVMF_VARS_4M.ms.fd")[0]
    equal((status["verdict"], status["mode"], status["pk_owner"], status["db_entries"], status["dbx_entries"]),
          ("WARNING", "user", "Debian UEFI Secure Boot (PK/KEK key)", 2, 1))
    assert "Microsoft Corporation KEK CA 2011" in status["microsoft_certificates"]
    assert "certs update" in status["next"]
    equal(status["used"] + status["free"], 131072)


def test_status_verdicts(case):
    own = case.key("own")[1]
    new = case.key("n", "Microsoft UEFI CA 2023", "Microsoft Corporation")[1]
    old = case.key("o", "Microsoft Corporation UEFI CA 2011", "Microsoft Corporation")[1]
    dbx = sha256_list(b"\1" * 32)
    for name, arguments, verdict in (
            ("a", dict(db=[own], kek=[own], dbx=dbx), "OK"), ("b", dict(db=[own], kek=[own]), "WARNING"),
            ("c", dict(kek=[own], dbx=dbx), "CRITICAL"), ("d", dict(db=[old], kek=[own], dbx=dbx), "WARNING"),
            ("e", dict(db=[old, new], kek=[own], dbx=dbx), "OK")):
        equal((name, case.json("status", case.keys_store(name, **arguments))[0]["verdict"]), (name, verdict))
    full = case.blob(*[(OTHER, "V%d" % i, b"x" * 50000, 7) for i in range(2)])
    assert "30 KiB" in case.json("status", case.path("f", full), "--wanted", "off")[0]["reasons"][0]


def test_what_xapi_wants(case):
    own = case.key("own")[1]
    good = case.keys_store("g", db=[own], kek=[own], dbx=sha256_list(b"\1" * 32))
    fake = case.xapi()

    def status(*args):
        found = case.json("status", *fake.arguments, *args)[0]
        return found["secure_boot_wanted"], found["secure_boot_effective"], found["verdict"]
    for platform, certificates, expected in (
            ({}, "", "off"), ({"secureboot": "true"}, "", "on"), ({"secureboot": "false"}, "x", "off"),
            ({"secureboot": "auto"}, "", "off"), ({"secureboot": "auto"}, "eHg=", "on"), ({"secureboot": "TRUE"}, "", "off")):
        fake.platform, fake.host_certificates = platform, certificates
        equal(status(), (expected, False, "CRITICAL" if expected == "on" else "OK"))
    equal(status("--wanted", "on")[0], "on")
    assert "keys enroll --vm %s " % UUID in case.json("status", *fake.arguments, "--wanted", "on")[0]["next"]
    with open(good, "rb") as file:
        fake.nvram["EFI-variables"] = base64.b64encode(file.read()).decode()
    fake.platform = {"secureboot": "true"}
    equal(status(), ("on", True, "OK"))
    fake.rules = [{"method": "VM.get_platform", "action": "fail", "description": ["X"], "times": -1}]
    equal(status()[0], "unknown")
    assert "isn't known" in case.stderr


def test_status_of_a_pool(case):
    fake = case.xapi()
    fake.platform = {"secureboot": "true"}
    fake.others = {"OpaqueRef:1": {"uuid": "1", "is_a_template": "1"}, "OpaqueRef:2": {"uuid": "2", "is_control_domain": "1"},
                   "OpaqueRef:3": {"uuid": "3", "HVM_boot_params": {"firmware": "bios"}}, "OpaqueRef:4": None,
                   "OpaqueRef:5": {"uuid": "5", "is_a_snapshot": "1"}, "OpaqueRef:6": {"uuid": "6", "name_label": "Lost"}}
    every = ["status", "--all", "--socket", case.path("socket")]
    found = case.json(*every)
    equal([(each["store"], each["name"], each["verdict"]) for each in found],
          [(UUID, "The VM", "CRITICAL"), ("6", "Lost", "UNKNOWN")])
    equal((found[0]["secure_boot_wanted"], found[0]["mode"]), ("on", "setup"))
    assert [line.split()[:2] for line in case.run(*every).splitlines()[1:]] == [["The", "VM"], ["Lost", "UNKNOWN"]]
    assert case.run(*every, "--check", code=2).startswith("CRITICAL - ")
    fake.rules = [{"method": "VM.get_all", "action": "fail", "description": ["X"]}]
    case.refused(*every, "--check", code=3)


def test_status_of_many(case):
    own = case.key("own")[1]
    for i in range(12):
        folder = case.store("stores-%d" % i)
        os.makedirs(case.path("all"), exist_ok=True)
        os.rename(folder, case.path("all/vm%d" % i))
    os.mkdir(case.path("all/other"))
    listing = case.json("status", "--all", case.path("all"))
    equal([os.path.basename(each["store"]) for each in listing], ["vm%d" % i for i in range(12)])
    equal(len(case.run("status", "--all", case.path("all")).splitlines()), 13)
    check = ["status", "--check", "--all", case.path("all")]
    equal(case.run(*check, "--wanted", "off"), "OK - 12 stores\n")
    assert case.run(*check, code=1).startswith("WARNING - ") and "(12 of 12 stores)" in case.run(*check, code=1)
    assert case.run(*check, "--wanted", "on", code=2).startswith("CRITICAL - ")
    case.path("all/vm3/EFI-variables", b"rubbish")
    assert case.run(*check, "--wanted", "off", code=3).startswith("UNKNOWN - ") and "vm3" in case.run(*check, code=3)
    assert case.run(*check, "--wanted", "on", code=2).startswith("CRITICAL - ")
    equal(case.run("status", "--check", case.path("none"), code=3)[:10], "UNKNOWN - ")
    case.refused("status", "--check", "--all", case.path("none"), code=3)
    good = case.keys_store("g", db=[own], kek=[own], dbx=sha256_list(b"\1" * 32))
    equal(case.run("status", "--check", good), "OK - 1 store\n")


if __name__ == "__main__":
    cases.main(globals(), Case)
