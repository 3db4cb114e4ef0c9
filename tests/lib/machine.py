# SPDX-License-Identifier: MIT
"""Machines to run pipepoll on: each with a home, an environment of its own and all that AWS offers,
and with botocore and the AWS CLI as witnesses of what is to be found there."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import traceback

from lib.fake_aws import LIMIT_S, FakeAws, Role, new_keys  # first: skips without botocore

import botocore.credentials
import botocore.exceptions
import botocore.session
import botocore.tokens

import lib.program
from lib.program import ACME, BARE, Process, check, everything, finish, folder, pipepoll

AWS = "/usr/bin/aws"
ROLE = "arn:aws:iam::123456789012:role/"
POLLER, BRIDGE = ROLE + "Poller", ROLE + "Bridge"


def write(path, text, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def read(path):
    """A file's text; "" when it is not there."""
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


class Sim(lib.program.Sim):
    """`pipepoll sim` that takes these keys and no others."""

    def __init__(self, keys, *arguments):
        token = ["--session-token", keys.token] if keys.token else []
        Process.__init__(self, "sim", "--access-key", keys.id, "--secret-key", keys.secret, *token,
                         *arguments, env=BARE)
        self.url = (self.next("out", lambda line: True) or "no line").split()[-1]

    def stats(self):
        return self.control("GET", "stats")

    def until(self, wanted):
        """Ask for the statistics until wanted(statistics), or the deadline; the statistics."""
        until = time.monotonic() + LIMIT_S
        while not wanted(stats := self.stats()) and time.monotonic() < until:
            time.sleep(0.01)  # each look costs both of us a connection
        return stats

    def end(self):
        self.signal(signal.SIGTERM)
        self.wait()


class Run(Process):
    """`pipepoll run` on a machine, whose waits end when it does."""

    def __init__(self, machine, config):
        super().__init__("run", "--config", config, env=machine.env)
        threading.Thread(target=lambda: (self.p.wait(), machine.fake.nudge()), daemon=True).start()

    def event(self, **members):
        """The next event with these members, or {}."""
        return super().event(**members) or {}

    def events(self, kind):
        """Those of this kind among the lines read so far: after end(), all."""
        events = [json.loads(line) for line in self.seen["out"]]
        return [e for e in events if e["event"] == kind]

    def end(self):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        self.rest("out")
        return code

    def __repr__(self):
        return f"stdout {self.seen['out'][-6:]}, stderr {list(self.lines['err'].queue)[-6:]}"


class Session(botocore.session.Session):
    """botocore, with the endpoint overrides and the home directory that Debian's does not read from
    the environment, or reads once."""

    def __init__(self, env):
        self.env = env
        cache = os.path.join(env["HOME"], ".aws", "sso", "cache")
        botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = cache
        botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = cache
        super().__init__()

    def create_client(self, service_name, *args, **kwargs):
        name = service_name.upper().replace("-", "_")
        kwargs.setdefault("endpoint_url", self.env[f"AWS_ENDPOINT_URL_{name}"])
        return super().create_client(service_name, *args, **kwargs)


class Machine:
    """Something to run on: a home, an environment, and all that AWS offers."""

    def __init__(self):
        self.home = tempfile.mkdtemp(dir=folder)
        self.fake = FakeAws()
        self.env = {
            "HOME": self.home, "PATH": "/usr/bin:/bin", "NO_PROXY": "*",
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_STS": self.fake.url, "AWS_ENDPOINT_URL_SSO": self.fake.url,
            "AWS_ENDPOINT_URL_SSO_OIDC": self.fake.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.fake.url + "/",
            "AWS_EC2_METADATA_DISABLED": "true"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.fake.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def config(self, text):
        write(f"{self.home}/.aws/config", text)

    def has(self, keys):
        """Of the environment."""
        self.env.update(AWS_ACCESS_KEY_ID=keys.id, AWS_SECRET_ACCESS_KEY=keys.secret)
        if keys.token:
            self.env["AWS_SESSION_TOKEN"] = keys.token
        self.fake.sts.known[keys.id] = keys
        return keys

    def profile(self, name, keys, more=""):
        """Of ~/.aws/credentials, one or several."""
        path = f"{self.home}/.aws/credentials"
        token = f"aws_session_token = {keys.token}\n" if keys.token else ""
        write(path, f"{read(path)}[{name}]\naws_access_key_id = {keys.id}\n"
              f"aws_secret_access_key = {keys.secret}\n{token}{more}\n")
        self.fake.sts.known[keys.id] = keys
        return keys

    def forgets_profiles(self):
        os.unlink(f"{self.home}/.aws/credentials")

    def is_in_container(self):
        self.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{self.fake.url}/container"
        self.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "Basic canary-container-token"
        self.fake.container.token = "Basic canary-container-token"
        self.fake.container.keys = keys = new_keys()
        self.fake.sts.known[keys.id] = keys
        return keys

    def is_on_ec2(self):
        self.env["AWS_EC2_METADATA_DISABLED"] = "false"
        self.fake.imds.keys = keys = new_keys()
        self.fake.sts.known[keys.id] = keys
        return keys

    def offers_role(self, arn, **rules):
        keys = new_keys()
        self.fake.sts.roles[arn] = Role(keys, **rules)
        return keys

    def poll(self, url, *arguments):
        return pipepoll("poll", "--endpoint-url", url, "--action-type-id", ACME,
                        "--max-batch-size", "1", *arguments, env=self.env)

    def run(self, *targets, more="interval = 20ms\n"):
        text = "[pipepoll]\n" + more
        for i, target in enumerate(targets):
            text += f"[target t{i}]\n"
            for key, value in target.items():
                text += f"{key.replace('_', '-')} = {value}\n"
        self.runs = Run(self, write(f"{self.home}/pipepoll.ini", text))
        return self.runs

    def until(self, wanted):
        """Wait for something to happen at the fakes, as long as the run lives."""
        self.fake.until(lambda: wanted() or self.runs.p.poll() is not None)
        return wanted()

    def botocore_finds(self):
        """What botocore's chain gets here: keys, or the error."""
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.env)
        try:
            found = Session(self.env).get_credentials()
            return found and found.get_frozen_credentials()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError,
                ValueError) as e:
            return e
        finally:
            os.environ.clear()
            os.environ.update(before)

    def cli_polls(self, url):
        return subprocess.run(
            [AWS, "codepipeline", "poll-for-third-party-jobs", "--endpoint-url", url,
             "--action-type-id", ACME, "--max-batch-size", "1", "--output", "json"],
            env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def target(url, region="us-east-1", **more):
    return {"regions": region, "category": "Build", "provider": "Acme", "version": "1",
            "endpoint_url": url} | more


def machine_test(test):
    def run():
        with Machine() as m:
            test(m)
    run.__name__ = test.__name__
    return run


def forms_of(word):
    """A word as it may show: plain, or in base64 at each of three offsets."""
    yield word
    for shift in range(3):
        code = base64.b64encode(b"\0" * shift + word.encode()).decode().rstrip("=")
        yield code[-(-shift * 8 // 6):len(code) - 1]


def nothing_secret_was_printed():
    text = "".join(everything)
    for form in forms_of("canary"):
        at = text.find(form)
        check(f"nothing secret was printed ({form})", at < 0, text[max(0, at - 200):at + 60])


def main(names):
    """Run each test of a script, whatever becomes of the others; then the canary."""
    for name, test in names.items():
        if name.startswith("test_"):
            try:
                test()
            except Exception as e:
                check(name, False, "".join(traceback.format_exception(e)))
    nothing_secret_was_printed()
    finish()
