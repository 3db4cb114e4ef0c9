#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two versions of pipepoll in one fleet, on a real NATS server: side by side, in a rolling upgrade
and back, while jobs come all the time; a dead member's results are sent by one of the other
version; a format that a member does not know is refused, and harms nobody.
test_run_fleet_versions.py PATH-OF-PIPEPOLL PATH-OF-ANOTHER [NUMBER-OF-SERVERS]; the other one is
tests/lib/later.c, or by hand any that was released."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from lib.nats import Nats
from lib.fleet import Adder, Ledger, passed_on
from lib.job_program import TOKENS_PATH, Simulated, events, path_of, program, wait_for
from lib.poll_service import PollService
from lib.program import KEYS, PROGRAM, Process, check, finish, pipepoll, write

OTHER = os.path.abspath(sys.argv[2])
SERVERS = int(sys.argv[3]) if len(sys.argv) > 3 else 1
REGIONS = ["us-east-1", "us-west-2", "eu-west-1"]
PROVIDERS = ["Acme", "Bcme", "Ccme", "Dcme"]
TARGETS = [(region, provider) for region in REGIONS for provider in PROVIDERS]
INTERVAL_S, JOB_EACH_S = 0.25, 0.1
SHARED_S = 40
UNPOLLED_S = 3  # as promised of a death with takeover = fast; a leave takes less
KEY = write("continuation.key", "c0" * 32 + "\n")
os.chmod(KEY, 0o600)
HANDLER = program("handler.sh", "#!/bin/sh\nread -r job\nsleep 0.2\n"
                  "echo '{\"result\":{\"status\":\"succeeded\"}}'\n")


def version_of(path):
    """As it says itself: pipepoll/0.1.0 libcurl/..."""
    said = subprocess.run([path, "--version"], env=KEYS, capture_output=True, text=True, check=True)
    return said.stdout.split()[0].split("/")[1]


VERSIONS = {PROGRAM: version_of(PROGRAM), OTHER: version_of(OTHER)}
IS_LATER = VERSIONS[OTHER] == "9.9.9"  # tests/lib/later.c, which sets up the streams its own way


def member(name, url, path, fleet="", targets=None, env=None, more="handler = build"):
    """Of either version, by the path. Each wants another size of the queue."""
    targets = targets or "".join(
        f"[target {p}]\nregions = {', '.join(REGIONS)}\ncategory = Build\nprovider = {p}\n"
        f"version = 1\n{more}\n" for p in PROVIDERS)
    config = write(f"{name}.ini", f"""[pipepoll]
user-agent-app-id = {name}
state-dir = {path_of(name + "-state")}
client-tokens-command = {TOKENS_PATH}
continuation-key-file = {KEY}
interval = {int(INTERVAL_S * 1000)}ms
max-jobs = 4
endpoint-url = {url}
[handler build]
command = {HANDLER}
[fleet]
servers = {nats.urls}
member = {name}
replicas = {SERVERS}
takeover = fast
queue-size = {64 if path == PROGRAM or not IS_LATER else 96}MiB
{fleet}
{targets}""")
    return Process("run", "--config", config, executable=path, env=dict(KEYS, **(env or {})))


def end(*runs):
    for run in runs:
        run.signal(signal.SIGTERM)
    return [run.wait() for run in runs]


def lines(run):
    return [line for line in list(run.lines["err"].queue) if line]


def ask(path, *arguments):
    said = subprocess.run([path, "fleet", *arguments], env=KEYS, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    return said.returncode, said.stdout, said.stderr


def versions_by(path):
    """The members' versions, as `fleet status` of either program shows them."""
    code, out, _ = ask(path, "status", "--config", path_of("a.ini"), "--output", "json")
    return {m["member"]: m["version"] for m in json.loads(out)["members"]} if code == 0 else {}


def configs(fleet="pipepoll"):
    """Of the fleet's streams, by name."""
    said = nats.servers[0].ask("jsz?accounts=true&streams=true&config=true")["account_details"]
    return {s["name"]: s["config"] for account in said for s in account["stream_detail"]
            if s["name"].startswith(f"PIPEPOLL_{fleet}_")}


def publish(subject, body):
    """By the protocol of NATS, as a client in any language does."""
    with socket.create_connection(("127.0.0.1", nats.servers[0].port), 10) as s:
        s.sendall(b'CONNECT {"verbose":false}\r\n' + f"PUB {subject} {len(body)}\r\n{body}\r\n"
                  "PING\r\n".encode())
        got = b""
        while b"PONG" not in got and (more := s.recv(4096)):
            got += more


def until_shared(between, members):
    return between.until_held(TARGETS, members, 5 * INTERVAL_S, SHARED_S)


def roll(name, path, by, runs, paths, between):
    """One is drained, by a program of either version, ended, and started as another."""
    what = f"{name} from {VERSIONS[paths[name]]} to {VERSIONS[path]}"
    began = time.monotonic()
    code, _, err = ask(by, "drain", name, "--config", path_of("a.ini"))
    check(f"{what}: it is drained", code == 0, err)
    check(f"{what}: it ends", end(runs[name]) == [0])
    paths[name], runs[name] = path, member(name, between.url, path)
    # The request to be drained stays with the name.
    check(f"{what}: it is back", runs[name].log("connected to"), lines(runs[name]))
    check(f"{what}: and no more drained, once it has been heard of", wait_for(
        "its end", lambda: ask(by, "drain", name, "--end", "--config", path_of("a.ini"))[0] == 0))
    check(f"{what}: all share again", until_shared(between, runs))
    gap = between.gap(TARGETS, began)
    check(f"{what}: no target was unpolled for long", gap <= UNPOLLED_S, gap)
    want = {n: VERSIONS[p] for n, p in paths.items()}
    check(f"{what}: both see each member's version", wait_for(
        "versions", lambda: versions_by(PROGRAM) == want and versions_by(OTHER) == want),
        (want, versions_by(PROGRAM), versions_by(OTHER)))


def all_jobs_well(sim, adder):
    ledger = Ledger(sim)
    wait_for("the end of all jobs",
             lambda: len((of := ledger.count())["succeeded"] + of["failed"]) >= adder.count)
    of = ledger.count()
    check("no job is lost, none fails", len(of["succeeded"]) == adder.count and not of["failed"],
          (adder.count, {k: len(v) for k, v in of.items()}))
    check("each was claimed once", set(of["acknowledged"].values()) == {1})


def upgrade_and_downgrade():
    with Simulated("--seed", "31") as sim:
        between = PollService(passed_on(sim.url))
        paths = {"a": PROGRAM, "b": PROGRAM, "c": OTHER}
        runs = {"a": member("a", between.url, PROGRAM)}
        runs["a"].log("connected to")
        adder = Adder(sim, TARGETS, JOB_EACH_S)
        runs.update({n: member(n, between.url, paths[n]) for n in "bc"})
        check("two versions share the targets", until_shared(between, runs))
        if IS_LATER:
            check("the later one adds to the streams", all(
                c["description"].endswith(", format 1.1") and c["allow_rollup_hdrs"]
                for c in configs().values()) and len(configs()) == 4, configs())
        publish("pipepoll.pipepoll.lease.m.ghost", '{"v":2,"member":"ghost","state":"haunts"}')
        publish("pipepoll.pipepoll.lease.z.ghost", '{"v":2}')
        set_up = configs()
        for name, path, by in (("a", OTHER, PROGRAM), ("b", OTHER, OTHER), ("c", PROGRAM, OTHER),
                               ("a", PROGRAM, PROGRAM), ("b", PROGRAM, PROGRAM)):
            roll(name, path, by, runs, paths, between)
            check("nobody changes the streams back", not IS_LATER or configs() == set_up,
                  (set_up, configs()))
        adder.end()
        all_jobs_well(sim, adder)
        check("all end", end(*runs.values()) == [0, 0, 0])


def held(log):
    return nats.servers[0].streams().get("PIPEPOLL_pipepoll_" + log, {}).get("messages")


def results_of_the_other_version(path, heir_path, seed):
    """Jobs that one found, another works, whose results a third sends, for the worker is dead."""
    what = f"{VERSIONS[path]} to {VERSIONS[heir_path]}"
    names = [f"{n}{seed}" for n in ("finder", "worker", "heir")]
    with Simulated("--seed", seed) as sim:
        runs = [member(names[0], sim.url, heir_path, "works = no", more=""),
                member(names[1], sim.url, path, "polls = no")]
        sim.control("PUT", "faults", operation="PutThirdPartyJobSuccessResult",
                    **{"error-rate": 1})
        for region in REGIONS:
            sim.control("POST", "jobs", region=region, count=1)
        check(f"{what}: results lie in the outbox",
              wait_for("results", lambda: held("OUTBOX") == 3))
        runs.append(member(names[2], sim.url, heir_path, "polls = no"))
        runs[1].signal(signal.SIGKILL)
        runs[1].wait()
        check(f"{what}: the other version takes them", wait_for("the heir", lambda: sum(
            "is sent by this member" in line for line in lines(runs[2])) == 3))
        sim.control("DELETE", "faults")
        check(f"{what}: and sends them",
              wait_for("results", lambda: len(events(sim, "succeeded")) == 3))
        check(f"{what}: each job was claimed once", len(events(sim, "acknowledged")) == 3)
        check(f"{what}: then the outbox is empty",
              wait_for("no results", lambda: held("OUTBOX") == 0))
        check(f"{what}: both end", end(runs[0], runs[2]) == [0, 0])


def another_format_is_refused():
    service = PollService()
    later = member("later", service.url, OTHER, "name = later", env={"PIPEPOLL_LATER": "2"})
    check("a fleet of another format polls", service.until_held(
        TARGETS, {"later"}, 5 * INTERVAL_S, SHARED_S))
    set_up, began = configs("later"), time.monotonic()
    today = member("today", service.url, PROGRAM, "name = later")
    line = today.log("has format 2")
    check("who does not know it says so, and what to do", line and line.endswith(
        "has format 2, of a later pipepoll; this one knows 1: upgrade it"), line)
    said = pipepoll("fleet", "status", "--config", path_of("today.ini"))
    check("so does fleet status", said.code != 0 and "upgrade it" in said.err, said)
    said = pipepoll("doctor", "--config", path_of("today.ini"))
    check("and the doctor", said.code != 0 and "upgrade it" in said.out, said)
    held_by = service.until_held(TARGETS, {"later"}, 5 * INTERVAL_S, SHARED_S)
    check("it polls nothing, and the fleet goes on", held_by and
          service.gap(TARGETS, began) < UNPOLLED_S, service.gap(TARGETS, began))
    check("its streams are as they were", configs("later") == set_up, configs("later"))
    check("both end", end(today, later) == [0, 0])
    check("it said so once", sum("has format 2" in line for line in today.rest("err")) == 1,
          today.seen["err"])


nats = Nats(SERVERS)
upgrade_and_downgrade()
results_of_the_other_version(OTHER, PROGRAM, "32")
results_of_the_other_version(PROGRAM, OTHER, "33")
if IS_LATER:
    another_format_is_refused()
finish()
