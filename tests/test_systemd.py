#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The systemd unit: systemd understands it, exposes little by it, and gives the end of a run the
time that it may take; and the config file that is installed to begin with is right.

test_systemd.py PATH-OF-PIPEPOLL UNIT CONFIG-FILE"""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from lib.program import KEYS, PROGRAM, check, finish, path_of, pipepoll, write

EXPOSURE_MAX = 1.5
KILL_AFTER_S = 5  # what the log and the exit need beyond drain-timeout, at least
UNIT = Path(sys.argv[2]).read_text(encoding="utf-8")
EXAMPLE = sys.argv[3]


def service():
    """-> the last value of each key of [Service]."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str
    parser.read_string(UNIT)
    return parser["Service"]


def seconds(text):
    number, of = re.fullmatch(r"(\d+)(s|min)?", text).groups()
    return int(number) * (60 if of == "min" else 1)


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def systemd_understands(name, text):
    """verify wants the programs to be there: the one under test stands for the one installed."""
    unit = write(name, re.sub(r"^ExecStart=\S+", f"ExecStart={PROGRAM}", text, flags=re.M))
    done = analyze("verify", "--man=no", unit)
    ours = [line for line in done.stdout.splitlines() if name in line]
    return done.returncode == 0 and not ours, done.stdout


def exposes(name, text):
    done = analyze("security", "--offline=yes", "--no-pager",
                   f"--threshold={round(10 * EXPOSURE_MAX)}", write(name, text))
    return done.returncode == 0, done.stdout[-500:]


def drain_timeout_s():
    shown = pipepoll("run", "--print-config", EXAMPLE, env=KEYS).out
    return seconds(re.search(r"^drain-timeout = (\S+)$", shown, re.M)[1])


def look_by_systemd():
    if not shutil.which("systemd-analyze"):
        in_ci = os.environ.get("PIPEPOLL_CI") == "1"
        print("skipped: what systemd says, for there is no systemd-analyze (Debian: systemd)")
        return not in_ci
    check("systemd understands it", *systemd_understands("pipepoll.service", UNIT))
    wrong = UNIT.replace("KillMode=mixed", "KillMode=mixt")
    check("and would tell of a wrong value", not systemd_understands("wrong.service", wrong)[0])
    check(f"exposure is at most {EXPOSURE_MAX}", *exposes("pipepoll.service", UNIT))
    wider = UNIT.replace("PrivateUsers=yes", "").replace("CapabilityBoundingSet=", "")
    check("and would be more with less", not exposes("wider.service", wider)[0])
    return True


def the_example_becomes_right_when_its_parts_are_taken():
    for name in ("client-tokens", "build"):
        os.chmod(write(name, "#!/bin/sh\n"), 0o700)
    text = re.sub(r"^#(?=[a-z\[])", "", Path(EXAMPLE).read_text(encoding="utf-8"), flags=re.M)
    text = text.replace("/usr/local/bin/build", path_of("build"))
    text = text.replace("/var/lib/pipepoll", path_of("state"))
    done = pipepoll("check", write("whole.ini", text),
                    env=dict(KEYS, CREDENTIALS_DIRECTORY=path_of("")))
    check("check takes the whole example", done.code == 0, done.err)
    check("which has a handler", "/build" in done.out, done.out)


s = service()
there = look_by_systemd()
check("check takes the example", pipepoll("check", EXAMPLE, env=KEYS).code == 0)
the_example_becomes_right_when_its_parts_are_taken()
check("TimeoutStopSec= is more than drain-timeout",
      seconds(s["TimeoutStopSec"]) >= drain_timeout_s() + KILL_AFTER_S)
check("SIGTERM goes to pipepoll alone", s["KillMode"] == "mixed")
check("a config file with errors is no reason to start again",
      str(pipepoll("run", write("bad.ini", "[nothing]\n"), env=KEYS).code)
      in s["RestartPreventExitStatus"].split())
check("systemd is told that it is ready", s["Type"] == "notify")
if not there:
    sys.exit(1)
finish()
