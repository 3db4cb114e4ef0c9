#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""All benchmarks, or one, with the machine and the versions they were measured on.

    python3 bench/run.py --quick

builds what it needs with meson, starts nginx on the loopback interface and measures pipepoll beside
h2load and, once bench/setup-peers.sh has brought them, the AWS SDKs, in turns. Read the ratios:
microseconds belong to the machine. Each figure is the median, and least..most, of all rounds.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile

import child
import connections
import fleet
import jobs
import loads
import machine
import peers
import pickup
import scrape
import sdks
import tables


def micro(name):
    """A program that measures by itself and prints a table of its own."""
    def measure(setting):
        with tempfile.NamedTemporaryFile('r', prefix='pipepoll-bench-') as figures:
            program = setting.program('bench_' + name)
            print(child.run([program, '--json', figures.name], setting.client).output)
            table = json.load(figures)
        setting.noise += tables.micro_noise(table)
        return table
    return measure


def numbers(name):
    """A program that measures by itself and prints one JSON object."""
    def measure(setting):
        output = child.run([setting.program('bench_' + name)], setting.client).output
        print(output)
        return json.loads(output)
    return measure


# What measures it, and with which programs of ours.
BENCHMARKS = {
    'poll': (loads.poll, 'bench_poll', 'bench_raw', loads.AWS_RUNTIME),
    'regions': (loads.regions, 'bench_poll'),
    'targets': (loads.targets, 'bench_poll'),
    'memory': (connections.memory, 'bench_poll'),
    'handshake': (connections.handshake, 'bench_poll', 'bench_raw', loads.AWS_RUNTIME),
    'opening': (connections.opening, 'bench_poll'),
    'pickup': (pickup.pickup, 'pipepoll', 'pipepoll-sim'),
    'fleet': (fleet.measure, 'pipepoll', 'pipepoll-sim'),
    'scrape': (scrape.measure, 'pipepoll', 'pipepoll-sim'),
    'peers': (sdks.measure, 'bench_poll'),
    'jobs': (jobs.measure, 'bench_job_life', 'pipepoll', 'pipepoll-sim'),
    'join': (numbers('join'), 'bench_join'),
    'turns': (numbers('turns'), 'bench_turns'),
    'sign': (micro('sign'), 'bench_sign'),
    'parse': (micro('parse'), 'bench_parse'),
    'schedule': (micro('schedule'), 'bench_schedule'),
}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', choices=BENCHMARKS, action='append', metavar='NAME',
                        help=f'one benchmark instead of all; may be repeated: '
                        f'{", ".join(BENCHMARKS)}')
    parser.add_argument('--quick', action='store_true', help='three rounds instead of five, and '
                        'fewer polls in each: under three minutes')
    parser.add_argument('--json', metavar='FILE', help='all figures, those of each round included')
    parser.add_argument('--build', metavar='DIR', help='build directory of meson (%(default)s)',
                        default=os.path.join(machine.ROOT, 'build-bench'))
    return parser.parse_args()


def run_all(arguments, report):
    names = arguments.only or list(BENCHMARKS)
    setting = machine.Setting(arguments.build, arguments.quick)
    report['gaps'], report['noise'] = setting.gaps, setting.noise
    programs = {program for name in names for program in BENCHMARKS[name][1:]}
    report['options'] = machine.build(arguments.build, programs, optional={loads.AWS_RUNTIME})
    report['place'] = machine.place(setting)
    if machine.is_slow_build(report['options']):
        setting.noise.append('this build is not optimised or has sanitizers: its figures say '
                             'nothing about speed')
    for name in names:
        try:
            report[name] = BENCHMARKS[name][0](setting)
        except peers.Absent as absent:
            setting.gaps.append(f'{name}: {absent}')
        except child.Failed as failed:
            report['failed'].append(f'{name}: {failed}')
    if report.get('poll'):
        report['versions'] = report['poll'][0]['pipepoll'][0]['versions']
    tables.print_place(report)


def main():
    arguments = read_arguments()
    report = {'quick': arguments.quick, 'failed': []}
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run_all(arguments, report)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (child.Failed, subprocess.SubprocessError) as failed:
        print(f'bench: {failed}', file=sys.stderr)
        return 1
    if arguments.json:
        with open(arguments.json, 'w') as out:
            json.dump(report, out, indent=1)
            out.write('\n')
    return 1 if report['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
