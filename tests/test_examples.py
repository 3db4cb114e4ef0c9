#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each example of tests/examples works a job as the handler of a `pipepoll run`, and README.md
shows it as it is. test_examples.py PATH-OF-PIPEPOLL README."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
from lib.program import (BARE, DEADLINE_S, Sim, check, everything, finish, path_of, running,
                         start_run, target, write)

EXAMPLES = sorted((Path(__file__).parent / "examples").iterdir())
README = Path(sys.argv[2]).read_text(encoding="utf-8")
LANGUAGES = {".sh": "sh", ".py": "python", ".js": "javascript"}
SECRET = "the key of a web service"
EXEC_LINES = 10


def is_shown(example):
    return f"```{LANGUAGES[example.suffix]}\n{example.read_text(encoding='utf-8')}```\n" in README


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def serve(example):
    """-> the port where it listens; another one if somebody was faster."""
    command = {".py": "python3", ".js": "node"}[example.suffix]
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        port = free_port()
        service = subprocess.Popen([command, example], stderr=subprocess.DEVNULL,
                                   env={**BARE, "WEBHOOK_KEY": SECRET, "PORT": str(port)})
        running.append(service)
        while service.poll() is None and time.monotonic() < until:
            if answers(port):
                return port
            time.sleep(0.01)
    sys.exit(f"{example.name} does not listen")


def section(example):
    """Its [handler], of the kind that its name begins with."""
    name = example.name.replace(".", "-")
    if example.name.startswith("webhook"):
        return (f"[handler {name}]\nurl = http://127.0.0.1:{serve(example)}/\n"
                f"secret-file = {path_of('webhook.key')}\n")
    kind = "stdio" if example.name.startswith("stdio") else "exec"
    return f"[handler {name}]\nkind = {kind}\ncommand = \"{example}\"\n"


def config(examples, sim):
    """A target for each, whose jobs only it gets."""
    os.chmod(write("tokens", "".join(f"{c} token-{c}\n" for c in clients(sim))), 0o600)
    os.chmod(write("webhook.key", SECRET + "\n"), 0o600)
    text = (f"[pipepoll]\nstate-dir = {path_of('state')}\n"
            f"client-tokens = {path_of('tokens')}\n")
    for example in examples:
        name = example.name.replace(".", "-")
        text += section(example) + target(name, sim, provider=name, more=f"handler = {name}")
    return write("examples.ini", text)


def clients(sim):
    return {e["clientId"] for e in events(sim, "added")}


def events(sim, kind):
    return [e for e in sim.control("GET", "ledger")["events"] if e["event"] == kind]


def wait_for_ends(sim, count):
    until = time.monotonic() + DEADLINE_S
    ends = []
    while time.monotonic() < until and len(ends) < count:
        ends = events(sim, "succeeded") + events(sim, "failed")
        time.sleep(0.02)
    return {e["provider"] for e in events(sim, "succeeded")}


def they_work_jobs(examples):
    sim = Sim()
    for example in examples:
        sim.control("POST", "jobs", provider=example.name.replace(".", "-"))
    run = start_run(config(examples, sim))
    succeeded = wait_for_ends(sim, len(examples))
    for example in examples:
        check(f"{example.name} works a job", example.name.replace(".", "-") in succeeded,
              run.lines["err"].queue)
    run.signal(signal.SIGTERM)
    check("the run ends", run.wait() == 0)
    sim.signal(signal.SIGTERM)
    sim.wait()


for shown in EXAMPLES:
    check(f"README shows {shown.name} as it is", is_shown(shown))
    if shown.name.startswith("exec"):
        check(f"{shown.name} is short", shown.read_text(encoding="utf-8").count("\n") <= EXEC_LINES)
has_node = shutil.which("node", path=BARE.get("PATH"))
they_work_jobs([e for e in EXAMPLES if has_node or e.suffix != ".js"])
check("no secret was printed", not any("simulated-secret" in text for text in everything))
if not has_node:
    print("skipped: the examples in JavaScript, for there is no node")
finish()
