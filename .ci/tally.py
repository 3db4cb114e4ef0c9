# SPDX-License-Identifier: MIT
"""Count the results of a meson test run: prints "PASSED FAILED SKIPPED", then what failed and why.

usage: tally.py meson-logs/testlog.json
A test that was skipped, as a whole or in one of its cases, counts as failed: CI has all tools.
Extras are the suite `vectors`, which needs files that do not come with the project, and
`namespaces`, which needs a kernel that lets us have networks of our own.
"""
import json
import sys
from pathlib import Path

TAIL_LINES = 25
GOOD = {"OK", "EXPECTEDFAIL"}


def is_missing_extra(test):
    """Of what a machine may be without."""
    suites = test["name"].split(" / ")[0].removeprefix("pipepoll:").split("+")
    return test["result"] == "SKIP" and not {"vectors", "namespaces"}.isdisjoint(suites)


def trouble(test):
    """-> why a test does not count as passed, or None."""
    if test["result"] not in GOOD:
        return test["result"]
    output = (test.get("stdout") or "") + (test.get("stderr") or "")
    skipped = "[  SKIPPED ]" in output or any(
        line.startswith("skipped:") for line in output.splitlines())
    return "SKIP of a part" if skipped else None


def main():
    path = Path(sys.argv[1])
    lines = path.read_text().splitlines() if path.exists() else []
    tests = [json.loads(line) for line in lines]
    ran = [test for test in tests if not is_missing_extra(test)]
    bad = [(test, why) for test in ran if (why := trouble(test))]
    print(len(ran) - len(bad), len(bad), len(tests) - len(ran))
    for test, why in bad:
        print(f"{test['name']}: {why}")
        for stream in ("stdout", "stderr"):
            for line in (test.get(stream) or "").splitlines()[-TAIL_LINES:]:
                print(f"  {line}")


main()
