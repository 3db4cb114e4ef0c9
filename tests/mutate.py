#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Change one operator of the source at a time, and see whether a test notices.

usage: tests/mutate.py [--count N] [--pick N,N-N,...] [--seed N] [--only PATH-PART] [--jobs N]
                       [--list] [--sanitize] [--quick] [--folder DIR]

Works in copies of the committed tree, each with a build of its own, so that it may run beside other
work. Changes are drawn by the seed. One is caught when the build warns or a test fails twice: first
the tests that bear the name of the changed file are built and run, then the other quick ones, then
what is slow, those first that sound alike; the first failure ends it. What survives is printed as
file:line and change. --folder keeps the copies for the next run. A change that alters nothing that
anybody could observe belongs in tests/data/equivalent_changes.txt, with the reason: it is not drawn
again.

It takes some 10 s a change, and minutes for one that survives, so it is no part of CI.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "tests/data/equivalent_changes.txt"
BUILD_LIMIT_S = 240
QUICK_S = 2
# What judges the source by other means than its behaviour, or takes minutes: by the suite, or by
# the time that it may take.
LEFT_OUT = {"house", "native", "vectors"}
LONG_S = 300
SUITES = {"poll": "policy", "client": "io"}  # of folders that have another name
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
    numbered = zip(range(1, options.count + 1), drawn)
    return [(n, change) for n, change in numbered if not options.pick or n in options.pick]


def numbers(text):
    """What "3,7-9" says."""
    ends = [part.split("-") for part in text.split(",")]
    return {n for end in ends for n in range(int(end[0]), int(end[-1]) + 1)}


def run(command, folder, limit_s, **more):
    """The exit status; -1 where it took too long."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True,
                          stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **more) as child:
        try:
            return child.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return -1


def words_of(name):
    return set(re.split(r"[^a-z0-9]+", name)) - {"", "test", "witness", "src", "c"}


class Test:
    """One test of meson's, run without meson."""

    def __init__(self, entry, files, build):
        self.name, self.command = entry["name"], entry["cmd"]
        self.suite = entry["suite"][0].split(":")[-1]
        self.targets = [os.path.relpath(files[target], build) for target in entry["depends"]]
        self.environment = {**os.environ, **entry["env"], "TESTS_FAIL_FAST": "1"}
        self.build, self.limit_s, self.seconds = build, entry["timeout"], 0

    def run(self):
        """Does it pass?"""
        since = time.monotonic()
        code = run(self.command, self.build, self.limit_s, env=self.environment)
        self.seconds = time.monotonic() - since
        return code in (0, 77)

    def is_changed(self, since):
        """Has what it runs been built since? The program does not change with its library."""
        built = [self.build / target for target in self.targets]
        if self.suite == "whole":
            built.append(self.build / "libpipepoll.so")
        return any(target.stat().st_mtime > since for target in built)

    def is_of(self, path):
        """Is it named after the file, or is one the other's beginning?"""
        stem = path.stem
        return self.name in (stem, f"cli_{stem}", f"fuzz {stem}") or \
            self.name.startswith(f"{stem}_") or stem.startswith(f"{self.name}_")


def path_in(copy, path):
    return copy / path.relative_to(ROOT)


class Copy:
    """A copy of the committed tree, built, with its tests from the quickest to the slowest."""

    def __init__(self, folder, options):
        self.root, self.build = folder, folder / "build"
        if folder.exists():
            command = ["git", "pull", "-q", "--ff-only"]
            subprocess.run(command, cwd=folder, check=True)
        else:
            subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
            setup = ["meson", "setup", "-Dwerror=true", "-Doptimization=0", "build"]
            if options.sanitize:
                setup.append("-Db_sanitize=address,undefined")
            linker = {"CC_LD": "lld"} if shutil.which("ld.lld") else {}
            subprocess.run(setup, cwd=folder, check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, **linker})
        if run(["ninja", "-C", "build"], folder, 1200):
            sys.exit("the tree does not build")
        files = {target["id"]: target["filename"][0] for target in self.introspect("--targets")}
        tests = [Test(entry, files, self.build) for entry in self.introspect("--tests")]
        self.tests = [t for t in tests if t.suite not in LEFT_OUT and t.limit_s < LONG_S]
        self.measure()
        if options.quick:
            self.tests = [test for test in self.tests if test.seconds < QUICK_S]

    def measure(self):
        """How long each test takes, once; what fails without any change cannot tell of one."""
        known = self.root / "build/seconds.json"
        seconds = json.loads(known.read_text()) if known.exists() else {}
        for test in self.tests:
            if test.name not in seconds:
                seconds[test.name] = test.seconds if test.run() or test.run() else None
            if seconds[test.name] is None:
                print(f"left out, since it fails without any change: {test.name}", flush=True)
        known.write_text(json.dumps(seconds))
        self.tests = [test for test in self.tests if seconds[test.name] is not None]
        for test in self.tests:
            test.seconds = seconds[test.name]
            test.limit_s = min(test.limit_s, 20 + 10 * test.seconds)
        self.tests.sort(key=lambda test: test.seconds)

    def introspect(self, what):
        return json.loads(subprocess.run(["meson", "introspect", "build", what], cwd=self.root,
                                         check=True, capture_output=True).stdout)

    def stages(self, path):
        """Its own tests, the quick ones of its folder and of others, and the slow ones singly."""
        words = words_of(str(path.relative_to(ROOT)))
        own = [t for t in self.tests if t.is_of(path) and t.seconds < 5 * QUICK_S]
        quick = [t for t in self.tests if t.seconds < QUICK_S and t not in own]
        near = [t for t in quick if t.suite == SUITES.get(path.parent.name, path.parent.name)]
        far = [t for t in quick if t not in near]
        slow = [t for t in self.tests if t not in own + quick]
        slow.sort(key=lambda t: (-len(words_of(t.name) & words), t.seconds))
        return [stage for stage in [own, near, far, *([t] for t in slow)] if stage]

    def judge(self, path):
        """What catches the change that was made to the file; None: nothing does."""
        since = path_in(self.root, path).stat().st_mtime
        for stage in self.stages(path):
            targets = sorted({target for test in stage for target in test.targets})
            if run(["ninja", "-C", "build", *targets], self.root, BUILD_LIMIT_S):
                return "the compiler"
            for test in stage:
                if test.is_changed(since) and not test.run() and not test.run():
                    return test.name
        return None

    def end_programs(self):
        """A test that was ended may have left some that run from this copy."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe").startswith(f"{self.build}/"):
                    os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass

    def try_change(self, change):
        path, offset, old, new = change
        target = path_in(self.root, path)
        text = target.read_text()
        if text[offset:offset + len(old)] != old:
            sys.exit(f"{path} differs from what is committed")
        target.write_text(text[:offset] + new + text[offset + len(old):])
        try:
            return self.judge(path)
        finally:
            target.write_text(text)
            self.end_programs()


def try_all(drawn, copies):
    """Each on the copy that is free; returns how many survived."""
    free = Queue()
    for copy in copies:
        free.put(copy)

    def try_one(drawn_one):
        number, change = drawn_one
        copy, since = free.get(), time.monotonic()
        try:
            by = copy.try_change(change)
        finally:
            free.put(copy)
        place, swap, source = describe(change)
        print(f"{number:4} {'caught  ' if by else 'SURVIVED'} {place}  {swap}  {source}"
              f"  ({by or 'nothing'}, {time.monotonic() - since:.0f} s)", flush=True)
        return by is None

    with ThreadPoolExecutor(len(copies)) as pool:
        return sum(pool.map(try_one, drawn))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=100)
    options.add_argument("--pick", type=numbers, help="only these of the draw", metavar="N,N-N")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", metavar="PATH-PART")
    options.add_argument("--jobs", type=int, default=1, help="copies that work at the same time")
    options.add_argument("--sanitize", action="store_true", help="build with ASan and UBSan")
    options.add_argument("--quick", action="store_true", help="leave out the slow tests")
    options.add_argument("--folder", type=Path, help="make or find the copies here, and keep them")
    options.add_argument("--list", action="store_true", help="draw, and change nothing")
    options = options.parse_args()
    drawn = draw(options)
    if options.list:
        for _, change in drawn:
            print(identity(change))
        return
    # What nohup ignores the programs under test would ignore too; a handler is not inherited.
    signal.signal(signal.SIGHUP, lambda *_: None)
    folder = options.folder or tempfile.mkdtemp(prefix="mutate-")
    try:
        with ThreadPoolExecutor(options.jobs) as pool:
            copies = list(pool.map(lambda n: Copy(Path(folder) / str(n), options),
                                   range(options.jobs)))
        survivors = try_all(drawn, copies)
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(drawn) - survivors} of {len(drawn)} changes were noticed")
    sys.exit(survivors > 0)


main()
