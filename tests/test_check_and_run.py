#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pipepoll check` and `pipepoll run` agree: what the one refuses at its start, the other refuses
with the same sentences and the same exit code, and what the one warns of, so does the other.
test_check_and_run.py PATH-OF-PIPEPOLL."""

import contextlib
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
from lib.program import (BARE, DEADLINE_S, KEY, KEYS, PROGRAM, SECRET, Process, check, everything,
                         finish, path_of, write)

NOBODY = "http://127.0.0.1:1"  # a port where nobody listens
TARGET = ("[target web]\nregions = us-east-1\ncategory = Build\nprovider = Acme\nversion = 1\n"
          f"endpoint-url = {NOBODY}\ninterval = 1h\n")
BAD_PROXY = f"http://user:{SECRET.replace('/', '%2F')}@[bad"


def files(credentials="", config=""):
    """An environment with these shared files alone."""
    return dict(BARE, AWS_SHARED_CREDENTIALS_FILE=write("credentials", credentials),
                AWS_CONFIG_FILE=write("config", config))


def rows():
    """What is wrong, with what environment, config and limit of descriptors; the exit code, None
    for a run that starts, and a word of each sentence."""
    half = dict(BARE, AWS_ACCESS_KEY_ID=KEY)
    profile = TARGET + "profile = acme\n"
    yield "nothing", KEYS, TARGET, None, None, []
    yield "no credentials at all, which may yet come", files(), TARGET, None, None, []
    yield "a key id without its secret", half, TARGET, None, 252, ["not AWS_SECRET_ACCESS_KEY"]
    yield ("a secret without its key id", dict(BARE, AWS_SECRET_ACCESS_KEY=SECRET), TARGET, None,
           252, ["not AWS_ACCESS_KEY_ID"])
    yield ("a secret with a line end", dict(KEYS, AWS_SECRET_ACCESS_KEY=SECRET + "\n."), TARGET,
           None, 252, ["environment: the credentials "])
    yield ("an expiration that is no time", dict(KEYS, AWS_CREDENTIAL_EXPIRATION="soon"), TARGET,
           None, 252, ['"soon" is not a time'])
    yield ("half a key, and a target that needs none of it", dict(
        files(f"[acme]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"),
        AWS_ACCESS_KEY_ID=KEY), profile, None, None, [])
    yield ("both at once, and the file has an error", half, TARGET + "colour = red\n", None, 252,
           ["not AWS_SECRET_ACCESS_KEY", "colour"])
    yield ("half a key in a file, which may be corrected",
           files(f"[default]\naws_access_key_id = {KEY}\n"), TARGET, None, None,
           ["no aws_secret_access_key"])
    yield ("half a key in the profile of a target",
           files(f"[acme]\naws_access_key_id = {KEY}\n"), profile, None, None,
           [f"{path_of('agree.ini')}:8:11: ", "no aws_secret_access_key"])
    yield "a profile that is not there", files(), profile, None, 252, ['profile "acme"']
    yield ("a role of nobody", files(config="[profile acme]\nrole_arn = x\n"), profile, None, None,
           ["role_arn"])
    for variable, proxy in (("http_proxy", BAD_PROXY), ("all_proxy", "socks9://127.0.0.1:1"),
                            ("ALL_PROXY", "http://127.0.0.1:99999"), ("HTTP_PROXY", "http://")):
        yield (f"{variable} with what is no proxy", dict(KEYS, **{variable: proxy}), TARGET, None,
               252, [f"{variable}: ", "no proxy that can be used"])
    yield ("a proxy that nothing goes by", dict(KEYS, http_proxy=BAD_PROXY, no_proxy="127.0.0.1"),
           TARGET, None, None, [])
    yield ("https_proxy, on the way", dict(KEYS, https_proxy=BAD_PROXY),
           TARGET.replace("http:", "https:"), None, 252, ["https_proxy: "])
    yield "https_proxy, on no way", dict(KEYS, https_proxy=BAD_PROXY), TARGET, None, None, []
    for limit in (4, 8, 12, 16, 20):
        yield (f"{limit} descriptors", KEYS, TARGET, limit, 255,
               ["descriptors can be opened", "ulimit -n"])
    yield ("a handler that nobody names", KEYS, TARGET + "[handler build]\ncommand = sh\n", None,
           None, ["[handler build] is of no use"])
    worked = TARGET + "handler = build\n[handler build]\ncommand = "
    process = f"[pipepoll]\njournal = none\nclient-tokens = {write('tokens', 'client-1')}\n"
    yield ("a handler and no state-dir, tokens or program", KEYS, worked + "no-such-program\n",
           None, 252, ["no state-dir", "nothing tells client tokens", "which is not in PATH"])
    os.chmod(path_of("tokens"), 0o600)
    yield ("client tokens that are not understood", KEYS, process + worked + "sh\n", None, 252,
           ["tokens:1:9: a client id must be followed by its token"])
    yield from state_rows()
    yield "few descriptors", KEYS, TARGET, 32, None, ["need 34 descriptors"]


def state_of(name, **files):
    """The path of a state directory with these files; None: a folder."""
    path = path_of(name)
    os.makedirs(path, exist_ok=True)
    for file, content in files.items():
        at = os.path.join(path, file.replace("_", "."))
        if content is None:
            os.mkdir(at)
        else:
            with open(at, "wb") as out:
                out.write(content)
    return path


def worker_in(state):
    return (f"[pipepoll]\nstate-dir = {state}\nclient-tokens-command = /bin/true\n" + TARGET +
            "handler = build\n[handler build]\ncommand = sh\n")


def member_in(state, more=""):
    return (f"[pipepoll]\nstate-dir = {state}\n" + TARGET + "[fleet]\n"
            f"servers = nats://127.0.0.1:1\nmember = a\n{more}")


def foreign_database():
    path = path_of("foreign.db")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA application_id = 7; PRAGMA user_version = 1; "
                         "CREATE TABLE t (x);")
    with open(path, "rb") as file:
        return file.read()


def state_rows():
    """Where the journal or the spool cannot be."""
    junk, foreign = b"junk" * 256, foreign_database()
    for name, text, words in (
            ("a lock that cannot be written", worker_in(state_of("s1", journal_lock=None)),
             "journal.lock cannot be written: "),
            ("a journal that is none", worker_in(state_of("s2", journal_db=junk)),
             "is not an SQLite file"),
            ("a journal of another program", worker_in(state_of("s3", journal_db=foreign)),
             "of another program"),
            ("a folder for a spool", member_in(state_of("s4", spool_db=None)),
             "spool.db: cannot be opened: Is a directory"),
            ("a spool that is none", member_in(state_of("s5", spool_db=junk)),
             "is not an SQLite file"),
            ("a spool of another program", member_in(state_of("s6", spool_db=foreign)),
             "of another program")):
        yield name, KEYS, text, None, 255, [words]
    yield ("a file for a folder", KEYS, worker_in(write("no-folder", "")), None, 252,
           ["is not a directory"])


def limit_to(descriptors):
    if descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


def sentences(lines):
    """What is wrong in so many words, without time, level and name of the command; not what the
    log says besides."""
    for line in lines:
        line = re.sub(r"^\S+Z (error  |warning) ", "", line)
        line = re.sub(r"^pipepoll (check|run): ", "", line).replace("warning: ", "")
        if not re.search(r"^\S+Z |: not started$|^no credentials: ", line):
            yield line


def run_of(config, env, limit):
    """Its code, None when it polls, and what it said until then."""
    run = Process("run", "--config", config, env=env, preexec_fn=lambda: limit_to(limit))
    polls = run.log(" polling 1 target of ")
    said = list(run.seen["err"])
    if polls:
        run.signal(signal.SIGTERM)
    code = run.wait()
    return (None, said) if polls and code == 0 else (code, run.seen["err"])


def somebody_holds_it():
    """Who does may be the one that runs by this very file: check warns, in the words in which a
    second run is refused."""
    for text, name in ((worker_in(path_of("held")), "journal"),
                       (member_in(path_of("held"), "replicas = 1\n"), "spool")):
        config = write("held.ini", text)
        first = Process("run", "--config", config, env=KEYS)
        first.log(" 1 target of ")
        p = subprocess.run([PROGRAM, "check", "--config", config], env=KEYS, capture_output=True,
                           text=True, stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
        code, said = run_of(config, KEYS, None)
        check(f"check, with a {name} in use: a warning", p.returncode == 0 and p.stdout
              and "warning: " in p.stderr and "in use by " in p.stderr, p)
        check("a second run is refused", code == 255, (code, said))
        check("in the same words", all(s in sentences(said)
                                       for s in sentences(p.stderr.splitlines()) if "in use" in s),
              (p.stderr, said))
        first.signal(signal.SIGTERM)
        check("the first one ends", first.wait() == 0)


def main():
    for name, env, text, limit, code, words in rows():
        config = write("agree.ini", text)
        p = subprocess.run([PROGRAM, "check", "--config", config], env=env, capture_output=True,
                           text=True, stdin=subprocess.DEVNULL, timeout=DEADLINE_S,
                           preexec_fn=lambda: limit_to(limit))
        everything.extend([p.stdout, p.stderr])
        check(f"check, with {name}: {'it is fine' if code is None else code}",
              p.returncode == (code or 0) and all(w in p.stderr for w in words)
              and bool(words) == bool(p.stderr), p)
        ran, said = run_of(config, env, limit)
        check("run agrees", ran == code, (ran, said))
        check("in the same words", sorted(sentences(p.stderr.splitlines()))
              == sorted(sentences(said)), (p.stderr, said))
    somebody_holds_it()
    check("and no secret is told", not any(SECRET in t or SECRET.replace("/", "%2F") in t
                                           for t in everything))
    finish()


if __name__ == "__main__":
    main()
