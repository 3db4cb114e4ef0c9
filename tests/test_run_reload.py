#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many targets taken by `pipepoll run` while it is told other things: SIGHUP and SIGTERM at the
start and in the middle of a change. test_run_reload.py PATH-OF-PIPEPOLL."""

import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
from lib.program import Sim, check, finish, path_of, start_run, target, write

COUNT = 400
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1", "sa-east-1"]


def many(sim, first, count=COUNT, interval="10m"):
    return "".join(target(f"t{i}", sim, regions=", ".join(REGIONS), provider=f"P{i}",
                          interval=interval) for i in range(first, first + count))


def replace(name, text):
    """A reader finds the old file or the new one, never a part."""
    os.rename(write(name + ".new", text), path_of(name))


def targets_of(run):
    run.signal(signal.SIGUSR1)
    return int(re.search(r"targets (\d+)", run.log("status: ") or "targets 0")[1])


def settles(run, count):
    """Those that are removed are counted until the poller has told that they are."""
    until = time.monotonic() + 20
    while targets_of(run) != count:
        if time.monotonic() > until:
            return False
    return True


def test_signals_while_targets_come(sim, loops):
    config = write("many.ini", many(sim, 0))
    run = start_run(config, loops=loops)
    for _ in range(20):
        run.signal(signal.SIGHUP)
    check("the file is read again after the first targets have come",
          run.log(f"0 targets added, 0 removed, {COUNT * len(REGIONS)} unchanged"),
          run.seen["err"])
    check("and all are there, once", targets_of(run) == COUNT * len(REGIONS), run.seen["err"])
    write("many.ini", many(sim, COUNT // 2))
    run.signal(signal.SIGHUP)
    half = COUNT // 2 * len(REGIONS)
    check("a change counts what it did", run.log(f"{half} targets added, {half} removed, {half} "),
          run.seen["err"])
    check("and leaves as many as the file says", settles(run, COUNT * len(REGIONS)),
          run.seen["err"])
    for first in range(0, 4 * COUNT, COUNT):
        replace("many.ini", many(sim, first))
        run.signal(signal.SIGHUP)
    check("the last of many files is the one that counts", run.log("taken: ") and
          settles(run, COUNT * len(REGIONS)), run.seen["err"])
    sim.control("POST", "jobs", region="us-east-1", provider=f"P{4 * COUNT - 1}", count=1)
    replace("many.ini", many(sim, 3 * COUNT, interval="1s"))
    run.signal(signal.SIGHUP)
    check("a target of the last file is polled", run.event(event="job"), run.seen["err"][-3:])
    run.signal(signal.SIGTERM)
    check("then it ends", run.wait() == 0, run.seen["err"][-3:])


def test_keys_of_the_start(sim):
    """They are compared with what is in force, not with what was read last."""
    replace("keys.ini", "[pipepoll]\nmax-in-flight = 10\n" + target("a", sim))
    run = start_run(path_of("keys.ini"))
    run.log("polling 1 target")
    for _ in range(2):
        replace("keys.ini", "[pipepoll]\nmax-in-flight = 20\nrequest-timeout = 9s\n"
                + target("a", sim))
        run.signal(signal.SIGHUP)
        check("a key that waits for the next start is told each time", run.log(
            "these wait for the next start: max-in-flight, request-timeout"),
            run.seen["err"])
        run.log("taken: ")
    replace("keys.ini", "[pipepoll]\nmax-in-flight = 10\n" + target("a", sim))
    run.signal(signal.SIGHUP)
    run.seen["err"].clear()
    run.log("taken: ")
    check("one that is as it is in force is not",
          not any("next start" in line for line in run.seen["err"]), run.seen["err"])
    run.signal(signal.SIGTERM)
    check("and it ends", run.wait() == 0)


def test_the_end_while_targets_come(sim, loops):
    config = write("end.ini", many(sim, 0, interval="1s"))
    run = start_run(config, loops=loops)
    run.signal(signal.SIGTERM)
    check("SIGTERM at the start ends it", run.wait() == 0, run.seen["err"][-3:])
    run = start_run(config, loops=loops)
    replace("end.ini", many(sim, COUNT // 2, interval="1s"))
    run.signal(signal.SIGHUP)
    run.signal(signal.SIGTERM)
    code = run.wait()
    run.rest("err")
    check("and so after SIGHUP", code == 0 and "ended: " in run.seen["err"][-1],
          run.seen["err"][-3:])


def test_a_file_that_hangs(sim):
    """A reload whose file never comes is left alone, and holds up nothing."""
    config = write("hang.ini", target("one", sim, provider="One", interval="20ms"))
    run = start_run(config)
    os.unlink(config)
    os.mkfifo(config)
    held = os.open(path_of("hang.ini"), os.O_RDWR)
    run.signal(signal.SIGHUP)
    before = sim.control("GET", "stats")["requests"]
    sim.until(lambda s: s["requests"] > before + 20)
    run.signal(signal.SIGHUP)
    check("what a second SIGHUP waits for is said", run.log("is read once more"), run.seen["err"])
    run.signal(signal.SIGTERM)
    check("it ends though a thread hangs", run.wait() == 0, run.seen["err"][-3:])
    os.close(held)


sim = Sim()
for loops in (1, 2):
    test_signals_while_targets_come(sim, loops)
    test_the_end_while_targets_come(sim, loops)
test_keys_of_the_start(sim)
test_a_file_that_hangs(sim)
finish()
