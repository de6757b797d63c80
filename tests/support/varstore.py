# SPDX-License-Identifier: BSD-2-Clause
"""For the tests of the tools: the binary over stores in a folder, keys, signature lists, images that others have signed."""
import base64
import json
import os
import shutil
import struct
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "xapi"))
import server  # noqa: E402
import vars as vars_format  # noqa: E402
from cases import GLOBAL, SECURITY, UUID, equal  # noqa: E402

BINARY = os.path.join(os.path.realpath(os.environ["BUILD_DIR"]), "varstore")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
OTHER = "11111111-2222-3333-4444-555555555555"
MICROSOFT = "77fa9abd-0359-4d32-bd60-28f4e78f784b"
OVMF = "/usr/share/OVMF/"
SHIM = "/usr/lib/shim/shimx64.efi"
GRUB = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
CERTIFICATES = {"k11": "Microsoft Corporation KEK CA 2011", "k23": "Microsoft Corporation KEK 2K CA 2023",
                "w11": "Microsoft Windows Production PCA 2011", "w23": "Windows UEFI CA 2023",
                "u11": "Microsoft Corporation UEFI CA 2011", "u23": "Microsoft UEFI CA 2023",
                "o23": "Microsoft Option ROM UEFI CA 2023", "pk": "Windows OEM Devices PK"}


class Case:
    def __init__(self, folder):
        self.folder, self.servers = folder, []

    def end(self):
        for each in self.servers:
            equal(each.counts["violations"], [])

    def close(self):
        for each in self.servers:
            each.stop()

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

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

    def xapi(self, *variables):
        """A stand-in for XAPI with a VM that has these variables; the arguments that name it are its .arguments."""
        fake = server.Server(self.path("socket"), "xapi", UUID, None, {})
        fake.nvram["EFI-variables"] = base64.b64encode(self.blob(*variables)).decode()
        fake.arguments = ["--vm", UUID, "--socket", self.path("socket")]
        fake.listen()
        self.servers.append(fake)
        return fake

    def key(self, name, common_name=None, organisation=None):
        """A private key and a certificate: their paths."""
        key, cert = self.path(name + ".key"), self.path(name + ".pem")
        subject = ("/O=" + organisation if organisation else "") + "/CN=" + (common_name or name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                        "30", "-subj", subject], check=True, capture_output=True)
        return key, cert

    def lists(self, *certs):
        """Signature lists with these certificates (PEM)."""
        link = self.path("create-auth")
        if not os.path.exists(link):
            os.symlink(BINARY, link)
        subprocess.run([link, "db", self.path("lists"), *certs], check=True)
        return self.read("lists")[40:]

    def keys_store(self, name, db=(), kek=(), dbx=b"", pk=True):
        """A store with the lists of these certificates."""
        owner = self.path("own.pem")
        if not os.path.exists(owner):
            self.key("own")
        lists = [(GLOBAL, "PK", self.lists(owner) if pk else b""), (GLOBAL, "KEK", self.lists(*kek) if kek else b""),
                 (SECURITY, "db", self.lists(*db) if db else b""), (SECURITY, "dbx", dbx)]
        return self.path(name, self.blob(*[(guid, key, data, 0x27) for guid, key, data in lists if data]))

    def cas_of_shim(self):
        """The certificates of 2011 and 2023 that shim's signatures carry."""
        found = {}
        for number in ("1", "2"):
            signed = shutil.copy(SHIM + ".signed", self.path("shim" + number))
            for subject, pem in self.certificates_of(signed, number):
                for name, year in (("Microsoft Corporation UEFI CA 2011", 2011), ("Microsoft UEFI CA 2023", 2023)):
                    if subject.endswith("CN = " + name):
                        found[year] = self.path("ca%d" % year, pem)
        return found

    def certificates_of(self, image, number="1"):
        """(subject, certificate in PEM) of those that one of an image's signatures carries."""
        subprocess.run(["sbattach", "--signum", number, "--detach", self.path("signature"), image], check=True,
                       capture_output=True)
        text = openssl("pkcs7", "-inform", "DER", "-in", self.path("signature"), "-print_certs").decode()
        return [(part.split("\n", 1)[0], part[part.index("-----BEGIN"):].encode()) for part in text.split("subject=")[1:]]

    def microsofts_folder(self):
        """As microsoft/secureboot_objects lies there: certificates in folders, a dbx for each architecture."""
        certs = {}
        for folder in ("objects", "objects/KEK", "objects/DB", "objects/DBX", "objects/DBX/amd64", "objects/DBX/arm64"):
            os.mkdir(self.path(folder))
        for short, name in CERTIFICATES.items():
            certs[short] = self.key("objects/KEK/" + short if short[0] == "k" else "objects/DB/" + short, name,
                                    "Microsoft Corporation")[1]
        self.path("objects/DBX/amd64/dbx_old.esl", sha256_list(b"\x09" * 32))
        head = bytes.fromhex("ea070601000000000000000000000000" + "18000000" + "0002f10e") + \
            uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le
        self.path("objects/DBX/amd64/DBXUpdate.bin", head + sha256_list(b"\1" * 32, b"\2" * 32, owner=MICROSOFT))
        self.path("objects/DBX/arm64/DBXUpdate.bin", head + sha256_list(b"\7" * 32))
        return self.path("objects"), certs

    def subjects(self, store, key):
        lists = self.json("show", store, key)[0]["signatures"]
        return [each["subject"].split(",")[0][3:] for part in lists for each in part.get("certificates", [])]

    def sbsign(self, name, image, key, cert, *args):
        out = self.path(name)
        subprocess.run(["sbsign", "--key", key, "--cert", cert, *args, "--output", out, image], check=True,
                       capture_output=True)
        return out


def openssl(*args, input=None):
    return subprocess.run(["openssl", *args], check=True, capture_output=True, input=input).stdout


def names(listing):
    return sorted(each["name"] for each in listing)


def sha256_list(*hashes, owner=OTHER):
    return uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le + struct.pack(
        "<III", 28 + 48 * len(hashes), 0, 48) + b"".join(uuid.UUID(owner).bytes_le + each for each in hashes)
