#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Jobs whose fields are made to break out of where they are put: shells, lines, headers, SQL, JSON,
terminals. Handlers get them byte for byte, nothing else is started, and log, journal and `pipepoll
jobs` stay whole. test_hostile_jobs.py PATH-OF-PIPEPOLL."""

import http.server
import json
import os
import re
import signal
import sqlite3
import sys
import threading

sys.dont_write_bytecode = True
from lib.job_program import config, lines_of, path_of, program
from lib.job_service import TOKEN, JobService
from lib.program import DEADLINE_S, Process, check, finish, folder, pipepoll, write

PWNED = path_of("pwned")
TEXTS = ["; touch %s #" % PWNED, "$(touch %s)" % PWNED, "`touch %s`" % PWNED,
         "| touch %s &" % PWNED, "' OR 1=1; DROP TABLE job; --", "\"); DROP TABLE job; --",
         "--help", "-c", "../../../etc/passwd", "${HOME} %n %s %1000000d \\", "\"},{\"x\":\"",
         "caf\u00e9 \u202e \u2028 \U0001f600", "a,b=c;d:e|f", "*", "~", "!!", "\x7f\x9b31m"]
LINES = ["one\ntwo", "one\r\nPipepoll-Evil: yes\r\n\r\nbody", "\n", "\x1b[2J\x1b]0;title\x07",
         "2026-01-01T00:00:00.000Z error   forged", "a\tb\x00c", "{\"result\":1}\n"]
BIG = 1000000
ARTIFACTS = 10000


def artifact(text):
    return {"name": text, "location": {
        "type": "S3", "s3Location": {"bucketName": "bucket", "objectKey": text}}}


def data_of(value, inputs=1, **configuration):
    """A NUL may be in values alone: no other text of the service's has one."""
    text = value.replace("\0", "0")
    return {"actionTypeId": {"category": "Build", "owner": "ThirdParty", "provider": "Acme",
                             "version": "1"},
            "actionConfiguration": {"configuration": {value: value, "text": value,
                                                      **configuration}},
            "pipelineContext": {"pipelineName": text, "stage": {"name": text},
                                "action": {"name": text}},
            "inputArtifacts": [artifact(text) for _ in range(inputs)],
            "outputArtifacts": [artifact(text)],
            "artifactCredentials": {"accessKeyId": "AKIDHOSTILE", "secretAccessKey": "very/secret",
                                    "sessionToken": "very/secret as well"},
            "encryptionKey": {"id": text, "type": "KMS"}}


def client_of(text, i):
    """Client ids with blanks or control characters in them are nobody's."""
    return text if re.fullmatch("[!-~]+", text) and text[0] != "-" else f"client-{i}"


def jobs_of(ids):
    """Each text in every field: also as job and client id."""
    jobs = [(f"{i} {text}" if ids else f"job-{i}", client_of(text, i), data_of(text))
            for i, text in enumerate(TEXTS + LINES) if not ids or "\0" not in text]
    jobs.append(("big", "client", data_of("big", big="\u2028" * (BIG // 6) + "x" * (BIG // 2))))
    jobs.append(("many", "client", data_of("many", inputs=ARTIFACTS)))
    return jobs


# What it was given, and how it was started.
HANDLER = program("handler.py", r"""#!/usr/bin/python3
import json, os, sys, threading
given = sys.stdin.buffer.read()
job = json.loads(given)
with open(os.path.join(%r, "seen-%%d" %% os.getpid()), "w") as f:
    json.dump({"job": job, "argv": sys.argv, "parent": os.getppid(), "lines": given.count(b"\n"),
               "environment": sorted(os.environ)}, f)
text = job["configuration"]["text"]
sys.stderr.write(text + "\nand more: " + text + "\n")
print(text)
print(json.dumps({"progress": {"percent": 1, "summary": text}}))
print(json.dumps({"result": {"status": "succeeded", "summary": text}}))
""" % folder)
TOKENS = program("all-tokens.py", r"""#!/usr/bin/python3
import json, os, sys
with open(os.path.join(%r, "asked"), "a") as f:
    f.write(json.dumps(sys.argv[1:]) + "\n")
print(%r)
""" % (folder, TOKEN))


def same(job, given):
    client_id, data = given
    want = dict(data, configuration=data["actionConfiguration"]["configuration"],
                clientId=client_id)
    del want["actionConfiguration"]
    return all(job.get(name) == value for name, value in want.items())


def seen():
    names = [n for n in os.listdir(folder) if n.startswith("seen-")]
    found = [json.loads(lines_of(n)[0]) for n in names]
    for name in names:
        os.unlink(path_of(name))
    return found


class Run:
    """`pipepoll run` whose log goes to a file, as it is."""

    def __init__(self, name, jobs, handler, *arguments, tokens=f"client-tokens-command = {TOKENS}"):
        self.service = JobService(jobs)
        text = open(config(name, self.service, handler), encoding="utf-8").read()
        text = re.sub("client-tokens-command = .*", tokens, text)
        self.config = write(f"{name}.ini", text)
        self.state = path_of(f"{name}-state")
        self.log_path = path_of(f"{name}.log")
        with open(self.log_path, "wb") as log:
            self.process = Process("run", "--config", self.config, "--log-level", "debug",
                                   *arguments, stderr=log)

    def finish(self, results):
        self.service.wait(lambda: len(self.service.results) >= results, DEADLINE_S)
        self.process.signal(signal.SIGTERM)
        self.code = self.process.wait()
        self.service.close()
        with open(self.log_path, "rb") as log:
            self.log = log.read()
        with sqlite3.connect(f"file:{self.state}/journal.db?mode=ro", uri=True) as journal:
            self.integrity = journal.execute("PRAGMA integrity_check").fetchall()

    def of(self, operation):
        return [body for name, body in self.service.results if operation in name]


def check_run(name, run, jobs):
    check(f"{name}: it ends as always", run.code == 0)
    check(f"{name}: each job is claimed once", sorted(run.service.acknowledged) ==
          sorted(job_id for job_id, _, _ in jobs), len(run.service.acknowledged))
    check(f"{name}: each has one result", sorted(body["jobId"] for _, body in run.service.results)
          == sorted(job_id for job_id, _, _ in jobs), len(run.service.results))
    check(f"{name}: nothing wrong was asked for", not run.service.wrong, run.service.wrong[:2])
    check(f"{name}: no other program was started", not os.path.exists(PWNED))
    check(f"{name}: the journal is well", run.integrity == [("ok",)], run.integrity)
    check(f"{name}: no secret is in its log", b"very/secret" not in run.log)


def check_log(name, log):
    lines = log.decode().split("\n")
    check(f"{name}: the log ends with a line", lines.pop() == "")
    control = [l for l in lines if re.search("[\x00-\x1f\x7f-\x9f]", l)]
    check(f"{name}: its log has no control characters", not control, control[:2])
    own = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) ")
    forged = [l for l in lines if not own.match(l) or re.match(r"\S+ error   forged", l)]
    check(f"{name}: its log has no lines but its own", not forged, forged[:2])


def check_jobs(name, run, jobs):
    as_json = pipepoll("jobs", "--config", run.config, "--output", "json", "--limit", "1000")
    table = pipepoll("jobs", "--config", run.config, "--limit", "1000")
    listed = [json.loads(line) for line in as_json.out.rstrip("\n").split("\n")]
    check(f"{name}: `jobs` shows each as JSON", sorted(j["jobId"] for j in listed) ==
          sorted(job_id for job_id, _, _ in jobs), as_json)
    check(f"{name}: and in a table without control characters", table.code == 0 and
          not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", table.out), repr(table.out))
    check(f"{name}: of a line for each", sum(line.count("succeeded") + line.count("failed") > 0
          for line in table.out.split("\n")) == len(jobs), table.out)


def programs_get_them_as_they_are():
    jobs = jobs_of(ids=False)
    run = Run("exec", jobs, f"command = {HANDLER}")
    run.finish(len(jobs))
    check_run("exec", run, jobs)
    check_log("exec", run.log)
    check_jobs("exec", run, jobs)
    started = seen()
    wrong = [s["job"]["jobId"] for s in started
             if not same(s["job"], run.service.jobs[s["job"]["jobId"]])]
    check("exec: each byte of a job arrives", not wrong, wrong)
    check("exec: one handler for each", len(started) == len(jobs))
    check("exec: by its own words alone, and by nobody else",
          all(s["argv"] == [HANDLER] and s["parent"] == run.process.p.pid and s["lines"] == 1
              for s in started), [s["argv"] for s in started][:2])
    check("exec: with the same environment", len({tuple(s["environment"]) for s in started}) == 1)
    summaries = {body["jobId"]: body["executionDetails"].get("summary")
                 for body in run.of("Success") if "executionDetails" in body}
    wrong = [i for i, text in summaries.items()
             if text != run.service.jobs[i][1]["actionConfiguration"]["configuration"]["text"]]
    check("exec: and comes back so", len(summaries) == len(jobs) and not wrong, wrong)


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append((self.headers.items(), json.loads(body)))
        answer = json.dumps({"result": {"status": "succeeded"}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def web_services_get_them_in_whole_requests():
    """Ids as well. What fits into no header or request fails its job, and only that."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.chmod(write("hook.key", "a key of some length, no more\n"), 0o600)
    tokens = "client-tokens-url = " + f"http://127.0.0.1:{server.server_port}/{{clientId}}"
    asked = []

    def do_GET(self):
        asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(TOKEN)))
        self.end_headers()
        self.wfile.write(TOKEN.encode())
    Hook.do_GET = do_GET
    jobs = jobs_of(ids=True)
    run = Run("hook", jobs, f"kind = webhook\nurl = http://127.0.0.1:{server.server_port}/jobs\n"
              f"secret-file = {path_of('hook.key')}", "--log-format", "json", tokens=tokens)
    run.finish(len(jobs))
    server.shutdown()
    check_run("webhook", run, jobs)
    lines = run.log.decode().split("\n")
    check("webhook: each line of its log is JSON", all(json.loads(l) for l in lines[:-1]))
    check_jobs("webhook", run, jobs)
    headers = {name for items, _ in Hook.requests for name, _ in items}
    check("webhook: no header was split", headers <= {
        "Host", "User-Agent", "Content-Type", "Accept", "Pipepoll-Job-Id", "Pipepoll-Attempt",
        "Pipepoll-Timestamp", "Pipepoll-Signature", "Pipepoll-Callback-Url", "Content-Length",
        "Connection"}, headers)
    wrong = [job["jobId"] for _, job in Hook.requests
             if not same(job, run.service.jobs[job["jobId"]])]
    check("webhook: each byte of a job arrives", len(Hook.requests) > 10 and not wrong, wrong)
    check("webhook: each path is of one client id", all(re.fullmatch(r"/[!-~]*", path) and
                                                        path.count("/") == 1 for path in asked),
          asked)
    failed = {body["jobId"] for body in run.of("Failure")}
    check("webhook: what fits into none fails", {"big", "many"} <= failed and all(
        re.search("[\0-\x1f\x7f]|^big$|^many$", job_id) for job_id in failed), failed)


programs_get_them_as_they_are()
web_services_get_them_in_whole_requests()
finish()
