# SPDX-License-Identifier: MIT
"""What Prometheus would read of a running program, and which alerts it would tell of.

A scrape is real, the time between two of them is not: they are presented to promtool a minute
apart, and the last one is repeated for as long as the alerts wait. So nothing here takes minutes,
and no Prometheus is needed."""

import http.client
import json
import os
import re
import time

from lib.program import DEADLINE_S, Process
from lib.promtool import promtool

STEP_S = 60
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")
LABELS = 'job="pipepoll",instance="here"'
INSTANT = re.compile(r"\w+_timestamp_seconds|process_start_time_seconds")


def series_of(text):
    """What is read at /metrics, as values by series."""
    lines = [SAMPLE.fullmatch(line).groups("") for line in text.splitlines()
             if not line.startswith("#")]
    return {f"{name}{{{labels}}}" if labels else name: float(value)
            for name, labels, value in lines}


class Scrapes:
    def __init__(self, *scrapes):
        self.scrapes = list(scrapes)  # values by series; None: it did not answer
        self.steps = 1                # that each but the first and the last is presented for

    def series(self, since_s, hold):
        """As promtool takes them, the first and the last scrape for as many steps as hold says.
        Instants count from since_s, for the time there begins at 0."""
        names = dict.fromkeys(n for scrape in self.scrapes for n in scrape or {})
        pattern = list(zip(self.scrapes, self.times(hold)))
        yield {"series": f"up{{{LABELS}}}", "values": " ".join(
            f"{int(scrape is not None)}+0x{n - 1}" for scrape, n in pattern)}
        for name in names:
            values = []
            for scrape, n in pattern:
                if name not in (scrape or {}):
                    values.append("stale" + " _" * (n - 1))
                    continue
                value = scrape[name] - (since_s if INSTANT.match(name) else 0)
                values.append(f"{value!r}+0x{n - 1}")
            bare, _, labels = name.partition("{")
            labels = f"{LABELS},{labels}" if labels else f"{LABELS}}}"
            yield {"series": f"{bare}{{{labels}", "values": " ".join(values)}

    def times(self, hold):
        """How many steps each is presented for."""
        return [hold[0]] + [self.steps] * (len(self.scrapes) - 2) + [hold[1]]


class Watched(Scrapes):
    """A run that is read at its /metrics."""

    def __init__(self, config, *arguments, **options):
        super().__init__()
        self.start(config, *arguments, **options)

    def start(self, config, *arguments, **options):
        self.run = Process("run", "--config", config, "--listen", "127.0.0.1:0", *arguments,
                           **options)
        line = self.run.log("status page: http://") or "http://127.0.0.1:1"
        self.at = line.split("http://")[-1]

    def ask(self):
        connection = http.client.HTTPConnection(self.at, timeout=DEADLINE_S)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            return answer.read().decode() if answer.status == 200 else None
        except OSError:
            return None
        finally:
            connection.close()

    def look(self):
        """As values by series; None: it does not answer."""
        text = self.ask()
        return None if text is None else series_of(text)

    def scrape(self):
        self.scrapes.append(self.look())

    def until(self, wanted):
        """Scrape once wanted(series) is true of what is read, or the deadline is over."""
        end = time.monotonic() + DEADLINE_S
        while True:
            series = self.look()
            if wanted(series or {}) or time.monotonic() > end:
                self.scrapes.append(series)
                return bool(wanted(series or {}))
            time.sleep(0.01)

    def end(self, number):
        self.run.signal(number)
        return self.run.wait()


def firing(rules, folder, name, series, steps, alerts):
    """promtool's exit code and words on whether these alerts, and no others, fire at any time in so
    many steps."""
    with open(rules, encoding="utf-8") as f:
        names = set(re.findall(r"\w+", f.read()))
    time_s = f"{steps * STEP_S}s"
    at_any_time = f'max_over_time(ALERTS{{alertstate="firing"}}[{time_s}])'
    test = {"interval": f"{STEP_S}s",
            "input_series": [s for s in series if s["series"].split("{")[0] in names],
            "promql_expr_test": [{
                "expr": f"max by (alertname) ({at_any_time})",
                "eval_time": time_s,
                "exp_samples": [{"labels": f'{{alertname="{a}"}}', "value": 1}
                                for a in sorted(alerts)]}]}
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"rule_files": [rules], "evaluation_interval": f"{STEP_S}s", "tests": [test]}, f)
    return promtool("test", "rules", path, folder=folder)
