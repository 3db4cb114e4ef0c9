#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A fleet of three on a cluster of three real NATS servers, while jobs come all the time and
members and servers die, stand still and come back. No job is lost or worked twice, by the service's
ledger; each target is polled by one member after each; and the servers have the same of every
stream. test_run_fleet_cluster.py PATH-OF-PIPEPOLL."""

import os
import signal
import sys
import time

sys.dont_write_bytecode = True
from lib.nats import Nats
from lib.fleet import Adder, Ledger, passed_on
from lib.job_program import TOKENS_PATH, Simulated, path_of, program
from lib.poll_service import PollService
from lib.program import Process, check, finish, write

REGIONS = ["us-east-1", "us-west-2", "eu-west-1"]
PROVIDERS = [f"{c}cme" for c in "ABCDEFGH"]
TARGETS = [(r, p) for r in REGIONS for p in PROVIDERS]
INTERVAL_S = 0.4
JOB_EACH_S, MAX_JOBS = 0.1, 2  # so that some of them go by the queue
LEASE_S = 20  # of the service: a job that was handed out and not acknowledged comes again
SETTLED_S = 60
ENDED_S = 120  # a job that a dead member had pulled comes to another after 30 s
KEY = write("continuation.key", "c0" * 32 + "\n")
os.chmod(KEY, 0o600)
HANDLER = program("handler.sh", "#!/bin/sh\nread -r job\nsleep 0.3\n"
                  "echo '{\"result\":{\"status\":\"succeeded\"}}'\n")


def until_shared():
    """By all members, each target by the one whose it is."""
    return between.until_held(TARGETS, runs, 6 * INTERVAL_S, SETTLED_S)


def member(name):
    targets = "".join(f"[target {p}]\nregions = {', '.join(REGIONS)}\ncategory = Build\n"
                      f"provider = {p}\nversion = 1\nhandler = build\n" for p in PROVIDERS)
    return Process("run", "--config", write(f"{name}.ini", f"""[pipepoll]
user-agent-app-id = {name}
state-dir = {path_of(name + "-state")}
client-tokens-command = {TOKENS_PATH}
continuation-key-file = {KEY}
interval = {int(INTERVAL_S * 1000)}ms
max-jobs = {MAX_JOBS}
endpoint-url = {between.url}
[handler build]
command = {HANDLER}
[fleet]
servers = {nats.urls}
member = {name}
replicas = 3
takeover = fast
{targets}"""))


def others_than(server):
    return [s for s in nats.servers if s is not server]


told = set()


def check_same(what):
    """nats-server 2.9 may stay without some messages where it was killed or stood still, now and
    then. That is told and let pass of 2.9 alone: the ledger judges what comes of it."""
    if told == nats.differing() or nats.agree():
        check(f"{what}: the servers have the same", True)
        return
    told.update(nats.differing())
    version = nats.servers[0].ask("varz")["version"]
    print(f"      nats-server {version} left a replica different: {told}: "
          f"{[{n: s.streams()[n] for n in told} for s in nats.servers]}"[:2000])
    check(f"{what}: the servers have the same, but for 2.9", version.startswith("2.9."), told)


# --- what happens ---

def a_member_dies():
    runs["a"].signal(signal.SIGKILL)
    runs["a"].wait()
    time.sleep(4)
    runs["a"] = member("a")


def a_member_stands_still():
    runs["b"].signal(signal.SIGSTOP)
    time.sleep(5)
    runs["b"].signal(signal.SIGCONT)


def leader_of(log):
    found = []
    Nats.wait_for(lambda: found.append(nats.leader(f"PIPEPOLL_pipepoll_{log}")) or found[-1])
    return found[-1] or nats.servers[0]


def the_leader_of_leases_dies():
    server = leader_of("LEASES")
    server.end()
    time.sleep(4)
    server.start()


def a_follower_stands_still():
    server = others_than(leader_of("JOBS"))[0]
    for _ in range(3):
        server.p.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        server.p.send_signal(signal.SIGCONT)
        time.sleep(0.5)


def the_leader_of_jobs_ends():
    server = leader_of("JOBS")
    server.end(signal.SIGTERM)
    time.sleep(3)
    server.start()


def all_servers_die():
    for s in nats.servers:
        s.end()
    time.sleep(10)
    for s in nats.servers:
        s.start()


# Each with the time for which a target may be unpolled: twice what is promised and more, for a
# machine that is busy.
HAPPENINGS = [(a_member_dies, 10), (a_member_stands_still, 10), (the_leader_of_leases_dies, 10),
              (a_follower_stands_still, 10), (the_leader_of_jobs_ends, 10), (all_servers_die, 40)]

nats = Nats(3)
with Simulated("--seed", "11", "--lease", str(LEASE_S)) as sim:
    between, runs = PollService(passed_on(sim.url)), {}
    runs.update({name: member(name) for name in "abc"})
    check("three members share the targets", until_shared())
    adder = Adder(sim, TARGETS, JOB_EACH_S)
    for happening, most_s in HAPPENINGS:
        name, began = happening.__name__.replace("_", " "), time.monotonic()
        happening()
        check(f"{name}: each target is polled by its own member again", until_shared())
        gap, took = between.gap(TARGETS, began), time.monotonic() - began
        check_same(name)
        print(f"      unpolled for {gap:.1f} s at most, shared again after {took:.1f} s, with "
              f"the servers {time.monotonic() - began:.1f} s", flush=True)
        check(f"{name}: no target is unpolled for long", gap <= most_s, gap)
    adder.end()

    ledger, began = Ledger(sim), time.monotonic()
    of = ledger.count()
    while len(of["succeeded"] + of["failed"]) < adder.count and \
            time.monotonic() < began + ENDED_S:
        time.sleep(INTERVAL_S)
        of = ledger.count()
    ended_s = time.monotonic() - began
    print(f"      {adder.count} jobs, {len(of['failed'])} failed by a restart, "
          f"{sum(n > 1 for n in of['handed_out'].values())} found again, all ended "
          f"{ended_s:.1f} s after the last was added")
    check("no job is lost", len(of["succeeded"]) + len(of["failed"]) == adder.count,
          (adder.count, {k: len(v) for k, v in of.items()}))
    check("none is claimed twice", set(of["acknowledged"].values()) == {1},
          [i for i, n in of["acknowledged"].items() if n > 1])
    check("none ends twice", set((of["succeeded"] + of["failed"]).values()) == {1})
    check("none fails but by a member's death", len(of["failed"]) <= MAX_JOBS,
          [e for e in ledger.events if e["event"] == "failed"])
    for run in runs.values():
        run.signal(signal.SIGTERM)
    check("all end", [run.wait() for run in runs.values()] == [0, 0, 0])
check_same("at the end")
finish()
