#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What check, --print-config, doctor and SIGHUP say of handlers, client tokens and the journal:
test_cli_worker.py PATH-OF-PIPEPOLL."""

import fcntl
import json
import os
import signal
import sqlite3
import sys

sys.dont_write_bytecode = True
from lib.program import (KEYS, Sim, check, everything, finish, path_of, pipepoll, start_run, target,
                         write)

HIDDEN = "never-to-be-printed"  # in values that may be secret


def secret(name, text):
    os.chmod(write(name, text), 0o600)
    return path_of(name)


def config_of(sim, more="", handlers=None, process=""):
    """Three targets: of a program, of a web service, of stdout."""
    return ("[pipepoll]\n" + (process or f"state-dir = {path_of('state')}\n"
                              f"client-tokens = {path_of('tokens')}\n")
            + target("web", sim, provider="Web", more="handler = build", interval="1h")
            + target("shop", sim, provider="Shop", more="handler = hook", interval="1h")
            + target("plain", sim, provider="Plain", interval="1h")
            + (handlers or "[handler build]\ncommand = sh -c 'cat >/dev/null'\n"
               f"environment = A={HIDDEN} 'B={HIDDEN} x'\naddress-space = 2GiB\n"
               "continue-after = 50m\n"
               f"[handler hook]\nurl = https://example.com/jobs?key={HIDDEN}\n"
               f"secret-file = {path_of('key')}\n") + more)


def test_check(sim):
    config = write("worker.ini", config_of(sim))
    r = pipepoll("check", config)
    rows = [line.split() for line in r.out.splitlines()[:4]]
    check("check: which target goes to which handler", r.code == 0 and r.err == ""
          and [(row[0], row[-3]) for row in rows]
          == [("TARGET", "HANDLER"), ("web", "build"), ("shop", "hook"), ("plain", "stdout")], r)
    check("and what a handler does", "sh -c 'cat >/dev/null' (" in r.out
          and "with A, B," in r.out and "address space 2GiB" in r.out
          and "https://example.com/jobs?...," in r.out and "continued after 50m" in r.out, r)
    check("and where the journal and the tokens are", path_of("state") in r.out
          and path_of("tokens") in r.out and "16 at most" in r.out, r)
    r = pipepoll("check", config, "--output", "json")
    report = json.loads(r.out)
    build, hook = report["handlers"]
    check("the same as JSON",
          [t["handler"] for t in report["targets"]] == ["build", "hook", None]
          and build["kind"] == "exec" and build["command"] == ["sh", "-c", "cat >/dev/null"]
          and build["environment"] == ["A", "B"] and build["targets"] == 1
          and hook["kind"] == "webhook" and hook["url"] == "https://example.com/jobs?..."
          and report["worker"]["maxJobs"] == 16
          and report["worker"]["clientTokens"] == path_of("tokens"), r)
    names = [f"NAME_{i}_{'N' * 3000}" for i in range(60)]
    handlers = ("[handler build]\ncommand = cat\nenvironment = "
                + " ".join(f"{name}=x" for name in names) + "\n[handler hook]\ncommand = cat\n")
    long = write("long.ini", config_of(sim, handlers=handlers))
    r = pipepoll("check", long, "--output", "json")
    check("however long they are", r.code == 0
          and json.loads(r.out)["handlers"][0]["environment"] == names, r)
    r = pipepoll("check", write("none.ini", target("web", sim)), "--output", "json")
    report = json.loads(r.out)
    check("and without handlers there is no worker",
          report["worker"] is None and report["handlers"] == []
          and report["targets"][0]["handler"] is None, r)


def test_print_config(sim):
    program = ("[handler build]\nkind = stdio\ncommand = sh 'a  b' \\ \"c;\"\ndirectory = /\n"
               "timeout = 90s\nopen-files = 64\ncpu-time = 1500ms\nconcurrency = 3\n"
               f"[handler hook]\nurl = https://[::1]:8443/x\nsecret-file = {path_of('key')}\n"
               "callback-listen = [::1]:0\ncallback-url = https://example.com/back\n")
    first = pipepoll("run", write("program.ini", config_of(sim, handlers=program)),
                     "--print-config")
    second = pipepoll("run", write("again.ini", first.out), "--print-config")
    check("what --print-config prints is a config file that says the same", first.code == 0
          and first.out.split("\n", 1)[1] == second.out.split("\n", 1)[1]
          and "command = sh 'a  b' \\ \"c;\"\n" in first.out and "concurrency = 3\n" in first.out
          and "callback-listen = [::1]:0\n" in first.out and "handler = hook\n" in first.out,
          (first, second))
    r = pipepoll("run", write("worker.ini", config_of(sim)), "--print-config")
    check("but for what may be secret", r.code == 0 and "# environment: A, B (" in r.out
          and "# url = https://example.com/jobs?... (" in r.out, r)


def test_refusals(sim):
    secret("bad-tokens", f"client-1 {HIDDEN}\nclient-2\n")
    text = config_of(sim).replace(path_of("tokens"), path_of("bad-tokens"))
    for command in ("check", "run"):
        r = pipepoll(command, write("worker.ini", text))
        check(f"{command}: a line without a token is told with its place", r.code == 252
              and f":3:17: client-tokens: {path_of('bad-tokens')}:2:9: a client id must be" in r.err
              and r.out == "", r)
        r = pipepoll(command, write("worker.ini", config_of(sim, handlers="[handler build]\n"
                                                            "command = no-such-program\n")))
        check("and so is a program or handler that is not there", r.code == 252
              and 'names the program "no-such-program", which is not in PATH' in r.err
              and "there is no [handler hook]" in r.err, r)
    secret("no-tokens", "# nobody yet\n")
    r = pipepoll("check", write("worker.ini", config_of(sim).replace(path_of("tokens"),
                                                                     path_of("no-tokens"))))
    check("no token at all is a warning", r.code == 0 and "holds no client id" in r.err, r)


def test_keys(sim):
    state = path_of("keys")
    text = config_of(sim).replace(path_of("state"), state)
    key = os.path.join(state, "continuation.key")
    os.mkdir(state, 0o700)
    secret("keys/continuation.key", "ab" * 32)
    for file, broken, words in ((key, lambda: os.chmod(key, 0o644), "others may read it"),
                                (key, lambda: secret("keys/continuation.key", "short"),
                                 "it is not 64 hex digits"),
                                (path_of("keys/worker.id"), lambda: secret("keys/worker.id", "x"),
                                 "it is not 16 hex digits")):
        broken()
        found = parts(sim, text, 255)
        check(f"doctor: {words}", found["continuations"][0] == "ill"
              and f"{file}: {words}" in found["continuations"][1], found)
        for command in ("check", "run"):
            r = pipepoll(command, path_of("worker.ini"), env=KEYS)
            check(f"{command}: {words}", r.code == 255 and f"{file}: {words}" in r.err, r)
        os.unlink(file)
    r = pipepoll("check", write("worker.ini", text.replace(
        "[pipepoll]\n", f"[pipepoll]\ncontinuation-key-file = {path_of('nowhere/key')}\n")))
    check("check: nor could a key be made where no folder is", r.code == 255
          and f"{path_of('nowhere/key')}: No such file or directory" in r.err, r)


def parts(sim, text, code):
    """-> doctor's verdict and words on each part of the worker."""
    r = pipepoll("doctor", write("worker.ini", text), "--output", "json", env=KEYS)
    report = json.loads(r.out or "{}")
    check(f"doctor ends with {code}", r.code == code, r)
    return {p["part"]: (p["verdict"], p["cause"]) for p in report.get("worker", [])}


def test_doctor(sim):
    state = path_of("state")
    found = parts(sim, config_of(sim), 0)
    check("doctor: a worker that is well", list(found) == ["handler build", "handler hook",
                                                           "client tokens", "journal"]
          and all(verdict == "well" for verdict, _ in found.values())
          and found["client tokens"][1].endswith(": 2 client ids")
          and found["journal"][1] == f"{state} is made at the start"
          and not os.path.exists(state), found)
    r = pipepoll("doctor", path_of("worker.ini"), "--no-poll")
    check("in the text too", "client tokens" in r.out and "2 client ids" in r.out
          and "trouble" not in r.out and r.out.endswith("; 4 parts: 4 well\n"), r)
    os.mkdir(state, 0o700)
    with open(os.path.join(state, "journal.lock"), "w", encoding="ascii") as lock:
        lock.write("4711\n")
        lock.flush()
        found = parts(sim, config_of(sim), 0)
        check("a lock that nobody holds", "no pipepoll uses it" in found["journal"][1], found)
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = parts(sim, config_of(sim), 0)
        check("and who holds it", "in use by process 4711" in found["journal"][1], found)
    other = os.path.join(state, "journal.db")
    with sqlite3.connect(other) as db:
        db.execute("create table t (x)")
    before = open(other, "rb").read()
    found = parts(sim, config_of(sim), 255)
    check("another program's file is told, and left as it is", found["journal"][0] == "ill"
          and "is an SQLite file of another program" in found["journal"][1]
          and open(other, "rb").read() == before, found)
    r = pipepoll("doctor", path_of("worker.ini"), "--no-poll")
    check("which says what to do, and nothing else does", "trouble: journal\n" in r.out
          and "move it away" in r.out and "fix" not in r.out, r)
    check("the sum tells of it", r.out.endswith("; 4 parts: 3 well, 1 ill\n"), r)
    os.unlink(other)
    secret("bad-tokens", f"{HIDDEN}\n")
    found = parts(sim, config_of(sim).replace(path_of("tokens"), path_of("bad-tokens")), 252)
    check("tokens that are not understood", found["client tokens"][0] == "ill"
          and "bad-tokens:1:" in found["client tokens"][1], found)
    secret("key", "")
    r = pipepoll("doctor", path_of("worker.ini"))
    check("an empty key, and what to do", "trouble: handler hook" in r.out
          and "  fix    Write a random key" in r.out, r)
    secret("key", "k" * 32)
    found = parts(sim, target("web", sim), 0)
    check("and nothing of it without handlers", found == {}, found)


def test_no_journal(sim):
    state = path_of("no-journal")
    text = config_of(sim, process=f"state-dir = {state}\njournal = none\n"
                     f"client-tokens = {path_of('tokens')}\n")
    run = start_run(write("worker.ini", text))
    run.signal(signal.SIGTERM)
    check("without a journal the folder of its key is made too", run.wait() == 0
          and os.listdir(state) == ["continuation.key"], run.seen["err"])


def test_reload(sim):
    config = write("worker.ini", config_of(sim))
    run = start_run(config)
    found = parts(sim, config_of(sim), 0)
    check("doctor reads the journal beside a pipepoll that runs", found["journal"] == (
        "well", f"{path_of('state')}: 0 jobs in hand, 0 that ended; in use by process {run.p.pid}"),
        found)
    write("worker.ini", config_of(sim, "[handler more]\ncommand = sh\n").replace("50m", "40m"))
    run.signal(signal.SIGHUP)
    check("SIGHUP: which handlers need a restart", run.log(
        "needs a restart, and is not in force before: [handler build] (changed), "
        "[handler more] (new)") and run.log("0 targets added, 0 removed, 3 unchanged"),
        run.seen["err"])
    write("worker.ini", config_of(sim, handlers="[handler build]\ncommand = sh\n")
          .replace("handler = hook", "handler = none")
          .replace("[pipepoll]\n", "[pipepoll]\nmax-jobs = 3\non-restart = rerun\n"))
    run.signal(signal.SIGHUP)
    check("and which keys, all against those of the start",
          run.log("these wait for the next start: on-restart, max-jobs")
          and run.log("not in force before: [handler build] (changed), [handler hook] (gone)"),
          run.seen["err"])
    run.signal(signal.SIGHUP)
    check("however often the file is read", run.log(
        "these wait for the next start: on-restart, max-jobs"), run.seen["err"])
    run.signal(signal.SIGTERM)
    check("and it ends well", run.wait() == 0, run.seen["err"])


def main():
    sim = Sim()
    secret("tokens", f"client-1 {HIDDEN}\nclient-2 {HIDDEN}\n")
    secret("key", "k" * 32)
    for test in (test_check, test_print_config, test_refusals, test_doctor, test_keys,
                 test_no_journal, test_reload):
        test(sim)
    check("no secret was printed", not any(HIDDEN in text for text in everything))
    sim.signal(signal.SIGTERM)
    sim.wait()
    finish()


if __name__ == "__main__":
    main()
