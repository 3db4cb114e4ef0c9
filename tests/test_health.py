#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`pipepoll health` asks a running `pipepoll run` whether it polls: by its file or its address,
over TCP and a unix socket, with a token, while it starts, polls and ends; and what it says of
those that do not answer. test_health.py PATH-OF-PIPEPOLL"""

import os
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
from lib.program import (DEADLINE_S, Process, Sim, check, everything, finish, path_of, pipepoll,
                         target, write)

SECRET = "canary-0123456789abcdef"
FAST_S = 10  # far above the 2 s that it waits for, far below a wait for ever


def silent():
    """A socket that takes connections, and answers nothing."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    return listener, f"127.0.0.1:{listener.getsockname()[1]}"


def start(config, *arguments):
    """A run, and where it listens."""
    run = Process("run", "--config", config, *arguments)
    line = run.log("status page: ") or ""
    return run, line.split("status page: ")[-1].removeprefix("http://")


def until(code, *arguments, said=""):
    """Ask until that is the answer, with this in it."""
    end = time.monotonic() + DEADLINE_S
    while True:
        r = pipepoll("health", *arguments)
        if (r.code == code and said in r.out) or time.monotonic() > end:
            return r


def end(run):
    run.signal(signal.SIGTERM)
    return run.wait()


def test_by_file(sim):
    path = path_of("http.sock")
    token = write("secret", SECRET)
    os.chmod(token, 0o600)
    http = f"[http]\nlisten = {path}\ntoken-file = {token}\n"
    config = write("unix.ini", http + target("web", sim))
    run, _ = start(config)
    r = until(0, config)
    check("it polls, by the file, a unix socket and the token that the file names",
          r.code == 0 and r.out.startswith("polling 1 target") and r.out.count("\n") == 1
          and not r.err, r)
    r = pipepoll("health", "--alive", "--at", path, "--token-file", token)
    check("its loops turn", r.code == 0 and r.out == "ok\n" and not r.err, r)
    other = write("other.ini", "[pipepoll]\nca-bundle = /nonexistent\n" + http)
    r = pipepoll("health", other)
    check("nothing else in the file matters", r.code == 0 and not r.err, r)
    check("the run ends", end(run) == 0, run.seen["err"])
    r = pipepoll("health", config)
    check("then nobody is there", r.code == 255 and not r.out
          and r.err == f"pipepoll health: unix:{path}: nobody listens there\n", r)


def test_token(sim):
    token = write("token", SECRET + "\n")
    os.chmod(token, 0o600)
    config = write("token.ini", f"[http]\nlisten = 127.0.0.1:0\ntoken-file = {token}\n"
                   + target("web", sim))
    run, at = start(config)
    r = until(0, "--at", at, "--token-file", token)
    check("it polls, over TCP and with a token", r.code == 0 and not r.err, r)
    r = pipepoll("health", "--at", at)
    check("without it, what is wanted is told", r.code == 255 and not r.out
          and "answers with 401" in r.err and r.err.endswith("it wants a token: --token-file\n"), r)
    r = pipepoll("health", config)
    check("a port that was picked is not in the file", r.code == 252 and "by --at" in r.err, r)
    check("the run ends", end(run) == 0, run.seen["err"])


def test_start_and_end():
    listener, service = silent()
    path = path_of("start.sock")
    config = write("start.ini", "[pipepoll]\ndrain-timeout = 2s\n[target web]\n"
                   "regions = us-east-1\ncategory = Build\nprovider = Acme\nversion = 1\n"
                   f"endpoint-url = http://{service}\n")
    run, at = start(config, "--listen", path)
    check("--listen says where, without [http] in the file", at == f"unix:{path}", at)
    polled, _ = listener.accept()
    polled.recv(1)  # the poll is under way, and stays so
    r = pipepoll("health", "--alive", "--at", at)
    check("one whose service is silent is alive", r.code == 0, r)
    r = pipepoll("health", "--at", at)
    check("and not ready", r.code == 1 and r.out == "no poll has been answered yet\n", r)
    run.signal(signal.SIGTERM)
    r = until(1, "--at", at, said="ending")
    check("nor is one that ends", r.code == 1 and "ending" in r.out and not r.err, r)
    r = pipepoll("health", "--alive", "--at", at)
    check("and alive to the last", r.code == 0, r)
    check("the run ends", run.wait() == 143, run.seen["err"])
    polled.close()


def test_no_answer():
    _, address = silent()
    began = time.monotonic()
    r = pipepoll("health", "--at", address)
    check("who says nothing is not waited for", r.code == 255
          and "no answer within 2000 ms" in r.err and time.monotonic() - began < FAST_S, r)
    r = pipepoll("health", "--alive", "--at", address, "--timeout", "50ms")
    check("nor for longer than --timeout", r.code == 255
          and r.err == f"pipepoll health: {address}: no answer within 50 ms\n", r)


def test_misuse(sim):
    for arguments, part in (((), "whom to ask is missing"),
                            (("--at", "localhost:80"), "is no address"),
                            (("--at", "[::1]:9", "--timeout", "2h"), "from 10ms to 1h"),
                            ((write("none.ini", "[pipepoll]\n"),), "has no [http]"),
                            ((write("bad.ini", "[http]\nlisten = x\n"),), "bad.ini:2:10: listen"),
                            ((path_of("nowhere.ini"),), "No such file")):
        r = pipepoll("health", *arguments)
        check(f"misuse: {part}", r.code == 252 and part in r.err and not r.out, r)
    config = write("plain.ini", target("web", sim))
    r = pipepoll("run", config, "--listen", "0.0.0.0:0")
    check("--listen lets nobody in from elsewhere without leave",
          r.code == 252 and "--listen 0.0.0.0:0 can be reached from other machines" in r.err, r)
    r = pipepoll("run", config, "--listen", "localhost:1")
    check("--listen is an address", r.code == 252 and "--listen is IP:PORT" in r.err, r)
    r = pipepoll("run", config, "--listen", "127.0.0.1:0", "--print-config")
    check("it is in what the file comes to", "[http]\nlisten = 127.0.0.1:0\n" in r.out, r)


def main():
    sim = Sim()
    test_by_file(sim)
    test_token(sim)
    test_start_and_end()
    test_no_answer()
    test_misuse(sim)
    check("the token is told to nobody", SECRET not in "".join(everything))
    finish()


main()
