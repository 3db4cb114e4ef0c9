#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The alert rules: promtool takes them; each fires when it should, to the minute, and not beside
that; what they ask for is in the metrics; the manual has an entry for each.
test_alerts.py STATUS_TRACE SOURCE-ROOT"""

import json
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
from lib.alert_units import UNITS
from lib.promql import Metrics
from lib.promtool import find_or_skip, promtool, skip

try:
    import yaml
except ImportError:
    skip("python3-yaml")

TRACE, ROOT = map(os.path.abspath, sys.argv[1:3])
RULES = os.path.join(ROOT, "src/share/prometheus/pipepoll.rules.yml")
MANUAL = os.path.join(ROOT, "src/share/man/pipepoll-alerts.7.scd")
LONGER_MIN = 45  # that what must not fire is watched for, beyond the minute
OF_ALL = {"PipepollAbsent"}
results = []


def check(name, true, detail=""):
    results.append(bool(true))
    print(f"{'ok    ' if true else 'FAILED'} {name}{'' if true else ': ' + str(detail)[:3000]}",
          flush=True)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def rules():
    return [rule for group in yaml.safe_load(read(RULES))["groups"] for rule in group["rules"]]


# --- what they say ---

def check_rules():
    code, said = promtool("check", "rules", RULES)
    check("promtool takes the rules", code == 0, said)
    names = [rule["alert"] for rule in rules()]
    check("each has a name of its own", len(names) == len(set(names)) > 25, names)
    for rule in rules():
        name, notes = rule["alert"], rule["annotations"]
        check(f"{name} has all that belongs to it",
              rule["labels"].get("severity") in ("critical", "warning")
              and set(notes) == {"summary", "description", "runbook"}
              and notes["runbook"] == f"man 7 pipepoll-alerts, {name}"
              and len(notes["summary"]) <= 100 and notes["description"].endswith("."), rule)


def check_manual():
    said = re.findall(r"^\*(Pipepoll\w+)\* \((\w+)\)$", read(MANUAL), re.M)
    check("the manual has an entry for each, in the order of the rules",
          said == [(rule["alert"], rule["labels"]["severity"]) for rule in rules()],
          set(said) ^ {(rule["alert"], rule["labels"]["severity"]) for rule in rules()})


def check_names():
    metrics = Metrics.of(TRACE)
    for rule in rules():
        unknown = metrics.unknown(rule["expr"])
        check(f"{rule['alert']} asks for what there is", not unknown, unknown)
    for expr in ("pipepoll_polls", "pipepoll_targets{state='bad'}", "pipepoll_alive{region='a'}",
                 "sum by (owner) (pipepoll_targets)", "pipepoll_targets{state=~'late|bad'}"):
        check(f"what there is not is noticed: {expr}", metrics.unknown(expr))


# --- when they fire ---

def series_of(unit, instance):
    for name, values in ({"up": "1+0x240"} | unit).items():
        bare, _, labels = name.partition("{")
        if "job=" not in labels:
            labels = 'job="pipepoll"' + (f",{labels[:-1]}" if labels else "") + "}"
        if values is not None:
            yield {"series": f'{bare}{{instance="{instance}",{labels}', "values": values}


def asked(alert, instance, minute, count, over=""):
    at = f'instance="{instance}",' if alert not in OF_ALL else ""
    expr = f'ALERTS{{{at}alertname="{alert}",alertstate="firing"}}'
    expr = f"max_over_time({expr}[{over}])" if over else expr
    samples = [{"labels": "{}", "value": count}] if count else []
    return {"expr": f"count({expr})", "eval_time": f"{minute}m", "exp_samples": samples}


class Case:
    """Numbers of one process, and what is asked about them."""

    def __init__(self, alert, number, minute, unit):
        self.alert, self.minute = alert, minute
        instance, last = f"{alert}.{number}", minute + LONGER_MIN
        self.series = list(series_of(unit, instance))
        self.asked = [asked(alert, instance, last, 0, f"{last}m")] if number else \
            [asked(alert, instance, minute - 1, 0), asked(alert, instance, minute, 1)]
        self.text = {"alertname": alert, "eval_time": f"{minute}m", "exp_alerts": []}


def test_of(cases, text=False):
    return {"interval": "1m", "input_series": [s for c in cases for s in c.series],
            "alert_rule_test" if text else "promql_expr_test":
                [c.text for c in cases] if text else [q for c in cases for q in c.asked]}


def tests_of(cases, text=False):
    """All processes are watched by one Prometheus, except where an alert is about all of them."""
    alone = [c for c in cases if c.alert in OF_ALL]
    return [test_of([c for c in cases if c not in alone], text)] + \
        [test_of([c], text) for c in alone]


def ask(folder, tests):
    path = os.path.join(folder, "units.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"rule_files": [RULES], "evaluation_interval": "1m", "tests": tests}, f)
    return promtool("test", "rules", path)


def check_units(folder):
    check("each alert is tried", list(UNITS) == [rule["alert"] for rule in rules()],
          set(UNITS) ^ {rule["alert"] for rule in rules()})
    cases = [Case(alert, number, minute, unit) for alert, (minute, *units) in UNITS.items()
             for number, unit in enumerate(units)]
    code, said = ask(folder, tests_of(cases))
    check(f"each fires at its minute and not before, and not in {len(cases) - len(UNITS)} other "
          "cases", code == 0, said)
    minute, unit, *_ = UNITS["PipepollDown"]
    for wrong in Case("PipepollDown", 0, minute - 1, unit), Case("PipepollDown", 1, minute, unit):
        check("promtool would tell of one that fires when it should not",
              ask(folder, tests_of([wrong]))[0] == 1)


def check_texts(folder):
    """promtool shows the texts of those that it does not expect."""
    cases = [Case(alert, 0, *unit[:2]) for alert, unit in UNITS.items()]
    said = ask(folder, tests_of(cases, text=True))[1]
    notes = re.findall(r"Annotations:\{(.*)\}", said)
    check("each text is filled in", all(any(f", {a}\"" in note for note in notes) for a in UNITS)
          and not re.search(r"no value|error expanding|\{\{|%!", "".join(notes)), notes)


def main():
    find_or_skip()
    check_rules()
    check_manual()
    check_names()
    with tempfile.TemporaryDirectory() as folder:
        check_units(folder)
        check_texts(folder)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


main()
