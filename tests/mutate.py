#!/usr/bin/env python3
"""Change one operator of the source at a time, and see whether a test notices.

usage: tests/mutate.py [--count N] [--seed N] [--only PATH-PART] [--list] [--sanitize]
                       [--suite NAME]...

Works in a copy of the committed tree with a build of its own, so that it may run beside other work.
Each change is drawn by the seed; it is caught when the build warns or a test fails. What survives
is printed as file:line and change. A change that alters nothing that anybody could observe belongs
in tests/data/equivalent_changes.txt, with the reason: it is not drawn again.

It takes some 20 s a change on two cores, so it is no part of CI.
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "tests/data/equivalent_changes.txt"
TEST_LIMIT_S = 240
SWAPS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||",
         "||": "&&", "+": "-", "-": "+", "+=": "-=", "-=": "+=", "*": "/", "%": "*", "++": "--",
         "--": "++", "true": "false", "false": "true"}
# Binary operators stand between blanks here (the formatter sees to it): pointers and signs do not.
TOKEN = re.compile(r"(?<= )(==|!=|<=|>=|&&|\|\||\+=|-=|[<>+*%-])(?= )|\+\+|--|\b(?:true|false)\b")
NOISE = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/', re.DOTALL)


def code_only(text):
    """The text with strings and comments blanked, of the same length."""
    return NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def changes_of(path):
    """Every possible change of a file: (path, offset, old, new)."""
    text = path.read_text()
    code = code_only(text)
    for match in TOKEN.finditer(code):
        line_from = code.rfind("\n", 0, match.start()) + 1
        line = code[line_from:code.find("\n", match.start())]
        if line.lstrip().startswith("#") or "assert(" in line or line.rstrip().endswith("\\"):
            continue
        yield path, match.start(), match.group(), SWAPS[match.group()]


def describe(change):
    path, offset, old, new = change
    text = path.read_text()
    line = text.count("\n", 0, offset) + 1
    source = text.splitlines()[line - 1].strip()
    return f"{path.relative_to(ROOT)}:{line}", f"{old} -> {new}", source


def identity(change):
    """What names a change although lines move: the file, the source line and the operators."""
    place, swap, source = describe(change)
    return f"{place.split(':')[0]}: {source}: {swap}"


def known_equivalents():
    if not EQUIVALENT.exists():
        return set()
    lines = EQUIVALENT.read_text().splitlines()
    return {line for line in lines if line and not line.startswith(("#", " "))}


def draw(options):
    every = [change for path in sorted((ROOT / "src").rglob("*.c"))
             if options.only in str(path.relative_to(ROOT)) for change in changes_of(path)]
    equivalent = known_equivalents()
    dice = random.Random(options.seed)
    dice.shuffle(every)
    drawn = (change for change in every if identity(change) not in equivalent)
    return [change for change, _ in zip(drawn, range(options.count))]


def run(command, folder, limit_s):
    try:
        return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit_s).returncode
    except subprocess.TimeoutExpired:
        return -1


def is_caught(copy, change, suites):
    path, offset, old, new = change
    target = copy / path.relative_to(ROOT)
    text = target.read_text()
    if text[offset:offset + len(old)] != old:
        sys.exit(f"{path} differs from what is committed")
    target.write_text(text[:offset] + new + text[offset + len(old):])
    try:
        if run(["meson", "compile", "-C", "build"], copy, TEST_LIMIT_S):
            return True
        command = ["meson", "test", "-C", "build", "--no-rebuild", "--maxfail", "1"]
        for suite in suites:
            command += ["--suite", suite]
        return run(command, copy, TEST_LIMIT_S) != 0
    finally:
        target.write_text(text)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", metavar="PATH-PART")
    options.add_argument("--suite", action="append", default=[])
    options.add_argument("--sanitize", action="store_true", help="build with ASan and UBSan")
    options.add_argument("--list", action="store_true", help="draw, and change nothing")
    options = options.parse_args()
    drawn = draw(options)
    if options.list:
        for change in drawn:
            print(identity(change))
        return
    folder = tempfile.mkdtemp(prefix="mutate-")
    survivors = 0
    try:
        copy = Path(folder) / "copy"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(copy)], check=True)
        shared = os.path.join(ROOT, "..", "shared", "data")
        setup = ["meson", "setup", "-Dwerror=true", f"-Dvectors={shared}", "build"]
        if options.sanitize:
            setup.append("-Db_sanitize=address,undefined")
        subprocess.run(setup, cwd=copy, check=True, stdout=subprocess.DEVNULL)
        if run(["meson", "compile", "-C", "build"], copy, 1200):
            sys.exit("the tree does not build")
        for number, change in enumerate(drawn, 1):
            caught = is_caught(copy, change, options.suite)
            survivors += not caught
            place, swap, source = describe(change)
            print(f"{number:4} {'caught  ' if caught else 'SURVIVED'} {place}  {swap}  {source}",
                  flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(drawn) - survivors} of {len(drawn)} changes were noticed")
    sys.exit(survivors > 0)


main()
