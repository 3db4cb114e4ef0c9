#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""botocore, the AWS CLI and the AWS SDK for JavaScript as workers of the simulator: each walks the
life of jobs of both families, with a continuation, a lost race, a wrong token, a second result, a
failure and a lost answer. Usage: witness_jobs.py PIPEPOLL_BINARY

One line per check, then "N passed, N failed"; skipped as lib/simulator.py says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from lib.simulator import KEYS, START_S, TYPE, Checks, Simulator, botocore, skip

NOBODY = "00000000-0000-4000-8000-000000000000"


class Family:
    def __init__(self, owner, infix):
        self.owner, self.third_party = owner, bool(infix)
        self.poll, self.details = f"poll_for_{infix}jobs", f"get_{infix}job_details"
        self.acknowledge = f"acknowledge_{infix}job"
        self.success = f"put_{infix}job_success_result"
        self.failure = f"put_{infix}job_failure_result"

    def ids(self, job):
        """What every operation on this job of a poll's answer is called with."""
        if self.third_party:
            return {"jobId": job["jobId"], "clientToken": f"token-{job['clientId']}"}
        return {"jobId": job["id"]}


FAMILIES = [Family("ThirdParty", "third_party_"), Family("Custom", "")]


class Botocore:
    name = "botocore"

    def __init__(self, sim):
        self.client = sim.client()

    def call(self, operation, **members):
        """-> (None, the answer) or (the error's code, its message)"""
        try:
            answer = getattr(self.client, operation)(**members)
        except botocore.exceptions.ClientError as e:
            return e.response["Error"]["Code"], e.response["Error"]["Message"]
        except botocore.exceptions.ConnectionClosedError:
            return "lost", ""
        answer.pop("ResponseMetadata")
        return None, answer


class Cli:
    name = "the AWS CLI"

    def __init__(self, sim):
        self.sim = sim

    def call(self, operation, **members):
        status, out, err = self.sim.aws(operation.replace("_", "-"), "--cli-input-json",
                                        json.dumps(members))
        if status == 0:
            return None, out or {}
        code = re.search(r"An error occurred \((\w+)\)", err)
        return (code[1] if code else "lost" if "Connection was closed" in err else err), err


class JavaScript:
    """One process for all calls, which ends with its stdin."""
    name = "the SDK for JavaScript"

    def __init__(self, sim):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib/worker_client.js")
        environment = {"AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1],
                       "HOME": sim.folder.name, "NODE_EXTRA_CA_CERTS": sim.ca,
                       "NODE_PATH": os.environ.get("NODE_PATH", "")}
        self.p = subprocess.Popen([shutil.which("node") or "node", script, sim.url], text=True,
                                  env=environment, bufsize=1, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.p.stdout.readline() in ("null\n", ""):
            skip("the AWS SDK for JavaScript is not installed")

    def call(self, operation, **members):
        name = operation.title().replace("_", "")
        self.p.stdin.write(json.dumps({"operation": name, "input": members}) + "\n")
        said = json.loads(self.p.stdout.readline())
        if "answer" in said:
            return None, said["answer"]
        return said.get("code", "lost"), said.get("message") or said["lost"]


def take(worker, family):
    """The next job, or None."""
    _, answer = worker.call(family.poll, actionTypeId={**TYPE, "owner": family.owner},
                            maxBatchSize=1)
    return answer["jobs"][0] if answer["jobs"] else None


def claim(worker, family, job):
    """-> the job's data, its nonce, and what the acknowledgement got."""
    ids = family.ids(job)
    _, answer = worker.call(family.details, **ids)
    nonce = answer["jobDetails"]["nonce"] if family.third_party else job["nonce"]
    return answer["jobDetails"]["data"], nonce, worker.call(family.acknowledge, **ids, nonce=nonce)


def add(sim, family, **more):
    sim.control("POST", "jobs", {"owner": family.owner, **more})


def events(sim, job_id):
    return [e["event"] for e in sim.control("GET", "ledger")["events"] if e["jobId"] == job_id]


def success(c, sim, worker, family):
    add(sim, family, configuration={"Project": "P"})
    job = take(worker, family)
    ids = family.ids(job)
    data, nonce, got = claim(worker, family, job)
    c.check("the job is claimed", got == (None, {"status": "InProgress"}), got)
    c.check("with its configuration and artifacts",
            data["actionConfiguration"]["configuration"] == {"Project": "P"} and
            data["inputArtifacts"] and data["outputArtifacts"], data)
    pipeline = data["pipelineContext"]
    c.check("and its pipeline, with an ARN for custom jobs alone",
            pipeline["pipelineName"] and ("pipelineArn" in pipeline) != family.third_party,
            pipeline)
    got = worker.call(family.acknowledge, **ids, nonce=nonce)
    c.check("a second worker loses the race", got[0] == "InvalidNonceException", got)
    details = {"summary": "caf\u00e9", "percentComplete": 100, "externalExecutionId": "x/1"}
    revision = {"revision": "r", "changeIdentifier": "c"}
    got = worker.call(family.success, **ids, executionDetails=details, currentRevision=revision)
    c.check("its success is taken", got == (None, {}), got)
    got = worker.call(family.success, **ids)
    c.check("but once only", got[0] == "InvalidJobStateException", got)
    seen = sim.control("GET", f"jobs/{ids['jobId']}")
    c.check("as it was reported", seen["status"] == "Succeeded" and
            seen["result"] == {"executionDetails": details, "currentRevision": revision}, seen)
    got = [e for e in events(sim, ids["jobId"]) if e != "credentials"]
    c.check("and the ledger tells its life", got == [
        "added", "handed_out", "acknowledged", "acknowledged_again", "succeeded",
        "result_refused"], got)


def failure(c, sim, worker, family):
    add(sim, family)
    job = take(worker, family)
    ids = family.ids(job)
    why = {"type": "ConfigurationError", "message": "no such project", "externalExecutionId": "x"}
    got = worker.call(family.failure, **ids, failureDetails=why)
    c.check("nobody fails a job that is not claimed", got[0] == "InvalidJobStateException", got)
    claim(worker, family, job)
    got = worker.call(family.failure, **ids, failureDetails={**why, "type": "Other"})
    c.check("a failure of no known type is refused", got[0] == "ValidationException" and
            "at 'failureDetails.type'" in got[1], got)
    got = worker.call(family.failure, **ids, failureDetails=why)
    c.check("a failure is taken", got == (None, {}), got)
    seen = sim.control("GET", f"jobs/{ids['jobId']}")
    c.check("as it was reported",
            seen["status"] == "Failed" and seen["result"] == {"failureDetails": why}, seen)


def continuation(c, sim, worker, family):
    add(sim, family)
    first = take(worker, family)
    before, _, _ = claim(worker, family, first)
    got = worker.call(family.success, **family.ids(first), continuationToken="go-on-1")
    c.check("a continuation is taken", got == (None, {}), got)
    second = take(worker, family)
    c.check("and another job follows, for the same client", second and
            family.ids(second)["jobId"] != family.ids(first)["jobId"] and
            second.get("clientId") == first.get("clientId"), second)
    after, _, got = claim(worker, family, second)
    c.check("with the token, in the same execution", after["continuationToken"] == "go-on-1" and
            after["pipelineContext"] == before["pipelineContext"] and
            got == (None, {"status": "InProgress"}), (after, got))
    c.check("which ends it", worker.call(family.success, **family.ids(second)) == (None, {}))
    c.check("and then nothing waits", take(worker, family) is None)


def mistakes(c, sim, worker, family):
    add(sim, family)
    job = take(worker, family)
    ids = family.ids(job)
    got = worker.call(family.acknowledge, **ids, nonce="99")
    c.check("a wrong nonce wins nothing", got[0] == "InvalidNonceException", got)
    got = worker.call(family.acknowledge, **{**ids, "jobId": NOBODY}, nonce="1")
    c.check("nor does one of an unknown job", got[0] == "JobNotFoundException", got)
    if family.third_party:
        got = worker.call(family.details, **{**ids, "clientToken": "other"})
        c.check("a wrong client token is told", got[0] == "InvalidClientTokenException", got)
    else:
        claim(worker, family, job)
        got = worker.call(family.success, **ids, outputVariables={"v": "x" * 122880})
        c.check("output variables can be too large",
                got[0] == "OutputVariablesSizeExceededException", got)


def lost_answers(c, sim, worker, family):
    add(sim, family)
    job = take(worker, family)
    ids = family.ids(job)
    name = family.acknowledge.title().replace("_", "")
    sim.control("PUT", "faults", {"operation": name, "lose-rate": 1})
    _, nonce, got = claim(worker, family, job)
    c.check("an answer is lost", got[0] == "lost", got)
    sim.control("DELETE", "faults")
    seen = sim.control("GET", f"jobs/{ids['jobId']}")
    c.check("whose request counted", seen["status"] == "InProgress", seen)
    got = worker.call(family.acknowledge, **ids, nonce=nonce)
    c.check("and asked again, tells where the job is", got == (None, {"status": "InProgress"}),
            got)


def client_tokens(c, binary):
    client = "01234567-89ab-4cde-8f01-23456789abcd"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tokens")
        write(path, f"# clients\n{client} first\n")
        with Simulator(binary, "--client-tokens", path) as sim:
            worker = Botocore(sim)
            add(sim, FAMILIES[0], clientId=client)
            job = take(worker, FAMILIES[0])
            c.check("a job may have a client of one's own", job["clientId"] == client, job)

            def code(token):
                return worker.call("get_third_party_job_details", jobId=job["jobId"],
                                   clientToken=token)[0]

            c.check("whose token is that of the file", code("first") is None)
            c.check("and no other", code(f"token-{client}") == "InvalidClientTokenException")
            write(path, f"{client} second\n")
            os.kill(sim.process.pid, signal.SIGHUP)
            deadline = time.monotonic() + START_S
            while code("second") and time.monotonic() < deadline:
                pass
            c.check("SIGHUP reads it again", code("second") is None and code("first"))


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def credentials(c, binary):
    with Simulator(binary, "--artifact-credentials-lifetime", "900") as sim:
        worker = Botocore(sim)
        add(sim, FAMILIES[0])
        job = take(worker, FAMILIES[0])
        ids = FAMILIES[0].ids(job)
        got = [worker.call("get_third_party_job_details", **ids)[1]["jobDetails"]["data"]
               ["artifactCredentials"] for _ in range(2)]
        c.check("artifact credentials are new each time",
                got[0]["accessKeyId"] != got[1]["accessKeyId"], got)
        told = [e for e in sim.control("GET", "ledger")["events"] if e["event"] == "credentials"]
        c.check("and the ledger tells when they end",
                [e["accessKeyId"] for e in told] == [g["accessKeyId"] for g in got] and
                all(abs(e["expires"] - e["time"] - 900) < 0.01 for e in told), told)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary, c = sys.argv[1], Checks()
    for client in (Botocore, Cli, JavaScript):
        for family in FAMILIES:
            with Simulator(binary) as sim:
                worker = client(sim)
                for walk in (success, failure, continuation, mistakes):
                    print(f"# {worker.name}, {family.owner}: {walk.__name__}", flush=True)
                    walk(c, sim, worker, family)
            with Simulator(binary, "--repeated-nonce", "status") as sim:
                print(f"# {client.name}, {family.owner}: lost answers", flush=True)
                lost_answers(c, sim, client(sim), family)
    client_tokens(c, binary)
    credentials(c, binary)
    print(f"{c.passed} passed, {c.failed} failed")
    sys.exit(1 if c.failed else 0)


main()
