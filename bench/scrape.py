# SPDX-License-Identifier: MIT
"""What it costs a running `pipepoll run` to be looked at: CPU per poll with and without a scrape of
/metrics each second and an open page, at 10 000 polls a second; and how large a scrape is and how
long it takes.

One process polls all the time. Windows with and without whoever looks take turns, and each pair
gives one figure, so that a machine that slows down slows both. CPU is user and system time of all
threads of the process; the polls are counted by the service.

Where others use the machine, the CPU of 10 000 polls wavers by more than looking at them costs. So
that cost is measured beside few polls as well, where it stands out, in ms of CPU a second: what
share of 10 000 polls it is, is exact to a fraction of a percent.
"""
import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import threading
import time

import child
import tables
from jobs import Service, cpu_ns
from pickup import KEYS

BUSY, QUIET = 10_000, 10  # polls a second
REGIONS = ('us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'ca-central-1', 'sa-east-1',
           'eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-central-1', 'eu-north-1', 'eu-south-1',
           'me-south-1', 'af-south-1', 'ap-south-1', 'ap-east-1', 'ap-northeast-1',
           'ap-northeast-2', 'ap-southeast-1', 'ap-southeast-2')
TARGETS = [100, 1_000, 10_000]
SETTLE_S = 3
WINDOW_S = 3

HEAD = """[pipepoll]
interval = {interval}ms
ca-bundle = {roots}
endpoint-url = {url}
regions = {regions}
category = Build
version = 1
[http]
listen = {folder}/http.sock
"""


class Web(http.client.HTTPConnection):
    """Of the process that polls."""

    def __init__(self, folder):
        super().__init__('localhost', timeout=30)
        self.path = f'{folder}/http.sock'

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def get(self, path):
        self.request('GET', path)
        return self.getresponse()


def _start(setting, service, targets, polls_per_s):
    with open(f'{service.folder}/bench.ini', 'w') as config:
        config.write(HEAD.format(interval=targets * 1000 // polls_per_s, roots=service.roots,
                                 url=service.url, regions=', '.join(REGIONS),
                                 folder=service.folder))
        for i in range(targets // len(REGIONS)):
            config.write(f'[target bench-{i}]\nprovider = Bench{i}\n')
    command = [setting.program('pipepoll'), 'run', '--config', f'{service.folder}/bench.ini',
               '--log-level', 'error']
    return subprocess.Popen(child.pinned(command, setting.client), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, env={**os.environ, **KEYS})


def _listen(folder, over):
    """As the open page does."""
    page = Web(folder)
    stream = page.get('/events')
    while not over.is_set():
        stream.readline()
    page.close()


def _scrape(folder, over, seen):
    """Each second, as Prometheus does."""
    web = Web(folder)
    while not over.is_set():
        begin = time.monotonic()
        answer = web.get('/metrics').read()
        seen.append({'bytes': len(answer), 'ms': (time.monotonic() - begin) * 1e3})
        over.wait(max(0, begin + 1 - time.monotonic()))
    web.close()


@contextlib.contextmanager
def _watchers(folder, seen):
    """On the service's core, where this program is."""
    over = threading.Event()
    threads = [threading.Thread(target=_listen, args=(folder, over)),
               threading.Thread(target=_scrape, args=(folder, over, seen))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _window(service, pid, looked_at):
    """CPU a second, and polls a second."""
    with looked_at:
        first = (time.monotonic(), cpu_ns(pid), service.ask('/_sim/stats')['requests'])
        time.sleep(WINDOW_S)
        last = (time.monotonic(), cpu_ns(pid), service.ask('/_sim/stats')['requests'])
    seconds, cpu, polls = (b - a for a, b in zip(first, last))
    return {'cpu_ms_per_second': cpu / seconds / 1e6, 'polls_per_second': polls / seconds,
            'us_per_poll': cpu / polls / 1e3}


def _measure(setting, targets, polls_per_s, pairs):
    """Pairs of windows, and the scrapes of them."""
    seen, alone, looked_at = [], [], []
    with Service(setting) as service:
        process = _start(setting, service, targets, polls_per_s)
        try:
            time.sleep(SETTLE_S)
            for pair in range(pairs):
                tables.progress(f'pair {pair + 1} of {pairs}: {targets} targets, {polls_per_s} '
                                'polls/s, scraped')
                alone.append(_window(service, process.pid, contextlib.nullcontext()))
                looked_at.append(_window(service, process.pid, _watchers(service.folder, seen)))
        finally:
            child.end(process)
    return {'alone': alone, 'looked_at': looked_at, 'scrapes': seen}


def _each(turns, member):
    return [turn[member] for turn in turns]


def _cells(row):
    busy, quiet = row['busy'], row['quiet']
    alone = _each(busy['alone'], 'us_per_poll')
    looked_at = _each(busy['looked_at'], 'us_per_poll')
    return [row['targets'], tables.ranged(alone, 1), tables.ranged(looked_at, 1),
            tables.ranged([b / a for a, b in zip(alone, looked_at)], 2),
            f'{statistics.median(_each(busy["alone"], "polls_per_second")):.0f}',
            tables.ranged(row['extra_ms'], 1), f'{row["share"]:.1%}',
            f'{max(_each(quiet["scrapes"], "bytes")) / 1e6:.2f}',
            tables.ranged(_each(quiet['scrapes'], 'ms'), 1)]


def _row(setting, targets, pairs):
    busy = _measure(setting, targets, BUSY, pairs)
    quiet = _measure(setting, targets, QUIET, pairs)
    extra_ms = [b['cpu_ms_per_second'] - a['cpu_ms_per_second']
                for a, b in zip(quiet['alone'], quiet['looked_at'])]
    us_per_poll = statistics.median(_each(busy['alone'], 'us_per_poll'))
    return {'targets': targets, 'busy': busy, 'quiet': quiet, 'extra_ms': extra_ms,
            'share': statistics.median(extra_ms) * 1e3 / (us_per_poll * BUSY)}


def measure(setting):
    pairs = 5 if setting.quick else 15
    cores = os.sched_getaffinity(0)
    if setting.service is not None:
        os.sched_setaffinity(0, {setting.service})
    try:
        rows = [_row(setting, targets, pairs) for targets in TARGETS]
    finally:
        os.sched_setaffinity(0, cores)
    tables.progress('')
    tables.show(f'scraped each second, with an open page: CPU, us per poll at {BUSY} polls/s, and '
                f'more ms a second at {QUIET}',
                ['targets', 'alone', 'looked at', 'ratio', 'polls/s', 'more ms/s',
                 f'of {BUSY} polls', 'scrape MB', 'scrape ms'], map(_cells, rows))
    for row in rows:
        setting.noise += tables.noise(f'{row["targets"]} targets, alone',
                                      _each(row['busy']['alone'], 'us_per_poll'))
    return rows
