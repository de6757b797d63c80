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
    for command in ("ls", "get", "show", "set", "rm", "convert", "diff", "status", "verify", "explain"):
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


# ------------------------------------------------------------------------------------------------------ status

def test_status(case):
    store = case.path("s", case.blob())
    status = case.json("status", store)[0]
    equal((status["verdict"], status["mode"], status["secure_boot_effective"]), ("WARNING", "setup", False))
    equal(case.json("status", store, "--wanted", "off")[0]["verdict"], "OK")
    status = case.json("status", store, "--wanted", "on")[0]
    equal((status["verdict"], status["secure_boot_wanted"]), ("CRITICAL", "on"))
    assert "keys enroll" in status["next"]
    case.refused("status", store, "--wanted", "maybe")
    status = case.json("status", OVMF + "OVMF_VARS_4M.ms.fd")[0]
    equal((status["verdict"], status["mode"], status["pk_owner"], status["db_entries"], status["dbx_entries"]),
          ("WARNING", "user", "Debian UEFI Secure Boot (PK/KEK key)", 2, 1))
    assert "Microsoft Corporation KEK CA 2011" in status["microsoft_certificates"]
    assert "certs update" in status["next"]
    equal(status["used"] + status["free"], 131072)


def sb_store(case, name, db=(), kek=(), dbx=b"", pk=True):
    """A store with the lists of these certificates."""
    owner = case.path("own.pem")
    if not os.path.exists(owner):
        case.key("own")
    lists = [(GLOBAL, "PK", case.lists(owner) if pk else b""), (GLOBAL, "KEK", case.lists(*kek) if kek else b""),
             (SECURITY, "db", case.lists(*db) if db else b""), (SECURITY, "dbx", dbx)]
    return case.path(name, case.blob(*[(guid, key, data, 0x27) for guid, key, data in lists if data]))


def sha256_list(*hashes, owner=OTHER):
    return uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le + struct.pack(
        "<III", 28 + 48 * len(hashes), 0, 48) + b"".join(uuid.UUID(owner).bytes_le + each for each in hashes)


def test_status_verdicts(case):
    own = case.key("own")[1]
    new = case.key("n", "Microsoft UEFI CA 2023", "Microsoft Corporation")[1]
    old = case.key("o", "Microsoft Corporation UEFI CA 2011", "Microsoft Corporation")[1]
    dbx = sha256_list(b"\1" * 32)
    for name, arguments, verdict in (
            ("a", dict(db=[own], kek=[own], dbx=dbx), "OK"), ("b", dict(db=[own], kek=[own]), "WARNING"),
            ("c", dict(kek=[own], dbx=dbx), "CRITICAL"), ("d", dict(db=[old], kek=[own], dbx=dbx), "WARNING"),
            ("e", dict(db=[old, new], kek=[own], dbx=dbx), "OK")):
        equal((name, case.json("status", sb_store(case, name, **arguments))[0]["verdict"]), (name, verdict))
    full = case.blob(*[(OTHER, "V%d" % i, b"x" * 50000, 7) for i in range(2)])
    assert "30 KiB" in case.json("status", case.path("f", full), "--wanted", "off")[0]["reasons"][0]


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
    good = sb_store(case, "g", db=[own], kek=[own], dbx=sha256_list(b"\1" * 32))
    equal(case.run("status", "--check", good), "OK - 1 store\n")


# --------------------------------------------------------------------------------------- what others have signed

SHIM = "/usr/lib/shim/shimx64.efi"
GRUB = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"


def cas_of_shim(case):
    """The certificates of 2011 and 2023 that shim's signatures carry."""
    found = {}
    for number in ("1", "2"):
        signed = shutil.copy(SHIM + ".signed", case.path("shim" + number))
        subprocess.run(["sbattach", "--signum", number, "--detach", case.path("sig" + number), signed], check=True,
                       capture_output=True)
        text = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-in", case.path("sig" + number), "-print_certs"],
                              check=True, capture_output=True, text=True).stdout
        for part in text.split("subject=")[1:]:
            subject, pem = part.split("\n", 1)[0], part[part.index("-----BEGIN"):]
            for name, year in (("Microsoft Corporation UEFI CA 2011", 2011), ("Microsoft UEFI CA 2023", 2023)):
                if subject.endswith("CN = " + name):
                    found[year] = case.path("ca%d" % year, pem.encode())
    return found


# --------------------------------------------------------------------------------------- history and restore

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


# --------------------------------------------------------------------------------------------- keys and certs

MICROSOFT = {"k11": "Microsoft Corporation KEK CA 2011", "k23": "Microsoft Corporation KEK 2K CA 2023",
             "w11": "Microsoft Windows Production PCA 2011", "w23": "Windows UEFI CA 2023",
             "u11": "Microsoft Corporation UEFI CA 2011", "u23": "Microsoft UEFI CA 2023",
             "o23": "Microsoft Option ROM UEFI CA 2023", "pk": "Windows OEM Devices PK"}


def microsofts_folder(case):
    """As microsoft/secureboot_objects lies there: certificates in folders, a dbx for each architecture."""
    certs = {}
    for folder in ("objects", "objects/KEK", "objects/DB", "objects/DBX", "objects/DBX/amd64", "objects/DBX/arm64"):
        os.mkdir(case.path(folder))
    for short, name in MICROSOFT.items():
        certs[short] = case.key("objects/KEK/" + short if short[0] == "k" else "objects/DB/" + short, name,
                                "Microsoft Corporation")[1]
    case.path("objects/DBX/amd64/dbx_old.esl", sha256_list(b"\x09" * 32))
    microsoft = "77fa9abd-0359-4d32-bd60-28f4e78f784b"
    dbx = sha256_list(b"\1" * 32, b"\2" * 32, owner=microsoft)
    head = bytes.fromhex("ea070601000000000000000000000000" + "18000000" + "0002f10e")
    pkcs7 = uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le
    case.path("objects/DBX/amd64/DBXUpdate.bin", head + pkcs7 + dbx)
    case.path("objects/DBX/arm64/DBXUpdate.bin", head + pkcs7 + sha256_list(b"\7" * 32))
    return case.path("objects"), certs


def subjects(case, store, key):
    lists = case.json("show", store, key)[0]["signatures"]
    return [each["subject"].split(",")[0][3:] for part in lists for each in part.get("certificates", [])]


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
    equal((subjects(case, store, "PK"), subjects(case, store, "db")),
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
    folder, _ = microsofts_folder(case)
    for profile, kek, db in ((None, 2, 5), ("2011+2023", 2, 5), ("2023", 1, 3)):
        store = case.path("s%s" % profile, case.blob())
        arguments = ["--profile", profile] if profile else []
        equal(len(case.json("keys", "enroll", store, "--keys", folder, "--dry-run", *arguments)), 4)
        equal(case.json("ls", store), [])
        case.run("keys", "enroll", store, "--keys", folder, *arguments)
        equal(subjects(case, store, "PK"), ["Windows OEM Devices PK"])
        equal((len(subjects(case, store, "KEK")), len(subjects(case, store, "db"))), (kek, db))
        equal(case.json("show", store, "dbx")[0]["signatures"][0]["count"], 2)
        equal(case.json("status", store)[0]["verdict"], "OK")
    assert "PK.crt" in case.refused("keys", "enroll", case.path("x", case.blob()), "--keys", folder, "--profile", "own")
    case.run("keys", "enroll", case.path("s2023"), "--keys", folder, code=1)  # there are keys, and nobody says yes
    assert "PCR 7" in case.stderr
    case.run("keys", "enroll", case.path("s2023"), "--keys", folder, "--yes")


def test_certs_update(case):
    folder, certs = microsofts_folder(case)
    own = case.key("own")[1]
    store = sb_store(case, "s", db=[own, certs["w11"]], kek=[own, certs["k11"]], dbx=sha256_list(b"\1" * 32, b"\5" * 32))
    update = ["certs", "update", "--merge", store, "--keys", folder]
    equal(sorted((each["name"], each["entries_added"], each["entries_removed"])
                 for each in case.json(*update, "--dry-run")), [("KEK", 1, 0), ("db", 1, 0), ("dbx", 1, 0)])
    equal(subjects(case, store, "KEK"), ["own", MICROSOFT["k11"]])
    case.run(*update, code=1)
    assert "BitLocker" in case.stderr and "--yes" in case.stderr
    case.run(*update, "--yes")
    equal(subjects(case, store, "KEK"), ["own", MICROSOFT["k11"], MICROSOFT["k23"]])
    equal(subjects(case, store, "db"), ["own", MICROSOFT["w11"], MICROSOFT["w23"]])
    equal(case.json("show", store, "dbx")[0]["signatures"][0]["count"], 3)
    equal(case.run(*update, "--yes"), "")  # once is enough
    custom = sb_store(case, "custom", db=[own], kek=[own], dbx=sha256_list(b"\1" * 32, b"\2" * 32))
    equal(case.run("certs", "update", "--merge", custom, "--keys", folder, "--yes"), "")
    os.remove(certs["k23"])
    case.run("certs", "update", "--merge", sb_store(case, "t", kek=[certs["k11"]]), "--keys", folder, "--yes")
    assert MICROSOFT["k23"] in case.stderr
    case.refused("certs", "update", store, "--keys", folder, code=2)
    case.refused("certs", "update", "--merge", store, code=2)


# ---------------------------------------------------------------------------------- what comes with the tools

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMMANDS = ("ls", "get", "show", "set", "rm", "status", "convert", "diff", "history", "restore", "keys", "certs", "verify",
            "explain")


def test_the_manual_names_all(case):
    with open(os.path.join(ROOT, "man/varstore.1.scd")) as file:
        page = file.read()
    listed = case.run("--help")
    for command in COMMANDS:
        assert "\n*%s" % command in page, command
        assert "\n  %s " % command in listed, command
        for word in case.run(command, "--help").split():
            if word in ("--check", "--all", "--merge", "--dry-run", "--template", "--wanted", "--profile", "--append"):
                assert "*%s*" % word in page, word


def test_completion(case):
    def complete(*words):
        script = 'PATH=%s:$PATH; . %s/packaging/bash-completion/varstore; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _varstore; ' \
            'printf "%%s\\n" "${COMPREPLY[@]}"' % (os.path.dirname(BINARY), ROOT)
        return subprocess.run(["bash", "-c", script, "bash", *words], check=True, capture_output=True, text=True).stdout.split()
    equal(sorted(complete("varstore", "")), sorted(COMMANDS))
    equal(complete("varstore", "conv"), ["convert"])
    equal(complete("varstore", "convert", "--to", ""), ["vars", "base64", "edk2", "json", "efivarfs"])
    equal(complete("varstore", "status", "--ch"), ["--check"])
    equal(complete("varstore", "keys", "e"), ["enroll"])
    path = case.path("store-file", b"")
    equal(complete("varstore", "ls", path[:-3]), [path])


def test_examples_of_the_manual(case):
    fd, folder = OVMF + "OVMF_VARS_4M.ms.fd", case.path("stores")
    assert "Microsoft" in case.run("show", fd, "PK", "KEK", "db")
    case.run("convert", fd, "--to", "base64", "--output", case.path("nvram.txt"))
    os.mkdir(folder)
    os.mkdir(folder + "/VM")
    case.run("convert", fd, "--to", "vars", "--output", folder + "/VM/EFI-variables")
    assert "VM" in case.run("status", "--all", folder)
    case.run("status", "--all", folder, "--check", code=1)
    objects, _ = microsofts_folder(case)
    changes = case.run("certs", "update", "--merge", folder + "/VM", "--keys", objects, "--dry-run").splitlines()
    equal([line[0] for line in changes], ["~"] * 3)


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
