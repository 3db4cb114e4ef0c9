# SPDX-License-Identifier: MIT
"""Workers that are killed at random moments, against a service that fails at times: no job is lost,
none is claimed twice, each result counts once. Without the journal the same does lose jobs.

usage: test_ledger.py PIPEPOLL CRASH_WORKER [JOBS KILLS SEED]
"""
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter

REGIONS = ["us-east-1", "eu-west-1", "ap-south-1"]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
WORKERS = 4
START_S = 20
DEADLINE_S = 240
OVER = ("succeeded", "failed", "timed_out", "continued")


class Service:
    """The simulator, with a short lease so that what a dead worker had not claimed comes back."""

    def __init__(self, binary, folder):
        port_file = os.path.join(folder, "port")
        self.ca = os.path.join(folder, "ca.pem")
        self.process = subprocess.Popen(
            [binary, "sim", "--tls", "--ca-file", self.ca, "--port-file", port_file, "--lease", "2",
             "--ledger", "1000000", "--repeated-nonce", "status", "--error-rate", "0.02",
             "--reset-rate", "0.01", "--lose-rate", "0.02"],
            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while not os.path.exists(port_file) or not os.path.getsize(port_file):
            if time.monotonic() > deadline:
                sys.exit("the simulator did not start")
            time.sleep(0.01)
        with open(port_file, encoding="ascii") as f:
            self.url = f"https://127.0.0.1:{f.read().strip()}"

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/_sim/{path}", method=method,
                                         data=json.dumps(body).encode() if body else None)
        handlers = [urllib.request.HTTPSHandler(
            context=ssl.create_default_context(cafile=self.ca)), urllib.request.ProxyHandler({})]
        with urllib.request.build_opener(*handlers).open(request, timeout=START_S) as answer:
            return json.load(answer)

    def events(self):
        since = 0
        while True:
            page = self.ask("GET", f"ledger?since={since}")
            if page["first"] > since + 1:
                sys.exit("the ledger was too short")
            if not page["events"]:
                return
            yield from page["events"]
            since = page["events"][-1]["serial"]


class Worker:
    def __init__(self, command, name):
        self.command, self.name = command, name
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env={**os.environ, **KEYS, "HOME": "/"})

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.start()


def run(binary, crash_worker, jobs, kills, seed, has_journal):
    """-> what went wrong with how many jobs, and the number of kills."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(binary, folder)
        try:
            for i, region in enumerate(REGIONS):
                share = jobs // len(REGIONS) + (i < jobs % len(REGIONS))
                while share:
                    batch = min(share, 1000)
                    service.ask("POST", "jobs", {"region": region, "provider": "Acme",
                                                 "count": batch})
                    share -= batch
            workers = []
            for i in range(WORKERS):
                state = os.path.join(folder, f"state-{i}") if has_journal else "-"
                workers.append(Worker([crash_worker, service.url, service.ca, state, "20"], i))
            done = work(service, workers, jobs, kills, chance, has_journal)
            return judge(service, jobs), done
        finally:
            service.process.terminate()
            service.process.wait(START_S)


def work(service, workers, jobs, kills, chance, has_journal):
    deadline = time.monotonic() + DEADLINE_S
    killed, over, still = 0, 0, 0
    while time.monotonic() < deadline:
        stats = service.ask("GET", "stats")
        now_over = stats["jobsSucceeded"]
        still = still + 1 if now_over == over else 0
        over = now_over
        if over >= jobs and killed >= kills or (not has_journal and still > 100):
            break
        if killed < kills:
            chance.choice(workers).kill()
            killed += 1
        time.sleep(chance.random() * 0.2)
    for worker in workers:
        worker.process.send_signal(signal.SIGTERM)
    for worker in workers:
        try:
            if worker.process.wait(30):
                print(f"worker {worker.name} ended with {worker.process.returncode}")
        except subprocess.TimeoutExpired:
            print(f"worker {worker.name} did not end")
            worker.process.kill()
            worker.process.wait()
    print(f"{killed} kills, {over} of {jobs} jobs succeeded")
    return killed


def judge(service, jobs):
    claims, results, kinds, known = Counter(), Counter(), Counter(), set()
    for event in service.events():
        kinds[event["event"]] += 1
        known.add(event["jobId"])
        claims[event["jobId"]] += event["event"] == "acknowledged"
        results[event["jobId"]] += event["event"] in OVER
    print(dict(kinds))
    faults = Counter(lost=jobs - len(known))
    for job in known:
        faults["lost"] += results[job] == 0
        faults["claimed twice"] += claims[job] > 1
        faults["more than one result"] += results[job] > 1
    return +faults


def main():
    binary, crash_worker = sys.argv[1:3]
    jobs, kills, seed = (int(a) for a in sys.argv[3:6]) if len(sys.argv) > 3 else (20000, 100, 1)
    faults, killed = run(binary, crash_worker, jobs, kills, seed, True)
    if faults or killed < kills:
        sys.exit(f"with the journal: {dict(faults)}")
    faults, _ = run(binary, crash_worker, 2000, 20, seed, False)
    if not faults["lost"]:
        sys.exit("without the journal no job was lost: this test proves nothing")
    print(f"without the journal: {dict(faults)}")


main()
