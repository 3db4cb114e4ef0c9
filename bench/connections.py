# SPDX-License-Identifier: MIT
"""What a connection costs: memory while it is open, CPU to open it, and how long a loop has no time
for anything else while many are opened."""
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile

import child
import peers
import tables
from loads import AWS_RUNTIME, find_aws_runtime, find_h2load, run_bare, run_pipepoll

FEW, MANY = 16, 1024
TARGETS = 2048  # at either number of connections, so that only these differ
HANDSHAKES = 512
OPENING = [512, 2048]
ROUND_TRIP_MS = 100


def memory(setting):
    """One run each: memory repeats. The system's roots are in the trust store."""
    if setting.levels([MANY]) != [MANY]:
        return None
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        h2load = find_h2load(setting, folder)
        with peers.Nginx(folder, setting) as nginx:
            ours = [run_pipepoll(setting, nginx, in_flight=n, targets=TARGETS, polls=20 * MANY)
                    ['resident_bytes'] for n in (FEW, MANY)]
            floor = [h2load.measure(nginx.url, n, 20 * MANY)['resident_bytes']
                     for n in (FEW, MANY)] if h2load else None
    rows = {name: {'resident_bytes': pair, 'bytes_per_connection': (pair[1] - pair[0]) /
                   (MANY - FEW)}
            for name, pair in (('pipepoll', ours), ('h2load', floor)) if pair}
    tables.show('resident memory, TLS connections all open and used, the system\'s roots trusted',
                ['client', f'MB at {FEW}', f'MB at {MANY}', 'kB per connection'],
                ([name, f'{row["resident_bytes"][0] / 1e6:.1f}',
                  f'{row["resident_bytes"][1] / 1e6:.1f}',
                  f'{row["bytes_per_connection"] / 1e3:.1f}'] for name, row in rows.items()))
    return rows


def _handshakes(setting, nginx, h2load):
    """-> by name, what measures the CPU in us of one poll on a connection of its own, 16 at once.
    h2load and AWS's runtime do not resume sessions."""
    def ours(url):
        run = run_pipepoll(setting, nginx, url, in_flight=FEW, polls=HANDSHAKES)
        return run['cpu_us_per_poll']

    def bare(url, program='bench_raw'):
        return run_bare(setting, nginx, program, FEW, HANDSHAKES, url)['cpu_us_per_poll']

    runs = {}
    if h2load:
        runs['h2load, first'] = lambda: h2load.measure_handshake(nginx.url_first, HANDSHAKES)
    runs['pipepoll, first'] = lambda: ours(nginx.url_first)
    runs['bare loop, first'] = lambda: bare(nginx.url_first)
    if find_aws_runtime(setting):
        runs["AWS's C runtime, first"] = lambda: bare(nginx.url_first, AWS_RUNTIME)
    runs['pipepoll, resumed'] = lambda: ours(nginx.url_resumed)
    runs['bare loop, resumed'] = lambda: bare(nginx.url_resumed)
    return runs


def handshake(setting):
    """TCP, TLS 1.3 and one poll; verified against the system's roots by all but h2load."""
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        h2load = find_h2load(setting, folder)
        with peers.Nginx(folder, setting) as nginx:
            runs = _handshakes(setting, nginx, h2load)
            rounds = {name: [] for name in runs}
            for name in tables.turns(setting.rounds, runs, 'handshakes'):
                rounds[name].append(runs[name]())
            resumed = nginx.share_resumed()
    _print_handshake(setting, rounds, resumed)
    return {'us': rounds, 'share_resumed': resumed}


def _ratio(us, against):
    return f'{statistics.median(us) / statistics.median(against):.2f}' if against else '-'


def _print_handshake(setting, rounds, resumed):
    floor = rounds.get('h2load, first')
    tables.show('TLS handshakes, with the one poll on each connection (CPU, us)',
                ['client', 'us', 'ratio to h2load', 'to the bare loop'],
                ([name, tables.ranged(us, 0), _ratio(us, floor),
                  _ratio(us, rounds['bare loop, ' + name.split(', ')[1]])]
                 for name, us in rounds.items()))
    print(f'where the service issues tickets, {resumed:.1%} of pipepoll\'s handshakes resumed\n')
    for name in rounds:
        if not name.startswith('pipepoll'):
            setting.noise += tables.noise(f'handshakes: {name}', rounds[name])


@contextlib.contextmanager
def _far_away(nginx, setting):
    """-> the URL of the same service, a round trip away."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'relay.py')
    command = [sys.executable, script, nginx.url.rpartition(':')[2], str(ROUND_TRIP_MS)]
    process = subprocess.Popen(child.pinned(command, setting.service), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
    try:
        yield f'https://127.0.0.1:{process.stdout.readline().strip()}'
    finally:
        child.end(process)


def opening(setting):
    """All connections of a fleet that starts at once, near by and a round trip away."""
    rows = []
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        with peers.Nginx(folder, setting) as nginx, _far_away(nginx, setting) as far:
            cases = [(n, url) for n in setting.levels(OPENING) for url in (nginx.url, far)]
            for n, url in cases:
                runs = [run_pipepoll(setting, nginx, url, in_flight=n, polls=2 * n)
                        for _ in range(setting.rounds)]
                rows.append({'connections': n, 'far': url == far, 'runs': runs})
    tables.show('opening: TLS connections all at once',
                ['connections', 'round trip', 'all open after', 'longest turn (CPU)'],
                ([row['connections'], f'{ROUND_TRIP_MS} ms' if row['far'] else '0 ms',
                  tables.ranged([r['open_seconds'] * 1e3 for r in row['runs']], 0) + ' ms',
                  tables.ranged([r['longest_turn_us'] / 1e3 for r in row['runs']], 1) + ' ms']
                 for row in rows))
    return rows
