# SPDX-License-Identifier: MIT
"""A fleet of three members on three NATS servers, all on this machine: CPU of each member, messages
and bytes of the engine, how soon a dead member's targets are polled again, and jobs by the queue.

    idle    nothing is found: what the leases cost; the engine's traffic is the beats
    polling the same at some thousand polls a second
    queue   one member polls, two work with a stdio handler; jobs come at a rate
    paper   what each operation costs the servers, and from that a fleet of any size (engine.py)

With M members that beat each B seconds, of T targets in all: M / B messages a second are written
and M * M / B told, whatever T is; a change of owner is two messages more for each target that
moves, which a join, leave or crash makes of about T / M. A job is written and pulled, acknowledged,
and its result is written and removed.
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import child
import engine
import peers
import tables
from jobs import CLIENT, LONGEST_S, STDIO, Service, cpu_ns
from pickup import KEYS
from scrape import REGIONS

MEMBERS, SERVERS = 3, 3
TARGETS, POLLS = 10_000, 2_000
JOBS = 1_000  # a second
SETTLE_S, WINDOW_S = 12, 10

CONFIG = """[pipepoll]
state-dir = {folder}/state-{member}
client-tokens = {folder}/tokens
interval = {interval}ms
ca-bundle = {roots}
endpoint-url = {url}
regions = {regions}
category = Build
version = 1
max-jobs = 256
{handler}
[handler work]
kind = stdio
command = {python} {folder}/work.py
concurrency = 256
[fleet]
servers = {servers}
member = {member}
takeover = fast
{fleet}
[http]
listen = {folder}/{member}.sock
"""


def _ports(count):
    held = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


class Servers:
    """A cluster with stores in a folder, for the time of a `with`."""

    def __init__(self, folder):
        self.program = child.find('nats-server')
        taken = os.path.join(os.path.dirname(__file__), '../subprojects/packagecache/nats-server')
        if not self.program and os.access(taken, os.X_OK):
            self.program = taken
        if not self.program:
            raise peers.Absent('no nats-server (Debian: nats-server)')
        self.folder, self.processes = folder, []

    def __enter__(self):
        ports = _ports(3 * SERVERS)
        routes = ', '.join(f'nats-route://127.0.0.1:{port}' for port in ports[SERVERS:2 * SERVERS])
        self.monitors = ports[2 * SERVERS:]
        self.urls = ', '.join(f'nats://127.0.0.1:{port}' for port in ports[:SERVERS])
        for i in range(SERVERS):
            path = f'{self.folder}/nats-{i}.conf'
            with open(path, 'w') as config:
                config.write(f'server_name: s{i}\nlisten: "127.0.0.1:{ports[i]}"\n'
                             f'http: "127.0.0.1:{self.monitors[i]}"\n'
                             f'jetstream {{ store_dir: "{self.folder}/nats-{i}" }}\n'
                             f'cluster {{ name: bench, listen: "127.0.0.1:{ports[SERVERS + i]}", '
                             f'routes: [{routes}] }}\n')
            self.processes.append(subprocess.Popen(
                [self.program, '-c', path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL))
        return self

    def __exit__(self, *_):
        for process in self.processes:
            child.end(process)

    def traffic(self):
        """Messages and bytes, in and out, of all servers with their clients."""
        total = [0, 0, 0, 0]
        for port in self.monitors:
            with urllib.request.urlopen(f'http://127.0.0.1:{port}/varz', timeout=10) as answer:
                v = json.load(answer)
            for i, name in enumerate(('in_msgs', 'out_msgs', 'in_bytes', 'out_bytes')):
                total[i] += v[name]
        return total


    def cpu_us(self):
        return sum(cpu_ns(process.pid) for process in self.processes) / 1e3

    def sizes(self):
        """Bytes of a message in each stream that has any, by the last word of its name."""
        with urllib.request.urlopen(f'http://127.0.0.1:{self.monitors[0]}/jsz?accounts=true'
                                    '&streams=true', timeout=10) as answer:
            accounts = json.load(answer)['account_details']
        streams = [(s['name'].split('_')[-1], s['state']) for a in accounts
                   for s in a['stream_detail']]
        return {name: s['bytes'] / s['messages'] for name, s in streams if s['messages']}


class Member:
    def __init__(self, setting, service, servers, name, polls_per_s, handler='', fleet=''):
        self.name = name
        path = f'{service.folder}/{name}.ini'
        with open(path, 'w') as config:
            config.write(CONFIG.format(
                folder=service.folder, member=name, roots=service.roots, url=service.url,
                interval=TARGETS * 1000 // polls_per_s, regions=', '.join(REGIONS),
                servers=servers.urls, handler=handler, fleet=fleet, python=sys.executable))
            for i in range(TARGETS // len(REGIONS)):
                config.write(f'[target bench-{i}]\nprovider = Bench{i}\n')
        command = [setting.program('pipepoll'), 'run', '--config', path, '--log-level', 'error']
        self.process = subprocess.Popen(child.pinned(command, setting.client),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        env={**os.environ, **KEYS})

    def rss_mb(self):
        with open(f'/proc/{self.process.pid}/statm') as statm:
            return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1e6


@contextlib.contextmanager
def _fleet(setting, service, members):
    with Servers(service.folder) as servers:
        started = []
        try:
            for arguments in members:
                started.append(Member(setting, service, servers, *arguments))
            yield servers, started
        finally:
            for member in started:
                child.end(member.process)


def _window(service, servers, members):
    def look():
        return ([time.monotonic(), service.ask('/_sim/stats')['requests'], *servers.traffic()],
                [cpu_ns(m.process.pid) for m in members])
    (first, cpu), _ = look(), time.sleep(WINDOW_S)
    last, cpu_last = look()
    seconds, polls, *traffic = (b - a for a, b in zip(first, last))
    return {'polls_per_second': polls / seconds,
            'cpu_ms_per_second': [(b - a) / seconds / 1e6 for a, b in zip(cpu, cpu_last)],
            'traffic_per_second': [n / seconds for n in traffic],
            'rss_mb': [m.rss_mb() for m in members]}


def _polls_in(service, seconds):
    first = service.ask('/_sim/stats')['requests']
    time.sleep(seconds)
    return (service.ask('/_sim/stats')['requests'] - first) / seconds


def _take_over(service, victim, polls_per_s):
    """How long polls are fewer than they should be, after a kill -9."""
    victim.process.send_signal(signal.SIGKILL)
    begin = time.monotonic()
    while time.monotonic() < begin + LONGEST_S:
        if _polls_in(service, 0.25) > 0.95 * polls_per_s:
            return time.monotonic() - begin
    raise child.Failed('fleet: the targets of a dead member are not polled again')


def _write(service):
    for name, text in (('tokens', f'{CLIENT} token-{CLIENT}\n'), ('work.py', STDIO)):
        path = f'{service.folder}/{name}'
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), 'w') as out:
            out.write(text)


def _polling(setting, polls_per_s, is_killed):
    names = 'abc'[:MEMBERS]
    with Service(setting) as service:
        _write(service)
        with _fleet(setting, service, [(name, polls_per_s) for name in names]) as (servers, all_):
            time.sleep(SETTLE_S)
            row = _window(service, servers, all_)
            if is_killed:
                row['take_over_s'] = _take_over(service, all_[-1], polls_per_s)
    return row


def _offer(service, rate, seconds):
    """That many jobs a second, a tenth of them at once; how many in all."""
    begin, batch = time.monotonic(), rate // 10
    for i in range(10 * seconds):
        time.sleep(max(0, begin + i / 10 - time.monotonic()))
        service.ask('/_sim/jobs', {'region': REGIONS[i % len(REGIONS)], 'provider': 'Bench0',
                                   'clientId': CLIENT, 'count': batch})
    return 10 * seconds * batch


def _queue(setting):
    """From the poll of one member through the queue to the handlers of the others."""
    works = 'handler = work'
    with Service(setting) as service:
        _write(service)
        members = [('finder', POLLS, '', 'works = no'), ('one', POLLS, works, 'polls = no'),
                   ('two', POLLS, works, 'polls = no')]
        with _fleet(setting, service, members) as (servers, all_):
            time.sleep(SETTLE_S)
            first = (time.monotonic(), *(cpu_ns(m.process.pid) for m in all_))
            traffic, servers_us = servers.traffic(), servers.cpu_us()
            jobs = _offer(service, JOBS, WINDOW_S)
            until = time.monotonic() + LONGEST_S
            while service.ask('/_sim/stats')['jobsSucceeded'] < jobs:
                if time.monotonic() > until:
                    raise child.Failed('fleet: jobs are not all worked')
                time.sleep(0.1)
            last = (time.monotonic(), *(cpu_ns(m.process.pid) for m in all_))
            seconds, *cpu = (b - a for a, b in zip(first, last))
            return {'jobs': jobs, 'jobs_per_second': jobs / seconds,
                    'cpu_us_per_job': [c / jobs / 1e3 for c in cpu],
                    'servers_us_per_job': (servers.cpu_us() - servers_us) / jobs,
                    'bytes_of_message': servers.sizes(),
                    'bytes_per_job': [(b - a) / jobs for a, b in zip(traffic, servers.traffic())],
                    'rss_mb': [m.rss_mb() for m in all_]}


def _show_queue(row):
    tables.show(f'{JOBS} jobs/s by the queue: one member polls {TARGETS} targets, two work',
                ['jobs/s', 'the finder, us of CPU a job', 'the workers', 'the servers', 'RSS, MB',
                 'messages in a job', 'kB in', 'out'],
                [[f'{row["jobs_per_second"]:.0f}', f'{row["cpu_us_per_job"][0]:.0f}',
                  ' and '.join(f'{c:.0f}' for c in row['cpu_us_per_job'][1:]),
                  f'{row["servers_us_per_job"]:.0f}', tables.ranged(row['rss_mb'], 0),
                  f'{row["bytes_per_job"][0]:.1f}',
                  *(f'{n / 1e3:.1f}' for n in row['bytes_per_job'][2:])]])


def _paper(setting, sizes):
    with tempfile.TemporaryDirectory(dir=os.path.abspath(setting.folder)) as folder, \
            Servers(folder) as servers:
        found = engine.units(servers)
    engine.show_units(found)
    return found, engine.paper(found, {'OUTBOX': sizes['JOBS'], **sizes})


def measure(setting):
    tables.progress(f'a fleet of {MEMBERS}: {TARGETS} targets, few polls')
    rows = {'idle': _polling(setting, 20, False)}
    tables.progress(f'a fleet of {MEMBERS}: {TARGETS} targets, {POLLS} polls/s')
    rows['polling'] = _polling(setting, POLLS, True)
    tables.progress('')
    tables.show(f'a fleet of {MEMBERS} members, {TARGETS} targets, {SERVERS} servers',
                ['', 'polls/s', 'CPU of a member, ms/s', 'RSS, MB', 'messages/s in', 'out',
                 'kB/s in', 'out', 'taken over, s'],
                [[name, f'{row["polls_per_second"]:.0f}',
                  tables.ranged(row['cpu_ms_per_second'], 1), tables.ranged(row['rss_mb'], 0),
                  *(f'{n:.1f}' for n in row['traffic_per_second'][:2]),
                  *(f'{n / 1e3:.1f}' for n in row['traffic_per_second'][2:]),
                  f'{row.get("take_over_s", 0):.1f}'] for name, row in rows.items()])
    tables.progress(f'a fleet of {MEMBERS}: {JOBS} jobs/s')
    rows['queue'] = _queue(setting)
    tables.progress('')
    _show_queue(rows['queue'])
    tables.progress('the operations of three servers')
    rows['operations'], rows['paper'] = _paper(setting, rows['queue']['bytes_of_message'])
    return rows
