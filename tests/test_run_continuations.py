#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Continuations where things cross: a follow-up job of another process's run, one that comes before
its continuation is confirmed, progress that the service would not take; and a note that the journal
keeps when the worker has gone. test_run_continuations.py PATH-OF-PIPEPOLL."""

import os
import signal
import sqlite3
import sys

sys.dont_write_bytecode = True
from lib.job_program import (Simulated, add, config, events, path_of, program, started,
                             wait_for)
from lib.program import check, everything, finish, folder, start_run, target, write

# Runs until a file is there.
HANDLER = program("handler.py", r"""#!/usr/bin/python3
import json, os, signal, sys, time
job = json.loads(sys.stdin.readline())
what = job["configuration"]
if what.get("ignore-term"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if what.get("on-term"):
    def tidy(*_):
        time.sleep(0.3)
        open(what["on-term"], "w").close()
        sys.exit(1)
    signal.signal(signal.SIGTERM, tidy)
with open(os.path.join(%r, "started"), "a") as f:
    f.write(json.dumps({"jobId": job["jobId"], "name": what.get("name")}) + "\n")
if what.get("latin-1"):
    sys.stdout.buffer.write(b'{"progress": {"percent": 5, "summary": "caf\xe9"}}\n')
    sys.stdout.buffer.flush()
while not os.path.exists(what["until"]):
    time.sleep(0.01)
print(json.dumps({"result": {"status": "succeeded", "summary": "result of " + what["name"]}}))
""" % folder)
PUT = "PutThirdPartyJobSuccessResult"
WORKED = f"command = {HANDLER}\ncontinue-after = 50ms"


def end(run):
    run.signal(signal.SIGTERM)
    return run.wait()


def names_started():
    return [job["name"] for job in started()]


def a_follow_up_of_an_earlier_process_is_not_given_another_run():
    """The two processes have the same state-dir, and each has begun one run. The second polls for
    the first one's follow-up job when it waits for its own."""
    never, go = path_of("never"), path_of("second-go")
    with Simulated("--follow-up-delay", "1500") as sim:
        text = config("crossed", sim, WORKED)
        add(sim, until=never, name="first")
        run = start_run(text)
        wait_for("a continuation", lambda: events(sim, "continued"))
        run.signal(signal.SIGKILL)
        run.wait()
        sim.control("POST", "jobs", region="eu-west-1",
                    configuration={"until": go, "name": "second"})
        config("crossed", sim, WORKED, regions="eu-west-1")
        run = start_run(text)
        wait_for("another", lambda: len(events(sim, "continued")) == 2)
        config("crossed", sim, WORKED, regions="us-east-1, eu-west-1")
        run.signal(signal.SIGHUP)
        wait_for("the end of the first", lambda: events(sim, "failed", "succeeded") or any(
            "goes on with the handler" in line for line in list(run.lines["err"].queue)))
        failed = [e["jobId"] for e in events(sim, "failed")]
        write("second-go", "")
        wait_for("the second's result", lambda: events(sim, "succeeded"))
        check("it ends", end(run) == 0)
        check("the first job fails", len(failed) == 1, run.rest("err"))
        check("the second succeeds, once", len(events(sim, "succeeded")) == 1)


def a_follow_up_comes_before_its_continuation_is_confirmed():
    """Its answers are lost: a run is known to the job before, and is not forgotten by it."""
    go = path_of("lost-go")
    with Simulated() as sim:
        sim.control("PUT", "faults", operation=PUT, **{"lose-rate": 1})
        add(sim, 3, until=go, name="lost")
        run = start_run(config("lost", sim, WORKED))
        wait_for("continuations", lambda: len(events(sim, "acknowledged")) >= 6)
        write("lost-go", "")
        sim.control("DELETE", "faults")
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 3)
        check("it ends, whatever was lost", end(run) == 0)
        check("each began once", names_started().count("lost") == 3)
        check("each follow-up was claimed once",
              len(events(sim, "acknowledged")) == len(events(sim, "continued")) + 3)


def progress_that_is_no_text_does_not_keep_a_job_from_being_continued():
    go = path_of("text-go")
    with Simulated() as sim:
        add(sim, until=go, name="text", **{"latin-1": "yes"})
        run = start_run(config("text", sim, WORKED))
        check("it is continued", wait_for("it", lambda: len(events(sim, "continued")) >= 2))
        write("text-go", "")
        wait_for("the result", lambda: events(sim, "succeeded"))
        check("and ends well", end(run) == 0)


def a_note_is_kept_when_the_worker_has_gone():
    """One job's handler outlives the worker; another's note waits for a disk that is busy."""
    with Simulated("--follow-up-delay", "60000") as sim:
        add(sim, until=path_of("never"), name="stubborn", **{"ignore-term": "yes"})
        run = start_run(config("late", sim, WORKED, "drain-timeout = 6s"))
        wait_for("the continuation", lambda: events(sim, "continued"))
        run.log(": continued after")
        wait_for("the handler", lambda: "stubborn" in names_started())
        disk = sqlite3.connect(path_of("late-state/journal.db"), isolation_level=None)
        disk.execute("BEGIN IMMEDIATE")
        add(sim, until=path_of("never"), name="unnoted")
        wait_for("the details", lambda: len(events(sim, "handed_out")) >= 2)
        run.signal(signal.SIGTERM)
        run.log(": left")
        run.log("no follow-up job is asked for")
        disk.execute("COMMIT")
        disk.close()
        check("it ends as always", run.wait() == 0, run.rest("err"))
        check("what was not noted was not claimed", len(events(sim, "acknowledged")) == 1)


def a_follow_up_comes_when_a_reload_took_its_handler_or_target_away():
    """In us-east-1 the target has no handler any more, in eu-west-1 it is no target any more. Their
    new jobs are left to the service meanwhile."""
    with Simulated("--follow-up-delay", "700", "--lease", "1") as sim:
        go = path_of("taken-go")
        config("taken", sim, WORKED, regions="us-east-1, eu-west-1")
        run = start_run(path_of("taken.ini"))
        for region in "us-east-1", "eu-west-1":
            sim.control("POST", "jobs", region=region,
                        configuration={"until": go, "name": "taken"})
        wait_for("continuations", lambda: len(events(sim, "continued")) == 2)
        config("taken", sim, WORKED, targets=target("web", sim, more="handler = none"))
        run.signal(signal.SIGHUP)
        run.log("taken: ")
        for region in "us-east-1", "eu-west-1":
            sim.control("POST", "jobs", region=region, configuration={"name": "new"})
        wait_for("both follow-ups", lambda: len(events(sim, "acknowledged")) >= 4)
        write("taken-go", "")
        wait_for("the results", lambda: len(events(sim, "succeeded")) == 2)
        check("a new job is a line when no handler waits", run.event(region="us-east-1"))
        check("it ends well", end(run) == 0)
        check("each began once", names_started().count("taken") == 2)
        check("no new job was claimed", "new" not in names_started())


def a_handler_that_waits_has_its_time_to_end():
    with Simulated("--follow-up-delay", "60000") as sim:
        add(sim, until=path_of("never"), name="tidy", **{"on-term": path_of("tidied")})
        run = start_run(config("tidy", sim, WORKED, "drain-timeout = 3s"))
        run.log(": continued after")
        wait_for("the handler", lambda: "tidy" in names_started())
        check("it ends", end(run) == 0)
        check("when its handler was through", os.path.exists(path_of("tidied")))


a_follow_up_of_an_earlier_process_is_not_given_another_run()
a_follow_up_comes_before_its_continuation_is_confirmed()
progress_that_is_no_text_does_not_keep_a_job_from_being_continued()
a_note_is_kept_when_the_worker_has_gone()
a_follow_up_comes_when_a_reload_took_its_handler_or_target_away()
a_handler_that_waits_has_its_time_to_end()
check("no secret was printed", not any("simulated-secret" in text for text in everything))
finish()
