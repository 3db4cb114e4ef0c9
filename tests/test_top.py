#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`pipepoll top` in a terminal, as its user has it: drawn to the window, by keys and signals, and
the terminal given back. A server stands for the running pipepoll. test_top.py PATH-OF-PIPEPOLL"""

import fcntl
import http.server
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

sys.dont_write_bytecode = True
from lib.program import (BARE, DEADLINE_S, PROGRAM, check, everything, finish, pipepoll, running,
                         write)

ENTER, LEAVE, HOME = "\033[?1049h", "\033[?25h\033[?1049l", "\033[H"
TARGET = ("[target web]\nregions = us-east-1\ncategory = Build\nprovider = Acme\nversion = 1\n")
CODES = re.compile(r"\033\[[0-9;?]*[A-Za-z]")


class Service:
    """What answers with a status; `count` targets fail."""

    def __init__(self):
        self.status, self.count, self.asked = 200, 3, 0
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.asked += 1
                body = json.dumps(service.document()).encode()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self):
        targets = [{"target": f"t{i}", "region": "us-east-1", "state": "failing",
                    "reason": f"reason {i}", "actionTypeId": {"provider": "Acme"}}
                   for i in range(self.count)]
        return {"format": 1, "verdict": {"alive": True, "ready": True, "well": False,
                                         "why": f"look {self.count}"},
                "summary": {"targets": self.count, "states": {"failing": self.count}},
                "targets": targets}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Terminal:
    """A pseudo-terminal with `pipepoll top` in it."""

    def __init__(self, service, *arguments, rows=24, columns=80, **env):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.seen = ""
        environment = {**BARE, "TERM": "xterm", **env}
        self.p = subprocess.Popen(
            [PROGRAM, "top", "--at", service.address, "--interval", "100ms", *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
        running.append(self.p)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, wanted):
        """Read until wanted(all that came); what came."""
        until = time.monotonic() + DEADLINE_S
        while not wanted(self.seen) and time.monotonic() < until:
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536).decode()
        everything.append(self.seen)
        return self.seen if wanted(self.seen) else None

    def shows(self, text):
        return self.until(lambda seen: text in seen)

    def forget(self):
        self.seen = ""

    def screen(self):
        """The lines of the last drawing that is whole."""
        self.until(lambda seen: seen.count(HOME) > 1)
        last = self.seen.split(HOME)[-2]
        return [CODES.sub("", line) for line in last.replace("\r", "").split("\n")]

    def is_given_back(self):
        return termios.tcgetattr(self.slave) == self.before and self.seen.endswith(LEAVE)

    def ends(self, code):
        try:
            got = self.p.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            return f"it did not end: {self.seen[-200:]!r}"
        self.shows(LEAVE)
        return "" if got == code and self.is_given_back() else (got, self.seen[-200:])


def test_a_screen(service):
    t = Terminal(service)
    check("it takes the other screen", t.shows(ENTER), t.seen)
    check("it says how things stand", t.shows("NOT WELL  look 3"), t.seen)
    service.count = 4
    check("and follows", t.shows("NOT WELL  look 4"), t.seen[-300:])
    t.forget()
    lines = t.screen()
    check("a target that fails has its reason", any("reason 2" in l for l in lines), lines)
    t.resize(8, 30)
    os.kill(t.p.pid, signal.SIGWINCH)
    t.forget()
    t.until(lambda seen: seen.count(HOME) > 2)
    lines = t.screen()
    check("a window that shrinks is kept to", len(lines) <= 8 and
          all(len(l) <= 30 for l in lines), lines)
    frame = t.seen.split(HOME)[-2]
    check("each line is erased before it is written", all(
        l.startswith(("\033[K", "\033[J")) for l in frame.split("\r\n")), frame)
    service.count = 50
    os.write(t.master, b" ")
    check("a key turns the page", t.shows("targets 1 to 5 of 50"), t.seen[-300:])
    os.write(t.master, b"\033[B")
    check("an arrow too", t.shows("targets 6 to 10 of 50"), t.seen[-300:])
    os.write(t.master, b"q")
    wrong = t.ends(0)
    check("q ends it, and gives the terminal back", not wrong, wrong)
    service.count = 3


def test_signals(service):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        t = Terminal(service)
        t.shows("NOT WELL")
        os.kill(t.p.pid, number)
        wrong = t.ends(128 + number)
        check(f"{number.name} ends it, and gives the terminal back", not wrong, wrong)


def test_a_terminal_that_goes(service):
    t = Terminal(service)
    t.shows("NOT WELL")
    os.close(t.master)
    try:
        code = t.p.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        code = "it did not end"
    check("a terminal that goes ends it", code == 0, code)


def test_a_stop(service):
    t = Terminal(service)
    t.shows("NOT WELL")
    os.kill(t.p.pid, signal.SIGTSTP)
    check("a stop gives the terminal back, and takes it again",
          t.until(lambda seen: LEAVE in seen and ENTER in seen.split(LEAVE)[-1]), t.seen[-300:])
    # As a shell leaves it: what is read by lines has an end, which is none of the terminal's.
    termios.tcsetattr(t.slave, termios.TCSANOW, t.before)
    os.write(t.master, b"\x04")
    t.forget()
    check("a read of nothing is not its end", t.until(lambda seen: seen.count(HOME) > 3) and
          t.p.poll() is None, t.seen[-300:])
    os.kill(t.p.pid, signal.SIGCONT)
    t.shows(ENTER)
    os.write(t.master, b"q")
    wrong = t.ends(0)
    check("going on it takes keys again", not wrong, wrong)


def test_colours(service):
    t = Terminal(service)
    check("what is bad is coloured", t.shows("\033[3"), t.seen)
    os.write(t.master, b"q")
    t.ends(0)
    t = Terminal(service, NO_COLOR="1")
    t.until(lambda seen: seen.count(HOME) > 1)
    check("but not with NO_COLOR", not re.search(r"\033\[3\d", t.seen), t.seen)
    os.write(t.master, b"q")
    t.ends(0)


def test_plain(service):
    r = pipepoll("top", "--at", service.address)
    url = pipepoll("top", "--at", f"http://{service.address}/")
    check("an URL will do", url.code == 0 and url.out == r.out, url)
    check("without a terminal it is printed once", r.code == 0 and "reason 2" in r.out
          and "\033" not in r.out, r)
    config = write("top.ini", f"[http]\nlisten = {service.address}\n" + TARGET)
    r = pipepoll("top", config)
    check("the config file says whom to ask", r.code == 0 and "reason 2" in r.out, r)
    r = pipepoll("top", write("deaf.ini", TARGET))
    check("one without [http] is told", r.code == 252 and "no [http]" in r.err, r)
    t = Terminal(service, "--once")
    plain = t.shows("reason 2") and t.p.wait(DEADLINE_S) == 0
    check("and with --once", plain and "\033" not in t.seen, t.seen)
    t = Terminal(service, TERM="dumb")
    plain = t.shows("reason 2") and t.p.wait(DEADLINE_S) == 0
    check("and on a terminal that is dumb", plain and "\033" not in t.seen, t.seen)


def test_no_answer(service):
    service.status = 401
    r = pipepoll("top", "--at", service.address)
    check("what is refused is told, with what to do", r.code == 255 and "answers with 401" in r.err
          and "--token-file" in r.err, r)
    service.status = 200
    t = Terminal(service)
    t.shows("NOT WELL")
    service.status = 503
    check("one that does not answer any more is told", t.shows("NO ANSWER since 20"),
          t.seen[-300:])
    service.status = 200
    t.forget()
    check("and asked again", t.shows("NOT WELL"), t.seen[-300:])
    os.write(t.master, b"q")
    t.ends(0)
    service.close()
    r = pipepoll("top", "--at", service.address)
    check("nobody there is one line", r.code == 255 and r.err.count("\n") == 1, r)
    for address, why in (("localhost:80", "is no address"), ("https://127.0.0.1:1/", "no address"),
                         ("127.0.0.1:0", "has port 0")):
        r = pipepoll("top", "--at", address)
        check(f"{address} is refused in a line", r.code == 252 and why in r.err and
              r.err.count("\n") == 1, r)
    r = pipepoll("top")
    check("whom to ask is needed", r.code == 252 and "--at" in r.err, r)


service = Service()
test_a_screen(service)
test_signals(service)
test_a_terminal_that_goes(service)
test_a_stop(service)
test_colours(service)
test_plain(service)
test_no_answer(service)
finish()
