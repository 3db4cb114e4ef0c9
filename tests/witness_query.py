#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""JMESPath and the output formats of `pipepoll poll` beside those of the AWS CLI's own modules:
many queries, many answers, each format. Usage: witness_query.py ANSWER_TRACE

One line per difference, then "N passed, N failed". Without the AWS CLI: "skipped: ..." and exit
status 77, or a failure where PIPEPOLL_CI=1 promises it."""

import argparse
import io
import itertools
import json
import os
import random
import subprocess
import sys

try:
    import jmespath
    import awscli.formatter
    import awscli.table
except ImportError:
    print("skipped: no AWS CLI (Debian: awscli)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)

TITLE = "PollForThirdPartyJobs"

JOBS = {"jobs": [{"clientId": "c-1", "jobId": "j-2"}, {"clientId": "c-2", "jobId": "j-1"},
                 {"clientId": "c-1", "jobId": "j-3"}]}
DOCUMENTS = [
    JOBS,
    {"jobs": []},
    {"jobs": [{"clientId": "8c59affe-adf4-4812-a2d4-ded07e25c758",
               "jobId": "74b438fd-ff25-4fd6-ad14-24dcf9bf7f3a"}]},
    {"us-east-1": JOBS, "eu-west-1": {"jobs": []}},
    {"a": [1, 2.5, -3, 0, 1e22, 1e-7], "b": {"c": [[1, [2]], [3], [], 4], "d": None}, "s": "héllo",
     "t": True, "f": False, "e": "", "o": {}, "l": [], "n": ["x", "y", "x"],
     "p": [{"k": "b", "v": 2}, {"k": "a", "v": 1}, {"k": "c"}], "0": "zero", "w x": 5},
    [1, "two", None, [3], {"four": 4}],
    {"B": 1, "A": {"x": [{"y": 1, "z": [1, 2]}, {"y": 2, "z": [3]}]}},
    {"s": ["true", "null", "1", "1.5", "0x1f", "1e3", "-", "- a", "a: b", "a #b", "~", "yes", "no",
           "2026-11-28", "2026-11-28T01:02:03Z", "it's", "\"q\"", "#c", "a:b", "@x", "=", "<<",
           "1_000", ".5", "5.", "+1", "-1", "1:30", "0o7", "012", "...", "---", "off", "é",
           "!x", "%x", "&x", "*x", "?x", "? x", "[x", "{x", "|x", ">x", "`x", ",x", "x,", ":x"]},
]
QUERIES = [
    "", "@", "jobs", "jobs[0]", "jobs[-1].jobId", "jobs[5]", "jobs[].jobId", "jobs[*].jobId",
    "jobs[*].[clientId, jobId]", "jobs[*].{c: clientId, j: jobId}", "jobs[?clientId=='c-1'].jobId",
    "jobs[?clientId==`c-1`]", "jobs[?clientId==`\"c-1\"`] | [0]",
    "jobs[?clientId!='c-1'] | length(@)",
    "length(jobs)", "length(jobs[])", "keys(@)", "values(@)", "jobs[:1]", "jobs[::-1].jobId",
    "jobs[1:]", "jobs[-2:].jobId", "jobs[::2]", "jobs[5:]", "jobs[:-5]", "jobs[2:0:-1].jobId",
    "sort_by(jobs, &jobId)[].jobId", "max_by(jobs, &jobId).jobId", "min_by(jobs, &jobId)",
    "sort(jobs[].jobId)", "join(', ', jobs[].jobId)", "contains(jobs[].jobId, 'j-1')",
    "jobs[?starts_with(jobId, 'j')]", "jobs[?ends_with(jobId, '3')].jobId", "reverse(jobs)",
    "map(&jobId, jobs)", "not_null(foo, jobs)", "to_string(@)", "to_array(jobs[0])",
    "type(jobs)", "merge(jobs[0], `{\"x\": 1}`)", "jobs[?jobId>'j-1']", "jobs[*].foo", "foo.bar",
    "*.jobs", "*.jobs[]", "*.jobs[].jobId", "\"us-east-1\".jobs[0]", "a", "a[?@ > `0`]", "sum(a)",
    "avg(a)", "max(a)", "min(a)", "a[?@ >= `1` && @ < `3`]", "a[?@ == `0` || @ < `0`]",
    "a[?!(@ > `0`)]", "abs(a[2])", "ceil(a[1])", "floor(a[1])", "b.c", "b.c[]", "b.c[][]", "b.d",
    "b.*", "*", "b.c[*][0]", "b.c[0][1][0]", "s", "length(s)", "reverse(s)", "contains(s, 'll')",
    "t && f", "t || f", "!t", "!e", "!o", "!l", "e || s", "n", "p[*].k", "p[?v].k",
    "p[?v > `1`].k", "p[].v", "sort_by(p, &k)", "sort_by(p[?v], &v)", "\"0\"", "\"w x\"",
    "[s, t, a[0]]", "{x: s, y: n}", "{x: {y: {z: s}}}", "[[s], [t]]", "[*]", "[].four", "[3][0]",
    "[-1]", "[?type(@)=='number']", "A.x[].z[]", "A.x[*].z[]", "A.x[*].z | [0]", "A.x[*].z[0]",
    "A.x[].[y, z[0]]", "A.x[?y==`1`].z | []", "`[1, 2]`", "`foo`", "`\"foo\"`", "`{\"a\": 1}`.a",
    "'it\\'s'", "'a\\\\b'", "jobs | [0] | jobId", "jobs[0].{a: jobId, b: [clientId]}",
    "(jobs)[0]", "(jobs[*].jobId)[0]", "jobs[*].jobId | [0]", "to_number('3')",
    "to_number('3.50')", "to_number('x')", "to_number(@)", "@.jobs", "jobs.length(@)",
    "jobs[].length(jobId)", "jobs[*].not_null(foo, jobId)", "`1` == `1.0`", "`true` == `1`",
    "jobs == jobs", "jobs[0] == jobs[1]", "[?a][?b]", "jobs[?jobId=='j-1'][].clientId", "s[*]",
    "s[?contains(@, '#')]", "a[::-1] | [0]", "&jobs",
    # What is wrong with these is said.
    "jobs[", "jobs]", "jobs[?", "jobs[?a==b", "jobs..a", "jobs.", ".jobs", "foo(jobs)",
    "length()", "length(`5`)", "length(jobs, jobs)", "sort(`[1, \"a\"]`)", "abs('a')", "{a}",
    "{a:", "[a,", "a b", "a = b", "a == ", "'x", "`{`", "\"x", "jobs[::0]", "jobs[a]", "sum('a')",
    "jobs[1:2:3:4]", "\"length\"(jobs)", "jobs[0", "-", "a[-]", "sort_by(jobs, jobId)", "%", "(",
    "()", "jobs[?]", "jobs{a: b}", "!", "||", "a ||", "join('a', `[1]`)", "map(jobs, &jobId)",
]
FORMATS = ["json", "text", "table", "yaml", "yaml-stream"]
ERROR = "error"


def random_query(dice, depth=0):
    """Anything that the grammar makes of the names in the documents."""
    names = ["jobs", "jobId", "clientId", "a", "b", "p", "k", "v", "n", "s", "x", "z", "y", "A"]
    def more():
        return random_query(dice, depth + 1)
    if depth > 3 or dice.random() < 0.25:
        return dice.choice(names + ["@", "`1`", "'j-1'", "*", "[0]", "[]", "`null`"])
    return dice.choice([
        lambda: f"{more()}.{dice.choice(names)}", lambda: f"{more()}[{dice.randint(-3, 3)}]",
        lambda: f"{more()}[*]", lambda: f"{more()}[]", lambda: f"{more()}[?{more()}]",
        lambda: f"{more()} | {more()}", lambda: f"{more()} || {more()}",
        lambda: f"{more()} && {more()}", lambda: f"!{more()}",
        lambda: f"{more()} {dice.choice(['==', '!=', '<', '<=', '>', '>='])} {more()}",
        lambda: f"[{more()}, {more()}]", lambda: f"{{x: {more()}, y: {more()}}}",
        lambda: f"({more()})", lambda: f"{more()}[{dice.choice(['', '1', '-2'])}:"
                                       f"{dice.choice(['', '2', '-1'])}]",
        lambda: f"{dice.choice(['length', 'keys', 'type', 'sort', 'to_array'])}({more()})",
        lambda: f"{more()}.*", lambda: f"sort_by({more()}, &{more()})",
        lambda: f"map(&{more()}, {more()})"])()


def witness(form, width, document, query):
    """What the AWS CLI prints, or ERROR."""
    out = io.StringIO()
    try:
        compiled = jmespath.compile(query) if query else None
        args = argparse.Namespace(query=compiled, color="off", output=form)
        awscli.table.determine_terminal_width = lambda: width
        formatter = awscli.formatter.get_formatter(form, args)
        formatter(TITLE, json.loads(json.dumps(document)), stream=out)
    except Exception:
        return ERROR
    return out.getvalue()


def is_meant(case, ours, theirs):
    """Where we differ, and mean to: they stop in the middle of a list of objects and others as
    text; count an é as two columns; show &expression as a Python object; and fold YAML at 80
    columns."""
    form, _, _, query = case
    if form == "text" and theirs == ERROR:
        return ours != ERROR and query in ("", "@", "[*]", "*", "values(@)")
    if form.startswith("yaml") and ours.replace(" ", "") == "".join(theirs.replace("\n  ", "")
                                                                   .split(" ")):
        return True
    return query == "&jobs" or form == "table" and "é" in theirs


def main():
    dice = random.Random(20261128)
    queries = QUERIES + [random_query(dice) for _ in range(1500)]
    cases = [(form, 80, document, query) for document in DOCUMENTS for query in QUERIES
             for form in FORMATS]
    cases += [("json", 80, dice.choice(DOCUMENTS[:5]), query) for query in queries]
    cases += [("table", width, document, "") for width in (40, 200) for document in DOCUMENTS]
    lines = "".join(f"{form}\t{width}\t{json.dumps(document, ensure_ascii=False)}\t{query}\n"
                    for form, width, document, query in cases)
    done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, timeout=100,
                          check=True)
    failed = 0
    for case, line in itertools.zip_longest(cases, done.stdout.splitlines()):
        ours = ERROR if line.startswith("error: ") else json.loads(line)
        theirs = witness(*case)
        if ours != theirs and not is_meant(case, ours, theirs):
            failed += 1
            if failed < 40:
                print(f"FAILED  {case}:\n{ours if ours != ERROR else line}\nis not\n{theirs}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
