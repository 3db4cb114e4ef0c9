#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No secret is ever printed: every command, in good situations and in bad ones, with a canary
wherever a secret can stand; then all that came out is searched for each, raw, percent-encoded and
in base64. test_canary.py PATH-OF-PIPEPOLL."""

import base64
import http.server
import json
import os
import signal
import socket
import sys
import threading
import urllib.parse

sys.dont_write_bytecode = True
from lib.program import (ACME, BARE, KEY, KEYS, SECRET, TOKEN, Process, Sim, check, everything,
                         finish, path_of, pipepoll, write)

canaries = {"the secret key": SECRET, "the session token": TOKEN}


def canary(name):
    """A new secret, with characters that encodings change."""
    text = f"canary/{len(canaries)}+{name.replace(' ', '=')}/of&nobody"
    canaries[name] = text
    return text


def encodings(text):
    yield text
    yield urllib.parse.quote(text, safe="")
    yield urllib.parse.quote(text)
    yield json.dumps(text)[1:-1].replace("/", "\\/")
    for shift in range(3):  # wherever it begins in what is encoded; what neighbours change is cut
        data = b"\0" * shift + text.encode()
        data = data[:len(data) - len(data) % 3]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(data)[4 if shift else 0:].decode()


class Closed(http.server.BaseHTTPRequestHandler):
    """Refuses everything, as STS, a container's endpoint or a proxy without a password would."""
    protocol_version = "HTTP/1.1"

    def refuse(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"Error":{"Code":"AccessDenied","Message":"no"},"code":"Denied","message":"no"}'
        self.send_response(407 if self.command == "CONNECT" else 403)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_CONNECT = refuse

    def log_message(self, *_):
        pass


def serve_refusals():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Closed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


# --- situations: a name, and the environment that makes it ---


def with_files(name, config="", credentials=""):
    return dict(BARE, AWS_CONFIG_FILE=write(f"{name}.config", config),
                AWS_SHARED_CREDENTIALS_FILE=write(f"{name}.credentials", credentials))


def keys_and_files():
    yield "right keys", KEYS
    yield "a wrong secret", dict(KEYS, AWS_SECRET_ACCESS_KEY=canary("a wrong secret"))
    yield "a wrong token", dict(KEYS, AWS_SESSION_TOKEN=canary("a wrong token"))
    yield "a token with a line end", dict(
        KEYS, AWS_SESSION_TOKEN=canary("a cut token") + "\r\nX: y")
    lines = f"aws_access_key_id = {KEY}\naws_secret_access_key = {{}}\naws_session_token = {{}}\n"
    yield "keys in a file", with_files(
        "keys", credentials="[default]\n" + lines.format(SECRET, TOKEN))
    yield "wrong keys in a file", with_files(
        "wrong", credentials="[default]\n" + lines.format(canary("a secret in a file"),
                                                          canary("a token in a file")))
    secret = canary("a secret on a bad line")
    for i, text in enumerate((f"[default]\naws_secret_access_key {secret}\n",
                              f"[default]\n= {secret}\n", f"[{secret}\n",
                              f"{secret} = x\n", f"[default]\n  {secret}\n",
                              f"[default]\nsecret =\n  {secret}\n",
                              f"[default]\naws_secret_access_key = {secret}\a\n"
                              f"aws_access_key_id = {secret}\n")):
        yield f"a malformed file {i}", with_files(f"bad{i}", credentials=text)


def sources(refusing):
    secret = canary("the output of a process")
    for i, text in enumerate((secret, json.dumps({"Version": 1, "SecretAccessKey": secret}),
                              json.dumps({"Version": 2, "SecretAccessKey": secret}),
                              json.dumps({"Version": 1, "AccessKeyId": KEY,
                                          "SecretAccessKey": secret, "Expiration": secret}))):
        output = write(f"process{i}.json", text)
        yield f"a process {i}", with_files(
            f"process{i}", f"[default]\ncredential_process = cat {output}\n")
    yield "a process with a secret argument", with_files(
        "argument", f"[default]\ncredential_process = false {canary('an argument')}\n")
    token = write("identity.token", canary("a web identity token"))
    role = "arn:aws:iam::123456789012:role/Poller"
    yield "a web identity", dict(BARE, AWS_WEB_IDENTITY_TOKEN_FILE=token, AWS_ROLE_ARN=role,
                                 AWS_ENDPOINT_URL_STS=f"http://{refusing}")
    yield "a role", dict(with_files(
        "role", f"[default]\nrole_arn = {role}\nsource_profile = base\nregion = us-east-1\n"
        f"[profile base]\naws_access_key_id = {KEY}\n"
        f"aws_secret_access_key = {canary('a secret that assumes')}\n"),
        AWS_ENDPOINT_URL_STS=f"http://{refusing}")
    for i, end in enumerate(("", "\r\nX: y")):
        yield f"a container {i}", dict(
            BARE, AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{refusing}/keys",
            AWS_CONTAINER_AUTHORIZATION_TOKEN=canary(f"a container's token {i}") + end)
    os.makedirs(path_of(".aws/sso/cache"), exist_ok=True)
    for i, text in enumerate(('{{"accessToken":"{}"', '{{"accessToken":"{}","expiresAt":"x"}}')):
        # Named by the SHA-1 of "s".
        write(".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
              text.format(canary(f"an SSO token {i}")))
        yield f"Identity Center {i}", with_files(
            f"sso{i}", "[default]\nsso_session = s\nsso_account_id = 123456789012\n"
            "sso_role_name = r\n[sso-session s]\nsso_region = us-east-1\n"
            "sso_start_url = https://x\n")


def ways(refusing):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # nobody listens there once it is closed
        nobody = f"127.0.0.1:{s.getsockname()[1]}"
    for name, host in (("refuses", refusing), ("is not there", nobody)):
        password = urllib.parse.quote(canary(f"a proxy's password that {name}"), safe="")
        yield f"a proxy that {name}", dict(KEYS, http_proxy=f"http://user:{password}@{host}",
                                           HTTPS_PROXY=f"http://user:{password}@{host}")
    password = urllib.parse.quote(canary("a URL's password"), safe="")
    yield "a password in the endpoint URL", dict(
        KEYS, AWS_ENDPOINT_URL=f"http://user:{password}@{nobody}")
    yield "a password in a profile's endpoint URL", dict(
        KEYS, AWS_CONFIG_FILE=write("url.config", "[default]\nregion = us-east-1\n"
                                    f"endpoint_url = http://user:{password}@{nobody}\n"),
        AWS_ENDPOINT_URL="")
    yield "a password in the metadata endpoint", dict(
        BARE, AWS_EC2_METADATA_DISABLED="false", AWS_METADATA_SERVICE_TIMEOUT="1",
        AWS_METADATA_SERVICE_NUM_ATTEMPTS="1",
        AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://user:{password}@{nobody}")


# --- every command in each of them ---


def run_for_a_while(config, env):
    run = Process("run", "--config", config, "--log-level", "debug", env=env)
    run.next("out", lambda line: True)  # a job, a health or a credentials event, or the end
    run.next("err", lambda line: True)
    run.signal(signal.SIGTERM)
    return run.wait()


def try_all(name, env, sim, config):
    env = dict(env)
    env.setdefault("AWS_ENDPOINT_URL", sim.url)
    region = ("--region", "us-east-1")
    codes = [pipepoll(*arguments, env=env).code for arguments in (
        ("poll", *region, "--action-type-id", ACME, "--timeout", "2"),
        ("check", "--config", config),
        ("check", "--config", config, "--output", "json"),
        ("run", "--config", config, "--print-config"),
        ("doctor", *region),
        ("doctor", "--config", config, "--output", "json"),
        ("bench", "--endpoint-url", sim.url, "--in-flight", "1", "--polls", "1", "--warm-up", "0"))]
    codes.append(run_for_a_while(config, env))
    check(f"every command ends as it should: {name}",
          all(code in (0, 1, 252, 253, 254, 255) for code in codes), codes)


def try_flags(sim):
    password = urllib.parse.quote(canary("a flag's password"), safe="")
    url = f"http://user:{password}@127.0.0.1:9"
    config = write("flags.ini", "[target web]\nregions = us-east-1\ncategory = Build\n"
                   f"provider = Acme\nversion = 1\nendpoint-url = {url}\n")
    for arguments in (("poll", "--region", "us-east-1", "--action-type-id", ACME,
                       "--endpoint-url", url), ("bench", "--endpoint-url", url),
                      ("check", "--config", config), ("run", "--config", config),
                      ("doctor", "--config", config)):
        check(f"a password in a URL is refused: {arguments[0]}",
              pipepoll(*arguments).code == 252)
    sim.control("GET", "ledger")
    pipepoll("demo", "--seconds", "1", "--regions", "2")


def search():
    text = "".join(everything)
    check("something was printed", len(text) > 10000, len(text))
    check("the search finds what is there", any(e in "x" + urllib.parse.quote(SECRET, safe="")
                                                for e in encodings(SECRET)))
    hidden = base64.b64encode(f"user:{SECRET}:".encode()).decode()
    check("also in base64", any(e in hidden for e in encodings(SECRET)))
    for name, secret in canaries.items():
        found = next((e for e in encodings(secret) if e in text), None)
        check(f"nowhere printed: {name}", not found,
              found and text[max(0, text.find(found) - 200):text.find(found) + 100])
    for word in ("AWS4-HMAC-SHA256", "Credential=", "Proxy-Authorization", "sso_bearer"):
        check(f"nowhere printed: {word}", word not in text,
              text[max(0, text.find(word) - 200):text.find(word) + 100])


def main():
    sim, refusing = Sim(), serve_refusals()
    config = write("canary.ini", "[target web]\nregions = us-east-1\ncategory = Build\n"
                   "provider = Acme\nversion = 1\ninterval = 50ms\n")
    for name, env in (*keys_and_files(), *sources(refusing), *ways(refusing)):
        try_all(name, env, sim, config)
    try_flags(sim)
    sim.signal(signal.SIGTERM)
    check("the simulator ends with 0", sim.wait() == 0)
    search()
    finish()


if __name__ == "__main__":
    main()
