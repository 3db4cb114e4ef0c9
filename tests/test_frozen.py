#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each stage of a connection frozen: poll, doctor and the end of run come within the stated time.
And 60 hosts by 40 descriptors: all are polled. test_frozen.py PATH-OF-PIPEPOLL."""

import http.server
import resource
import signal
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
from lib.program import ACME, BARE, KEYS, PROGRAM, check, finish, write

SLACK_S = 10  # of a busy machine
TIMEOUT_S = 6
POLL_S = TIMEOUT_S + SLACK_S  # for the whole: three attempts of as much would take 18 s
DOCTOR_S = 10 + SLACK_S  # a try has 10 s in all, and all are made side by side
kept = []


def listening(backlog):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(backlog)
    kept.append(s)
    return s.getsockname()[1]


def black_hole():
    """No connect ends: the queue is full."""
    port = listening(0)
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", port))
        kept.append(s)
    return port


def stalled():
    """Accepts, reads, and answers half a head."""
    port = listening(64)
    listener = kept[-1]

    def serve():
        while True:
            peer = listener.accept()[0]
            kept.append(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    threading.Thread(target=serve, daemon=True).start()
    return port


def stages():
    hole, mute, half = black_hole(), listening(64), stalled()
    return {
        "connect": (f"http://127.0.0.1:{hole}", None),
        "connect for TLS": (f"https://127.0.0.1:{hole}", None),
        "TLS handshake": (f"https://127.0.0.1:{mute}", None),
        "request unread": (f"http://127.0.0.1:{mute}", None),
        "answer": (f"http://127.0.0.1:{half}", None),
        "connect to the proxy": ("https://127.0.0.9:1", f"http://127.0.0.1:{hole}"),
        "CONNECT to the proxy": ("https://127.0.0.9:1", f"http://127.0.0.1:{mute}"),
    }


def start(*arguments, env, **more):
    p = subprocess.Popen([PROGRAM, *arguments], env=env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    kept.append(p)
    return p


def ends(p, within_s):
    try:
        p.communicate(timeout=within_s)
        return True
    except subprocess.TimeoutExpired:
        p.kill()
        return False


def test_stage(name, url, proxy):
    env = dict(KEYS, **({"HTTPS_PROXY": proxy} if proxy else {}))
    config = write(f"{name.replace(' ', '-')}.ini", f"""[pipepoll]
request-timeout = 1s
[target t]
regions = us-east-1
category = Build
provider = Acme
version = 1
interval = 100ms
endpoint-url = {url}
""")
    run = start("run", "--config", config, env=env)
    poll = start("poll", "--timeout", str(TIMEOUT_S), "--endpoint-url", url,
                 "--region", "us-east-1", "--action-type-id", ACME, env=env)
    doctor = start("doctor", "--config", config, env=env)
    check(f"{name} frozen: poll ends by its time-out", ends(poll, POLL_S) and
          poll.returncode == 255)
    run.send_signal(signal.SIGTERM)
    check(f"{name} frozen: run ends after SIGTERM", ends(run, 1 + 1 + SLACK_S) and
          run.returncode == 0)
    check(f"{name} frozen: doctor ends within one try", ends(doctor, DOCTOR_S))


def test_keys():
    """What gives the keys is frozen: there is nothing to poll with."""
    env = dict(BARE, AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{listening(64)}/")
    poll = start("poll", "--timeout", "1", "--endpoint-url", "http://127.0.0.1:1", "--region",
                 "us-east-1", "--action-type-id", ACME, env=env)
    out, err = poll.communicate(timeout=1 + SLACK_S)
    check("keys frozen: poll ends by its time-out, and says so", poll.returncode == 253 and
          "none came within the 1 s of --timeout" in err, err)


def test_many():
    """Frozen targets are tried side by side: many of them take no longer than one."""
    config = write("many.ini", "[pipepoll]\ncategory = Build\nprovider = Acme\nversion = 1\n"
                   "regions = us-east-1\n" + "".join(
                       f"[target t{i}]\nendpoint-url = http://127.0.0.1:{listening(64)}\n"
                       for i in range(40)))
    check("40 frozen targets: doctor ends soon after one try",
          ends(start("doctor", "--config", config, env=KEYS), DOCTOR_S))


def test_few_descriptors():
    seen = set()
    done = threading.Event()

    class Service(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("x-amzn-RequestId", "r")
            self.send_header("Content-Length", "11")
            self.end_headers()
            self.wfile.write(b'{"jobs":[]}')
            seen.add(self.path)
            if len(seen) == 60:
                done.set()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = write("sixty.ini", "[pipepoll]\ninterval = 500ms\ncategory = Build\nprovider = Acme\n"
                   "version = 1\nregions = us-east-1\n" + "".join(
                       f"[target t{i}]\nendpoint-url = http://127.0.0.1:{server.server_port}/h{i}\n"
                       for i in range(60)))
    run = start("run", "--config", config, env=KEYS,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
    check("60 hosts are polled by 40 descriptors", done.wait(30), len(seen))
    run.send_signal(signal.SIGTERM)
    check("and run ends", ends(run, SLACK_S) and run.returncode == 0)


threads = [threading.Thread(target=test_stage, args=(name, *way)) for name, way in stages().items()]
threads.append(threading.Thread(target=test_keys))
for t in threads:
    t.start()
for t in threads:
    t.join()
many = threading.Thread(target=test_many)
many.start()
test_few_descriptors()
many.join()
finish()
