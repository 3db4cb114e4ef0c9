# SPDX-License-Identifier: MIT
"""What tests of whole fleets share beside lib/nats.py: a way to the simulated service that notes
who polls what, jobs that come all the time, and the service's ledger of them."""

import collections
import http.client
import threading


def passed_on(url):
    """What answers for the service: that at the url."""
    there, of_thread = url.removeprefix("http://"), threading.local()

    def ask(body, headers):
        if not hasattr(of_thread, "way"):
            of_thread.way = http.client.HTTPConnection(there, timeout=30)
        of_thread.way.request("POST", "/", body, dict(headers))
        answer = of_thread.way.getresponse()
        kind = answer.getheader("Content-Type") or "application/x-amz-json-1.1"
        return answer.status, kind, answer.read()
    return ask


class Adder:
    """Adds a job at one target, (region, provider), after the other, all the time."""

    def __init__(self, sim, targets, each_s):
        self.count, self.is_over = 0, threading.Event()
        self.thread = threading.Thread(target=self.work, args=(sim, targets, each_s), daemon=True)
        self.thread.start()

    def work(self, sim, targets, each_s):
        while not self.is_over.wait(each_s):
            region, provider = targets[self.count % len(targets)]
            sim.control("POST", "jobs", region=region, provider=provider, count=1)
            self.count += 1

    def end(self):
        self.is_over.set()
        self.thread.join()


class Ledger:
    """What the service says of its jobs; it tells some events at a time."""

    def __init__(self, sim):
        self.sim, self.events = sim, []

    def count(self):
        """How often each kind of event was, by job."""
        while page := self.sim.control("GET", f"ledger?since={len(self.events)}")["events"]:
            self.events += page
        return {kind: collections.Counter(e["jobId"] for e in self.events if e["event"] == kind)
                for kind in ("handed_out", "acknowledged", "succeeded", "failed")}
