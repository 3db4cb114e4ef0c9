#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pipepoll behind a real proxy: tinyproxy between the program and the simulated service.
Usage: test_proxied.py PIPEPOLL_BINARY

The proxy writes down each CONNECT, so that what went by it and what went past it can be told.
Without tinyproxy: "skipped: ..." and exit status 77, or a failure where PIPEPOLL_CI=1."""

import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

LIMIT_S = 20
TRIES = 20
PASSWORD, WRONG = "pa55word", "wr0ngword"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
BARE = {name: value for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")}
CONF = """
Listen 127.0.0.1
Port {port}
Timeout 20
LogLevel Info
{more}
"""


class Lines:
    """What a process prints, line by line, as it comes."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, env=BARE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def await_line(self, pattern):
        """-> the first line with the pattern; None: the process ended without one."""
        while True:
            line = self.lines.get(timeout=LIMIT_S)
            if line is None or re.search(pattern, line):
                return line

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=LIMIT_S)


class Proxy:
    def __init__(self, tinyproxy, folder, more=""):
        for _ in range(TRIES):  # another may take the port before tinyproxy does
            self.port = free_port()
            path = os.path.join(folder, f"tinyproxy.{self.port}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(CONF.format(port=self.port, more=more))
            self.lines = Lines([tinyproxy, "-d", "-c", path])
            if self.lines.await_line("Accepting connections"):
                return
            self.lines.process.wait(timeout=LIMIT_S)
        raise AssertionError("tinyproxy does not start")

    def url(self, user=""):
        return f"http://{user}127.0.0.1:{self.port}"

    def end(self):
        """-> the origins that it was asked for, all of them: the pipe ends with the process."""
        self.lines.end()
        asked = []
        while line := self.lines.await_line("CONNECT .* HTTP/"):
            asked.append(line.split("CONNECT ")[-1].split()[0])
        return asked


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Service:
    """The simulated service, with one job for each poll."""

    def __init__(self, program, folder, tls):
        self.bundle = os.path.join(folder, "ca.pem")
        command = [program, "sim", "--jobs", "1000", "--default-batch", "1"]
        self.lines = Lines(command + (["--tls", "--ca-file", self.bundle] if tls else []))
        self.scheme = "https" if tls else "http"
        self.port = self.lines.await_line("listening on").strip().rsplit(":", 1)[1]

    def poll(self, program, host, environment):
        """-> the finished process, after one poll of the service."""
        command = [program, "poll", "--region", "us-east-1", "--action-type-id",
                   "category=Build,owner=ThirdParty,provider=Acme,version=1",
                   "--endpoint-url", f"{self.scheme}://{host}:{self.port}"]
        if self.scheme == "https":
            command += ["--ca-bundle", self.bundle]
        return subprocess.run(command, env=BARE | KEYS | environment, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S)


def works(run):
    """-> None when a job came, else what is wrong."""
    good = run.returncode == 0 and len(json.loads(run.stdout)["jobs"]) == 1
    return None if good else f"exit {run.returncode}: {run.stderr!r}"


def fails_with(run, pattern):
    """-> None when it failed with one line that says so, and no secret; else what is wrong."""
    lines = [line for line in run.stderr.splitlines() if line.strip()]
    if run.returncode == 0 or run.stdout or len(lines) != 1:
        return f"exit {run.returncode}: {run.stdout!r} {run.stderr!r}"
    if any(secret in run.stderr for secret in (PASSWORD, WRONG, *KEYS.values())):
        return f"a secret: {lines[0]}"
    return None if re.search(pattern, lines[0]) else f"no word of {pattern!r}: {lines[0]}"


class Bench:
    """The program, the service, and a proxy anew for each case."""

    def __init__(self, program, tinyproxy, folder):
        self.program, self.tinyproxy, self.folder = program, tinyproxy, folder
        self.services = {scheme: Service(program, folder, scheme == "https")
                         for scheme in ("https", "http")}

    def end(self):
        for service in self.services.values():
            service.lines.end()

    def go(self, environment, user="", more="", host="localhost", scheme="https"):
        """-> the run, and whom the proxy was asked for. {proxy} and {port} stand for it and the
        service's port."""
        service = self.services[scheme]
        proxy = Proxy(self.tinyproxy, self.folder, more)
        try:
            filled = {name: value.format(proxy=proxy.url(user), port=service.port)
                      for name, value in environment.items()}
            return service.poll(self.program, host, filled), proxy.end()
        finally:
            proxy.lines.end()

    def by_proxy(self, environment, scheme="https", **more):
        run, asked = self.go(environment, scheme=scheme, **more)
        origin = f"localhost:{self.services[scheme].port}"
        return works(run) or (f"the proxy saw {asked}" if asked != [origin] else None)

    def past_proxy(self, environment, **more):
        run, asked = self.go(environment, **more)
        return works(run) or (f"the proxy saw {asked}" if asked else None)

    def nobody_there(self):
        with socket.socket() as unused:  # bound, so nobody else can listen there
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            proxy = f"http://user:{PASSWORD}@127.0.0.1:{port}"
            run = self.services["https"].poll(self.program, "localhost", {"HTTPS_PROXY": proxy})
            return fails_with(run, rf"the proxy http://127\.0\.0\.1:{port}\b")

    def refused(self, status, words="", **more):
        run, _ = self.go({"HTTPS_PROXY": "{proxy}"}, **more)
        return fails_with(run, rf"the proxy http://127\.0\.0\.1:\d+ .*{words}.*\b{status}\b")


LOCKED = f"BasicAuth user {PASSWORD}"
DEAD = "http://127.0.0.1:1"  # whoever is asked to go by it fails
CASES = {
    "HTTPS_PROXY is used, by CONNECT": lambda b: b.by_proxy({"HTTPS_PROXY": "{proxy}"}),
    "https_proxy comes before HTTPS_PROXY":
        lambda b: b.by_proxy({"https_proxy": "{proxy}", "HTTPS_PROXY": DEAD}),
    "ALL_PROXY stands in": lambda b: b.by_proxy({"ALL_PROXY": "{proxy}"}),
    "http_proxy is for http":
        lambda b: b.by_proxy({"http_proxy": "{proxy}", "HTTPS_PROXY": DEAD}, scheme="http"),
    "HTTP_PROXY is for http too":
        lambda b: b.by_proxy({"HTTP_PROXY": "{proxy}"}, scheme="http"),
    "HTTP_PROXY is a visitor's in a CGI":
        lambda b: b.past_proxy({"HTTP_PROXY": DEAD, "REQUEST_METHOD": "GET"}, scheme="http"),
    "an empty https_proxy turns HTTPS_PROXY off":
        lambda b: b.past_proxy({"https_proxy": "", "HTTPS_PROXY": DEAD, "ALL_PROXY": DEAD}),
    "NO_PROXY names the host":
        lambda b: b.past_proxy({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "example.com,localhost"}),
    "NO_PROXY names everything":
        lambda b: b.past_proxy({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "*"}),
    "NO_PROXY names a block of addresses":
        lambda b: b.past_proxy({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "127.0.0.0/8"},
                               host="127.0.0.1"),
    "NO_PROXY names the host and its port":
        lambda b: b.past_proxy({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "localhost:{port}"}),
    "NO_PROXY names another port":
        lambda b: b.by_proxy({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "localhost:1"}),
    "NO_PROXY names another host":
        lambda b: b.by_proxy({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "host,local,127.0.0.1"}),
    "a proxy that is not there is named": lambda b: b.nobody_there(),
    "the right password": lambda b: b.by_proxy({"HTTPS_PROXY": "{proxy}"}, more=LOCKED,
                                               user=f"user:{PASSWORD}@"),
    "a wrong password": lambda b: b.refused("40[17]", "does not accept the user and password",
                                            more=LOCKED, user=f"user:{WRONG}@"),
    "no password where one is needed":
        lambda b: b.refused("407", "asks for a user and password", more=LOCKED),
    "a port that the proxy does not serve": lambda b: b.refused("403", more="ConnectPort 1"),
}


def main():
    tinyproxy = shutil.which("tinyproxy") or shutil.which("tinyproxy", path="/usr/sbin")
    if not tinyproxy:
        print("skipped: no tinyproxy (Debian: tinyproxy-bin)")
        return 1 if os.environ.get("PIPEPOLL_CI") == "1" else 77
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sys.argv[1], tinyproxy, folder)
        try:
            for name, attempt in CASES.items():
                problem = attempt(bench)
                failed += problem is not None
                print(f"FAILED  {name}: {problem}" if problem else f"ok      {name}", flush=True)
        finally:
            bench.end()
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return failed


sys.exit(main())
