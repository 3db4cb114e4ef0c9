#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the program says where and how: on a terminal, of stdin, of many sections at once:
test_cli_console.py PATH-OF-PIPEPOLL."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
from lib.program import KEYS, PROGRAM, Sim, check, finish, path_of, pipepoll, target, write


def test_check_of_many():
    many = write("many.ini", "".join(
        f"[target t{i}]\nregions = us-east-1\ncategory = Build\nprovider = P{i}\nversion = 1\n"
        for i in range(200)))
    r = pipepoll("check", many)
    check("200 sections that are alike are no 200 lines",
          r.code == 0 and r.out.count("\n") < 30 and "199 more up to t199" in r.out
          and "the same, up to t199" in r.out, r)


def start_by_stdin(sim, stdin, *arguments):
    """-> a run whose config comes by this descriptor, once it polls."""
    run = subprocess.Popen([PROGRAM, "run", "--config", "-", *arguments], stdin=stdin,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=KEYS)
    return run, run.stderr.readline()


def test_stdin(sim):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(target("web", sim).encode())
        ours.shutdown(socket.SHUT_WR)
        run, first = start_by_stdin(sim, theirs)
    check("--config - takes a socket, and stdin has one name",
          "1 target of 1 section in stdin (" in first, first)
    run.send_signal(signal.SIGHUP)
    said = next((line for line in run.stderr if "SIGHUP" in line), "")
    check("SIGHUP says that stdin is not read again", "came from stdin" in said, said)
    run.terminate()
    run.communicate()
    check("and nothing ends for it", run.returncode == 0, run.returncode)
    with open(write("utf16.ini", ""), "wb") as f:
        f.write("[target web]\nregions = us-east-1\n".encode("utf-16"))
    with open(write("binary.ini", ""), "wb") as f:
        f.write(bytes(range(256)) * 16)
    for name in ("utf16.ini", "binary.ini"):
        r = pipepoll("check", path_of(name))
        check(f"{name} gets one line", r.code == 252 and r.err.count("\n") == 1, r)


def screen_of(*arguments, **variables):
    """-> what a terminal shows of a command's stderr and stdout, and its exit code."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=theirs,
                         stderr=theirs, env=dict(KEYS, TERM="xterm", **variables))
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # nobody has it open any more
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return p.wait(), shown.decode()


def test_terminal(sim):
    code, shown = screen_of("bench", "--endpoint-url", sim.url, "--polls", "50", "--warm-up", "0",
                            "--in-flight", "2")
    check("bench shows its progress on a terminal, and clears it",
          code == 0 and re.search(r"\r(warming up|measuring) +[\d.]+ s  polls \d+", shown)
          and "\r\033[K" in shown, shown)
    arguments = ("doctor", "--region", "us-east-1", "--endpoint-url", sim.url)
    code, shown = screen_of(*arguments)
    check("doctor has colours on a terminal", code == 0 and "\033[32mok" in shown, shown)
    code, shown = screen_of(*arguments, NO_COLOR="1")
    check("but none under NO_COLOR", code == 0 and "\033[" not in shown, shown)


def test_demo_on_a_terminal():
    for more in ([], ["--work"]):
        code, shown = screen_of("demo", *more, "--seconds", "2", "--regions", "2", "--action-types",
                                "1", "--interval", "100ms")
        check(f"demo {' '.join(more)} shows how far it is on a terminal, and clears it",
              code == 0 and re.search(r"\r +\d\.\d s  .*(polls|jobs)", shown)
              and "\r\033[K" in shown, shown)


def test_doctor_of_many(sim):
    many = write("doctors.ini", "".join(
        target(f"t{i}", sim, regions="us-east-1, eu-west-1", provider=f"P{i}") for i in range(30)))
    r = pipepoll("doctor", many)
    check("rows that are alike are one, with the slowest times",
          r.code == 0 and r.out.count("\n") < 8 and "59 more" in r.out
          and "60 targets: 60 ok" in r.out, r)
    r = pipepoll("doctor", "--config", many, "--endpoint-url", sim.url)
    check("--endpoint-url is not for --config", r.code == 252 and "--endpoint-url" in r.err, r)


def main():
    test_check_of_many()
    sim = Sim()
    test_stdin(sim)
    test_terminal(sim)
    test_demo_on_a_terminal()
    test_doctor_of_many(sim)
    sim.signal(signal.SIGTERM)
    sim.wait()
    finish()


if __name__ == "__main__":
    main()
