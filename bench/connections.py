"""What a connection costs: memory while it is open, CPU to open it."""
import statistics
import tempfile

import peers
import tables
from loads import find_h2load, run_pipepoll

FEW, MANY = 16, 1024
TARGETS = 2048  # at either number of connections, so that only these differ
HANDSHAKES = 512


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
