#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""known_messages.py DOCUMENT SOURCE...: does each message in the first column of the document's tables (`in code quotes`)
come from the sources? Words in capitals stand for something, and so do three dots; the longest piece between them has to be
in a string of the sources."""
import re
import sys


def pieces_of(message):
    return re.split(r"\b[A-Z]+\b|\.\.\.", message)


def main():
    text = ""
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            text += file.read()
    text = re.sub(r'"\s*\\?\s*"', "", text)  # strings that go on in the next line
    with open(sys.argv[1], encoding="utf-8") as file:
        table = re.search(r"^\| message \|.*?(?=\n\n|\Z)", file.read(), re.M | re.S).group(0)
    count = 0
    for row in table.strip().split("\n")[2:]:
        for message in re.findall(r"`([^`]*)`", row.split("|")[1]):
            piece = max(pieces_of(message), key=len).strip()
            assert len(piece) > 8 and piece in text, f"nothing says: {message} ({piece})"
            count += 1
    assert count > 10, count


main()
