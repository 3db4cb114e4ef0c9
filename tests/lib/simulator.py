# SPDX-License-Identifier: MIT
"""`pipepoll sim`, AWS's own clients beside it, and a count of what held: for the witnesses of the
simulated service. Importing it skips the test where botocore or the AWS CLI is missing: exit status
77, or a failure where PIPEPOLL_CI=1 promises both."""

import atexit
import functools
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

AWS = "/usr/bin/aws"
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TYPE = {"category": "Build", "owner": "ThirdParty", "provider": "Acme", "version": "1"}
START_S = 20  # how long the simulator may take to listen on a busy machine


def skip(why):
    print(f"skipped: {why}")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)


try:
    import botocore.config
    import botocore.exceptions
    import botocore.session
except ImportError:
    skip("botocore is not installed")
if not os.access(AWS, os.X_OK):
    skip(f"{AWS} is not installed")


class Aws:
    """Debian's AWS CLI: one process for all commands, each of which it runs in a fork, for to
    import it takes most of a second."""

    def __init__(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "aws_client.py")
        self.p = subprocess.Popen(["/usr/bin/python3", script], text=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  env={"PATH": "/usr/bin:/bin"})
        if not json.loads(self.p.stdout.readline() or "{}").get("cli"):
            skip("/usr/bin/python3 does not find the AWS CLI")
        atexit.register(self.end)

    def run(self, environment, folder, arguments):
        self.p.stdin.write(json.dumps({"how": "cli", "env": environment, "cwd": folder,
                                       "arguments": arguments}) + "\n")
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())

    def end(self):
        self.p.stdin.close()
        self.p.wait(START_S)
        self.p.stdout.close()


the_aws = functools.cache(Aws)


class Simulator:
    """`pipepoll sim --tls` in a folder of its own, with some options."""

    def __init__(self, binary, *options):
        self.folder = tempfile.TemporaryDirectory()
        self.ca = os.path.join(self.folder.name, "ca.pem")
        port_file = os.path.join(self.folder.name, "port")
        self.process = subprocess.Popen(
            [binary, "sim", "--tls", "--ca-file", self.ca, "--port-file", port_file, *options],
            stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + START_S
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the simulator did not start")
            time.sleep(0.02)
        with open(port_file, encoding="ascii") as f:
            self.url = f"https://127.0.0.1:{f.read().strip()}"
        self.line = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.status = self.process.wait(START_S)
        self.process.stdout.close()
        self.folder.cleanup()

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/_sim/{path}", method=method,
            data=json.dumps(body).encode() if body is not None else None)
        context = ssl.create_default_context(cafile=self.ca)
        handlers = [urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({})]
        with urllib.request.build_opener(*handlers).open(request, timeout=START_S) as answer:
            return json.load(answer)

    def client(self, region="us-east-1", secret=KEYS[1]):
        session = botocore.session.Session()
        session.set_credentials(KEYS[0], secret)
        config = botocore.config.Config(retries={"max_attempts": 0}, proxies={})
        return session.create_client("codepipeline", region, endpoint_url=self.url, verify=self.ca,
                                     config=config)

    def aws(self, *arguments, region="us-east-1", secret=KEYS[1]):
        """What `aws codepipeline ARGUMENTS` says: its exit status, its JSON or nothing, its
        error."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.folder.name, "AWS_MAX_ATTEMPTS": "1",
                       "AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": secret,
                       "AWS_CA_BUNDLE": self.ca, "AWS_EC2_METADATA_DISABLED": "true"}
        done = the_aws().run(environment, self.folder.name,
                             ["codepipeline", *arguments, "--endpoint-url", self.url, "--region",
                              region])
        out = json.loads(done["out"]) if done["out"].strip() else None
        return done["code"], out, done["err"]

    def cli(self, *options, action_type=None, **more):
        """The same for a poll."""
        members = ",".join(f"{k}={v}" for k, v in (action_type or TYPE).items())
        return self.aws("poll-for-third-party-jobs", "--action-type-id", members, *options, **more)


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, good, seen=""):
        self.passed += bool(good)
        self.failed += not good
        print(f"{'ok' if good else 'FAILED'}: {what}{'' if good else f': {seen}'}", flush=True)

    def error(self, what, call, code, part):
        """call() must raise AWS's error of this code, with this part of its message."""
        try:
            seen = call()
            self.check(what, False, seen)
        except botocore.exceptions.ClientError as e:
            error = e.response["Error"]
            self.check(what, error["Code"] == code and part in error["Message"], error)

    def cli_error(self, what, got, code, part):
        status, _, err = got
        self.check(what, status == 254 and f"({code})" in err and part in err, got)
