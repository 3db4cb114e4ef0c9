#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Names whose look-up hangs, end to end on loopback: they hold up neither the others nor the end.
Usage: test_slow_names.py PIPEPOLL_BINARY SLOW_NAMES_LIBRARY

One line per check, then "N passed, N failed"."""

import os
import signal
import sys
import time

sys.dont_write_bytecode = True
from lib.program import ACME, KEYS, Process, Sim, check, finish, pipepoll, write

SOON_S = 8  # a busy machine needs its time; what hangs here hangs for longer
HANGS_MS = 30000

sim = Sim()
port = sim.url.rsplit(":", 1)[1].strip("/")


def env_with(names, name="names"):
    # A sanitizer's runtime wants to be the first library, and need not be.
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return dict(KEYS, LD_PRELOAD=os.path.abspath(sys.argv[2]), SLOW_NAMES=write(name, names),
                ASAN_OPTIONS=options)


def url(host):
    return f"http://{host}.test:{port}"


def target(i, host):
    return (f"[target t{i}]\nregions = us-east-1\ncategory = Build\nprovider = P{i}\n"
            f"version = 1\ninterval = 1s\nendpoint-url = {url(host)}\n")


def took(run):
    begun = time.monotonic()
    result = run()
    return time.monotonic() - begun, result


def poll_hanging_name():
    env = env_with(f"hangs.test {HANGS_MS} 127.0.0.1\n")
    seconds, r = took(lambda: pipepoll("poll", "--timeout", "2", "--action-type-id", ACME,
                                       "--region", "us-east-1", "--endpoint-url", url("hangs"),
                                       env=env))
    check("poll ends at its own time-out", 1.5 < seconds < SOON_S and r.code != 0, (seconds, r))
    check("it says that the name is to blame", "hangs.test: the name look-up took longer than 1.9 s"
          in r.err, r)


def run_with(names, hosts, name="names"):
    env = env_with(names, name)
    config = write(name + ".ini", "".join(target(i + 1, h) for i, h in enumerate(hosts)))
    return Process("run", "--config", config, env=env)


def end_soon(run, what):
    run.signal(signal.SIGTERM)
    seconds, code = took(run.wait)
    check(f"{what}: SIGTERM ends the run soon", seconds < SOON_S and code == 0, (seconds, code))


def eight_hang():
    before = sim.control("GET", "stats")["polls"]
    hosts = [f"hangs-{i}" for i in range(8)] + ["healthy"]
    begun = time.monotonic()
    run = run_with(f"healthy.test 0 127.0.0.1\n*.test {HANGS_MS} 127.0.0.1\n", hosts)
    stats = sim.until(lambda s: s["polls"] > before)
    seconds = time.monotonic() - begun
    check("eight names hang: a healthy one is polled at once",
          stats["polls"] > before and seconds < SOON_S, seconds)
    end_soon(run, "eight names hang")


def half_of_a_hundred_hang():
    hosts = [f"{'healthy' if i % 2 else 'hangs'}-{i}" for i in range(100)]
    names = "".join(f"{h}.test {0 if h.startswith('healthy') else HANGS_MS} 127.0.0.1\n"
                    for h in hosts)
    begun = time.monotonic()
    run = run_with(names, hosts, "many")
    with_jobs = set()
    for i, host in enumerate(hosts):
        if host.startswith("healthy"):
            with_jobs.add(f"P{i + 1}")
            sim.control("POST", "jobs", region="us-east-1", count=1, provider=f"P{i + 1}")
    got = set()
    while got != with_jobs:
        job = run.event(event="job")
        if not job:
            break
        got.add(job["actionTypeId"]["provider"])
    seconds = time.monotonic() - begun
    threads = len(os.listdir(f"/proc/{run.p.pid}/task")) if run.p.poll() is None else 0
    print(f"# {len(got)} in {seconds:.1f} s with {threads} threads", flush=True)
    check("half of a hundred names hang: the others are polled at once",
          got == with_jobs and seconds < HANGS_MS / 1000, (len(got), seconds))
    check("by a bounded number of threads", threads < 100, threads)
    end_soon(run, "half of a hundred names hang")


for test in (poll_hanging_name, eight_hang, half_of_a_hundred_hang):
    test()
finish()
