#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Does pipepoll refuse a server it must not trust, before a byte of the request is sent?
Usage: test_certificates.py PIPEPOLL_BINARY

Each case is a TLS server of its own. A client that trusts everybody shows first that the server
serves; then pipepoll must end with one line that names the cause, and the server must not have
read a byte of it. Revocation is not a case: neither OpenSSL nor libcurl fetches lists or asks a
responder, and AWS's clients do not either.

Without openssl: "skipped: ..." and exit status 77, or a failure where PIPEPOLL_CI=1."""

import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import warnings

LIMIT_S = 20
SECRETS = {"AWS_ACCESS_KEY_ID": "AKIDCANARY", "AWS_SECRET_ACCESS_KEY": "canary/secret/key",
           "AWS_SESSION_TOKEN": "canary-session-token"}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n" b'{"jobs":[]}'
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
SERVER = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
LOCALHOST = "subjectAltName=DNS:localhost\n"
CONF = """
[ca]
default_ca = any
[any]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
policy = policy
unique_subject = no
email_in_dn = no
[policy]
commonName = supplied
"""

warnings.simplefilter("ignore", DeprecationWarning)  # old versions are asked for on purpose


class Authority:
    """A folder of certificates, made by the openssl command. `files` of a name: key, certificate;
    the file of the certificate holds its chain as well, without the root."""

    def __init__(self, folder):
        self.folder = folder
        self.write("index", "")
        self.write("conf", CONF.format(folder=folder))
        self.issue("root", None, AUTHORITY)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True,
                              cwd=self.folder, stdin=subprocess.DEVNULL, timeout=LIMIT_S)
        assert done.returncode == 0, done.stderr

    def issue(self, name, by, extensions, subject=None, dates=("20200101", "20490101"),
              md="sha256", rsa=None):
        """by: the name of the issuer; None: itself."""
        key = ["rsa:%d" % rsa] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self.openssl("req", "-new", "-nodes", "-newkey", *key, "-subj", f"/CN={subject or name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.write(f"{name}.ext", extensions)
        issuer = ["-cert", f"{by}.one", "-keyfile", f"{by}.key"] if by else \
            ["-selfsign", "-keyfile", f"{name}.key"]
        self.openssl("ca", "-batch", "-config", "conf", "-notext", "-md", md,
                     "-startdate", f"{dates[0]}000000Z", "-enddate", f"{dates[1]}000000Z",
                     "-extfile", f"{name}.ext", "-in", f"{name}.csr", "-out", f"{name}.one",
                     *issuer)
        self.chain(name, [name] if by in (None, "root") else [name, f"{by}"])

    def chain(self, name, members):
        """What a server with this certificate sends: of members, the last brings its own chain."""
        text = "".join(open(self.path(f"{m}.one"), encoding="ascii").read() for m in members[:-1])
        last = members[-1]
        last = self.path(f"{last}.one" if last == name else f"{last}.pem")
        with open(last, encoding="ascii") as file:
            self.write(f"{name}.pem", text + file.read())


class Server:
    """Accepts, shakes hands, reads one request and answers it; `seen` is what was deciphered."""

    def __init__(self, context):
        self.context, self.seen, self.versions = context, b"", []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(LIMIT_S)
            with connection:
                try:
                    with self.context.wrap_socket(connection, server_side=True) as link:
                        self.versions.append(link.version())
                        self.talk(link)
                except OSError:  # what a client does that refuses
                    pass

    def talk(self, link):
        request = b""
        while b"\r\n\r\n" not in request:
            more = link.recv(65536)
            if not more:
                return
            request += more
            self.seen += more
        link.sendall(ANSWER)

    def stop(self):
        """-> all that was read."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(LIMIT_S)
        self.listener.close()
        return self.seen


class Proxy(Server):
    """Spoken to by TLS or not, it makes one tunnel at a time."""

    def __init__(self, context):
        self.connects = []
        super().__init__(context)

    def talk(self, link):
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(1)
        target = head.split()[1].decode()
        self.connects.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as far:
            link.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            relay(link, far)


def receive(end):
    """-> what came; b"" at the end, None: nothing of the application's yet."""
    end.setblocking(False)
    try:
        return end.recv(65536)
    except (ssl.SSLWantReadError, BlockingIOError):
        return None
    finally:
        end.settimeout(LIMIT_S)


def relay(link, far):
    """Until both have ended. By one thread: OpenSSL's connections are not for two at a time."""
    others = {link: far, far: link}
    while others:
        has_more = link in others and link.pending()
        ready = [link] if has_more else select.select(list(others), [], [], LIMIT_S)[0]
        if not ready:
            return
        for end in ready:
            data = receive(end)
            if data:
                others[end].sendall(data)
            elif data is not None:
                others.pop(end).shutdown(socket.SHUT_WR)


def server_context(authority, name, low=None, high=None, ciphers="ALL", demands=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    if high:
        context.minimum_version = low or high
        context.maximum_version = high
    context.load_cert_chain(authority.path(f"{name}.pem"), authority.path(f"{name}.key"))
    if demands:
        context.load_verify_locations(authority.path("root.one"))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def ask_trusting_everybody(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        with context.wrap_socket(connection) as link:
            link.sendall(b"GET / HTTP/1.1\r\n\r\n")
            return link.recv(65536)


def poll(program, bundle, host, port, proxy=None):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("AWS_") and not name.lower().endswith("_proxy")}
    if proxy:
        environment["HTTPS_PROXY"] = proxy
    return subprocess.run(
        [program, "poll", "--region", "us-east-1", "--action-type-id",
         "category=Build,owner=ThirdParty,provider=Acme,version=1", "--ca-bundle", bundle,
         "--endpoint-url", f"https://{host}:{port}"],
        env=environment | SECRETS, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=LIMIT_S)


def problem_of(run, cause):
    """-> what is wrong with this refusal, or None."""
    lines = [line for line in run.stderr.splitlines() if line.strip()]
    if run.returncode == 0:
        return "it was accepted"
    if run.stdout or len(lines) != 1:
        return f"not one line: {run.stdout!r} {run.stderr!r}"
    if not re.search(cause, lines[0], re.IGNORECASE):
        return f"no word of {cause!r}: {lines[0]}"
    if any(secret in run.stderr for secret in SECRETS.values()):
        return f"a secret: {run.stderr!r}"
    return None


def try_case(program, authority, case):
    """-> what is wrong, or None."""
    name = case["certificate"]
    server = Server(server_context(authority, name, **case.get("context", {})))
    demands = case.get("context", {}).get("demands")
    served = ANSWER if demands else ask_trusting_everybody(server.port)
    if served != ANSWER:
        return f"the server does not serve: {served!r}"
    server.seen = b""
    run = poll(program, authority.path("root.pem"), case.get("host", "localhost"), server.port)
    seen = server.stop()
    if case["cause"] is None:
        good = run.returncode == 0 and b"PollForThirdPartyJobs" in seen
        return None if good else f"refused: {run.stderr!r}"
    if seen:
        return f"the server read {seen[:200]!r}"
    return problem_of(run, case["cause"])


def try_proxied(program, authority, case):
    """TLS to the proxy, and within it TLS to the service. -> what is wrong, or None."""
    server = Server(server_context(authority, case["certificate"]))
    proxy = Proxy(server_context(authority, case["proxy"]))
    run = poll(program, authority.path("root.pem"), "localhost", server.port,
               f"https://localhost:{proxy.port}")
    seen = server.stop()
    proxy.stop()
    if case["cause"] is None:
        good = run.returncode == 0 and b"PollForThirdPartyJobs" in seen
        good = good and proxy.connects == [f"localhost:{server.port}"]
        return None if good else f"refused: {run.stderr!r} {proxy.connects}"
    return f"the server read {seen[:200]!r}" if seen else problem_of(run, case["cause"])


def make_certificates(a):
    """A certificate named after each case that needs one of its own."""
    leaf = SERVER + LOCALHOST
    a.issue("good", "root", leaf)
    a.issue("expired", "root", leaf, dates=("20200101", "20200201"))
    a.issue("early", "root", leaf, dates=("20480101", "20490101"))
    a.issue("other", "root", SERVER + "subjectAltName=DNS:other.example\n", subject="localhost")
    a.issue("digits", "root", SERVER + "subjectAltName=DNS:127.0.0.1\n", subject="127.0.0.1")
    a.issue("common", "root", SERVER, subject="localhost")
    a.issue("alone", None, leaf)
    a.issue("stranger", None, AUTHORITY)
    a.issue("sent-along", "stranger", leaf)
    a.issue("strange", "stranger", leaf)
    a.chain("strange", ["strange"])
    a.issue("client", "root", "extendedKeyUsage=clientAuth\n" + LOCALHOST)
    a.issue("sha1", "root", leaf, md="sha1")
    a.issue("short", "root", leaf, rsa=1024)
    a.issue("middle", "root", AUTHORITY)
    a.issue("chained", "middle", leaf)
    a.issue("truncated", "middle", leaf)
    a.chain("truncated", ["truncated"])
    a.issue("signed-by-leaf", "good", leaf)
    a.issue("vague", "root", "subjectKeyIdentifier=hash\n")
    a.issue("signed-by-vague", "vague", leaf)
    a.issue("bounded", "root", AUTHORITY + "nameConstraints=critical,permitted;DNS:example.com\n")
    a.issue("out-of-bounds", "bounded", leaf)
    a.issue("last", "root", AUTHORITY.replace("TRUE", "TRUE,pathlen:0"))
    a.issue("too-deep", "last", AUTHORITY)
    a.issue("below-too-deep", "too-deep", leaf)
    a.issue("old-middle", "root", AUTHORITY, dates=("20200101", "20200201"))
    a.issue("below-old-middle", "old-middle", leaf)


V = ssl.TLSVersion
VERSION, HANDSHAKE = "protocol version", "handshake failure"
# cause: words of the line that pipepoll prints; None: it must get through. Where a certificate
# has no subjectAltName at all, OpenSSL and libcurl look at its common name: so does pipepoll.
CASES = {
    "a good certificate": {"certificate": "good", "cause": None},
    "a good chain": {"certificate": "chained", "cause": None},
    "a good one, by TLS 1.2": {"certificate": "good", "cause": None,
                               "context": {"high": V.TLSv1_2}},
    "the host as common name only": {"certificate": "common", "cause": None},
    "expired": {"certificate": "expired", "cause": "expired"},
    "not yet valid": {"certificate": "early", "cause": "not yet valid; the clock of this machine"},
    "another host": {"certificate": "other", "cause": "does not match|no alternative"},
    "an address written as a name": {"certificate": "digits", "host": "127.0.0.1",
                                     "cause": "does not match|no alternative"},
    "self-signed": {"certificate": "alone", "cause": "self-signed"},
    "an unknown authority": {"certificate": "strange", "cause": "local issuer"},
    "an authority that the server sends along": {"certificate": "sent-along",
                                                 "cause": "self-signed certificate in"},
    "a chain without its middle": {"certificate": "truncated", "cause": "local issuer"},
    "signed by a server": {"certificate": "signed-by-leaf", "cause": "invalid CA"},
    "signed by who is not said to be an authority": {"certificate": "signed-by-vague",
                                                     "cause": "invalid CA"},
    "an authority of other names": {"certificate": "out-of-bounds",
                                    "cause": "permitted subtree violation"},
    "an authority too deep": {"certificate": "below-too-deep", "cause": "path length"},
    "an expired authority": {"certificate": "below-old-middle", "cause": "expired"},
    "meant for clients": {"certificate": "client", "cause": "purpose|unsuitable"},
    "signed with SHA-1": {"certificate": "sha1", "cause": "too weak"},
    "an RSA key of 1024 bits": {"certificate": "short", "cause": "too weak"},
    "TLS 1.0 only": {"certificate": "good", "cause": VERSION, "context": {"high": V.TLSv1}},
    "TLS 1.1 only": {"certificate": "good", "cause": VERSION, "context": {"high": V.TLSv1_1}},
    "TLS 1.0 and 1.1": {"certificate": "good", "cause": VERSION,
                        "context": {"low": V.TLSv1, "high": V.TLSv1_1}},
    "no certificate at all": {"certificate": "good", "cause": HANDSHAKE,
                              "context": {"high": V.TLSv1_2, "ciphers": "aNULL"}},
    "a client certificate is demanded": {
        "certificate": "good", "cause": "asks for a client certificate",
        "context": {"demands": True}},
    "a client certificate is demanded, by TLS 1.2": {
        "certificate": "good", "cause": "asks for a client certificate",
        "context": {"demands": True, "high": V.TLSv1_2}},
    "no encryption": {"certificate": "good", "cause": HANDSHAKE,
                      "context": {"high": V.TLSv1_2, "ciphers": "eNULL"}},
}

PROXIED = {
    "through a proxy by TLS": {"certificate": "good", "proxy": "good", "cause": None},
    "through one that has expired": {"certificate": "good", "proxy": "expired",
                                     "cause": "expired"},
    "through one of another name": {"certificate": "good", "proxy": "other",
                                    "cause": "proxy.*does not match|no alternative"},
    "through a good one to an expired server": {"certificate": "expired", "proxy": "good",
                                                "cause": "by the proxy .*expired"},
    "through a good one to another server": {"certificate": "other", "proxy": "good",
                                             "cause": "does not match"},
}


def main():
    if not shutil.which("openssl"):
        print("skipped: no openssl")
        return 1 if os.environ.get("PIPEPOLL_CI") == "1" else 77
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(folder)
        make_certificates(authority)
        cases = [(name, try_case, case) for name, case in CASES.items()]
        cases += [(name, try_proxied, case) for name, case in PROXIED.items()]
        for name, attempt, case in cases:
            problem = attempt(sys.argv[1], authority, case)
            failed += problem is not None
            print(f"FAILED  {name}: {problem}" if problem else f"ok      {name}", flush=True)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return failed


sys.exit(main())
