#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""varstore explain: .auth files made by others, judged as the daemon would."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cases  # noqa: E402
from cases import GLOBAL, SECURITY, equal  # noqa: E402
from varstore import Case, OTHER, vars_format  # noqa: E402


def sign(case, name, guid, esl, key, cert, time, append=False):
    out = case.path("signed.auth")
    subprocess.run(["sign-efi-sig-list", *(["-a"] if append else []), "-t", time, "-g", guid, "-k", key, "-c", cert, name,
                    case.path("in.esl", esl), out], check=True, capture_output=True)
    return out


def test_explain(case):
    key, cert = case.key("own")
    other_key, other = case.key("other")
    store = case.path("s", vars_format.encode({"variables": [
        {"guid": GLOBAL, "name": "PK", "attributes": 0x27, "data": case.lists(cert).hex()},
        {"guid": GLOBAL, "name": "KEK", "attributes": 0x27, "data": case.lists(cert).hex()},
        {"guid": SECURITY, "name": "db", "attributes": 0x27, "data": case.lists(cert).hex(),
         "time": {"year": 2026, "month": 6, "day": 1}}]}))
    lists = case.lists(other)

    def explain(*args, code):
        return case.json("explain", store, sign(case, *args), args[0], code=code)
    result = explain("db", SECURITY, lists, key, cert, "2026-07-01 00:00:00", code=0)
    equal(result["as_replacement"], {"accepted": True})
    equal((result["signer"]["subject"], result["time"], result["variable"]), ("CN=own", "2026-07-01 00:00:00", "db"))
    equal(result["content"][0]["certificates"][0]["subject"], "CN=other")
    equal(result["as_append"]["because"], "the PK or a certificate of KEK has to sign it")
    result = explain("db", SECURITY, lists, key, cert, "2026-05-01 00:00:00", code=1)
    assert "not later" in result["as_replacement"]["because"]
    for name, guid, append in (("PK", GLOBAL, False), ("KEK", GLOBAL, True), ("db", SECURITY, False), ("dbx", SECURITY, True)):
        made = sign(case, name, guid, lists, key, cert, "2026-07-01 00:00:00", append)
        result = case.json("explain", store, made, code=0)  # the file's name says nothing, the signature does
        equal((result["variable"], result["signed_for"]), (name, name + ", as " + ("an append" if append else "a replacement")))
    result = explain("db", SECURITY, lists, key, cert, "2026-05-01 00:00:00", True, code=0)
    equal(result["as_append"], {"accepted": True})
    result = explain("db", SECURITY, lists, other_key, other, "2026-07-01 00:00:00", code=1)
    equal(result["as_replacement"]["because"], "the PK or a certificate of KEK has to sign it")
    result = explain("KEK", GLOBAL, lists, other_key, other, "2026-07-01 00:00:00", code=1)
    equal(result["needed"], "the PK has to sign it")
    result = explain("db", SECURITY, b"rubbish", key, cert, "2026-07-01 00:00:00", code=1)
    equal(result["as_replacement"]["because"], "its content is not what this variable holds")
    result = explain("PK", GLOBAL, lists, key, cert, "2026-07-01 00:00:00", code=0)
    equal(result["as_append"]["because"], "this variable can't be appended to")
    many = [(OTHER, "V%d" % i, bytes(57000), 7) for i in range(2)] + [(OTHER, "W", bytes(16000), 7)]
    full = case.path("full", case.blob(*many))
    result = case.json("explain", full, sign(case, "db", SECURITY, lists * 2, key, cert, "2026-07-01 00:00:00"), code=1)
    equal((result["as_replacement"]["because"], result["as_replacement"]["status"]), ("there is not enough room", "Out of Resources"))
    unsigned = case.path("create-auth")
    subprocess.run([unsigned, "db", case.path("db-unsigned.auth"), other], check=True)
    result = case.json("explain", store, case.path("db-unsigned.auth"), code=1)
    assert result["signer"].startswith("nobody") and result["signed_for"] is None, result
    case.run("explain", case.path("empty", case.blob()), case.path("db-unsigned.auth"))
    case.refused("explain", store, case.path("x.auth", b"rubbish"), code=2)
    case.refused("explain", store, case.path("db.auth", b"rubbish"), code=2)


if __name__ == "__main__":
    cases.main(globals(), Case)
