#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A worker in another language takes a fleet's jobs out of its queue, with the client of NATS and
the AWS SDK for JavaScript, while pipepoll polls alone: the service's ledger says that each job was
claimed and ended once. witness_fleet.py PATH-OF-PIPEPOLL; skipped with 77, or a failure where
PIPEPOLL_CI=1, without those two."""

import collections
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
from lib.nats import Nats
from lib.job_program import Simulated, events, path_of, wait_for
from lib.program import BARE, DEADLINE_S, KEYS, Process, check, finish, write

STRANGER = "00000000-0000-4000-8000-000000000001"
REGIONS = ["us-east-1", "eu-west-1"]
FLEET = "pipepoll"


class Worker:
    """The script in JavaScript, which ends with its stdin."""

    def __init__(self, nats, sim):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib/fleet_worker.js")
        node = shutil.which("node")
        self.p = subprocess.Popen([node, script, nats.urls, sim.url, STRANGER], text=True,
                                  env=KEYS, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) if node else None
        self.said = queue.Queue()
        self.first = self.p.stdout.readline() if self.p else "null\n"
        if self.p:
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.p.stdout:
            said = json.loads(line)
            self.said.put((said["what"], said["jobId"]))

    def count(self):
        return collections.Counter(what for what, _ in list(self.said.queue))

    def end(self):
        self.p.stdin.close()
        return self.p.wait(DEADLINE_S)


def poller(nats, sim):
    return Process("run", "--config", write("poller.ini", f"""[pipepoll]
state-dir = {path_of("poller-state")}
interval = 100ms
endpoint-url = {sim.url}
[fleet]
servers = {nats.urls}
replicas = 1
works = no
takeover = fast
[target web]
regions = {", ".join(REGIONS)}
category = Build
provider = Acme
version = 1
"""))


with Simulated("--seed", "21") as sim:
    nats = Nats()
    run = poller(nats, sim)
    check("the member makes the streams", nats.wait_for(
        lambda: f"PIPEPOLL_{FLEET}_DEAD" in nats.servers[0].streams()))
    worker = Worker(nats, sim)
    if worker.first == "null\n":
        print("skipped: the npm packages nats and @aws-sdk/client-codepipeline are not installed")
        sys.exit(1 if BARE.get("PIPEPOLL_CI") == "1" else 77)
    check("a worker in JavaScript begins", json.loads(worker.first or "{}") == {"what": "ready"})
    for region in REGIONS:
        sim.control("POST", "jobs", region=region, count=10)
    check("its jobs end", wait_for("the end of all", lambda: len(events(sim, "succeeded")) == 20))
    claims = collections.Counter(e["jobId"] for e in events(sim, "acknowledged"))
    check("each was claimed once", len(claims) == 20 and set(claims.values()) == {1}, claims)
    check("one was given back first", worker.count()["given back"] == 1, worker.count())

    sim.control("POST", "jobs", region=REGIONS[0], count=1, clientId=STRANGER)
    check("one that it cannot take is a dead letter", wait_for(
        "a dead letter", lambda: worker.count()["buried"] == 1 and
        nats.servers[0].streams()[f"PIPEPOLL_{FLEET}_DEAD"]["messages"] == 1))

    def consumers():
        details = nats.servers[0].ask("jsz?accounts=true&streams=true&consumers=true&config=true")
        jobs = next(s for s in details["account_details"][0]["stream_detail"]
                    if s["name"] == f"PIPEPOLL_{FLEET}_JOBS")
        return [(c["num_ack_pending"], c["num_pending"]) for c in jobs["consumer_detail"]
                if c["name"].startswith("@")]

    check("and nothing is left in the queue", wait_for(
        "all settled", lambda: consumers() == [(0, 0)]), consumers())
    check("where each was settled the first time", worker.count() ==
          {"given back": 1, "succeeded": 20, "buried": 1}, worker.count())
    check("it ends", worker.end() == 0)
    run.signal(signal.SIGTERM)
    check("and so does the member", run.wait() == 0)
finish()
