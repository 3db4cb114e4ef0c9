# SPDX-License-Identifier: MIT
"""What the operations of a fleet cost its three NATS servers, one by one: CPU of all three,
messages and bytes, by a client of a few lines. And what comes of that for a fleet of any size."""
import json
import socket
import time

import child
import tables

SETTLE_S = 3
MANY, WATCHERS = 2_000, 10
BODY = b'x' * 400
DAY_S = 86_400


def _connect(port):
    until = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(('127.0.0.1', port), 30)
        except ConnectionRefusedError:  # it starts
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


class Client:
    """Requests and their answers, on one connection."""

    count = 0

    def __init__(self, port):
        Client.count += 1
        self.answers = f'answers.{Client.count}'
        self.socket = _connect(port)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile('rb')
        self.socket.sendall(b'CONNECT {"verbose":false}\r\n')
        self.listen(f'{self.answers}.>', 1)

    def listen(self, subject, number):
        self.socket.sendall(f'SUB {subject} {number}\r\n'.encode())

    def send(self, subject, body=b'', answer='x'):
        self.socket.sendall(f'PUB {subject} {self.answers}.{answer} {len(body)}\r\n'.encode() +
                            body + b'\r\n')

    def take(self):
        """The next message: its subject, where to answer it, and what it says."""
        while True:
            line = self.lines.readline()
            if line.startswith(b'PING'):
                self.socket.sendall(b'PONG\r\n')
            elif line.startswith((b'MSG', b'HMSG')):
                words, size = line.split(), int(line.split()[-1])
                reply = words[3] if len(words) > (5 if words[0] == b'HMSG' else 4) else b''
                return words[1], reply.decode(), self.lines.read(size + 2)[:-2]
            elif not line or line.startswith(b'-ERR'):
                raise child.Failed(f'fleet: nats-server says {line!r}')

    def ask(self, what, **body):
        self.send(f'$JS.API.{what}', json.dumps(body).encode())
        return json.loads(self.take()[2])

    def ask_all(self, requests, at_once):
        waiting = 0
        for subject, body in requests:
            self.send(subject, body)
            waiting += 1
            if waiting == at_once:
                self.take()
                waiting -= 1
        for _ in range(waiting):
            self.take()


def _stream(port, name, **more):
    """A cluster takes a while before it makes the first, and answers nobody before that."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        client = Client(port)
        client.socket.settimeout(1)
        try:
            answer = client.ask(f'STREAM.CREATE.{name}', name=name, subjects=[f'{name}.>'],
                                num_replicas=3, storage='file', retention='limits', **more)
            if 'error' not in answer:
                return
        except TimeoutError:
            pass
        time.sleep(0.2)
    raise child.Failed('fleet: the servers make no stream')


def _watch(client, number):
    client.listen(f'watch.{number}', 2)
    answer = client.ask('CONSUMER.CREATE.LEASES', stream_name='LEASES', config={
        'deliver_subject': f'watch.{number}', 'deliver_policy': 'new', 'ack_policy': 'none',
        'replay_policy': 'instant', 'num_replicas': 1, 'mem_storage': True})
    if 'error' in answer:
        raise child.Failed(f'fleet: no watch: {answer["error"]}')


def _beat_all(client, others):
    for i in range(MANY // 4):
        client.send(f'LEASES.m.{i}', BODY)
        client.take()
    for other in others:
        for _ in range(MANY // 4):
            other.take()


def _work_all(client):
    """One pull for all; each is acknowledged, and that confirmed."""
    client.send('$JS.API.CONSUMER.MSG.NEXT.JOBS.d', json.dumps(
        {'batch': MANY, 'expires': 60_000_000_000}).encode(), 'pull')
    confirmed = 0
    while confirmed < MANY:
        subject, reply, _ = client.take()
        if reply:
            client.send(reply, b'+ACK', 'ack')
        confirmed += subject.endswith(b'.ack')


def units(servers):
    """Of each operation: [us of CPU, messages in, out, bytes in, out], of all servers together."""
    ports = [int(url.rsplit(':', 1)[1]) for url in servers.urls.split(', ')]
    found = {}

    def measure(name, count, work, *arguments):
        first = [servers.cpu_us(), *servers.traffic()]
        work(*arguments)
        last = [servers.cpu_us(), *servers.traffic()]
        found[name] = [(b - a) / count for a, b in zip(first, last)]

    _stream(ports[0], 'LEASES', max_msgs_per_subject=1)
    _stream(ports[0], 'JOBS')
    client = Client(ports[0])
    time.sleep(SETTLE_S)
    for at_once in 1, 50:
        measure(f'write, {at_once} at once', MANY, client.ask_all,
                ((f'JOBS.{at_once}.{i}', BODY) for i in range(MANY)), at_once)
    client.ask('CONSUMER.DURABLE.CREATE.JOBS.d', stream_name='JOBS', config={
        'durable_name': 'd', 'ack_policy': 'explicit', 'deliver_policy': 'all',
        'replay_policy': 'instant', 'max_ack_pending': 20000, 'ack_wait': 30_000_000_000})
    time.sleep(SETTLE_S)
    measure('pull and acknowledge', MANY, _work_all, client)
    for at_once in 1, 50:
        client.ask_all(((f'LEASES.x.{at_once}.{i}', BODY) for i in range(MANY)), 50)
        measure(f'remove, {at_once} at once', MANY, client.ask_all,
                (('$JS.API.STREAM.PURGE.LEASES', json.dumps(
                    {'filter': f'LEASES.x.{at_once}.{i}'}).encode()) for i in range(MANY)), at_once)
    others = [Client(ports[i % len(ports)]) for i in range(WATCHERS)]
    measure('alone', MANY // 4, _beat_all, client, [])
    for i, other in enumerate(others):
        _watch(other, i)
    measure('watched', MANY // 4, _beat_all, client, others)
    found['tell one watcher'] = [max(0, (b - a) / WATCHERS) for a, b in zip(
        found.pop('alone'), found.pop('watched'))]
    return found


def show_units(found):
    tables.show('what an operation costs three servers together, R3',
                ['', 'us of CPU', 'messages in', 'out', 'kB in', 'out'],
                [[name, f'{row[0]:.0f}', f'{row[1]:.1f}', f'{row[2]:.1f}', f'{row[3] / 1e3:.2f}',
                  f'{row[4] / 1e3:.2f}'] for name, row in found.items()])


# --- on paper ---

def _sum(*parts):
    return [sum(times * unit[i] for times, unit in parts) for i in range(5)]


def paper(found, sizes, members=100, targets=100_000, beat_s=2.5, jobs=1_000):
    """Rates times units. sizes: bytes of a message in the streams, as measured."""
    write, batch, tell = (found[n] for n in ('write, 1 at once', 'write, 50 at once',
                                             'tell one watcher'))
    work, remove = found['pull and acknowledge'], found['remove, 50 at once']
    moved = targets / members
    rows = {
        'beats, each second: M/B writes, M tellings of each':
            _sum((members / beat_s, write), (members * members / beat_s, tell)),
        'a member comes or goes: 2T/M writes, M tellings of each':
            _sum((2 * moved, batch), (2 * moved * members, tell)),
        'jobs, each second: J (2 writes, a pull and acknowledgement, a removal)':
            _sum((2 * jobs, write), (jobs, work), (jobs, remove)),
        'the same, fifty at once': _sum((2 * jobs, batch), (jobs, work), (jobs, remove)),
    }
    tables.show(f'on paper: M = {members} members, T = {targets} targets, a beat each B = {beat_s} '
                f's, J = {jobs} jobs/s; three servers together',
                ['', 'ms of CPU', 'messages in', 'out', 'kB in', 'out'],
                [[name, f'{row[0] / 1e3:.0f}', *(f'{n:.0f}' for n in row[1:3]),
                  *(f'{n / 1e3:.0f}' for n in row[3:])] for name, row in rows.items()])
    streams = {
        'LEASES: M beats, T claims and their part of the catalogue; 17 T claims at most':
            (members + targets) * sizes['LEASES'],
        'OUTBOX: results of a second': jobs * sizes['OUTBOX'],
        'JOBS: J a day': jobs * DAY_S * sizes['JOBS'],
    }
    tables.show('the streams, of each server', ['', 'MB'],
                [[name, f'{size / 1e6:.0f}'] for name, size in streams.items()])
    return {'cost': rows, 'streams': streams}
