#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Members of a fleet on a real NATS server: each target is polled by one of them, whoever joins,
leaves, dies or stands still. test_run_fleet.py PATH-OF-PIPEPOLL."""

import collections
import json
import os
import signal
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
from lib.nats import Nats
from lib.poll_service import NO_JOBS, PollService
from lib.program import DEADLINE_S, KEY, SECRET, Process, check, finish, path_of, pipepoll, write

REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
PROVIDERS = ["Acme", "Bcme", "Ccme", "Dcme", "Ecme", "Fcme"]  # so many that each has some
TARGETS = [(region, provider) for region in REGIONS for provider in PROVIDERS]
INTERVAL_S = 0.3


def answer(body, headers):
    return (400, NO_JOBS[1], json.dumps({"__type": refusal}).encode()) if refusal else NO_JOBS


def until_held_by(members):
    return service.until_held(TARGETS, members, 5 * INTERVAL_S, DEADLINE_S)


def member(name, nats, service, takeover="fast", more=""):
    targets = "".join(f"[target {p}]\nregions = {', '.join(REGIONS)}\ncategory = Build\n"
                      f"provider = {p}\nversion = 1\n" for p in PROVIDERS)
    return Process("run", "--listen", "127.0.0.1:0", "--config", write(f"{name}.ini", f"""[pipepoll]
user-agent-app-id = {name}
journal = none
interval = {int(INTERVAL_S * 1000)}ms
endpoint-url = {service.url}
{more}
[fleet]
servers = {nats.urls}
member = {name}
replicas = {len(nats.servers)}
takeover = {takeover}
{targets}"""))


def page_of(run):
    """Where it tells how it stands."""
    return run.log("status page: http://").split("status page: ")[-1].strip()


def status_of(page):
    with urllib.request.urlopen(page + "/status.json", timeout=DEADLINE_S) as answer:
        return json.load(answer)


def until(status, true):
    """Its status once it is that; else the last one."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and not true(status()):
        time.sleep(INTERVAL_S)
    return status()


def members_of(page, wanted):
    """Once they are as wanted; else those of the last look."""
    def seen():
        return sorted((m["member"], m["state"]) for m in status_of(page)["fleet"]["members"])
    return until(seen, lambda members: members == wanted)


def end(run, number=signal.SIGTERM):
    run.signal(number)
    return run.wait()


refusal = None
nats, service = Nats(), PollService(answer)
runs = {name: member(name, nats, service) for name in ("a", "b")}
two = until_held_by("ab")
check("two members share the targets", two)

pages = {name: page_of(run) for name, run in runs.items()}
for name, run in runs.items():
    check("it says when it has joined", run.log(f"joined as member {name}"))
    check("and how many it polls", run.log(
        f"polling {sum(holder == name for holder in two.values())} of {len(TARGETS)} targets"))
for name, page in pages.items():
    status = until(lambda: status_of(page), lambda s: s["verdict"]["well"])
    states = {(t["region"], t["actionTypeId"]["provider"]): t["state"] for t in status["targets"]}
    check("a member shows its own targets as well, the others as elsewhere, and is well",
          status["verdict"]["well"] and all(
              states[t] == ("well" if two[t] == name else "elsewhere") for t in two),
          (status["verdict"], states, two))
    fleet = status["fleet"]
    check("and who is in its fleet", fleet["member"] == name and fleet["alive"] == 2 and
          fleet["engine"]["state"] == "ready" and fleet["targets"]["unheld"] == 0 and
          fleet["targets"]["held"] == sum(holder == name for holder in two.values()) and
          sorted((m["member"], m["state"]) for m in fleet["members"])
          == [("a", "active"), ("b", "active")], fleet)

began = time.monotonic()
runs["c"] = member("c", nats, service)
three = until_held_by("abc")
moved = [t for t in three if three[t] != two[t]]
check("a third gets its part of them, and no other moves",
      three and all(three[t] == "c" for t in moved), (two, three))
gap = service.gap(TARGETS, began)
check("nobody waits for that for long", gap < 2, gap)

began = time.monotonic()
check("one that is told to end does", end(runs["c"]) == 0)
again = until_held_by("ab")
check("what it had goes back", again == two, (two, again))
gap = service.gap(TARGETS, began)
check("soon", gap < 2, gap)
BOTH = [("a", "active"), ("b", "active")]
shown = members_of(pages["a"], BOTH)
check("who has left is not shown as dead", shown == BOTH, shown)

twin = member("b", nats, service)
check("who has the name of another says so", twin.log("another process is member b already")
      and runs["b"].log("another process is member b as well"))
check("and ends", end(twin) == 0)
runs["b"].signal(signal.SIGSTOP)
alone = until_held_by("a")
check("one that stands still is replaced", len(alone) == len(TARGETS))
death = runs["a"].log("member b is dead: silent for ") or "silent for 0 s"
check("the other says that it is dead, which it was not beside its twin",
      float(death.split("silent for ")[1].split(" s")[0]) > 2, death)
check("and what came of it",
      runs["a"].log(f"polling {len(TARGETS)} of {len(TARGETS)} targets, "))
began = time.monotonic()
runs["b"].signal(signal.SIGCONT)
both = until_held_by("ab")
check("and gets its own back", both == two, (two, both))
check("it says so", runs["b"].log("stood still") and runs["b"].log("works again"))
turns = service.turns(began)
check("without a poll while the other had them", not [t for t in turns.values() if "ba" in t],
      dict(turns))

runs["b"].signal(signal.SIGKILL)
runs["b"].wait()
check("a dead one is replaced", len(until_held_by("a")) == len(TARGETS))

runs["b"] = member("b", nats, service)
shown = members_of(pages["a"], BOTH)
check("one that is back is shown once", shown == BOTH, shown)
runs["b"].signal(signal.SIGKILL)
runs["b"].wait()
check("and is replaced again", len(until_held_by("a")) == len(TARGETS))

nats.servers[0].end()
runs["a"].log("fleet pipepoll: nats://")
began = time.monotonic()
while len(service.holders(began)) < len(TARGETS) and time.monotonic() < began + 5:
    time.sleep(INTERVAL_S)
status = until(lambda: status_of(pages["a"]), lambda s: not s["verdict"]["well"])
check("it says that they are away", status["fleet"]["engine"]["state"] == "away" and
      status["verdict"]["why"].startswith("fleet pipepoll: "), status["verdict"])
check("without servers the one that is there goes on", len(service.holders(began)) == len(TARGETS))
nats.servers[0].start()
check("and after it", len(until_held_by("a")) == len(TARGETS))
status = until(lambda: status_of(pages["a"]), lambda s: s["verdict"]["well"])
check("then it is well again", status["verdict"]["well"], status["verdict"])
check("the last one ends", end(runs["a"]) == 0)

# Each region's targets would be polled twenty times a second.
CEILING, FOR_S = 6, 4
runs = {name: member(name, nats, service, more=f"max-polls-per-second = {CEILING}")
        for name in ("a", "b", "c")}
deadline = time.monotonic() + DEADLINE_S
while {m for _, m, _ in service.since(time.monotonic() - 1)} != set("abc") and \
        time.monotonic() < deadline:
    time.sleep(INTERVAL_S)
began = time.monotonic() + 3  # the others' parts are known by then
while time.monotonic() < began + FOR_S:
    time.sleep(INTERVAL_S)
calls = collections.Counter(target[0] for _, _, target in service.since(began))
check("the ceiling of an account in a region is that of all members together",
      len(calls) == len(REGIONS) and max(calls.values()) <= CEILING * (FOR_S + 1), calls)
check("and is used", min(calls.values()) >= CEILING * FOR_S / 2, calls)
page = page_of(runs["a"])
refusal = "AccessDeniedException"
status = until(lambda: status_of(page), lambda s: s["incidents"])
check("what fails is told", status["incidents"], status["verdict"])
drained = pipepoll("fleet", "drain", "a", "--config", path_of("a.ini"))
status = until(lambda: status_of(page), lambda s: not s["incidents"])
check("and is no trouble of ours once another has it", drained.code == 0 and
      not status["incidents"] and {t["state"] for t in status["targets"]} == {"elsewhere"},
      (drained, status["verdict"]))
check("they end", [end(run) for run in runs.values()] == [0, 0, 0])

# Its throttled members tell each other of which account in which region.
LONG = "an account by a name that is longer than anybody has " + "thought" * 8
os.mkdir(path_of(".aws"))
write(".aws/credentials",
      f"[{LONG}]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
refusal = "ThrottlingException"
runs = {name: member(name, nats, service, more=f"profile = {LONG}") for name in "ad"}
pages = [page_of(run) for run in runs.values()]
for page in pages:
    until(lambda: status_of(page), lambda s: s["fleet"]["alive"] == 2)
began = time.monotonic()
while time.monotonic() < began + 4:  # longer than one that is not heard counts as alive
    time.sleep(INTERVAL_S)
states = [status_of(page)["fleet"]["alive"] for page in pages]
check("who is throttled for a profile of a long name is heard as before", states == [2, 2], states)
check("they end too", [end(run) for run in runs.values()] == [0, 0])
finish()
