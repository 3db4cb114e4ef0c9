# SPDX-License-Identifier: MIT
"""Whether an expression in PromQL asks for metrics and labels that the program has, and for values
that they can have. It looks for names and selectors only: promtool is there to parse."""

import re
import subprocess

SELECTOR = re.compile(r"\b(pipepoll_\w+|process_\w+|up)\b\s*(?:\{([^}]*)\})?")
MATCHER = re.compile(r"""(\w+)\s*(=~|!~|!=|=)\s*(?:"([^"]*)"|'([^']*)')""")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance"}
# Labels whose values are words that the program knows, all of which are always there.
WORDS = {"state", "outcome", "le"}


class Metrics:
    """Of each name its labels, and of each label its values."""

    def __init__(self, text):
        self.labels = {"up": {}}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups("")
            known = self.labels.setdefault(name, {})
            for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels):
                known.setdefault(label, set()).add(value)

    @classmethod
    def of(cls, trace):
        """All that the program has, of a status that is made up."""
        return cls(subprocess.run([trace, "prometheus", "3", "4", "0"], check=True,
                                  stdout=subprocess.PIPE, encoding="utf-8").stdout)

    def unknown(self, expr):
        """What of it there is not, in words."""
        told, used = [], set(OF_PROMETHEUS)
        for name, matchers in SELECTOR.findall(expr):
            if name not in self.labels:
                told.append(name)
                continue
            known = self.labels[name]
            used |= set(known)
            for label, _, *value in MATCHER.findall(matchers):
                value = "".join(value)
                if label not in OF_PROMETHEUS | set(known):
                    told.append(f"{name}{{{label}}}")
                elif label in WORDS and "$" not in value:
                    told += [f"{name}{{{label}={v}}}" for v in value.split("|")
                             if v not in known[label]]
        for labels in GROUPING.findall(expr):
            told += [f"by {label}" for label in re.findall(r"\w+", labels) if label not in used]
        return told
