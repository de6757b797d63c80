#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tools that XAPI calls, against the stand-in for XAPI: what they print, and what they leave in VM.NVRAM."""
import base64
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
import varstore  # noqa: E402
from cases import GLOBAL, SECURITY, UUID, equal  # noqa: E402
from varstore import BINARY, OTHER, server, vars_format  # noqa: E402

NAMES = ("varstore-ls", "varstore-get", "varstore-set", "varstore-rm", "varstore-sb-state", "varstore-nvram-certcheck",
         "create-auth", "secureboot-certs")
MODES = [(GLOBAL, name) for name in ("AuditMode", "DeployedMode", "SecureBoot", "SetupMode", "SignatureSupport")]


class Case(varstore.Case):
    def __init__(self, folder):
        super().__init__(folder)
        self.socket = self.path("socket")
        for name in NAMES:
            os.symlink(BINARY, self.path(name))
        self.server = server.Server(self.socket, "xapi", UUID, None, {})
        self.server.listen()

    def end(self):
        equal(self.server.counts["violations"], [])

    def close(self):
        self.server.stop()

    def run(self, name, *args, code=0):
        environment = dict(os.environ)
        if "-r" in args:  # the leak checker needs /proc
            environment["ASAN_OPTIONS"] = "detect_leaks=0"
        result = subprocess.run([self.path(name), *args], capture_output=True, timeout=60, env=environment)
        self.stderr = result.stderr.decode()
        assert result.returncode == code, "%s %s: exit %d, %s" % (name, args, result.returncode, self.stderr)
        return result.stdout

    def tool(self, name, *args, code=0):
        return self.run(name, "-s", self.socket, *args, code=code)

    def fill(self, *variables):
        """(guid, name, data, attributes) each"""
        self.server.nvram["EFI-variables"] = base64.b64encode(self.blob(*variables)).decode()

    def variables(self):
        blob = vars_format.decode(base64.b64decode(self.server.nvram["EFI-variables"], validate=True))
        return {(each["guid"], each["name"]): each for each in blob["variables"]}

    def listed(self):
        lines = self.tool("varstore-ls", UUID).decode().splitlines()
        return [tuple(line.split(" ", 1)) for line in lines]

    def auth_folder(self):
        """Files as a pool has them."""
        folder = os.path.join(self.folder, "keys")
        os.mkdir(folder)
        pk_key, pk = self.key("PK")
        self.run("create-auth", "-k", pk_key, "-c", pk, "PK", os.path.join(folder, "PK.auth"), pk)
        self.run("create-auth", "KEK", os.path.join(folder, "KEK.auth"), pk)
        self.run("create-auth", "db", os.path.join(folder, "db.auth"), pk, pk)
        return folder


# ------------------------------------------------------------------------------------------------- varstore-ls

def test_ls(case):
    case.fill((OTHER, "B", b"x", 7), (GLOBAL, "Boot0000", b"y", 7), (OTHER, "Ä name", b"z", 3))
    equal(sorted(case.listed()), sorted([(OTHER, "B"), (GLOBAL, "Boot0000"), (OTHER, "Ä name")] + MODES))


def test_ls_first_boot(case):
    equal(case.listed(), MODES)
    assert "EFI-variables" not in case.server.nvram


def test_failures_are_told(case):
    case.server.nvram["EFI-variables"] = "VkFSUw=="
    equal(case.tool("varstore-ls", UUID, code=1), b"")
    assert "ends within its header" in case.stderr, case.stderr
    equal(case.tool("varstore-ls", "12345678-0000-0000-0000-000000000000", code=1), b"")
    assert case.stderr
    equal(case.run("varstore-ls", "-s", case.socket + "x", UUID, code=1), b"")
    assert case.socket in case.stderr, case.stderr


# ------------------------------------------------------------------------------------------------ varstore-get

def test_get(case):
    data = bytes(range(256)) * 3
    case.fill((OTHER, "Name", data, 7))
    equal(case.tool("varstore-get", UUID, OTHER, "Name"), data)
    equal(case.tool("varstore-get", UUID, OTHER.upper(), "Name"), data)
    equal(case.tool("varstore-get", UUID, GLOBAL, "SetupMode"), b"\1")
    equal(case.tool("varstore-get", UUID, GLOBAL, "SecureBoot"), b"\0")
    equal(case.tool("varstore-get", UUID, OTHER, "name", code=1), b"")
    equal(case.stderr, "Not Found\n")


def test_get_attributes(case):
    case.fill((SECURITY, "db", bytes.fromhex("2616c4c14c509240aca941f9369343284c00000000000000300000001111" + "00" * 46), 0x27),
              (OTHER, "B", b"x", 3))
    equal(case.tool("varstore-get", "-a", UUID, SECURITY, "db").decode(),
          "Attributes = 0x00000027 (39)\nEFI_VARIABLE_NON_VOLATILE\nEFI_VARIABLE_BOOTSERVICE_ACCESS\n"
          "EFI_VARIABLE_RUNTIME_ACCESS\nEFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS\n")
    equal(case.tool("varstore-get", UUID, OTHER, "B", "-a").decode(),
          "Attributes = 0x00000003 (3)\nEFI_VARIABLE_NON_VOLATILE\nEFI_VARIABLE_BOOTSERVICE_ACCESS\n")


def test_every_order_of_the_options(case):
    case.fill((OTHER, "B", b"x", 7))
    expected = case.tool("varstore-get", "-a", UUID, OTHER, "B")
    for order in itertools.permutations([("-a",), ("-s", case.socket), ("-d",), (UUID,)]):
        words = [word for part in order for word in part]
        at = words.index(UUID) + 1
        for split in (0, 1):  # GUID and NAME behind the UUID, or at the end
            full = words[:at] + [OTHER, "B"] + words[at:] if split else words + [OTHER, "B"]
            equal(case.run("varstore-get", *full), expected)


# ------------------------------------------------------------------------------------------------ varstore-set

def test_set(case):
    path = case.path("data", b"hello")
    equal(case.tool("varstore-set", UUID, OTHER, "Name", "7", path), b"")
    equal(case.variables()[OTHER, "Name"]["data"], b"hello".hex())
    case.tool("varstore-set", UUID, OTHER, "Octal", "07", path)
    case.tool("varstore-set", UUID, OTHER, "Hex", "0x3", path)
    equal(case.variables()[OTHER, "Hex"]["attributes"], 3)
    case.tool("varstore-set", UUID, OTHER, "Volatile", "6", path)
    equal(sorted(name for _, name in case.variables()), ["Hex", "Name", "Octal"])


def test_set_deletes(case):
    case.fill((OTHER, "A", b"x", 7), (OTHER, "B", b"x", 7))
    case.tool("varstore-set", UUID, OTHER, "A", "7", case.path("empty", b""))
    case.tool("varstore-set", UUID, OTHER, "B", "0", case.path("data", b"x"))
    equal(case.variables(), {})


def test_set_is_refused(case):
    small, limit, large = case.path("s", b"x"), case.path("l", b"x" * 57344), case.path("g", b"x" * 57345)
    case.tool("varstore-set", UUID, OTHER, "Limit", "7", limit)
    before = case.server.nvram["EFI-variables"]
    for guid, name, attributes, file, text in (
            (OTHER, "Limit", "3", small, "Invalid Parameter\n"), (OTHER, "B", "8", small, "Invalid Parameter\n"),
            (GLOBAL, "SecureBoot", "6", small, "Write Protected\n"), (OTHER, "B", "7", limit, None),
            (SECURITY, "db", "0x27", small, "Security Violation\n"), (OTHER, "B", "7", large, ""),
            (OTHER, "B", "seven", small, ""), (OTHER, "", "7", small, ""), ("1234", "B", "7", small, ""),
            (OTHER, "B", "7", "/nonexistent", "")):
        if text is None:
            case.tool("varstore-set", UUID, OTHER, "B", "7", case.path("m", b"x" * 57000))
            before, text = case.server.nvram["EFI-variables"], "Out of Resources\n"
            name = "C"
        equal(case.tool("varstore-set", UUID, guid, name, attributes, file, code=1), b"")
        assert case.stderr == text or (text == "" and case.stderr), (name, case.stderr)
        equal(case.server.nvram["EFI-variables"], before)


def test_a_save_that_fails(case):
    case.fill((OTHER, "A", b"x", 7))
    case.server.rules = [{"method": "VM.set_NVRAM*", "action": "fail", "description": "no"}]
    case.tool("varstore-set", UUID, OTHER, "B", "7", case.path("data", b"x"), code=1)
    assert case.stderr.startswith("Device Error\n"), case.stderr
    case.tool("varstore-sb-state", UUID, "setup")  # nothing to remove, so nothing to save
    case.tool("varstore-rm", UUID, OTHER, "A", code=1)


# ------------------------------------------------------------------------------------------------- varstore-rm

def test_rm(case):
    case.fill((OTHER, "A", b"x", 7), (OTHER, "B", b"x", 7))
    equal(case.tool("varstore-rm", UUID, OTHER, "A"), b"")
    equal(list(case.variables()), [(OTHER, "B")])
    case.tool("varstore-rm", UUID, OTHER, "A", code=1)
    equal(case.stderr, "Not Found\n")
    case.tool("varstore-rm", UUID, GLOBAL, "SetupMode", code=1)
    equal(case.stderr, "Write Protected\n")


def test_rm_for_a_clone(case):
    folder = os.path.join(case.folder, "efi-clone")
    case.fill((OTHER, "A", b"x", 7), (OTHER, "B", b"x", 7), (OTHER, "C D", b"x", 7))
    equal(case.tool("varstore-rm", "-C", folder, "-c", UUID), b"")
    os.mkdir(folder)
    case.path("efi-clone/20", ("%s C D\n" % OTHER).encode())
    case.path("efi-clone/10", ("# comment\n\n%s\tA  \r\n%s gone\n" % (OTHER.upper(), OTHER)).encode())
    equal(case.tool("varstore-rm", "-c", UUID, "-C", folder).decode(),
          "Removing: GUID: '%s' Name: 'A'\nRemoving: GUID: '%s' Name: 'gone'\nRemoving: GUID: '%s' Name: 'C D'\n"
          % (OTHER.upper(), OTHER, OTHER))
    equal(list(case.variables()), [(OTHER, "B")])
    for line in ("nonsense", OTHER, OTHER + " ", "x" + OTHER + " A"):
        case.path("efi-clone/30", line.encode())
        case.tool("varstore-rm", "-c", UUID, "-C", folder, code=1)
        assert "efi-clone/30:1" in case.stderr, case.stderr


# -------------------------------------------------------------------------------------------------- sb-state

def test_sb_state(case):
    folder = case.auth_folder()
    removing = "Removing PK...\nRemoving KEK...\nRemoving db...\nRemoving dbx...\n"
    case.fill((OTHER, "A", b"x", 7))
    equal(case.tool("varstore-sb-state", "-K", folder, UUID, "user").decode(), removing)
    keys = {(GLOBAL, "PK"), (GLOBAL, "KEK"), (SECURITY, "db")}
    equal(set(case.variables()), keys | {(OTHER, "A")})
    equal(case.tool("varstore-get", UUID, GLOBAL, "SetupMode"), b"\0")
    equal(case.server.counts["methods"].get("VM.set_NVRAM_EFI_variables_v2"), 1)
    equal(case.server.updates, ["yes"])
    case.tool("varstore-sb-state", "-K", folder, UUID, "user")  # again, over what is there
    equal(case.tool("varstore-sb-state", UUID, "setup").decode(), removing)
    equal(set(case.variables()), {(OTHER, "A")})
    equal(case.tool("varstore-get", UUID, GLOBAL, "SetupMode"), b"\1")


def test_sb_state_changes_all_or_nothing(case):
    folder = case.auth_folder()
    case.tool("varstore-sb-state", "-K", folder, UUID, "user")
    before = case.server.nvram["EFI-variables"]
    with open(os.path.join(folder, "db.auth"), "r+b") as file:
        file.truncate(100)
    case.tool("varstore-sb-state", "-K", folder, UUID, "user", code=1)
    assert "db.auth" in case.stderr, case.stderr
    case.tool("varstore-sb-state", UUID, "audit", code=1)
    equal(case.server.nvram["EFI-variables"], before)


# ------------------------------------------------------------------------------------------ nvram-certcheck

def check_nvram(case, db, kek):
    records = []
    for guid, name, certs in ((SECURITY, "db", db), (GLOBAL, "KEK", kek)):
        if certs:
            path = os.path.join(case.folder, "auth")
            case.run("create-auth", name, path, *certs)
            with open(path, "rb") as file:
                records.append((guid, name, file.read()[40:], 0x27))
    case.fill(*records)
    path = case.path("nvram", case.server.nvram["EFI-variables"].encode())
    return case.run("varstore-nvram-certcheck", path).decode()


def test_certcheck(case):
    names = {"w11": "Microsoft Windows Production PCA 2011", "w23": "Windows UEFI CA 2023",
             "u11": "Microsoft Corporation UEFI CA 2011", "u23": "Microsoft UEFI CA 2023",
             "k11": "Microsoft Corporation KEK CA 2011", "k23": "Microsoft Corporation KEK 2K CA 2023", "own": "Own"}
    cert = {short: case.key(short, name, "Microsoft Corporation")[1] for short, name in names.items()}
    for db, kek, expected in (
            ([], [], "ok"), (["own"], ["own"], "ok"), (["w11"], [], "required"), (["u11"], [], "required"),
            ([], ["k11"], "required"), (["w11", "w23"], ["k11", "k23"], "ok"), (["w11", "u11", "w23"], ["k23"], "required"),
            (["w11", "u11", "w23", "u23"], ["k11", "k23"], "ok"), (["w23", "u23"], ["k23"], "ok"),
            (["w11", "w23", "k23"], ["k11"], "required")):
        equal(check_nvram(case, [cert[each] for each in db], [cert[each] for each in kek]), "update_%s\n" % expected)


def test_certcheck_of_rubbish(case):
    for text in (b"", b"VkFSUw==", b"VARS", b"!!!"):
        equal(case.run("varstore-nvram-certcheck", case.path("nvram", text), code=1), b"")
        assert "nvram: " in case.stderr
    case.run("varstore-nvram-certcheck", case.socket + "x", code=1)
    case.fill()
    text = case.server.nvram["EFI-variables"].encode()
    equal(case.run("varstore-nvram-certcheck", case.path("nvram", text + b"\n")), b"update_ok\n")


# ------------------------------------------------------------------------------------------------ create-auth

def test_create_auth_is_what_set_takes(case):
    key, cert = case.key("PK")
    out = os.path.join(case.folder, "out.auth")
    case.run("create-auth", "PK", out, cert, "-k", key, "-c", cert)
    case.tool("varstore-set", UUID, GLOBAL, "PK", "0x27", out)
    with open(out, "rb") as file:
        auth = file.read()
    der = subprocess.run(["openssl", "x509", "-in", cert, "-outform", "DER"], check=True, capture_output=True).stdout
    assert auth.endswith(der)
    equal(case.tool("varstore-get", UUID, GLOBAL, "PK"), auth[-(44 + len(der)):])
    info = subprocess.run(["sig-list-to-certs", case.path("esl", auth[-(44 + len(der)):]), os.path.join(case.folder, "c")],
                          capture_output=True)
    equal(info.returncode, 0)
    with open(os.path.join(case.folder, "c-0.der"), "rb") as file:
        equal(file.read(), der)


def test_create_auth_owners(case):
    out = os.path.join(case.folder, "out.auth")
    case.run("create-auth", "db", out, case.key("ms", "Some CA", "Microsoft Corporation")[1], case.key("own")[1])
    with open(out, "rb") as file:
        auth = file.read()
    microsoft = bytes.fromhex("bd9afa775903324dbd6028f4e78f784b")
    equal(auth[16:24], bytes.fromhex("180000000002f10e"))
    equal(auth[68:84], microsoft)
    equal(auth.count(microsoft), 1)


def test_create_auth_is_refused(case):
    key, cert = case.key("a")
    _, other = case.key("b")
    out = os.path.join(case.folder, "out.auth")
    for args in (["MOK", out, cert], ["PK", out, cert, other], ["PK", out], ["PK"], ["-k", key, "PK", out, cert],
                 ["-k", key, "-c", other, "PK", out, cert], ["-k", cert, "-c", cert, "PK", out, cert],
                 ["db", out, key], ["db", out, out], ["db", case.folder + "/no/out", cert]):
        case.run("create-auth", *args, code=1)
        assert case.stderr
        assert not os.path.exists(out)


# ------------------------------------------------------------------------------------------- secureboot-certs

def archive(case):
    raw = base64.b64decode(case.server.certificates, validate=True)
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


def test_secureboot_certs(case):
    defaults = case.auth_folder()
    case.run("create-auth", "dbx", os.path.join(defaults, "dbx.auth"), case.key("revoked")[1])
    contents = {}
    for name in ("PK", "KEK", "db", "dbx"):
        with open(os.path.join(defaults, name + ".auth"), "rb") as file:
            contents[name + ".auth"] = file.read()
    for v2 in (True, False):
        case.server.options["v2"] = v2
        equal(case.tool("secureboot-certs", "install", "-D", defaults).decode(),
              "Successfully installed custom certificates to the XAPI DB for pool %s.\n" % server.POOL_UUID)
        equal(archive(case), contents)
        case.tool("secureboot-certs", "install", "default", "default", "default", "none", "--defaults", defaults)
        equal(sorted(archive(case)), ["KEK.auth", "PK.auth", "db.auth"])
        _, cert = case.key("new")
        case.tool("secureboot-certs", "install", "default", cert, defaults + "/db.auth", "latest", "-D", defaults,
                  "--user-agent", "x")
        equal(archive(case)["db.auth"], contents["db.auth"])
        report = case.tool("secureboot-certs", "report").decode()
        assert report.startswith("Certificate Info for pool: %s\n" % server.POOL_UUID), report
        assert "file: KEK.auth" in report and "subject: CN=new" in report, report
        out = os.path.join(case.folder, "out.auth")
        case.tool("secureboot-certs", "extract", "PK", out)
        with open(out, "rb") as file:
            equal(file.read(), contents["PK.auth"])
        equal(case.tool("secureboot-certs", "clear").decode(), "Cleared certificates from XAPI DB for pool %s.\n" % server.POOL_UUID)
        equal(case.server.certificates, "")
        assert b"no certificates" in case.tool("secureboot-certs", "report")
        case.tool("secureboot-certs", "extract", "PK", out, code=1)
        assert "no PK.auth" in case.stderr


def test_secureboot_certs_dbx_of_microsofts_json(case):
    image = {"authenticodeHash": "AB" * 32, "hashType": "SHA256", "dateOfAddition": "2025-10-14"}
    info = case.path("info.json", json.dumps({"images": {"x64": [image]}, "certificates": [], "svns": []}).encode())
    case.tool("secureboot-certs", "install", "default", "default", "default", info, "-D", case.auth_folder())
    equal(archive(case)["dbx.auth"][40:], varstore.sha256_list(bytes.fromhex("ab" * 32), owner=varstore.MICROSOFT))
    nobody = case.path("nobody", vars_format.encode({"variables": []}))
    made = case.path("dbx.auth", archive(case)["dbx.auth"])
    subprocess.run([BINARY, "explain", nobody, made], check=True, capture_output=True)


def test_secureboot_certs_refused(case):
    defaults = case.auth_folder()  # without a dbx
    for args in (["install", "-D", defaults], ["install", "none", "-d", defaults], ["install", case.path("x", b"x")],
                 ["extract", "MOK", "x"], ["nonsense"], ["extract", "PK"], ["install"] + ["default"] * 5):
        case.tool("secureboot-certs", *args, code=1)
        assert case.stderr
    for damaged in (b"x", b"x" * 512, b"x" * 2000):
        case.server.certificates = base64.b64encode(damaged).decode()
        case.tool("secureboot-certs", "report", code=1)
        assert "damaged" in case.stderr
    case.server.certificates = "!"
    case.tool("secureboot-certs", "report", code=1)
    case.run("secureboot-certs", "-s", case.socket + "x", "report", code=1)


def test_secureboot_certs_own_pk(case):
    defaults = case.auth_folder()
    key, cert = case.key("new")
    empty = case.path("empty", b"")
    case.tool("secureboot-certs", "install", cert, "default", "default", "none", "-D", defaults, code=1)
    assert "--pk-priv" in case.stderr
    equal(case.server.certificates, "")
    case.tool("secureboot-certs", "--debug", "install", "--pk-priv", key, cert, cert, "default", empty, "-D", defaults)
    installed = archive(case)
    equal(sorted(installed), ["KEK.auth", "PK.auth", "db.auth"])
    nobody = case.path("nobody", vars_format.encode({"variables": []}))
    for name in ("KEK", "db", "PK"):  # what a VM without any takes
        made = case.path(name + ".auth", installed[name + ".auth"])
        subprocess.run([BINARY, "explain", nobody, made, name], check=True, capture_output=True)
    unsigned = case.path("PK.auth", installed["PK.auth"].replace(b"new", b"old"))
    equal(subprocess.run([BINARY, "explain", nobody, unsigned, "PK"], capture_output=True).returncode, 1)


def test_secureboot_certs_of_a_pool_without_a_name(case):
    case.server.rules = [{"method": "pool.get_uuid", "action": "fail", "description": ["X"]}]
    equal(case.tool("secureboot-certs", "clear"), b"Cleared certificates from XAPI DB for pool.\n")
    for option in ("-V", "--version"):
        assert case.run("secureboot-certs", option).startswith(b"secureboot-certs (uefistored) ")


def test_secureboot_certs_of_the_hosts(case):
    defaults = case.auth_folder()
    case.tool("secureboot-certs", "install", "default", "default", "default", "none", "-D", defaults)
    case.server.certificates, case.server.host_certificates = "", case.server.certificates
    assert b"file: KEK.auth" in case.tool("secureboot-certs", "report")
    out = os.path.join(case.folder, "out.auth")
    case.tool("secureboot-certs", "extract", "db", out)


# ------------------------------------------------------------------------------------------------ all of them

def test_usage(case):
    for name in NAMES:
        assert case.run(name, "-h").decode().startswith("Usage: " + name)
        equal(case.stderr, "")
        for args in ([], ["-z"], ["a"] * 9)[:2 if name == "create-auth" else 3]:
            equal(case.run(name, *args, code=1), b"")
            assert "Usage: " + name in case.stderr
    for args in (["-u", "x", UUID], ["-g", "-1", UUID], ["-u"], [UUID, "-u", "99999999999"]):
        case.run("varstore-ls", *args, code=1)
        assert "Usage: " in case.stderr


def test_privileges_are_dropped(case):
    """As for a clone: the socket within the chroot, seen by a user who may do nothing else."""
    cases.as_root()
    case.fill((OTHER, "A", b"x", 7), (OTHER, "B", b"x", 7))
    folder = os.path.join(case.folder, "efi-clone")
    os.mkdir(folder)
    case.path("efi-clone/list", ("%s A\n" % OTHER).encode())
    os.chmod(case.folder, 0o711)
    root = ["-r", case.folder, "-u", "65534", "-g", "65534", "-s", "/socket"]
    equal(case.run("varstore-rm", "-c", UUID, "-C", folder, *root).decode(), "Removing: GUID: '%s' Name: 'A'\n" % OTHER)
    equal(list(case.variables()), [(OTHER, "B")])
    equal(len(case.run("varstore-ls", "-d", *root, UUID).decode().splitlines()), 6)
    os.chmod(case.socket, 0o600)  # root's socket is out of reach for who isn't root any more
    case.run("varstore-ls", *root, UUID, code=1)
    assert "denied" in case.stderr, case.stderr
    case.run("varstore-ls", "-s", "/socket", "-r", case.folder, UUID)
    case.run("varstore-ls", "-r", case.folder + "/no", UUID, code=1)


def test_the_guards_socket(case):
    case.server.stop()
    for v2 in (True, False):
        case.server = server.Server(case.socket, "guard", UUID, None, {"v2": v2, "keep_alive": v2})
        case.server.listen()
        case.fill((OTHER, "A", b"x", 7))
        case.tool("varstore-rm", UUID, OTHER, "A")
        equal(case.variables(), {})
        case.server.stop()


if __name__ == "__main__":
    cases.main(globals(), Case)
