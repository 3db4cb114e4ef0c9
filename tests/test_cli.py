#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program as its users meet it: test_cli.py PATH-OF-PIPEPOLL."""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
from lib.program import (ACME, BARE, DEADLINE_S, KEYS, PROGRAM, SECRET, TOKEN, Sim, check,
                         everything, finish, folder, path_of, pipepoll, start_run, target, write)

COMMANDS = ("poll", "run", "jobs", "check", "doctor", "sim", "demo", "bench")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# --- poll --------------------------------------------------------------------------------------


def test_poll(sim):
    def poll(*arguments, env=None, id=ACME):
        return pipepoll("poll", "--endpoint-url", sim.url, "--action-type-id", id, *arguments,
                        env=env)

    check("the port file holds the port",
          open(sim.port_file).read().strip() == sim.url.rsplit(":", 1)[1])

    r = poll("--region", "us-east-1")
    answer = json.loads(r.out or "{}")
    check("nothing to do is an empty list and exit 0", r.code == 0 and answer.get("jobs") == [], r)
    check("the request id is there", UUID.fullmatch(answer.get("amzRequestId", "")), r)
    check("it is laid out as the AWS CLI does", r.out == json.dumps(answer, indent=4) + "\n", r)
    check("and nothing is on stderr", r.err == "", r)

    sim.control("POST", "jobs", region="us-east-1", provider="Acme", count=3)
    r = poll("--region=us-east-1", "--max-batch-size", "2")
    jobs = json.loads(r.out or "{}").get("jobs", [])
    check("two of three jobs come when two are asked for", r.code == 0 and len(jobs) == 2, r)
    check("a job has its two ids and no more",
          all(set(j) == {"clientId", "jobId"} for j in jobs), r)
    check("jobs are laid out as the AWS CLI does",
          r.out == json.dumps(json.loads(r.out), indent=4) + "\n", r)

    r = poll("--region", "us-east-1", id='{"category": "Build", "provider":"Acme","version":"1"}')
    check("the JSON form of the action type finds the third",
          len(json.loads(r.out or "{}").get("jobs", [])) == 1, r)

    sim.control("POST", "jobs", region="eu-west-1", provider="Acme", count=1)
    r = poll("--region", "us-east-1", "--region", "eu-west-1", "--region", "us-east-1")
    answer = json.loads(r.out or "{}")
    check("several regions are one object, in the order given",
          list(answer) == ["us-east-1", "eu-west-1"], r)
    check("each with its answer", [len(a["jobs"]) for a in answer.values()] == [0, 1], r)
    check("laid out alike", r.out == json.dumps(answer, indent=4) + "\n", r)
    r = poll("--region", "all:aws-us-gov")
    check("all:PARTITION polls its regions",
          r.code == 0 and set(json.loads(r.out)) == {"us-gov-west-1", "us-gov-east-1"}, r)
    r = poll("--region", "all")
    check("all polls every region of aws", r.code == 0 and len(json.loads(r.out)) > 20, r)

    env = dict(KEYS, AWS_ENDPOINT_URL_CODEPIPELINE=sim.url, AWS_DEFAULT_REGION="sa-east-1")
    before = sim.control("GET", "stats")["requests"]
    r = pipepoll("poll", "--action-type-id", ACME, env=env)
    check("the endpoint and the region may come from the environment",
          r.code == 0 and sim.control("GET", "stats")["requests"] == before + 1, r)


def test_answer_that_cannot_be_printed(sim):
    sim.control("POST", "jobs", region="us-east-1", provider="Unprintable", count=1)
    r = pipepoll("poll", "--endpoint-url", sim.url, "--region", "us-east-1", "--action-type-id",
                 ACME.replace("Acme", "Unprintable"), "--query", "abs(jobs)")
    whole = [line for line in r.err.splitlines() if line.startswith("The whole answer: {")]
    check("a query that its answer refuses loses no job", r.code == 255 and r.out == "" and
          len(whole) == 1 and json.loads(whole[0].split(": ", 1)[1])["jobs"][0]["jobId"], r)


def test_poll_failures(sim):
    def poll(region, *arguments, env=None, url=sim.url):
        return pipepoll("poll", "--endpoint-url", url, "--action-type-id", ACME, "--region", region,
                        *arguments, env=env)

    called = " when calling the PollForThirdPartyJobs operation"
    r = poll("us-east-1", env=dict(KEYS, AWS_SECRET_ACCESS_KEY="wrong"))
    check("a wrong secret is refused as AWS refuses it",
          r.code == 254
          and r.err.startswith(f"\nAn error occurred (InvalidSignatureException){called}: "), r)
    check("and leaves stdout empty", r.out == "", r)

    r = poll("us-east-1", env=BARE)
    check("no credentials: 253, and where they were looked for", r.code == 253
          and r.err.startswith("\nUnable to locate credentials: ") and r.err.count("\n") == 2
          and "environment" in r.err and r.out == "", r)

    sim.control("PUT", "faults", region="eu-west-3", **{"error-rate": 1})
    before = sim.control("GET", "stats")["requests"]
    r = poll("eu-west-3")
    check("a failing service is asked three times, then 254",
          r.code == 254 and f"{called} (reached max retries: 2): " in r.err
          and sim.control("GET", "stats")["requests"] == before + 3, r)
    r = pipepoll("poll", "--endpoint-url", sim.url, "--action-type-id", ACME,
                 "--region", "eu-west-3", "--region", "us-east-1")
    check("one region's failure leaves the other's answer",
          r.code == 254 and list(json.loads(r.out)) == ["us-east-1"]
          and "\neu-west-3: An error" in r.err, r)

    sim.control("PUT", "faults", region="eu-west-2", **{"garbage-rate": 1})
    r = poll("eu-west-2")
    check("an answer that is not JSON is no empty answer: 255",
          r.code == 255 and r.out == "" and "No answer from" in r.err, r)

    sim.control("PUT", "faults", region="eu-north-1", latency=600000)
    r = poll("eu-north-1", "--timeout", "0.1")
    check("a service that does not answer: 255",
          r.code == 255 and "Read timeout on endpoint URL" in r.err, r)
    sim.control("DELETE", "faults")

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        r = poll("us-east-1", url=f"http://127.0.0.1:{s.getsockname()[1]}")
    check("nobody there: 255", r.code == 255 and "Could not connect to the endpoint URL" in r.err
          and "(reached max retries: 2)" in r.err, r)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        r = poll("us-east-1", url=f"http://127.0.0.1:{s.server_port}")
        s.shutdown()
    check("a message cannot command the terminal", r.code == 254
          and r.err.endswith(": a?[2J?1m?b\n"), r)


class Hostile(http.server.BaseHTTPRequestHandler):
    """A service whose words would command a terminal."""

    def do_POST(self):
        body = b'{"__type":"Odd","message":"a\\u001b[2J\\u009b1m\\nb"}'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("x-amzn-RequestId", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_tls():
    ca = path_of("ca.pem")
    sim = Sim("--tls", "--ca-file", ca)

    def poll(*arguments, env=None):
        return pipepoll("poll", "--endpoint-url", sim.url, "--action-type-id", ACME, "--region",
                        "us-east-1",
                        *arguments, env=env)

    r = poll()
    check("an unknown certificate is refused",
          r.code == 255 and "SSL validation failed" in r.err, r)
    r = poll("--ca-bundle", ca)
    check("--ca-bundle makes it known", r.code == 0, r)
    r = poll(env=dict(KEYS, AWS_CA_BUNDLE=ca))
    check("AWS_CA_BUNDLE too", r.code == 0, r)
    r = poll("--ca-bundle", path_of("nothing.pem"))
    check("a bundle that is not there: 255", r.code == 255 and "nothing.pem" in r.err, r)
    sim.signal(signal.SIGTERM)
    check("the simulator ends on SIGTERM", sim.wait() == 0)


# --- usage -------------------------------------------------------------------------------------


def test_usage():
    for arguments, words in (
            (["poll", "--regoin", "x"], '"--regoin" (did you mean "--region"?)'),
            (["poll", "extra"], 'unexpected argument "extra"'),
            (["sim", "extra"], 'unexpected argument "extra"'),
            (["poll"], "--action-type-id is required"),
            (["poll", "--action-type-id"], "--action-type-id needs a value"),
            (["poll", "--endpoint-url", "", "--action-type-id", ACME], "an empty one"),
            (["poll", "--endpoint-url=", "--action-type-id", ACME], "an empty one"),
            (["poll", "--profile", "--region", "us-east-1"], "--profile needs a value"),
            (["poll", "--no-p=1"], "--no-paginate takes no value"),
            (["poll", "--cli", "1"], 'several options begin with "--cli": --cli-'),
            (["check", "a.ini", "b.ini"], 'one FILE is taken, and this is another: "b.ini"'),
            (["run", "--config", "a.ini", "b.ini"], 'this is another: "b.ini"'),
            (["poll", ""], 'unexpected argument ""'),
            (["poll", "--region", "us-east-12", "--action-type-id", ACME],
             '"us-east-12" (did you mean "us-east-1"?); --allow-unknown-region'),
            (["sim", "--lsten", "x"], '"--lsten" (did you mean "--listen"?)'),
            (["check", ""], "empty argument"),
            (["poll", "--action-type-id", ACME.replace("Build", "Bild")], "Bild"),
            (["poll", "--action-type-id", ACME, "--max-batch-size", "0"],
             "Invalid value for parameter maxBatchSize, value: 0"),
            (["poll", "--action-type-id", ACME, "--max-batch-size", "x"],
             "--max-batch-size is a number"),
            (["poll", "--action-type-id", ACME, "--timeout", "soon"],
             "--timeout is a number of seconds"),
            (["poll", "--action-type-id", ACME, "--region", "us_east_1"], "us_east_1"),
            (["poll", "--action-type-id", ACME, "--region", "all:moon"], '"all:moon"'),
            (["poll", "--action-type-id", ACME, "--endpoint-url", "ftp://x"], "ftp://x"),
            (["run"], "--config FILE is required"),
            (["jobs"], "--config FILE or --state-dir DIR is required"),
            (["jobs", "--config", "x", "--state-dir", "y"], "exclude each other"),
            (["jobs", "--state-dir", "x", "--state", "done"],
             "--state is open, claiming, running, reporting or ended"),
            (["jobs", "--state-dir", "x", "--limit", "0"], "--limit is a number from 1 to 1000000"),
            (["jobs", "--state-dir", "x", "--output", "text"], "--output is table or json"),
            (["jobs", "a", "b"], 'one JOB_ID is taken, and this is another: "b"'),
            (["run", "--config", "x", "--log-level", "loud"],
             "--log-level is error, warning, info or debug"),
            (["check", "--output=xml", "--config", "x"], "--output is text or json"),
            (["run", "--config", "x", "--loops", "65"], "--loops is a number from 1 to 64"),
            (["demo", "--seconds", "0"], "--seconds is a number"),
            (["bench", "--endpoint-url", "ftp://x"], "ftp://x"),
            (["bench", "--endpoint-url", "https://codepipeline.us-east-1.amazonaws.com"],
             "--i-know"),
            (["bench", "--endpoint-url", "http://x.AmazonAWS.com.CN.:80/y"], "--i-know"),
            (["bench", "--endpoint-url", "http://x", "--polls", "1", "--duration", "1"],
             "exclude each other"),
            (["bench", "--endpoint-url", "http://x", "--loops", "2", "--regions", "1"],
             "--regions must be at least --loops, 2"),
            (["bench", "--endpoint-url", "http://x", "--loops", "2", "--in-flight", "1"],
             "--in-flight must be at least --loops, 2"),
            (["bench", "--endpoint-url", "http://x", "--targets", "1", "--regions", "2"],
             "--targets must be at least one for each region"),
            (["pol"], 'unknown command "pol" (did you mean "poll"?)'),
            (["--hlep"], 'unknown option "--hlep"'),
            (["poll", "--re\x1b[2J\u009b1m"], 'unknown option "--re?[2J??1m"'),
            (["p\x1b[2J"], 'unknown command "p?[2J"'),
            ([], "a command is missing")):
        r = pipepoll(*arguments)
        check(f"usage: {' '.join(arguments) or '(nothing)'}",
              r.code == 252 and words in r.err and r.err.strip().count("\n") < 2 and r.out == "", r)
    r = pipepoll("--help")
    check("--help names the commands",
          r.code == 0 and all(c in r.out for c in COMMANDS), r)
    for command in COMMANDS:
        r = pipepoll(command, "--help")
        check(f"{command} --help has examples",
              r.code == 0 and "Example" in r.out and r.err == "", r)
        check(f"{command} --help begins as its sisters do",
              r.out.startswith(f"pipepoll {command} - ") and "\nOptions:\n" in r.out
              and re.search(rf"\n\nUsage: pipepoll {command} \[OPTION\]\.\.\."
                            r"( \[(FILE|JOB_ID)\])?\n\n", r.out), r)
    r = pipepoll("--version")
    check("--version names the libraries", r.code == 0 and
          re.fullmatch(r"pipepoll/\S+ libcurl/\S+ OpenSSL/\S+ libuv/\S+\n", r.out), r)
    test_simulator_is_beside()
    with open("/dev/full", "w") as full:
        p = subprocess.run([PROGRAM, "--version"], stdout=full, stderr=subprocess.PIPE, text=True)
        check("a version that cannot be written is no success", p.returncode == 255, p)


def test_simulator_is_beside():
    """`sim` and `demo` are another program, so that this one loads no library of a server."""
    alone = path_of("alone/pipepoll")
    os.makedirs(os.path.dirname(alone))
    shutil.copy(PROGRAM, alone)
    libraries = {"LD_LIBRARY_PATH": os.path.dirname(os.path.abspath(PROGRAM))}
    for command in ("sim", "demo"):
        p = subprocess.run([alone, command], env=dict(BARE, **libraries), text=True,
                           capture_output=True, timeout=DEADLINE_S)
        check(f"{command} without pipepoll-sim: one line that says where it belongs, and 255",
              p.returncode == 255 and p.stderr.count("\n") == 1
              and os.path.dirname(alone) + "/pipepoll-sim: No such file" in p.stderr, p)
    p = subprocess.run(["ldd", PROGRAM], text=True, capture_output=True)
    check("pipepoll loads no library of the simulated service alone",
          "libcurl" in p.stdout and "jansson" not in p.stdout, p)
    library = os.path.join(libraries["LD_LIBRARY_PATH"], "libpipepoll.so.0")
    p = subprocess.run(["ldd", library], text=True, capture_output=True)
    check("libpipepoll loads no library of a server or a database",
          "libcurl" in p.stdout and not re.search("microhttpd|jansson|sqlite", p.stdout), p)


# --- check -------------------------------------------------------------------------------------


def test_check():
    good = write("good.ini",
                 "[pipepoll]\ninterval = 2s\nmax-in-flight = 2\ncategory = Build\nversion = 1\n"
                             "[target web]\nregions = us-east-1, eu-west-1\nprovider = Acme\n"
                             "[target shop]\nregions = us-east-1\nprovider = Shop\n"
                             "interval = 500ms\n")
    r = pipepoll("check", "--config", good, env=BARE)
    check("check prints the plan", r.code == 0 and r.err == "" and all(w in r.out for w in (
        "Build/ThirdParty/Acme/1", "Build/ThirdParty/Shop/1", "500ms", "us-east-1", "eu-west-1",
        "codepipeline.us-east-1.amazonaws.com", "memory", "polls/s          3 while little")), r)
    text = r.out
    check("check FILE means the same", pipepoll("check", good, env=BARE).out == text)
    r = pipepoll("check", "--config", good, "--output", "json", env=BARE)
    plan = json.loads(r.out or "{}")
    check("and as JSON", r.code == 0 and plan["pollsPerSecond"] == 3 and plan["targetCount"] == 3
          and plan["maxInFlight"] == 2 and plan["maxMemoryBytes"] > 0
          and [t["name"] for t in plan["targets"]] == ["web", "shop"]
          and [t["pickupMsP50"] for t in plan["targets"]] == [1000, 250]
          and [(b["region"], b["targets"], b["pollsPerSecond"]) for b in plan["budgets"]]
          == [("us-east-1", 2, 2.5), ("eu-west-1", 1, 0.5)], r)
    check("totals come before the regions, the busiest of them first",
          0 < text.find("\nmemory ") < text.find("\nREGION ")
          and re.search(r"\nus-east-1 +2 +2\.5 .*default\neu-west-1 +1 +0\.5 .*default\n", text),
          text)
    many = write("many.ini", "[pipepoll]\ninterval = 30s\ncategory = Build\nversion = 1\n"
                             "[target all]\nregions = all\nprovider = Acme\n"
                             "[target more]\nregions = eu-west-1\nprovider = More\n")
    r = pipepoll("check", "--config", many, env=BARE)
    regions = r.out[r.out.find("\nREGION "):].split("\n\n")[0].splitlines()[2:]
    count = int(re.search(r" in (\d+) regions\n", r.out)[1])
    check("regions with the same load are folded into one line", r.code == 0
          and regions[0].split()[:3] == ["eu-west-1", "2", "0.06667"] and len(regions) == 3
          and regions[2].startswith(f"{count - 2} more, each") and " 0.03333 " in regions[2], r)
    bad = write("bad.ini",
                "[target web]\nregions = us-east-1\nproviderr = Acme\nversion = 1\ninterval = x\n")
    r = pipepoll("check", "--config", bad)
    lines = r.err.splitlines()
    check("check tells all that is wrong, in order, with its place",
          r.code == 252 and r.out == "" and
          [l.split(": ")[0][len(bad):] for l in lines] == [":1:1", ":3:1", ":5:12"], r)
    check("with the nearest name", '(did you mean "provider"?)' in r.err, r)
    r = pipepoll("check", "--config", path_of("none.ini"))
    check("a file that is not there is told",
          r.code == 252 and "none.ini: No such file" in r.err, r)
    r = pipepoll("run", "--config", bad)
    check("run does not start with a bad file",
          r.code == 252 and 'unknown key "providerr"' in r.err, r)


def jobs_of(lines):
    return [e for e in map(json.loads, lines) if e["event"] == "job"]


# --- run ---------------------------------------------------------------------------------------


def test_run(sim, loops):
    config = write("run.ini", target("web", sim, regions="us-east-1, eu-west-1"))
    run = start_run(config, "--log-format", "json", loops=loops)
    check("run says what it polls",
          run.started
          and "2 targets of 1 section in" in json.loads(run.started)["message"], run.started)
    check("a line of the log is JSON if so asked",
          set(json.loads(run.started)) == {"time", "level", "message"})
    sim.control("POST", "jobs", region="eu-west-1", provider="Acme", count=1)
    job = run.event(event="job")
    check("a job is one line with these members", job and list(job) == [
        "event", "time", "region", "actionTypeId", "clientId", "jobId", "amzRequestId"], job)
    check("region and action type are the target's",
          job["region"] == "eu-west-1" and job["actionTypeId"] == {
        "category": "Build", "owner": "ThirdParty", "provider": "Acme", "version": "1"}, job)
    check("its time is RFC 3339",
          re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["time"]), job)

    sim.control("PUT", "faults", region="us-east-1", **{"error-rate": 1, "error-status": 503})
    ill = run.event(event="health", healthy=False)
    check("a target that fails is told",
          ill and ill["target"] == "web" and ill["region"] == "us-east-1"
          and ill["status"] == ill["cause"] == "service-failed" and ill["httpStatus"] == 503
          and "retryInMs" in ill, ill)
    told = run.log("[target web] in us-east-1: service-failed: ") or ""
    check("in the log too, with the service's code and no promise of milliseconds",
          ill["code"] and ill["code"] in told
          and re.search(r"; retrying; \d+ failed polls? since ", told), told)
    about = json.loads(told or "{}")
    check("whose JSON has as members what the prose says",
          [about.get(name) for name in ("target", "region", "status", "cause", "code", "httpStatus",
                                        "targets", "regions")]
          == ["web", "us-east-1", "service-failed", "service-failed", ill["code"], 503, 1, 1]
          and about.get("amzRequestId"), told)
    run.signal(signal.SIGUSR1)
    status = run.log("status: ") or ""
    check("SIGUSR1 asks for one line on how things stand",
          re.search(r"status: polls \d+, jobs 1, failed [1-9]\d*; targets 2, unhealthy 1; ",
                    status), status)
    sim.control("DELETE", "faults")
    well = run.event(event="health")
    check("and that it is well again, once",
          well and well["healthy"] is True and well["status"] == "ok", well)
    run.signal(signal.SIGTERM)
    check("SIGTERM ends it with 0", run.wait() == 0)
    ended = run.log("ended: ") or "{}"
    check("and one line says what it did",
          re.fullmatch(r"ended: 1 job in \d+ polls", json.loads(ended).get("message", "")), ended)
    events = [json.loads(l) for l in run.rest("out")]
    keys = [e for e in events if e["event"] == "credentials"]
    check("each loop says where its keys come from, once",
          len(keys) == loops and list(keys[0]) == ["event", "time", "source", "usable", "degraded",
                                               "expires", "reason"]
          and keys[0]["source"] == "environment" and keys[0]["usable"] is True
          and keys[0]["expires"] is None and keys[0]["reason"] == "", keys)
    check("nothing else was written", len(events) - len(keys) == 3, events)


def insist(run):
    """Ask a run that is ending already once more, when that no longer counts as the same signal
    twice; the exit code."""
    try:
        run.p.wait(1.1)
    except subprocess.TimeoutExpired:
        run.signal(signal.SIGTERM)
    return run.wait()


def test_drain(sim, loops):
    sim.control("PUT", "faults", region="ap-south-1", latency=300)
    sim.control("POST", "jobs", region="ap-south-1", provider="Acme", count=1)
    before = sim.control("GET", "stats")
    run = start_run(write("drain.ini", target("slow", sim, regions="ap-south-1")), loops=loops)
    sim.until(lambda s: s["requests"] > before["requests"])
    run.signal(signal.SIGINT)
    run.log("SIGINT")
    run.signal(signal.SIGTERM)  # as timeout(1) does: its child, then its group
    code = run.wait()
    jobs = jobs_of(run.rest("out"))
    check("a poll in flight at SIGINT is finished and its job written, be the signal doubled",
          code == 0 and len(jobs) == 1, (code, jobs))
    check("and counted", run.log("ended: 1 job in "), run.seen["err"])

    sim.control("PUT", "faults", region="ap-south-1", latency=600000)
    before = sim.control("GET", "stats")
    run = start_run(write("drain.ini", target("slow", sim, regions="ap-south-1")), loops=loops)
    sim.until(lambda s: s["requests"] > before["requests"])
    run.signal(signal.SIGTERM)
    run.log("SIGTERM")
    check("a signal again, after a while, ends at once", insist(run) == 143)
    check("and says what is left behind",
          run.log("ended at once: 0 jobs not written, 1 poll in flight"), run.seen["err"])
    sim.control("DELETE", "faults")


def test_reload(sim, loops):
    config = write("reload.ini", target("one", sim, provider="One"))
    run = start_run(config, loops=loops)
    write("reload.ini", target("first", sim, provider="One") + target("two", sim, provider="Two"))
    run.signal(signal.SIGHUP)
    check("a reload adds what is new and leaves the rest",
          run.log(" 1 target added, 0 removed, 1 unchanged"), run.seen["err"])
    sim.control("POST", "jobs", region="us-east-1", provider="Two", count=1)
    job = run.event(event="job")
    check("the new target is polled", job and job["actionTypeId"]["provider"] == "Two", job)
    write("reload.ini", target("first", sim, provider="One", more="intervall = 1s"))
    run.signal(signal.SIGHUP)
    check("a bad file is told with its place",
          run.log('reload.ini:8:1: unknown key "intervall"'), run.seen["err"])
    check("and changes nothing", run.log("reload.ini: nothing changes"),
          run.seen["err"])
    sim.control("POST", "jobs", region="us-east-1", provider="Two", count=1)
    check("what was polled still is", run.event(event="job"))
    write("reload.ini", target("two", sim, provider="Two"))
    run.signal(signal.SIGHUP)
    check("a reload ends what is gone",
          run.log("0 targets added, 1 removed, 1 unchanged"), run.seen["err"])
    sim.control("POST", "jobs", region="us-east-1", provider="Two", count=1)
    check("and the rest goes on", run.event(event="job"))
    write("reload.ini", "[pipepoll]\nmax-in-flight = 77\nrequest-timeout = 9s\nlog-level = debug\n"
          + target("two", sim, provider="Two"))
    run.signal(signal.SIGHUP)
    check("a reload names what has to wait for the next start",
          run.log("next start: max-in-flight, request-timeout"), run.seen["err"])
    check("and takes another log-level at once", run.log("log-level is debug from now on"),
          run.seen["err"])
    sim.control("PUT", "faults", region="us-east-1", **{"error-rate": 1, "error-status": 503})
    check("debug has a line for each failed poll",
          run.log(" warning [target two]") and run.log(" debug   [target two] in us-east-1: "),
          run.seen["err"])
    sim.control("DELETE", "faults")
    run.signal(signal.SIGTERM)
    check("a reloaded run ends with 0", run.wait() == 0)


def test_broken_output(sim, loops):
    region = f"ap-southeast-{loops}"  # jobs that are lost here come again when their lease ends
    config = write("broken.ini", target("web", sim, regions=region))
    reader, writer = os.pipe()
    run = start_run(config, loops=loops, stdout=writer)
    os.close(writer)
    os.close(reader)
    code = run.wait()
    check("a reader that leaves ends it with 1", code == 1, code)
    errors = [l for l in run.rest("err") if " error " in l]
    check("and one clear line",
          len(errors) == 1 and "cannot write to stdout: broken pipe" in errors[0], errors)

    run = subprocess.run(["sh", "-c", '"$0" run --config "$1" >&-', PROGRAM, config], env=KEYS,
                         text=True,
                         stderr=subprocess.PIPE, timeout=DEADLINE_S)
    check("a closed stdout is told at the start",
          run.returncode == 255 and "not open for writing" in run.stderr, run)

    sim.control("POST", "jobs", region=region, provider="Acme", count=2)
    stats = sim.control("GET", "stats")
    with open("/dev/full", "w") as full:
        run = start_run(config, loops=loops, stdout=full)
        code = run.wait()
    lines = run.rest("err")
    lost = [json.loads(l.split("not written to stdout: ")[1]) for l in lines if "not written" in l]
    check("a full device ends it with 1",
          code == 1 and any("no space left" in l for l in lines), (code, lines))
    taken = sim.control("GET", "stats")["jobsHandedOut"] - stats["jobsHandedOut"]
    check("and the jobs it took and could not write are in the log",
          len({j["jobId"] for j in lost}) == taken, (lost, taken))


def start_stuck(sim, loops, count):
    """A run that nobody reads from, at the moment when pipe, queues and credit are used up although
    `count` jobs waited; the end of the pipe to read from; and how many jobs it has taken."""
    waiting = sim.control("GET", "stats")["jobsWaiting"]
    sim.control("POST", "jobs", region="us-east-2", provider="Acme", count=count - waiting)
    reader, writer = os.pipe()
    config = write("slow.ini", f"[pipepoll]\nmax-in-flight = {loops}\n" +
                   target("web", sim, regions="us-east-2", interval="1ms",
                          more="max-batch-size = 1000"))
    run = start_run(config, loops=loops, stdout=writer)
    os.close(writer)
    seen = []

    def is_parked(stats):
        seen.append(stats["requests"])
        return len(seen) > 200 and len(set(seen[-200:])) == 1
    stats = sim.until(is_parked)
    check("polling stops while nobody reads, and jobs stay in the service",
          is_parked(stats) and count - 1500 < stats["jobsWaiting"] < count, stats)
    return run, reader, count - stats["jobsWaiting"]


def read_jobs(run, reader, wanted):
    """The ids of the jobs that come until the end, which is asked for after so many."""
    jobs = []
    deadline = threading.Timer(DEADLINE_S, run.p.kill)
    deadline.start()
    with os.fdopen(reader) as f:
        for line in f:
            jobs += [job["jobId"] for job in jobs_of([line])]
            if len(jobs) == wanted:
                run.signal(signal.SIGTERM)
    deadline.cancel()
    return jobs


def lost_jobs(run):
    return [json.loads(l.split("not written to stdout: ")[1])["jobId"]
            for l in run.rest("err") if "not written to stdout: " in l]


def test_slow_reader(loops):
    """The jobs in a pipe, in queues of 64 KiB and in one answer are far fewer than 1500."""
    sim = Sim()  # of its own
    count = 5000
    in_pipe = 65536 // 256  # what a pipe holds of lines that are longer than that
    run, reader, taken = start_stuck(sim, loops, count)
    jobs = read_jobs(run, reader, count)
    check("a slow reader gets every job once",
          run.wait() == 0 and len(jobs) == count == len(set(jobs)),
          (len(jobs), len(set(jobs)), taken))

    run, reader, taken = start_stuck(sim, loops, count)
    run.signal(signal.SIGTERM)
    run.log("SIGTERM")
    jobs = read_jobs(run, reader, None)
    check("an end while nobody reads waits for the reader, and loses nothing",
          run.wait() == 0 and len(jobs) == taken == len(set(jobs)), (len(jobs), taken))

    run, reader, taken = start_stuck(sim, loops, count)
    run.signal(signal.SIGTERM)
    run.log("SIGTERM")
    os.close(reader)
    code = run.wait()
    lost = lost_jobs(run)
    check("a reader that leaves after the end was asked for finds the rest in the log",
          code == 1 and taken - in_pipe <= len(lost) <= taken and len(set(lost)) == len(lost),
          (code, len(lost), taken))

    run, reader, taken = start_stuck(sim, loops, count)
    run.signal(signal.SIGTERM)
    run.log("SIGTERM")
    code = insist(run)
    lost = lost_jobs(run)
    check("a run ended at once tells each job that it has not written, and how many",
          code == 143 and taken - in_pipe <= len(lost) <= taken and len(set(lost)) == len(lost)
          and f"ended at once: {len(lost)} jobs not written, 0 polls" in run.seen["err"][-1],
          (code, len(lost), taken, run.seen["err"][-1:]))
    os.close(reader)
    sim.signal(signal.SIGTERM)
    sim.wait()


def test_loops():
    sim = Sim()  # of its own: the jobs that other tests left come back when their leases end
    regions = ["us-east-1", "us-east-2", "us-west-1", "eu-west-1", "eu-central-1", "sa-east-1"]
    config = write("loops.ini", "".join(target(f"t{i}", sim, regions=r, interval="10ms")
                                        for i, r in enumerate(regions[:4])))
    run = start_run(config, loops=3)
    check("run says on how many loops", run.started and "polling 4 targets of 4 sections" in
          run.started and " on 3 loops " in run.started, run.started)
    write("loops.ini", "".join(target(f"t{i}", sim, regions=r, interval="10ms")
                               for i, r in enumerate(regions)))
    run.signal(signal.SIGHUP)
    check("a reload over loops moves no target",
          run.log("2 targets added, 0 removed, 4 unchanged"), run.seen["err"])
    before = sim.control("GET", "stats")["jobsHandedOut"]
    for region in regions:
        sim.control("POST", "jobs", region=region, provider="Acme", count=200)
    sim.until(lambda s: s["jobsHandedOut"] >= before + 600)
    run.signal(signal.SIGTERM)
    code = run.wait()
    jobs = jobs_of(run.rest("out"))
    handed_out = sim.control("GET", "stats")["jobsHandedOut"] - before
    check("what was handed out to any loop is written once, also by a drain under load",
          code == 0 and len({j["jobId"] for j in jobs}) == len(jobs) == handed_out >= 600,
          (code, len(jobs), handed_out))
    run = start_run(config, loops=3)
    sim.until(lambda s: s["jobsWaiting"] == 0)
    run.signal(signal.SIGTERM)
    check("the next run finds the rest", run.wait() == 0 and
          len(jobs) + len(jobs_of(run.rest("out"))) == 6 * 200, len(jobs))

    run = start_run(config, loops=8)
    check("loops without a region are told",
          run.log("2 of 8 loops have nothing to poll"), run.seen["err"])
    run.signal(signal.SIGTERM)
    check("and end as well", run.wait() == 0)
    config = write("loops.ini", "[pipepoll]\nmax-in-flight = 2\n" + target("web", sim))
    r = pipepoll("run", "--config", config, "--loops", "3")
    check("more loops than polls in flight are refused",
          r.code == 252 and "--loops 3 is more than max-in-flight, 2" in r.err, r)
    sim.signal(signal.SIGTERM)
    sim.wait()


def test_bench(sim):
    def bench(*arguments, url=sim.url, env=None):
        return pipepoll("bench", "--endpoint-url", url, "--in-flight", "8", "--warm-up", "0",
                        *arguments, env=env)

    r = pipepoll("bench")
    check("bench refuses to load AWS by accident",
          r.code == 252 and "--endpoint-url is required" in r.err and r.err.count("\n") == 1, r)
    r = bench("--polls", "500")
    check("bench prints a table and a plot", r.code == 0 and r.err == "" and all(
        re.search(line, r.out, re.M) for line in (
            r"^polls +\d+$", r"^polls/s +[\d.]+$", r"^CPU per poll +[\d.]+ us ",
            r"^failed polls +0 ", r"^p99\.99 +[\d.]+ ms$", r" \.\. +[\d.]+ ms +\d+ #+$")), r)
    for loops in (1, 2):
        r = bench("--polls", "500", "--loops", str(loops), "--regions", "4", "--output", "json")
        got = json.loads(r.out or "{}")
        latency = got["latency"]
        check(f"bench --loops {loops} keeps the polls in flight that were asked for",
              r.code == 0 and got["polls"] >= 500 and got["connections"] == 8
              and got["connectionsWhileMeasured"] == 0 and 7 <= got["inFlightMean"] <= 8.01, r)
        check("its figures fit together",
              got["loops"] == loops and got["failures"] == 0 and got["failuresByStatus"] == {}
              and abs(got["pollsPerSecond"] - got["polls"] / got["seconds"])
              <= 0.01 * got["pollsPerSecond"]
              and 0 < got["loopCpuShare"] <= 1.1 and 0 < got["loopBusyShare"] <= 1.1
              and got["longestTurnUs"] > 0 and got["residentBytes"] > 1e6, r)
        check("so does the histogram",
              sum(b["count"] for b in latency["buckets"]) == got["polls"]
              and latency["p50Us"] <= latency["p90Us"] <= latency["p99_99Us"] <= latency["maxUs"]
              and latency["buckets"][-1]["leastUs"] <= latency["maxUs"], r)
    before = sim.control("GET", "stats")["requests"]
    r = bench("--warm-up", "0.4", "--duration", "0.2", "--output", "json")
    got = json.loads(r.out)
    check("--warm-up and --duration are kept",
          got["warmUpSeconds"] >= 0.4 and 0.2 <= got["seconds"] < 5, r)
    requests = sim.control("GET", "stats")["requests"] - before
    # What is in flight at the end is not counted either: 8 at most. A busy machine polls slowly.
    check("polls of the warm-up are not counted", got["polls"] < requests - 16, (r, requests))

    r = bench("--duration", "0.1", "--output", "json", env=dict(KEYS, AWS_SECRET_ACCESS_KEY="x"))
    got = json.loads(r.out or "{}")
    check("failed polls are counted by kind, and exit 1",
          r.code == 1 and got["polls"] == 0 and got["failuresByStatus"].get("credentials", 0) > 0
          and re.search("the last failure: [a-z0-9-]+: ", r.err), r)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        r = bench(url=f"http://127.0.0.1:{s.getsockname()[1]}")
    check("nobody there: exit 1, without waiting for the end",
          r.code == 1 and "no poll was answered" in r.err, r)
    check("a table of nothing is not printed", r.out == "", r)
    regions = [re.search("the last failure: ([a-z0-9-]+): ",
                         bench("--duration", "0.1", *flags,
                               env=dict(KEYS, AWS_SECRET_ACCESS_KEY="x", **variables)).err)
               for flags, variables in (([], {}), ([], {"AWS_REGION": "eu-west-3"}),
                                        (["--region", "lab-1"], {"AWS_REGION": "eu-west-3"}))]
    check("bench signs for --region, AWS_REGION or us-east-1",
          [m and m[1] for m in regions] == ["us-east-1", "eu-west-3", "lab-1"], regions)
    check("bench without credentials: 253", bench(env=BARE).code == 253)


def test_demo():
    r = pipepoll("demo", "--seconds", "2", "--interval", "200ms", "--regions", "5", "--output",
                 "json", env=BARE)
    got = json.loads(r.out or "{}")
    check("demo finds every job once", r.code == 0 and got["jobsMade"] > 0 and got["jobsLost"] == 0
          and got["jobsDoubled"] == 0 and got["failedPolls"] == 0 and got["polls"] > 100, r)
    r = pipepoll("demo", "--seconds", "1", "--interval", "100ms", "--regions", "2",
                 env=dict(BARE, TMPDIR=folder))
    check("and prints a table",
          r.code == 0 and re.search(r"^jobs lost +0$", r.out, re.M) and r.err == "", r)
    check("its certificate file is gone", not [f for f in os.listdir(folder) if "demo" in f])


def main():
    test_usage()
    test_check()
    sim = Sim()
    test_poll(sim)
    test_answer_that_cannot_be_printed(sim)
    test_poll_failures(sim)
    for loops in (1, 2):
        print(f"--- run --loops {loops}", flush=True)
        for test in (test_run, test_drain, test_reload, test_broken_output):
            test(sim, loops)
        test_slow_reader(loops)
    test_loops()
    test_bench(sim)
    sim.signal(signal.SIGTERM)
    check("the simulator ends with 0", sim.wait() == 0)
    test_tls()
    test_demo()
    text = "".join(everything)
    for word in (SECRET, TOKEN, "AWS4-HMAC-SHA256", "Credential="):
        check(f"no output holds {word.split('/')[0].split('-')[0]}...", word not in text,
              text[max(0, text.find(word) - 200):text.find(word) + 100])
    finish()


if __name__ == "__main__":
    main()
