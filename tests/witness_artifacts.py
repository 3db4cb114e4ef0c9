#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The AWS CLI and SDKs in a job's program that knows nothing but the two variables of the artifact
endpoint: they put and get objects for as long as the job runs, whatever happens to its credentials
meanwhile. Usage: witness_artifacts.py ARTIFACT_TRACE

The S3 is a fake that verifies signatures (lib/fake_s3.py). Witnesses are what the machine has:
botocore and the AWS CLI in Debian's version and in that which a user of this PATH gets; the SDK for
JavaScript, which Debian does not have, where Node finds it. One line per check, then
"N passed, N failed". Without botocore or the CLI: "skipped: ..." and exit status 77, or a failure
where PIPEPOLL_CI=1 promises both."""

import concurrent.futures
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

from lib.fake_aws import new_keys  # first: skips without botocore
from lib.fake_s3 import FakeS3
from lib.simulator import AWS, Checks

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 60
RENEW_MS = 900_000
RENEW_S = RENEW_MS // 1000
MIB = 1 << 20
TRIES = 10
AT_ONCE = 3

checks = Checks()
one_at_a_time = threading.Lock()
folder = tempfile.TemporaryDirectory()
printed = []  # by clients
tokens = []  # of jobs


def check(what, good, seen=""):
    with one_at_a_time:
        checks.check(what, good, seen)


class Endpoint:
    """The endpoint of a loop, and its jobs by name."""

    def __init__(self, s3):
        self.s3 = s3
        self.p = subprocess.Popen([os.path.abspath(sys.argv[1])], text=True, bufsize=1,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.names = 0

    def say(self, *words):
        self.p.stdin.write(" ".join(str(word) for word in words) + "\n")
        return self.p.stdout.readline().split()

    def add(self, renew_ms=RENEW_MS):
        self.names += 1
        return Job(self, f"job{self.names}", renew_ms)

    def forward(self, s):
        self.say("forward", s * 1000)

    def end(self):
        self.p.stdin.close()
        return self.p.wait(LIMIT_S)


class Job:
    def __init__(self, endpoint, name, renew_ms):
        self.endpoint, self.name = endpoint, name
        self.keys = endpoint.s3.knows(new_keys())
        self.uri, self.token = endpoint.say("add", name, *self.credentials(), renew_ms)
        tokens.append(self.token)

    def credentials(self):
        return self.keys.id, self.keys.secret, self.keys.token

    def renew(self, old_ones_end=True):
        if old_ones_end:
            self.endpoint.s3.expired.add(self.keys.id)
        self.keys = self.endpoint.s3.knows(new_keys())
        self.endpoint.say("renew", self.name, *self.credentials())

    def remove(self):
        self.endpoint.say("remove", self.name)

    def environment(self, token=None):
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.uri,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": token or self.token,
                "AWS_EC2_METADATA_DISABLED": "true", "HOME": folder.name,
                "NODE_PATH": os.environ.get("NODE_PATH", "")}


class Client:
    """An SDK, in a process with this environment, which is started and not waited for."""

    def __init__(self, command, url, environment):
        self.p = subprocess.Popen([*command, url], env=environment, text=True, bufsize=1,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)

    @functools.cached_property
    def version(self):
        """Of the SDK; None: there is none."""
        return json.loads(self.p.stdout.readline() or "null")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.stdin.close()
        self.p.wait(LIMIT_S)
        self.p.stdout.close()

    def run(self, **command):
        assert self.version
        self.p.stdin.write(json.dumps(command) + "\n")
        answer = json.loads(self.p.stdout.readline())
        printed.append(answer.get("error", ""))
        return answer

    def put(self):
        return self.run(put="a/b c", text="hello")

    def get(self):
        return self.run(get="a/b c")


class World:
    def __init__(self):
        self.s3 = FakeS3()
        self.endpoint = Endpoint(self.s3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        check("the endpoint ends in order", self.endpoint.end() == 0)
        self.s3.close()

    def is_signed_by(self, what, answer, *key_ids):
        """The answer is no error, and all requests that led to it were signed by these keys."""
        signers = self.s3.signers()
        check(what, "error" not in answer and signers == list(key_ids),
              f"{answer}, signed by {signers}, not {key_ids}")


# --- botocore ---

def botocore_works(w, name, client_for):
    one, other = w.endpoint.add(), w.endpoint.add()
    wrong = other.token[:-1] + ("0" if other.token[-1] != "0" else "1")
    with client_for(one) as client, client_for(one) as late_client, (
            client_for(other)) as other_client, client_for(other, wrong) as wrong_client:
        w.is_signed_by(f"{name} puts", client.put(), one.keys.id)
        answer = client.get()
        check(f"{name} gets", answer.get("text") == "hello", answer)
        w.s3.signers()
        w.is_signed_by(f"{name}: another job has its own credentials", other_client.put(),
                       other.keys.id)
        botocore_renews(w, name, client, one)
        one.remove()
        w.is_signed_by(f"{name}: others go on when a job has ended", other_client.get(),
                       other.keys.id)
        client.run(age=2 * RENEW_S)
        gets_none(f"{name} gets no more when its job has ended", client)
        gets_none(f"{name} gets none after its job", late_client)
        gets_none(f"{name} gets none with a token that is nearly right", wrong_client)
    check(f"{name}: nobody else was served", not w.s3.signers())
    other.remove()


def gets_none(what, client):
    error = client.get().get("error", "")
    check(what, error.startswith("CredentialRetrievalError") and "401" in error, error)


def botocore_renews(w, name, client, job):
    first = job.keys.id
    job.renew(old_ones_end=False)
    client.run(age=RENEW_S - 300)
    w.is_signed_by(f"{name} keeps credentials until 5 minutes ahead of the next", client.get(),
                   first)
    client.run(age=120)
    w.is_signed_by(f"{name} has asked for others 3 minutes ahead", client.get(), job.keys.id)
    job.renew()
    client.run(age=2 * RENEW_S)
    w.is_signed_by(f"{name} has new ones when the old have expired", client.get(), job.keys.id)


def works_when_late(w, name, client_for):
    """A renewal is hours late, since the service is down: clients work with what there is. When
    there are new ones, the SDK for JavaScript fetches them beside the request that asks for them,
    and uses them from the next on."""
    job = w.endpoint.add()
    w.endpoint.forward(10 * 3600)
    with client_for(job) as client:
        w.is_signed_by(f"{name} works when a renewal is late", client.put(), job.keys.id)
        w.is_signed_by(f"{name} goes on to", client.get(), job.keys.id)
        job.renew(old_ones_end=False)
        signers = [(client.get(), w.s3.signers())[1] for _ in range(TRIES)]
        check(f"{name} has the new ones soon", signers[-1] == [job.keys.id], signers)
    job.remove()


# --- the AWS CLI ---

class Cli:
    def __init__(self, w, aws, home):
        self.w, self.aws, self.home = w, aws, home
        os.mkdir(f"{home}/.aws")
        write(f"{home}/.aws/config", b"[default]\ns3 =\n  max_concurrent_requests = 1\n")

    def copies(self, job, source, to):
        """`aws s3 cp`: None, or what it says when it fails."""
        done = subprocess.run(
            [self.aws, "s3", "cp", "--endpoint-url", self.w.s3.url, source, to],
            env={**job.environment(), "PATH": os.environ["PATH"], "AWS_MAX_ATTEMPTS": "1",
                 "AWS_DEFAULT_REGION": "us-east-1", "HOME": self.home},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        printed.append(done.stdout + done.stderr)
        return done.returncode and (done.stderr or "failed")


def write(path, content):
    with open(path, "wb") as f:
        f.write(content)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def once(call):
    calls = [call]
    return lambda: calls and calls.pop()()


def cli_works(w, name, cli):
    job = w.endpoint.add(renew_ms=1000)
    content = os.urandom(20 * MIB)
    large, down = write(f"{cli.home}/large", content), f"{cli.home}/down"
    first = job.keys.id
    w.s3.on_part = once(job.renew)
    error = cli.copies(job, large, "s3://artifacts/large")
    w.s3.on_part = None
    check(f"{name} copies up in parts, and its credentials end after the first",
          w.s3.objects.get("/artifacts/large") == content, error)
    w.is_signed_by(f"{name} signs the others with new ones", {}, first, job.keys.id)
    error = cli.copies(job, "s3://artifacts/large", down)
    check(f"{name} copies down", not error and read(down) == content, error)
    w.is_signed_by(f"{name} signs that with the new ones as well", {}, job.keys.id)
    job.remove()
    error = cli.copies(job, large, "s3://artifacts/late")
    check(f"{name} gets no credentials after its job", error and "401" in error, error)
    check(f"{name} copied nothing then", not w.s3.signers())


# --- which there are, each in a world of its own ---

def newer(name, debian):
    """That which a user of this PATH gets, if it is another than Debian's; or None."""
    path = shutil.which(name)
    return path if path and not os.path.samefile(path, debian) else None


def cli_judges(aws):
    with World() as w:
        cli_works(w, f"the AWS CLI ({aws})", Cli(w, aws, tempfile.mkdtemp(dir=folder.name)))


def sdk_judges(program, script):
    with World() as w:
        def client_for(job, token=None):
            return Client([program, f"{HERE}/lib/{script}"], w.s3.url, job.environment(token))

        kind = "botocore" if script.endswith(".py") else "the SDK for JavaScript"
        with client_for(w.endpoint.add()) as client:
            version = client.version
        if not version:
            print(f"left out, an extra: {kind}, which {program} does not find")
            return
        if kind == "botocore":
            botocore_works(w, f"{kind} {version}", client_for)
        works_when_late(w, f"{kind} {version}", client_for)


def main():
    judges = [(cli_judges, AWS), (cli_judges, newer("aws", AWS)),
              (sdk_judges, sys.executable, "artifact_client.py"),
              (sdk_judges, newer("python3", sys.executable), "artifact_client.py"),
              (sdk_judges, shutil.which("node"), "artifact_client.js")]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for result in [pool.submit(*judge) for judge in judges if judge[1]]:
            result.result()
    text = "".join(printed)
    check("nothing secret was printed", not any(t in text for t in ["canary", *tokens]), text)
    folder.cleanup()
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


main()
