#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whose keys, and what the machine's settings say, as users of check and run meet it:
test_cli_identities.py PATH-OF-PIPEPOLL."""

import json
import os
import re
import resource
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from lib.program import (ACME, BARE, KEY, KEYS, PROGRAM, SECRET, TOKEN, Refusal, Sim,
                         check, finish, folder, path_of, pipepoll, start_run, target,
                         write)

ROLE = "arn:aws:iam::123456789012:role/Poller"


def machine(config="", **variables):
    """An environment with these shared files and no keys."""
    return dict(BARE, AWS_CONFIG_FILE=write("aws-config", config),
                AWS_SHARED_CREDENTIALS_FILE=path_of("no-credentials"), **variables)


def profile(name, *lines):
    return "\n".join([f"[profile {name}]", *lines, ""])


GOOD = (f"aws_access_key_id = {KEY}", f"aws_secret_access_key = {SECRET}",
        f"aws_session_token = {TOKEN}")


def section(name, provider, *lines):
    return "\n".join([f"[target {name}]", "category = Build", f"provider = {provider}",
                      "version = 1", *lines, ""])


def plan_of(config, env, *arguments):
    r = pipepoll("check", "--config", config, "--output", "json", *arguments, env=env)
    return json.loads(r.out or "{}"), r


# --- poll and the settings ---


def test_poll(sim):
    def poll(*arguments, env):
        return pipepoll("poll", "--action-type-id", ACME, *arguments, env=env)

    env = machine(profile("acme", "region = eu-west-1", f"endpoint_url = {sim.url}", *GOOD))
    r = poll("--profile", "acme", env=env)
    check("--profile has keys, region and endpoint", r.code == 0 and '"jobs": []' in r.out, r)
    r = poll(env=dict(env, AWS_PROFILE="acme"))
    check("so has AWS_PROFILE", r.code == 0, r)
    r = poll("--profile", "amce", env=env)
    check("a profile that is not there: 253", r.code == 253 and '"amce"' in r.err, r)
    r = poll(env=dict(env, AWS_PROFILE="nobody"))
    check("named by AWS_PROFILE too", r.code == 253 and '"nobody"' in r.err, r)
    r = poll(env=KEYS)
    check("no region: 253", r.code == 253 and "You must specify a region" in r.err, r)
    r = poll("--region", "us-east-1", env=dict(KEYS, AWS_ENDPOINT_URL=sim.url,
                                               AWS_USE_FIPS_ENDPOINT="true"))
    check("FIPS and an endpoint URL, both of the environment, exclude each other",
          r.code == 252 and "fips" in r.err, r)
    r = poll("--region", "us-east-1", "--endpoint-url", sim.url,
             env=dict(KEYS, AWS_USE_FIPS_ENDPOINT="true"))
    check("one on the command line goes before FIPS", r.code == 0, r)
    r = poll("--region", "us-east-1", env=machine("[profile acme\n", AWS_ENDPOINT_URL=sim.url))
    check("a shared file that is not understood is told with its place",
          r.code == 253 and "aws-config:1:" in r.err, r)


def test_poll_on_wrong_settings():
    def poll(*arguments, **variables):
        return pipepoll("poll", "--action-type-id", ACME, *arguments, env=dict(KEYS, **variables))

    r = poll("--region", "us-east-1", AWS_ENDPOINT_URL="htp://x")
    check("an endpoint URL that is none is told with who says it",
          r.code == 252 and 'AWS_ENDPOINT_URL: endpoint URL "htp://x"' in r.err, r)
    r = poll("--region", "us-east-1", AWS_ENDPOINT_URL="http://x", AWS_USE_FIPS_ENDPOINT="true")
    check("so are both that exclude each other",
          "AWS_ENDPOINT_URL and AWS_USE_FIPS_ENDPOINT: fips is" in r.err, r)
    for name in "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CODEPIPELINE":
        r = poll("--region", "us-east-1", **{name: ""})
        check(f"an empty {name} is not taken for none: 253, and nothing is sent",
              r.code == 253 and f"{name} is set, but empty" in r.err, r)
    r = poll("--region", "us-east-1", "--endpoint-url", "http://127.0.0.1:1", AWS_ENDPOINT_URL="",
             AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true")
    check("but where all of them are ignored", "Could not connect" in r.err, r)
    r = poll("--region", "us-east-1", AWS_USE_FIPS_ENDPOINT="ja")
    check("FIPS, misspelt, is no call to another endpoint",
          r.code == 253 and 'AWS_USE_FIPS_ENDPOINT is true or false, not "ja"' in r.err, r)
    r = poll("--region", "us-west-2", "--region", "eu-west-1", "--endpoint-url",
             "http://127.0.0.1:1", "--output", "json", "--no-cli-pager", "--color", "off")
    check("a failure that regions share is told once", r.code == 255 and r.out == "{}\n"
          and r.err.count("Could not connect") == 1
          and re.search(r"^The same: (us-west-2|eu-west-1)$", r.err, re.M), r)
    here = ("--endpoint-url", "http://127.0.0.1:1")
    r = poll("--region", "us-est-1", *here)
    check("a region that looks misspelt is refused",
          r.code == 252 and 'did you mean "us-east-1"?' in r.err, r)
    r = poll(*here, AWS_REGION="us-est-1")
    check("also where the environment names it, which is told",
          r.code == 252 and "AWS_REGION: " in r.err and 'did you mean "us-east-1"?' in r.err, r)
    r = poll("--region", "us-est-1", "--allow-unknown-region", *here)
    check("until it is said to be meant", r.code == 255 and "Could not connect" in r.err, r)
    file = write("misspelt.ini", "[target web]\nregions = us-est-1\ncategory = Build\n"
                 "provider = Acme\nversion = 1\n")
    r = pipepoll("check", file, env=BARE)
    check("a file too", r.code == 252 and ":2:11: " in r.err
          and "allow-unknown-regions = yes" in r.err, r)
    write("misspelt.ini", open(file).read() + "allow-unknown-regions = yes\n")
    r = pipepoll("check", file, env=BARE)
    check("and there it can be meant", r.code == 0 and "warning: " in r.err, r)
    r = pipepoll("run", file, "--print-config", env=BARE)
    check("as the configuration that is printed says",
          "\nregions = us-est-1\nallow-unknown-regions = yes\n" in r.out, r)


def test_poll_that_loses_its_keys(sim):
    """Keys for two seconds, and a region that answers after them."""
    program = write("two-seconds.py", f"""
import json, os, sys, time
if os.path.exists({path_of("asked")!r}):
    sys.exit(3)
open({path_of("asked")!r}, "w").close()
until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
print(json.dumps(dict(Version=1, AccessKeyId={KEY!r}, SecretAccessKey={SECRET!r},
                      SessionToken={TOKEN!r}, Expiration=until)))
""")
    sim.control("POST", "jobs", region="us-east-1", provider="Acme", count=1)
    sim.control("PUT", "faults", region="eu-west-1", latency=4000)
    r = pipepoll("poll", "--action-type-id", ACME, "--region", "us-east-1", "--region",
                 "eu-west-1", "--endpoint-url", sim.url,
                 env=machine(profile("default",
                                     f"credential_process = {sys.executable} {program}")))
    sim.control("DELETE", "faults")
    check("a job that came before the keys went is told",
          r.code == 253 and "Unable to locate credentials" in r.err
          and len(json.loads(r.out or "{}").get("us-east-1", {}).get("jobs", [])) == 1, r)


def test_poll_again():
    def poll(url):
        return pipepoll("poll", "--region", "us-east-1", "--action-type-id", ACME,
                        "--endpoint-url", url)

    sim = Sim("--clock-skew", "-86400")
    r = poll(sim.url)
    check("a clock that is a day off is corrected, and the poll signed again",
          r.code == 0 and sim.control("GET", "stats")["requests"] == 2, r)
    sim.signal(signal.SIGTERM)
    sim.wait()
    r = poll(Refusal(400, "ExpiredTokenException", "old").url)
    check("keys that have expired and cannot be refreshed: 254",
          r.code == 254 and "(ExpiredTokenException)" in r.err and r.out == "", r)


# --- check ---


def test_attempts_and_app_id():
    config = profile("acme", "sdk_ua_app_id = Acme Build", "max_attempts = 2", *GOOD)
    for variables, attempts, app_id in (
            ({}, 3, ""),
            ({"AWS_MAX_ATTEMPTS": "1"}, 1, ""),
            ({"AWS_RETRY_MODE": "legacy"}, 5, ""),
            ({"AWS_RETRY_MODE": "legacy", "AWS_MAX_ATTEMPTS": "2"}, 2, ""),
            ({"AWS_RETRY_MODE": "adaptive", "AWS_SDK_UA_APP_ID": "APN_1.1/x"}, 3, " app/APN_1.1-x"),
            ({"AWS_PROFILE": "acme"}, 2, " app/Acme-Build"),
            ({"AWS_PROFILE": "acme", "AWS_SDK_UA_APP_ID": "Mine"}, 2, " app/Mine")):
        service = Refusal(503, "ServiceUnavailable")
        env = machine(config + "\n" + profile("default", *GOOD), **variables)
        r = pipepoll("poll", "--region", "us-east-1", "--endpoint-url", service.url,
                     "--action-type-id", ACME, env=env)
        check(f"{variables}: attempts", len(service.seen) == attempts, (r, service.seen))
        named = [re.fullmatch(r"pipepoll/[0-9.]+(.*)", seen) for seen in service.seen]
        check(f"{variables}: User-Agent", all(n and n[1] == app_id for n in named), service.seen)
    service = Refusal(503, "ServiceUnavailable")
    run = start_run(write("app-id.ini", "[pipepoll]\nuser-agent-app-id = Acme\n" +
                          target("one", service)))
    run.log("in us-east-1")
    run.signal(signal.SIGTERM)
    run.wait()
    check("user-agent-app-id in the file", service.seen and service.seen[0].endswith(" app/Acme"),
          (service.seen, run.seen["err"]))


def test_roots():
    """What run refuses check refuses too, in the same words."""
    config = write("roots.ini", section("web", "Acme"))
    in_file = write("roots-in-file.ini", f"[pipepoll]\nca-bundle = {path_of('junk.pem')}\n"
                    + section("web", "Acme"))
    write("junk.pem", "junk")
    for name, file, variables in (
            ("ca-bundle", in_file, {}),
            ("AWS_CA_BUNDLE", config, {"AWS_CA_BUNDLE": path_of("junk.pem")}),
            ("REQUESTS_CA_BUNDLE", config, {"REQUESTS_CA_BUNDLE": path_of("junk.pem")}),
            ("SSL_CERT_FILE", config, {"SSL_CERT_FILE": folder})):
        env = machine(AWS_REGION="eu-west-1", **variables)
        judged = pipepoll("check", file, env=env)
        ran = pipepoll("run", file, env=env)
        doctored = pipepoll("doctor", file, env=env)
        line = judged.err.splitlines()[0] if judged.err else "nothing"
        check(f"a broken {name} is refused alike by check, run and doctor",
              judged.code == ran.code == doctored.code == 252 and "the CA bundle" in line
              and line in ran.err and line in doctored.err, (judged, ran, doctored))
    line = pipepoll("check", in_file, env=machine()).err
    check("with its place in the file", "roots-in-file.ini:2:13: ca-bundle: no certificate" in line,
          line)


def test_debug(sim):
    """poll --debug: endpoint, source of the credentials, each attempt and what came of it."""
    arguments = ("poll", "--debug", "--region", "eu-west-1", "--action-type-id", ACME,
                 "--endpoint-url")
    r = pipepoll(*arguments, sim.url)
    check("--debug tells of an answer", r.code == 0 and all(
        re.search(f"^pipepoll poll: debug: {line}", r.err, re.M) for line in (
            f"eu-west-1: endpoint {sim.url}/$", "credentials from environment: usable$",
            r"eu-west-1: attempt 1: HTTP 200 after [\d.]+ ms, 0 jobs, request [\w-]+; 127\.")),
          r)
    service = Refusal(400, "ActionTypeNotFoundException", "no such type")
    refused = pipepoll(*arguments, service.url)
    check("and of a refusal", re.search(
        r"attempt 1: HTTP 400, .*ActionTypeNotFoundException: no such type", refused.err), refused)
    check("and prints no secret", not any(secret in out for secret in (SECRET, TOKEN)
                                          for out in (r.err, refused.err)))


def test_settings():
    config = write("bare.ini", section("web", "Acme"))
    with open(os.path.join(os.path.dirname(__file__), "data", "certificate.pem")) as f:
        ca = write("ca.pem", f.read())
    env = machine(AWS_REGION="eu-west-1", AWS_ENDPOINT_URL="http://127.0.0.1:7", AWS_CA_BUNDLE=ca,
                  https_proxy="http://user:pw@proxy.example:3128", NO_PROXY="other.example")
    r = pipepoll("check", "--config", config, env=env)
    check("check names what is in force, and its origin", r.code == 0 and all(
        re.search(line, r.out, re.M) for line in (
            r"^region +eu-west-1 \(AWS_REGION\)$",
            r"^endpoint +http://127\.0\.0\.1:7 \(AWS_ENDPOINT_URL\)$",
            r"^ca-bundle +\S+/ca\.pem \(AWS_CA_BUNDLE\)$")), r)
    check("a proxy for https is none for http", "proxy.example" not in r.out, r)
    del env["AWS_ENDPOINT_URL"]
    r = pipepoll("check", "--config", config, env=env)
    check("check names the proxy on the way, without its password",
          re.search(r"^proxy +http://proxy\.example:3128 for https://codepipeline\.eu-west-1",
                    r.out,
                    re.M) and "pw@" not in r.out, r)
    plan, r = plan_of(config, env)
    check("and as JSON", [p["proxy"] for p in plan["proxies"]] == ["http://proxy.example:3128"]
          and {"setting": "region", "value": "eu-west-1", "from": "AWS_REGION"}
          in plan["settings"], r)
    r = pipepoll("check", "--config", config,
                 env=dict(env, NO_PROXY="amazonaws.com", AWS_ENDPOINT_URL_STS="http://127.0.0.1:8"))
    check("it names what is exempt from the proxy, and where STS is", r.code == 0 and all(
        re.search(line, r.out, re.M) for line in (
            r"^no proxy for +amazonaws\.com \(NO_PROXY\)$",
            r"^proxy +none for https://codepipeline\.eu-west-1",
            r"^STS endpoint +http://127\.0\.0\.1:8 \(AWS_ENDPOINT_URL_STS\)$")), r)
    r = pipepoll("check", "--config", config, env=machine())
    check("without a region anywhere, regions are missed",
          r.code == 252 and "has no regions" in r.err, r)


def test_stdin():
    text = section("web", "Acme", "regions = us-east-1")
    r = subprocess.run([PROGRAM, "check", "--config", "-"], env=BARE, input=text + "x = 1\n",
                       capture_output=True, text=True, timeout=30, check=False)
    check("a file from stdin is judged as any other",
          r.returncode == 252 and r.stderr.startswith("stdin:6:1: unknown key"), r)
    r = pipepoll("help", "check")
    check("help is to be had by command too",
          r.code == 0 and r.out == pipepoll("check", "--help").out, r)
    r = pipepoll("version")
    check("so is the version", r.code == 0 and r.out == pipepoll("--version").out, r)


def test_plan_of_accounts():
    config = write("accounts.ini", "[pipepoll]\nmax-polls-per-second = 0.5\n"
                   + section("web", "Acme", "regions = us-east-1", "pickup-goal = 1s",
                             "profile = acme")
                   + section("shop", "Shop", "regions = us-east-1", "interval = 1s",
                             f"role-arn = {ROLE}"))
    env = machine(profile("acme", *GOOD))
    plan, r = plan_of(config, env)
    check("an account has a line for each region, by the name of its keys",
          {(b["credentials"], b["region"], b["pollsPerSecond"]) for b in plan["budgets"]}
          == {("profile acme", "us-east-1", 0.5), ("role 123456789012/Poller", "us-east-1", 0.5)},
          r)
    check("the ceiling stretches intervals",
          [t["pollEveryMs"] for t in plan["targets"]] == [2000, 2000]
          and all(b["callsPerDay"] == 43200 for b in plan["budgets"]), r)
    check("a goal that it forbids is warned of beforehand, and what it takes",
          r.code == 0 and plan["targets"][0]["goalHolds"] is False
          and re.search(r"accounts\.ini:3:1: warning: \[target web\]: its pickup goal of 1 s will "
                        r"not "
                        r"hold in us-east-1: .* it takes max-polls-per-second = ", r.err), r)
    needed = float(re.search(r"it takes max-polls-per-second = ([\d.]+)", r.err)[1])
    text = open(config).read().replace("second = 0.5", f"second = {needed * 1.01:.4f}")
    plan, r = plan_of(write("accounts.ini", text), env)
    check("and with that it holds",
          r.err == "" and plan["targets"][0]["goalHolds"] is True
          and plan["targets"][0]["pickupMsP95"] == 1000, r)


def test_print_config():
    config = write("print.ini", "[pipepoll]\nmax-polls-per-second = 2.5\n"
                   + section("web", "Acme", "pickup-goal = 5s", "profile = acme")
                   + section("shop", "Shop", "regions = all:aws-cn, us-east-1", "interval = 500ms",
                             f"role-arn = {ROLE}", "external-id = x-1"))
    env = machine(profile("acme", "region = eu-west-1", *GOOD),
                  https_proxy="http://user:pw@proxy.example:3128")
    r = pipepoll("run", "--config", config, "--print-config", "--log-level", "debug", env=env)
    check("--print-config says where a setting comes from",
          r.code == 0 and "# by profile acme:\nregions = eu-west-1\n" in r.out
          and "log-level = debug\n" in r.out and "http://proxy.example:3128" in r.out
          and "pw@" not in r.out and r.err == "", r)
    before, _ = plan_of(config, env)
    after, r = plan_of(write("printed.ini", r.out), env)
    for plan in (before, after):
        plan.pop("settings")  # which are the file's own words now
    check("what it prints is a config file that asks for the same", before == after, r)


# --- run ---


def test_run(sim):
    config = write("two.ini", target("web", sim, more="profile = good")
                   + target("shop", sim, provider="Shop", more="profile = bad"))
    process = f"credential_process = cat {path_of('later.json')}"
    env = machine(profile("good", *GOOD) + profile("bad", process))
    run = start_run(config, env=env)
    bad = run.event(event="credentials", usable=False)
    check("keys that cannot be had are told, and by whom",
          bad and "bad" in bad["source"] and bad["reason"] and bad["expires"] is None, bad)
    check("in the log too", run.log("targets that need them wait"), run.seen["err"])
    sim.control("POST", "jobs", region="us-east-1", provider="Acme", count=1)
    job = run.event(event="job")
    check("targets of other keys are polled meanwhile",
          job and job["actionTypeId"]["provider"] == "Acme", job)
    run.signal(signal.SIGTERM)
    check("and a run with targets that wait ends with 0", run.wait() == 0)


def test_no_keys(sim):
    run = start_run(write("none.ini", target("web", sim)), env=machine())
    event = run.event(event="credentials")
    check("run without keys says so and waits", event and event["usable"] is False, event)
    run.signal(signal.SIGINT)
    check("and ends when told to", run.wait() == 0)


def test_no_verify_ssl():
    """Who gives out keys is verified whatever the poll is told."""
    tls = Sim("--tls")
    web = dict(machine(), AWS_WEB_IDENTITY_TOKEN_FILE=write("web-token", "a.b.c"),
               AWS_ROLE_ARN="arn:aws:iam::123456789012:role/r", AWS_MAX_ATTEMPTS="1",
               AWS_ENDPOINT_URL_STS=tls.url)
    asked = ("poll", "--region", "us-east-1", "--action-type-id", ACME, "--endpoint-url", tls.url)
    poll = pipepoll(*asked, "--no-verify-ssl", env=web)
    check("--no-verify-ssl warns, and trusts no STS",
          poll.code == 253 and "warning: --no-verify-ssl" in poll.err
          and "certificate of the server is not trusted" in poll.err, poll)
    poll = pipepoll(*asked, "--no-verify-ssl", env=KEYS)
    check("but any service", poll.code == 0 and "warning" in poll.err, poll)
    poll = pipepoll(*asked, env=KEYS)
    check("which is refused without it", poll.code == 255 and "warning" not in poll.err, poll)
    tls.signal(signal.SIGTERM)
    tls.wait()


# --- core dumps ---


def core_limits(run):
    with open(f"/proc/{run.p.pid}/limits", encoding="ascii") as f:
        return next(line for line in f if line.startswith("Max core file size")).split()[4:6]


def test_core(sim):
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    config = write("core.ini", target("web", sim))
    hidden = {k: v for k, v in KEYS.items() if k != "PIPEPOLL_ALLOW_CORE"}
    run = start_run(config, env=hidden)
    check("a process that holds keys dumps no core", core_limits(run) == ["0", "0"])
    run.signal(signal.SIGTERM)
    run.wait()
    if hard == 0:
        print("skipped: no core may be dumped here anyway")
        return
    run = start_run(config, env=dict(KEYS, PIPEPOLL_ALLOW_CORE="1"))
    check("but with PIPEPOLL_ALLOW_CORE=1", core_limits(run)[1] != "0", core_limits(run))
    run.signal(signal.SIGTERM)
    run.wait()


def main():
    test_poll_again()
    test_poll_on_wrong_settings()
    test_attempts_and_app_id()
    test_roots()
    test_settings()
    test_stdin()
    test_plan_of_accounts()
    test_print_config()
    sim = Sim()
    test_debug(sim)
    test_poll(sim)
    test_poll_that_loses_its_keys(sim)
    test_run(sim)
    test_no_keys(sim)
    test_core(sim)
    test_no_verify_ssl()
    sim.signal(signal.SIGTERM)
    sim.wait()
    finish()


if __name__ == "__main__":
    main()
