#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""curl and botocore as witnesses of framing: each odd answer to `pipepoll poll`, to curl and to
botocore. What both of them take, pipepoll takes; where it differs, the table says why.
Usage: witness_framing.py PIPEPOLL_BINARY

One line per check, then "N passed, N failed". Without curl or botocore: "skipped: ..." and exit
status 77, or a failure where PIPEPOLL_CI=1 promises them."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

try:
    import botocore.config
    import botocore.session
except ImportError:
    botocore = None
if not botocore or not shutil.which("curl"):
    print("skipped: no botocore or no curl (Debian: python3-botocore, curl)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)

LIMIT_S = 5
JOB = b'{"jobs":[{"clientId":"c","jobId":"j-1"}]}'
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(JOB)
SIZE = b"%x" % len(JOB)


def ok(headers=LENGTH, body=JOB, status=b"HTTP/1.1 200 OK"):
    return status + b"\r\n" + headers + b"\r\n" + body


def chunk(size=SIZE, end=b"0\r\n\r\n", headers=CHUNKED):
    return ok(headers, size + b"\r\n" + JOB + b"\r\n" + end)


def length(*values):
    return ok(b"".join(b"Content-Length: " + v.replace(b"N", b"%d" % len(JOB)) + b"\r\n"
                       for v in values))


YES, NO, EMPTY = "taken", "refused", "no jobs"

# The reasons for a verdict that is not curl's, or not botocore's.
SMUGGLE = "two readers could read it in two ways"
LAX = "botocore reads the head as mail, and what it does not understand as no header at all"
CURL = "curl reads a number as far as it goes"
JSON = "botocore takes whatever came with 2xx for an answer without jobs"
REDIRECT = "curl -f lets a redirect be, with its body"
OLD = "curl takes it for an answer that needs no upgrade"

# name: answer, pipepoll's verdict, curl's, botocore's; then what pipepoll says, and where a client
# that takes it differs, why.
CASES = {
    "a plain answer": (ok(), YES, YES, YES),
    "no phrase": (ok(status=b"HTTP/1.1 200"), YES, YES, YES),
    "HTTP/1.0": (ok(status=b"HTTP/1.0 200 OK"), YES, YES, YES),
    "no length": (ok(b""), YES, YES, YES),
    "201": (ok(status=b"HTTP/1.1 201 Created"), YES, YES, YES),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + ok(), YES, YES, YES),
    # line ends
    "LF for CR LF": (ok().replace(b"\r", b""), YES, YES, YES),
    "LF for CR LF, chunked": (chunk().replace(b"\r", b""), YES, YES, NO),
    "LF after some lines": (ok(b"X: y\n" + LENGTH), YES, YES, YES),
    "CR alone in a value": (ok(b"X: a\rb\r\n" + LENGTH), NO, YES, YES, "CR without LF", SMUGGLE),
    # lengths
    "two equal lengths": (length(b"N", b"N"), YES, YES, YES),
    "a list of equal lengths": (length(b"N, N"), YES, YES, YES),
    "blanks around a length": (length(b"  N \t"), YES, YES, YES),
    "zeros before a length": (length(b"000N"), YES, YES, YES),
    "two different lengths": (length(b"N", b"1"), NO, NO, NO, "two Content-Lengths, 41 and 1"),
    "a list of different lengths": (length(b"N, 1"), NO, YES, NO, "two Content-Lengths", CURL),
    "a length with a sign": (length(b"+N"), NO, YES, YES, "Content-Length of the answer is '+41'",
                             SMUGGLE),
    "a negative length": (length(b"-N"), NO, NO, YES, "'-41'", SMUGGLE),
    "a length with junk": (length(b"Nx"), NO, YES, YES, "'41x'", SMUGGLE),
    "an empty length": (length(b""), NO, NO, YES, "''", SMUGGLE),
    "a length in hex": (length(b"0x29"), NO, NO, YES, "'0x29'", SMUGGLE),
    "an absurd length": (length(b"9" * 30), NO, YES, YES, "'9999", SMUGGLE),
    "chunked and a length": (chunk(headers=CHUNKED + b"Content-Length: 3\r\n"), YES, YES, YES),
    "a length and chunked": (chunk(headers=b"Content-Length: 3\r\n" + CHUNKED), YES, YES, YES),
    "too short for its length": (ok(b"Content-Length: 99\r\n"), NO, NO, YES, "middle of the answer",
                                 LAX),
    # chunks
    "chunked": (chunk(), YES, YES, YES),
    "CHUNKED": (chunk(headers=b"transfer-encoding: CHUNKED\r\n"), YES, YES, YES),
    "zeros before a size": (chunk(b"000" + SIZE), YES, YES, YES),
    "a chunk extension": (chunk(SIZE + b";a=b"), YES, YES, YES),
    "odd chunk extensions": (chunk(SIZE + b' ; a = "b;c" ;;\xe4 ;='), YES, YES, YES),
    "a blank after a size": (chunk(SIZE + b" "), YES, YES, YES),
    "a tab after a size": (chunk(SIZE + b"\t"), YES, YES, YES),
    "a blank before a size": (chunk(b" " + SIZE), NO, NO, YES, "the size of a chunk", LAX),
    "a size with a sign": (chunk(b"+" + SIZE), NO, NO, YES, "'+29'", SMUGGLE),
    "a size with 0x": (chunk(b"0x" + SIZE), NO, NO, YES, "'0x29'", SMUGGLE),
    "junk after a size": (chunk(SIZE + b"x"), NO, YES, NO, "'29x'", CURL),
    "no size": (chunk(b"zz"), NO, NO, NO, "'zz'"),
    "a huge size": (chunk(b"f" * 17), NO, NO, NO, "'fffffffffffffffff'"),
    "a chunk longer than its size": (chunk(b"2"), NO, NO, NO, "longer than its size"),
    "no last chunk": (chunk(end=b""), NO, NO, NO, "middle of the answer"),
    "trailers": (chunk(end=b"0\r\nDate: x\r\nX: y\r\n\r\n"), YES, YES, YES),
    "an unknown coding": (ok(b"Transfer-Encoding: cow\r\n"), NO, NO, YES,
                          "Transfer-Encoding of the answer is 'cow'", SMUGGLE),
    "a coding before chunked": (chunk(headers=b"Transfer-Encoding: cow, chunked\r\n"), NO, NO, YES,
                                "'cow, chunked'", SMUGGLE),
    "identity": (ok(b"Transfer-Encoding: identity\r\n" + LENGTH), YES, YES, YES),
    "chunked, identity": (chunk(headers=b"Transfer-Encoding: chunked, identity\r\n"), YES, YES,
                          YES),
    "chunked twice": (chunk(headers=CHUNKED * 2), YES, YES, YES),
    # headers
    "odd names": (ok(b"X(a)@[b]{c}\"d\"/e=f?: y\r\n: z\r\n" + LENGTH), YES, YES, YES),
    "a name with a blank": (ok(b"X Y: z\r\n" + LENGTH), YES, YES, YES),
    "a name beyond ASCII": (ok(b"X-\xc3\xa4: z\r\n" + LENGTH), YES, YES, YES),
    "a long name": (ok(b"X" * 5000 + b": z\r\n" + LENGTH), YES, YES, YES),
    "odd values": (ok(b"X: a\x01\x7f\xff\x1b[31m\r\n" + LENGTH), YES, YES, YES),
    "a folded value": (ok(b"X: a\r\n b\r\n\tc\r\n" + LENGTH), YES, YES, YES),
    "a folded length": (ok(LENGTH.replace(b": ", b":\r\n ")), YES, NO, YES),
    "a blank before a colon": (ok(LENGTH.replace(b":", b" :")), YES, YES, YES),
    "a line without a colon": (ok(b"foo\r\n" + LENGTH), NO, NO, YES, "the line 'foo'", LAX),
    "NUL in a value": (ok(b"X: a\0b\r\n" + LENGTH), NO, NO, YES, "NUL", LAX),
    # status lines
    "HTTP/2.0": (ok(status=b"HTTP/2.0 200 OK"), NO, YES, NO, "'HTTP/2.0 200 OK'", OLD),
    "HTTP/1.2": (ok(status=b"HTTP/1.2 200 OK"), NO, NO, YES, "'HTTP/1.2 200 OK'", LAX),
    "four digits": (ok(status=b"HTTP/1.1 2000 OK"), NO, NO, NO, "'HTTP/1.1 2000 OK'"),
    "two digits": (ok(status=b"HTTP/1.1 20 OK"), NO, NO, NO, "'HTTP/1.1 20 OK'"),
    "ICY": (ok(status=b"ICY 200 OK"), NO, NO, NO, "'ICY 200 OK"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", NO, NO, NO, "'SSH-2.0-OpenSSH_9.2"),
    "a TLS alert": (b"\x15\x03\x03\x00\x02\x02\x46", NO, NO, NO, "https://"),
    "no head": (JOB, NO, NO, NO, "begins with '{\"jobs\""),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            NO, NO, EMPTY, "HTTP 101", JSON),
    # bodies
    "204 with a length": (ok(status=b"HTTP/1.1 204 No Content"), NO, NO, EMPTY, "HTTP 204", JSON),
    "304 with a length": (ok(status=b"HTTP/1.1 304 Not Modified", body=b""), NO, NO, NO,
                          "HTTP 304"),
    "a redirect": (ok(b"Location: http://127.0.0.1:1/elsewhere\r\n" + LENGTH,
                      status=b"HTTP/1.1 307 Temporary Redirect"), NO, YES, NO,
                   "'http://127.0.0.1:1/elsewhere'", REDIRECT),
    "unasked gzip": (ok(b"Content-Encoding: gzip\r\nConnection: close\r\n", gzip.compress(JOB)),
                     NO, NO, NO, "compressed (gzip), which was not asked for"),
    "an empty object": (ok(b"Content-Length: 2\r\n", b"{}"), EMPTY, NO, EMPTY),
    "a message with 200": (ok(b"", b'{"message":"maintenance"}'), NO, NO, EMPTY,
                           'message: "maintenance"', JSON),
}


class Server:
    """One raw answer for each request, and the end of the connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answer = b""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.exchange, args=[connection], daemon=True).start()

    def exchange(self, connection):
        with connection:
            connection.settimeout(LIMIT_S)
            try:
                self.read_request(connection)
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
            except OSError:
                pass

    def read_request(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        lines = [l for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:")]
        missing = int(lines[0].split(b":")[1]) - len(body) if lines else 0
        while missing > 0:
            missing -= len(self.more(connection))

    @staticmethod
    def more(connection):
        data = connection.recv(65536)
        if not data:
            raise OSError("the client left")
        return data


ENVIRONMENT = {k: v for k, v in os.environ.items()
               if not k.startswith("AWS_") and not k.lower().endswith("_proxy")}
ENVIRONMENT.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret-example",
                   AWS_EC2_METADATA_DISABLED="true", HOME="/nonexistent")


def verdict(jobs):
    return YES if [j.get("jobId") for j in jobs] == ["j-1"] else EMPTY if not jobs else NO


def by_pipepoll(url):
    p = subprocess.run(
        [sys.argv[1], "poll", "--region", "us-east-1", "--timeout", str(LIMIT_S),
         "--endpoint-url", url, "--action-type-id",
         "category=Build,owner=ThirdParty,provider=Acme,version=1"],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=4 * LIMIT_S)
    return (NO if p.returncode else verdict(json.loads(p.stdout)["jobs"])), p.stderr


def by_curl(url):
    p = subprocess.run(["curl", "-sS", "-f", "-m", str(LIMIT_S), "-d", "{}", "-o", "-", url],
                       env=ENVIRONMENT, capture_output=True, timeout=4 * LIMIT_S)
    return YES if p.returncode == 0 and p.stdout == JOB else NO


def botocore_client(url):
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=LIMIT_S)
    return botocore.session.Session().create_client(
        "codepipeline", region_name="us-east-1", endpoint_url=url, config=config)


def by_botocore(client):
    try:
        answer = client.poll_for_third_party_jobs(actionTypeId={
            "category": "Build", "owner": "ThirdParty", "provider": "Acme", "version": "1"})
        return verdict(answer.get("jobs", []))
    except Exception:  # whatever it is that they raise, it is no answer
        return NO


def differences(ours, curls, botocores, words):
    """-> who takes what pipepoll refuses, and why it is refused all the same."""
    takers = [who for who, verdict in (("curl", curls), ("botocore", botocores)) if verdict != NO]
    return f" ({' and '.join(takers)}: taken; {words[1]})" if ours == NO and takers else ""


def main():
    server = Server()
    client = botocore_client(server.url)
    failed = 0
    for name, (answer, ours, curls, botocores, *words) in CASES.items():
        server.answer = answer
        got, said = by_pipepoll(server.url)
        seen = got, by_curl(server.url), by_botocore(client)
        good = seen == (ours, curls, botocores) and not said.strip().count("\n")
        good = good and (ours != NO or words[0] in said)
        has_reason = ours != NO or {curls, botocores} == {NO} or len(words) == 2
        failed += not (good and has_reason)
        print(f"ok      {name}{differences(ours, curls, botocores, words)}" if good and has_reason
              else f"FAILED  {name}: {seen}, not {(ours, curls, botocores)}: {said.strip()}")
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
