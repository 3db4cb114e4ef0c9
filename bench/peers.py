# SPDX-License-Identifier: MIT
"""The other programs of the benchmark: nginx, which answers, and h2load, which sets the floor."""
import os
import re
import socket
import subprocess
import time

import child

ANSWER = '{"jobs":[]}'
REQUEST = ('{"actionTypeId":{"category":"Build","owner":"ThirdParty","provider":"Bench000000",'
           '"version":"1"}}')

# The header lines of a signed poll, so that h2load sends as many bytes; the signature is no one's.
REQUEST_HEADERS = [
    'Content-Type: application/x-amz-json-1.1',
    'X-Amz-Date: 20260101T000000Z',
    'X-Amz-Target: CodePipeline_20150709.PollForThirdPartyJobs',
    'User-Agent: pipepoll/0.1.0',
    'Authorization: AWS4-HMAC-SHA256 '
    'Credential=AKIDEXAMPLE/20260101/us-east-1/codepipeline/aws4_request, '
    'SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=' + '0' * 64,
]

# One process: no worker can outlive it. The body is fixed, so that the service's own work is as
# little as HTTP allows. The first server keeps connections for good; the others close each after
# one answer, the second refusing to resume sessions and the third noting whose were.
NGINX_CONFIG = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr crit;
worker_rlimit_nofile {files};
events {{ multi_accept on; worker_connections {connections}; }}
http {{
  access_log off;
  log_format resumption '$ssl_session_reused $http_user_agent';
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  default_type application/x-amz-json-1.1;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ssl_certificate certificate.pem;
  ssl_certificate_key key.pem;
  ssl_protocols TLSv1.3;
  add_header x-amzn-RequestId 01234567-89ab-4cde-8f01-23456789abcd;
  server {{
    listen 127.0.0.1:{ports[0]} ssl backlog=4096;
    location / {{ return 200 '{answer}'; }}
  }}
  server {{
    listen 127.0.0.1:{ports[1]} ssl backlog=4096;
    ssl_session_tickets off;
    keepalive_timeout 0;
    location / {{ return 200 '{answer}'; }}
  }}
  server {{
    listen 127.0.0.1:{ports[2]} ssl backlog=4096;
    access_log resumption.log resumption buffer=64k flush=1s;
    keepalive_timeout 0;
    location / {{ return 200 '{answer}'; }}
  }}
}}
"""

SYSTEM_ROOTS = '/etc/ssl/certs/ca-certificates.crt'


class Absent(Exception):
    """A peer is not installed; the text names it and where it comes from."""


def need(program, package):
    path = child.find(program)
    if not path:
        raise Absent(f'{program} is not installed (Debian: {package})')
    return path


def _make_certificate(folder):
    """A throw-away certificate. The client trusts it among the system's roots, as a real one has
    them all to carry."""
    subprocess.run(
        [need('openssl', 'openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=pipepoll bench',
         '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', f'{folder}/key.pem',
         '-out', f'{folder}/certificate.pem'],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    with open(f'{folder}/roots.pem', 'w') as roots:
        for source in (f'{folder}/certificate.pem', SYSTEM_ROOTS):
            if os.path.exists(source):
                with open(source) as text:
                    roots.write(text.read())


def _free_ports(count):
    """All at once, so that they differ."""
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Nginx:
    """nginx on ports of its own, for the time of a `with`: url; url_first and url_resumed, where
    every poll opens a connection; and roots to trust it by."""

    def __init__(self, folder, setting):
        self.folder, self.core, self.files = folder, setting.service, setting.files
        self.roots = f'{folder}/roots.pem'

    def _start(self):
        ports = _free_ports(3)
        with open(f'{self.folder}/nginx.conf', 'w') as config:
            config.write(NGINX_CONFIG.format(ports=ports, answer=ANSWER, files=self.files,
                                             connections=self.files - 64))
        command = [need('nginx', 'nginx-light'), '-e', 'stderr', '-p', self.folder,
                   '-c', f'{self.folder}/nginx.conf']
        self.process = subprocess.Popen(child.pinned(command, self.core),
                                        stdin=subprocess.DEVNULL)
        self.url, self.url_first, self.url_resumed = (f'https://127.0.0.1:{p}' for p in ports)
        until = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(('127.0.0.1', ports[0]), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        child.end(self.process)
        return False

    def __enter__(self):
        _make_certificate(self.folder)
        # Between choosing a port and using it, another program may have taken it.
        if not any(self._start() for _ in range(3)):
            raise child.Failed('nginx would not start')
        return self

    def share_resumed(self):
        """Of pipepoll's handshakes at url_resumed. Ends nginx, which then writes out its notes."""
        child.end(self.process)
        with open(f'{self.folder}/resumption.log') as log:
            notes = [line.split()[0] for line in log if ' pipepoll' in line]
        return notes.count('r') / len(notes)

    def __exit__(self, *_):
        child.end(self.process)


class H2load:
    """The floor: HTTP/1.1 over TLS 1.3 with nothing signed, verified or parsed."""

    def __init__(self, folder, core):
        self.path = need('h2load', 'nghttp2-client')
        self.core = core
        self.body = f'{folder}/body.json'
        with open(self.body, 'w') as body:
            body.write(REQUEST)

    def _run(self, url, in_flight, requests):
        command = [self.path, '--h1', '-m', '1', '-c', str(in_flight), '-n', str(requests),
                   '-d', self.body]
        for line in REQUEST_HEADERS:
            command += ['-H', line]
        cost = child.run([*command, url + '/'], self.core)
        done = re.search(r' (\d+) succeeded', cost.output)
        if not done or int(done[1]) != requests or 'TLSv1.3' not in cost.output:
            raise child.Failed(f'h2load did not get {requests} answers over TLS 1.3')
        return cost

    def measure(self, url, in_flight, requests):
        """Start-up and handshakes are subtracted: a second run has one request a connection."""
        whole = self._run(url, in_flight, in_flight + requests)
        start = self._run(url, in_flight, in_flight)
        speed = re.search(r'finished in .*?, ([\d.]+) req/s', whole.output)
        return {
            'cpu_us_per_poll': (whole.cpu_s - start.cpu_s) / requests * 1e6,
            'cpu_us_per_connection': start.cpu_s / in_flight * 1e6,
            'polls_per_second': float(speed[1]),
            'resident_bytes': whole.resident_bytes,
        }

    def measure_handshake(self, url, count):
        """CPU in us of one more connection with one request on it."""
        few, many = self._run(url, count, count), self._run(url, 2 * count, 2 * count)
        return (many.cpu_s - few.cpu_s) / count * 1e6
