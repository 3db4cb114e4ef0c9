#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What `pipepoll run` tells systemd: by a socket that stands for systemd's, through a start, a
reload, loops that hang and an end. test_run_notify.py PATH-OF-PIPEPOLL HANG_LOOP_LIBRARY"""

import os
import queue
import re
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
from lib.program import DEADLINE_S, KEYS, Sim, check, finish, path_of, start_run, target, write

BEAT_USEC = 400000  # a beat is due each 200 ms


class Manager:
    """systemd, as far as its socket goes."""

    def __init__(self, name):
        self.name = path_of(name) if not name.startswith("@") else name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name.replace("@", "\0", 1))
        self.messages = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def env(self, **more):
        return dict(KEYS, NOTIFY_SOCKET=self.name, **more)

    def read(self):
        while True:
            lines = self.socket.recv(4096).decode().splitlines()
            self.messages.put(dict(line.split("=", 1) for line in lines))

    def next(self, wanted, limit_s=DEADLINE_S):
        """The next message for which wanted() is true, or None."""
        until = time.monotonic() + limit_s
        while True:
            try:
                m = self.messages.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                return None
            self.seen.append(m)
            if wanted(m):
                return m

    def has(self, name, limit_s=DEADLINE_S):
        return self.next(lambda m: name in m, limit_s) or {}

    def drain(self):
        """Forget what was said."""
        while not self.messages.empty():
            self.messages.get()


def monotonic_usec():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_a_life(sim, name):
    manager = Manager(name)
    config = write("life.ini", target("web", sim))
    run = start_run(config, env=manager.env())
    ready = manager.has("READY")
    check("READY comes with a status when polling begins", "STATUS" in ready, ready)
    before = monotonic_usec()
    run.signal(signal.SIGHUP)
    reloading = manager.has("RELOADING")
    check("a reload begins with its time", before <= int(reloading.get("MONOTONIC_USEC", 0)) <=
          monotonic_usec(), reloading)
    check("and READY says that it has been done", manager.has("READY"), manager.seen)
    write("life.ini", "nonsense\n")
    run.signal(signal.SIGHUP)
    check("a file that is refused is a reload too", manager.has("RELOADING"), manager.seen)
    refused = manager.has("READY")
    check("which has been done, with no effect", refused, manager.seen)
    check("no beat was sent, for none was asked for",
          not any("WATCHDOG" in m for m in manager.seen), manager.seen)
    sim.control("PUT", "faults", region="us-east-1", latency=2000)
    before = sim.control("GET", "stats")["requests"]
    sim.until(lambda s: s["requests"] > before + 1)
    run.signal(signal.SIGTERM)
    stopping = manager.has("STOPPING")
    check("the end says what it waits for", re.fullmatch(
        r"ending within \d+ s: waiting for 1 poll in flight", stopping.get("STATUS", "")), stopping)
    check("and asks for the time that it needs", int(stopping.get("EXTEND_TIMEOUT_USEC", 0)) > 0,
          stopping)
    check("then it ends", run.wait() == 0, run.seen["err"])
    sim.control("DELETE", "faults")


def test_news_of_a_reload(sim):
    """READY tells how things stand then, whenever somebody asked last."""
    manager = Manager("news")
    run = start_run(write("news.ini", target("web", sim)), env=manager.env())
    manager.has("READY")
    manager.next(lambda m: m.get("STATUS", "").startswith("1 target; "))  # a poll was answered
    for regions, said in (("us-east-1, eu-west-1", "2 targets"), ("us-east-1", "1 target;")):
        write("news.ini", target("web", sim, regions=regions))
        run.signal(signal.SIGHUP)
        manager.has("RELOADING")
        ready = manager.has("READY")
        check(f"READY tells of {said}", ready.get("STATUS", "").startswith(said), ready)
    run.signal(signal.SIGTERM)
    check("it ends", run.wait() == 0, run.seen["err"])


def test_beats(sim):
    manager = Manager("beats")
    env = manager.env(WATCHDOG_USEC=str(BEAT_USEC))
    run = start_run(write("beats.ini", target("web", sim)), env=env)
    for _ in range(3):
        check("a beat is sent while the loop turns", manager.has("WATCHDOG"), manager.seen)
    polling = manager.next(lambda m: m.get("STATUS", "").startswith("1 target; "))
    check("with a line on how things stand", polling, manager.seen)
    run.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, run.p.pid, os.WSTOPPED | os.WNOWAIT)
    manager.drain()
    check("a process that stands still sends none",
          manager.has("WATCHDOG", 2 * BEAT_USEC / 1e6) == {})
    run.signal(signal.SIGCONT)
    check("and goes on when it goes on", manager.has("WATCHDOG"), manager.seen)
    run.signal(signal.SIGTERM)
    check("it ends", run.wait() == 0, run.seen["err"])


def test_beats_of_another(sim):
    manager = Manager("another")
    env = manager.env(WATCHDOG_USEC=str(BEAT_USEC), WATCHDOG_PID="1")
    run = start_run(write("another.ini", target("web", sim)), env=env)
    check("it is polling", manager.has("READY"), manager.seen)
    check("WATCHDOG_PID may mean somebody else",
          manager.has("WATCHDOG", 2 * BEAT_USEC / 1e6) == {})
    run.signal(signal.SIGTERM)
    check("it ends", run.wait() == 0, run.seen["err"])


def test_a_loop_that_hangs(sim, which):
    """One of two loops, or the home loop, as long as the file is there."""
    manager = Manager(f"hangs-{which}")
    hang = path_of(f"hang-{which}")
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    env = manager.env(WATCHDOG_USEC=str(BEAT_USEC), HANG_LOOP=hang, ASAN_OPTIONS=options,
                      LD_PRELOAD=os.path.abspath(sys.argv[2]))
    config = write("hangs.ini", target("web", sim, regions="us-east-1, eu-west-1"))
    run = start_run(config, loops=2, env=env)
    check(f"{which}: beats come while all loops turn", manager.has("WATCHDOG"), manager.seen)
    write(f"hang-{which}", which)
    if which == "other":
        told = manager.next(lambda m: re.match(r"loop \d has not turned for \d+ s",
                                               m.get("STATUS", "")))
        check("a loop that hangs is named in the status", told, manager.seen[-3:])
        check("and no beat is sent", told and "WATCHDOG" not in told, told)
    manager.drain()
    silent = manager.has("WATCHDOG", 4 * BEAT_USEC / 1e6)
    check(f"{which}: no beats come while it hangs", silent == {}, silent)
    os.unlink(hang)
    check(f"{which}: they come again when it turns", manager.has("WATCHDOG"), manager.seen[-3:])
    run.signal(signal.SIGTERM)
    code = run.wait()
    check(f"{which}: it ends", code == 0, (code, run.rest("err")))


def test_an_end_while_a_loop_hangs(sim):
    manager = Manager("end")
    hang = path_of("hang-end")
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    env = manager.env(WATCHDOG_USEC=str(BEAT_USEC), HANG_LOOP=hang, ASAN_OPTIONS=options,
                      LD_PRELOAD=os.path.abspath(sys.argv[2]))
    config = write("end.ini", "[pipepoll]\ndrain-timeout = 500ms\n"
                   + target("web", sim, regions="us-east-1, eu-west-1"))
    run = start_run(config, loops=2, env=env)
    manager.has("WATCHDOG")
    write("hang-end", "other")
    manager.next(lambda m: "has not turned" in m.get("STATUS", ""))
    run.signal(signal.SIGTERM)
    code = run.wait()
    check("a loop that hangs does not hold up the end beyond drain-timeout", code == 143
          and any("drain-timeout is over" in l for l in run.rest("err")), (code, run.seen["err"]))
    os.unlink(hang)


def test_no_manager(sim):
    config = write("none.ini", target("web", sim))
    run = start_run(config, env=dict(KEYS, NOTIFY_SOCKET="vsock:2:9"))
    run.signal(signal.SIGTERM)
    code = run.wait()
    told = [l for l in run.rest("err") if "NOTIFY_SOCKET=vsock:2:9 is neither" in l]
    check("an address that is none is told, and no more", code == 0 and told, run.seen["err"])
    run = start_run(config, env=dict(KEYS, NOTIFY_SOCKET=path_of("nobody")))
    run.signal(signal.SIGTERM)
    check("a socket that is gone does no harm", run.wait() == 0, run.seen["err"])


sim = Sim()
test_a_life(sim, "life")
test_a_life(sim, f"@pipepoll-test-{os.getpid()}")
test_news_of_a_reload(sim)
test_beats(sim)
test_beats_of_another(sim)
test_a_loop_that_hangs(sim, "other")
test_a_loop_that_hangs(sim, "home")
test_an_end_while_a_loop_hangs(sim)
test_no_manager(sim)
finish()
