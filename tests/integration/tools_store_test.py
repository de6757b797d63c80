#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore over every kind of store: files, folders of the daemon's and XAPI."""
import base64
import fcntl
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import GLOBAL, UUID, equal  # noqa: E402
from varstore import Case, OTHER, names  # noqa: E402


def test_every_kind_of_store_is_read(case):
    variables = ((OTHER, "A", b"xyz", 7), (GLOBAL, "Timeout", b"\5\0", 7))
    blob = case.blob(*variables)
    daemon, fake = case.store("store", *variables), case.xapi(*variables)
    raw, text = case.path("raw", blob), case.path("text", base64.b64encode(blob))
    os.mkdir(case.path("efivars"))
    case.path("efivars/A-" + OTHER, b"\7\0\0\0xyz")
    case.path("efivars/Timeout-" + GLOBAL, b"\7\0\0\0\5\0")
    for where in ([raw], [text], [daemon], ["--store", daemon], fake.arguments,
                  [case.path("efivars")]):
        listing = case.json("ls", *where)
        equal([(each["name"], each["guid"], each["attributes"], each["size"]) for each in listing],
              [("A", OTHER, "NV+BS+RT", 3), ("Timeout", GLOBAL, "NV+BS+RT", 2)])
        equal(case.run("get", *where, "Timeout"), "\5\0")
        equal(case.json("get", *where, "A")["data"], b"xyz".hex())
        equal(case.json("show", *where, "Timeout")[0]["value"], 5)
    equal(case.run("ls", raw).split(), "ATTRIBUTES SIZE TIME GUID NAME NV+BS+RT 3".split() + [OTHER, "A", "NV+BS+RT", "2",
          GLOBAL, "Timeout"])


def test_names(case):
    store = case.path("s", case.blob((OTHER, "A", b"1", 7), (GLOBAL, "A", b"2", 7), (OTHER, "B-C", b"3", 7),
                                     (GLOBAL, "Boot0001", b"4", 7)))
    equal(case.run("get", store, "A-" + OTHER), "1")
    equal(case.run("get", store, GLOBAL + "-A"), "2")
    equal(case.run("get", store, GLOBAL.upper() + "-A"), "2")
    equal(case.run("get", store, "B-C"), "3")
    equal(case.run("get", store, "B-C-" + OTHER), "3")
    equal(case.run("get", store, "Boot0001"), "4")
    assert "2 variables" in case.refused("get", store, "A")
    assert "no variable D" in case.refused("get", store, "D")
    assert "no variable BootOrder" in case.refused("get", store, "BootOrder")
    case.refused("get", store, "")


def test_what_is_no_store(case):
    for content in (b"", b"x", b"VARS", b"VkFSUw==", b"{", b"[]", b'{"variables": 1}', b"\0" * 100000):
        assert "s" in case.refused("ls", case.path("s", content))
    case.refused("ls", case.path("nothing"))
    case.refused("ls", "--store", case.path("nothing"))
    assert "no format" in case.refused("ls", "--from", "xml", case.path("s"))
    assert not os.path.exists(case.path("nothing"))


def test_usage(case):
    for command in ("ls", "get", "show", "set", "rm", "convert", "diff", "status", "verify", "explain"):
        assert case.run(command, "--help").startswith("Usage: varstore " + command)
        assert "Usage: varstore " + command in case.refused(command, code=2)
        case.refused(command, "--nonsense", "a", "b", "c", code=2)
        case.refused(command, "--vm", UUID, "--store", case.folder, "a", "b", code=2)
    assert "Usage: " in case.run("--help")
    assert case.run("--version").startswith("varstore (uefistored) ")
    case.refused("nonsense", code=2)
    case.refused(code=2)


def test_set_and_rm(case):
    data, other = case.path("data", b"hello"), case.path("other", b"x")
    for kind, to in (("vars", "vars"), ("text", "base64"), ("fd", "edk2"), ("json", "json")):
        store = case.path(kind)
        case.run("convert", case.path("s", case.blob((OTHER, "A", b"1", 7))), "--to", to, "-o", store)
        case.run("set", store, "New-" + OTHER, data)
        case.run("set", store, "A", other, "--attributes", "NV+BS+RT")
        equal([(each["name"], each["size"]) for each in case.json("ls", store)], [("A", 1), ("New", 5)])
        case.run("set", "--append", store, "New", data)
        equal(case.run("get", store, "New"), "hellohello")
        case.run("rm", store, "A", "New")
        equal(case.json("ls", store), [])


def test_set_is_refused(case):
    data = case.path("data", b"hello")
    large = case.path("large", b"x" * 57345)
    store = case.path("s", case.blob((OTHER, "A", b"1", 7)))
    for args in (["A", data, "-a", "3"], ["SetupMode", data], ["PK", data], ["db", data], ["A", large],
                 ["A", case.path("none")], ["A", case.path("empty", b"")], ["B", data], ["B-" + OTHER, data, "-a", "6"],
                 ["B-" + OTHER, data, "-a", "XX"], ["B-" + OTHER, data, "-a", "0x27"], ["B-" + OTHER, data, "-a", "0x11"]):
        case.refused("set", store, *args)
        equal(case.json("ls", store), case.json("ls", case.path("t", case.blob((OTHER, "A", b"1", 7)))))
    case.refused("rm", store, "A", "B")
    equal(names(case.json("ls", store)), ["A"])


def test_keys_are_set_from_lists_and_auth_files(case):
    cert = case.key("owner")[1]
    lists = case.lists(cert)
    store = case.path("s", case.blob())
    case.run("set", store, "db", case.path("db.esl", lists))
    with open(case.path("lists"), "rb") as file:
        case.run("set", store, "KEK", case.path("kek.auth", file.read()))
    equal(case.json("show", store, "db")[0]["signatures"][0]["certificates"][0]["subject"], "CN=owner")
    equal(case.json("show", store, "db")[0]["attributes"], "NV+BS+RT+AT")
    case.run("set", "--append", store, "db", case.path("db.esl"))
    equal(case.json("show", store, "db")[0]["signatures"][0]["count"], 1)
    case.refused("set", store, "PK", case.path("two.esl", lists + lists))
    case.run("set", store, "PK", case.path("db.esl"))
    case.run("rm", store, "PK", "KEK", "db")


def test_a_store_in_use_is_refused(case):
    store = case.store("store", (OTHER, "A", b"1", 7))
    lock = os.open(case.path("store/lock"), os.O_RDWR | os.O_CREAT, 0o600)
    os.write(lock, b"4242\n")
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert "4242" in case.refused("rm", store, "A")
    equal(names(case.json("ls", store)), ["A"])
    os.close(lock)
    case.run("rm", store, "A")
    equal(case.json("ls", store), [])
    fd = case.path("fd")
    case.run("convert", case.path("s", case.blob((OTHER, "A", b"1", 7))), "--to", "edk2", "--output", fd)
    with open(fd, "r+b") as file:  # as QEMU does
        fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 100, 1, 0))
        assert "in use" in case.refused("rm", fd, "A")
    case.run("rm", fd, "A")


def test_a_stores_files_stay_the_daemons(case):
    cases.as_root()
    os.chmod(case.folder, 0o755)
    store = case.store("store", (OTHER, "A", b"1", 7), (OTHER, "B", b"1", 7))
    for name in ("", "/EFI-variables"):
        os.chown(store + name, 65534, 65534)
    case.run("rm", store, "A")
    for name in ("/EFI-variables", "/lock"):
        status = os.stat(store + name)
        equal((status.st_uid, status.st_gid, status.st_mode & 0o777), (65534, 65534, 0o600))


def test_xapi_is_written(case):
    fake = case.xapi((OTHER, "A", b"1", 7))
    case.run("rm", *fake.arguments, "A")
    case.run("set", *fake.arguments, "db", case.path("db.esl", case.lists(case.key("owner")[1])))
    equal(names(case.json("ls", *fake.arguments)), ["db"])
    equal(fake.updates, ["no", "yes"])


def test_a_vm_that_runs_is_refused(case):
    fake = case.xapi((OTHER, "A", b"1", 7))
    lists, before = case.path("db.esl", case.lists(case.key("owner")[1])), fake.nvram["EFI-variables"]
    changes = (["rm", "A"], ["set", "db", lists], ["keys", "enroll", "--keys", case.folder, "--yes"])
    case.run("keys", "make", "--keys", case.folder)
    for state in ("Running", "Paused", "Suspended", "Upside down"):
        fake.power_state = state
        for command, *args in changes:
            refused = case.refused(command, *(args[:1] if command == "keys" else []), *fake.arguments,
                                   *(args[1:] if command == "keys" else args))
            assert state in refused and UUID in refused and "--force" in refused, refused
        equal(names(case.json("ls", *fake.arguments)), ["A"])
        case.run("keys", "enroll", *fake.arguments, "--keys", case.folder, "--dry-run", "--profile", "own")
        equal(fake.nvram["EFI-variables"], before)
    case.run("set", *fake.arguments, "--force", "db", lists)
    equal(names(case.json("ls", *fake.arguments)), ["A", "db"])


def test_a_vm_that_is_started_meanwhile(case):
    fake = case.xapi((OTHER, "A", b"1", 7))
    fake.rules = [{"method": "VM.get_power_state", "skip": 1, "times": 1, "action": "fail", "description": ["X"]}]
    assert "--force" in case.refused("rm", *fake.arguments, "A")  # it was asked again, before the save
    equal(names(case.json("ls", *fake.arguments)), ["A"])
    equal(fake.counts["methods"].get("VM.set_NVRAM_EFI_variables_v2"), None)


def test_history_and_restore(case):
    store = case.store("store", (OTHER, "A", b"1", 7))
    equal(case.json("history", store), [])
    lists = case.path("db.esl", case.lists(case.key("own")[1]))
    case.run("set", store, "db", lists)
    case.run("set", store, "A", case.path("two", b"22"))
    case.run("rm", store, "db")
    listing = case.json("history", store)
    assert len(listing) >= 2, listing
    equal((listing[0]["variables"], listing[0]["differs_in"]), (1, 1))
    assert len(case.run("history", store).splitlines()) == len(listing) + 1
    number = str(listing[0]["number"])
    equal(case.json("restore", store, number, "--dry-run")[0]["change"], "changed")
    equal(case.run("get", store, "A"), "22")
    case.run("restore", store, number, code=1)  # nobody is there to say yes
    assert "--yes" in case.stderr
    equal(case.run("get", store, "A"), "22")
    case.run("restore", store, number, "--yes")
    equal(case.run("get", store, "A"), "1")
    newest = case.json("history", store)[-1]
    case.run("restore", "--store", store, newest["snapshot"], "--yes")  # and back
    equal(case.run("get", store, "A"), "22")
    case.refused("restore", store, "999", "--yes")
    case.refused("restore", store, "x", "--yes")
    case.refused("history", case.path("two"))
    lock = os.open(case.path("store/lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    case.refused("restore", store, number, "--yes")
    os.close(lock)


if __name__ == "__main__":
    cases.main(globals(), Case)
