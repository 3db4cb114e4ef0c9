#!/usr/bin/python3
"""HTTP/2 is an opt-in: does `http2 = yes` speak it to a server that offers it, and does the default
speak HTTP/1.1 to the same one? nginx answers each poll with one job and logs the protocol.
Usage: test_http2.py PIPEPOLL_BINARY

Without nginx or openssl: "skipped: ..." and exit status 77, or a failure where PIPEPOLL_CI=1."""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

LIMIT_S = 20
CONF = """
daemon off;
pid {dir}/pid;
error_log {dir}/error;
events {{ worker_connections 64; }}
http {{
    log_format protocol "$server_protocol";
    access_log {dir}/access protocol;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {dir}/cert.pem;
        ssl_certificate_key {dir}/key.pem;
        return 200 '{{"jobs":[{{"clientId":"c","jobId":"j"}}]}}';
    }}
}}
"""
CONFIG = """
[pipepoll]
http2 = {http2}
ca-bundle = {dir}/cert.pem
interval = 10ms
[target t]
regions = us-east-1
category = Build
provider = Acme
version = 1
endpoint-url = https://127.0.0.1:{port}
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def make_certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-days", "2",
         "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
        check=True, capture_output=True)


def start_nginx(nginx, folder, listener):
    """The socket is ours from the start, so the port cannot be taken by another meanwhile."""
    write(f"{folder}/nginx.conf", CONF.format(dir=folder, port=listener.getsockname()[1]))
    environment = dict(os.environ, NGINX=f"{listener.fileno()};")
    return subprocess.Popen([nginx, "-c", f"{folder}/nginx.conf"], env=environment,
                            pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)


def jobs_of(output):
    """The events of a run that are jobs."""
    return (event for event in map(json.loads, output) if event["event"] == "job")


def protocols(program, folder, port, http2):
    """-> the protocols nginx saw until two jobs came out."""
    write(f"{folder}/access", "")
    write(f"{folder}/p.ini", CONFIG.format(dir=folder, port=port, http2=http2))
    environment = dict(os.environ, AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret",
                       NO_PROXY="127.0.0.1")
    run = subprocess.Popen([program, "run", "--config", f"{folder}/p.ini"], env=environment,
                           stdout=subprocess.PIPE, text=True)
    try:
        jobs = list(itertools.islice(jobs_of(run.stdout), 2))
        assert all(job["jobId"] == "j" for job in jobs), jobs
    finally:
        run.terminate()
        run.communicate(timeout=LIMIT_S)
    assert run.returncode == 0, f"exit status {run.returncode}"
    with open(f"{folder}/access", encoding="utf-8") as log:
        return set(log.read().split())


def main():
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not nginx or not shutil.which("openssl"):
        print("skipped: no nginx (Debian: nginx-light) or no openssl")
        return 1 if os.environ.get("PIPEPOLL_CI") == "1" else 77
    failed = 0
    listener = socket.create_server(("127.0.0.1", 0))
    with tempfile.TemporaryDirectory() as folder, listener:
        make_certificate(folder)
        server = start_nginx(nginx, folder, listener)
        try:
            for http2, wanted in (("yes", "HTTP/2.0"), ("no", "HTTP/1.1")):
                seen = protocols(sys.argv[1], folder, listener.getsockname()[1], http2)
                failed += seen != {wanted}
                print(f"{'ok' if seen == {wanted} else 'FAILED'}  http2 = {http2}: {seen}")
        finally:
            server.terminate()
            server.wait(timeout=LIMIT_S)
    print(f"{2 - failed} passed, {failed} failed")
    return failed


sys.exit(main())
