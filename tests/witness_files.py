#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Whose keys, which region, which way: a table of shared files and environments, each given to
`pipepoll poll` and to AWS's own clients. Usage:
witness_files.py PIPEPOLL_BINARY [PART OF A ROW'S NAME]

A server on loopback is the endpoint, and the proxy for all other hosts: of each client it notes the
access key id, the token and the region of the first signed request, or the host of AWS that it
wished to talk to (an STS, a portal), with the proxy's user and password. No request leaves the
machine. What the clients do must be the same, unless a row says what we do instead and why; the
README lists these. The rows are lib/shared_files.py's.

Witnesses are what the machine has: botocore for each row, both versions of the AWS CLI (Debian's
awscli is 2; any python3 on the PATH may have 1) for the rows that say so. Without any of them:
"skipped: ..." and exit status 77, or a failure where PIPEPOLL_CI=1 promises one."""

import base64
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

from lib import shared_files
from lib.program import (ACME, BARE, KEY, PROGRAM, SECRET, TOKEN, Sim, check, everything, finish,
                         folder, path_of, program_for_all, running, write)

HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = 65534
RESULT = ("key", "region", "token", "asked", "user")


# --- the endpoint, which is the proxy too ---

class Listener:
    def __init__(self):
        self.seen = {}
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def note(self, **what):
                if not listener.seen:
                    listener.seen.update(what)

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                signed = re.search("Credential=([^/]*)/[0-9]*/([^/]*)/",
                                   self.headers["Authorization"] or "")
                self.note(key=signed and signed[1], region=signed and signed[2],
                          token=self.headers["X-Amz-Security-Token"])
                self.answer(200, b'{"jobs":[]}')

            def do_CONNECT(self):
                user = (self.headers["Proxy-Authorization"] or "Basic ").split()[1:]
                self.note(asked=self.path.split(".")[0].split(":")[0],
                          user=base64.b64decode(user[0]).decode() if user else None)
                self.answer(403, b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self):
        seen = {name: self.seen.get(name) for name in RESULT}
        self.seen.clear()
        return {name: value for name, value in seen.items() if value}


# --- the clients ---

class Witness:
    """lib/aws_client.py under one interpreter."""

    def __init__(self, python):
        self.p = subprocess.Popen([python, os.path.join(HERE, "lib/aws_client.py")], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, env=dict(BARE))
        running.append(self.p)
        self.versions = json.loads(self.p.stdout.readline() or "null")
        self.is_new = self.versions and self.versions["is_new"]

    def run(self, how, env, arguments, uid, cwd):
        self.p.stdin.write(json.dumps({"how": how, "env": env, "arguments": arguments,
                                       "uid": uid, "cwd": cwd}) + "\n")
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())


def pythons():
    """This one, and whatever else a user who types python3 may mean."""
    yield sys.executable
    for place in os.environ.get("PATH", "").split(os.pathsep):
        python = os.path.join(place, "python3")
        if os.access(python, os.X_OK) and not os.path.samefile(python, sys.executable):
            yield python


def find_witnesses():
    """{"botocore": ..., "1": ..., "2": ...}, each if it is there."""
    found = {}
    for python in pythons():
        w = Witness(python)
        if not w.versions:
            continue
        if w.versions["cli"]:
            found.setdefault(w.versions["cli"].split(".")[0], w)
        found.setdefault("here", w)  # whose files any user of the machine may read
        if "botocore" not in found or w.is_new:
            found["botocore"] = w
    return found


# --- running ---

listener = Listener()
witnesses = find_witnesses()


def put_in(text, home):
    return text.replace("FOLDER", home).replace("PROXY", listener.host)


def lay_out(files, modes):
    """A home with these files; its path."""
    home = path_of("home")
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    for path, content in files.items():
        if path.startswith(".aws/sso/"):  # which botocore finds when it is imported
            os.makedirs(os.path.dirname(path_of(path)), exist_ok=True)
            write(path, content)
        path = os.path.join(home, path if "/" in path or path in ("c", "token") else f".aws/{path}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else put_in(content, home).encode())
    for path, mode in modes.items():
        os.chmod(os.path.join(home, path), mode)
    return home


def own(home, uid):
    for path, _, names in os.walk(home):
        for name in ("", *names):
            os.chown(os.path.join(path, name), uid, -1)


def environment_of(home, variables):
    env = dict(BARE, HOME=home, AWS_DEFAULT_REGION="us-east-1", AWS_MAX_ATTEMPTS="1",
               LC_ALL="C.UTF-8", HTTPS_PROXY=f"http://{listener.host}")
    env.update(variables)
    return {name: put_in(value, home) for name, value in env.items() if value is not None}


def first_line(err):
    return next((line for line in reversed(err.splitlines()) if line.strip()), "")


def run_ours(env, url, uid, cwd):
    program = program_for_all() if uid else PROGRAM
    p = subprocess.run([program, "poll", "--action-type-id", ACME, *url], env=env, cwd=cwd,
                       capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
                       **({"user": uid, "group": uid, "extra_groups": []} if uid else {}))
    everything.extend([p.stdout, p.stderr])
    return {"code": p.returncode, "err": p.stderr}


def run_witness(which, env, url, uid, cwd):
    w = witnesses[which]
    if which in ("botocore", "here"):
        return w.run("botocore", env, [url[1] if url else None], uid, cwd)
    return w.run("cli", env, ["codepipeline", "poll-for-third-party-jobs", "--action-type-id", ACME,
                             *url], uid, cwd)


def judge(which, may, ours, theirs):
    """Are we alike, or different as the row says?"""
    if witnesses[which].versions["botocore"].startswith("2."):
        which = "2"  # botocore as version 2 of the CLI has it
    if "ours" not in may or which in may.get("like", ()):
        return ours == theirs
    wanted = dict(may["ours"])
    if "key" in wanted:
        wanted.setdefault("region", "us-east-1")
    return ours == wanted and ours != theirs


def compare(name, files, variables, may, modes=None, sees=None):
    """sees: what the clients do is whether they succeed, instead of what the listener sees."""
    if not all(part in name for part in sys.argv[2:]):
        return
    home = lay_out(files, modes or {})
    env = environment_of(home, variables)
    uid = NOBODY if modes and os.geteuid() == 0 else None
    if uid:
        own(home, uid)
    url = ["--endpoint-url", put_in(may["url"], home)] if may.get("url") else []
    we = run_ours(env, url, uid, home)
    ours = sees(we) if sees else listener.take()
    for which in ["here"] if uid else ["botocore", "1", "2"] if may.get("cli") else ["botocore"]:
        if which not in witnesses or (may.get("new") and not witnesses[which].is_new):
            continue
        they = run_witness(which, env, url, uid, home)
        theirs = sees(they) if sees else listener.take()
        check(f"{name}, beside {which}", judge(which, may, ours, theirs),
              f"{ours}, not {may.get('ours', theirs)}; they: {theirs}\n"
              f"      we: {first_line(we['err'])}\n      they: {first_line(they['err'])}")


def compare_roots():
    sim = Sim("--tls", "--ca-file", path_of("ca.pem"))
    known = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN,
             "HTTPS_PROXY": None}
    with open(path_of("ca.pem"), encoding="utf-8") as f:
        roots = f.read()
    for name, variables, bundle, may in shared_files.of_roots():
        files = {"c": roots}
        if bundle is not None:
            files["config"] = f"[default]\nca_bundle = {bundle}\n"
        compare(f"roots: {name}", files, dict(known, **variables), dict(may, url=sim.url),
                sees=lambda ended: {"fine": ended["code"] == 0})


def at(may):
    return dict(may, url="http://PROXY")


def main():
    if "botocore" not in witnesses:
        print("skipped: no AWS CLI and no botocore (Debian: awscli, python3-botocore)")
        sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)
    os.chmod(folder, 0o755)
    with open(path_of("print-key"), "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\nfor i; do k="$k+$i"; done\n'
                'printf \'{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"s"}\' "${k#+}"\n')
    os.chmod(path_of("print-key"), 0o755)
    print("witnesses:", *(f"{which} ({w.versions['cli' if which in '12' else 'botocore']})"
                          for which, w in sorted(witnesses.items())))
    for name, text, may in shared_files.of_grammar():
        compare(f"grammar: {name}", {"credentials": text}, {}, at(may))
    for name, files, variables, may in shared_files.of_names():
        compare(f"names: {name}", files, variables, at(may))
    for name, command, may in shared_files.of_programs():
        compare(f"program: {name}", {"config": f"[default]\ncredential_process = {command}\n"}, {},
                at(may))
    for name, files, variables, may in shared_files.of_paths():
        compare(f"paths: {name}", files, variables, at(may))
    for name, files, modes, may in shared_files.of_modes():
        compare(f"modes: {name}", files, {}, at(may), modes)
    for name, files, variables, may in shared_files.of_environments():
        compare(f"environment: {name}", files, variables, at(may))
    for name, files, variables, may in shared_files.of_ways():
        compare(f"way: {name}", files, variables, may)
    compare_roots()
    finish()


main()
