#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The daemon from end to end: a guest at the local transport, the variables in a file store."""
import os
import signal
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", name) for name in ("xapi", "support")]
import cases  # noqa: E402
import vars  # noqa: E402
from cases import as_root, equal  # noqa: E402
from local_daemon import KEY, NV, VOLATILE, DaemonCase  # noqa: E402

GLOBAL, DATABASE = "8be4df61-93ca-11d2-aa0d-00e098032b8c", "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
USER = 61234


def contains(text, part):
    assert part in text, "%r is not in %r" % (part, text)


class Case(DaemonCase):
    def __init__(self, folder):
        super().__init__(folder)
        self.store = os.path.join(folder, "vm")
        self.count = 0
        os.chmod(folder, 0o755)
        os.mkdir(os.path.join(folder, "keys"))

    def start(self, *arguments, store=None, **how):
        self.count += 1
        self.transport = os.path.join(self.folder, "transport%d" % self.count)
        return self.run_daemon("--keys", os.path.join(self.folder, "keys"), "--backend", "file", "--arg",
                               "path:" + (store or self.store), *arguments, **how)

    def fails(self, *arguments, store=None):
        """Starts a daemon that is to give up, with status 1; gives what it says."""
        process = self.start(*arguments, store=store, ready=False)
        self.ended(process, 1)
        return process.log

    def state(self):
        with open(os.path.join(self.store, "EFI-variables"), "rb") as file:
            return file.read()

    def put_state(self, blob):
        os.makedirs(self.store, mode=0o700, exist_ok=True)
        with open(os.path.join(self.store, "EFI-variables"), "wb") as file:
            file.write(blob)

    def history(self):
        return sorted(os.listdir(os.path.join(self.store, "history")))


def blob_of(*variables):
    """A blob of (name, guid, attributes, length)."""
    return vars.encode({"version": 2, "variables": [
        {"name": name, "guid": guid, "attributes": attributes, "data": "da" * length} for name, guid, attributes, length in variables]})


def names_of(blob):
    return {variable["name"] for variable in vars.decode(blob)["variables"]}


def test_variables_outlive_the_daemon(case):
    for end, status in ((signal.SIGTERM, 0), (signal.SIGKILL, -9)):
        daemon = case.start()
        guest = case.guest()
        guest.put("Kept", 1 if end == signal.SIGTERM else 2)
        guest.put("Gone", 3, attributes=VOLATILE)
        case.stop(daemon, end, status)
        daemon = case.start()
        guest = case.guest()
        guest.expect("Kept", 1 if end == signal.SIGTERM else 2)
        equal(guest.ask("get Gone"), "Not Found")
        case.stop(daemon)


def test_the_state_is_what_another_reader_of_the_format_reads(case):
    daemon = case.start()
    case.guest().put("Kept", 0xab, length=5)
    case.stop(daemon)
    found = [variable for variable in vars.decode(case.state())["variables"] if variable["name"] == "Kept"]
    equal([(v["guid"], v["attributes"], v["data"]) for v in found], [(GLOBAL, NV, "ab" * 5)])


def test_a_write_that_changes_nothing_touches_no_disk(case):
    case.start()
    guest = case.guest()
    guest.put("Kept", 1)
    before = os.stat(os.path.join(case.store, "EFI-variables"))
    guest.put("Kept", 1)
    guest.put("Volatile", 1, attributes=VOLATILE)
    after = os.stat(os.path.join(case.store, "EFI-variables"))
    equal((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))
    guest.put("Kept", 2)
    assert os.stat(os.path.join(case.store, "EFI-variables")).st_ino != before.st_ino


def test_a_second_daemon_is_told_who_serves(case):
    first = case.start()
    contains(case.fails(), "is in use by process %d:" % first.pid)
    case.stop(first, signal.SIGKILL, -9)
    case.start()


def test_each_start_keeps_the_state_before_it(case):
    for round_number in range(3):
        daemon = case.start()
        case.guest().put("Kept", round_number)
        case.stop(daemon)
    equal(len(case.history()), 2)
    case.stop(case.start())
    equal(len(case.history()), 3)
    case.stop(case.start())
    equal(len(case.history()), 3)


def test_serves_as_somebody_else_in_a_chroot(case):
    as_root()
    os.mkdir(os.path.join(case.folder, "root"), 0o755)
    options = ["--chroot", os.path.join(case.folder, "root"), "--depriv", "--uid", str(USER), "--gid", str(USER)]
    daemon = case.start(*options)
    guest = case.guest()
    for byte in range(20):
        guest.put("Kept", byte)
    case.stop(daemon)
    for name in ("", "history", "lock", "EFI-variables"):
        status = os.stat(os.path.join(case.store, name))
        equal((name, status.st_uid, status.st_mode & 0o077), (name, USER, 0))
    daemon = case.start(*options)
    case.guest().expect("Kept", 19)
    case.stop(daemon)
    contains(case.fails("--uid", str(USER + 1), "--gid", str(USER + 1)), "chown -R %d:%d %s" % (USER + 1, USER + 1, case.store))


def test_a_state_that_is_none_ends_the_start(case):
    for bad in (b"", b"rubbish", blob_of(("Kept", GLOBAL, NV, 4))[:-1]):
        case.put_state(bad)
        contains(case.fails(), "VARS blob")
        equal(case.state(), bad)


def test_a_bad_record_is_left_out_and_stays_in_the_history(case):
    bad = blob_of(("Huge", GLOBAL, NV, 57345), ("Kept", GLOBAL, NV, 100))
    case.put_state(bad)
    daemon = case.start("--secure-boot", "yes")
    contains(daemon.log, "the variable Huge-%s is left out: its data is longer than 57344 bytes" % GLOBAL)
    guest = case.guest()
    guest.expect("Kept", 0xda)
    guest.put("Kept", 2)
    assert "Huge" not in names_of(case.state())
    with open(os.path.join(case.store, "history", case.history()[0]), "rb") as file:
        equal(file.read(), bad)


def test_a_bad_key_ends_the_start_under_secure_boot_only(case):
    bad = blob_of(("dbx", DATABASE, KEY, 57345), ("Kept", GLOBAL, NV, 100))
    case.put_state(bad)
    log = case.fails("--secure-boot", "yes")
    contains(log, "dbx can't be loaded (its data is longer than 57344 bytes), and Secure Boot is enabled")
    equal(case.state(), bad)
    case.start("--secure-boot", "no")
    case.guest().expect("Kept", 0xda)


def test_resumes_with_an_empty_store_on_another_host(case):
    image = os.path.join(case.folder, "image")
    daemon = case.start("--arg", "save:" + image)
    guest = case.guest()
    guest.put("Kept", 1)
    guest.put("Volatile", 2, attributes=VOLATILE)
    case.stop(daemon)
    here = case.state()
    case.store = os.path.join(case.folder, "elsewhere")
    daemon = case.start("--resume", "--arg", "resume:" + image)
    equal(case.state(), here)
    guest = case.guest()
    guest.expect("Kept", 1)
    guest.expect("Volatile", 2, attributes=VOLATILE)
    case.stop(daemon, signal.SIGKILL, -9)
    case.start()
    case.guest().expect("Kept", 1)


def test_a_refused_image_leaves_a_mark(case):
    daemon = case.start()
    equal(case.guest().ask("notify"), "Success")
    contains(sorted(os.listdir(case.store)), "secure-boot-failed")
    case.stop(daemon)


def test_a_refused_image_is_an_event_whatever_is_logged(case):
    reader, writer = os.pipe()
    daemon = case.start("--event-fd", str(writer), keep=(writer,))
    os.close(writer)
    for status in ("Success", "Access Denied", "Access Denied"):
        equal(case.guest().ask("notify"), status)
    case.stop(daemon)
    with os.fdopen(reader) as events:
        equal(events.read(), "secure-boot-failed\n")


def test_nobody_listening_to_events_is_no_failure(case):
    reader, writer = os.pipe()
    daemon = case.start("--event-fd", str(writer), keep=(writer,))
    os.close(writer)
    os.close(reader)
    equal(case.guest().ask("notify"), "Success")
    contains(sorted(os.listdir(case.store)), "secure-boot-failed")
    case.stop(daemon)
    contains(case.fails("--event-fd", "77"), "--event-fd 77: Bad file descriptor")


def test_a_restored_vm_without_an_image_is_taken_over(case):
    contains(case.fails("--restored"), "the VM ran before, but there are no variables of it here")
    daemon = case.start()
    case.guest().put("Kept", 1)
    case.stop(daemon)
    daemon = case.start("--restored")
    contains(daemon.log, "the VM goes on without a suspend image")
    guest = case.guest()
    guest.expect("Kept", 1)
    equal(guest.ask("notify"), "Access Denied")  # as if it had been sent before
    case.stop(daemon)


def test_nothing_is_saved_when_asked_so(case):
    daemon = case.start()
    case.guest().put("Kept", 1)
    case.stop(daemon)
    before = case.state()
    for byte in (2, 3):
        daemon = case.start("--nonpersistent")
        guest = case.guest()
        guest.expect("Kept", 1)
        guest.put("Kept", byte)
        guest.expect("Kept", byte)
        case.stop(daemon)
        equal(case.state(), before)


if __name__ == "__main__":
    cases.main(globals(), Case, at_once=1)
