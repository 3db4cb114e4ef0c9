#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pipepoll demo --fleet`: what it says, and what it leaves when it is interrupted or killed, or
cannot start. test_demo_fleet.py PATH-OF-PIPEPOLL."""

import os
import re
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
import lib.nats  # noqa: F401: it skips this test where there is no server
from lib.program import BARE, DEADLINE_S, Process, check, finish, folder, path_of, pipepoll

ELSEWHERE = dict(BARE, TMPDIR=folder, HOME="/nowhere", AWS_PROFILE="nobody")
STORY = [r"three NATS servers run, and three members are started",
         r"they share 30 targets: a polls [1-9]\d*, b [1-9]\d*, c [1-9]\d*; jobs begin to come",
         r"kill -9 of member [abc], with [1-9]\d* targets; \d+ jobs? done so far, [1-9]\d* in hand",
         r"\d+\.\d s later the others poll all its targets; it is started again, .*",
         r"it has targets again: a polls [1-9]\d*, b [1-9]\d*, c [1-9]\d*",
         r"kill -9 of one NATS server, with \d+ jobs done",
         r"the work goes on with two: all targets are polled, and [1-9]\d* more jobs? done",
         r"all \d+ jobs are over"]


def left():
    return [f for f in os.listdir(folder) if f.startswith("pipepoll-demo-")]


def ours():
    """Processes that were started with a path of a demo's folder."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                if f"{folder}/pipepoll-demo-".encode() in f.read():
                    found.append(int(name))
        except OSError:
            pass  # it has ended meanwhile
    return found


def wait_until(true):
    until = time.monotonic() + DEADLINE_S
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    return true()


def test_story():
    demo = Process("demo", "--fleet", env=ELSEWHERE)
    code = demo.p.wait(90)
    said, complaints = demo.rest("out"), demo.rest("err")
    text = "\n".join(said)
    check("well", code == 0 and complaints == [], (code, said, complaints))
    check("it tells what happens", re.match("\n".join(r" *\d+\.\d s  " + s for s in STORY), text),
          said)
    made = re.search(r"^jobs made +(\d+)\njobs claimed +\1\nsucceeded +\1\nfailed +0\n"
                     r"jobs lost +0\nclaimed twice +0\nreported twice +0$", text, re.M)
    check("every job is claimed once and succeeds", made and int(made[1]) > 50, said)
    check("nobody and nothing is left", left() == [] and ours() == [], (left(), ours()))


def test_ends():
    demo = Process("demo", "--fleet", env=ELSEWHERE)
    demo.next("out", lambda text: "three members are started" in text)
    check("three servers and three members", wait_until(lambda: len(ours()) == 6), ours())
    demo.signal(signal.SIGINT)
    check("interrupted: 1, and nobody is left", demo.wait() == 1 and left() == [] and
          ours() == [] and demo.rest("err") == ["pipepoll demo: interrupted"], demo.seen)
    demo = Process("demo", "--fleet", env=ELSEWHERE)
    demo.next("out", lambda text: "three members are started" in text)
    demo.p.kill()
    demo.wait()
    check("killed: its children do not outlive it", wait_until(lambda: ours() == []), ours())
    for name in left():
        shutil.rmtree(path_of(name))
    r = pipepoll("demo", "--fleet", "--seconds", "1", env=ELSEWHERE)
    check("too little time: it says for what, and nobody is left", r.code == 255 and
          r.err.count("\n") == 1 and "gave up after" in r.err and left() == [] and ours() == [], r)


def test_no_start():
    r = pipepoll("demo", "--fleet", env=dict(ELSEWHERE, TMPDIR="/nowhere"))
    check("without a place for its files: one line and 255", r.code == 255 and
          r.err.count("\n") == 1 and "no temporary file in /nowhere: " in r.err, r)
    for other in ("--crash", "--page"):
        r = pipepoll("demo", "--fleet", other, env=ELSEWHERE)
        check(f"not with {other}: 252", r.code == 252 and "--fleet goes with neither" in r.err, r)


test_no_start()
test_ends()
test_story()
finish()
