#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The XAPI backend (through tests/programs/xapi_client) against servers of every kind that there are."""
import itertools
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "xapi"))
import server  # noqa: E402
from harness import SERVER, SUCCESS, UUID, blob, counted, equal, failed, main  # noqa: E402


# ---------------------------------------------------------------------------------------------- loading

def test_absent_key_is_a_first_boot(case):
    case.start().nvram["EFI-variables-backend"] = "xapidb"
    equal(case.client().ask("load"), "first-boot")


def test_empty_nvram_is_no_first_boot(case):
    case.start().nvram["EFI-variables"] = ""
    failed(case.client().ask("load"), "empty", UUID)


def test_nvram_that_is_no_base64(case):
    case.start()
    for text in ("VkFSUw", "VkFSUw==\n", "VkFSUw=!", "VARS\0".replace("\0", "?")):
        case.server.nvram["EFI-variables"] = text
        failed(case.client().ask("load"), "not base64")


def test_nvram_of_another_type(case):
    case.start().nvram["EFI-variables"] = ["VkFSUw=="]
    failed(case.client().ask("load"), "not a string")
    case.server.nvram = "EFI-variables"
    failed(case.client().ask("load"), "not a map")
    case.server.nvram = None
    failed(case.client().ask("load"), "not a map")


def test_loads_of_every_size(case):
    case.start().nvram["other"] = "x" * 5000
    client = case.client()
    for length in (1, 2, 3, 4, 3000, 100000, 131072, 1000000, 4 << 20):
        case.server.nvram["EFI-variables"] = blob(length, 0x41)
        equal(client.ask("load"), "loaded %d %s" % (length, "41" * min(length, 16)))


def test_load_is_three_requests_on_one_connection(case):
    case.start()
    client = case.client()
    equal(counted(case, lambda: client.ask("load")), (3, 1))


# ---------------------------------------------------------------------------------------------- saving

def test_a_save_is_one_request_and_no_connection(case):
    for mode in ("guard", "xapi"):
        case.start(mode=mode)
        client = case.client()
        client.ask("load")
        equal(counted(case, lambda: [equal(client.save(50000, i), "saved") for i in range(50)]), (50, 0))
        equal(case.server.nvram["EFI-variables"], blob(50000, 49))


def test_a_save_is_in_the_database_when_it_is_acknowledged(case):
    case.start().nvram["other"] = "kept"
    client = case.client()
    for byte in range(5):
        equal(client.save(2000, byte), "saved")
        with open(case.nvram_file) as file:
            equal(json.load(file), {"EFI-variables": blob(2000, byte), "other": "kept"})


def test_says_whether_keys_changed(case):
    case.start()
    client = case.client()
    for keys in ("no", "yes", "no"):
        equal(client.save(keys=keys), "saved")
    equal(case.server.updates, ["no", "yes", "no"])


def test_a_request_above_the_limit_is_not_sent(case):
    case.start()
    client = case.client()
    client.ask("load")
    equal(client.save(229000), "saved")
    equal(counted(case, lambda: failed(client.save(231000), "307200")), (0, 0))
    failed(client.save(4 << 20), "307200")
    equal(client.save(), "saved")


def test_a_server_that_closes_each_connection(case):
    for http in ("1.0", "1.1"):
        case.start(keep_alive=False, http=http)
        client = case.client()
        equal(client.ask("load"), "first-boot" if http == "1.0" else "loaded 1000 " + "07" * 16)
        for _ in range(5):
            equal(counted(case, lambda: equal(client.save(), "saved")), (1, 1))


def test_every_form_of_answer(case):
    forms = itertools.product(("title", "lower", "upper", "mixed"), ("forward", "reverse"), ("typed", "bare"), (False, True))
    for header_case, members, strings, pretty in forms:
        case.start(header_case=header_case, members=members, strings=strings, pretty=pretty)
        case.server.nvram = {"a": "1", "EFI-variables": blob(100, 1), "z": "2"}
        client = case.client()
        equal(client.ask("load"), "loaded 100 " + "01" * 16)
        equal(client.save(), "saved")
        case.server.rules = [{"action": "fail", "description": ["DB_GONE", "x"]}]
        failed(client.save(), "DB_GONE, x")


def test_uuid_and_references_are_escaped(case):
    case.start(mode="xapi", uuid="<&>'\"")
    client = case.client(uuid="<&>'\"")
    equal(client.save(), "saved")
    equal(client.ask("load"), "loaded 1000 " + "07" * 16)


def test_an_unknown_vm(case):
    case.start(mode="xapi", uuid="another")
    failed(case.client().ask("load"), "VM.get_by_uuid", "UUID_INVALID", UUID)


# ---------------------------------------------------------------------------------------------- the calls of 2026

def test_a_guard_without_the_new_calls(case):
    for failure in ("array", "string", "nil"):
        case.start(v2=False, failure=failure)
        client = case.client()
        equal(client.save(100, 1, "yes"), "saved")
        equal(case.server.nvram["EFI-variables"], blob(100, 1))
        for byte in range(5):
            equal(counted(case, lambda: equal(client.save(100, byte, "yes"), "saved")), (1, 0))
        equal(case.server.counts["methods"]["VM.set_NVRAM_EFI_variables_v2"], 1)


def test_a_failure_of_both_calls_decides_nothing(case):
    case.start()
    client = case.client()
    case.server.rules = [{"method": "VM.set*", "action": "fail", "times": 2}]
    failed(client.save(byte=1), "VM.set_NVRAM_EFI_variables")
    assert "EFI-variables" not in case.server.nvram
    equal(client.save(byte=2, keys="yes"), "saved")
    equal(case.server.updates, ["yes"])


# ---------------------------------------------------------------------------------------------- sessions

def test_an_expired_session(case):
    case.start(mode="xapi")
    client = case.client()
    equal(client.save(byte=1), "saved")
    case.server.control({"expire": True})
    equal(counted(case, lambda: equal(client.save(byte=2), "saved")), (4, 0))
    equal(counted(case, lambda: equal(client.save(byte=3), "saved")), (1, 0))
    equal(case.server.nvram["EFI-variables"], blob(byte=3))


def test_sessions_that_expire_all_the_time(case):
    case.start(mode="xapi", session_calls=2)
    client = case.client()
    for byte in range(6):
        equal(client.save(byte=byte), "saved")
        equal(case.server.nvram["EFI-variables"], blob(byte=byte))
    case.server.options["session_calls"] = 0
    failed(client.save(), "SESSION_INVALID")


def test_a_vm_reference_that_changed(case):
    case.start(mode="xapi")
    client = case.client()
    equal(client.save(), "saved")
    case.server.vm_reference = lambda: "OpaqueRef:another"
    equal(client.save(byte=9), "saved")
    equal(case.server.nvram["EFI-variables"], blob(byte=9))


def test_a_refused_login(case):
    case.start()
    client = case.client()
    case.server.rules = [{"method": "session.*", "action": "fail", "description": ["HOST_IS_SLAVE", "10.0.0.1"], "times": 1}]
    failed(client.ask("load"), "session.login_with_password", "HOST_IS_SLAVE, 10.0.0.1")
    equal(client.ask("load"), "first-boot")


def test_references_that_are_none(case):
    case.start()
    client = case.client()
    for data in (SUCCESS, SUCCESS.replace("</struct>", "<member><name>Value</name><value/></member></struct>")):
        case.server.rules = [{"method": "session.*", "action": "body", "data": data, "times": 1}]
        failed(client.ask("load"), "no reference")


def test_logs_out_at_the_end(case):
    case.start(mode="xapi")
    client = case.client()
    client.ask("load")
    equal(len(case.server.sessions), 1)
    client.close()
    equal(len(case.server.sessions), 0)


def test_a_hanging_logout_is_not_waited_for(case):
    case.start()
    client = case.client()
    client.ask("load")
    case.server.rules = [{"action": "hang"}]
    client.close()
    assert client.seconds < 3, client.seconds


# ---------------------------------------------------------------------------------------------- messages

def test_the_message(case):
    for mode in ("guard", "xapi"):
        case.start(mode=mode)
        equal(case.client().ask("notify"), "notified")
        equal(case.server.messages, [("VM_SECURE_BOOT_FAILED", "5", "VM", UUID,
                                      "The VM failed to pass Secure Boot verification.")])


def test_a_message_that_is_refused(case):
    case.start()
    case.server.rules = [{"method": "message.*", "action": "fail", "description": "no more room", "exact": True}]
    failed(case.client().ask("notify"), "no more room", UUID)


# ---------------------------------------------------------------------------------------------- the rest

def test_memory_is_given_back(case):
    """Private memory of the whole program, which does little else, after a load and saves of full size."""
    case.start().nvram["EFI-variables"] = blob(131072)
    client = case.client()
    client.ask("load")
    client.save(131072)
    client.ask("load")
    after = int(client.ask("memory").split()[1])
    print("# private memory after loads and saves of 128 KiB: %d KiB" % after)
    assert after < 400 or os.path.basename(os.environ["BUILD_DIR"]) != "nosan", after


def test_the_server_as_a_program(case):
    control = os.path.join(case.folder, "control")
    pid = int(subprocess.check_output([SERVER, "--background", "--socket", case.path, "--nvram", case.nvram_file,
                                       "--control", control, "--option", "v2=false"], text=True))
    try:
        client = case.client()
        equal(client.save(byte=4), "saved")
        with open(case.nvram_file) as file:
            equal(json.load(file)["EFI-variables"], blob(byte=4))
        counts = json.loads(subprocess.check_output([SERVER, "ctl", control, "counts"]))
        equal((counts["requests"], counts["connections"], counts["violations"]), (4, 1, []))
        server.Control(control).do(rules=[{"action": "fail", "description": ["TOLD", "so"]}])
        failed(client.save(), "TOLD, so")
    finally:
        os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    main(globals())
