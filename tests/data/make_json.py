#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write json.txt: texts that are JSON objects, and texts that differ from one by little.

usage: make_json.py [--check]

Python's reader is the witness, held to RFC 8259 (no NaN, UTF-8 only) and to what this project adds:
at most 16 nested brackets. Texts are drawn by a fixed seed from a few documents by changing,
doubling, dropping or swapping bytes. A line has the verdict, 1 or 0, and the bytes in hex.
"""
import argparse
import json
import random
import sys
from pathlib import Path

ROWS = 1200
DEPTH_MAX = 16
FILE = Path(__file__).with_name("json.txt")
DOCUMENTS = [
    b'{}', b' { } ', b'{"jobs":[]}', b'{"jobs":[{"clientId":"c1","jobId":"j-1"},{"jobId":"j-2"}]}',
    b'{"a":-0.5e+10,"b":[true,false,null],"c":{"d":"\\u00fc\\ud83d\\ude80\\n\\/"},"e":1e2}',
    b'{"a":"\xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\x80","b":0,"c":-1,"d":[[],[{}],[[1.25]]]}',
    b'{\n\t"message" : "it\'s \\"quoted\\"",\r\n "n" : 12345678901234567890 }',
    b'{"a":' + b'[' * 14 + b'1' + b']' * 14 + b'}',
    b'{"a":' + b'[' * 15 + b'1' + b']' * 15 + b'}',
    b'{"a":' + b'[' * 16 + b'1' + b']' * 16 + b'}',
]
SPICE = b'{}[],:"\\/ \t\n0-+.eEtfnu19\x00\x1f\x7f\xc3\xff\xed'


def depth_of(value):
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def refuse(word):
    raise ValueError(word)


def pairs(items):
    return dict(enumerate(value for _, value in items))  # of a repeated name all values count


def verdict(text):
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=refuse, object_pairs_hook=pairs)
    except ValueError:
        return False
    return isinstance(value, dict) and depth_of(value) <= DEPTH_MAX


def change(dice, text):
    at = dice.randrange(len(text))
    to = min(len(text), at + dice.choice([1, 1, 1, 2, 4]))
    spice = bytes([dice.choice(SPICE)])
    return dice.choice([
        text[:at] + spice + text[at:], text[:at] + spice + text[at + 1:], text[:at] + text[to:],
        text[:to] + text[at:], text[:at], text[:at] + text[to:to + 1] + text[at:to] + text[to + 1:],
    ])


def make():
    dice = random.Random(8259)
    texts = dict.fromkeys(DOCUMENTS)
    while len(texts) < ROWS:
        text = dice.choice(DOCUMENTS)
        for _ in range(dice.choice([1, 1, 2, 3])):
            text = change(dice, text) if text else text
        if text:
            texts[text] = None
    return "".join(f"{verdict(text):d} {text.hex()}\n" for text in texts)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    text = make()
    if not options.parse_args().check:
        FILE.write_text(text)
    elif FILE.read_text() != text:
        sys.exit(f"{FILE.name} is not what {Path(__file__).name} writes: run it")


main()
