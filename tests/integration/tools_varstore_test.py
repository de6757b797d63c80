#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore, over files, folders of the daemon's and XAPI."""
import base64
import concurrent.futures
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "xapi"))
import server  # noqa: E402
import vars as vars_format  # noqa: E402

BINARY = os.path.join(os.path.realpath(os.environ["BUILD_DIR"]), "varstore")
UUID = "12345678-9abc-def0-1234-56789abcdef0"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
OTHER = "11111111-2222-3333-4444-555555555555"
OVMF = "/usr/share/OVMF/"


def equal(a, b):
    assert a == b, "%r is not %r" % (a, b)


class Case:
    def __init__(self, folder):
        self.folder = folder
        self.stop = []

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def run(self, *args, code=0, input=None):
        result = subprocess.run([BINARY, *args], capture_output=True, timeout=60, input=input)
        self.stderr = result.stderr.decode()
        assert result.returncode == code, "%s: exit %d, %s" % (args, result.returncode, self.stderr)
        return result.stdout.decode("utf-8", "surrogateescape")

    def json(self, *args, code=0):
        return json.loads(self.run(*args, "--json", code=code))

    def refused(self, *args, code=1):
        equal(self.run(*args, code=code), "")
        assert self.stderr
        return self.stderr

    def blob(self, *variables):
        """(guid, name, data, attributes) each"""
        return vars_format.encode({"variables": [
            {"guid": guid, "name": name, "data": data.hex(), "attributes": attributes}
            for guid, name, data, attributes in variables]})

    def store(self, name, *variables):
        """A folder of the daemon's."""
        os.mkdir(self.path(name), 0o700)
        self.path(name + "/EFI-variables", self.blob(*variables))
        return self.path(name)

    def key(self, name, common_name=None, organisation=None):
        key, cert = self.path(name + ".key"), self.path(name + ".pem")
        subject = ("/O=" + organisation if organisation else "") + "/CN=" + (common_name or name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                        "30", "-subj", subject], check=True, capture_output=True)
        return key, cert

    def create_auth(self, name, *args):
        out = self.path(name + ".auth")
        subprocess.run([BINARY, name, out, *args], executable=BINARY, check=True)
        return out

    def lists(self, *certs):
        """Signature lists with these certificates (PEM)."""
        link = self.path("create-auth")
        if not os.path.exists(link):
            os.symlink(BINARY, link)
        subprocess.run([link, "db", self.path("lists"), *certs], check=True)
        with open(self.path("lists"), "rb") as file:
            return file.read()[40:]


def names(listing):
    return sorted(each["name"] for each in listing)


# ---------------------------------------------------------------------------------------- every kind of store

def test_every_kind_of_store_is_read(case):
    blob = case.blob((OTHER, "A", b"xyz", 7), (GLOBAL, "Timeout", b"\5\0", 7))
    daemon = case.store("store", (OTHER, "A", b"xyz", 7), (GLOBAL, "Timeout", b"\5\0", 7))
    fake = server.Server(case.path("socket"), "xapi", UUID, None, {})
    fake.nvram["EFI-variables"] = base64.b64encode(blob).decode()
    fake.listen()
    case.stop.append(fake.stop)
    raw, text = case.path("raw", blob), case.path("text", base64.b64encode(blob))
    os.mkdir(case.path("efivars"))
    case.path("efivars/A-" + OTHER, b"\7\0\0\0xyz")
    case.path("efivars/Timeout-" + GLOBAL, b"\7\0\0\0\5\0")
    for where in ([raw], [text], [daemon], ["--store", daemon], ["--vm", UUID, "--socket", case.path("socket")],
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
    for command in ("ls", "get", "show", "set", "rm", "convert", "diff"):
        assert case.run(command, "--help").startswith("Usage: varstore " + command)
        assert "Usage: varstore " + command in case.refused(command, code=2)
        case.refused(command, "--nonsense", "a", "b", "c", code=2)
        case.refused(command, "--vm", UUID, "--store", case.folder, "a", "b", code=2)
    assert "Usage: " in case.run("--help")
    case.refused("nonsense", code=2)
    case.refused(code=2)


# ------------------------------------------------------------------------------------------------ set and rm

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
    if os.geteuid() != 0:
        return
    os.chmod(case.folder, 0o755)
    store = case.store("store", (OTHER, "A", b"1", 7), (OTHER, "B", b"1", 7))
    for name in ("", "/EFI-variables"):
        os.chown(store + name, 65534, 65534)
    case.run("rm", store, "A")
    for name in ("/EFI-variables", "/lock"):
        status = os.stat(store + name)
        equal((status.st_uid, status.st_gid, status.st_mode & 0o777), (65534, 65534, 0o600))


def test_xapi_is_written(case):
    fake = server.Server(case.path("socket"), "xapi", UUID, None, {})
    fake.nvram["EFI-variables"] = base64.b64encode(case.blob((OTHER, "A", b"1", 7))).decode()
    fake.listen()
    case.stop.append(fake.stop)
    vm = ["--vm", UUID, "--socket", case.path("socket")]
    case.run("rm", *vm, "A")
    case.run("set", *vm, "db", case.path("db.esl", case.lists(case.key("owner")[1])))
    equal(names(case.json("ls", *vm)), ["db"])
    equal(fake.updates, ["no", "yes"])
    equal(fake.counts["violations"], [])


# --------------------------------------------------------------------------------------- show, convert, diff

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


def run(name, function):
    folder = tempfile.mkdtemp(prefix="tools.", dir="/tmp")
    case = Case(folder)
    try:
        function(case)
        return "ok " + name
    except Exception:
        return "not ok %s\n%s" % (name, traceback.format_exc())
    finally:
        for stop in case.stop:
            stop()
        shutil.rmtree(folder)


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = [(name[5:], function) for name, function in globals().items() if name.startswith("test_") and wanted in name]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda test: run(*test), tests))
    print("\n".join(results))
    sys.exit(any(result.startswith("not") for result in results))


if __name__ == "__main__":
    main()
