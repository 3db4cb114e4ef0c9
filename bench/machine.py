# SPDX-License-Identifier: MIT
"""Where a benchmark runs and with what: cores, limits, the build, versions."""
import datetime
import json
import os
import platform
import re
import resource
import subprocess

import child

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Setting:
    """What every benchmark is given. It adds to gaps what could not be measured, and to noise what
    could not be trusted."""

    def __init__(self, folder, quick):
        self.folder = folder
        self.quick = quick
        self.rounds = 3 if quick else 5
        self.files = _raise_file_limit()
        self.client, self.service = _choose_cores()
        self.gaps, self.noise = [], []

    def program(self, name):
        """Of ours, built."""
        return os.path.join(self.folder, name if name.startswith('pipepoll') else f'bench/{name}')

    def levels(self, wanted):
        """A connection takes a descriptor at either end; the rest is for what else is open."""
        self.gaps += [f'{n} in flight: only {self.files} files may be open (ulimit -n)'
                      for n in wanted if n + 256 > self.files]
        return [n for n in wanted if n + 256 <= self.files]


def _choose_cores():
    """One core for the client and another for the service, or no pinning at all."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[-1]) if len(cores) > 1 else (None, None)


def _raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def build(folder, programs, optional=frozenset()):
    """Build the programs, if they can be what is optional; returns meson's options that bear on
    speed."""
    meson = child.find('meson')
    if not meson:
        raise child.Failed('meson is not installed (Debian: meson)')
    if not os.path.exists(os.path.join(folder, 'build.ninja')):
        child.run([meson, 'setup', '--buildtype=release', folder, ROOT])
    targets = json.loads(child.run([meson, 'introspect', '--targets', folder]).output)
    programs = programs - optional | programs & {target['name'] for target in targets}
    # The library has the same name.
    targets = [f'{name}:executable' for name in sorted(programs)]
    child.run([meson, 'compile', '-C', folder, *targets])
    options = json.loads(child.run([meson, 'introspect', '--buildoptions', folder]).output)
    return {o['name']: o['value'] for o in options
            if o['name'] in ('buildtype', 'optimization', 'b_sanitize', 'b_lto')}


def is_slow_build(options):
    return options.get('b_sanitize', 'none') != 'none' or options.get('optimization') in ('0', 'g')


def compiler(folder):
    """Of C, as it names itself: "gcc (Debian 12.2.0-14) 12.2.0"."""
    meson = child.find('meson')
    targets = json.loads(child.run([meson, 'introspect', '--targets', folder]).output)
    commands = [source['compiler'] for target in targets for source in target['target_sources']
                if source.get('language') == 'c']
    return version(*commands[0], '--version')


def version(*command):
    """The first line of what a program says of itself, on whichever stream."""
    path = child.find(command[0])
    if not path:
        return f'{command[0]} absent'
    said = subprocess.run([path, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=10).stdout
    return said.strip().splitlines()[0]


def _cpu_model():
    try:
        with open('/proc/cpuinfo') as info:
            return re.search(r'^model name\s*: (.*)$', info.read(), re.M)[1]
    except (OSError, TypeError):
        return platform.machine()


def place(setting):
    pinned = f'client to core {setting.client}, service to core {setting.service}'
    if setting.client is None:
        pinned = 'no: client and service share a core and disturb each other'
    return {
        'date': datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
        'cpu': _cpu_model(),
        'cores': len(os.sched_getaffinity(0)),
        'load': os.getloadavg()[0],
        'pinned': pinned,
        'kernel': platform.release(),
        'compiler': compiler(setting.folder),
        'peers': [version('nginx', '-v'), version('h2load', '--version')],
    }
