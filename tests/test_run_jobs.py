#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pipepoll run` works jobs by a handler: results, tokens, several loops, targets without one, the
drain, kill -9, continuations within a process and across two. test_run_jobs.py PATH-OF-PIPEPOLL."""

import hmac
import http.server
import json
import os
import signal
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
from lib.job_program import TOKENS_PATH, Simulated, add, events, lines_of, program, wait_for
from lib.job_program import config as job_config
from lib.program import (DEADLINE_S, check, everything, finish, folder, path_of, start_run, target,
                         write)

# Each job does what its configuration says is to be done, and tells who it is when it starts.
HANDLER = r"""#!/usr/bin/python3
import json, os, signal, sys, time, urllib.request
job = json.loads(sys.stdin.readline())
what = job["configuration"]
with open(os.path.join(%r, "started"), "a") as f:
    f.write(job["jobId"] + "\n")
print(json.dumps({"progress": {"percent": 10, "summary": "begun"}}), flush=True)
if what.get("ignore-term"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if what.get("say"):
    print(what["say"], file=sys.stderr)
if what.get("exit"):
    sys.exit(int(what["exit"]))
if what.get("until"):
    while not os.path.exists(what["until"]):
        time.sleep(0.01)
secret = job["artifactCredentials"]["secretAccessKey"]
def fetch():
    request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={
        "Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["SecretAccessKey"]
if what.get("fetch"):
    kept = fetch()
    while fetch() == kept:  # it is not the newest any more, but still valid
        time.sleep(0.01)
    print("now it is", kept, file=sys.stderr)
print("the secret is", secret, file=sys.stderr)
assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.environ["AWS_CONFIG_FILE"] == "/dev/null"
assert secret not in str(sys.argv) + str(dict(os.environ))
print(json.dumps({"result": {"status": "succeeded", "summary": "done with " + job["jobId"]}}))
""" % folder

HANDLER_PATH = program("handler.py", HANDLER)


def config(name, sim, process="", handler="", targets=None):
    return job_config(name, sim, f"command = {HANDLER_PATH}\nkill-after = 20s\n{handler}",
                      process or "drain-timeout = 20s", targets=targets)


def started():
    return lines_of("started")


def end(run, number=signal.SIGTERM):
    run.signal(number)
    return run.wait()


def logged(run, text):
    return [l for l in run.rest("err") if text in l]


def logged_at(run, text):
    """What follows it in a line that has been read."""
    return next(l.split(text)[1] for l in run.seen["err"] if text in l)


def jobs_are_worked_once():
    with Simulated() as sim:
        add(sim, 20)
        add(sim, 1, exit="3")
        run = start_run(config("once", sim))
        wait_for("the results", lambda: len(events(sim, "succeeded", "failed")) == 21)
        check("SIGTERM ends it", end(run) == 0)
        check("each was claimed once", len(events(sim, "acknowledged")) == 21)
        check("20 succeeded", len(events(sim, "succeeded")) == 20)
        check("a handler's exit code fails its job", len(events(sim, "failed")) == 1)
        check("each started once", len(set(started())) == 21 == len(started()))
        check("a line for each end", len(logged(run, ": succeeded after")) == 20)
        secrets = [l for l in run.seen["err"] if "the secret is" in l]
        check("secrets are masked", len(secrets) == 20 and
              all(l.endswith("*") and "simulated-secret" not in l for l in secrets), secrets[:1])


def jobs_that_end_badly_are_summed_up_whatever_they_say():
    with Simulated() as sim:
        words = [a + b for a in "abcdef" for b in "ghijk"]
        for word in words:
            add(sim, 1, exit="3", say="it is " + word)
        run = start_run(config("badly", sim))
        wait_for("the results", lambda: len(events(sim, "failed")) == len(words))
        check("and end it", end(run) == 0)
        lines = logged(run, ": failed after")
        check("ten lines, and a sum", len(lines) == 11 and "(20 like it since" in lines[-1], lines)
        check("which say why", all(" s: it is " in l for l in lines), lines)


def targets_without_a_handler_write_their_jobs():
    with Simulated() as sim:
        targets = (target("web", sim, more="handler = build") +
                   target("plain", sim, regions="eu-west-1"))
        run = start_run(config("mixed", sim, targets=targets), loops=2)
        sim.control("POST", "jobs", count=3)
        sim.control("POST", "jobs", count=3, region="eu-west-1")
        lines = [run.event(event="job") for _ in range(3)]
        check("jobs of the other target are lines", all(l["region"] == "eu-west-1" for l in lines))
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 3)
        check("and end it", end(run) == 0)
        check("the lines' jobs were not claimed", len(events(sim, "acknowledged")) == 3)


def an_unknown_client_is_told():
    with Simulated() as sim:
        write("no-tokens", "# none\n")
        text = open(config("unknown", sim), encoding="utf-8").read()
        text = text.replace(f"client-tokens-command = {TOKENS_PATH}",
                            f"client-tokens = {path_of('no-tokens')}")
        run = start_run(write("unknown.ini", text))
        add(sim)
        check("an unknown client id is told", run.log("no client token is known for client ID"))
        check("its job is left", end(run) == 0 and not events(sim, "acknowledged"))
        told = [line for line in run.rest("err") if "no client token" in line]
        check("by one line for the job", len(told) == 1, told)


def drained(name, sim, process, **configuration):
    add(sim, 2, **configuration)
    before = len(started())
    run = start_run(config(name, sim, process))
    wait_for("the start", lambda: len(started()) == before + 2)
    return run


def a_drain_waits_for_handlers():
    with Simulated() as sim:
        go = path_of("go")
        run = drained("drain", sim, "", until=go)
        run.signal(signal.SIGTERM)
        run.log("SIGTERM")
        write("go", "")
        check("a drain waits for what runs", run.wait() == 0)
        check("and reports it", len(events(sim, "succeeded")) == 2)
        os.unlink(go)


def a_drain_that_takes_too_long_hands_back():
    with Simulated() as sim:
        run = drained("late", sim, "drain-timeout = 3s", until=path_of("never"))
        check("handlers are told to end", end(run) == 0)
        check("their jobs fail", len(events(sim, "failed")) == 2, events(sim, "failed"))
    with Simulated() as sim:
        run = drained("again", sim, "drain-timeout = 3s\non-restart = rerun",
                      until=path_of("never"), **{"ignore-term": "yes"})
        check("those that will not are killed", end(run) == 0)
        check("with on-restart = rerun they are continued", len(events(sim, "continued")) == 2)
        write("never", "")
        before = len(started())
        run = start_run(config("again", sim, "on-restart = rerun"))
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 2)
        check("and begun anew by the next", end(run) == 0 and len(started()) == before + 2)
        os.unlink(path_of("never"))


def killed(name, process):
    sim = Simulated()
    go = path_of(name + "-go")
    run = drained(name, sim, process, until=go)
    end(run, signal.SIGKILL)
    write(name + "-go", "")
    before = len(started())
    run = start_run(config(name, sim, process))
    check("what the journal held is told", any("2 jobs of an earlier run" in l
                                               for l in run.seen["err"]), run.seen["err"])
    wait_for("the results", lambda: len(events(sim, "succeeded", "failed")) == 2)
    check("it ends", end(run) == 0)
    check("nothing is claimed twice", len(events(sim, "acknowledged")) == 2)
    return sim, len(started()) - before, logged(run, ": failed")


def kill_9_loses_nothing():
    sim, again, lines = killed("fail", "on-restart = fail")
    with sim:
        check("after kill -9 jobs are reported failed", len(events(sim, "failed")) == 2 and
              again == 0)
        check("the log says why", len(lines) == 2 and all(
            ": failed: The worker ended while it ran this job" in l for l in lines), lines)
    sim, again, _ = killed("rerun", "on-restart = rerun")
    with sim:
        check("or run again", len(events(sim, "succeeded")) == 2 and again == 2)


def results_of_an_earlier_run_are_shown_as_being_sent():
    with Simulated() as sim:
        run = drained("left", sim, "", until=path_of("left-go"))
        end(run, signal.SIGKILL)
        write("left-go", "")
        operation = "PutThirdPartyJobFailureResult"
        sim.control("PUT", "faults", operation=operation, **{"error-rate": 1})
        run = start_run(config("left", sim), "--listen", "127.0.0.1:0")
        at = logged_at(run, "status page: ")
        status = {}

        def is_there():
            with urllib.request.urlopen(f"{at}/status.json", timeout=DEADLINE_S) as answer:
                status.update(json.load(answer)["jobs"])
            return sum(status["inHand"].values()) == 2
        wait_for("the two in hand", is_there)
        check("what is left is to send them", status["inHand"]["sending"] == 2, status)
        sim.control("DELETE", "faults")
        wait_for("the results", lambda: len(events(sim, "failed")) == 2)
        check("they are sent", end(run) == 0)


def a_long_job_is_continued():
    with Simulated() as sim:
        go = path_of("long-go")
        before = len(started())
        run = start_run(config("long", sim, handler="continue-after = 100ms"))
        add(sim, 2, until=go, fetch="yes")
        wait_for("continuations", lambda: len(events(sim, "continued")) >= 6)
        write("long-go", "")
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 2)
        check("its end", end(run) == 0)
        check("a handler sees one long job", len(started()) == before + 2)
        check("its new credentials are masked", len(
            [l for l in run.rest("err") if "now it is *" in l and l.endswith("*")]) == 2,
              run.seen["err"])
        check("each follow-up is claimed once",
              len(events(sim, "acknowledged")) == len(events(sim, "continued")) + 2)


def a_drain_waits_for_follow_up_jobs():
    with Simulated("--follow-up-delay", "1000") as sim:
        go = path_of("follow-go")
        run = start_run(config("follow", sim, handler="continue-after = 200ms"))
        add(sim, 2, until=go)
        wait_for("continuations", lambda: len(events(sim, "continued")) == 2)
        add(sim, 1)
        run.signal(signal.SIGTERM)
        check("a drain asks for follow-up jobs", run.log("these alone are claimed"))
        write("follow-go", "")
        check("and gives them their handlers' results", run.wait() == 0 and
              len(events(sim, "succeeded")) == 2 and not events(sim, "failed"),
              run.seen["err"])
        check("but claims no other", len(events(sim, "acknowledged")) == 4)


def a_drain_polls_no_more_for_stdout():
    """A job that runs keeps the poller open, which other targets have no more part in."""
    with Simulated() as sim:
        go = path_of("part-go")
        targets = (target("web", sim, more="handler = build") +
                   target("plain", sim, regions="eu-west-1"))
        run = start_run(config("part", sim, targets=targets))
        add(sim, 1, until=go)
        wait_for("its start", lambda: events(sim, "acknowledged") and started())
        run.signal(signal.SIGTERM)
        run.log("SIGTERM")
        sim.control("POST", "jobs", count=3, region="eu-west-1")
        time.sleep(0.3)  # some fifteen polls' time
        write("part-go", "")
        check("its end", run.wait() == 0)
        check("no job was taken for stdout meanwhile",
              not [l for l in run.rest("out") if '"event":"job"' in l])


def a_stalled_reader_and_two_loops_end_in_time():
    """The loops have left, and the sink alone is waited for when handlers would be told to end."""
    with Simulated() as sim:
        targets = (target("web", sim, more="handler = build") +
                   target("plain", sim, regions="eu-west-1"))
        text = config("stalled", sim, "drain-timeout = 900ms", targets=targets)
        run = start_run(text, loops=2, read=False)
        # More than a pipe takes, and no more than the sink takes besides.
        sim.control("POST", "jobs", count=250, region="eu-west-1")
        wait_for("jobs", lambda: len(events(sim, "handed_out")) == 250)
        code = end(run)
        check("it ends by drain-timeout", code == 143, code)
        check("and names what was not written", logged(run, "not written to stdout: "))


def a_reload_leaves_a_long_job_its_handler():
    with Simulated("--follow-up-delay", "500") as sim:
        go = path_of("kept-go")
        path = config("kept", sim, handler="continue-after = 200ms")
        run = start_run(path)
        add(sim, 1, until=go)
        wait_for("its continuation", lambda: events(sim, "continued"))
        wait_for("its follow-up", lambda: len(events(sim, "acknowledged")) == 2)
        config("kept", sim, handler="continue-after = 200ms",
               targets=target("web", sim, more="handler = none"))
        run.signal(signal.SIGHUP)
        run.log("taken: ")
        write("kept-go", "")
        wait_for("the result", lambda: events(sim, "succeeded", "failed"))
        check("a reload touches no job in hand", end(run) == 0 and events(sim, "succeeded"),
              run.seen["err"])


def a_follow_up_finds_its_handler_in_another_process():
    with Simulated() as sim:
        go = path_of("fleet-go")
        before = len(started())
        key = f"drain-timeout = 20s\ncontinuation-key-file = {path_of('fleet.key')}\n"
        handler = "continue-after = 50ms"
        runs = [start_run(config(f"fleet{i}", sim, key, handler)) for i in range(2)]
        add(sim, 2, until=go)
        passed_on = False
        until = time.monotonic() + DEADLINE_S
        while not passed_on and time.monotonic() < until:
            for run in runs:
                while not run.lines["err"].empty():
                    line = run.lines["err"].get() or ""
                    passed_on = passed_on or "passed on" in line
            time.sleep(0.01)
        check("a follow-up job is passed on to whose it is", passed_on)
        write("fleet-go", "")
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 2)
        check("both end", [end(run) for run in runs] == [0, 0])
        check("each job started once", len(started()) == before + 2)
        check("nothing failed", not events(sim, "failed"))


def a_follow_up_of_a_killed_process_gets_no_other_handler():
    with Simulated("--follow-up-delay", "2000") as sim:
        go = path_of("other-go")
        path = config("other", sim, handler="continue-after = 100ms")
        for ends in (True, False):  # the first is killed, the second has a run that waits as well
            run = start_run(path)
            add(sim, until=go)
            wait_for("continuations", lambda: len(events(sim, "continued")) == 2 - ends)
            if ends:
                end(run, signal.SIGKILL)
        wait_for("the first's end", lambda: events(sim, "failed"))
        first = events(sim, "continued")[0]["jobId"]
        follow_up = [e["jobId"] for e in events(sim, "added") if e.get("follows") == first]
        check("the follow-up job of the first fails",
              [e["jobId"] for e in events(sim, "failed")] == follow_up, events(sim, "failed"))
        write("other-go", "")
        wait_for("the other's result", lambda: events(sim, "succeeded"))
        check("the other succeeds", end(run) == 0 and len(events(sim, "succeeded")) == 1)


STDIO = r"""#!/usr/bin/python3
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    assert job["environment"]["AWS_REGION"] == "us-east-1"
    print(json.dumps({"jobId": job["jobId"], "result": {"status": "succeeded"}}), flush=True)
"""


def one_program_takes_many_jobs():
    with Simulated() as sim:
        text = open(config("stdio", sim), encoding="utf-8").read()
        text = text.replace(HANDLER_PATH, program("stdio.py", STDIO) + "\nkind = stdio")
        add(sim, 30)
        run = start_run(write("stdio.ini", text), loops=2)
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 30)
        check("a stdio handler works jobs", end(run) == 0 and len(events(sim, "succeeded")) == 30)


class Service(http.server.BaseHTTPRequestHandler):
    """Answers every other job at once, and calls back for the rest; and it knows tokens."""
    protocol_version = "HTTP/1.1"
    result = json.dumps({"result": {"status": "succeeded"}}).encode()
    later = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        right = self.sign(self.headers["Pipepoll-Timestamp"], body)
        assert hmac.compare_digest(self.headers["Pipepoll-Signature"], right)
        if int(json.loads(body)["jobId"][0], 16) % 2:
            Service.later.append(self.headers["Pipepoll-Callback-Url"])
            self.answer(202, b"")
        else:
            self.answer(200, self.result)

    def do_GET(self):
        known = self.headers["Authorization"] == "Bearer the-bearer"
        self.answer(200 if known else 403, b"token-" + self.path.rsplit("/", 1)[1].encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def sign(stamp, body):
        return "v1=" + hmac.new(b"a secret of some length", stamp.encode() + b"." + body,
                                "sha256").hexdigest()

    def log_message(self, *_):
        pass


def call_back(url):
    stamp = str(int(time.time()))
    request = urllib.request.Request(url, method="POST", data=Service.result, headers={
        "Pipepoll-Timestamp": stamp, "Pipepoll-Signature": Service.sign(stamp, Service.result)})
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
        return answer.status


def a_web_service_works_jobs():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.chmod(write("bearer", "the-bearer\n"), 0o600)
    os.chmod(write("hook.key", "a secret of some length\n"), 0o600)
    with Simulated() as sim:
        text = open(config("hook", sim), encoding="utf-8").read()
        text = text.replace(f"command = {HANDLER_PATH}\nkill-after = 20s",
                            f"url = http://127.0.0.1:{server.server_port}/jobs\n"
                            f"secret-file = {path_of('hook.key')}")
        text = text.replace(f"client-tokens-command = {TOKENS_PATH}",
                            f"client-tokens-url = http://127.0.0.1:{server.server_port}/"
                            f"{{clientId}}\nclient-tokens-bearer-file = {path_of('bearer')}")
        add(sim, 10)
        run = start_run(write("hook.ini", text))
        wait_for("the answers", lambda: len(events(sim, "succeeded")) + len(Service.later) == 10)
        check("some are answered later", 0 < len(Service.later) < 10)
        check("call-backs are taken", {call_back(url) for url in Service.later} == {204})
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 10)
        check("a web service works jobs", end(run) == 0 and len(events(sim, "succeeded")) == 10)
    server.shutdown()


jobs_are_worked_once()
jobs_that_end_badly_are_summed_up_whatever_they_say()
targets_without_a_handler_write_their_jobs()
an_unknown_client_is_told()
a_drain_waits_for_handlers()
a_drain_that_takes_too_long_hands_back()
kill_9_loses_nothing()
results_of_an_earlier_run_are_shown_as_being_sent()
a_long_job_is_continued()
a_drain_waits_for_follow_up_jobs()
a_drain_polls_no_more_for_stdout()
a_stalled_reader_and_two_loops_end_in_time()
a_reload_leaves_a_long_job_its_handler()
a_follow_up_finds_its_handler_in_another_process()
a_follow_up_of_a_killed_process_gets_no_other_handler()
one_program_takes_many_jobs()
a_web_service_works_jobs()
check("no secret was printed", not any("simulated-secret" in text for text in everything))
finish()
