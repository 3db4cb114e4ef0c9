#!/usr/bin/env python3
"""All benchmarks, or one, with the machine and the versions they were measured on.

    python3 bench/run.py --quick

builds what it needs with meson, starts nginx on the loopback interface and measures pipepoll beside
h2load in turns. Read the ratios: microseconds belong to the machine.
"""
import argparse
import datetime
import json
import os
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile

import child
import peers
import tables

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MICRO = ['sign', 'parse', 'schedule']
NAMES = ['poll', *MICRO]
IN_FLIGHT = [16, 64, 256, 1024]


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', choices=NAMES, help='one benchmark instead of all')
    parser.add_argument('--quick', action='store_true', help='three rounds instead of five, and '
                        'fewer polls in each: under two minutes')
    parser.add_argument('--json', metavar='FILE', help='all figures, those of each round included')
    parser.add_argument('--build', metavar='DIR', default=os.path.join(ROOT, 'build-bench'),
                        help='build directory of meson (%(default)s)')
    return parser.parse_args()


# --- where and with what ---

def build(folder, names):
    """Build the programs; returns meson's options that bear on speed."""
    meson = child.find('meson')
    if not meson:
        raise child.Failed('meson is not installed (Debian: meson)')
    if not os.path.exists(os.path.join(folder, 'build.ninja')):
        child.run([meson, 'setup', '--buildtype=release', folder, ROOT])
    child.run([meson, 'compile', '-C', folder, *('bench_' + name for name in names)])
    options = json.loads(child.run([meson, 'introspect', '--buildoptions', folder]).output)
    return {o['name']: o['value'] for o in options
            if o['name'] in ('buildtype', 'optimization', 'b_sanitize', 'b_lto')}


def is_slow_build(options):
    return options.get('b_sanitize', 'none') != 'none' or options.get('optimization') in ('0', 'g')


def cpu_model():
    try:
        with open('/proc/cpuinfo') as info:
            return re.search(r'^model name\s*: (.*)$', info.read(), re.M)[1]
    except (OSError, TypeError):
        return platform.machine()


def version(*command):
    """The first line of what a program says of itself, on whichever stream."""
    path = child.find(command[0])
    if not path:
        return f'{command[0]} absent'
    said = subprocess.run([path, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=10).stdout
    return said.strip().splitlines()[0]


def choose_cores():
    """One core for the client and another for the service, or no pinning at all."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[-1]) if len(cores) > 1 else (None, None)


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def place(cores):
    client, service = cores
    return {
        'date': datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
        'cpu': cpu_model(),
        'cores': len(os.sched_getaffinity(0)),
        'pinned': 'no: client and service share a core and disturb each other' if client is None
                  else f'client to core {client}, service to core {service}',
        'kernel': platform.release(),
        'peers': [version('nginx', '-v'), version('h2load', '--version')],
    }


# --- end to end ---

def polls_for(in_flight, quick):
    """Handshakes are subtracted from h2load's cost: the more there are, the more polls it takes to
    outweigh them."""
    return max(40_000, 100 * in_flight) if quick else max(200_000, 400 * in_flight)


def measure_pipepoll(program, nginx, in_flight, polls, core):
    command = [program, '--url', nginx.url, '--ca', nginx.roots, '--in-flight', str(in_flight),
               '--polls', str(polls), '--json']
    return json.loads(child.run(command, core).output)


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


def summary(in_flight, ours, floor):
    """One row of the table from the rounds of one load; floor is empty without h2load."""
    cpu = [r['cpu_us_per_poll'] for r in ours]
    row = {'in_flight': in_flight, 'pipepoll': ours, 'h2load': floor, 'spread': spread(cpu)}
    if floor:
        reference = [r['cpu_us_per_poll'] for r in floor]
        row['ratios'] = [a / b for a, b in zip(cpu, reference)]
        row['reference_spread'] = spread(reference)
    return row


def find_h2load(folder, core, gaps):
    try:
        return peers.H2load(folder, core)
    except peers.Absent as absent:
        gaps.append(str(absent))
        return None


def levels_within(files, gaps):
    """A connection takes a descriptor at either end; the rest is for what else is open."""
    levels = [n for n in IN_FLIGHT if n + 256 <= files]
    gaps += [f'{n} in flight: only {files} files may be open (ulimit -n)'
             for n in IN_FLIGHT if n not in levels]
    return levels


def poll_benchmark(program, cores, files, quick, gaps):
    client, service = cores
    levels = levels_within(files, gaps)
    rounds = 3 if quick else 5
    ours, floor = {n: [] for n in levels}, {n: [] for n in levels}
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        h2load = find_h2load(folder, client, gaps)
        with peers.Nginx(folder, service, files) as nginx:
            for turn, n in ((turn, n) for turn in range(rounds) for n in levels):
                tables.progress(f'round {turn + 1} of {rounds}: {n} in flight')
                polls = polls_for(n, quick)
                if h2load:
                    floor[n].append(h2load.measure(nginx.url, n, polls))
                ours[n].append(measure_pipepoll(program, nginx, n, polls, client))
    tables.progress('')
    return [summary(n, ours[n], floor[n]) for n in levels]


def micro_benchmark(program, core):
    """These print a table of their own."""
    with tempfile.NamedTemporaryFile('r', prefix='pipepoll-bench-') as figures:
        print(child.run([program, '--json', figures.name], core).output)
        return json.load(figures)


# --- all ---

def run_one(name, arguments, cores, files, report):
    program = os.path.join(arguments.build, 'bench', 'bench_' + name)
    if name in MICRO:
        report[name] = micro_benchmark(program, cores[0])
        report['noise'] += tables.micro_noise(report[name])
        return
    try:
        rows = poll_benchmark(program, cores, files, arguments.quick, report['gaps'])
    except peers.Absent as absent:
        report['gaps'].append(f'end to end: {absent}')
        return
    report['poll'] = rows
    report['versions'] = rows[0]['pipepoll'][0]['versions']
    report['noise'] += tables.poll_noise(rows)
    tables.print_poll(rows)


def run_all(arguments, report):
    names = [arguments.only] if arguments.only else NAMES
    files = raise_file_limit()
    cores = choose_cores()
    report['options'] = build(arguments.build, names)
    report['place'] = place(cores)
    if is_slow_build(report['options']):
        report['noise'].append('this build is not optimised or has sanitizers: its figures say '
                               'nothing about speed')
    for name in names:
        run_one(name, arguments, cores, files, report)
    tables.print_place(report)


def main():
    arguments = read_arguments()
    report = {'quick': arguments.quick, 'gaps': [], 'noise': []}
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
    return 0


if __name__ == '__main__':
    sys.exit(main())
