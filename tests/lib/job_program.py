# SPDX-License-Identifier: MIT
"""`pipepoll run` with a handler, beside the simulated service: what tests of its jobs share."""

import json
import os
import signal
import time

from lib.program import DEADLINE_S, Sim, path_of, target, write


def program(name, text):
    path = write(name, text)
    os.chmod(path, 0o755)
    return path


TOKENS_PATH = program("tokens.sh", "#!/bin/sh\necho token-$1\n")


class Simulated(Sim):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGTERM)
        self.wait()


def config(name, sim, handler, process="", regions="us-east-1", more="handler = build",
           targets=None):
    """handler: the lines of [handler build]; targets: instead of one."""
    return write(f"{name}.ini", f"""[pipepoll]
state-dir = {path_of(name + "-state")}
client-tokens-command = {TOKENS_PATH}
{process}
[handler build]
{handler}
""" + (targets or target("web", sim, regions, more=more)))


def add(sim, count=1, **configuration):
    sim.control("POST", "jobs", count=count, configuration=configuration)


def events(sim, *kinds):
    return [e for e in sim.control("GET", "ledger")["events"] if e["event"] in kinds]


def wait_for(what, true):
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.01)
    print(f"waited in vain for {what}")
    return False


def lines_of(name):
    """Of a file that handlers write; none: not yet."""
    try:
        with open(path_of(name), encoding="utf-8") as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def started():
    return [json.loads(line) for line in lines_of("started")]
