#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""botocore as a witness of the client: does it compute the signature that `pipepoll poll` sends?
Usage: witness_poll.py PIPEPOLL_BINARY

One line per check, then "N passed, N failed". Without botocore: "skipped: ..." and exit status
77, or a failure where PIPEPOLL_CI=1 promises it."""

import datetime
import http.server
import os
import subprocess
import sys
import threading

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    print("skipped: no botocore (Debian: python3-botocore)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)

LIMIT_S = 20
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLE+token/with=chars=="


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers.items()), body))
        answer = b'{"jobs":[]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def poll(program, server, case):
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET,
                       NO_PROXY="127.0.0.1")
    environment.pop("AWS_SESSION_TOKEN", None)
    if case["token"]:
        environment["AWS_SESSION_TOKEN"] = case["token"]
    command = [program, "poll", "--region", case["region"], "--action-type-id",
               "category=Build,owner=ThirdParty,provider=Acme,version=1",
               "--endpoint-url", f"http://127.0.0.1:{server.server_port}{case['path']}"]
    subprocess.run(command + case["more"], env=environment, check=True, timeout=LIMIT_S,
                   stdout=subprocess.DEVNULL)
    return server.seen.pop()


def authorization(path, headers, body, case):
    """-> what botocore would have sent, given the headers that were signed."""
    signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    signed = set(signed) - {"x-amz-date", "x-amz-security-token"} # botocore adds these itself
    kept = {name: value for name, value in headers.items() if name.lower() in signed}
    request = botocore.awsrequest.AWSRequest(
        "POST", f"http://{headers['Host']}{path}", headers=kept, data=body)
    credentials = botocore.credentials.Credentials(KEY, SECRET, case["token"])
    signer = botocore.auth.SigV4Auth(credentials, "codepipeline", case["region"])
    request.context["timestamp"] = headers["X-Amz-Date"]
    stamp = datetime.datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")

    class Frozen(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return stamp

    botocore.auth.datetime.datetime, before = Frozen, botocore.auth.datetime.datetime
    try:
        signer.add_auth(request)
    finally:
        botocore.auth.datetime.datetime = before
    return request.headers["Authorization"]


CASES = {
    "a plain poll": {},
    "with a batch size": {"more": ["--max-batch-size", "10"]},
    "with a session token": {"token": TOKEN},
    "in China": {"region": "cn-north-1"},
    "behind a path": {"path": "/a/b%20c"},
}


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    failed = 0
    for name, changes in CASES.items():
        case = {"region": "us-east-1", "token": None, "path": "", "more": []} | changes
        path, headers, body = poll(sys.argv[1], server, case)
        wanted, sent = authorization(path, headers, body, case), headers["Authorization"]
        failed += sent != wanted
        print(f"ok      {name}" if sent == wanted else f"FAILED  {name}: {sent} is not {wanted}")
    server.shutdown()
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return failed


sys.exit(main())
