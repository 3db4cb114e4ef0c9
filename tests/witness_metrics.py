#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What others read in the metrics: promtool finds nothing to say of them, and the client library of
Prometheus reads the same samples in both formats, with a parser that is strict in OpenMetrics.
witness_metrics.py PATH-OF-STATUS_TRACE."""

import subprocess
import sys

sys.dont_write_bytecode = True
from lib.promtool import promtool, skip

try:
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as strict_parser
except ImportError:
    skip("python3-prometheus-client")

TRACE = sys.argv[1]
SIZES = [(1, 1), (3, 4), (40, 25)]
results = []


def check(name, true, detail=""):
    results.append(bool(true))
    print(f"{'ok    ' if true else 'FAILED'} {name}{'' if true else ': ' + str(detail)[:2000]}",
          flush=True)


def made(what, size, second=0):
    return subprocess.run([TRACE, what, *map(str, size), str(second)], check=True,
                          stdout=subprocess.PIPE).stdout


def samples(families):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value
            for family in families for s in family.samples}


def test_promtool():
    for size in SIZES:
        code, said = promtool("check", "metrics", text=made("prometheus", size))
        check(f"promtool has nothing to say of {size[0] * size[1]} targets", code == 0 and not said,
              (code, said))
    text = made("prometheus", (1, 1)).replace(b"pipepoll_polls_total", b"pipepoll_polls")
    check("but would of a counter without _total", promtool("check", "metrics", text=text)[0] == 3)


def test_parsers(size):
    text, strict = (made(what, size).decode() for what in ("prometheus", "openmetrics"))
    plain = list(parser.text_string_to_metric_families(text))
    families = list(strict_parser.text_string_to_metric_families(strict))
    count = f"of {size[0] * size[1]} targets"
    check(f"both formats {count} have the same samples",
          samples(plain) == samples(families) and len(families) > 50,
          set(samples(plain).items()) ^ set(samples(families).items()))
    check(f"each family {count} has a text and a type, and samples",
          all(f.documentation and f.type != "unknown" for f in families)
          and [f.name for f in families if not f.samples] == [],
          [(f.name, f.type) for f in families])
    lines = [l.rsplit(" ", 1)[0] for l in text.splitlines()]
    check(f"no sample {count} is told twice", len(lines) == len(set(lines)))


def test_order():
    """A scraper may look at one family after the other: no family is in two places."""
    seen, last = [], None
    for line in made("prometheus", (3, 4)).decode().splitlines():
        if line.startswith("# TYPE "):
            last = line.split()[2]
            seen.append(last)
        elif not line.startswith("#") and not line.startswith(last):
            check("a sample is behind its family's head", False, line)
    check("each family is in one place", len(seen) == len(set(seen)), seen)


def test_counters():
    """They never fall, whatever else moves."""
    before, after = (samples(parser.text_string_to_metric_families(
        made("prometheus", (3, 4), second).decode())) for second in (0, 60))
    fell = [key for key, value in before.items()
            if key[0].endswith(("_total", "_bucket", "_count", "_sum")) and after[key] < value]
    check("no counter falls", not fell and before != after, fell)


def main():
    test_promtool()
    for size in SIZES:
        test_parsers(size)
    test_order()
    test_counters()
    print(f"{results.count(True)} of {len(results)} checks passed")
    sys.exit(0 if all(results) else 1)


main()
