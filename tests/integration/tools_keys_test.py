#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore keys and certs."""
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import GLOBAL, SECURITY, equal  # noqa: E402
from varstore import CERTIFICATES, Case, MICROSOFT, OTHER, SHIM, openssl, sha256_list  # noqa: E402


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


def owners(case, store, key):
    return [each["owner"] for part in case.json("show", store, key)[0]["signatures"] for each in part["certificates"]]


def test_owners(case):
    folder, store = case.path("own"), case.path("s", case.blob())
    case.run("keys", "make", "--keys", folder)
    made = case.read("own/owner.guid").decode().strip()
    assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made), made
    equal(os.stat(folder + "/owner.guid").st_mode & 0o777, 0o644)
    enroll = ["keys", "enroll", store, "--keys", folder, "--profile", "own", "--yes"]
    case.run(*enroll)
    for key in ("PK", "KEK", "db"):
        equal(owners(case, store, key), [made])
    case.run(*enroll, "--owner", OTHER)
    equal(owners(case, store, "db"), [OTHER])
    os.remove(folder + "/owner.guid")
    case.run(*enroll)
    der = openssl("x509", "-in", folder + "/db.crt", "-outform", "DER")
    derived = uuid.UUID(bytes_le=hashlib.sha256(der).digest()[:16])
    derived = uuid.UUID(int=derived.int & ~(0xf << 76) & ~(3 << 62) | 8 << 76 | 2 << 62)
    equal(owners(case, store, "db"), [str(derived)])
    case.path("own/owner.guid", b"rubbish\n")
    assert "owner.guid" in case.refused(*enroll)
    case.run("keys", "make", "--keys", case.path("chosen"), "--owner", OTHER.upper())
    equal(case.read("chosen/owner.guid").decode(), OTHER + "\n")
    assert "not a GUID" in case.refused("keys", "make", "--keys", case.path("bad"), "--owner", "x")
    assert not os.path.exists(case.path("bad/PK.key"))


def test_an_owner_stays_when_certificates_are_merged(case):
    folder, certs = case.microsofts_folder()
    lists = case.lists(certs["u11"]).replace(uuid.UUID(MICROSOFT).bytes_le, uuid.UUID(OTHER).bytes_le)
    theirs = sha256_list(b"\1" * 32)
    store = case.path("s", case.blob((GLOBAL, "PK", case.lists(case.key("own")[1]), 0x27), (SECURITY, "db", lists, 0x27),
                                     (SECURITY, "dbx", theirs, 0x27)))
    case.run("certs", "update", "--merge", store, "--keys", folder, "--yes")
    equal(owners(case, store, "db"), [OTHER, "Microsoft", "Microsoft"])
    dbx = bytes.fromhex(case.json("get", store, "dbx")["data"])
    assert dbx.startswith(theirs) and dbx.count(b"\1" * 32) == 1


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


def dbx_info(case, *names, svn="00" * 2 + "0900"):
    """As dbx_info_msft_*.json: two hashes that everybody gets, one that is optional, a certificate and an SVN that are."""
    def image(byte, **more):
        return dict({"authenticodeHash": (byte * 32).hex().upper(), "hashType": "SHA256", "flatHash": "",
                     "dateOfAddition": "2025-10-14"}, **more)
    value = "01" + uuid.UUID("9d132b61-59d5-4388-ab1c-185c3cb2eb92").bytes_le.hex() + svn + "00" * 11
    content = {"images": {"x64": [image(b"\1"), image(b"\x21"), image(b"\x22", isOptional="true")], "ia32": [], "arm": [],
                          "aarch64": [image(b"\x31")]},
               "certificates": [{"value": "x.der", "subjectName": "CN = " + name, "dateOfAddition": "2024-02-01"}
                                for name in names],
               "svns": [{"value": value, "version": "9.0", "dateOfLastChange": "2026-07-10"}]}
    return json.dumps(content, indent=4).encode()


def hashes(case, store):
    lists = case.json("show", "--hex", store, "dbx")[0]["signatures"]
    return sorted(each[:4] for part in lists for each in part.get("hashes", []))


def test_dbx_of_microsofts_json(case):
    folder, _ = case.microsofts_folder()
    newest = case.path("objects/DBX/dbx_info_msft_latest.json", dbx_info(case, CERTIFICATES["w11"]))
    case.path("objects/DBX/dbx_revocation_schema.json", b'{"type": "object"}')
    for arguments, expected in (([], ["0101", "2121"]), (["--arch", "aarch64"], ["3131"]),
                                (["--optional"], ["0101", "0161", "2121", "2222"])):
        store = case.path("s", case.blob())
        case.run("keys", "enroll", store, "--keys", folder, *arguments)
        equal("starts no more" in case.stderr, "--optional" in arguments)
        equal(hashes(case, store), expected)
        equal(case.subjects(store, "dbx"), [CERTIFICATES["w11"]] if "--optional" in arguments else [])
        equal("9.0" in case.run("show", store, "dbx"), "--optional" in arguments)
        os.makedirs(case.path("auth"), exist_ok=True)
        case.run("keys", "install", "--keys", folder, "--output", case.path("auth"), *arguments)
        case.run("explain", case.path("e", case.blob()), case.path("auth/dbx.auth"))
    own = case.key("own")[1]
    store = case.keys_store("s", db=[own], kek=[own], dbx=sha256_list(b"\1" * 32, b"\5" * 32))
    case.run("certs", "update", "--merge", store, "--keys", newest, "--yes")  # a file instead of a folder
    equal(hashes(case, store), ["0101", "0505", "2121"])
    case.run("certs", "update", "--merge", store, "--keys", newest, "--optional", "--yes")
    assert CERTIFICATES["w11"] in case.stderr and "isn't in" in case.stderr
    equal(hashes(case, store), ["0101", "0161", "0505", "2121", "2222"])
    case.run("set", store, "dbx", newest)
    equal(hashes(case, store), ["0101", "2121"])
    case.run("set", "--append", store, "dbx", case.path("more.esl", sha256_list(b"\7" * 32)))
    equal(hashes(case, store), ["0101", "0707", "2121"])


def test_a_damaged_json_of_microsofts(case):
    folder, _ = case.microsofts_folder()
    store = case.path("s", case.blob())
    for content in (dbx_info(case)[:-10], dbx_info(case).replace(b"SHA256", b"SHA1"), dbx_info(case).replace(b'"x64"', b'"x"')):
        path = case.path("objects/DBX/dbx_info.json", content)
        assert path in case.refused("keys", "enroll", store, "--keys", folder)
        assert path in case.refused("set", store, "dbx", path)
    case.path("objects/DBX/dbx_info.json", dbx_info(case, svn="00" * 4).replace(b'"01', b'"02'))
    case.run("keys", "enroll", store, "--keys", folder, "--dry-run")
    assert "svns[0]" in case.refused("keys", "enroll", store, "--keys", folder, "--optional")
    assert "no architecture" in case.refused("keys", "enroll", store, "--keys", folder, "--arch", "vax")


if __name__ == "__main__":
    cases.main(globals(), Case)
