#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore keys and certs."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import equal  # noqa: E402
from varstore import CERTIFICATES, Case, SHIM, sha256_list  # noqa: E402


def test_keys_make_install_enroll(case):
    folder, own = case.path("own"), case.path("own-auth")
    case.run("keys", "make", "--keys", folder, "--name", "Example")
    equal(os.stat(folder).st_mode & 0o777, 0o700)
    for key in ("PK", "KEK", "db"):
        equal(os.stat("%s/%s.key" % (folder, key)).st_mode & 0o777, 0o600)
    with open(folder + "/PK.key", "rb") as file:
        before = file.read()
    assert "never replaced" in case.refused("keys", "make", "--keys", folder)
    with open(folder + "/PK.key", "rb") as file:
        equal(file.read(), before)
    os.mkdir(own)
    case.run("keys", "install", "--keys", folder, "--profile", "own", "--output", own)
    equal(sorted(os.listdir(own)), ["KEK.auth", "PK.auth", "db.auth"])
    store = case.path("s", case.blob())
    for key in ("db", "KEK", "PK"):  # what a daemon in setup mode takes
        case.run("explain", store, "%s/%s.auth" % (own, key))
    case.run("keys", "enroll", store, "--keys", folder, "--profile", "own")
    equal((case.subjects(store, "PK"), case.subjects(store, "db")),
          (["Example Platform Key"], ["Example Signature Database Key"]))
    subprocess.run(["sbsign", "--key", folder + "/db.key", "--cert", folder + "/db.crt", "--output", case.path("signed"),
                    SHIM], check=True, capture_output=True)
    case.run("verify", store, case.path("signed"))
    case.run("keys", "enroll", store, "--keys", folder, "--profile", "own")  # no change, so no question
    case.refused("keys", "enroll", store, "--keys", case.path("none"))
    case.refused("keys", "enroll", store, code=2)
    case.refused("keys", "nonsense", store, "--keys", folder, code=2)
    case.refused("keys", "enroll", store, "--keys", folder, "--profile", "x")


def test_keys_profiles(case):
    folder, _ = case.microsofts_folder()
    for profile, kek, db in ((None, 2, 5), ("2011+2023", 2, 5), ("2023", 1, 3)):
        store = case.path("s%s" % profile, case.blob())
        arguments = ["--profile", profile] if profile else []
        equal(len(case.json("keys", "enroll", store, "--keys", folder, "--dry-run", *arguments)), 4)
        equal(case.json("ls", store), [])
        case.run("keys", "enroll", store, "--keys", folder, *arguments)
        equal(case.subjects(store, "PK"), ["Windows OEM Devices PK"])
        equal((len(case.subjects(store, "KEK")), len(case.subjects(store, "db"))), (kek, db))
        equal(case.json("show", store, "dbx")[0]["signatures"][0]["count"], 2)
        equal(case.json("status", store)[0]["verdict"], "OK")
    assert "PK.crt" in case.refused("keys", "enroll", case.path("x", case.blob()), "--keys", folder, "--profile", "own")
    case.run("keys", "enroll", case.path("s2023"), "--keys", folder, code=1)  # there are keys, and nobody says yes
    assert "PCR 7" in case.stderr
    case.run("keys", "enroll", case.path("s2023"), "--keys", folder, "--yes")


def test_certs_update(case):
    folder, certs = case.microsofts_folder()
    own = case.key("own")[1]
    store = case.keys_store("s", db=[own, certs["w11"]], kek=[own, certs["k11"]], dbx=sha256_list(b"\1" * 32, b"\5" * 32))
    update = ["certs", "update", "--merge", store, "--keys", folder]
    equal(sorted((each["name"], each["entries_added"], each["entries_removed"])
                 for each in case.json(*update, "--dry-run")), [("KEK", 1, 0), ("db", 1, 0), ("dbx", 1, 0)])
    equal(case.subjects(store, "KEK"), ["own", CERTIFICATES["k11"]])
    case.run(*update, code=1)
    assert "BitLocker" in case.stderr and "--yes" in case.stderr
    case.run(*update, "--yes")
    equal(case.subjects(store, "KEK"), ["own", CERTIFICATES["k11"], CERTIFICATES["k23"]])
    equal(case.subjects(store, "db"), ["own", CERTIFICATES["w11"], CERTIFICATES["w23"]])
    equal(case.json("show", store, "dbx")[0]["signatures"][0]["count"], 3)
    equal(case.run(*update, "--yes"), "")  # once is enough
    custom = case.keys_store("custom", db=[own], kek=[own], dbx=sha256_list(b"\1" * 32, b"\2" * 32))
    equal(case.run("certs", "update", "--merge", custom, "--keys", folder, "--yes"), "")
    os.remove(certs["k23"])
    case.run("certs", "update", "--merge", case.keys_store("t", kek=[certs["k11"]]), "--keys", folder, "--yes")
    assert CERTIFICATES["k23"] in case.stderr
    case.refused("certs", "update", store, "--keys", folder, code=2)
    case.refused("certs", "update", "--merge", store, code=2)


if __name__ == "__main__":
    cases.main(globals(), Case)
