#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What comes with the tools: the manual, its examples, the completion."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import equal  # noqa: E402
from varstore import BINARY, Case, OVMF, ROOT, SHIM, server  # noqa: E402

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


TOOLS = ("varstore", "varstore-ls", "varstore-get", "varstore-set", "varstore-rm", "varstore-sb-state",
         "varstore-nvram-certcheck", "create-auth", "secureboot-certs")
# Of the words in an example: where the test has what the host has there.
PLACES = {"/var/lib/uefistored": "uefistored", "/etc/uefistored/keys": "auth", "/root/keys": "own", "/tmp/vm": "vm"}
# Those that tell something by their exit code.
CODES = {"varstore status --all /var/lib/uefistored --check": (1,),
         "varstore explain /var/lib/uefistored/VM /etc/uefistored/keys/PK.auth": (1,)}


def examples(path):
    """The lines of the blocks of code, and in what isn't a manual the lines that call a tool."""
    with open(os.path.join(ROOT, path)) as file:
        lines = file.read().split("\n")
    if path.endswith(".scd"):
        inside = [sum(each.startswith("```") for each in lines[:i]) % 2 for i in range(len(lines))]
        lines = [line for line, code in zip(lines, inside) if code and line and not line.startswith("```")]
    else:
        lines = [line.strip() for line in lines if line.startswith("    ")]
    return [line for line in lines if line.split(" ")[0] in TOOLS + ("printf", "sbsign")]


# Where XAPI and the pool's keys are, the tools are told behind the arguments of the example.
ADDED = {"varstore": "", "create-auth": "", "varstore-nvram-certcheck": "", "varstore-sb-state": "-s SOCKET -K KEYS",
         "secureboot-certs": "-s SOCKET -D KEYS"}
WRAPPER = """#!/bin/bash
case "$*" in *--vm* | "status --all") set -- "$@" --socket "$(dirname "$0")/../socket" ;; esac
exec -a {tool} {binary} "$@" {more}
"""


def workplace(case):
    """A host: XAPI with a VM, stores of the daemon's, keys; and the tools, which find XAPI and the pool's keys there."""
    fd = OVMF + "OVMF_VARS_4M.ms.fd"
    for folder in ("bin", "work", "work/uefistored", "work/uefistored/VM", "work/host-keys", "work/vm", "work/auth"):
        os.mkdir(case.path(folder))
    shutil.copy(fd, case.path("work/OVMF_VARS.fd"))
    for folder in ("uefistored/VM", "vm"):
        case.run("convert", fd, "--to", "vars", "--output", case.path("work/%s/EFI-variables" % folder))
    case.run("convert", fd, "--to", "base64", "--output", case.path("work/nvram.txt"))
    fake = server.Server(case.path("socket"), "xapi", "0cb8b2b1-7a4b-4b0e-9e0e-2d5e3f1c9a11", None, {})
    fake.nvram["EFI-variables"] = case.read("work/nvram.txt").decode().strip()
    fake.listen()
    case.servers.append(fake)
    os.rename(case.microsofts_folder()[0], case.path("work/secureboot_objects"))
    case.run("keys", "make", "--keys", case.path("work"))
    case.run("keys", "install", "--keys", case.path("work"), "--profile", "own", "--output", case.path("work/host-keys"))
    shutil.copy(case.path("work/host-keys/KEK.auth"), case.path("work/host-keys/dbx.auth"))
    image = {"authenticodeHash": "AB" * 32, "hashType": "SHA256", "dateOfAddition": "2025-10-14"}
    case.path("work/dbx_info_msft_latest.json", json.dumps({"images": {"x64": [image]}}).encode())
    shutil.copy(SHIM, case.path("work/unsigned.efi"))
    for tool in TOOLS:
        more = ADDED.get(tool, "-s SOCKET").replace("SOCKET", case.path("socket")).replace("KEYS", case.path("work/host-keys"))
        case.path("bin/" + tool, WRAPPER.format(tool=tool, binary=BINARY, more=more).encode())
        os.chmod(case.path("bin/" + tool), 0o755)


def run_examples(case, path):
    lines, work = examples(path), case.path("work")
    assert lines, "%s has no examples" % path
    for line in lines:
        command = line
        for place, folder in PLACES.items():
            command = command.replace(place, os.path.join(work, folder))
        result = subprocess.run(["bash", "-c", "set -o pipefail; " + command], cwd=work, capture_output=True, text=True,
                                timeout=60, env=dict(os.environ, PATH=case.path("bin") + ":" + os.environ["PATH"]))
        assert result.returncode in CODES.get(line, (0,)), "%s: %s: exit %d, %s" % (
            path, line, result.returncode, result.stderr)
        assert result.stdout or result.stderr or line.split(" ")[0] not in ("varstore-ls", "varstore-get"), line


def test_examples_of_the_manuals(case):
    workplace(case)
    for tool in TOOLS:
        run_examples(case, "man/%s.1.scd" % tool)


def test_examples_of_the_documents(case):
    workplace(case)
    for path in ("README.md", "docs/XEN.md"):
        run_examples(case, path)


if __name__ == "__main__":
    cases.main(globals(), Case)
