#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Instructions of the hot path, which repeat where times do not.

    python3 bench/instructions.py --check     against bench/instructions.json; fails on growth
    python3 bench/instructions.py --accept    make today's counts the baseline

Each step of a poll runs N and 2N times under valgrind's callgrind; the difference is what N take.
Only instructions in our own code count, the library or the program it is linked into: those of libc
and OpenSSL change with every update of theirs. Ours change with the compiler, so the baseline
belongs to one compiler; with another a check is skipped, but in CI (PIPEPOLL_CI is set) it fails.
"""
import argparse
import collections
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

import child
import machine
import peers

BASELINE = os.path.join(machine.ROOT, 'bench', 'instructions.json')
GROWTH = 0.03

# Program, case, and how often: enough that what happens only now and then evens out.
CASES = [
    ('bench_sign', 'sign', 200),
    ('bench_sign', 'sign with token', 200),
    ('bench_sign', 'sign with a new key', 100),
    ('bench_parse', '0 jobs: decode', 500),
    ('bench_parse', '10 jobs: decode', 100),
    ('bench_parse', '100 jobs: decode', 20),
    ('bench_parse', '1 MiB: unknown nested lists', 1),
    ('bench_parse', '1 MiB: escaped id', 1),
    ('bench_schedule', 'schedule: one poll, 10 targets', 2000),
    ('bench_schedule', 'schedule: one poll, 1000 targets', 2000),
    ('bench_schedule', 'schedule: one poll, 100000 targets', 2000),
]

# All that is ours in a poll, end to end. One in flight, since more come in bunches of any size.
WHOLE, WHOLE_TIMES = 'a whole poll', 1000


class Skipped(Exception):
    """These counts cannot be compared here; the text says why."""


def read_own(profile, path):
    """Instructions that callgrind saw in this one program or library, what it calls left out.

    The format names an object once, then by number; a line of cost belongs to the last `ob=`,
    unless it follows `calls=`: then it is the callee's, counted there."""
    names, own, current, is_callee = {}, collections.Counter(), None, False
    with open(profile) as lines:
        for line in lines:
            named = re.match(r'c?ob=\((\d+)\)(?: (.*))?', line)
            if named:
                names.setdefault(named[1], named[2])
                current = named[1] if line.startswith('ob=') else current
            elif line.startswith('calls='):
                is_callee = True
            elif re.match(r'[\d+*-]', line):
                own[current] += 0 if is_callee else int(line.split()[1])
                is_callee = False
    return sum(count for number, count in own.items() if names.get(number) == path)


def run_counted(command, own):
    """Run it; returns the instructions in the program or library at the path `own`."""
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        profile = f'{folder}/callgrind.out'
        child.run(['valgrind', '-q', '--tool=callgrind', f'--callgrind-out-file={profile}',
                   *command])
        return read_own(profile, own)


def count_case(folder, name, case, times):
    program = os.path.realpath(os.path.join(folder, 'bench', name))
    once, twice = (run_counted([program, '--case', case, '--count', str(n)], program)
                   for n in (times, 2 * times))
    return (twice - once) / times


def count_whole(build):
    library = os.path.realpath(os.path.join(build, 'libpipepoll.so'))
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder, \
            peers.Nginx(folder, machine.Setting(build, True)) as nginx:
        command = [os.path.join(build, 'bench', 'bench_poll'), '--url', nginx.url,
                   '--ca', f'{folder}/certificate.pem', '--in-flight', '1', '--targets', '8']
        once, twice = (run_counted([*command, '--polls', str(n)], library)
                       for n in (WHOLE_TIMES, 2 * WHOLE_TIMES))
    return (twice - once) / WHOLE_TIMES


def count(folder):
    """Of each case, once, by name."""
    counts = {case: round(count_case(folder, name, case, times), 1) for name, case, times in CASES}
    counts[WHOLE] = round(count_whole(folder), 1)
    return counts


def prepare(folder):
    """Build all; returns what the counts depend on, for the baseline to keep."""
    if not child.find('valgrind'):
        raise Skipped('valgrind is not installed (Debian: valgrind, libc6-dbg)')
    options = machine.build(folder, {'bench_poll', *(name for name, _, _ in CASES)})
    return {
        'compiler': machine.compiler(folder),
        'machine': platform.machine(),
        'optimization': options['optimization'],
        'versions': [machine.version('valgrind', '--version'),
                     machine.version('openssl', 'version')],
    }


def read_baseline():
    with open(BASELINE) as text:
        return json.load(text)


def show(now, baseline):
    """Prints all; returns how many grew too much."""
    grown = 0
    print(f'instructions of our own code each time, built with {now["compiler"]}\n')
    for case, value in now['instructions'].items():
        before = baseline['instructions'].get(case)
        growth = value / before - 1 if before else 0
        verdict = f'{growth:+7.1%} of {before:.1f}' if before else '    new'
        if growth > GROWTH:
            grown += 1
            verdict += f'  GREW by more than {GROWTH:.0%}'
        print(f'  {case:<40} {value:>12.1f}  {verdict}')
    return grown


def check(folder, baseline):
    now = prepare(folder)
    for what in ('compiler', 'machine', 'optimization'):
        if now[what] != baseline[what]:
            raise Skipped(f'the baseline is of {what} {baseline[what]}, this is {now[what]}')
    now['instructions'] = count(folder)
    gone = set(baseline['instructions']) - set(now['instructions'])
    for case in sorted(gone):
        print(f'  {case}: in the baseline, but measured no more')
    if show(now, baseline) or gone:
        print('\nIf that is worth it: python3 bench/instructions.py --accept, and say why in the '
              'commit')
        return 1
    return 0


def accept(folder):
    now = {**prepare(folder), 'instructions': count(folder)}
    baseline = read_baseline() if os.path.exists(BASELINE) else {'instructions': {}}
    show(now, baseline)
    with open(BASELINE, 'w') as out:
        json.dump(now, out, indent=1)
        out.write('\n')
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--check', action='store_true')
    what.add_argument('--accept', action='store_true')
    parser.add_argument('--build', metavar='DIR', help='build directory of meson (%(default)s)',
                        default=os.path.join(machine.ROOT, 'build-bench'))
    arguments = parser.parse_args()
    try:
        if arguments.accept:
            return accept(arguments.build)
        return check(arguments.build, read_baseline())
    except (Skipped, peers.Absent) as skipped:
        is_due = arguments.accept or 'PIPEPOLL_CI' in os.environ
        print(f'instructions: {"FAILED" if is_due else "skipped"}: {skipped}\n'
              'python3 bench/instructions.py --accept makes a new baseline')
        return 1 if is_due else 0
    except (child.Failed, subprocess.SubprocessError, OSError) as failed:
        print(f'instructions: {failed}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
