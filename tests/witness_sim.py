#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""botocore and the AWS CLI as witnesses of the simulator: do they get from `pipepoll sim`, over TLS
that they verify, what they would get from AWS? Usage: witness_sim.py PIPEPOLL_BINARY

One line per check, then "N passed, N failed"; skipped as lib/simulator.py says."""

import sys
import threading

from lib.simulator import TYPE, Checks, Simulator, botocore


def poll(client, batch=None, **members):
    arguments = {"actionTypeId": {**TYPE, **members}}
    if batch is not None:
        arguments["maxBatchSize"] = batch
    return client.poll_for_third_party_jobs(**arguments)


def botocore_gets_jobs(c, sim):
    client = sim.client()
    c.check("it says where it listens", sim.line == f"listening on {sim.url}", sim.line)
    first = poll(client, 3)
    c.check("botocore gets the jobs it asked for", len(first["jobs"]) == 3, first)
    c.check("each with two ids",
            all(sorted(j) == ["clientId", "jobId"] for j in first["jobs"]), first)
    c.check("and a request id", len(first["ResponseMetadata"]["RequestId"]) == 36, first)
    rest = poll(client)
    ids = {j["jobId"] for j in first["jobs"] + rest["jobs"]}
    c.check("the rest comes with the next poll, none twice", len(ids) == 5, ids)
    c.check("then there is nothing to do", poll(client)["jobs"] == [])
    c.check("another region has its own jobs", poll(sim.client("eu-west-1"))["jobs"] == [])
    sim.control("POST", "jobs", {"region": "eu-west-1", "count": 1})
    c.check("which come when added", len(poll(sim.client("eu-west-1"))["jobs"]) == 1)
    handed_out = [e for e in sim.control("GET", "ledger?since=0")["events"]
                  if e["event"] == "handed_out"]
    c.check("the ledger has every hand-out, with the request that got it",
            len(handed_out) == 6 and sum(e["requestId"] == first["ResponseMetadata"]["RequestId"]
                                         for e in handed_out) == 3, handed_out)
    details = {**TYPE, "owner": "Custom"}
    sim.control("POST", "jobs", {"owner": "Custom"})
    jobs = client.poll_for_jobs(actionTypeId=details)["jobs"]
    c.check("poll_for_jobs brings details",
            len(jobs) == 1 and jobs[0]["data"]["actionTypeId"] == details, jobs)


def botocore_gets_details(c, sim):
    client = sim.client("eu-central-1")
    sim.control("POST", "jobs", {"region": "eu-central-1", "configuration": {"Project": "P"}})
    job = poll(client)["jobs"][0]
    mine = {"jobId": job["jobId"], "clientToken": f"token-{job['clientId']}"}
    details = client.get_third_party_job_details(**mine)["jobDetails"]
    c.check("get_third_party_job_details tells of the job",
            details["id"] == job["jobId"] and details["nonce"] == "1" and
            details["data"]["actionTypeId"] == TYPE and
            details["data"]["actionConfiguration"]["configuration"] == {"Project": "P"}, details)
    c.check("with all that the model knows of a third-party job",
            sorted(details["data"]) == ["actionConfiguration", "actionTypeId",
                                        "artifactCredentials", "inputArtifacts",
                                        "outputArtifacts", "pipelineContext"] and
            sorted(details["data"]["inputArtifacts"][0]["location"]["s3Location"]) ==
            ["bucketName", "objectKey"], details)
    c.error("a wrong client token is told",
            lambda: client.get_third_party_job_details(**{**mine, "clientToken": "other"}),
            "InvalidClientTokenException", "not valid")
    c.error("and an unknown job",
            lambda: client.get_third_party_job_details(**{**mine, "jobId": "other"}),
            "JobNotFoundException", "not found")
    c.error("and a client token that is too long",
            lambda: client.get_third_party_job_details(**{**mine, "clientToken": "t" * 257}),
            "ValidationException", "at 'clientToken' failed to satisfy constraint: Member must "
            "have length less than or equal to 256")


def botocore_gets_errors(c, sim):
    client = sim.client()
    c.error("a wrong secret key is an invalid signature", lambda: poll(sim.client(secret="wrong")),
            "InvalidSignatureException", "does not match the signature you provided")
    c.error("a provider that is too long is told", lambda: poll(client, provider="p" * 36),
            "ValidationException",
            "at 'actionTypeId.provider' failed to satisfy constraint: Member must have length less "
            "than or equal to 35")
    c.error("an owner of another family is told", lambda: poll(client, owner="AWS"),
            "ValidationException", "ActionType with owner 'AWS' is not supported")
    sim.control("PUT", "faults", {"region": "us-west-2", "clock-skew": 3600})
    c.error("a wrong clock is told", lambda: poll(sim.client("us-west-2")),
            "InvalidSignatureException", "Signature expired: ")
    sim.control("PUT", "faults", {"region": "us-east-1", "reset-rate": 1})
    try:
        c.check("a reset connection is no answer", False, poll(client))
    except botocore.exceptions.ConnectionClosedError:
        c.check("a reset connection is no answer", True)
    sim.control("PUT", "faults", {"region": "us-east-1", "error-rate": 1, "error-status": 503})
    c.error("a failing service is one", lambda: poll(client), "ServiceUnavailable", "")
    sim.control("DELETE", "faults")
    c.check("and without the faults all is well", "jobs" in poll(client))


def the_cli_gets_the_same(c, sim):
    status, out, err = sim.cli("--max-batch-size", "2")
    c.check("the AWS CLI gets jobs", status == 0 and len(out["jobs"]) == 2, (status, out, err))
    status, out, err = sim.cli(region="eu-west-1")
    c.check("and an empty list where there are none", status == 0 and out == {"jobs": []},
            (status, out, err))
    c.cli_error("and is denied with a wrong secret key", sim.cli(secret="wrong"),
                "InvalidSignatureException", "does not match")
    c.cli_error("and told what is not valid", sim.cli(action_type={**TYPE, "version": "v" * 10}),
                "ValidationException", "'actionTypeId.version'")
    sim.control("PUT", "faults", {"error-rate": 1})
    c.cli_error("and told of a failure", sim.cli(), "InternalFailure", "")
    sim.control("DELETE", "faults")


def throttling(c, sim):
    client = sim.client()
    poll(client)
    c.error("botocore is throttled above the rate", lambda: [poll(client) for _ in range(50)],
            "ThrottlingException", "Rate exceeded")
    # The CLI asks once in half a second, so others must use up the rate meanwhile: a client that
    # asks all the time leaves it next to no chance to be the first of a second, and none three
    # times.
    stop = threading.Event()
    busy = threading.Thread(target=keep_polling, args=(sim, stop))
    busy.start()
    for _ in range(3):
        got = sim.cli()
        if got[0] != 0:
            break
    stop.set()
    busy.join()
    c.cli_error("and so is the AWS CLI", got, "ThrottlingException", "Rate exceeded")


def keep_polling(sim, stop):
    client = sim.client()
    while not stop.is_set():
        try:
            poll(client)
        except botocore.exceptions.ClientError:
            pass


def strictness(c, sim):
    c.check("a known action type is served", "jobs" in poll(sim.client()))
    c.error("an unknown one is not found", lambda: poll(sim.client(), provider="Other"),
            "ActionTypeNotFoundException",
            "ActionType (Category: 'Build', Owner: 'ThirdParty', Provider: 'Other', Version: '1') "
            "is not available")
    c.cli_error("nor by the AWS CLI", sim.cli(action_type={**TYPE, "provider": "Other"}),
                "ActionTypeNotFoundException", "is not available")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary, c = sys.argv[1], Checks()
    with Simulator(binary, "--jobs", "5") as sim:
        botocore_gets_jobs(c, sim)
        botocore_gets_details(c, sim)
        botocore_gets_errors(c, sim)
    c.check("it ends well on SIGTERM", sim.status == 0, sim.status)
    with Simulator(binary, "--jobs", "5") as sim:
        the_cli_gets_the_same(c, sim)
    with Simulator(binary, "--throttle", "1") as sim:
        throttling(c, sim)
    with Simulator(binary, "--strict") as sim:
        strictness(c, sim)
    print(f"{c.passed} passed, {c.failed} failed")
    sys.exit(1 if c.failed else 0)


main()
