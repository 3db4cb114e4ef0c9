#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The log of `pipepoll run` on a pipe that stands for systemd's journal: a priority before each
line, and no time of our own. test_run_journald.py PATH-OF-PIPEPOLL"""

import json
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
from lib.program import KEYS, Process, Sim, check, finish, target, write


def run_on_journal(config, *arguments, end=True):
    """All lines of its log, whose stderr is the pipe that JOURNAL_STREAM names."""
    reader, writer = os.pipe()
    is_at = os.fstat(writer)
    env = dict(KEYS, JOURNAL_STREAM=f"{is_at.st_dev}:{is_at.st_ino}", TERM="xterm")
    run = Process("run", "--config", config, *arguments, env=env, stderr=writer)
    os.close(writer)
    run.collect("err", os.fdopen(reader, encoding="utf-8"))
    if end:
        run.log("polling ")
        run.log("credentials from")
        run.signal(signal.SIGTERM)
    run.wait()
    return run.rest("err")


def test_text(sim):
    lines = run_on_journal(write("text.ini", target("web", sim)), "--log-level", "debug")
    check("each line of text has its priority, and no time", lines and all(
        re.match(r"<(3>error|4>warning|6>info|7>debug) +\S", l) for l in lines), lines)
    check("that an event is no more than information", any(
        l.startswith("<6>info    polling 1 target") for l in lines), lines)


def test_json(sim):
    lines = run_on_journal(write("json.ini", target("web", sim)), "--log-format", "json")
    levels = {"<3>": "error", "<4>": "warning", "<6>": "info", "<7>": "debug"}
    check("and so has each line of JSON", lines and all(
        levels.get(l[:3]) == json.loads(l[3:])["level"] for l in lines), lines)


def test_errors():
    lines = run_on_journal(write("bad.ini", "nonsense\n"), end=False)
    check("what is wrong with a file is an error", lines and all(
        l.startswith("<3>error ") for l in lines), lines)
    lines = run_on_journal(write("none.ini", ""), "--loops", "0", end=False)
    check("and so is wrong usage", lines and all(l.startswith("<3>pipepoll run: ") for l in lines),
          lines)


sim = Sim()
test_text(sim)
test_json(sim)
test_errors()
finish()
