# SPDX-License-Identifier: MIT
"""What a job costs from the poll to its confirmed result: the library's worker, with its journal on
a disk, on one in memory and without, the same calls by botocore, and `pipepoll run` with handlers.

The simulated service has one core, the worker the other; handlers and the journal's thread share
the worker's. CPU is user and system time of the worker's process, warm: the first jobs do not
count. Wall-clock figures are worth what the machine leaves: `waited` is the share of the time in
which the worker's loop could have run and others had its core, the journal's thread among them.
"""
import json
import os
import ssl
import statistics
import subprocess
import tempfile
import time
import urllib.request

import child
import tables
from pickup import KEYS
from sdks import FOLDER, PYTHON

ACTION_TYPE = 'category=Build,owner=ThirdParty,provider=Bench,version=1'
CLIENT = '01234567-89ab-4cde-8f01-23456789abcd'
MEMORY = '/dev/shm'
LONGEST_S = 120

CONFIG = """[pipepoll]
interval = 100ms
ca-bundle = {folder}/ca.pem
endpoint-url = {url}
state-dir = {state}
client-tokens = {folder}/tokens
regions = us-east-1
max-jobs = 256
[target bench]
category = Build
provider = Bench
version = 1
handler = work
[handler work]
{handler}
"""

STDIO = """import json, sys
for line in sys.stdin:
    job = json.loads(line)
    if 'stop' not in job:
        print(json.dumps({'jobId': job['jobId'], 'result': {'status': 'succeeded'}}), flush=True)
"""


class Service:
    """The simulated service, for the time of a `with`; a folder for all that goes with it."""

    def __init__(self, setting, *arguments):
        self.setting, self.arguments = setting, arguments

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix='pipepoll-bench-',
                                                   dir=os.path.abspath(self.setting.folder))
        self.folder = self._folder.name
        command = [self.setting.program('pipepoll'), 'sim', '--tls', '--listen', '127.0.0.1:0',
                   '--ca-file', f'{self.folder}/ca.pem', '--port-file', f'{self.folder}/port',
                   '--action-type-id', ACTION_TYPE, *self.arguments]
        self.process = subprocess.Popen(child.pinned(command, self.setting.service),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            self.__exit__()
            raise child.Failed('pipepoll sim would not start')
        with open(f'{self.folder}/port') as port:
            self.url = f'https://127.0.0.1:{port.read().strip()}'
        self.roots = f'{self.folder}/ca.pem'
        self._tls = ssl.create_default_context(cafile=self.roots)
        return self

    def __exit__(self, *_):
        child.end(self.process)
        self.process.stdout.close()
        self._folder.cleanup()

    def ask(self, path, body=None):
        data = json.dumps(body).encode() if body else None
        with urllib.request.urlopen(self.url + path, data, context=self._tls,
                                    timeout=30) as answer:
            return json.load(answer)

    def calls_per_job(self):
        stats = self.ask('/_sim/stats')
        return stats['requests'] / max(stats['jobsSucceeded'], 1)


def _wait_for(name, is_done, seconds_between=0.1):
    until = time.monotonic() + LONGEST_S
    while not is_done():
        if time.monotonic() > until:
            raise child.Failed(f'jobs: {name}: not done after {LONGEST_S} s')
        time.sleep(seconds_between)


class Case:
    """`rate` jobs a second are offered, or all at once (0)."""

    def __init__(self, name, rate, skip, jobs):
        self.name, self.rate, self.skip, self.jobs = name, rate, skip, jobs

    def __str__(self):
        return f'{self.name}, {self.rate}/s' if self.rate else self.name

    def offered(self):
        """With some to spare: a worker that ends has jobs in its hands."""
        if self.rate:
            return ['--jobs-per-second', str(self.rate)]
        return ['--jobs', str(self.skip + self.jobs + 512)]

    def measure(self, setting):
        with Service(setting, *self.offered()) as service:
            row = json.loads(child.run(self.command(setting, service), setting.client,
                                       KEYS).output)
            if row.get('failed'):
                raise child.Failed(f'jobs: {self}: {row["failed"]} jobs failed')
            row['calls_per_job'] = service.calls_per_job()
        row['jobs_per_second'] = row['jobs'] / row['seconds']
        return row


class Worker(Case):
    """The library's. state: the folder of the journal's own, None: beside the service's files,
    '-': there is no journal."""

    def __init__(self, name, state, *numbers):
        super().__init__(name, *numbers)
        self.state = state

    def command(self, setting, service):
        state = self.state or service.folder
        if state != '-':
            # Removed with the service's folder, or when this goes out of use.
            self.folder = tempfile.TemporaryDirectory(prefix='pipepoll-bench-', dir=state)
            state = self.folder.name + '/state'
        interval_ms = 1000 if self.rate == 1 else 100  # so that polls are a small share
        return [setting.program('bench_job_life'), service.url, service.roots, state,
                str(interval_ms), str(self.skip), str(self.jobs)]

    def measure(self, setting):
        try:
            row = super().measure(setting)
        finally:
            if self.state != '-':
                self.folder.cleanup()
        row['syncs_per_job'] = row['syncs'] / row['jobs']
        return row


class Botocore(Case):
    def __init__(self, threads, *numbers):
        super().__init__(f'botocore, {threads} thread{"s" if threads > 1 else ""}', *numbers)
        self.threads = threads

    def command(self, setting, service):
        return [PYTHON, f'{FOLDER}/botocore_jobs.py', service.url, service.roots,
                str(self.threads), str(self.skip), str(self.jobs)]


def cpu_ns(pid):
    """Of all threads of a live process."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/schedstat') as figures:
            total += int(figures.read().split()[0])
    return total


def _handlers_ns(pid):
    """Of the live children of a process, and of those that it waited for."""
    with open(f'/proc/{pid}/stat') as figures:
        ticks = sum(int(n) for n in figures.read().rsplit(')', 1)[1].split()[13:15])
    live = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/children') as children:
            live += sum(cpu_ns(child_pid) for child_pid in children.read().split())
    return ticks * 1_000_000_000 // os.sysconf('SC_CLK_TCK') + live


def _resident_kb(pid):
    with open(f'/proc/{pid}/statm') as figures:
        return int(figures.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') // 1024


class Run(Case):
    """`pipepoll run`, the journal on the disk. Its jobs have one client."""

    def __init__(self, name, handler, *numbers):
        super().__init__(name, *numbers)
        self.handler = handler

    def _start(self, setting, service):
        folder = service.folder
        files = {'tokens': f'{CLIENT} token-{CLIENT}\n', 'work.py': STDIO,
                 'bench.ini': CONFIG.format(folder=folder, url=service.url,
                                            state=f'{folder}/state',
                                            handler=self.handler.format(folder=folder,
                                                                        python=PYTHON))}
        for name, text in files.items():
            with open(os.open(f'{folder}/{name}', os.O_CREAT | os.O_WRONLY, 0o600), 'w') as out:
                out.write(text)
        command = [setting.program('pipepoll'), 'run', '--config', f'{folder}/bench.ini',
                   '--log-level', 'error']
        return subprocess.Popen(child.pinned(command, setting.client), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, env={**os.environ, **KEYS})

    def _offer(self, service, count):
        job = {'provider': 'Bench', 'clientId': CLIENT}
        if not self.rate:
            service.ask('/_sim/jobs', {**job, 'count': count})
            return
        begin = time.monotonic()
        for i in range(count):
            time.sleep(max(0, begin + i / self.rate - time.monotonic()))
            service.ask('/_sim/jobs', job)

    def _work_off(self, service, count, before):
        self._offer(service, count)
        _wait_for(self, lambda: service.ask('/_sim/stats')['jobsSucceeded'] >= before + count)

    def measure(self, setting):
        with Service(setting) as service:
            process = self._start(setting, service)
            try:
                self._work_off(service, self.skip, 0)
                first = (time.monotonic(), cpu_ns(process.pid), _handlers_ns(process.pid))
                self._work_off(service, self.jobs, self.skip)
                last = (time.monotonic(), cpu_ns(process.pid), _handlers_ns(process.pid))
                resident_kb = _resident_kb(process.pid)
            finally:
                child.end(process)
            calls_per_job = service.calls_per_job()
        seconds, used_ns, handlers_ns = (b - a for a, b in zip(first, last))
        return {'jobs': self.jobs, 'jobs_per_second': self.jobs / seconds,
                'cpu_us_per_job': used_ns / self.jobs / 1e3,
                'handler_us_per_job': handlers_ns / self.jobs / 1e3,
                'calls_per_job': calls_per_job, 'resident_kb': [resident_kb]}


def _cases(quick):
    """Whether it is measured in each round, and what."""
    scale = 1 if quick else 4
    flat_out = (0, 500, 2500 * scale)
    growth = [] if quick else [(False, Worker('growth, journal on disk', None, 0, 20_000, 80_000))]
    return growth + [
        (True, Worker('no journal', '-', *flat_out)),
        (True, Worker('journal in memory', MEMORY, *flat_out)),
        (True, Worker('journal on disk', None, *flat_out)),
        (True, Worker('journal on disk', None, 1000, 300, 1700 * scale)),
        (True, Worker('journal on disk', None, 100, 20, 180 * scale)),
        (False, Worker('journal on disk', None, 1, 1, 10 * scale)),
        (True, Botocore(1, 0, 20, 80 * scale)),
        (True, Botocore(16, 0, 50, 150 * scale)),
        (True, Run('run, stdio', 'kind = stdio\nconcurrency = 16\n'
                   'command = {python} {folder}/work.py', 0, 100, 1000 * scale)),
        (False, Run('run, exec', 'command = /bin/true', 10, 5, 25 * scale)),
    ]


def measure(setting):
    cases = _cases(setting.quick)
    if not os.path.isdir(MEMORY):
        setting.gaps.append(f'jobs: no journal in memory without {MEMORY}')
        cases = [(in_each, case) for in_each, case in cases
                 if getattr(case, 'state', None) != MEMORY]
    rounds = {case: [] for _, case in cases}
    for turn in range(setting.rounds):
        for in_each, case in cases:
            if in_each or turn == 0:
                tables.progress(f'round {turn + 1} of {setting.rounds}: jobs, {case}')
                rounds[case].append(case.measure(setting))
    rows = [{'case': case.name, 'offered': case.rate, 'rounds': rounds[case]} for _, case in cases]
    _print(rows)
    setting.noise += _noise(rows)
    return rows


def _median(row, member):
    values = [turn[member] for turn in row['rounds'] if member in turn]
    return statistics.median(values) if values else None


def _shown(row, member, digits, unit=1):
    value = _median(row, member)
    return '' if value is None else f'{value / unit:.{digits}f}'


def _waited(row):
    shares = [turn['waited_s'] / turn['seconds'] for turn in row['rounds'] if 'waited_s' in turn]
    return statistics.median(shares) if shares else None


def _noise(rows):
    """By the workers that share their core with no thread of their own."""
    worst = max((_waited(row) or 0 for row in rows if not _median(row, 'syncs')), default=0)
    if worst <= tables.NOISY:
        return []
    return [f'jobs: the worker waited for its core {worst:.0%} of the time (more than '
            f'{tables.NOISY:.0%}): jobs/s and latencies are those of a busy machine']


def _cells(row):
    resident = row['rounds'][0]['resident_kb']
    waited = _waited(row)
    return [row['case'], row['offered'] or 'all', _shown(row, 'jobs_per_second', 0),
            tables.ranged([turn['cpu_us_per_job'] for turn in row['rounds']], 0),
            _shown(row, 'handler_us_per_job', 0), _shown(row, 'calls_per_job', 2),
            _shown(row, 'syncs_per_job', 2), _shown(row, 'p50_us', 1, 1e3),
            _shown(row, 'p99_us', 1, 1e3), f'{resident[0] / 1e3:.1f}..{resident[-1] / 1e3:.1f}',
            '' if waited is None else f'{waited:.0%}']


def _print(rows):
    tables.progress('')
    tables.show('jobs, from the poll to the confirmed result (us of CPU of the worker, per job)',
                ['worker', 'offered/s', 'done/s', 'us', 'handler us', 'calls', 'fsyncs', 'p50 ms',
                 'p99 ms', 'MB', 'waited'], [_cells(row) for row in rows])
