#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pipepoll demo --work` and `--crash`: what they print, and what they leave when they are
interrupted or cannot start. test_demo.py PATH-OF-PIPEPOLL."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
from lib.program import (BARE, DEADLINE_S, PROGRAM, Process, check, finish, folder, path_of,
                         pipepoll)

SHORT = ("--seconds", "1", "--regions", "3", "--action-types", "2", "--interval", "100ms")
# What would lead elsewhere if the demo did not keep it from its `pipepoll run`.
ELSEWHERE = dict(BARE, TMPDIR=folder, HOME="/nowhere", AWS_PROFILE="nobody",
                 AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_CA_BUNDLE="/nowhere/ca.pem",
                 AWS_ACCESS_KEY_ID="AKIDOTHER", https_proxy="http://127.0.0.1:9")


def left():
    return [f for f in os.listdir(folder) if f.startswith("pipepoll-demo-")]


def test_work():
    r = pipepoll("demo", "--work", *SHORT, env=ELSEWHERE)
    check("--work: every job is claimed and succeeds", r.code == 0 and r.err == ""
          and re.search(r"^jobs made +20\njobs claimed +20\nsucceeded +20\nfailed +0\n"
                        r"jobs lost +0\nclaimed twice +0\nreported twice +0\n\nNext: ", r.out, re.M)
          and "polls 2 action types in 3 regions" in r.out, r)
    check("and its folder is gone", left() == [], left())


def test_crash():
    r = pipepoll("demo", "--crash", *SHORT, env=ELSEWHERE)
    check("--crash: it is killed in the middle", r.code == 0 and r.err == ""
          and re.search(r"^ +\d\.\d s  kill -9, with \d+ jobs? done and [1-9]\d* in hand\n"
                        r" +\d\.\d s  started again", r.out, re.M), r)
    check("and all is well in the end", "\njobs lost                 0\n" in r.out
          and "Every job was claimed once and has one result" in r.out, r)
    r = pipepoll("demo", "--crash", *SHORT, "--output", "json", "--seed", "7", env=ELSEWHERE)
    got = json.loads(r.out or "{}")
    check("as JSON too", r.code == 0 and r.err == "" and r.out.count("\n") == 1
          and got["kills"] == 1 and got["jobsInHandAtKill"] > 0 and got["jobsMade"] == 20
          and got["jobsClaimed"] == got["jobsSucceeded"] == 20 and got["jobsFailed"] == 0
          and got["jobsLost"] == got["jobsClaimedTwice"] == got["jobsReportedTwice"] == 0, r)
    check("its folder is gone", left() == [], left())


def children_of(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(name))
        except (OSError, IndexError):
            pass  # it has ended meanwhile
    return found


def started():
    """A demo that is under way, and its child."""
    demo = Process("demo", "--work", "--seconds", "300", *SHORT[2:], "--output", "json",
                   env=ELSEWHERE)
    until = time.monotonic() + DEADLINE_S
    while not children_of(demo.p.pid) and time.monotonic() < until:
        time.sleep(0.01)
    while not any(os.path.exists(path_of(f"{f}/state/journal.db")) for f in left()) \
            and time.monotonic() < until:
        time.sleep(0.01)
    return demo, children_of(demo.p.pid)[0]


def test_interrupted():
    demo, child = started()
    demo.signal(signal.SIGINT)
    check("interrupted: 1, and nobody is left", demo.wait() == 1 and left() == []
          and not os.path.exists(f"/proc/{child}")
          and demo.seen["err"][-1:] + demo.rest("err") == ["pipepoll demo: interrupted"],
          demo.seen)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        demo, child = started()
        demo.signal(number)
        check(f"{number.name}: the same", demo.wait() == 1 and left() == []
              and not os.path.exists(f"/proc/{child}"), (demo.seen, left()))
    demo, child = started()
    os.kill(child, signal.SIGTERM)
    check("its child ends by itself: 1, and it says so", demo.wait() == 1 and left() == []
          and any(line.startswith("pipepoll demo: pipepoll run ended with ")
                  for line in demo.rest("err")), demo.seen)
    demo, child = started()
    demo.p.kill()
    demo.wait()
    until = time.monotonic() + DEADLINE_S
    while os.path.exists(f"/proc/{child}") and time.monotonic() < until:
        time.sleep(0.01)
    check("killed: its child does not outlive it", not os.path.exists(f"/proc/{child}"))
    for name in left():
        shutil.rmtree(path_of(name))


def summary_of(url):
    """Of the run behind this page."""
    with urllib.request.urlopen(url + "status.json", timeout=DEADLINE_S) as answer:
        return json.load(answer)["summary"]


def until_jobs(url):
    until = time.monotonic() + DEADLINE_S
    while not summary_of(url)["jobs"] and time.monotonic() < until:
        time.sleep(0.01)


def test_page():
    """A desktop's xdg-open, which notes what it is asked to open."""
    desktop, opened = path_of("desktop"), path_of("opened")
    os.mkdir(desktop)
    with open(os.path.join(desktop, "xdg-open"), "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\necho "$*" >{opened}.new && mv {opened}.new {opened}\n')
    os.chmod(f.name, 0o755)
    demo = Process("demo", "--page", *SHORT[2:], env=dict(
        ELSEWHERE, DISPLAY=":7", PATH=f"{desktop}:{os.environ['PATH']}"))
    line = demo.next("out", lambda text: "the live page: " in text) or ""
    url = re.search(r"the live page: (http://127\.0\.0\.1:\d+/) \(Ctrl-C", line)
    check("--page: tells where it is", url, demo.seen)
    with urllib.request.urlopen(url[1], timeout=DEADLINE_S) as page:
        html = page.read().decode()
        check("and it is there", "<title>" in html and "Acme1" in html
              and page.headers["Content-Security-Policy"].startswith("default-src 'none'"), html)
    summary = summary_of(url[1])
    check("with the status of the run", summary["targets"] == 6, summary)
    until = time.monotonic() + DEADLINE_S
    while not os.path.exists(opened) and time.monotonic() < until:
        time.sleep(0.01)
    with open(opened, encoding="ascii") as f:
        check("the desktop opens it", f.read() == url[1] + "\n")
    until_jobs(url[1])
    demo.signal(signal.SIGINT)
    code, said, complaints = demo.wait(), demo.rest("out"), demo.rest("err")
    check("Ctrl-C ends it well, with every job done", code == 0 and complaints == []
          and "jobs lost                 0" in said and left() == [], demo.seen)


def test_page_as_json():
    demo = Process("demo", "--page", "--crash", *SHORT[2:], "--output", "json", env=ELSEWHERE)
    line = demo.next("err", lambda text: "the live page: http://127.0.0.1:" in text)
    check("as JSON: stderr tells where it is", line, demo.seen)
    until_jobs(re.search(r"http://127\.0\.0\.1:\d+/", line)[0])
    demo.signal(signal.SIGINT)
    code, said, complaints = demo.wait(), demo.rest("out"), demo.rest("err")
    check("and stdout is the summary alone", len(said) == 1 and json.loads(said[0])["kills"] == 0,
          demo.seen)
    check("ended before the crash: 1, and it says so", code == 1 and complaints[1:] ==
          ["pipepoll demo: it was ended too early, so nothing was killed"], (code, complaints))


def test_no_start():
    alone = path_of("alone")
    os.mkdir(alone)
    shutil.copy(os.path.join(os.path.dirname(PROGRAM), "pipepoll-sim"), alone)
    libraries = {"LD_LIBRARY_PATH": os.path.dirname(PROGRAM)}
    p = subprocess.run([os.path.join(alone, "pipepoll-sim"), "demo", "--work"],
                       env=dict(ELSEWHERE, **libraries), capture_output=True, text=True,
                       timeout=DEADLINE_S)
    check("without pipepoll beside it: one line and 255", p.returncode == 255
          and p.stderr.count("\n") == 1 and f"cannot start {alone}/pipepoll: no such" in p.stderr
          and left() == [], p)
    r = pipepoll("demo", "--work", env=dict(BARE, TMPDIR="/nowhere"))
    check("without a place for its files too", r.code == 255 and r.err.count("\n") == 1
          and "no temporary file in /nowhere: " in r.err and "set TMPDIR" in r.err, r)
    r = pipepoll("demo", "--seconds", "1", env=dict(BARE, TMPDIR="/nowhere"))
    check("as without --work", r.code == 255 and "no temporary file in /nowhere: " in r.err, r)
    r = pipepoll("demo", "--work", "--jobs-per-second", "0", "--seconds", "1", env=BARE)
    check("no jobs are no success", r.code == 1 and "no job was made" in r.err, r)
    r = pipepoll("demo", "--work", "--jobs-per-second", "1001", env=BARE)
    check("more than the ledger keeps: 252", r.code == 252 and "10000 jobs at most" in r.err, r)


def main():
    test_work()
    test_crash()
    test_interrupted()
    test_page()
    test_page_as_json()
    test_no_start()
    finish()


if __name__ == "__main__":
    main()
