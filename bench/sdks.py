# SPDX-License-Identifier: MIT
"""The AWS SDKs beside pipepoll. bench/setup-peers.sh brings them; each that is not there is a gap.

Every client polls the same nginx on kept connections that it verifies. Cost is the difference of a
long and a short run, so that starting up, just-in-time compilation included, does not count.
"""
import os
import tempfile

import child
import peers
import tables
from loads import cpu, median, polls_for, run_pipepoll

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sdk')
SETUP = 'sh bench/setup-peers.sh'

PYTHON = '/usr/bin/python3'  # Debian's, which has Debian's boto3


class Sdk:
    def __init__(self, setting, command, environment=None):
        self.command, self.core, self.quick = command, setting.client, setting.quick
        self.environment = environment or {}

    def levels_now(self):
        return self.levels_quick if self.quick else self.levels

    def _run(self, nginx, in_flight, polls):
        return child.run([*self.command, nginx.url, nginx.roots, str(in_flight), str(polls)],
                         self.core, self.environment)

    def measure(self, nginx, in_flight):
        short, long = (n // (2 if self.quick else 1) // in_flight * in_flight for n in self.polls)
        begin, whole = self._run(nginx, in_flight, short), self._run(nginx, in_flight, long)
        return {'cpu_us_per_poll': (whole.cpu_s - begin.cpu_s) / (long - short) * 1e6,
                'resident_bytes': whole.resident_bytes}


class Boto3(Sdk):
    name, levels, polls = 'boto3', [1, 16, 64], (500, 2_500)
    levels_quick = [1]
    way = {1: 'sequential', 16: 'threads', 64: 'threads'}

    def __init__(self, setting):
        super().__init__(setting, [PYTHON, f'{FOLDER}/boto3_polls.py'])
        self.version = child.run([PYTHON, '-c', 'import boto3; print(boto3.__version__)']
                                 ).output.strip()


class JavaScript(Sdk):
    name, levels, polls = 'AWS SDK for JavaScript v3', [16, 64, 256], (1_000, 5_000)
    levels_quick = [64]
    way = dict.fromkeys(levels, 'promises')

    def __init__(self, setting):
        node = peers.need('node', 'nodejs')
        super().__init__(setting, [node, f'{FOLDER}/javascript_polls.cjs'],
                         {'NODE_PATH': os.path.join(setting.folder, 'peers', 'node_modules')})
        ask = "require('@aws-sdk/client-codepipeline/package.json').version"
        self.version = child.run([node, '-p', f'{ask} + ", node " + process.version'],
                                 environment=self.environment).output.strip()


class Go(Sdk):
    name, levels, polls = 'AWS SDK for Go v2', [16, 64, 256, 1024], (4_000, 16_000)
    levels_quick = [64]
    way = dict.fromkeys(levels, 'goroutines')

    def __init__(self, setting):
        program = os.path.join(setting.folder, 'peers', 'go_polls')
        if not os.path.exists(program):
            raise child.Failed(f'{program} is not there')
        super().__init__(setting, [program])
        self.version = child.run(['dpkg-query', '-W', '-f', '${Version}',
                                  'golang-github-aws-aws-sdk-go-v2-dev']).output.strip()


def _found(setting):
    sdks = []
    for kind in (Boto3, JavaScript, Go):
        try:
            sdks.append(kind(setting))
        except (child.Failed, peers.Absent, OSError) as why:
            reason = str(why).splitlines()[-1]
            setting.gaps.append(f'{kind.name}: not set up ({SETUP}): {reason}')
    return sdks


def measure(setting):
    """Each at the levels its users reach, beside pipepoll with as many in flight, in turns."""
    sdks = _found(setting)
    cases = [(sdk, n) for sdk in sdks for n in sdk.levels_now()]
    levels = sorted({n for _, n in cases})
    theirs, ours = {case: [] for case in cases}, {n: [] for n in levels}
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder, \
            peers.Nginx(folder, setting) as nginx:
        for turn in range(setting.rounds):
            for n in levels:
                tables.progress(f'round {turn + 1}: pipepoll, {n} in flight')
                ours[n].append(run_pipepoll(setting, nginx, in_flight=n,
                                            polls=polls_for(setting, n) // 3))
            for sdk, n in cases:
                tables.progress(f'round {turn + 1}: {sdk.name}, {n} in flight')
                theirs[sdk, n].append(sdk.measure(nginx, n))
    rows = [{'client': sdk.name, 'version': sdk.version, 'way': sdk.way[n], 'in_flight': n,
             'rounds': theirs[sdk, n], 'pipepoll': ours[n],
             'ratio': median(theirs[sdk, n]) / median(ours[n])} for sdk, n in cases]
    _print(rows)
    return rows


def _print(rows):
    tables.progress('')
    tables.show('AWS SDKs, keep-alive, certificates verified (CPU, us per poll)',
                ['client', 'in flight', 'us', 'pipepoll', 'ratio to pipepoll', 'MB'],
                ([f'{row["client"]} {row["version"]}', f'{row["in_flight"]} {row["way"]}',
                  tables.ranged(cpu(row['rounds']), 0), tables.ranged(cpu(row['pipepoll'])),
                  f'{row["ratio"]:.0f}', f'{median(row["rounds"], "resident_bytes") / 1e6:.0f}']
                 for row in rows))
