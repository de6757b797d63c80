#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A VM's life as XAPI's toolstack leads it: the daemon's own binary, with the very command line of the toolstack, as root, on
a pretended Xen host with a pretended XAPI: first boot with keys, saved writes, suspend, resume under another domain id."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../xapi")]
import server  # noqa: E402
import vars as vars_format  # noqa: E402
import xen  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD_DIR", "build/test"))
UUID = "0cb8b2b1-7a4b-4b0e-9e0e-2d5e3f1c9a11"
VENDOR = uuid.UUID("12345678-1234-5678-0102-030405060708").bytes_le
DATABASE = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f").bytes_le
UID_BASE = 65500
AUTHENTICATED = 0x27
SECURITY_VIOLATION = xen.ERROR | 26
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Keys:
    """PK, KEK and db as an administrator makes them with openssl and efitools, and the .auth files of a pool."""

    def __init__(self, folder):
        self.folder = folder
        os.mkdir(folder)
        for name in ("PK", "KEK", "db"):
            run("openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}/", "-days", "1",
                "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.crt"))
            run("cert-to-efi-sig-list", self.path(f"{name}.crt"), self.path(f"{name}.esl"))
        self.make_dbx("dbx.esl", 1)
        for name, signer in (("PK", "PK"), ("KEK", "PK"), ("db", "KEK")):
            self.sign(name, signer, f"{name}.esl", f"{name}.auth")
        self.sign("dbx", "KEK", "dbx.esl", "dbx.auth", "-a")

    def path(self, name):
        return f"{self.folder}/{name}"

    def make_dbx(self, name, number, count=1):
        """A list of SHA-256 hashes that no image has."""
        header = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le + (28 + 48 * count).to_bytes(4, "little")
        header += (0).to_bytes(4, "little") + (48).to_bytes(4, "little")
        with open(self.path(name), "wb") as file:
            file.write(header)
            for index in range(count):
                file.write(bytes(16) + index.to_bytes(4, "little") + bytes([number]) * 28)

    def sign(self, name, signer, esl, auth, *options):
        run("sign-efi-sig-list", *options, "-k", self.path(f"{signer}.key"), "-c", self.path(f"{signer}.crt"), name,
            self.path(esl), self.path(auth))

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()


class Vm:
    """What the toolstack prepares for a VM, and the daemon that it starts."""

    def __init__(self, folder, keys, nvram=None, settings=(("platform/secureboot", "true"),)):
        self.folder, self.keys = folder, keys
        self.nvram_file = f"{folder}/nvram.json"
        if nvram is not None:
            with open(self.nvram_file, "w") as file:
                json.dump(nvram, file)
        self.settings = settings
        self.domain = 6
        self.hosts = []
        self.servers = []
        self.daemon = None
        os.chmod(folder, 0o755)

    def prepare(self, resume_from):
        """The chroot of a new domain: 0750, root and the group; the files exist; nothing can be created in it."""
        self.domain += 1
        self.uid = self.gid = UID_BASE + self.domain
        self.root = f"{self.folder}/root-{self.domain}"
        os.mkdir(self.root, 0o750)
        os.chown(self.root, 0, self.gid)
        open(f"{self.root}/efi-vars-save.dat", "wb").close()
        os.chmod(f"{self.root}/efi-vars-save.dat", 0o600)
        os.chown(f"{self.root}/efi-vars-save.dat", self.uid, self.gid)
        if resume_from is not None:
            with open(f"{self.root}/efi-vars-resume.dat", "wb") as file:
                file.write(resume_from)
            os.chmod(f"{self.root}/efi-vars-resume.dat", 0o440)
            os.chown(f"{self.root}/efi-vars-resume.dat", 0, self.gid)
        xapi = server.Server(f"{self.root}/xapi-depriv-socket", "guard", UUID, self.nvram_file, {})
        xapi.timer.start()
        xapi.timer.join()
        self.xapi = xapi
        self.servers.append(xapi)
        host_folder = f"{self.folder}/host-{self.domain}"
        os.mkdir(host_folder)
        self.host = xen.Host(host_folder, BUILD, domain=self.domain)
        self.hosts.append(self.host)
        for key, value in self.settings:
            self.host.set_key(key, value)

    def start(self, resume_from=None, more=(), ready=True):
        self.prepare(resume_from)
        self.log = open(f"{self.folder}/log-{self.domain}", "w+b")
        self.pidfile = f"{self.folder}/varstored-{self.domain}.pid"
        resume = ["--resume", "--arg", "resume:/efi-vars-resume.dat"] if resume_from is not None else []
        words = ["varstored", "--domain", str(self.domain), "--chroot", self.root, "--depriv", "--uid", str(self.uid),
                 "--gid", str(self.gid), "--backend", "xapidb", "--arg", "socket:/xapi-depriv-socket", "--pidfile",
                 self.pidfile, "--arg", f"uuid:{UUID}", *more, *resume, "--arg", "save:/efi-vars-save.dat"]
        link = f"{self.folder}/varstored"
        if not os.path.islink(link):
            os.symlink(f"{BUILD}/uefistored", link)
        # The folder of keys is the one thing that the toolstack doesn't name: /var/lib/varstored.
        words += ["--keys", self.keys.folder if self.keys else "/nonexistent"]
        environment = self.host.environment(ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") +
                                            ":verify_asan_link_order=0:detect_leaks=0")  # it needs more than the sandbox gives
        self.daemon = subprocess.Popen(words, executable=link, env=environment, stderr=self.log,
                                       stdout=self.log)
        assert self.host.wait_ready(self.daemon) == ready, self.text()
        if ready:
            self.guest = xen.Guest(self.host)
        return self

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self, code=0):
        """SIGTERM; gives the suspend image."""
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(10) == code, self.text()
        with open(f"{self.root}/efi-vars-save.dat", "rb") as file:
            return file.read()

    def nvram(self):
        with open(self.nvram_file) as file:
            return vars_format.decode(server.base64.b64decode(json.load(file)["EFI-variables"]))

    def names(self):
        return [variable["name"] for variable in self.nvram()["variables"]]

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        for host in self.hosts:
            host.close()
        for xapi in self.servers:
            xapi.stop()


def flag(guest, name):
    return guest.get(name)[1]


@test
def the_first_boot_enrolls_the_pools_keys_and_saves_them_once(vm):
    vm.start()
    for name, value in (("SecureBoot", b"\1"), ("SetupMode", b"\0"), ("DeployedMode", b"\1")):
        assert flag(vm.guest, name) == value
    assert {"PK", "KEK", "db", "dbx"} <= set(vm.names())
    saves = vm.xapi.counts["methods"].get("VM.set_NVRAM_EFI_variables_v2", 0)
    assert saves == 1, vm.xapi.counts
    assert vm.xapi.updates == ["yes"]
    assert vm.guest.get("db", DATABASE)[1] == vm.keys.read("db.esl")


@test
def the_daemon_is_locked_in(vm):
    vm.start()
    with open(f"/proc/{vm.daemon.pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["Uid"].split() == [str(vm.uid)] * 4 and status["Gid"].split() == [str(vm.gid)] * 4
    assert status["Groups"].strip() == ""
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert os.readlink(f"/proc/{vm.daemon.pid}/root") == os.path.realpath(vm.root)
    for namespace in ("mnt", "ipc", "net", "uts"):
        assert os.readlink(f"/proc/{vm.daemon.pid}/ns/{namespace}") != os.readlink(f"/proc/self/ns/{namespace}")
    with open(f"/proc/{vm.daemon.pid}/cmdline", "rb") as file:
        assert file.read().split(b"\0")[0] == b"varstored"


@test
def the_pid_file_holds_the_pid_and_a_lock(vm):
    vm.start()
    with open(vm.pidfile) as file:
        assert file.read() == f"{vm.daemon.pid}\n"
    assert os.stat(vm.pidfile).st_mode & 0o777 == 0o600
    second = subprocess.run([f"{BUILD}/uefistored", "--domain", "99", "--backend", "memory", "--pidfile", vm.pidfile],
                            env=vm.host.environment(), capture_output=True, text=True)
    assert second.returncode == 1 and str(vm.daemon.pid) in second.stderr, second.stderr


@test
def a_saved_write_is_one_request_on_an_open_connection(vm):
    vm.start()
    before = dict(vm.xapi.counts)
    for number in range(10):
        assert vm.guest.set("Boot0000", b"entry %d" % number) == xen.SUCCESS
    assert vm.xapi.counts["requests"] == before["requests"] + 10
    assert vm.xapi.counts["connections"] == before["connections"]
    assert vm.xapi.updates[-1] == "no"
    assert not vm.xapi.counts["violations"]


@test
def an_existing_vm_keeps_its_variables_and_gets_no_keys(vm):
    vm.start()
    assert vm.guest.set("Mine", b"data", guid=VENDOR) == xen.SUCCESS
    vm.stop()
    vm.keys = None
    vm.start()
    assert vm.guest.get("Mine", VENDOR) == (xen.SUCCESS, b"data", 7)
    assert flag(vm.guest, "SecureBoot") == b"\1"


@test
def a_signed_write_is_taken_in_the_sandbox_and_an_unsigned_one_isnt(vm):
    vm.start()
    vm.keys.make_dbx("update.esl", 2)
    vm.keys.sign("dbx", "KEK", "update.esl", "update.auth", "-a")
    before = vm.guest.get("dbx", DATABASE)[1]
    assert vm.guest.set("dbx", vm.keys.read("update.esl"), AUTHENTICATED | 0x40, DATABASE) == SECURITY_VIOLATION
    assert vm.guest.set("dbx", b"", AUTHENTICATED, DATABASE) == SECURITY_VIOLATION
    assert vm.guest.get("dbx", DATABASE)[1] == before
    assert vm.guest.set("dbx", vm.keys.read("update.auth"), AUTHENTICATED | 0x40, DATABASE) == xen.SUCCESS
    assert len(vm.guest.get("dbx", DATABASE)[1]) > len(before)
    assert vm.xapi.updates[-1] == "yes"


def variables_of(image):
    """What a suspend image holds, the modes aside, which follow from the rest."""
    decoded = vars_format.decode(image)
    decoded["variables"] = sorted((v for v in decoded["variables"] if not v["name"].endswith("Mode")
                                   and v["name"] not in ("SecureBoot", "SignatureSupport")), key=lambda v: v["name"])
    return decoded


@test
def suspended_and_resumed_elsewhere_the_state_is_the_same(vm):
    vm.start()
    assert vm.guest.set("Mine", b"kept", guid=VENDOR) == xen.SUCCESS
    assert vm.guest.set("Volatile", b"too", attributes=6, guid=VENDOR) == xen.SUCCESS
    lock = uuid.UUID("bb983ccf-151d-40e1-a07b-4a17be168292").bytes_le
    assert vm.guest.set("MemoryOverwriteRequestControlLock", b"12345678", guid=lock) == xen.SUCCESS
    vm.guest.port_out(0x104, 4, 0x10)
    vm.guest.port_out(0x108, 4, 0x11223344)
    first = vm.stop()
    modes = {v["name"]: v["data"] for v in vars_format.decode(first)["variables"] if v["name"] == "SecureBoot"}
    assert modes == {"SecureBoot": "01"}
    requests = vm.xapi.counts["requests"]
    vm.start(resume_from=first)
    assert vm.guest.get("Volatile", VENDOR)[1] == b"too"
    assert vm.guest.port_in(0x108, 4) == 0x11223344
    assert flag(vm.guest, "SecureBoot") == b"\1"
    assert vm.guest.set("MemoryOverwriteRequestControlLock", b"12345678", guid=lock) == xen.SUCCESS
    assert vm.guest.get("MemoryOverwriteRequestControlLock", lock)[1] == b"\0"
    assert vm.guest.set("MemoryOverwriteRequestControlLock", b"12345678", guid=lock) == xen.SUCCESS
    assert vm.xapi.counts["requests"] == 0 and requests > 0
    second = vm.stop()
    assert variables_of(first) == variables_of(second)


@test
def a_signal_right_behind_the_announcement_leaves_an_image(vm):
    vm.start()
    image = vm.stop()
    for _ in range(30):
        vm.start(resume_from=image)
        image = vm.stop()
        assert image.startswith(b"VARS")


@test
def after_a_resume_writes_reach_xapi_again(vm):
    vm.start()
    image = vm.stop()
    vm.start(resume_from=image)
    assert vm.guest.set("Mine", b"later", guid=VENDOR) == xen.SUCCESS
    assert "Mine" in vm.names() and "PK" in vm.names()


@test
def a_nonpersistent_vm_saves_nothing_but_its_image(vm):
    vm.start()
    vm.stop()
    before = vm.nvram()
    vm.start(more=["--nonpersistent"])
    assert vm.guest.set("Mine", b"gone soon", guid=VENDOR) == xen.SUCCESS
    image = vm.stop()
    assert vm.nvram() == before
    assert any(v["name"] == "Mine" for v in vars_format.decode(image)["variables"])


@test
def a_failed_save_is_undone(vm):
    vm.start()
    vm.xapi.rules = [{"method": "VM.set_*", "action": "fail", "description": ["INTERNAL_ERROR", "no"], "times": 100}]
    assert vm.guest.set("Mine", b"data", guid=VENDOR) == xen.DEVICE_ERROR
    assert vm.guest.get("Mine", VENDOR)[0] == xen.NOT_FOUND
    vm.xapi.rules = []
    assert vm.guest.set("Mine", b"data", guid=VENDOR) == xen.SUCCESS


@test
def a_refused_image_is_reported_once(vm):
    vm.start()
    for expected in (xen.SUCCESS, xen.ERROR | 15, xen.ERROR | 15):
        reply = vm.guest.request((1).to_bytes(4, "little") + (4).to_bytes(4, "little"))
        assert int.from_bytes(reply[:8], "little") == expected
    assert [message[0] for message in vm.xapi.messages] == ["VM_SECURE_BOOT_FAILED"]


@test
def nvram_that_cant_be_read_is_no_start(vm):
    for blob, word in (("", "empty"), ("!!!!", "base64"), (server.base64.b64encode(b"VARX" + bytes(300)).decode(), "VARS")):
        with open(vm.nvram_file, "w") as file:
            json.dump({"EFI-variables": blob}, file)
        vm.start(ready=False)
        assert vm.daemon.returncode == 1 and word in vm.text(), vm.text()
        assert vm.host.key("varstored-pid") is None


@test
def a_pool_that_wants_secure_boot_enforced_starts_no_vm_without(vm):
    vm.keys = None
    vm.settings = (("platform/secureboot", "true"), ("platform/secureboot-enforce", "true"))
    vm.start(ready=False)
    assert vm.daemon.returncode == 1 and "secureboot-enforce" in vm.text()
    assert [message[0] for message in vm.xapi.messages] == ["VM_SECURE_BOOT_FAILED"]


@test
def a_permissive_host_takes_unsigned_keys(vm):
    vm.settings = (("platform/secureboot", "true"), ("platform/auth-enforce", "false"))
    vm.start()
    vm.keys.make_dbx("unsigned.esl", 3)
    empty = bytes([0xea, 7, 11, 22, 0, 0, 0, 0]) + bytes(8) + (24).to_bytes(4, "little") + bytes([0, 2, 0xf1, 0x0e]) + \
        uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le
    assert vm.guest.set("dbx", empty + vm.keys.read("unsigned.esl"), AUTHENTICATED, DATABASE) == xen.SUCCESS
    assert "permissive" in vm.text()


@test
def a_signal_before_it_serves_ends_it_without_an_image(vm):
    vm.prepare(None)
    vm.xapi.rules = [{"method": "VM.get_NVRAM", "action": "hang"}]
    prepare, vm.prepare = vm.prepare, lambda resume: None
    starter = threading.Thread(target=lambda: vm.start(ready=False))
    starter.start()
    time.sleep(1)
    begun = time.monotonic()
    vm.daemon.send_signal(signal.SIGTERM)
    assert vm.daemon.wait(10) == 0, vm.text()
    starter.join()
    vm.prepare = prepare
    assert time.monotonic() - begun < 10
    assert os.path.getsize(f"{vm.root}/efi-vars-save.dat") == 0


@test
def a_hanging_xapi_doesnt_keep_the_image_from_being_written(vm):
    vm.start()
    vm.xapi.rules = [{"method": "VM.set_*", "action": "hang"}]
    writer = threading.Thread(target=lambda: vm.guest.set("Mine", b"x", guid=VENDOR))
    writer.start()
    time.sleep(0.5)
    begun = time.monotonic()
    image = vm.stop()
    assert time.monotonic() - begun < 10
    assert any(v["name"] == "PK" for v in vars_format.decode(image)["variables"])
    assert not any(v["name"] == "Mine" for v in vars_format.decode(image)["variables"])
    writer.join()


@test
def the_daemon_leaves_with_the_domain(vm):
    vm.start()
    vm.host.destroy()
    assert vm.daemon.wait(10) == 0
    with open(f"{vm.root}/efi-vars-save.dat", "rb") as file:
        assert any(v["name"] == "PK" for v in vars_format.decode(file.read())["variables"])
    assert "gone" in vm.text()


@test
def the_log_tells_what_was_decided(vm):
    vm.start()
    vm.stop()
    text = vm.text()
    for word in ("xapidb", "first boot", "user mode", "Secure Boot on", "enforcing", "ready", "ended by a signal"):
        assert word in text, f"{word} is not in: {text}"


def main():
    failed = 0
    if os.geteuid() != 0:
        print("not ok toolstack: these tests need root")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        keys = Keys(f"{folder}/keys")
        for number, function in enumerate(TESTS):
            vm_folder = f"{folder}/{number}"
            os.mkdir(vm_folder)
            vm = Vm(vm_folder, keys)
            try:
                function(vm)
                print(f"ok {function.__name__}", flush=True)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {function.__name__}", flush=True)
                traceback.print_exc(file=sys.stdout)
                if vm.daemon is not None:
                    print(vm.text())
            finally:
                vm.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
