#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What doctor says of machines that are well and of machines that are not:
test_cli_doctor.py PATH-OF-PIPEPOLL."""

import json
import os
import re
import signal
import socket
import sys

sys.dont_write_bytecode = True
from lib.program import (ACME, BARE, KEY, KEYS, SECRET, TOKEN, Process, Refusal, Sim, check,
                         finish, path_of, pipepoll, target, write)


def doctor(sim, *arguments, env=KEYS, **variables):
    return pipepoll("doctor", *arguments, env=dict(env, AWS_ENDPOINT_URL=sim.url, **variables))


def examined(sim, *arguments, **options):
    """-> the report, and how the command ended."""
    r = doctor(sim, "--output", "json", *arguments, **options)
    return json.loads(r.out or "{}"), r


# --- where it listens ---

def test_http(sim):
    """Free, in use by a pipepoll, by one that wants another secret, and by somebody else."""
    path, token = path_of("http.sock"), write("token", "canary-0123456789abcdef")
    os.chmod(token, 0o600)

    def found(name, listen, code, more=""):
        config = write("http.ini", f"[http]\nlisten = {listen}\n{more}" + target("web", sim))
        report, r = examined(sim, "--config", config)
        check(f"http: {name}: exit {code}", r.code == code and report["exitCode"] == code, r)
        return report["http"]["verdict"], report["http"]["cause"]

    check("without [http] there is nothing to say",
          examined(sim, "--region", "us-east-1")[0]["http"] is None)
    check("a path that is free", found("free", path, 0) == ("well", f"{path} can be listened at")
          and not os.path.exists(path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        check("an address that is bound", found("bound", at, 255)
              == ("ill", f"{at} cannot be listened at: Address already in use"))
    check("an address that is free", found("free", at, 0) == ("well", f"{at} can be listened at"))
    check("an address of another machine",
          found("elsewhere", "203.0.113.7:9464", 255, f"allow-remote = yes\ntoken-file = {token}\n")
          == ("ill", "203.0.113.7:9464 cannot be listened at: Cannot assign requested address"))
    at = sim.url.removeprefix("http://")
    other = found("other", at, 255)
    check("somebody else is there", other[0] == "ill"
          and other[1].startswith(f"{at}: what listens there is no pipepoll: it answers with 4"),
          other)
    run = Process("run", "--config", write("run.ini", f"[http]\nlisten = {path}\n"
                                           f"token-file = {token}\n" + target("web", sim)))
    run.log("status page: ")
    check("a pipepoll is there", found("in use", path, 0, f"token-file = {token}\n")
          == ("well", f"{path}: a pipepoll listens there, and is alive"))
    check("one that wants another secret", found("secret", path, 1)[0] == "warning")
    r = doctor(sim, path_of("http.ini"))
    check("in the text too", "\nhttp                     warning  " in r.out
          and "\nwarning: http\n" in r.out and "SIGHUP" in r.out, r)
    run.signal(signal.SIGTERM)
    check("it was left alone", run.wait() == 0, run.seen["err"])


# --- all is well ---


def test_well(sim):
    r = doctor(sim, "--region", "us-east-1", "--region", "eu-west-1", "--action-type-id", ACME)
    rows = r.out.splitlines()
    check("a machine that is well: a row for each region, and 0",
          r.code == 0 and r.err == ""
          and [row.split()[:4] for row in rows[1:3]]
          == [["Acme", "us-east-1", "ok", "environment"],
              ["Acme", "eu-west-1", "ok", "environment"]], r)
    check("and the sum at the end", rows[3:] == ["", "2 targets: 2 ok"], r)
    r = doctor(sim, "--config", write("half.ini", target("web", sim) + target(
        "shop", sim, provider="Shop").replace(sim.url, "http://127.0.0.1:1")))
    check("each result is counted there",
          r.out.splitlines()[-1] == "2 targets: 1 ok, 1 unreachable", r)
    config = write("doctor.ini", target("web", sim) + target("shop", sim, provider="Shop"))
    report, r = examined(sim, "--config", config)
    check("every target of a config file is examined",
          r.code == 0 and [t["name"] for t in report["targets"]] == ["web", "shop"]
          and all(t["result"] == "ok" and t["verdict"] == "well" and t["address"]
                  for t in report["targets"]) and report["exitCode"] == 0, r)
    before = sim.control("GET", "stats")["requests"]
    report, r = examined(sim, "--region", "us-east-1", "--no-poll")
    check("--no-poll finds keys and asks nothing",
          r.code == 0 and report["targets"][0]["result"] == "not-polled"
          and report["targets"][0]["credentials"]["source"] == "environment"
          and sim.control("GET", "stats")["requests"] == before, r)


def test_jobs(sim):
    sim.control("POST", "jobs", region="us-east-1", provider="Acme", count=3)
    report, r = examined(sim, "--region", "us-east-1", "--action-type-id", ACME)
    check("a poll takes one job at most, and tells which",
          r.code == 0 and len(report["jobs"]) == 1
          and sorted(report["jobs"][0]) == ["clientId", "jobId", "name", "region"]
          and sim.control("GET", "stats")["jobsWaiting"] == 2, r)
    r = doctor(sim, "--region", "us-east-1", "--action-type-id", ACME)
    check("in the text too, and that it comes again",
          re.search(r"Acme in us-east-1: clientId \S+, jobId \S+\n", r.out)
          and "after its lease has ended" in r.out, r)


def test_names_and_ceilings(sim):
    """A name of any length, and targets that would wait for their turn longer than doctor does."""
    sim.control("POST", "jobs", region="us-east-1", provider="Long", count=1)
    config = write("long.ini", target("n" * 20000, sim, provider="Long"))
    report, r = examined(sim, "--config", config)
    check("a name of any length: the job that was taken is told",
          r.code == 0 and [j["name"] for j in report["jobs"]] == ["n" * 256]
          and report["targets"][0]["result"] == "ok", r)
    config = write("ceiling.ini", "[pipepoll]\nmax-polls-per-second = 0.01\n"
                   + "".join(target(f"t{i}", sim, provider=f"P{i}") for i in range(3)))
    report, r = examined(sim, "--config", config)
    check("a ceiling leaves no target unasked",
          r.code == 0 and [t["result"] for t in report["targets"]] == ["ok"] * 3, r)


def test_tls():
    sim = Sim("--tls", "--ca-file", path_of("ca.pem"))
    report, r = examined(sim, "--region", "us-east-1", AWS_CA_BUNDLE=path_of("ca.pem"))
    one = report["targets"][0]
    check("TLS is shown with its version and issuer",
          r.code == 0 and one["tlsVersion"] == "TLSv1.3" and one["issuer"]
          and one["tlsUs"] > 0, r)
    expect("http:// to a port that speaks TLS", sim, 255, "unreachable", ["begin with https://"],
           AWS_ENDPOINT_URL_CODEPIPELINE=sim.url.replace("https", "http"))
    report, r = examined(sim, "--region", "us-east-1")
    check("an unknown CA: which roots were tried, and AWS_CA_BUNDLE",
          r.code == 255 and report["targets"][0]["result"] == "untrusted"
          and "the roots of this system" in report["targets"][0]["cause"]
          and "AWS_CA_BUNDLE" in report["targets"][0]["fix"], r)
    sim.signal(signal.SIGTERM)
    sim.wait()


# --- what is wrong ---


def expect(name, sim, code, result, words, *arguments, region="us-east-1", **options):
    report, r = examined(sim, "--region", region, *arguments, **options)
    one = (report.get("targets") or [{}])[0]
    said = f"{one.get('cause')} {one.get('fix')}"
    check(name, r.code == code and one.get("result") == result
          and all(word in said for word in words), r)


def test_keys(sim):
    expect("no credentials: 253, and where they were looked for", sim, 253, "no-credentials",
           ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "instance metadata"], env=BARE)
    expect("a wrong secret", sim, 254, "wrong-secret", ["both again"], AWS_SECRET_ACCESS_KEY="x")
    config = write("doctor-role.ini", target("web", sim, more="role-arn = arn:aws:iam::"
                                             "123456789012:role/Poller"))
    report, r = examined(sim, "--config", config, env=BARE)
    check("nobody to assume a role: the fix is to configure keys, not to allow the role",
          r.code == 253 and "AWS_ACCESS_KEY_ID" in report["targets"][0]["fix"]
          and "sts:AssumeRole" not in report["targets"][0]["fix"], r)
    files = write("doctor-aws", "[profile broken]\ncredential_process = /nonexistent/program\n")
    expect("a profile that is broken is named", sim, 253, "no-credentials",
           ["the profile broken in ~/.aws/config"], "--profile", "broken",
           env=dict(BARE, AWS_CONFIG_FILE=files))
    source = "x" * 50  # two of them, so that the name of the keys is longer than a cell
    files = write("doctor-role", f"[profile {source}]\nrole_arn = arn:aws:iam::123456789012:role/"
                  f"{source}\nsource_profile = base\n[profile base]\naws_access_key_id = a\n"
                  "aws_secret_access_key = b\n")
    sts = Refusal(403, "AccessDenied")
    r = doctor(sim, "--region", "us-east-1", "--profile", source,
               env=dict(BARE, AWS_CONFIG_FILE=files, AWS_ENDPOINT_URL_STS=sts.url))
    check("a profile's role that is denied: its policy",
          r.code == 253 and f'"Resource":"arn:aws:iam::123456789012:role/{source}"' in r.out, r)
    check("what does not fit a cell is cut with a mark",
          re.search(rf"  profile {source}, role arn\S+\.\.\.  ", r.out), r)
    check("the sum names each result", r.out.endswith("\n1 target: 1 no-credentials\n"), r)
    for code, result, words in (
            ("AccessDeniedException", "denied", ['"Action":"codepipeline:PollForThirdPartyJobs"']),
            ("ExpiredTokenException", "expired", ["aws sso login"]),
            ("UnrecognizedClientException", "unknown-key", ["partition"]),
            ("OptInRequired", "opt-in-required", ["No policy of IAM"]),
            ("SubscriptionRequiredException", "subscription-required", ["sign-up"]),
            ("ValidationException", "refused", ["request id"])):
        expect(f"{code}: what it means", Refusal(400, code, "no"), 254, result, words)
    expect("an action type that is not there", Refusal(400, "ActionTypeNotFoundException"), 254,
           "not-found", ["Build/ThirdParty/Acme/1 in us-east-1", "pollingAccounts"],
           "--action-type-id", ACME)
    report, r = examined(Refusal(400, "ActionTypeNotFoundException"), "--region", "us-east-1")
    check("is the right answer where none was named",
          r.code == 0 and report["targets"][0]["result"] == "ok", r)


def test_service(sim):
    sim.control("PUT", "faults", region="eu-west-1", **{"error-rate": 1})
    expect("a failing service", sim, 255, "service-failed", ["Try again"], region="eu-west-1")
    sim.control("PUT", "faults", region="eu-west-2", **{"garbage-rate": 1})
    expect("an answer that is none", sim, 255, "not-understood", ["is not CodePipeline"],
           region="eu-west-2")
    expect("a page of a proxy is not AWS, and no reason to think about keys",
           Refusal(403, None, "<html><title>Blocked here</title></html>"), 255, "middle-box",
           ["Server: BaseHTTP", "Blocked here", "proxy, firewall or login page"])
    expect("an owner that hands out no jobs", Refusal(
        400, "ValidationException", "ActionType with owner 'AWS' is not supported"), 254, "owner",
           ["set owner to ThirdParty"])
    expect("a throttled account is a warning: 1", Refusal(400, "ThrottlingException"), 1,
           "throttled", ["max-polls-per-second"])
    sim.control("DELETE", "faults")
    report, r = examined(sim, "--region", "us-east-1", AWS_SECRET_ACCESS_KEY="x",
                         AWS_ACCESS_KEY_ID=KEY, AWS_SESSION_TOKEN=TOKEN)
    check("the exit code is in the report", r.code == report["exitCode"] == 254, r)
    text = doctor(sim, "--region", "us-east-1", "--region", "us-east-2", AWS_SECRET_ACCESS_KEY="x")
    check("what targets have in common is said once",
          text.out.count("  cause  ") == 1 and "us-east-1 and 1 more: wrong-secret" in text.out,
          text)


def test_clock():
    sim = Sim("--clock-skew", "86400")
    expect("a clock that is a day off works, with a warning", sim, 1, "clock",
           ["behind the service's", "chrony"])
    expect("but not where its correction is forbidden", sim, 254, "clock",
           ["AWS_DISABLE_CLOCK_SKEW_CORRECTION forbids it: unset that"],
           AWS_DISABLE_CLOCK_SKEW_CORRECTION="true")
    expect("a key that no clock makes unknown", sim, 254, "unknown-key", ["partition"],
           AWS_ACCESS_KEY_ID="AKIDNOBODYS")
    sim.signal(signal.SIGTERM)
    sim.wait()


def test_way(sim):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        nobody = f"http://127.0.0.1:{s.getsockname()[1]}"
        expect("nobody there", sim, 255, "unreachable", ["outgoing connections", "HTTPS_PROXY"],
               env=dict(KEYS, AWS_ENDPOINT_URL_CODEPIPELINE=nobody))
        expect("a proxy that refuses is named, without its password", sim, 255, "unreachable",
               ["Check HTTPS_PROXY", nobody],
               http_proxy=nobody.replace("://", f"://user:{SECRET.replace('/', '%2F')}@"))
    expect("https:// to a port that does not speak TLS", sim, 255, "unreachable",
           ["begin with http://"],
           AWS_ENDPOINT_URL_CODEPIPELINE=sim.url.replace("http", "https"))


def test_usage():
    for arguments, words in (
            (["--config", "x", "--profile", "y"], "leave out --profile"),
            (["--output", "xml"], "--output is text or json"),
            (["--action-type-id", "x"], "--action-type-id: "),
            (["--profile", ""], "--profile needs a value"),
            (["--region", "us-est-1"], "--allow-unknown-region")):
        r = pipepoll("doctor", *arguments)
        check(f"usage: doctor {' '.join(arguments)}",
              r.code == 252 and words in r.err and r.out == "", r)
    r = pipepoll("doctor")
    check("no region: 253", r.code == 253 and "You must specify a region" in r.err, r)
    r = pipepoll("doctor", "--config", path_of("nothing.ini"))
    check("no file: 252", r.code == 252 and "nothing.ini" in r.err, r)


def main():
    test_usage()
    sim = Sim()
    for test in (test_well, test_jobs, test_names_and_ceilings, test_keys, test_service, test_way,
                 test_http):
        test(sim)
    sim.signal(signal.SIGTERM)
    sim.wait()
    test_tls()
    test_clock()
    finish()


if __name__ == "__main__":
    main()
