# SPDX-License-Identifier: BSD-2-Clause
"""What runs the tests of a script: each function test_NAME gets a case of its own, in a folder of its own."""
import concurrent.futures
import os
import sys
import tempfile
import traceback

UUID = "12345678-9abc-def0-1234-56789abcdef0"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"


class Skip(Exception):
    """This machine hasn't got what the test needs; the text says what."""


class InFolder(str):
    """A case that is just its folder."""

    def end(self):
        pass

    def close(self):
        pass


def named(functions):
    """What main takes, of functions that are tests whatever their names."""
    return {"test_" + function.__name__: function for function in functions}


def equal(a, b):
    assert a == b, "%r is not %r" % (a, b)


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root can do that")


def need(*paths):
    for path in paths:
        if not os.path.exists(path):
            raise Skip("there is no " + path)


def run(name, function, make_case):
    """case.end() finishes a good test, and may find something wrong still; case.close() is called whatever happened."""
    with tempfile.TemporaryDirectory(prefix="test.", dir="/tmp") as folder:
        case = None
        try:
            case = make_case(folder)
            function(case)
            case.end()
            return "ok " + name
        except Skip as reason:
            return "skipped %s: %s" % (name, reason)
        except Exception:
            return "not ok %s\n%s" % (name, traceback.format_exc())
        finally:
            if case is not None:
                case.close()


def main(names, make_case, at_once=3):
    """names: the globals() of the script. Its first argument, if any, chooses the tests whose names have it."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = [(name[5:], function) for name, function in names.items() if name.startswith("test_") and wanted in name]
    bad = False
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for result in pool.map(lambda test: run(*test, make_case), tests):
            print(result, flush=True)
            bad |= result.startswith("not ok")
    sys.exit(bad)
