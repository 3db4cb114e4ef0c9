#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How `pipepoll run` tells of targets that fail: an event for each on stdout, a line for each cause
in the log. test_run_health.py PATH-OF-PIPEPOLL."""

import json
import re
import signal
import sys

sys.dont_write_bytecode = True
from lib.program import KEYS, Refusal, Sim, check, finish, start_run, target, write


def health_of(lines):
    return [e for e in map(json.loads, lines) if e["event"] == "health"]


def told(run, text=""):
    return [l for l in run.seen["err"] if (" warning " in l or " healthy again" in l) and text in l]


def end(run):
    run.signal(signal.SIGTERM)
    code = run.wait()
    run.rest("out")
    run.rest("err")
    return code


def test_few_failures(sim):
    """Two of a hundred polls fail and pass after milliseconds."""
    sim.control("PUT", "faults", region="us-east-1", **{"error-rate": 0.02, "error-status": 503})
    config = write("few.ini", "".join(target(f"t{i}", sim, provider=f"P{i}", interval="20ms")
                                      for i in range(50)))
    run = start_run(config)
    before = sim.control("GET", "stats")["requests"]
    sim.until(lambda s: s["requests"] > before + 5000)
    run.signal(signal.SIGUSR1)
    failed = int(re.search(r"failed (\d+)", run.log("status: ") or "failed 0")[1])
    check("some polls failed", failed > 20, failed)
    end(run)
    check("and no target was unhealthy for that", health_of(run.seen["out"]) == [] and
          told(run) == [], (health_of(run.seen["out"])[:2], told(run)))
    sim.control("DELETE", "faults")


def test_all_down(sim, loops):
    """Thousands of events that find no room at once, and a line."""
    count = 2000
    regions = ["us-east-1", "eu-west-1", "ap-south-1", "sa-east-1"]
    config = write("down.ini", "[pipepoll]\nmax-in-flight = 128\n" + "".join(
        target(f"t{i}", sim, regions=", ".join(regions), provider=f"P{i}", interval="100ms")
        for i in range(count // len(regions))))
    for region in regions:
        sim.control("PUT", "faults", region=region, **{"error-rate": 1, "error-status": 503})
    run = start_run(config, loops=loops)
    ill = [run.event(event="health") for _ in range(count)]
    check("each target that fails has its event", None not in ill
          and not any(e["healthy"] for e in ill)
          and len({(e["target"], e["region"]) for e in ill}) == count, ill[-1:])
    sim.control("DELETE", "faults")
    well = [run.event(event="health", healthy=True) for _ in range(count)]
    check("and each has another when it is well", None not in well
          and {e["status"] for e in well} == {"ok"}
          and len({(e["target"], e["region"]) for e in well}) == count, well[-1:])
    passed = run.log(" are healthy again, after ") or ""
    check("one line says that it has passed", f" {count} targets in 4 regions (" in passed, passed)
    check("it ends", end(run) == 0)
    down = told(run, "since")
    # On a slow machine the first may be told before the second region has failed.
    check("and few that it lasts", 1 <= len(down) <= 3
          and re.search(r" \d+ targets in \d regions? \(\[target t", down[0])
          and "ServiceUnavailable" in down[0] and "see pipepoll doctor" in down[0], down)
    check("no more than that", len(told(run)) <= 5, told(run)[:5])


def test_wrong_secret(sim):
    config = write("secret.ini", target("web", sim, regions="all", interval="200ms"))
    run = start_run(config, env=dict(KEYS, AWS_SECRET_ACCESS_KEY="wrong"))
    ill = run.event(event="health", healthy=False)
    check("a wrong secret makes a target unhealthy", ill and ill["status"] == "credentials", ill)
    line = run.log(" regions ([target web] in ") or ""
    check("one line for all regions, in the words of doctor",
          re.search(r" warning \d+ targets in \d+ regions .*the secret access key from .* is not "
                    r"the one of the access key id.*see pipepoll doctor$", line), line)
    check("it ends", end(run) == 0)
    check("and no other warning", len(told(run, "secret")) == 1, told(run, "secret"))


def test_throttled():
    config = write("throttled.ini", target("web", Refusal(400, "ThrottlingException")))
    run = start_run(config)
    event = run.event(event="health")
    check("a throttled target has a state of its own, and is not unhealthy",
          event and event["healthy"] is True and event["status"] == "throttled"
          and event["code"] == "ThrottlingException", event)
    run.signal(signal.SIGUSR1)
    check("nor counts as that", run.log("unhealthy 0, throttled 1; "), run.seen["err"])
    check("and the log has one line", run.log("[target web] in us-east-1: throttled: "),
          run.seen["err"])
    check("it ends", end(run) == 0)


def test_removed(sim, loops):
    sim.control("PUT", "faults", region="eu-west-2", **{"error-rate": 1, "error-status": 503})
    both = target("good", sim, provider="Good") + target("bad", sim, regions="eu-west-2")
    config = write("removed.ini", both)
    run = start_run(config, loops=loops)
    run.event(event="health", healthy=False)
    write("removed.ini", target("good", sim, provider="Good"))
    run.log("[target bad] in eu-west-2: ")
    run.signal(signal.SIGHUP)
    last = run.event(event="health", target="bad", status="removed")
    check("a target that is removed while unhealthy has a last event",
          last and last["healthy"] is True and last["region"] == "eu-west-2", last)
    check("and a last line", run.log("[target bad] in eu-west-2 is not polled any more"),
          run.seen["err"])
    sim.control("DELETE", "faults")
    check("it ends", end(run) == 0)
    check("with no event for others", len(health_of(run.seen["out"])) == 2)


def main():
    sim = Sim()
    test_few_failures(sim)
    for loops in (1, 2):
        print(f"--- run --loops {loops}", flush=True)
        test_all_down(sim, loops)
        test_removed(sim, loops)
    test_wrong_secret(sim)
    test_throttled()
    sim.signal(signal.SIGTERM)
    check("the simulator ends with 0", sim.wait() == 0)
    finish()


if __name__ == "__main__":
    main()
