#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each trouble that the simulated service or the machine can make raises its alert, and no other:
by the numbers of a real run, evaluated by promtool.
test_run_alerts.py PATH-OF-PIPEPOLL HANG_LOOP FAST_CLOCK SLOW_DISK RULES [TROUBLE]..."""

import concurrent.futures
import datetime
import http.client
import http.server
import json
import os
import re
import resource
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
from lib.job_program import Simulated, add, config, program
from lib.program import BARE, DEADLINE_S, KEYS, check, finish, folder, path_of, target, write
from lib.promtool import find_or_skip
from lib.scrapes import Watched, firing

HANG_LOOP, FAST_CLOCK, SLOW_DISK, RULES = map(os.path.abspath, sys.argv[2:6])
ASAN = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
HOLD = 5, 35  # steps that the first and the last scrape are presented for
WELL = 'pipepoll_targets{region="us-east-1",state="well"}'
WAITING = WELL.replace("well", "waiting")
FAILING = 'pipepoll_targets_failing{region="us-east-1",outcome="%s"}'
ENDED = 'pipepoll_jobs_ended_total{outcome="%s"}'
RUNS = 'pipepoll_handler_runs_total{handler="build",outcome="%s"}'
JOBS = 'pipepoll_jobs{state="%s"}'

UNTIL_THE_END = 'while [ -e "$0" ]; do sleep 0.1; done'

# What no trouble here can raise; test_alerts.py raises it by made-up numbers.
NOT_HERE = {
    "PipepollAbsent": "it is about what Prometheus is told to watch, not about a run",
    "PipepollJournalRefuses": "jobs are asked for no more long before the queue is full",
    "PipepollJournalLarge": "it would take a gigabyte",
    "PipepollFleetEngineAway": "it takes NATS servers; test_run_fleet.py sees that they are away",
    "PipepollFleetTargetsUnheld": "the same, and members that are drained",
    "PipepollFleetQueueStuck": "the same, and a queue that is full for minutes",
}

troubles = []


def raises(*alerts, takes_long=False):
    """A trouble: it takes its name and a service of its own, and returns what was watched."""
    def note(trouble):
        troubles.insert(0 if takes_long else len(troubles), (trouble, set(alerts)))
        return trouble
    return note


def preload(library, **env):
    return dict(KEYS, LD_PRELOAD=library, ASAN_OPTIONS=ASAN, **env)


def is_at_least(series, least=1):
    return lambda s: s.get(series, -1) >= least


def watch(name, sim, config_text=None, *arguments, first=WELL, **options):
    """first: the series of which one is there at the first scrape."""
    w = Watched(write(f"{name}.ini", config_text or target("web", sim)), *arguments, **options)
    w.until(is_at_least(first))
    return w


def program_that(name, script):
    """The config of a run with a handler."""
    return f"command = {program(name + '.sh', '#!/bin/sh' + chr(10) + script)}"


def watch_worker(name, sim, script, process="", **options):
    w = Watched(config(name, sim, program_that(name, script), process), **options)
    w.until(is_at_least(WELL))
    return w


# --- none ---

@raises()
def a_run_that_is_well(name, sim):
    w = watch_worker(name, sim, "exit 0")
    add(sim, 20)
    w.until(is_at_least(ENDED % "succeeded", 20))
    return w


# --- the process ---

@raises("PipepollDown")
def a_run_that_was_killed(name, sim):
    w = watch(name, sim)
    w.end(signal.SIGKILL)
    w.scrape()
    return w


@raises("PipepollHangs", takes_long=True)
def a_loop_that_hangs(name, sim):
    hang = path_of(name + ".hang")
    text = target("web", sim, regions="us-east-1, eu-west-1")
    w = watch(name, sim, text, "--loops", "2", env=preload(HANG_LOOP, HANG_LOOP=hang))
    write(name + ".hang", "other")
    w.until(lambda s: s.get("pipepoll_alive") == 0)
    os.unlink(hang)
    return w


@raises("PipepollRestarts")
def a_run_that_is_started_again_and_again(name, sim):
    w = watch(name, sim)
    for _ in range(3):
        w.end(signal.SIGKILL)
        w.start(path_of(name + ".ini"))
        w.until(is_at_least(WELL))
    return w


@raises("PipepollConfigRefused")
def a_config_file_with_an_error(name, sim):
    w = watch(name, sim)
    write(f"{name}.ini", "nonsense\n")
    w.run.signal(signal.SIGHUP)
    w.until(is_at_least("pipepoll_config_refused"))
    return w


@raises("PipepollFilesNearLimit")
def few_file_descriptors(name, sim):
    w = watch(name, sim)
    few = int(w.scrapes[-1]["process_open_fds"]) + 1
    resource.prlimit(w.run.p.pid, resource.RLIMIT_NOFILE, (few, few))
    w.until(lambda s: s.get("process_max_fds") == few)
    return w


# --- the targets ---

def faulty(name, sim, outcome, **faults):
    w = watch(name, sim)
    sim.control("PUT", "faults", region="us-east-1", **faults)
    w.until(is_at_least(FAILING % outcome))
    return w


@raises("PipepollServiceFails", "PipepollNotReady")
def a_service_with_server_errors(name, sim):
    return faulty(name, sim, "service", **{"error-rate": 1, "error-status": 503})


@raises("PipepollServiceFails", "PipepollNotReady")
def answers_that_are_none(name, sim):
    return faulty(name, sim, "protocol", **{"garbage-rate": 1})


@raises("PipepollUnreachable", "PipepollNotReady")
def connections_that_are_reset(name, sim):
    return faulty(name, sim, "transport", **{"reset-rate": 1})


@raises("PipepollUnreachable", "PipepollNotReady")
def a_service_that_is_gone(name, sim):
    w = watch(name, sim)
    sim.signal(signal.SIGTERM)
    sim.wait()
    w.until(is_at_least(FAILING % "transport"))
    return w


@raises("PipepollTargetsRefused", "PipepollNotReady")
def an_action_type_that_is_not_there(name, sim):
    w = watch(name, sim, target("web", sim, provider="Nobody"), first=WAITING)
    w.until(is_at_least(FAILING % "not-found"))
    return w


@raises("PipepollThrottled", takes_long=True)
def a_service_that_throttles(name, sim):
    w = watch(name, sim)
    sim.control("PUT", "faults", region="us-east-1", throttle=1)
    throttled = 'pipepoll_polls_total{region="us-east-1",outcome="throttled"}'
    for _ in range(3):
        w.until(is_at_least(throttled, w.scrapes[-1][throttled] + 2))
    w.steps = 14
    return w


@raises("PipepollClockSkew")
def a_clock_that_is_off(name, sim):
    w = watch(name, sim)
    sim.control("PUT", "faults", region="us-east-1", **{"clock-skew": 600})
    w.until(is_at_least('pipepoll_clock_skew_seconds{region="us-east-1"}', 590))
    return w


@raises("PipepollTargetsLate", "PipepollNotReady")
def a_limit_that_is_too_low(name, sim):
    text = "[pipepoll]\nmax-polls-per-second = 0.001\n" + target("web", sim)
    w = watch(name, sim, text, env=preload(FAST_CLOCK, CLOCK_SPEED="30"))
    w.until(is_at_least(WELL.replace("well", "late")))
    return w


@raises("PipepollPickupSlow", "PipepollClockSkew")
def polls_that_take_long(name, sim):
    """To a clock that runs fast they take 30 s."""
    w = watch(name, sim, target("web", sim, more="max-batch-size = 50"),
              env=preload(FAST_CLOCK, CLOCK_SPEED="60"))
    sim.control("PUT", "faults", region="us-east-1", latency=500)
    add(sim, 50)
    w.until(is_at_least("pipepoll_pickup_seconds_count", 50))
    return w


# --- the credentials ---

@raises("PipepollCredentialsRefused", "PipepollNotReady")
def a_wrong_secret_key(name, sim):
    w = watch(name, sim, first=WAITING, env=dict(KEYS, AWS_SECRET_ACCESS_KEY="wrong"))
    w.until(is_at_least(FAILING % "credentials"))
    return w


@raises("PipepollCredentialsMissing", "PipepollNotReady")
def no_credentials(name, sim):
    w = watch(name, sim, first=WAITING, env=BARE)
    w.until(lambda s: 0 in [s[n] for n in s if n.startswith("pipepoll_credentials_usable")])
    return w


@raises("PipepollCredentialsNotRenewed", "PipepollCredentialsExpire", takes_long=True)
def credentials_that_are_not_renewed(name, sim):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=12)
    answer = write(name + ".json", json.dumps({
        "Version": 1, "AccessKeyId": KEYS["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": KEYS["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": KEYS["AWS_SESSION_TOKEN"],
        "Expiration": soon.strftime("%Y-%m-%dT%H:%M:%SZ")}))
    once = program(name + ".sh", f"#!/bin/sh\ncat {answer} && rm {answer}\n")
    profile = write(name + ".aws", f"[default]\ncredential_process = {once}\n")
    w = watch(name, sim, env=dict(BARE, AWS_CONFIG_FILE=profile))
    w.until(lambda s: 1 in [s[n] for n in s if n.startswith("pipepoll_credentials_degraded")])
    return w


# --- the jobs ---

@raises("PipepollJobsLost")
def a_reader_of_stdout_that_goes_away(name, sim):
    """A job that a handler works keeps the run from ending."""
    text = (target("web", sim, more="handler = build")
            + target("plain", sim, "eu-west-1", more="max-batch-size = 100"))
    reader, writer = os.pipe()
    w = Watched(config(name, sim, program_that(name, UNTIL_THE_END), targets=text), stdout=writer)
    os.close(writer)
    w.until(is_at_least(WELL))
    add(sim)
    w.until(is_at_least(JOBS % "running"))
    sim.control("POST", "jobs", count=500, region="eu-west-1")
    w.until(is_at_least("pipepoll_output_unwritten_bytes"))
    os.close(reader)
    w.until(lambda s: s.get("pipepoll_jobs_lost_total") and not s["pipepoll_output_unwritten_jobs"])
    return w


@raises("PipepollOutputStuck")
def a_reader_of_stdout_that_reads_nothing(name, sim):
    w = watch(name, sim, target("web", sim, more="max-batch-size = 100"), read=False)
    sim.control("POST", "jobs", count=500, region="us-east-1")
    w.until(is_at_least("pipepoll_output_unwritten_bytes", 32769))
    return w


@raises("PipepollResultsStuck")
def results_that_the_service_does_not_take(name, sim):
    sim.control("PUT", "faults", operation="PutThirdPartyJobSuccessResult", **{"error-rate": 1})
    w = watch_worker(name, sim, "exit 0")
    add(sim, 2)
    w.until(is_at_least(JOBS % "sending", 2))
    return w


class Refusing:
    """Before a service: it refuses one operation, and passes on all others as they are."""

    def __init__(self, sim, operation):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = 400, b'{"__type":"ValidationException"}'
                if not self.headers["X-Amz-Target"].endswith("." + operation):
                    way = http.client.HTTPConnection(sim.url.split("//")[1], timeout=DEADLINE_S)
                    way.request("POST", "/", body, dict(self.headers))
                    said = way.getresponse()
                    status, answer = said.status, said.read()
                    way.close()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        server.handle_error = lambda *_: None  # connections that are kept end with the run
        threading.Thread(target=server.serve_forever, daemon=True).start()


@raises("PipepollResultsNotDelivered")
def claims_that_the_service_refuses(name, sim):
    """Which the simulated service does not: something between refuses them."""
    w = watch_worker(name, Refusing(sim, "AcknowledgeThirdPartyJob"), "exit 0")
    add(sim)
    w.until(is_at_least(ENDED % "rejected"))
    return w


@raises("PipepollRacesLost", takes_long=True)
def claims_that_come_too_late(name, sim):
    """They are on the way for longer than the lease of their jobs."""
    sim.control("PUT", "faults", operation="AcknowledgeThirdPartyJob", latency=4000)
    w = watch_worker(name, sim, "exit 0")
    add(sim, 12)
    w.until(is_at_least(ENDED % "lost-race", 10))
    return w


@raises("PipepollClientTokenUnknown")
def a_client_without_a_token(name, sim):
    text = open(config(name, sim, program_that(name, "exit 0")), encoding="utf-8").read()
    text = text.replace("client-tokens-command = ", f"client-tokens = {write('none', '# none')}\n#")
    w = watch(name, sim, text)
    add(sim)
    w.until(is_at_least(ENDED % "no-token"))
    return w


@raises("PipepollHandlerFails")
def a_handler_that_fails(name, sim):
    w = watch_worker(name, sim, "exit 3")
    add(sim, 8)
    w.until(is_at_least(RUNS % "failed", 8))
    return w


@raises("PipepollSlotsFull")
def handlers_that_do_not_end(name, sim):
    w = watch_worker(name, sim, UNTIL_THE_END, "max-jobs = 2\ndrain-timeout = 1s")
    add(sim, 5)
    w.until(is_at_least(JOBS % "running", 2))
    return w


# --- the journal ---

@raises("PipepollJournalFails")
def a_disk_that_is_full(name, sim):
    w = watch_worker(name, sim, "exit 0")
    resource.prlimit(w.run.p.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    add(sim, 2)
    w.until(lambda s: s.get("pipepoll_journal_well") == 0)
    return w


@raises("PipepollJournalSlow")
def a_disk_that_is_slow(name, sim):
    slow = path_of(name + ".slow")
    w = watch_worker(name, sim, "exit 0", env=preload(SLOW_DISK, SLOW_DISK=slow))
    write(name + ".slow", "")
    add(sim, 2)
    w.until(lambda s: s.get("pipepoll_journal_lag_seconds", 0) > 1)
    os.unlink(slow)
    return w


# --- all of them ---

def happen(trouble):
    """What came of it, as firing() says."""
    act, alerts = trouble
    name = act.__name__
    began = time.time()
    with Simulated("--lease", "1", "--strict") as sim:
        w = act(name, sim)
        w.run.p.kill()
    series, steps = list(w.series(began, HOLD)), sum(w.times(HOLD))
    if not alerts:
        check("promtool would tell of another one",
              firing(RULES, folder, name, series, steps, {"PipepollDown"})[0] == 1)
    return name, alerts, *firing(RULES, folder, name, series, steps, alerts)


def main():
    find_or_skip()
    chosen = [t for t in troubles if not sys.argv[6:] or t[0].__name__ in sys.argv[6:]]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        for name, alerts, code, said in pool.map(happen, chosen):
            told = ", ".join(sorted(alerts)) or "no alert"
            check(f"{name.replace('_', ' ')}: {told}", code == 0, said)
    with open(RULES, encoding="utf-8") as f:
        named = set(re.findall(r"- alert: (\w+)", f.read()))
    raised = set().union(*(alerts for _, alerts in troubles))
    check("each alert is raised here, or it is known why not",
          raised | set(NOT_HERE) == named and not raised & set(NOT_HERE),
          (named - raised, raised & set(NOT_HERE)))
    finish()


main()
