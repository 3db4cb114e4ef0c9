# SPDX-License-Identifier: MIT
"""One child process at a time: pinned to a core, bounded in time, with what it cost.

Only processes started here are ever ended, each by its own id.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

LONGEST_S = 300


class Failed(Exception):
    """The child could not be started, failed, or took too long; the text says which."""


def find(program):
    """The path of a program, or None. Servers live where not every PATH looks."""
    return shutil.which(program, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')


def pinned(command, core):
    """The command, kept to one core. A core of None, or a machine without taskset: as it was."""
    taskset = find('taskset')
    if core is None or not taskset:
        return command
    return [taskset, '-c', str(core), *command]


class Cost:
    """What a finished child took and said."""

    def __init__(self, output, usage):
        self.output = output
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.resident_bytes = usage.ru_maxrss * 1024


def _wait(process, name):
    """wait4() tells the usage of this child alone; RUSAGE_CHILDREN would mix up peak memory."""
    until = time.monotonic() + LONGEST_S
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        if time.monotonic() > until:
            end(process)
            raise Failed(f'{name} was not done after {LONGEST_S} s')
        time.sleep(0.005)


def run(command, core=None, environment=None):
    """Run to the end, with more environment if given; returns its Cost."""
    name = os.path.basename(command[0])
    with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile('w+') as err:
        process = subprocess.Popen(pinned(command, core), stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, env={**os.environ, **(environment or {})})
        try:
            usage = _wait(process, name)
        except BaseException:
            end(process)
            raise
        out.seek(0)
        err.seek(0)
        output, complaint = out.read(), err.read()
        if process.returncode:
            said = (complaint.strip() or output.strip())[-500:]
            raise Failed(f'{name} failed ({process.returncode}): {said}')
        return Cost(output, usage)


def end(process):
    """End a child that was started with subprocess.Popen, and wait for it."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        process.send_signal(sign)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            pass
