# SPDX-License-Identifier: MIT
"""CPU per poll, end to end, as the work grows: more in flight, more regions, more targets."""
import json
import os
import statistics
import tempfile

import child
import peers
import tables

IN_FLIGHT = [16, 64, 256, 1024, 2048]
IN_FLIGHT_QUICK = [16, 256, 1024]
REGIONS = [1, 35]
TARGETS = [10, 1_000, 100_000]
PACED_POLLS_PER_S = 500
AWS_RUNTIME = 'bench_aws_runtime'


def polls_for(setting, in_flight):
    """Handshakes are subtracted from h2load's cost: the more there are, the more polls it takes to
    outweigh them."""
    return max(30_000, 50 * in_flight) if setting.quick else max(150_000, 250 * in_flight)


def run_pipepoll(setting, nginx, url=None, **options):
    """One run of bench_poll; options are its own, such as in_flight=64."""
    command = [setting.program('bench_poll'), '--url', url or nginx.url, '--ca', nginx.roots,
               '--json']
    for name, value in options.items():
        command += ['--' + name.replace('_', '-'), str(value)]
    return json.loads(child.run(command, setting.client).output)


def run_bare(setting, nginx, program, in_flight, polls, url=None):
    """One run of bench_raw or bench_aws_runtime: the same work in another way."""
    port = (url or nginx.url).rpartition(':')[2]
    command = [setting.program(program), port, nginx.roots, str(in_flight), str(polls)]
    return json.loads(child.run(command, setting.client).output)


def find_h2load(setting, folder):
    try:
        return peers.H2load(folder, setting.client)
    except peers.Absent as absent:
        setting.gaps.append(str(absent))
        return None


def find_aws_runtime(setting):
    """The program's name, if there was what to build it with."""
    if os.path.exists(setting.program(AWS_RUNTIME)):
        return AWS_RUNTIME
    setting.gaps.append("AWS's C runtime: CMake did not find aws-c-auth (CMAKE_PREFIX_PATH says "
                        f'where) when {setting.folder} was configured')
    return None


def cpu(rounds):
    return [r['cpu_us_per_poll'] for r in rounds]


def median(rounds, key='cpu_us_per_poll'):
    return statistics.median(r[key] for r in rounds)


def _ratios(rounds, against):
    """Round by round: both sides of one were measured a moment apart."""
    return [a / b for a, b in zip(cpu(rounds), cpu(against))]


def poll(setting):
    """Beside h2load, a bare loop of the same parts and AWS's C runtime, in turns."""
    levels = setting.levels(IN_FLIGHT_QUICK if setting.quick else IN_FLIGHT)
    ours, floor, raw, aws = ({n: [] for n in levels} for _ in range(4))
    aws_runtime = find_aws_runtime(setting)
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        h2load = find_h2load(setting, folder)
        with peers.Nginx(folder, setting) as nginx:
            for n in tables.turns(setting.rounds, levels, 'in flight'):
                polls = polls_for(setting, n)
                if h2load:
                    floor[n].append(h2load.measure(nginx.url, n, polls))
                ours[n].append(run_pipepoll(setting, nginx, in_flight=n, polls=polls))
                raw[n].append(run_bare(setting, nginx, 'bench_raw', n, polls))
                if aws_runtime:
                    aws[n].append(run_bare(setting, nginx, aws_runtime, n, polls))
    rows = [{'in_flight': n, 'pipepoll': ours[n], 'h2load': floor[n], 'raw': raw[n],
             'aws_runtime': aws[n], 'ratios': _ratios(ours[n], floor[n]),
             'to_raw': _ratios(ours[n], raw[n]), 'to_aws_runtime': _ratios(ours[n], aws[n])}
            for n in levels]
    _print_poll(setting, rows)
    return rows


def _print_poll(setting, rows):
    def beside(them, ratios):
        return [tables.ranged(cpu(them)), tables.ranged(ratios, 2)] if them else ['-'] * 2

    def cells(row):
        ours, floor = row['pipepoll'], row['h2load']
        other = [*beside(floor, row['ratios']), *beside(row['raw'], row['to_raw']),
                 *beside(row['aws_runtime'], row['to_aws_runtime'])]
        speed = f'{median(floor, "polls_per_second"):.0f}' if floor else '-'
        return [row['in_flight'], tables.ranged(cpu(ours)), *other,
                f'{median(ours, "polls_per_second"):.0f}', speed,
                f'{median(ours, "p50_us") / 1e3:.2f}', f'{median(ours, "p99_us") / 1e3:.2f}']

    tables.show('end to end: TLS 1.3 verified, signed, sent, parsed, dispatched (CPU, us per poll)',
                ['in flight', 'pipepoll', 'h2load', 'ratio', 'bare loop', 'ratio',
                 "AWS's C runtime", 'ratio', 'polls/s', 'h2load polls/s', 'p50 ms', 'p99 ms'],
                map(cells, rows))
    for row in rows:
        setting.noise += tables.noise(f'h2load at {row["in_flight"]} in flight', cpu(row['h2load']))


def _growth(setting, title, unit, rounds_of):
    """A table of what stays the same but for one number, against the least of it."""
    levels = list(rounds_of)
    rows = [{unit: n, 'pipepoll': rounds_of[n], 'ratios': _ratios(rounds_of[n],
                                                                  rounds_of[levels[0]])}
            for n in levels]
    tables.show(title, [unit, 'pipepoll', f'ratio to {levels[0]}'],
                ([f'{row[unit]}', tables.ranged(cpu(row['pipepoll'])),
                  tables.ranged(row['ratios'], 2)] for row in rows))
    setting.noise += tables.noise(f'{levels[0]} {unit}', cpu(rounds_of[levels[0]]))
    return rows


def regions(setting):
    """The same polls in flight, signed for and spread over more regions."""
    rounds = {n: [] for n in REGIONS}
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder, \
            peers.Nginx(folder, setting) as nginx:
        for n in tables.turns(setting.rounds, REGIONS, 'regions'):
            rounds[n].append(run_pipepoll(setting, nginx, in_flight=256, regions=n,
                                          polls=polls_for(setting, 256)))
    return _growth(setting, 'regions, 256 in flight (CPU, us per poll)', 'regions', rounds)


def targets(setting):
    """More targets, each polled more rarely: the polls a second stay the same."""
    polls = PACED_POLLS_PER_S * (2 if setting.quick else 5)
    rounds = {n: [] for n in TARGETS}
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder, \
            peers.Nginx(folder, setting) as nginx:
        for n in tables.turns(setting.rounds, TARGETS, 'targets'):
            rounds[n].append(run_pipepoll(setting, nginx, in_flight=16, targets=n, polls=polls,
                                          interval=n * 1000 // PACED_POLLS_PER_S))
    rows = _growth(setting, f'targets, {PACED_POLLS_PER_S} polls/s in all (CPU, us per poll)',
                   'targets', rounds)
    few, many = (median(rounds[n], 'resident_bytes') for n in TARGETS[-2:])
    each = (many - few) / (TARGETS[-1] - TARGETS[-2])
    print(f'memory of an idle target, its strings included: {each:.0f} bytes; '
          f'{TARGETS[-1]} targets in {many / 1e6:.1f} MB of resident memory in all\n')
    return {'rows': rows, 'bytes_per_target': each}
