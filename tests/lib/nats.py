# SPDX-License-Identifier: MIT
"""Real NATS servers with JetStream on loopback: one, or three as a cluster, for tests of fleets.
Each has a store of its own under the test's folder, and ends with the test. Importing it skips the
test where nats-server is missing: exit status 77, or a failure where PIPEPOLL_CI=1 promises it."""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from lib.program import path_of, write

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_S = 30

# Debian has it in a folder of administrators; setup.sh takes it out of its package.
SERVER = shutil.which("nats-server", path=os.pathsep.join([
    os.environ.get("PATH", ""), "/usr/sbin", os.path.join(ROOT, "subprojects/packagecache")]))
if not SERVER:
    print("skipped: nats-server is not installed")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)


def free_ports(count):
    """So many different ones, of the system's choice."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Server:
    def __init__(self, name, port, route, monitor, routes, more):
        self.name, self.port, self.monitor = name, port, monitor
        store = path_of(f"nats-{name}")
        cluster = "" if not routes else (f'cluster {{ name: test, listen: "127.0.0.1:{route}", '
                                         f'routes: [{", ".join(routes)}] }}\n')
        self.config = write(f"nats-{name}.conf",
                            f'server_name: {name}\nlisten: "127.0.0.1:{port}"\n'
                            f'http: "127.0.0.1:{monitor}"\n'
                            f'jetstream {{ store_dir: "{store}", max_file_store: 2GB }}\n'
                            f'{cluster}{more}')
        self.p = None

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        self.p = subprocess.Popen([SERVER, "-c", self.config], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, start_new_session=True)

    def end(self, number=signal.SIGKILL):
        if self.p and self.p.poll() is None:
            self.p.send_signal(signal.SIGCONT)
            self.p.send_signal(number)
            self.p.wait(START_S)

    def ask(self, what):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/{what}", timeout=5) as a:
            return json.load(a)

    def streams(self):
        """Each stream's name with what this server has of it."""
        accounts = self.ask("jsz?accounts=true&streams=true").get("account_details") or []
        return {s["name"]: s["state"] | {"leader": s.get("cluster", {}).get("leader")}
                for a in accounts for s in a.get("stream_detail") or []}


class Nats:
    """One server, or three, with more lines of configuration."""

    def __init__(self, count=1, more=""):
        ports = free_ports(3 * count)
        routes = [f"nats-route://127.0.0.1:{ports[count + i]}" for i in range(count)]
        self.servers = [Server(f"s{i + 1}", ports[i], ports[count + i], ports[2 * count + i],
                               routes if count > 1 else [], more) for i in range(count)]
        atexit.register(self.end)
        for s in self.servers:
            s.start()
        self.wait_for(lambda: all(s.ask("healthz") for s in self.servers))

    @property
    def urls(self):
        return ", ".join(s.url for s in self.servers)

    def end(self):
        for s in self.servers:
            s.end()

    @staticmethod
    def wait_for(true):
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                if true():
                    return True
            except OSError:
                pass
            time.sleep(0.05)
        return False

    def leader(self, stream):
        """The server that leads it."""
        name = self.servers[0].streams().get(stream, {}).get("leader")
        return next((s for s in self.servers if s.name == name), None)

    def differing(self):
        """The streams of which not all servers have the same. The first of no messages is 0 or,
        after a restart, the next."""
        states = [{n: (v["messages"], v["messages"] and v["first_seq"], v["last_seq"])
                   for n, v in s.streams().items()} for s in self.servers]
        return {n for state in states for n in state
                if any(other.get(n) != state[n] for other in states)}

    def agree(self):
        """Have all servers the same of every stream? What was away catches up for a while."""
        return self.wait_for(lambda: not self.differing())
