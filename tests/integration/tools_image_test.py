#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore verify: images made by others, judged as firmware would."""
import glob
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import GLOBAL, SECURITY, equal  # noqa: E402
from varstore import Case, GRUB, OTHER, SHIM, openssl, sha256_list  # noqa: E402

MOK_MANAGER = "/usr/lib/shim/mmx64.efi"


def issue(case, name, issuer, ca=False):
    """A certificate by another one."""
    key, cert = case.path(name + ".key"), case.path(name + ".pem")
    request = openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=" + name)
    extensions = case.path(name + ".ext", b"basicConstraints=critical,CA:" + (b"TRUE" if ca else b"FALSE"))
    openssl("x509", "-req", "-CA", issuer[1], "-CAkey", issuer[0], "-days", "30", "-set_serial", "7", "-extfile", extensions,
            "-out", cert, input=request)
    return key, cert


def digest_list(cert, revoked=bytes(16)):
    """An X.509-SHA256 list: the digest of a certificate's tbsCertificate and the time of its revocation."""
    parts = openssl("asn1parse", "-in", cert, "-strparse", "4", "-noout", "-out", "/dev/stdout")
    return uuid.UUID("3bd2a492-96c0-4079-b420-fcf98ef103ed").bytes_le + struct.pack("<III", 28 + 64, 0, 64) + \
        uuid.UUID(OTHER).bytes_le + hashlib.sha256(parts).digest() + revoked


# ------------------------------------------------------------------------------------------------------ verify

KERNELS = "/boot/vmlinuz-*-amd64", os.path.expanduser("~/.cache/uefistored/guests/*/vmlinuz")


def signed_kernel():
    """Debian's, where the package is installed or the lab's guests have been made."""
    found = [path for pattern in KERNELS for path in glob.glob(pattern)]
    if not found:
        raise cases.Skip("neither linux-image-amd64 is installed, nor does the lab's cache have its kernel")
    return found[0]


def debians_ca(case):
    """Shim has it built in: four 32-bit numbers (sizes and offsets of two lists) and the certificate."""
    subprocess.run(["objcopy", "-O", "binary", "-j", ".vendor_cert", SHIM, case.path("vendor")], check=True)
    section = case.read("vendor")
    length, _, offset, _ = struct.unpack_from("<4I", section)
    return case.path("debian-ca.pem", openssl("x509", "-inform", "DER", input=section[offset:offset + length]))


class Stores:
    """By the certificates that are in db, and with an image's hash in dbx besides."""

    def __init__(self, case):
        self.case, self.made = case, {}
        ca, own = case.cas_of_shim(), case.key("own")
        self.own, self.certs = own, {"2011": ca[2011], "2023": ca[2023], "debian": debians_ca(case), "own": own[1]}

    def store(self, db, dbx=b""):
        name = "store-%s-%s" % (db, hashlib.sha256(dbx).hexdigest())
        if name not in self.made:
            self.made[name] = self.case.keys_store(name, db=[self.certs[each] for each in db.split("+")], dbx=dbx)
        return self.made[name]

    def check(self, image, starts):
        """It starts with exactly these certificates in db, with any others, and never with its hash in dbx."""
        for db in ("2011", "2023", "2011+2023", "debian", "own", "2011+2023+debian+own"):
            expected = bool(set(db.split("+")) & set(starts))
            result = self.case.json("verify", self.store(db), image, code=0 if expected else 1)
            equal((image, db, result["starts"]), (image, db, expected))
            equal([each["matches_image"] for each in result["signatures"]], [True] * len(result["signatures"]))
            if expected:
                equal(result["decided_by"]["database"], "db")
        in_dbx = self.store("2011+2023+debian+own", sha256_list(b"\1" * 32, bytes.fromhex(result["sha256"])))
        result = self.case.json("verify", in_dbx, image, code=1)
        if starts:
            equal(result["because"], "signature 1: the image's hash is in dbx: entry 2 of list 1 of dbx")


def test_verify_debians_chain(case):
    stores = Stores(case)
    stores.check(SHIM + ".signed", ("2011", "2023"))
    stores.check(SHIM, ())
    stores.check(GRUB, ("debian",))  # signed by Debian, whom only shim knows
    stores.check(MOK_MANAGER + ".signed", ("debian",))
    stores.check(case.sbsign("signed.efi", SHIM, *stores.own), ("own",))
    stores.check(case.sbsign("twice.efi", SHIM + ".signed", *stores.own), ("2011", "2023", "own"))
    for year, other in (("2011", "2023"), ("2023", "2011")):  # one revoked, the other allowed: refused all the same
        store = stores.store(other, case.lists(stores.certs[year]))
        assert case.json("verify", store, SHIM + ".signed", code=1)["decided_by"]["database"] == "dbx"


def test_verify_debians_kernel(case):
    stores, kernel = Stores(case), signed_kernel()
    stores.check(kernel, ("debian",))
    stores.check(case.sbsign("twice", kernel, *stores.own), ("debian", "own"))
    signer = case.certificates_of(shutil.copy(kernel, case.path("kernel")))[0]
    assert "CN = Debian Secure Boot Signer" in signer[0] and "linux" in signer[0], signer
    subprocess.run(["sbattach", "--remove", case.path("kernel")], check=True, capture_output=True)
    stores.check(case.path("kernel"), ())
    stores.certs["signer"] = case.path("signer.pem", signer[1])
    case.run("verify", stores.store("signer"), kernel)
    case.run("verify", stores.store("debian", case.lists(stores.certs["signer"])), kernel, code=1)
    case.run("verify", stores.store("debian", digest_list(stores.certs["signer"])), kernel, code=1)


def test_verify_own_images(case):
    key, cert = case.key("own")
    _, other = case.key("other")
    signed = case.sbsign("signed.efi", SHIM, key, cert)
    mine, theirs, none = case.keys_store("mine", db=[cert]), case.keys_store("theirs", db=[other]), case.keys_store("none")
    result = case.json("verify", mine, signed)
    equal(result["because"], "signature 1: it leads to a certificate of db: entry 1 of list 1 of db (own)")
    equal((result["decided_by"]["database"], result["decided_by"]["certificate"]["subject"]), ("db", "CN=own"))
    equal((result["signatures"][0]["verdict"], result["signatures"][0]["signer"]["subject"]), ("allowed", "CN=own"))
    case.run("verify", theirs, signed, code=1)
    case.run("verify", mine, SHIM, code=1)
    digest = bytes.fromhex(case.json("verify", none, SHIM, code=1)["sha256"])
    listed = case.path("h", case.blob((GLOBAL, "PK", case.lists(cert), 0x27), (SECURITY, "db", sha256_list(digest), 0x27)))
    equal(case.json("verify", listed, SHIM)["because"], "the image's hash is in db: entry 1 of list 1 of db")
    with open(signed, "rb") as file:
        image = bytearray(file.read())
    for at in (0x200, len(image) // 2):  # what is changed isn't signed any more
        changed = bytearray(image)
        changed[at] ^= 1
        case.run("verify", mine, case.path("changed.efi", changed), code=1)
    checksum = bytearray(image)
    checksum[struct.unpack_from("<I", image, 0x3c)[0] + 24 + 64] ^= 1
    case.run("verify", mine, case.path("changed.efi", checksum))
    for bad in (b"", b"MZ", image[:5000], image[:-8]):
        case.refused("verify", mine, case.path("bad.efi", bad), code=2)
    case.run("verify", mine, case.path("more.efi", image + b"12345678"), code=1)
    setup = case.json("verify", case.keys_store("setup", db=[cert], pk=False), SHIM)  # Secure Boot is off
    equal((setup["starts"], setup["allowed"], setup["mode"]), (True, False, "setup"))
    assert "any image starts" in setup["note"]


def test_hashes_are_those_of_others(case):
    store = case.keys_store("store")
    for image in (SHIM, MOK_MANAGER):  # efitools hashes an unsigned image as it will be once it is padded and signed
        subprocess.run(["hash-to-efi-sig-list", image, case.path("list")], check=True, capture_output=True)
        with open(case.path("list"), "rb") as file:
            equal(case.json("verify", store, image + ".signed", code=1)["sha256"], file.read()[44:76].hex())


def test_verify_chains(case):
    root = case.key("root")
    middle = issue(case, "middle", root, ca=True)
    leaf = issue(case, "leaf", middle)
    bare = case.sbsign("bare.efi", SHIM, *leaf)
    full = case.sbsign("full.efi", SHIM, *leaf, "--addcert", middle[1])
    own = case.key("own")[1]
    stores = {"root": case.keys_store("sr", db=[root[1]]), "middle": case.keys_store("sm", db=[own, middle[1]]),
              "leaf": case.keys_store("sl", db=[own, own, leaf[1]])}
    for name, image, starts in (("root", bare, False), ("root", full, True), ("middle", bare, True), ("middle", full, True),
                                ("leaf", bare, True), ("leaf", full, True)):
        result = case.json("verify", stores[name], image, code=0 if starts else 1)
        equal((name, image, result["starts"]), (name, image, starts))
        if starts:
            equal(result["decided_by"]["certificate"]["subject"], "CN=" + name)
    equal(case.json("verify", stores["leaf"], bare)["decided_by"]["list"], 3)
    for cert in (leaf[1], middle[1], root[1]):  # anything of the chain in dbx
        revoked = case.json("verify", case.keys_store("rev", db=[root[1], leaf[1]], dbx=case.lists(cert)), full, code=1)
        equal(revoked["decided_by"]["type"], "X.509")
    for time in (bytes(16), struct.pack("<HBBBBBBIhBB", 2030, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)):
        revoked = case.json("verify", case.keys_store("dig", db=[root[1]], dbx=digest_list(leaf[1], time)), full, code=1)
        assert "digest of the signer's certificate" in revoked["because"], revoked
        equal(revoked["decided_by"]["type"], "X.509-SHA256")
    # the digest of the certificate that it leads to counts; that of one between doesn't, as in edk2
    case.run("verify", case.keys_store("dig", db=[root[1]], dbx=digest_list(root[1])), full, code=1)
    case.run("verify", case.keys_store("dig", db=[root[1]], dbx=digest_list(middle[1])), full)
    case.run("verify", case.keys_store("dig", db=[root[1], middle[1]], dbx=digest_list(root[1])), full)


def test_verify_several_signatures(case):
    one, two = case.key("one"), case.key("two")
    both = case.sbsign("both.efi", case.sbsign("one.efi", SHIM, *one), *two)
    for db, dbx, code in (([one], [], 0), ([two], [], 0), ([one, two], [], 0), ([], [], 1), ([one], [two], 1), ([two], [one], 1)):
        store = case.keys_store("store", db=[each[1] for each in db],
                         dbx=case.lists(*[each[1] for each in dbx]) if dbx else b"")
        result = case.json("verify", store, both, code=code)
        equal(len(result["signatures"]), 2)
        verdicts = ["forbidden" if each in dbx else "allowed" if each in db else "not found" for each in (one, two)]
        equal([each["verdict"] for each in result["signatures"]], verdicts)


def test_verify_damaged_tables(case):
    key, cert = case.key("own")
    store = case.keys_store("store", db=[cert])
    with open(case.sbsign("signed.efi", SHIM, key, cert), "rb") as file:
        image = bytearray(file.read())
    entry = struct.unpack_from("<I", image, 0x3c)[0] + 24 + 112 + 8 * 4
    table, size = struct.unpack_from("<II", image, entry)
    length = struct.unpack_from("<I", image, table)[0]
    assert table + size == len(image) and length <= size < length + 8, (table, size, length)

    def with_length(value, kind=2):
        changed = bytearray(image)
        struct.pack_into("<IHH", changed, table, value, 0x200, kind)
        return case.path("changed.efi", changed)
    case.run("verify", store, with_length(length))
    for value in (0, 7, 8, size + 1, 0xffffffff):
        result = case.json("verify", store, with_length(value), code=1)
        equal(result["because"], "the image's table of signatures is damaged")
    equal(case.json("verify", store, with_length(length, 1), code=1)["signatures"], [])  # another kind: passed over
    rubbish = bytearray(image)
    rubbish[table + 8:] = b"\x30" * (size - 8)
    equal(case.json("verify", store, case.path("r.efi", rubbish), code=1)["signatures"][0]["verdict"], "passed over")


def test_verify_agrees_with_sbverify(case):
    own = case.key("own")[1]
    ca = case.cas_of_shim()
    signer = case.path("debian.pem", case.certificates_of(shutil.copy(GRUB, case.path("grub")))[0][1])
    for image in (SHIM, SHIM + ".signed", GRUB, MOK_MANAGER + ".signed"):
        for cert in (own, ca[2011], ca[2023], signer):
            if image == SHIM + ".signed" and cert in (own, signer):
                continue  # sbverify takes any certificate for a signature whose root isn't there
            theirs = subprocess.run(["sbverify", "--cert", cert, image], capture_output=True).returncode
            ours = case.run("verify", case.keys_store("store", db=[cert]), image, "--quiet", code=theirs)
            equal(ours, "")


def test_verify_refuses_what_it_cannot_judge(case):
    bad = case.path("bad", case.blob((GLOBAL, "PK", b"x", 0x27), (SECURITY, "dbx", b"rubbish", 0x27)))
    assert "dbx is not well-formed" in case.refused("verify", bad, SHIM, code=2)
    case.refused("verify", bad, case.path("none"), code=2)
    case.refused("verify", bad, code=2)


if __name__ == "__main__":
    cases.main(globals(), Case)
