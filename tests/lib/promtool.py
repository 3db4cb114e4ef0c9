# SPDX-License-Identifier: MIT
"""promtool, which judges metrics and alerts."""

import os
import shutil
import subprocess
import sys

PLACE = os.path.join(os.path.dirname(__file__), "../../subprojects/packagecache/promtool")


def skip(what):
    print(f"skipped: no {what} here (subprojects/setup.sh --tests installs it)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)


def find_or_skip():
    """Its path; without it the test is skipped, but in CI, where it must be there."""
    return shutil.which("promtool") or shutil.which(PLACE) or skip("promtool")


def promtool(*arguments, text=b"", folder=None):
    """Its exit code and all that it printed."""
    p = subprocess.run([find_or_skip(), *arguments], input=text, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60, cwd=folder)
    return p.returncode, p.stdout.decode()
