#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pipepoll fleet`: status and drain, on a real NATS server with members that poll and work.
test_cli_fleet.py PATH-OF-PIPEPOLL."""

import itertools
import json
import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
from lib.nats import Nats, free_ports
from lib.leases import placement
from lib.job_program import TOKENS_PATH, Simulated, events, path_of, program, wait_for
from lib.program import BARE, DEADLINE_S, KEYS, Process, check, finish, pipepoll, write

REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1", "ap-northeast-1"]
KEY = write("continuation.key", "c0" * 32 + "\n")
os.chmod(KEY, 0o600)
HANDLER = program("handler.py", r"""#!/usr/bin/python3
import json, os, sys, time
job = json.loads(sys.stdin.readline())
until = job["configuration"].get("until")
time.sleep(0 if until else 0.3)
while until and not os.path.exists(until):
    time.sleep(0.05)
print(json.dumps({"result": {"status": "succeeded"}}))
""")


def shared(url):
    """Who of the two is to poll which target; the provider is such that each has half of them."""
    for n in itertools.count():
        holders = placement("ab", [(region, f"Acme{n}") for region in REGIONS], url)
        if sum(holder == "a" for holder in holders.values()) == len(REGIONS) // 2:
            return holders


def provider_of(url):
    return next(iter(shared(url)))[1]


def add_jobs(sim, region, count, **configuration):
    sim.control("POST", "jobs", region=region, provider=provider_of(sim.url), count=count,
                configuration=configuration)


def config_of(name, url, servers, more=""):
    return write(f"{name}.ini", f"""[pipepoll]
state-dir = {path_of(name + "-state")}
client-tokens-command = {TOKENS_PATH}
continuation-key-file = {KEY}
interval = 100ms
max-jobs = 2
endpoint-url = {url}
[handler build]
command = {HANDLER}
[fleet]
servers = {servers}
member = {name}
replicas = 1
takeover = fast
[target web]
regions = {", ".join(REGIONS)}
category = Build
provider = {provider_of(url)}
version = 1
handler = build
{more}""")


def fleet(*arguments):
    return pipepoll("fleet", *arguments, env=BARE)


def status(config, *arguments):
    r = fleet("status", "--config", config, "--output", "json", *arguments)
    return json.loads(r.out) if r.code == 0 else {"members": [], "failed": r}


def members(shown):
    return {m["member"]: m for m in shown["members"]}


def until(config, wanted):
    """Look until the members are as wanted; those that were seen last in any case."""
    end = time.monotonic() + DEADLINE_S
    while not wanted(shown := members(status(config))) and time.monotonic() < end:
        pass
    return shown


def are(shown, **states):
    return {name: m["state"] for name, m in shown.items()} == states


def share(shown, **targets):
    return {name: m["targets"] for name, m in shown.items()} == targets


def without_servers():
    r = fleet("status", "--config", write("alone.ini", "[target a]\nregions = us-east-1\n"))
    check("a file without [fleet]: a line and 252", r.code == 252 and r.out == ""
          and r.err.endswith("alone.ini: there is no [fleet] in it\n"), r)
    closed = config_of("closed", "http://127.0.0.1:1", f"nats://127.0.0.1:{free_ports(1)[0]}")
    began = time.monotonic()
    r = fleet("status", "--config", closed, "--timeout", "300ms")
    check("no server: why, and 255, in time", r.code == 255 and r.out == ""
          and "127.0.0.1:" in r.err and r.err.count("\n") == 1
          and time.monotonic() - began < 5, r)


def wrong_login(config):
    """The same line of all commands, and nothing of what is in the file."""
    seed = write("member.nk", "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\n")
    os.chmod(seed, 0o600)
    wrong = write("wrong-login.ini", open(config, encoding="utf-8").read()
                  .replace("takeover", f"creds-file = {seed}\ntakeover"))
    for command in (["check", wrong], ["doctor", "--no-poll", wrong], ["run", wrong],
                    ["fleet", "status", "--config", wrong]):
        r = pipepoll(*command, env=KEYS)
        check(f"{command[0]}: a seed where creds are asked for", r.code == 252 and r.out == ""
              and f"[fleet] creds-file {seed} holds the seed of an nkey: name it as nkey-file "
              "instead\n" in r.err and "SUACSSL3" not in r.err, r)


def usage(config):
    for arguments, words in ((["status"], "--config FILE is required"),
                             (["--config", config], "what to do is missing"),
                             (["mend", "--config", config], "status or drain"),
                             (["drain", "--config", config], "needs a MEMBER"),
                             (["drain", "a b", "--config", config], "the id of a member"),
                             (["drain", "a", "b", "--config", config], "one MEMBER is taken"),
                             (["drain", "a", "--targets", "--config", config], "of status"),
                             (["status", "--end", "--config", config], "of drain")):
        r = fleet(*arguments)
        check(f"{' '.join(arguments[:2])}: {words}",
              r.code == 252 and words in r.err and r.out == "", r)


def check_needs_no_server(config):
    r = pipepoll("check", config, env=BARE)
    check("check says what each member would do", r.code == 0 and all(line in r.out for line in (
        "\nfleet            pipepoll, as member closed, by 1 server\n",
        "\nof 3 members     about 2 targets and 20 polls/s each on average; "
        "about 3 targets and 30 polls/s each within 3 s of one's death\n",
        "\nfound jobs       to a free handler here, else to the queue; none are lines on stdout\n",
        "\nlogs             1 copy of each: jobs 1GiB or 24h at most, dead letters 256MiB or a "
        "week, leases ",
        "\nspool            100000 found jobs at most, ")), r)
    r = pipepoll("check", config, "--output", "json", env=BARE)
    plan = json.loads(r.out or "{}").get("fleet") or {}
    size = plan.pop("leaseBytes", 0)
    check("and as JSON", plan == {
        "name": "pipepoll", "member": "closed", "servers": 1, "tls": False, "polls": True,
        "works": True, "ofMembers": 3, "targetsEach": 2, "pollsPerSecondEach": 20,
        "takeoverMs": 3000, "replicas": 1, "queueBytes": 1 << 30, "queueAgeMs": 86400000,
        "deadBytes": 1 << 28, "spoolJobs": 100000} and 20000 < size < 50000, (r, size))
    other = write("worker.ini", open(config, encoding="utf-8").read()
                  .replace("takeover", "polls = no\ntakeover"))
    r = pipepoll("check", other, env=BARE)
    check("of one that polls nothing", "\npolls            none by this member, which" in r.out
          and "of 3 members" not in r.out and "\nspool " not in r.out, r)


def nobody_is_there(config):
    other = write("typo.ini", open(config, encoding="utf-8").read()
                  .replace("takeover", "name = pipepol\ntakeover"))
    for arguments in (["status"], ["drain", "a"]):
        r = fleet(*arguments, "--config", other)
        check("a name that no fleet has: who there is", r.code == 255 and r.out == ""
              and r.err.endswith(": there is no fleet pipepol here; the fleets there are: "
                                 "pipepoll\n") and r.err.count("\n") == 1, r)
    r = fleet("status", "--config", config)
    check("a fleet without members", r.code == 0 and "\nno members\n" in r.out
          and re.match(r"fleet pipepoll at nats://127\.0\.0\.1:\d+ \(version [\d.]+\)\n"
                       r"queue: 0 jobs wait, 0 are with members\n", r.out), r)
    r = fleet("drain", "a", "--config", config)
    check("nobody to drain", r.code == 1
          and r.err == "pipepoll fleet: no member is called a: there are none\n", r)


def doctor(config, code):
    """-> its parts, by name: how they are, and why."""
    r = pipepoll("doctor", "--config", config, "--no-poll", "--output", "json", env=KEYS)
    check(f"doctor ends with {code}", r.code == code, r)
    parts = json.loads(r.out or "{}").get("fleet") or []
    return {part["part"]: (part["verdict"], part["cause"]) for part in parts}


def doctor_tries_the_servers(url, nats):
    good = config_of("good", url, nats.urls)
    server = nats.servers[0].url
    parts = doctor(good, 0)
    check("doctor: a server that is well", parts[server][0] == "well" and re.match(
        r"nats-server [\d.]+ answers; lets us in; JetStream answers$", parts[server][1]), parts)
    check("doctor: what the first member makes is no fault", parts["fleet's logs"][0] == "well"
          and parts["fleet's logs"][1]
          == "fleet pipepoll is not there yet: the first member makes it", parts)
    alone = write("alone-of-three.ini", open(good, encoding="utf-8").read()
                  .replace("replicas = 1\n", ""))
    told = doctor(alone, 255)
    check("doctor: a single server, and three copies", told[server][0] == "ill"
          and "set replicas = 1 in [fleet]" in told[server][1], told)
    r = fleet("status", "--config", good)
    check("status makes no fleet", r.code == 255 and "there is no fleet pipepoll here, nor any "
          "other: the first member that starts makes it" in r.err, r)
    check("nor does it leave a trace", doctor(good, 0) == parts, parts)
    maker = Process("run", "--config", good, env=KEYS)
    check("a member makes it", maker.log("joined as member good"))
    maker.signal(signal.SIGTERM)
    check("and ends", maker.wait() == 0)
    check("doctor: its logs are as they must be",
          doctor(good, 0)["fleet's logs"][1].count(" is as it must be") == 4)
    other = write("other-age.ini", open(good, encoding="utf-8").read()
                  .replace("takeover", "queue-age = 2h\ntakeover"))
    parts = doctor(other, 255)
    check("doctor: a log that differs, and what to do", parts["fleet's logs"][0] == "ill"
          and "PIPEPOLL_pipepoll_JOBS" in parts["fleet's logs"][1]
          and "max-age" in parts["fleet's logs"][1], parts)
    dead = f"nats://127.0.0.1:{free_ports(1)[0]}"
    parts = doctor(config_of("dead", url, f"{dead}, {nats.urls}"), 255)
    check("doctor: one server is down, and the other is well", parts[dead][0] == "ill"
          and parts[server][0] == "well" and parts["spool"][0] == "well" and len(parts) == 4, parts)
    r = pipepoll("doctor", "--config", path_of("dead.ini"), "--no-poll", env=KEYS)
    check("doctor: in words too", f"\ntrouble: {dead}\n  cause  " in r.out
          and f"\n{server} " in r.out, r)


def holders_of(targets):
    return {t["region"]: t["holder"] for t in targets}


def until_held(config, want):
    """The targets once these hold them; those that were seen last in any case. A member that a busy
    machine held up for seconds has none for a while."""
    end = time.monotonic() + DEADLINE_S
    while True:
        targets = status(config, "--targets").get("targets", [])
        if holders_of(targets) == want or time.monotonic() > end:
            return targets


def two_share(config, want):
    half = len(REGIONS) // 2
    shown = until(config, lambda m: are(m, a="active", b="active") and share(m, a=half, b=half)
                  and all(x["pollsPerSecond"] for x in m.values()))
    check("both are active, and share the targets", share(shown, a=half, b=half), shown)
    check("with slots free, not silent, of this version",
          all(m["freeSlots"] == 2 and m["silentMs"] is None and m["version"]
              for m in shown.values()), shown)
    targets = until_held(config, want)
    check("each target has its own holder, and an epoch", holders_of(targets) == want
          and all(t["target"] == "web" and t["epoch"] >= 1 for t in targets), targets)
    r = fleet("status", "--config", config, "--targets")
    rows = [line.split() for line in r.out.splitlines()]
    check("the table has the same", r.code == 0 and [row[:2] for row in rows[4:6]]
          == [["a", "active"], ["b", "active"]]
          and sorted((row[1], row[2], row[3]) for row in rows if row and row[0] == "web")
          == sorted((t["region"], t["hash"], t["holder"]) for t in targets), r)
    other = write("other.ini", open(config, encoding="utf-8").read().replace("Acme", "Other"))
    targets = status(other, "--targets")["targets"]
    check("another config knows its own, and sees the others' as well",
          [t.get("target") for t in targets] == ["web"] * len(REGIONS) + [None] * len(REGIONS)
          and [t["holder"] is None for t in targets]
          == [True] * len(REGIONS) + [False] * len(REGIONS), targets)


def one_is_drained(config, sim, holders, runs):
    r = fleet("drain", "c", "--config", config)
    check("an unknown member: who there is", r.code == 1
          and r.err == "pipepoll fleet: no member is called c; there are: a, b\n", r)
    region = next(region for region in REGIONS if holders[region] == "b")
    may_end = path_of("may-end")
    add_jobs(sim, region, 1, until=may_end)
    check("a job runs", wait_for("a claim", lambda: events(sim, "acknowledged")))
    shown = until(config, lambda m: m["b"]["jobs"])
    check("it takes a slot", shown["b"]["jobs"] == 1 and shown["b"]["freeSlots"] == 1, shown)
    r = fleet("drain", "b", "--config", config)
    check("b drains", r.code == 0
          and r.out == "member b is drained; it finishes 1 job\n", r)
    shown = until(config, lambda m: share(m, a=len(REGIONS), b=0))
    check("the other has all targets", shown["b"]["state"] in ("draining", "drained")
          and share(shown, a=len(REGIONS), b=0), shown)
    check("and what runs goes on", not events(sim, "succeeded"))
    write("may-end", "")
    check("what ran ends well", wait_for("its end", lambda: events(sim, "succeeded")))
    check("and says so", wait_for("its line", lambda: done_by(runs["b"])))
    before = done_by(runs["b"])
    for region in REGIONS:
        add_jobs(sim, region, 4)
    check("new jobs are worked", wait_for(
        "their ends", lambda: len(events(sim, "succeeded")) == 1 + 4 * len(REGIONS)))
    check("none by the drained one", done_by(runs["b"]) == before, (before, done_by(runs["b"])))
    shown = until(config, lambda m: are(m, a="active", b="drained"))
    check("it says that it is drained", are(shown, a="active", b="drained"), shown)


def done_by(run):
    return sum("succeeded after" in line for line in list(run.lines["err"].queue) if line)


def it_stays_drained(config, runs, restart):
    runs["b"].signal(signal.SIGTERM)
    check("a drained one ends", runs["b"].wait() == 0)
    check("and is not shown any more", are(until(config, lambda m: len(m) == 1), a="active"))
    runs["b"] = restart("b")
    shown = until(config, lambda m: are(m, a="active", b="drained"))
    check("it is drained after a restart too", are(shown, a="active", b="drained"), shown)
    r = fleet("drain", "--end", "b", "--config", config)
    check("until that is over", r.code == 0 and r.out == "member b is back\n", r)
    shown = until(config, lambda m: are(m, a="active", b="active") and m["b"]["targets"])
    check("then it has its part again", shown["b"]["targets"] > 0
          and shown["a"]["targets"] < len(REGIONS), shown)


def one_dies(config, runs):
    runs["b"].signal(signal.SIGKILL)
    runs["b"].wait()
    shown = members(status(config))
    check("a dead one is silent", are(shown, a="active", b="silent")
          and shown["b"]["silentMs"] > 500, shown)
    r = fleet("drain", "b", "--config", config, "--timeout", "1s")
    check("and does not say that it is drained", r.code == 1
          and r.err == "pipepoll fleet: member b is silent: it is dead, or cut off from the "
          "servers, and its targets go to the others when they find it dead; the request stays, so "
          "it is drained once it is back\n", r)
    r = fleet("drain", "b", "--end", "--no-wait", "--config", config)
    check("which one need not wait for",
          r.code == 0 and r.out == "member b is asked to come back\n", r)


def the_last_is_drained(config):
    r = fleet("drain", "a", "--config", config)
    check("who drains the last one is told what that means", r.code == 0
          and r.out == "member a is drained; no other member is active: nobody polls its targets "
          "until `pipepoll fleet drain a --end`, or another one starts\n", r)


without_servers()
check_needs_no_server(path_of("closed.ini"))
wrong_login(path_of("closed.ini"))
nats = Nats()
with Simulated("--seed", "7") as service:
    def start(name):
        return Process("run", "--config", config_of(name, service.url, nats.urls))

    looked_at = config_of("looker", service.url, nats.urls)
    usage(looked_at)
    doctor_tries_the_servers(service.url, nats)
    nobody_is_there(looked_at)
    members_of = {name: start(name) for name in "ab"}
    holders = {region: holder for (region, _), holder in shared(service.url).items()}
    two_share(looked_at, holders)
    until_held(looked_at, holders)
    one_is_drained(looked_at, service, holders, members_of)
    it_stays_drained(looked_at, members_of, start)
    one_dies(looked_at, members_of)
    the_last_is_drained(looked_at)
    members_of["a"].signal(signal.SIGTERM)
    check("the last one ends", members_of["a"].wait() == 0)
finish()
