#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What comes with the tools: the manual, its examples, the completion."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import equal  # noqa: E402
from varstore import BINARY, Case, OVMF, ROOT  # noqa: E402

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
            if word.startswith("--") and word not in ("--help", "--socket"):
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
    objects, _ = case.microsofts_folder()
    changes = case.run("certs", "update", "--merge", folder + "/VM", "--keys", objects, "--dry-run").splitlines()
    equal([line[0] for line in changes], ["~"] * 3)


if __name__ == "__main__":
    cases.main(globals(), Case)
