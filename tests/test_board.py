#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The board for Grafana: it has the form of one; promtool understands what each panel asks, the
program has it, and of a thousand targets it is something to look at, and no more lines than one can
read. Grafana itself is not there to be asked.
test_board.py STATUS_TRACE SOURCE-ROOT"""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from lib.program import check, finish
from lib.promql import Metrics
from lib.promtool import find_or_skip, promtool
from lib.scrapes import Scrapes, series_of

TRACE, ROOT = map(os.path.abspath, sys.argv[1:3])
BOARD = os.path.join(ROOT, "src/share/grafana/pipepoll.json")
LINES_MAX = 25
SIZE = (40, 25)  # providers, regions
# Lines that are not there while all is well, or nothing happens, in the status that is made up.
EMPTY = {"Throttled polls A", "Jobs that ended A", "Starts and config B", "annotation Starts"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
VARIABLES = {"$__rate_interval": "5m", "$instance": ".*", "$region": ".*"}
KINDS = {"row", "stat", "timeseries", "heatmap", "table"}


def asked(board):
    """What each panel asks, by its title and which it is of its questions; and the annotation."""
    for panel in board["panels"]:
        for t in panel.get("targets", []):
            yield f"{panel['title']} {t['refId']}", t["expr"]
    for note in board["annotations"]["list"]:
        yield f"annotation {note['name']}", note["expr"]


def filled(expr):
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


# --- its form ---

def overlaps(panels):
    taken = {}
    for p in panels:
        at = p["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                if x >= 24 or taken.setdefault((x, y), p["title"]) != p["title"]:
                    yield p["title"]


def check_form(board):
    panels = board["panels"]
    check("it is a board that Grafana 9 imports", board["id"] is None and board["uid"] == "pipepoll"
          and 36 <= board["schemaVersion"] <= 39 and {p["type"] for p in panels} == KINDS)
    check("each panel has an id and a title of its own",
          len({p["id"] for p in panels}) == len({p["title"] for p in panels}) == len(panels))
    check("no panel lies on another or outside", not list(overlaps(panels)), list(overlaps(panels)))
    check("each says in a sentence what it shows",
          [p["title"] for p in panels if p["type"] != "row"
           and not p.get("description", "").endswith(".")] == [])
    shown = [p for p in panels if p["type"] != "row"]
    check("each asks the data source that was chosen",
          all(p["datasource"] == DATASOURCE and p["targets"]
              and all(t["datasource"] == DATASOURCE for t in p["targets"]) for p in shown))
    variables = {v["name"]: v for v in board["templating"]["list"]}
    check("data source, process and region can be chosen",
          list(variables) == ["datasource", "instance", "region"]
          and variables["datasource"]["type"] == "datasource")
    used = set(re.findall(r"\$\w+", " ".join(expr for _, expr in asked(board))))
    check("no other variable is used", used == set(VARIABLES), used)
    unchosen = [name for name, expr in asked(board)
                if "$instance" not in expr and "ALERTS" not in expr]
    check("each is of the processes that were chosen", not unchosen, unchosen)


# --- what it asks ---

def check_names(board):
    metrics = Metrics.of(TRACE)
    wrong = {name: metrics.unknown(expr) for name, expr in asked(board) if metrics.unknown(expr)}
    check("all that it asks for is there", not wrong, wrong)
    for variable in board["templating"]["list"][1:]:
        wanted = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
        check(f"the choice of {variable['name']} is of what there is",
              not metrics.unknown(f"sum by ({wanted[2]}) ({wanted[1]})"), wanted[0])


def check_grammar(board, folder):
    rules = [{"record": f"r{i}", "expr": filled(expr)} for i, (_, expr) in enumerate(asked(board))]
    path = os.path.join(folder, "board.rules.yml")
    for name, more in ("promtool understands each", []), ("and would not", [
            {"record": "bad", "expr": "sum(pipepoll_alive"}]):
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"groups": [{"name": "board", "rules": rules + more}]}, f)
        code, said = promtool("check", "rules", path)
        check(f"{name}: {len(rules + more)} expressions", (code == 0) != bool(more), said)


def world(second):
    return series_of(subprocess.run([TRACE, "prometheus", *map(str, SIZE), str(second)], check=True,
                                    stdout=subprocess.PIPE, encoding="utf-8").stdout)


def check_answers(board, folder):
    """By two scrapes of a process with a thousand targets, a minute apart."""
    scrapes = Scrapes(world(0), world(60))
    names = set(re.findall(r"\w+", " ".join(expr for _, expr in asked(board))))
    series = [s for s in scrapes.series(scrapes.scrapes[0]["process_start_time_seconds"], (1, 2))
              if s["series"].split("{")[0] in names]
    tests = []
    for name, expr in asked(board):
        count = f"count({filled(expr)})"
        tests.append({"expr": f"{count} <= bool {LINES_MAX} # {name}", "eval_time": "2m",
                      "exp_samples": [] if name in EMPTY else [{"labels": "{}", "value": 1}]})
    path = os.path.join(folder, "board.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"rule_files": [], "evaluation_interval": "1m", "tests": [
            {"interval": "1m", "input_series": series, "promql_expr_test": tests}]}, f)
    code, said = promtool("test", "rules", path)
    check(f"of {SIZE[0] * SIZE[1]} targets each panel shows something, and {LINES_MAX} lines at "
          "most", code == 0, said)
    check("the targets are there", sum("pipepoll_target_last" in s["series"] for s in series)
          == SIZE[0] * SIZE[1])


def main():
    find_or_skip()
    with open(BOARD, encoding="utf-8") as f:
        board = json.load(f)
    check_form(board)
    check_names(board)
    with tempfile.TemporaryDirectory() as folder:
        check_grammar(board, folder)
        check_answers(board, folder)
    finish()


main()
