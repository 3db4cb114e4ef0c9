#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`pipepoll poll` as a drop-in for `aws codepipeline poll-for-third-party-jobs`: a table of command
lines, each given to both, against the simulated service. Usage: witness_dropin.py PIPEPOLL_BINARY

Exit codes, stdout byte for byte and the beginning of the error line must be equal, unless a row
says what differs, which the README lists. The CLI is imported once and forked for each row.
Without it:
"skipped: ..." and exit status 77, or a failure where PIPEPOLL_CI=1 promises it."""

import json
import os
import re
import sys
import tempfile

try:
    import awscli.clidriver
except ImportError:
    print("skipped: no AWS CLI (Debian: awscli)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)

from lib.program import ACME, KEYS, Sim, check, finish, path_of, pipepoll, write

DATA = os.environ.get("AWS_DATA_PATH", "")  # set by the CLI when it is imported
INPUT = json.dumps({"actionTypeId": dict(pair.split("=") for pair in ACME.split(",")),
                    "maxBatchSize": 2})


def aws(arguments, env):
    """The CLI in a child: exit code, stdout, stderr."""
    files = [tempfile.TemporaryFile() for _ in range(2)]
    child = os.fork()
    if child == 0:
        code = 255
        try:
            os.environ.clear()
            os.environ.update(env, AWS_DATA_PATH=DATA)
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            for number, file in enumerate(files, 1):
                os.dup2(file.fileno(), number)
            sys.argv = ["aws", "codepipeline", "poll-for-third-party-jobs", *arguments]
            code = awscli.clidriver.main()
        except SystemExit as e:
            code = e.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = []
    for file in files:
        file.seek(0)
        texts.append(file.read().decode())
        file.close()
    return code, *texts


def rows(url):
    """(name, arguments, what may differ). Differences: `ours`: our exit code; `err`: what our error
    says instead of beginning as theirs does; `out`: our stdout is of our own making."""
    base = ["--region", "us-east-1", "--endpoint-url", url]
    full = [*base, "--action-type-id", ACME]
    two = [*full, "--max-batch-size", "2"]
    text = ["--output", "text"]

    for form in "text", "table", "yaml", "yaml-stream":
        yield f"--output {form}", [*two, "--output", form], {}
    yield "json and the request's id", two, {"out": True}
    for form in "text", "table", "yaml", "json":
        for query in ("jobs[].jobId", "jobs[0]", "jobs[0].clientId", "length(jobs)", "nothing",
                      "jobs[*].[clientId,jobId]", "jobs[*].{J: jobId, C: clientId}", "@",
                      "{first: jobs[0], all: jobs[].jobId}"):
            yield f"--query {query} --output {form}", [*two, "--query", query, "--output", form], {}
    for color in "on", "off", "auto":
        yield f"--color {color}", [*two, "--color", color, *text], {}
    yield "no jobs as text", [*base, *text, "--action-type-id", ACME.replace("Acme", "None")], {}
    yield "no jobs as a table", [*base, "--output", "table", "--action-type-id",
                                 ACME.replace("Acme", "None")], {}
    yield "no jobs as YAML", [*base, "--output", "yaml", "--action-type-id",
                              ACME.replace("Acme", "None")], {}

    # What gives the input.
    a_file = write("at.txt", ACME + "\n")
    a_json = write("at.json", json.dumps(json.loads(INPUT)["actionTypeId"]))
    an_input = write("input.json", INPUT)
    for name, more in (
            ("shorthand in quotes", ["--action-type-id",
             "category=\"Build\",owner='ThirdParty',provider=Acme,version=1"]),
            ("shorthand with blanks", ["--action-type-id",
             "category = Build, owner=ThirdParty ,provider= Acme,version=1 "]),
            ("JSON with escapes", ["--action-type-id", json.dumps(
                json.loads(INPUT)["actionTypeId"]).replace("Build", "Bu\\u0069ld")]),
            ("file:// of shorthand", ["--action-type-id", f"file://{a_file}"]),
            ("file:// of JSON", ["--action-type-id", f"file://{a_json}"]),
            ("--name=value", [f"--action-type-id={ACME}"]),
            ("a name's beginning", ["--action-type", ACME])):
        yield name, [*base, *text, *more, "--max-batch-size", "2"], {}
    yield "--cli-input-json", [*base, *text, "--cli-input-json", INPUT], {}
    yield "--cli-input-json file://", [*base, *text, "--cli-input-json", f"file://{an_input}"], {}
    yield "a flag over --cli-input-json", [*base, *text, "--cli-input-json", INPUT,
                                           "--max-batch-size", "1"], {}
    yield "--cli-input-yaml with JSON", [*base, *text, "--cli-input-yaml", INPUT], {}
    yield "skeleton", ["--generate-cli-skeleton"], {"ours": 252, "err": "needs a value"}
    yield "skeleton of input", ["--generate-cli-skeleton", "input"], {}
    yield "skeleton of output", [*full, "--generate-cli-skeleton", "output"], {}
    yield "skeleton of output, queried", [*full, *text, "--generate-cli-skeleton", "output",
                                          "--query", "jobs[0]"], {}
    yield "skeleton of YAML", ["--generate-cli-skeleton", "yaml-input"], {
        "ours": 252, "err": "is input or output"}

    # No-ops, and what has the same effect.
    for more in (["--no-paginate"], ["--no-cli-pager"], ["--no-cli-auto-prompt"],
                 ["--cli-binary-format", "base64"], ["--cli-read-timeout", "0"],
                 ["--cli-read-timeout", "9", "--cli-connect-timeout", "9"]):
        yield " ".join(more), [*two, *text, *more], {}
    yield "--version", ["--version"], {"out": True}

    # What is wrong with the input.
    ours = {"err": "--"}
    for name, value in (("nothing after the name", "foo"), ("an unknown member", ACME + ",foo=1"),
                        ("a missing one", "category=Build,owner=ThirdParty,provider=Acme"),
                        ("one given twice", ACME + ",version=1"), ("a list", ACME + ",x"),
                        ("a comma at the end", ACME + ","), ("an open quote", 'category="Build'),
                        ("an empty member", ACME[:-1]), ("cut JSON", '{"category":'),
                        ("a number", INPUT[17:-20].replace('"1"', "1")),
                        ("a JSON list", '["category"]'), ("no such file", "file:///nothing/there"),
                        ("a folder", "file:///")):
        yield f"--action-type-id: {name}", [*base, "--action-type-id", value], {}
    for name, value in (("cut", "{"), ("a list", "[]"), ("nothing in it", "{}"),
                        ("an unknown member", INPUT.replace("maxBatchSize", "max")),
                        ("a number as a string", INPUT.replace("2}", '"2"}')),
                        ("a fraction", INPUT.replace("2}", "1.5}")),
                        ("null", '{"actionTypeId": null}')):
        yield f"--cli-input-json: {name}", [*base, "--cli-input-json", value], {}
    for value in "0", "-1":
        yield f"--max-batch-size {value}", [*full, "--max-batch-size", value], {}
    for value in "x", "1.5":
        yield f"--max-batch-size {value}", [*full, "--max-batch-size", value], dict(ours, ours=252)
    for query in "jobs[", "jobs[?a==b", "{a", "a b", "'x":
        yield f"--query {query}", [*two, "--query", query], {}
    yield "--query of an unknown function", [*two, "--query", "foo(jobs)"], {}
    yield "--query that a function refuses", [*two, "--query", "length(`5`)"], {}

    # Usage: theirs is several lines, ours one.
    for more in (["--foo"], ["foo"], ["--output", "xml"], ["--color", "always"],
                 ["--cli-binary-format", "x"], ["--no-sign-request=1"], ["--max-batch-size"]):
        yield f"usage: {' '.join(more)}", [*full, *more], {"err": "see pipepoll poll --help"}
    yield "usage: nothing", [], {"err": "--action-type-id is required"}
    yield "both inputs", [*base, "--cli-input-json", INPUT, "--cli-input-yaml", INPUT], {
        "err": "Only one --cli-input- parameter may be specified"}
    for more in (["--query", ""], ["--endpoint-url", ""], ["--output", ""], ["--color", ""]):
        yield f"empty: {more[0]}", [*two, *more], {"err": "an empty one"}
    for more in (["--region", ""], ["--profile", ""], ["--ca-bundle", ""]):
        yield f"empty: {more[0]}", [*two, *more], {"ours": 252, "err": "an empty one"}

    # The service, and the way to it.
    yield "an endpoint without a scheme", [*full, "--endpoint-url", "foo"], {"err": "foo"}
    yield "nobody there", [*full, "--endpoint-url", "http://127.0.0.1:1"], {}
    yield "a category that does not exist", [*base, "--action-type-id", ACME.replace("ui", "i")], {
        "ours": 252, "err": "category"}
    yield "owner left out", [*base, "--action-type-id", ACME.replace("owner=ThirdParty,", "")], {
        "ours": 0, "err": "", "out": True}


def environments(url):
    """(name, variables, arguments, what may differ)"""
    two = ["--action-type-id", ACME, "--max-batch-size", "2", "--endpoint-url", url]
    here = {"AWS_REGION": "us-east-1"}
    for form in "text", "yaml", "table":
        yield f"AWS_DEFAULT_OUTPUT={form}", dict(here, AWS_DEFAULT_OUTPUT=form), two, {}
    yield "AWS_DEFAULT_OUTPUT=xml", dict(here, AWS_DEFAULT_OUTPUT="xml"), two, {}
    yield "--output over AWS_DEFAULT_OUTPUT", dict(here, AWS_DEFAULT_OUTPUT="table"), \
        [*two, "--output", "text"], {}
    yield "no region", {}, two, {}
    yield "no keys", dict(here, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None), two, {}
    yield "--no-sign-request", here, [*two, "--no-sign-request"], {}
    yield "--no-sign-request without keys", dict(
        here, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None), [*two, "--no-sign-request"], {}
    yield "--no-sign-request in no region", {}, [*two, "--no-sign-request"], {}
    yield "a wrong secret", dict(here, AWS_SECRET_ACCESS_KEY="x"), two, {}
    yield "a wrong key", dict(here, AWS_ACCESS_KEY_ID="AKIDX"), two, {}
    yield "no such profile", dict(here, AWS_PROFILE="none"), two, {"ours": 253, "err": "none"}


def secure(url):
    """Before a service by TLS whose certificate nobody knows."""
    two = ["--region", "us-east-1", "--action-type-id", ACME, "--max-batch-size", "2",
           "--endpoint-url", url]
    text = ["--output", "text"]
    yield "an unknown certificate", two, {}
    yield "--no-verify-ssl", [*two, *text, "--no-verify-ssl"], {"err": "warning: --no-verify-ssl"}
    yield "--no-verify-ssl, unsigned", [*two, "--no-verify-ssl", "--no-sign-request"], {
        "err": "MissingAuthenticationTokenException"}


def first_line(err):
    """As far as both say the same: to the second colon or the end of the first sentence."""
    line = next((line for line in err.splitlines() if line.strip()), "")
    line = line.replace("'cli-input", "'--cli-input")  # a slip of theirs
    return re.split(r"(?<=failed): ?|: [A-Z]|[.(]", line)[0].strip().lower()


def compare(name, arguments, variables, may):
    env = dict(KEYS, AWS_PAGER="", AWS_MAX_ATTEMPTS="1", LC_ALL="C.UTF-8", **variables)
    env = {k: v for k, v in env.items() if v is not None}
    env["HOME"] = path_of("home")
    code, out, err = aws(arguments, env)
    ours = pipepoll("poll", *arguments, env=env)
    check(name, ours.code == may.get("ours", code)
          and (may.get("out") or "ours" in may or hide(ours.out) == hide(out))
          and (may["err"] in ours.err if "err" in may
               else first_line(ours.err).startswith(first_line(err))),
          f"{ours} is not {(code, out, err)}")


def hide(text):
    """Without the ids, of which every poll has its own."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


def main():
    sim = Sim("--jobs", "100000", "--lease", "0.001")
    for name, arguments, may in rows(sim.url):
        compare(name, arguments, {}, may)
    for name, variables, arguments, may in environments(sim.url):
        compare(name, arguments, variables, may)
    tls = Sim("--tls", "--jobs", "100000", "--lease", "0.001")
    for name, arguments, may in secure(tls.url):
        compare(name, arguments, {}, may)
    finish()


main()
