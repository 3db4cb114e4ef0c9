#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `pipepoll run` answers over HTTP: its figures are those of the service that it polls, on one
loop and on several, over TCP and over a unix socket, and to nobody who may not ask.
test_run_web.py PATH-OF-PIPEPOLL."""

import http.client
import json
import os
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
from lib.program import (DEADLINE_S, Process, Refusal, Sim, check, finish, path_of, pipepoll,
                         target, write)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Web:
    """The HTTP side of a run."""

    def __init__(self, config, *arguments):
        self.run = Process("run", "--config", config, *arguments)
        line = self.run.log("status page: ") or "nowhere"
        self.at = line.split("status page: ")[-1]

    def connection(self):
        if self.at.startswith("unix:"):
            return UnixConnection(self.at[len("unix:"):])
        return http.client.HTTPConnection(self.at[len("http://"):], timeout=DEADLINE_S)

    def ask(self, path, method="GET", **headers):
        connection = self.connection()
        connection.request(method, path, headers={k.replace("_", "-"): v
                                                  for k, v in headers.items()})
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def status(self):
        return json.loads(self.ask("/status.json").text)

    def until(self, wanted):
        """Ask until wanted(status); the status."""
        end = time.monotonic() + DEADLINE_S
        while True:
            status = self.status()
            if wanted(status) or time.monotonic() > end:
                return status

    def end(self):
        self.run.signal(signal.SIGTERM)
        return self.run.wait()


def test_figures(sim, loops):
    """Two regions, one of them with jobs, and one target that is refused."""
    refusal = Refusal(400, "AccessDeniedException", "not you")
    sim.control("POST", "jobs", region="us-east-1", count=7)
    config = write(f"figures{loops}.ini", "[http]\nlisten = 127.0.0.1:0\n"
                   + target("web", sim, regions="us-east-1, eu-west-1")
                   + target("bad", refusal, regions="sa-east-1"))
    web = Web(config, "--loops", str(loops))
    s = web.until(lambda s: s["summary"]["jobs"] >= 7 and s["summary"]["states"]["failing"] == 1
                  and s["summary"]["states"]["well"] == 2 and s["incidents"])
    found = sum(e["event"] == "job" for e in map(json.loads, web.run.seen["out"]))
    at = {(t["target"], t["region"]): t for t in s["targets"]}
    name = f"{loops} loop{'s' if loops > 1 else ''}: "
    check(name + "each target is there, in the order of the file",
          list(at) == [("web", "eu-west-1"), ("web", "us-east-1"), ("bad", "sa-east-1")], list(at))
    check(name + "a target's jobs are its own", at["web", "us-east-1"]["jobs"] == 7
          and at["web", "eu-west-1"]["jobs"] == 0, (found, s["targets"]))
    check(name + "sums are sums", s["summary"]["polls"]["empty"]
          == sum(t["polls"].get("empty", 0) for t in s["targets"])
          == sum(r["polls"].get("empty", 0) for r in s["regions"]), s)
    check(name + "who fails has the reason", at["bad", "sa-east-1"]["state"] == "failing"
          and "AccessDenied" in json.dumps(s["incidents"]) and at["bad", "sa-east-1"]["reason"]
          and at["bad", "sa-east-1"]["polls"].get("denied"), (at, s["incidents"]))
    failing = 'pipepoll_targets_failing{region="sa-east-1",outcome="denied"} 1'
    check(name + "and is counted by it", failing in web.ask("/metrics").text.splitlines())
    check(name + "it is ready, and not well",
          (s["verdict"]["alive"], s["verdict"]["ready"], s["verdict"]["well"])
          == (True, True, False), s["verdict"])
    check(name + "each loop turns", len(s["loops"]) == loops
          and all(l["turns"] > 0 for l in s["loops"]), s["loops"])
    check(name + "the process has figures", s["process"]["openFds"] > 3
          and s["process"]["residentBytes"] > 1 << 20, s["process"])
    ready = web.ask("/readyz")
    check(name + "readyz says so", ready.status == 200 and "1 target failing" in ready.text,
          ready.text)
    check(name + "the run ends", web.end() == 0, web.run.seen["err"])


def test_paths(sim):
    path = path_of("http.sock")
    config = write("paths.ini", f"[http]\nlisten = {path}\n" + target("web", sim))
    web = Web(config)
    check("a unix socket", web.at == f"unix:{path}" and os.stat(path).st_mode & 0o777 == 0o600,
          web.at)
    web.until(lambda s: s["summary"]["states"]["well"])
    for where, kind, part in (("/healthz", "text/plain", "ok"),
                              ("/readyz", "text/plain", "polling"),
                              ("/metrics", "text/plain; version=0.0.4", "pipepoll_polls_total"),
                              ("/status.json", "application/json", '"format":1'),
                              ("/", "text/html", "<!DOCTYPE html>")):
        a = web.ask(where)
        check(f"GET {where}", a.status == 200 and a.headers["Content-Type"].startswith(kind)
              and part in a.text and a.headers["Cache-Control"] == "no-store"
              and "default-src 'none'" in a.headers["Content-Security-Policy"], a.text[:300])
        head = web.ask(where, method="HEAD")
        check(f"HEAD {where}", head.status == 200 and head.text == "", head.text)
    a = web.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    check("OpenMetrics where it is asked for", a.text.endswith("# EOF\n")
          and a.headers["Content-Type"].startswith("application/openmetrics-text"), a.text[-300:])
    a = web.ask("/favicon.ico")
    check("another path is told which there are", a.status == 404 and "/status.json" in a.text,
          a.text)
    a = web.ask("/healthz", method="POST")
    check("nothing can be changed", a.status == 405 and a.headers["Allow"] == "GET, HEAD", a.text)
    connection = web.connection()
    connection.request("GET", "/events")
    stream = connection.getresponse()
    lines = [stream.readline() for _ in range(3)]
    check("events go on", stream.headers["Content-Type"] == "text/event-stream"
          and lines[0].startswith(b"data: {") and lines[2].startswith(b"data: {"), lines)
    check("a listener does not hold up the end", web.end() == 0, web.run.seen["err"])
    connection.close()
    check("the socket's file goes with the run", not os.path.exists(path))


def test_not_ready(sim):
    """A service that refuses each poll, and a job that holds up the end."""
    web = Web(write("refused.ini", "[http]\nlisten = 127.0.0.1:0\n"
                    + target("web", Refusal(400, "AccessDeniedException", "not you"))))
    web.until(lambda s: s["summary"]["states"]["failing"])
    a = web.ask("/readyz")
    check("none is polled: not ready, and why", a.status == 503 and
          "none of 1 target is polled: denied: " in a.text, (a.status, a.text))
    check("but alive", web.ask("/healthz").status == 200)
    check("the run ends", web.end() == 0, web.run.seen["err"])
    sim.control("PUT", "faults", region="us-east-1", **{"latency": 3000})
    web = Web(write("slow.ini", "[http]\nlisten = 127.0.0.1:0\n" + target("web", sim)))
    web.until(lambda s: s["summary"]["inFlight"])
    web.run.signal(signal.SIGTERM)
    web.run.log("SIGTERM: ")
    a = web.ask("/readyz")
    check("an end is told", a.status == 503 and "ending: " in a.text, (a.status, a.text))
    check("and is alive", web.ask("/healthz").status == 200)
    check("the run ends", web.run.wait() == 0, web.run.seen["err"])
    sim.control("PUT", "faults", region="us-east-1", **{"latency": 0})


def test_who_may_ask(sim):
    secret = "canary-0123456789abcdef"
    token = write("token", secret + "\n")
    os.chmod(token, 0o600)
    config = write("token.ini", f"[http]\nlisten = 0.0.0.0:0\nallow-remote = yes\n"
                   f"token-file = {token}\n" + target("web", sim))
    web = Web(config)
    web.at = web.at.replace("0.0.0.0", "127.0.0.1")
    for sent in "", "Bearer wrong", f"Bearer {secret}x", f"Basic {secret}":
        a = web.ask("/healthz", Authorization=sent)
        check(f"without the secret: {sent.split()[:1]}", a.status == 401
              and "Bearer" in a.headers["WWW-Authenticate"] and secret not in a.text, a.text)
    a = web.ask("/status.json", Authorization=f"Bearer {secret}")
    check("with it", a.status == 200 and secret not in a.text, a.text[:200])
    other = "canary-fedcba9876543210"
    for text, line in ((other, "token-file holds another secret"), ("short", "nothing changes")):
        write("token", text + "\n")
        web.run.signal(signal.SIGHUP)
        check(f"a reload: {line}", web.run.log(line), web.run.seen["err"])
        answers = [web.ask("/healthz", Authorization=f"Bearer {s}").status
                   for s in (secret, other, text)]
        check("the last good secret alone is taken",
              answers == [401, 200, 200 if text == other else 401], answers)
    check("the run ends", web.end() == 0, web.run.seen["err"])
    web = Web(write("own.ini", "[http]\nlisten = 127.0.0.1:0\n" + target("web", sim)))
    for host, status in (("evil.example", 403), ("127.0.0.1.evil.example", 403),
                         ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:9", 200)):
        check(f"asked as {host}", web.ask("/healthz", Host=host).status == status, host)
    taken = web.at[len("http://"):]
    r = pipepoll("run", "--config", write("taken.ini", f"[http]\nlisten = {taken}\n"
                                          + target("web", sim)))
    check("an address that is taken is told", r.code == 255 and taken in r.err
          and "in use" in r.err, r)
    check("the run ends", web.end() == 0, web.run.seen["err"])


def main():
    sim = Sim()
    for loops in 1, 2:
        test_figures(sim, loops)
    test_paths(sim)
    test_not_ready(sim)
    test_who_may_ask(sim)
    finish()


if __name__ == "__main__":
    main()
