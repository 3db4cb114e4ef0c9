# SPDX-License-Identifier: MIT
"""The program under test and the simulated service beside it, for the tests that meet the program
as its users do. sys.argv[1] is the path of pipepoll.

Every wait is for a line, a file or an exit, with a deadline; nothing sleeps for its own sake."""

import atexit
import functools
import http.server
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PROGRAM = os.path.abspath(sys.argv[1])
DEADLINE_S = 30
KEY = "AKIDCANARY"
SECRET = "canary/secret/key/never/printed"
TOKEN = "canary-session-token-never-printed"
ACME = "category=Build,owner=ThirdParty,provider=Acme,version=1"

# A background job of a shell without job control ignores it, and so would all that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)

results = []
everything = []  # all that any command printed, for the canary
folder = tempfile.mkdtemp(prefix="pipepoll-test-")

# Whoever started us may ignore some signals (nohup, a shell's `&`), and programs inherit that.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)

# A machine that knows nothing of AWS: no variables, no files, no metadata service, no proxy.
BARE = {k: v for k, v in os.environ.items()
        if not k.startswith("AWS_") and not k.lower().endswith(("_proxy", "_ca_bundle"))}
BARE.update(HOME=folder, AWS_EC2_METADATA_DISABLED="true")
KEYS = dict(BARE, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=TOKEN)


def check(name, true, detail=""):
    results.append(bool(true))
    print(f"{'ok    ' if true else 'FAILED'} {name}{'' if true else ': ' + str(detail)[:2000]}",
          flush=True)
    if not true and "TESTS_FAIL_FAST" in os.environ:
        sys.exit(1)


def path_of(name):
    return os.path.join(folder, name)


@functools.cache
def program_for_all():
    """A copy that any user can start, wherever the build folder is: its parents may be closed."""
    os.chmod(folder, 0o755)
    to = path_of("for-all")
    os.mkdir(to)
    built = os.path.dirname(PROGRAM)
    for name in os.listdir(built):
        if name in ("pipepoll", "pipepoll-sim") or re.fullmatch(r"libpipepoll\.so\.\d+", name):
            shutil.copy(os.path.join(built, name), to)
    return os.path.join(to, os.path.basename(PROGRAM))


def write(name, text):
    with open(path_of(name), "w", encoding="utf-8") as f:
        f.write(text)
    return path_of(name)


class Ended:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}, stdout {self.out!r}, stderr {self.err!r}"


def pipepoll(*arguments, env=None):
    """Run a command to its end."""
    p = subprocess.run([PROGRAM, *arguments], env=env or KEYS, capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
    everything.extend([p.stdout, p.stderr])
    return Ended(p.returncode, p.stdout, p.stderr)


running = []


@atexit.register
def leave_nothing_behind():
    for p in running:
        if p.poll() is None:
            p.kill()
    shutil.rmtree(folder, ignore_errors=True)


class Process:
    """A command that runs until told to end; its lines are collected as they come."""

    def __init__(self, *arguments, env=None, stdout=subprocess.PIPE, read=True,
                 stderr=subprocess.PIPE, **options):
        self.p = subprocess.Popen([PROGRAM, *arguments], env=env or KEYS, stdout=stdout,
                                  stderr=stderr, text=True, stdin=subprocess.DEVNULL, **options)
        running.append(self.p)
        self.lines = {"out": queue.Queue(), "err": queue.Queue()}
        self.seen = {"out": [], "err": []}
        self.threads = []
        if self.p.stdout and read:
            self.collect("out", self.p.stdout)
        if self.p.stderr:
            self.collect("err", self.p.stderr)

    def collect(self, name, stream):
        def work():
            for line in stream:
                everything.append(line)
                self.lines[name].put(line.rstrip("\n"))
            self.lines[name].put(None)
        t = threading.Thread(target=work, daemon=True)
        t.start()
        self.threads.append(t)

    def next(self, name, wanted):
        """The next line for which wanted() is true, or None at the end or the deadline."""
        until = time.monotonic() + DEADLINE_S
        while True:
            try:
                line = self.lines[name].get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                self.lines[name].put(None)
                return None
            self.seen[name].append(line)
            if wanted(line):
                return line

    def event(self, **members):
        """The next event with these members."""
        line = self.next("out", lambda l: members.items() <= json.loads(l).items())
        return json.loads(line) if line else None

    def log(self, text):
        return self.next("err", lambda l: text in l)

    def signal(self, number):
        self.p.send_signal(number)

    def wait(self):
        try:
            code = self.p.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            return "killed at the deadline"
        for t in self.threads:
            t.join(DEADLINE_S)
        return code

    def rest(self, name):
        self.next(name, lambda _: False)
        return self.seen[name]


class Sim(Process):
    def __init__(self, *arguments):
        self.port_file = path_of(f"port{len(everything)}")
        super().__init__("sim", "--access-key", KEY, "--secret-key", SECRET, "--session-token",
                         TOKEN,
                         "--port-file", self.port_file, *arguments, env=BARE)
        self.url = (self.next("out", lambda l: "listening on" in l) or "no line").split()[-1]

    def control(self, method, what, **body):
        request = urllib.request.Request(f"{self.url}/_sim/{what}", method=method,
                                         data=json.dumps(body).encode() if body else None)
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return json.loads(answer.read() or b"{}")

    def until(self, wanted):
        """Poll the statistics until wanted(statistics); the statistics."""
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until:
            stats = self.control("GET", "stats")
            if wanted(stats):
                return stats
        return stats


class Refusal:
    """A service that answers every poll with one error; code None: with the message alone.
    seen: the User-Agent of each."""

    def __init__(self, status, code, message=""):
        body = json.dumps({"__type": code, "message": message}).encode() if code else \
            message.encode()
        self.seen = seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                seen.append(self.headers["User-Agent"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def target(name, sim, regions="us-east-1", interval="20ms", provider="Acme", more=""):
    return (f"[target {name}]\nregions = {regions}\ncategory = Build\nprovider = {provider}\n"
            f"version = 1\ninterval = {interval}\nendpoint-url = {sim.url}\n{more}\n")


def start_run(config, *arguments, loops=1, **options):
    run = Process("run", "--config", config, "--loops", str(loops), *arguments, **options)
    run.started = run.log("polling ")
    return run


def finish():
    """The last line, and the exit code."""
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)
