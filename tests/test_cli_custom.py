#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Jobs of custom actions by `pipepoll poll` and `pipepoll run`, against the simulated service.
test_cli_custom.py PATH-OF-PIPEPOLL."""

import json
import re
import signal
import sys

sys.dont_write_bytecode = True
from lib.program import ACME, Sim, check, finish, pipepoll, start_run, target, write


def test_custom(sim):
    custom = "category=Build,owner=Custom,provider=%s,version=1"

    def poll(*arguments, provider="Acme"):
        return pipepoll("poll", "--endpoint-url", sim.url, "--region", "us-east-1",
                        "--action-type-id", custom % provider, *arguments)

    sim.control("POST", "jobs", owner="Custom", count=2)
    r = poll("--max-batch-size", "1")
    jobs = json.loads(r.out or "{}").get("jobs", [])
    check("a custom job has its id, its nonce and an account", r.code == 0 and len(jobs) == 1 and
          list(jobs[0]) == ["id", "nonce", "accountId"], r)
    r = poll("--output", "table")
    check("a table is titled by the operation", "PollForJobs" in r.out, r)

    sim.control("POST", "action-types", owner="Custom", provider="Queried", queryable="Project")
    for project in ("p1", "p2"):
        sim.control("POST", "jobs", owner="Custom", provider="Queried",
                    configuration={"Project": project})
    r = poll(provider="Queried")
    check("without the query that an action type wants it is refused", r.code == 254 and
          "when calling the PollForJobs operation" in r.err and "queryParam" in r.err, r)
    r = poll("--query-param", "Project=p3", provider="Queried")
    check("a query by another value finds nothing", json.loads(r.out or "{}").get("jobs") == [], r)
    r = poll("--query-param", '{"Project": "p2"}', provider="Queried")
    check("a query finds its job alone", len(json.loads(r.out or "{}").get("jobs", [])) == 1, r)

    r = poll("--query-param", "A=1,B=2")
    check("a query has one property", r.code == 252 and "valid max length: 1" in r.err, r)
    r = poll("--query-param", "A=a b")
    check("and a value by the API's rules", r.code == 252 and "the value of queryParam" in r.err, r)
    r = pipepoll("poll", "--region", "us-east-1", "--action-type-id", ACME, "--query-param", "A=b")
    check("a third-party poll has none", r.code == 252 and "\"queryParam\"" in r.err, r)
    r = pipepoll("poll", "--region", "us-east-1", "--action-type-id",
                 ACME.replace("ThirdParty", "AWS"))
    check("owner AWS is refused before it is sent", r.code == 252 and
          'owner "AWS" has no jobs for others' in r.err, r)

    config = write("custom.ini", target("mine", sim, more="owner = Custom")
                   + target("queried", sim, provider="Queried",
                            more="owner = Custom\nquery-param = Project=p1"))
    run = start_run(config)
    sim.control("POST", "jobs", owner="Custom")
    lines = {line["actionTypeId"]["provider"]: line
             for line in (run.event(event="job"), run.event(event="job")) if line}
    check("run polls both, each by its own query", set(lines) == {"Acme", "Queried"}, lines)
    check("a custom job's line has a nonce and an account", all(list(line) == [
        "event", "time", "region", "actionTypeId", "jobId", "nonce", "accountId", "amzRequestId"]
        for line in lines.values()), lines)
    run.signal(signal.SIGTERM)
    check("and run ends", run.wait() == 0)
    alone = write("doctor.ini", target("mine", sim, provider="Doctored", more="owner = Custom"))
    sim.control("POST", "jobs", owner="Custom", provider="Doctored")
    r = pipepoll("doctor", "--config", alone)
    check("doctor polls it too, and tells the job that it took, which has no client id",
          r.code == 0 and re.search(r"mine in us-east-1: jobId \S+\n", r.out), r)
    r = pipepoll("run", "--config", config, "--print-config")
    check("the configuration is printed as it was given",
          "query-param = Project=p1" in r.out and "owner = Custom" in r.out, r)


def main():
    sim = Sim()
    test_custom(sim)
    sim.signal(signal.SIGTERM)
    check("the simulator ends with 0", sim.wait() == 0)
    finish()


if __name__ == "__main__":
    main()
