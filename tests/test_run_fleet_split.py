#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A fleet whose network is split: one member and one of three NATS servers are cut off from the
others, without a word to anybody, and come back. Each has a network namespace of its own, with one
network for the servers, which is cut, and one for the service, which is not. Needs root, or it is
skipped: exit status 77. test_run_fleet_split.py PATH-OF-PIPEPOLL."""

import atexit
import ctypes
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from lib import nats as nats_library
from lib.poll_service import PollService
from lib.program import Process, check, finish, path_of, write

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
PROVIDERS = ["Acme", "Bcme", "Ccme", "Dcme"]
TARGETS = [(region, provider) for region in REGIONS for provider in PROVIDERS]
INTERVAL_S = 0.5
SETTLED_S = 90
ENGINE, SERVICE = "192.0.2", "198.51.100"  # networks of nobody's


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)


def leave_network():
    """Into a namespace of its own, of this process and of what it starts."""
    if LIBC.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")


try:
    leave_network()
    ip("link", "set", "lo", "up")
    for bridge in ("left", "right", "both"):
        ip("link", "add", bridge, "type", "bridge")
        ip("link", "set", bridge, "up")
    ip("link", "add", "cut", "type", "veth", "peer", "name", "cut2")
    for end_of, bridge in (("cut", "left"), ("cut2", "right")):
        ip("link", "set", end_of, "master", bridge)
        ip("link", "set", end_of, "up")
    ip("address", "add", f"{SERVICE}.254/24", "dev", "both")
except (OSError, subprocess.CalledProcessError) as error:
    print(f"skipped: no network namespaces here: {error}")
    sys.exit(77)


class Node:
    """A machine: a namespace that a process of ours holds open."""

    def __init__(self, number, side):
        self.number = number
        self.holder = subprocess.Popen(["/bin/sleep", "600"], preexec_fn=leave_network)
        atexit.register(self.holder.kill)
        own = os.stat("/proc/self/ns/net").st_ino
        nats_library.Nats.wait_for(
            lambda: os.stat(f"/proc/{self.holder.pid}/ns/net").st_ino != own)
        for name, bridge, network in (("e", side, ENGINE), ("s", "both", SERVICE)):
            here, there = f"{name}{number}", f"{name}th"
            ip("link", "add", here, "type", "veth", "peer", "name", there)
            ip("link", "set", here, "master", bridge)
            ip("link", "set", here, "up")
            ip("link", "set", there, "netns", str(self.holder.pid))
            self.run("ip", "address", "add", f"{network}.{number}/24", "dev", there)
            self.run("ip", "link", "set", there, "up")
        self.run("ip", "link", "set", "lo", "up")

    def enter(self):
        fd = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY)
        if LIBC.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)

    def run(self, *command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, preexec_fn=self.enter)


class Server:
    def __init__(self, node):
        self.node, n = node, node.number
        routes = ", ".join(f"nats-route://{ENGINE}.{i}:6222" for i in (1, 2, 3))
        self.config = write(
            f"nats-{n}.conf",
            f'server_name: s{n}\nlisten: "{ENGINE}.{n}:4222"\nhttp: "{SERVICE}.{n}:8222"\n'
            f'jetstream {{ store_dir: "{path_of(f"nats-{n}")}" }}\n'
            f'cluster {{ name: test, listen: "{ENGINE}.{n}:6222", routes: [{routes}] }}\n')
        self.p = subprocess.Popen([nats_library.SERVER, "-c", self.config],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  preexec_fn=node.enter)
        atexit.register(self.p.kill)


def until_held_by(members):
    return service.until_held(TARGETS, members, 5 * INTERVAL_S, SETTLED_S)


def member(name, node, service):
    targets = "".join(f"[target {p}]\nregions = {', '.join(REGIONS)}\ncategory = Build\n"
                      f"provider = {p}\nversion = 1\n" for p in PROVIDERS)
    servers = ", ".join(f"nats://{ENGINE}.{i}" for i in (1, 2, 3))
    config = write(f"{name}.ini", f"""[pipepoll]
user-agent-app-id = {name}
journal = none
interval = {int(INTERVAL_S * 1000)}ms
endpoint-url = {service.url}
[fleet]
servers = {servers}
member = {name}
{targets}""")
    return Process("run", "--config", config, preexec_fn=node.enter)


def mixed(turns, pattern):
    """Targets whose turns are not so."""
    return {target: word for target, word in turns.items() if not re.fullmatch(pattern, word)}


sides = {1: "left", 2: "right", 3: "right", 4: "left", 5: "right"}
nodes = {number: Node(number, side) for number, side in sides.items()}
servers = [Server(nodes[i]) for i in (1, 2, 3)]
service = PollService(host=f"{SERVICE}.254")
runs = {"a": member("a", nodes[4], service), "b": member("b", nodes[5], service)}
two = until_held_by("ab")
check("two members share the targets", two)

cut_at = time.monotonic()
ip("link", "set", "cut", "down")
alone = until_held_by("b")
check("the side with more servers polls them all", alone)
check("nobody polls a target that another has by then",
      not mixed(service.turns(cut_at), "a*b+"), mixed(service.turns(cut_at), "a*b+"))
own = [t for t, m in two.items() if m == "b"]
check("and its member keeps its own", not mixed({t: service.turns(cut_at)[t] for t in own}, "b+"))

heal_at = time.monotonic()
ip("link", "set", "cut", "up")
again = until_held_by("ab")
check("when it is healed all is as it was", again == two, (two, again))
check("each with one member at a time", not mixed(service.turns(heal_at), "b*a*"),
      mixed(service.turns(heal_at), "b*a*"))
for run in runs.values():
    run.signal(signal.SIGTERM)
check("they end", [run.wait() for run in runs.values()] == [0, 0])
finish()
