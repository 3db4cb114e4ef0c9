#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Jobs of a fleet on a real NATS server: one member polls and others work, out of one queue; a
worker dies; a handler runs on while any member finds its follow-up job; a dead member's results are
sent by another; the servers are away for a while. Judged by the service's ledger.
test_run_fleet_jobs.py PATH-OF-PIPEPOLL."""

import collections
import contextlib
import os
import shutil
import signal
import sqlite3
import sys

sys.dont_write_bytecode = True
from lib.nats import Nats
from lib.job_program import TOKENS_PATH, Simulated, events, lines_of, path_of, program, wait_for
from lib.program import Process, check, finish, folder, pipepoll, write

REGIONS = ["us-east-1", "us-west-2", "eu-west-1"]
# The engine remembers the ids of jobs: each simulated service has others, by its seed.
KEY = write("continuation.key", "c0" * 32 + "\n")
os.chmod(KEY, 0o600)
HANDLER = program("handler.py", r"""#!/usr/bin/python3
import json, os, sys, time
job = json.loads(sys.stdin.readline())
with open(os.path.join(%r, "began"), "a") as f:
    f.write(job["jobId"] + "\n")
time.sleep(float(job["configuration"].get("seconds", "0.1")))
print(json.dumps({"result": {"status": "succeeded"}}))
""" % folder)


def member(name, nats, sim, fleet="", handler="handler = build", more=""):
    return Process("run", "--config", write(f"{name}.ini", f"""[pipepoll]
state-dir = {path_of(name + "-state")}
client-tokens-command = {TOKENS_PATH}
continuation-key-file = {KEY}
interval = 100ms
max-jobs = 4
endpoint-url = {sim.url}
[handler build]
command = {HANDLER}
{more}
[fleet]
servers = {nats.urls}
member = {name}
replicas = 1
takeover = fast
{fleet}
[target web]
regions = {", ".join(REGIONS)}
category = Build
provider = Acme
version = 1
{handler}
"""))


def poller(name, nats, sim):
    return member(name, nats, sim, "works = no", "")


def worker(name, nats, sim, more=""):
    return member(name, nats, sim, "polls = no", more=more)


def add(sim, count, **configuration):
    for region in REGIONS:
        sim.control("POST", "jobs", region=region, count=count, configuration=configuration)


def count(sim, kind):
    return collections.Counter(e["jobId"] for e in events(sim, kind))


def all_ended(sim, jobs):
    """A job that was on its way to somebody who is gone comes back after 30 s: wait twice."""
    return any(wait_for("the end of all jobs",
                        lambda: len(events(sim, "succeeded", "failed")) >= jobs) for _ in range(2))


def lines(run):
    return [line for line in list(run.lines["err"].queue) if line]


def end(*runs):
    for run in runs:
        run.signal(signal.SIGTERM)
    return [run.wait() for run in runs]


def pollers_and_workers_are_apart(nats):
    with Simulated("--seed", "1") as sim:
        runs = [poller("poller", nats, sim), worker("one", nats, sim), worker("two", nats, sim)]
        add(sim, 10)
        check("all jobs end", all_ended(sim, 30))
        check("well", len(events(sim, "succeeded")) == 30)
        check("each was claimed once", set(count(sim, "acknowledged").values()) == {1})
        shares = [sum("succeeded after" in line for line in lines(r))
                  for r in runs[1:]]
        check("both work", all(shares), shares)

        add(sim, 6, seconds="30")
        wait_for("jobs that run", lambda: len(lines_of("began")) >= 38)
        runs[1].signal(signal.SIGKILL)
        runs[1].wait()
        runs[1] = worker("one", nats, sim)
        check("a worker that died fails what it ran, when it is back",
              wait_for("failures", lambda: len(events(sim, "failed")) == 4))
        check("and no job is claimed twice", set(count(sim, "acknowledged").values()) == {1})
        check("and nothing of theirs is left",
              wait_for("no results", lambda: held(nats, "OUTBOX") == 0))
        for r in runs[1:]:
            r.signal(signal.SIGKILL)
            r.wait()
        check("the poller ends", end(runs[0]) == [0])


def servers_are_away_for_a_while(nats):
    with Simulated("--seed", "2") as sim:
        run = member("alone", nats, sim)
        add(sim, 1)
        all_ended(sim, 3)
        nats.servers[0].end()
        add(sim, 4)
        check("a poller with handlers works on without its servers", all_ended(sim, 15))
        nats.servers[0].start()
        run.log("connected to")
        add(sim, 4)
        check("and when they are back", all_ended(sim, 27))
        check("each job once", set(count(sim, "acknowledged").values()) == {1} and
              len(events(sim, "succeeded")) == 27)
        check("it ends", end(run) == [0])


def spooled(name):
    """How many jobs it has on disk, as a crash would leave them: what it has not there yet, the
    service hands out again. Its file is locked, so it is read in a copy."""
    copy = path_of("spool-copy.db")
    for suffix in ("", "-wal"):
        shutil.copyfile(path_of(f"{name}-state/spool.db{suffix}"), copy + suffix)
    try:
        with contextlib.closing(sqlite3.connect(copy)) as db:
            return db.execute("SELECT count(*) FROM jobs").fetchone()[0]
    except sqlite3.DatabaseError:
        return None  # copied in the middle of a write


def what_was_found_outlives_its_finder(nats):
    with Simulated("--seed", "4", "--lease", "300") as sim:
        run = poller("mortal", nats, sim)
        add(sim, 1)
        wait_for("polls", lambda: len(events(sim, "handed_out")) == 3)
        wait_for("an empty spool", lambda: spooled("mortal") == 0)
        nats.servers[0].end()
        add(sim, 4)
        check("it polls on", wait_for("jobs", lambda: spooled("mortal") == 12))
        run.signal(signal.SIGKILL)
        run.wait()
        nats.servers[0].start()
        runs = [poller("mortal", nats, sim), worker("heir", nats, sim)]
        check("found jobs outlive the member and its servers", all_ended(sim, 15))
        check("and are worked once, without being found again",
              set(count(sim, "acknowledged").values()) == {1} and
              len(events(sim, "handed_out")) == 15)
        check("both end", end(*runs) == [0, 0])


def follow_up_jobs_find_their_handler(nats, owner, seed):
    """Those of custom actions are passed on with the nonce that a poll brought."""
    write("began", "")
    with Simulated("--seed", seed) as sim:
        more, names = "continue-after = 200ms", [f"{owner}-{n}" for n in ("finds", "one", "two")]
        runs = [member(names[0], nats, sim, "works = no", f"owner = {owner}")]
        runs += [member(name, nats, sim, "polls = no", f"handler = build\nowner = {owner}", more)
                 for name in names[1:]]
        for region in REGIONS:
            sim.control("POST", "jobs", region=region, count=2, owner=owner,
                        configuration={"seconds": "1.5"})
        check(f"{owner}: jobs that are continued end", all_ended(sim, 6))
        check("well", len(events(sim, "succeeded")) == 6, events(sim, "failed"))
        check("they were continued", len(events(sim, "continued")) >= 12)
        check("each was begun once", len(lines_of("began")) == 6, lines_of("began"))
        check("some of them by way of the other member", any(
            "passed on to" in line for r in runs[1:] for line in lines(r)))
        check("all end", end(*runs) == [0, 0, 0])


def a_drained_member_has_the_jobs_that_its_handlers_wait_for(nats):
    """Nobody else polls, nobody else works."""
    write("began", "")
    with Simulated("--seed", "8") as sim:
        run = member("lone", nats, sim, more="continue-after = 200ms")
        sim.control("POST", "jobs", region=REGIONS[0], count=1, configuration={"seconds": "5"})
        wait_for("a job that runs", lambda: len(lines_of("began")) == 1)
        drain = Process("fleet", "drain", "lone", "--config", path_of("lone.ini"))
        run.log("lone is drained")
        seen = len(events(sim, "continued"))
        add(sim, 1)
        check("a job is continued while its member is drained", wait_for(
            "follow-up jobs", lambda: len(events(sim, "continued")) >= seen + 3))
        check("and ends", wait_for("its end", lambda: len(events(sim, "succeeded")) == 1))
        check("the drain ends with it", drain.wait() == 0, lines(drain))
        check("other jobs are not begun", len(lines_of("began")) == 1, lines_of("began"))
        ended = pipepoll("fleet", "drain", "lone", "--end", "--config", path_of("lone.ini"))
        check("until it is drained no more", ended.code == 0 and all_ended(sim, 4), ended)
        check("each was begun once", len(lines_of("began")) == 4, lines_of("began"))
        check("it ends", end(run) == [0])


def a_state_directory_in_use_is_told(nats):
    with Simulated("--seed", "7") as sim:
        run = member("first", nats, sim)
        run.log("connected to")
        config = open(path_of("first.ini"), encoding="utf-8").read()
        second = pipepoll("run", "--config", write("second.ini", config.replace(
            "member = first", "member = second")))
        check("a second member in the same state-dir ends with a line", second.code == 255 and
              "in use by another process" in second.err, second)
        check("the first ends", end(run) == [0])


def held(nats, log):
    return nats.servers[0].streams().get("PIPEPOLL_pipepoll_" + log, {}).get("messages")


def another_sends_what_a_dead_member_has_not(nats):
    with Simulated("--seed", "5") as sim:
        runs = [poller("poller3", nats, sim), worker("five", nats, sim)]
        sim.control("PUT", "faults", operation="PutThirdPartyJobSuccessResult",
                    **{"error-rate": 1})
        add(sim, 1)
        check("results that are not confirmed lie in the outbox",
              wait_for("results", lambda: held(nats, "OUTBOX") == 3))
        heirs = [worker("six", nats, sim), worker("seven", nats, sim)]
        runs[1].signal(signal.SIGKILL)
        runs[1].wait()
        def taken():
            return sum("is sent by this member" in line for r in heirs for line in lines(r))
        check("another member takes each", wait_for("heirs", lambda: taken() >= 3))
        sim.control("DELETE", "faults")
        check("and sends it", all_ended(sim, 3))
        check("each job was claimed and succeeded once",
              set(count(sim, "acknowledged").values()) == {1} and
              set(count(sim, "succeeded").values()) == {1})
        check("then the outbox is empty",
              wait_for("no results", lambda: held(nats, "OUTBOX") == 0))
        # Who had read a result before it was sent may take it again: it is sent twice then.
        check("one member took each, or the next one after it", 3 <= taken() <= 6, taken())
        runs[1] = worker("five", nats, sim)
        check("who comes back finds them in its journal, and is told that all is well",
              wait_for("its journal", lambda: sum(
                  "succeeded" in line for line in lines(runs[1])) == 3), lines(runs[1]))
        check("each succeeded once", len(events(sim, "succeeded")) == 3)
        check("all end", end(*runs, *heirs) == [0, 0, 0, 0])


servers = Nats()
pollers_and_workers_are_apart(servers)
follow_up_jobs_find_their_handler(servers, "ThirdParty", "3")
follow_up_jobs_find_their_handler(servers, "Custom", "6")
a_drained_member_has_the_jobs_that_its_handlers_wait_for(servers)
a_state_directory_in_use_is_told(servers)
another_sends_what_a_dead_member_has_not(servers)
servers_are_away_for_a_while(servers)
what_was_found_outlives_its_finder(servers)
finish()
