#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stores converted to OVMF_VARS.fd, booted in plain QEMU with the distribution's OVMF: the guest finds the variables there and
adds one, and its firmware starts just the images of which `varstore verify` says that it does."""
import os
import re
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import GLOBAL, equal  # noqa: E402
from varstore import Case, GRUB, OTHER, OVMF, SHIM, names, sha256_list  # noqa: E402

EFITOOLS = "/usr/lib/efitools/x86_64-linux-gnu/"
SECONDS = 100  # a boot takes about 10 where nothing else runs


class Machine:
    """QEMU with these variables and a disk of these files; what it says is in .text."""

    def __init__(self, case, variables, *files):
        self.serial, disk = case.path("serial", b""), case.path("disk")
        for command in (["truncate", "-s", "16M", disk], ["mkfs.vfat", disk], ["mcopy", "-i", disk, *files, "::/"]):
            subprocess.run(command, check=True, capture_output=True)
        drives = ["if=pflash,unit=0,readonly=on,file=%sOVMF_CODE_4M.fd" % OVMF, "if=pflash,unit=1,file=" + variables,
                  "if=virtio,file=" + disk]
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "256", "-nodefaults", "-display", "none",
             "-no-reboot", "-serial", "file:" + self.serial, *[word for each in drives for word in ("-drive", "format=raw," + each)]])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def text(self):
        with open(self.serial, "rb") as file:
            return re.sub(r"\x1b\[[0-9;?=]*[A-Za-z]", "", file.read().decode("ascii", "replace")).replace("\r", "")

    def wait(self, *words):
        """Until it says one of these, or ends."""
        end = time.monotonic() + SECONDS
        while self.process.poll() is None and not any(word in self.text() for word in words):
            assert time.monotonic() < end, "nothing of %s in\n%s" % (words, self.text()[-3000:])
            time.sleep(0.2)
        return self.text()


def need_qemu():
    cases.need(OVMF + "OVMF_CODE_4M.fd", EFITOOLS, SHIM, GRUB)
    for program in ("qemu-system-x86_64", "mkfs.vfat", "mcopy", "sbsign"):
        if shutil.which(program) is None:
            raise cases.Skip("there is no " + program)


# --------------------------------------------------------------------------------------------------- variables

SCRIPT = """@echo -off
dmpstore -guid {guid}
setvar FromGuest -guid {guid} -bs -rt -nv =0102030405
setvar Gone -guid {guid} -bs -rt -nv =
echo DONE
reset -s
""".format(guid=OTHER)


def test_variables_in_plain_qemu(case):
    need_qemu()
    store = case.store("store", (OTHER, "FromHost", b"from the host", 7), (OTHER, "Gone", b"soon", 7),
                       (OTHER, "BootOnly", bytes(range(256)) * 8, 3), (GLOBAL, "Timeout", b"\0\0", 7))
    case.run("convert", store, "--to", "edk2", "--output", case.path("vars.fd"))
    with Machine(case, case.path("vars.fd"), case.path("startup.nsh", SCRIPT.encode())) as machine:
        said = machine.wait("never")
    for line in ("Variable NV+RT+BS '%s:FromHost' DataSize = 0x0D" % OTHER, "Variable NV+BS '%s:BootOnly' DataSize = 0x800" % OTHER,
                 "*from the host*", "000007F0: F0 F1 F2"):
        assert line.upper() in said.upper(), (line, said)
    for kind in ([case.path("vars.fd")], [case.path("back")]):
        listing = case.json("ls", *kind)
        equal(names(each for each in listing if each["guid"] == OTHER), ["BootOnly", "FromGuest", "FromHost"])
        equal(case.json("get", *kind, "FromGuest")["data"], "0102030405")
        equal(case.json("get", *kind, "BootOnly")["data"], (bytes(range(256)) * 8).hex())
        assert "BootOrder" in names(listing) and case.json("show", *kind, "Boot0000")[0]["boot_entry"]
        case.run("convert", case.path("vars.fd"), "--to", "vars", "--output", case.path("back"))


# ------------------------------------------------------------------------------------------------- Secure Boot

def boot_entry(name):
    path = ("\\" + name).encode("utf-16-le") + b"\0\0"
    path = struct.pack("<BBH", 4, 4, 4 + len(path)) + path + b"\x7f\xff\x04\0"
    return struct.pack("<IH", 1, len(path)) + name.encode("utf-16-le") + b"\0\0" + path


def boot(case, store, images):
    """The firmware tries one image after the other; the last is the one that starts. What verify says is what it does."""
    for i, image in enumerate(images):
        case.run("set", store, "Boot%04d" % i, case.path("entry", boot_entry(os.path.basename(image))))
    case.run("set", store, "BootOrder", case.path("order", struct.pack("<%dH" % len(images), *range(len(images)))))
    case.run("convert", store, "--to", "edk2", "--output", case.path("vars.fd"))
    last = "starting Boot%04d" % (len(images) - 1)
    with Machine(case, case.path("vars.fd"), *images) as machine:
        said = machine.wait(last + " ", "No bootable option", "Boot Manager Menu")
    for i, image in enumerate(images):
        starts = case.json("verify", store, image, code=0 if image == images[-1] else 1)["starts"]
        name = "Boot%04d \"%s\"" % (i, os.path.basename(image))
        equal((image, starts), (image, "starting " + name in said))
        assert starts or re.search(r"failed to load %s from .*: (Access Denied|Security Violation)" % re.escape(name), said), said


def make_images(case):
    own, other = case.key("own"), case.key("other")
    copies = {"shim": SHIM + ".signed", "grub": GRUB, "unsigned": EFITOOLS + "SetNull.efi", "listed": EFITOOLS + "ShimReplace.efi"}
    images = {name: shutil.copy(path, case.path(name + ".efi")) for name, path in copies.items()}
    for name, image, key in (("own", "HelloWorld", own), ("other", "HelloWorld", other), ("revoked", "ReadVars", own)):
        images[name] = case.sbsign(name + ".efi", EFITOOLS + image + ".efi", *key)
    return images


def hash_of(case, image):
    return bytes.fromhex(case.json("verify", case.keys_store("any"), image, code=1)["sha256"])


def in_order(images, *chosen):
    return [images[name] for name in chosen]


def test_secure_boot_by_own_keys(case):
    need_qemu()
    images = make_images(case)
    dbx = sha256_list(b"\1" * 32, hash_of(case, images["revoked"]))
    store = case.keys_store("store", db=[case.path("own.pem")], kek=[case.path("own.pem")], dbx=dbx)
    boot(case, store, in_order(images, "unsigned", "other", "revoked", "shim", "grub", "own"))


def test_secure_boot_by_the_certificate_of_2011(case):
    need_qemu()
    images, ca = make_images(case), case.cas_of_shim()
    boot(case, case.keys_store("store", db=[ca[2011]]), in_order(images, "unsigned", "own", "grub", "shim"))


def test_secure_boot_by_the_certificate_of_2023(case):
    need_qemu()
    images, ca = make_images(case), case.cas_of_shim()
    boot(case, case.keys_store("store", db=[ca[2023]]), in_order(images, "unsigned", "own", "grub", "shim"))


def test_secure_boot_with_a_revoked_shim(case):
    """Both certificates, and shim's hash in dbx; an image that nobody has signed starts by its hash in db."""
    need_qemu()
    images, ca = make_images(case), case.cas_of_shim()
    lists = case.lists(ca[2011], ca[2023]) + sha256_list(hash_of(case, images["listed"]))
    store = case.keys_store("store", db=[ca[2011]], dbx=sha256_list(hash_of(case, images["shim"])))
    case.run("set", store, "db", case.path("db.esl", lists))
    boot(case, store, in_order(images, "unsigned", "shim", "listed"))


if __name__ == "__main__":
    cases.main(globals(), Case, at_once=2)
