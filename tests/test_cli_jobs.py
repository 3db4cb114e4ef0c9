#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pipepoll jobs`: beside a running `pipepoll run`, after it, after kill -9, and on files that are
no journal. test_cli_jobs.py PATH-OF-PIPEPOLL."""

import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl

sys.dont_write_bytecode = True
from lib.program import (BARE, DEADLINE_S, PROGRAM, Sim, check, everything, finish, path_of,
                         pipepoll, start_run, target, write)

HIDDEN = "never-to-be-printed"  # what the journal holds of a job for the service alone
STATE = path_of("state")
WAITS = path_of("fifo")  # the handler of [target slow] ends when something is written there
MANY = 30
TIME = r'"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ"'

RESULTS = {
    "good": {"status": "succeeded", "summary": "built 3 of 3", "externalExecutionId": "run-7",
             "percentComplete": 100,
             "revision": {"revision": "abc", "changeIdentifier": "c1", "summary": "s",
                          "created": 1764360000}},
    "bad": {"status": "failed", "failureType": "ConfigurationError",
            "message": "no \x1b[31m\u202ebranch\n" + "m" * 300},
    "long": {"status": "continue", "continuationToken": HIDDEN},
}

# One of each handler, as --output json has it, but for what is new each time.
GOLDEN = [
    '{"jobId":"ID","target":"good","region":"us-east-1","actionTypeId":{"category":"Build",'
    '"owner":"ThirdParty","provider":"Good","version":"1"},"clientId":"ID","state":"ended",'
    '"lastStep":"reporting","outcome":"succeeded","firstNoted":TIME,"lastNoted":TIME,"ended":TIME,'
    '"ageMs":N,"tookMs":N,"result":{"kind":"success","summary":"built 3 of 3",'
    '"externalExecutionId":"run-7","percentComplete":100,"currentRevision":{"revision":"abc",'
    '"changeIdentifier":"c1","revisionSummary":"s","created":TIME}}}',
    '{"jobId":"ID","target":"bad","region":"us-east-1","actionTypeId":{"category":"Build",'
    '"owner":"ThirdParty","provider":"Bad","version":"1"},"clientId":"ID","state":"ended",'
    '"lastStep":"reporting","outcome":"failed","firstNoted":TIME,"lastNoted":TIME,"ended":TIME,'
    '"ageMs":N,"tookMs":N,"result":{"kind":"failure","type":"ConfigurationError",'
    '"message":"no \\u001b[31m\u202ebranch\\u000a' + "m" * 300 + '"}}',
    '{"jobId":"ID","target":"slow","region":"eu-west-1","actionTypeId":{"category":"Build",'
    '"owner":"ThirdParty","provider":"Slow","version":"1"},"clientId":"ID","state":"running",'
    '"lastStep":"running","outcome":null,"firstNoted":TIME,"lastNoted":TIME,"ended":null,'
    '"ageMs":N,"tookMs":null,"result":null}',
]


def config_of(sim):
    text = f"[pipepoll]\nstate-dir = {STATE}\nclient-tokens-command = {path_of('token')}\n"
    for name, result in RESULTS.items():
        line = write(f"{name}.json", json.dumps({"result": result}) + "\n")
        text += target(name, sim, provider=name.title(), more=f"handler = {name}")
        text += f"[handler {name}]\ncommand = sh -c 'cat >/dev/null; cat {line}'\n"
    return (text + target("slow", sim, "eu-west-1", provider="Slow", more="handler = slow")
            + f"[handler slow]\ncommand = sh -c 'cat >/dev/null; read x <{WAITS}'\n")


def masked(line):
    line = re.sub(TIME, "TIME", line)
    line = re.sub(r'"(jobId|clientId)":"[0-9a-f-]{36}"', r'"\1":"ID"', line)
    return re.sub(r'(Ms":)\d+', r"\1N", line)


def jobs(*arguments):
    """-> its objects, and how it ended."""
    r = pipepoll("jobs", "--state-dir", STATE, "--output", "json", *arguments, env=BARE)
    return [json.loads(line) for line in r.out.splitlines()], r


def until(wanted, *arguments):
    """Look until what is shown is as wanted; what was shown last, in any case."""
    end = time.monotonic() + DEADLINE_S
    shown, r = jobs(*arguments)
    while not wanted(shown) and time.monotonic() < end:
        shown, r = jobs(*arguments)
    return shown, r


def add(sim, provider, count=1, region="us-east-1"):
    sim.control("POST", "jobs", region=region, provider=provider, count=count)


def test_beside_a_running_one(sim, config):
    r = pipepoll("jobs", "--config", config)
    check("before the first run there is no journal: a line and 255", r.code == 255 and r.out == ""
          and r.err == f"pipepoll jobs: state directory {STATE}: there is no journal.db\n"
          and not os.path.exists(STATE), r)
    run = start_run(config)
    r = pipepoll("jobs", "--config", config)
    check("a new journal has no jobs", r.code == 0 and r.out == "no jobs\n\n0 open, 0 ended in "
          f"{STATE}, in use by process {run.p.pid}\n" and r.err == "", r)
    add(sim, "Good")
    until(lambda all: [j["state"] for j in all] == ["ended"])
    add(sim, "Bad")
    until(lambda all: [j["state"] for j in all] == ["ended"] * 2)
    add(sim, "Slow", region="eu-west-1")
    shown, r = until(lambda all: [j["state"] for j in all] == ["running", "ended", "ended"])
    lines = [masked(line) for line in r.out.splitlines()]
    check("--output json is as it was promised: open ones, then the last that ended",
          lines == [GOLDEN[2], GOLDEN[1], GOLDEN[0]], r)
    r = pipepoll("jobs", "--config", config)
    rows = r.out.splitlines()
    check("the table has a row for each", r.code == 0 and r.err == ""
          and rows[0].split() == ["JOB", "TARGET", "REGION", "STATE", "AGE", "TOOK", "MESSAGE"]
          and [row.split()[:4] for row in rows[1:4]]
          == [[j["jobId"], j["target"], j["region"], j["outcome"] or j["state"]] for j in shown]
          and rows[1].split()[5] == "-" and rows[3].endswith("  built 3 of 3"), r)
    check("and how many there are, whose they are",
          rows[4:] == ["", f"1 open, 2 ended in {STATE}, in use by process {run.p.pid}"], r)
    check("what a terminal would obey is not printed", "no ?[31m?branch mmm" in r.out
          and "\x1b" not in r.out and "\u202e" not in r.out, r)
    return run, shown


def on_a_terminal(columns, *arguments):
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen([PROGRAM, "jobs", *arguments], stdout=slave, env=BARE)
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:
        pass  # the end of a terminal
    os.close(master)
    p.wait(DEADLINE_S)
    return text.decode().splitlines()


def test_terminal(config):
    rows = on_a_terminal(140, "--config", config)
    check("on a terminal a message is cut to its width", len(rows) == 6 and len(rows[2]) == 140
          and rows[2].endswith("mm..."), rows)
    rows = on_a_terminal(20, "--config", config)
    check("and has some columns on any", len(rows) == 6 and rows[2].endswith("no ?[31m?bran..."),
          rows)


def test_one(config, shown):
    slow, bad, good = (j["jobId"] for j in shown)
    r = pipepoll("jobs", "--config", config, good)
    text = re.sub(r"20\S+Z, \S+ ago", "TIME", r.out)
    check("one job whole", r.code == 0 and re.fullmatch(
        f"job              {good}\ntarget           good\nregion           us-east-1\n"
        r"action type      Build/ThirdParty/Good/1\nclient           \S+\n"
        r"ended            succeeded after \S+\nlast step        reporting\n"
        "first noted      TIME\nlast noted       TIME\nended at         TIME\n"
        "summary          built 3 of 3\nexecution id     run-7\ncomplete         100 %\n"
        "revision         abc\nchange           c1\nchange summary   s\n", text), r)
    unique = next(slow[:n] for n in range(1, 37)
                  if not bad.startswith(slow[:n]) and not good.startswith(slow[:n]))
    r = pipepoll("jobs", "--config", config, unique)
    check("by the beginning of its id", r.code == 0 and f"job              {slow}\n" in r.out
          and "state            running\n" in r.out, r)
    one, r = jobs("--job", bad)
    check("as JSON too", [j["jobId"] for j in one] == [bad], r)
    r = pipepoll("jobs", "--config", config, bad[:8] + "x\x1b")
    check("none of that id: 1", r.code == 1 and r.out == ""
          and r.err == f'pipepoll jobs: no such job in {STATE}: "{bad[:8]}x?"\n', r)


def test_filters(config, shown):
    slow, bad, good = (j["jobId"] for j in shown)
    for arguments, wanted in (
            (["--state", "open"], [slow]), (["--state", "running"], [slow]),
            (["--state", "claiming"], []), (["--state", "reporting"], []),
            (["--state", "ended"], [bad, good]), (["--state", "ended", "--limit", "1"], [bad]),
            (["--limit", "1"], [slow, bad]), (["--region", "eu-west-1"], [slow]),
            (["--target", "good"], [good]), (["--target", "good", "--region", "eu-west-1"], []),
            (["--target", "goo"], [])):
        got, r = jobs(*arguments)
        check(f"only {' '.join(arguments)}", r.code == 0 and [j["jobId"] for j in got] == wanted, r)
    r = pipepoll("jobs", "--config", config, "--limit", "1")
    check("what was left out is told", "\n1 open, 2 ended (the last 1 shown) in " in r.out, r)


def test_many(sim):
    add(sim, "Good", MANY)
    shown, r = until(lambda all: sum(j["state"] == "ended" for j in all) == MANY + 2,
                     "--limit", "1000")
    ends = [j["ended"] for j in shown if j["ended"]]
    check("many, the last first", len(shown) == MANY + 3 and ends == sorted(ends, reverse=True), r)
    last, r = jobs()
    check("the last 20 unless it is said otherwise", last == [
        dict(j, ageMs=got["ageMs"]) for j, got in zip(shown[:21], last)] and len(last) == 21, r)
    few, r = jobs("--state", "ended", "--limit", "3")
    check("or the last 3", [j["jobId"] for j in few] == [j["jobId"] for j in shown[1:4]], r)
    ids = [j["jobId"] for j in shown]
    first = next(i[0] for i in ids if sum(j.startswith(i[0]) for j in ids) > 1)
    r = pipepoll("jobs", "--state-dir", STATE, first)
    check("several begin so: 1, and some are named", r.code == 1 and r.out == ""
          and f'several jobs begin with "{first}": {first}' in r.err and r.err.count("\n") == 1, r)


def test_no_secret(sim, run):
    add(sim, "Long")
    shown, r = until(lambda all: any(j["outcome"] == "continued" for j in all))
    check("a job that is continued", any(j["outcome"] == "continued" for j in shown), r)
    for output in ("table", "json"):
        pipepoll("jobs", "--state-dir", STATE, "--output", output)
    run.p.kill()
    run.wait()
    with sqlite3.connect(os.path.join(STATE, "journal.db")) as db:
        db.execute("update jobs set state = 3, result = 1, continuation_token = ?, "
                   "variables = ? where ended_ms is null", (HIDDEN, "A:3:x\tyB:0:"))
    shown, r = jobs("--state", "open")
    check("after kill -9 what was open is there", "slow" in [j["target"] for j in shown], r)
    check("with its output variables",
          shown[0]["result"] == {"kind": "success", "outputVariables": {"A": "x\ty", "B": ""}}, r)
    r = pipepoll("jobs", "--state-dir", STATE, shown[0]["jobId"])
    check("in the text of one job too",
          r.out.endswith("variable         A = x y\nvariable         B = \n"), r)
    for arguments in (["--output", "table"], ["--job", shown[0]["jobId"]]):
        r = pipepoll("jobs", "--state-dir", STATE, *arguments)
        check("and printed", r.code == 0 and "reporting" in r.out, r)
    r = pipepoll("jobs", "--state-dir", STATE)
    check("and whose it is: nobody's", "which no pipepoll uses now" in r.out, r)
    check("no token was printed", not any(HIDDEN in text for text in everything))


def test_refusals(sim):
    folder = path_of("other")
    os.mkdir(folder, 0o700)
    journal = os.path.join(folder, "journal.db")

    def refused(name, words):
        before = open(journal, "rb").read()
        r = pipepoll("jobs", "--state-dir", folder)
        check(f"{name}: one line, 255, and it is left as it was", r.code == 255 and r.out == ""
              and r.err.startswith("pipepoll jobs: ") and r.err.count("\n") == 1
              and words in r.err and open(journal, "rb").read() == before, r)

    with sqlite3.connect(os.path.join(STATE, "journal.db")) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    shutil.copy(os.path.join(STATE, "journal.db"), journal)
    whole = open(journal, "rb").read()
    for name, at, bytes, words in (
            ("a damaged one", 4096, b"\xff" * 4096, "is damaged"),
            ("no database", 0, b"not a database\n", "is not an SQLite file"),
            ("another program's", 68, b"\0\0\0\1", "of another program"),
            ("a later one", 60, b"\0\0\0\x63", "was written by a later pipepoll")):
        with open(journal, "wb") as f:
            f.write(whole[:at] + bytes + whole[at + len(bytes):])
        refused(name, words)
    os.unlink(journal)
    os.mkdir(journal)
    r = pipepoll("jobs", "--state-dir", folder)
    check("a folder", r.code == 255 and "journal.db is not a plain file" in r.err, r)
    for text, words in ((target("web", sim), "names no state-dir"),
                        ("[pipepoll]\njournal = none\n" + target("web", sim),
                         "says journal = none"), ("[target x]\n", "names no state-dir"),
                        ("[pipepoll]\nstate-dri = /\n", "a key of [pipepoll] is not known"),
                        ("[pipepoll]\nstate-dir = here\n", "is an absolute path")):
        r = pipepoll("jobs", "--config", write("none.ini", text))
        check(f"a file that {words}: 252", r.code == 252 and words in r.err and r.out == "", r)


def test_what_else_the_file_says():
    """A service has variables and files that a person's shell has not."""
    text = f"[pipepoll]\nstate-dir = {STATE}\nclient-tokens = $NOT_SET_HERE/tokens\n[target x]\n"
    r = pipepoll("jobs", "--config", write("service.ini", text))
    check("only where the journal is matters", r.code == 0 and "in " + STATE in r.out, r)


def main():
    os.mkfifo(WAITS)
    write("token", '#!/bin/sh\necho "token-$1"\n')
    os.chmod(path_of("token"), 0o755)
    sim = Sim()
    config = write("worker.ini", config_of(sim))
    run, shown = test_beside_a_running_one(sim, config)
    test_terminal(config)
    test_one(config, shown)
    test_filters(config, shown)
    test_many(sim)
    test_no_secret(sim, run)
    test_what_else_the_file_says()
    test_refusals(sim)
    waits = os.open(WAITS, os.O_RDWR | os.O_NONBLOCK)
    os.write(waits, b"go\n" * 8)
    sim.signal(signal.SIGTERM)
    sim.wait()
    finish()


if __name__ == "__main__":
    main()
