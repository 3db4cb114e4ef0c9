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
from loads import find_h2load, run_pipepoll

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


def handshake(setting):
    """TCP, TLS 1.3 and one poll; verification against the system's roots by pipepoll alone."""
    cases = ['h2load', 'pipepoll, first', 'pipepoll, resumed']
    rounds = {name: [] for name in cases}
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        h2load = find_h2load(setting, folder)
        with peers.Nginx(folder, setting) as nginx:
            for name in tables.turns(setting.rounds, cases, 'handshakes'):
                if name != 'h2load':
                    url = nginx.url_first if name.endswith('first') else nginx.url_resumed
                    rounds[name].append(run_pipepoll(setting, nginx, url, in_flight=FEW,
                                                     polls=HANDSHAKES)['cpu_us_per_poll'])
                elif h2load:
                    rounds[name].append(h2load.measure_handshake(nginx.url_first, HANDSHAKES))
            resumed = nginx.share_resumed()
    _print_handshake(setting, rounds, resumed)
    return {'us': rounds, 'share_resumed': resumed}


def _print_handshake(setting, rounds, resumed):
    floor = rounds['h2load']
    tables.show('TLS handshakes, with the one poll on each connection (CPU, us)',
                ['client', 'us', 'ratio to h2load'],
                ([name, tables.ranged(us, 0),
                  f'{statistics.median(us) / statistics.median(floor):.2f}' if floor else '-']
                 for name, us in rounds.items() if us))
    print(f'where the service issues tickets, {resumed:.1%} of pipepoll\'s handshakes resumed\n')
    setting.noise += tables.noise('handshakes of h2load', floor)


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
