# SPDX-License-Identifier: MIT
"""Real nats-servers with JetStream for a test: one, or a cluster of three, on loopback at ports of
the system's choice, with stores in a folder of their own. As nats_servers.h for the tests in C.

    with Servers(3) as servers:
        servers.urls                     # "nats://127.0.0.1:1, nats://..." for [fleet] servers
        servers.kill(servers.leader("PIPEPOLL_f_JOBS"))
        servers.start(0)
        check("equal", servers.agree("PIPEPOLL_f_JOBS"))
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

TAKEN = os.path.join(os.path.dirname(__file__), "../../subprojects/packagecache/nats-server")
PATIENCE_S = 20


def find_or_skip():
    """Its path; without it the test is skipped, but in CI, where it must be there."""
    for place in ("nats-server", "/usr/sbin/nats-server", TAKEN):
        if shutil.which(place):
            return shutil.which(place)
    print("skipped: no nats-server here (subprojects/setup.sh --tests takes it)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)


def free_ports(count):
    """All at once, so that they are different ones."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Server:
    def __init__(self, index, ports):
        self.name = f"s{index + 1}"
        self.port, self.route, self.monitor = ports
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = None


class Servers:
    """more: further lines of each server's configuration."""

    def __init__(self, count=1, more=""):
        self.program, self.more = find_or_skip(), more
        self.folder = tempfile.mkdtemp(prefix="nats-")
        ports = free_ports(3 * count)
        self.at = [Server(i, ports[3 * i:3 * i + 3]) for i in range(count)]
        for i in range(count):
            self.start(i)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def urls(self):
        return ", ".join(s.url for s in self.at)

    def _config(self, s):
        text = (f"listen: 127.0.0.1:{s.port}\nserver_name: {s.name}\n"
                f"http: 127.0.0.1:{s.monitor}\n"
                f'jetstream {{ store_dir: "{self.folder}/{s.name}" }}\n{self.more}\n')
        if len(self.at) > 1:
            routes = ", ".join(f'"nats://127.0.0.1:{o.route}"' for o in self.at)
            text += f"cluster {{ name: c, listen: 127.0.0.1:{s.route}, routes: [{routes}] }}\n"
        path = f"{self.folder}/{s.name}.conf"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def start(self, i):
        """It answers on its port; a cluster may have no leader yet."""
        s = self.at[i]
        with open(f"{self.folder}/{s.name}.log", "ab") as log:
            s.process = subprocess.Popen([self.program, "-c", self._config(s)], stdout=log,
                                         stderr=log, preexec_fn=die_with_parent)
        self._until(lambda: self._answers(s), f"{s.name} does not come up")

    def _answers(self, s):
        if s.process.poll() is not None:
            raise RuntimeError(open(f"{self.folder}/{s.name}.log", encoding="utf-8").read())
        try:
            socket.create_connection(("127.0.0.1", s.port), 1).close()
        except OSError:
            return False
        return True

    @staticmethod
    def _until(what, otherwise):
        end = time.monotonic() + PATIENCE_S
        while not what():
            if time.monotonic() > end:
                raise RuntimeError(otherwise)
            time.sleep(0.02)

    def send_signal(self, i, number):
        self.at[i].process.send_signal(number)

    def kill(self, i, number=signal.SIGKILL):
        """And wait for its end."""
        if self.at[i].process:
            self.send_signal(i, number)
            self.at[i].process.wait(PATIENCE_S)
            self.at[i].process = None

    def end(self):
        for i in range(len(self.at)):
            self.kill(i)
        shutil.rmtree(self.folder, ignore_errors=True)

    def stream(self, i, name):
        """What a running server has of a stream, of /jsz; None: nothing, or no answer."""
        s = self.at[i]
        if not s.process:
            return None
        try:
            url = f"http://127.0.0.1:{s.monitor}/jsz?accounts=true&streams=true"
            with urllib.request.urlopen(url, timeout=2) as answer:
                accounts = json.load(answer).get("account_details", [])
        except OSError:
            return None
        streams = [d for a in accounts for d in a.get("stream_detail", [])]
        return next((d for d in streams if d["name"] == name), None)

    def leader(self, name):
        """Which one leads a stream; None: nobody knows."""
        names = [s.name for s in self.at]
        for i in range(len(self.at)):
            found = ((self.stream(i, name) or {}).get("cluster") or {}).get("leader")
            if found in names:
                return names.index(found)
        return None

    def holds(self, i, name):
        """-> messages, first, last; None: nothing."""
        stream = self.stream(i, name)
        if not stream:
            return None
        state = stream["state"]
        first = state["first_seq"] if state["messages"] else 0  # of an empty one it may be 0 or 1
        return state["messages"], first, state["last_seq"]

    def agree(self, name):
        """Have all running servers the same of it? Replicas that were away get time."""
        end = time.monotonic() + PATIENCE_S
        while True:
            held = [self.holds(i, name) for i, s in enumerate(self.at) if s.process]
            if held and None not in held and len(set(held)) == 1:
                return True
            if time.monotonic() > end:
                print(f"{name}: {held}", file=sys.stderr)
                return False
            time.sleep(0.1)
