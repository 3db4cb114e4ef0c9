# SPDX-License-Identifier: MIT
"""Pickup latency: from the moment a job is there to be had until `pipepoll run` has written it out.

The simulated service knows the moment (its ledger tells), this program sees the line; both read the
same clock. Every round trip takes as long as one to a far region: half of it passes before the
service looks at the request, half before the answer is sent.
"""
import json
import os
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

import child
import tables

ROUND_TRIP_MS = 150
JOBS_PER_S = 40
SETTLE_S = 3  # at either end: connections open, the last jobs arrive

CONFIG = """[pipepoll]
interval = 1s
ca-bundle = {folder}/ca.pem
endpoint-url = https://127.0.0.1:{port}
[target bench]
regions = all, all:aws-us-gov, all:aws-cn, us-isof-east-1, us-isof-south-1
category = Build
provider = Bench
version = 1
"""

KEYS = {'AWS_ACCESS_KEY_ID': 'AKIDEXAMPLE',
        'AWS_SECRET_ACCESS_KEY': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'}


def _start(setting, core, *arguments):
    return subprocess.Popen(child.pinned([setting.program('pipepoll'), *arguments], core),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                            env={**os.environ, **KEYS})


def _start_service(setting, folder):
    """The service's first line comes when it listens, after both files were written."""
    service = _start(setting, setting.service, 'sim', '--tls', '--latency', str(ROUND_TRIP_MS),
                     '--lease', '3600', '--jobs-per-second', str(JOBS_PER_S),
                     '--ca-file', f'{folder}/ca.pem', '--port-file', f'{folder}/port')
    if not service.stdout.readline():
        child.end(service)
        raise child.Failed('pipepoll sim would not start')
    with open(f'{folder}/port') as port:
        return service, int(port.read())


def _read_arrivals(stream, arrivals):
    for line in stream:
        at_s = time.time()
        event = json.loads(line)
        if event['event'] == 'job':
            arrivals[event['jobId']] = at_s


def _read_ledger(folder, port):
    context = ssl.create_default_context(cafile=f'{folder}/ca.pem')
    since, events = 0, []
    while True:
        url = f'https://127.0.0.1:{port}/_sim/ledger?since={since}'
        with urllib.request.urlopen(url, context=context, timeout=30) as answer:
            page = json.load(answer)['events']
        if not page:
            return events
        events += page
        since = page[-1]['serial']


def _play(setting, folder, seconds):
    """Arrivals by job id, and the ledger."""
    service, port = _start_service(setting, folder)
    try:
        with open(f'{folder}/bench.ini', 'w') as config:
            config.write(CONFIG.format(folder=folder, port=port))
        arrivals = {}
        client = _start(setting, setting.client, 'run', '--config', f'{folder}/bench.ini',
                        '--log-level', 'error')
        reader = threading.Thread(target=_read_arrivals, args=(client.stdout, arrivals))
        reader.start()
        time.sleep(seconds)
        events = _read_ledger(folder, port)
        child.end(client)
        reader.join()
        return arrivals, events
    finally:
        child.end(service)


def pickup(setting):
    """One long run: its jobs are the sample."""
    seconds = 12 if setting.quick else 60
    tables.progress(f'pickup: {seconds} s')
    with tempfile.TemporaryDirectory(prefix='pipepoll-bench-') as folder:
        begin_s = time.time()
        arrivals, events = _play(setting, folder, seconds)
    added = [e for e in events if e['event'] == 'added'
             and begin_s + SETTLE_S < e['available'] < begin_s + seconds - SETTLE_S]
    lost = [e for e in added if e['jobId'] not in arrivals]
    if lost or not added:
        raise child.Failed(f'pickup: {len(lost)} of {len(added)} jobs were not found')
    waits_ms = sorted((arrivals[e['jobId']] - e['available']) * 1e3 for e in added)
    row = {'jobs': len(added), 'regions': len({e['region'] for e in added}),
           'round_trip_ms': ROUND_TRIP_MS, 'p50_ms': statistics.median(waits_ms),
           'p99_ms': waits_ms[int(len(waits_ms) * 0.99)], 'max_ms': waits_ms[-1]}
    tables.progress('')
    tables.show(f'pickup latency, interval 1 s, a round trip of {ROUND_TRIP_MS} ms simulated',
                ['regions', 'jobs', 'p50 ms', 'p99 ms', 'most ms'],
                [[row['regions'], row['jobs'], *(f'{row[k]:.0f}' for k in
                                                 ('p50_ms', 'p99_ms', 'max_ms'))]])
    return row
