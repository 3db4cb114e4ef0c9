#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Outputs that nobody reads, files that may not grow, signals of every kind, and a system that is
short of descriptors or threads: no loop stands still, no job goes unnamed, every end comes.
test_run_outputs.py PATH-OF-PIPEPOLL."""

import json
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from lib.program import (ACME, DEADLINE_S, KEYS, PROGRAM, Process, Sim, check, finish, path_of,
                         pipepoll, program_for_all, start_run, target, write)


def jobs_of(lines):
    return {json.loads(l)["jobId"] for l in lines if l.startswith('{"event":"job"')}


def named(lines):
    return {json.loads(l.split("not written to stdout: ")[1])["jobId"] for l in lines
            if "not written to stdout: {" in l and l.endswith("}")}


def fill(fd):
    """Write until nothing fits; what was written."""
    os.set_blocking(fd, False)
    count = 0
    for size in (65536, 4096, 1):
        try:
            while True:
                count += os.write(fd, b"\n" * size)
        except BlockingIOError:
            pass
    os.set_blocking(fd, True)
    return count


def stuck_pipe():
    return os.pipe()


def stuck_socket():
    a, b = socket.socketpair()
    return a.detach(), b.detach()


def stuck_terminal():
    return pty.openpty()


def exit_time(run):
    begin = time.monotonic()
    return run.wait(), time.monotonic() - begin


# --- stderr ------------------------------------------------------------------------------------


def test_stuck_stderr(sim, loops):
    """Each failing poll is a line at debug: what waits for stderr soon has no room."""
    for name, make in (("pipe", stuck_pipe), ("socket", stuck_socket),
                       ("terminal", stuck_terminal)):
        reader, writer = make()
        fill(writer)
        sim.control("PUT", "faults", region="us-west-1", **{"error-rate": 1, "error-status": 503})
        config = write("stuck.ini", "[pipepoll]\nlog-level = debug\n"
                       + target("good", sim) + target("bad", sim, regions="us-west-1",
                                                      interval="1ms"))
        sim.control("POST", "jobs", region="us-east-1", provider="Acme", count=1)
        run = Process("run", "--config", config, "--loops", str(loops), stderr=writer)
        check(f"a stuck stderr ({name}) stops no poll", run.event(event="job"))
        before = sim.control("GET", "stats")["requests"]
        after = sim.until(lambda s: s["requests"] > before + 200)["requests"]
        check("nor do lines that find no room", after > before + 200, (before, after))
        run.signal(signal.SIGTERM)
        code, seconds = exit_time(run)
        check("SIGTERM ends it, and a second is waited for stderr at most",
              code == 0 and seconds < 5, (code, seconds))
        os.close(writer)
        os.close(reader)
    sim.control("DELETE", "faults")


def read_lines(fd, until):
    """Lines from a descriptor until one for which until() is true, or its end."""
    lines, rest = [], b""
    end = time.monotonic() + DEADLINE_S
    while select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:  # a terminal whose other side is closed
            data = b""
        if not data:
            return lines
        *whole, rest = (rest + data).split(b"\n")
        lines += [l.decode().rstrip("\r") for l in whole if l]
        if lines and any(until(l) for l in lines):
            return lines
    return lines


def test_gap(sim):
    reader, writer = os.pipe()
    fill(writer)
    sim.control("PUT", "faults", region="us-west-1", **{"error-rate": 1, "error-status": 503})
    config = write("gap.ini", "".join(target(f"t{i}", sim, regions="us-west-1", interval="1ms",
                                             provider=f"P{i}") for i in range(1000)))
    run = Process("run", "--config", config, "--log-level", "debug", stderr=writer)
    os.close(writer)
    before = sim.control("GET", "stats")["requests"]
    sim.until(lambda s: s["requests"] > before + 3000)
    lines = read_lines(reader, lambda l: "left out here" in l)
    gaps = [l for l in lines if "left out here" in l]
    check("a reader that comes back is told in its place how many lines it has missed",
          gaps and re.search(r" warning \d+ lines left out here", gaps[0]), lines[-3:])
    check("and every other line is whole",
          all(re.match(r"\d{4}-\d\d-\d\dT[0-9:.]+Z (error|warning|info|debug) ", l)
              for l in lines), [l for l in lines if not l.startswith("20")][:3])
    sim.control("DELETE", "faults")
    run.signal(signal.SIGTERM)
    read_lines(reader, lambda l: False)
    check("it ends with 0", run.wait() == 0)
    os.close(reader)


def test_no_stderr(sim):
    """A full device, a closed one, and a file that may not grow: the log is lost, nothing else."""
    config = write("none.ini", target("web", sim, regions="us-east-2"))
    for name, tail in (("full", "2>/dev/full"), ("closed", "2>&-"), ("read-only", "2</dev/null")):
        sim.control("POST", "jobs", region="us-east-2", provider="Acme", count=1)
        p = subprocess.Popen(["sh", "-c", f'exec "$0" run --config "$1" {tail}', PROGRAM, config],
                             env=KEYS, stdout=subprocess.PIPE, text=True)
        line = p.stdout.readline()
        while line and '"job"' not in line:
            line = p.stdout.readline()
        p.send_signal(signal.SIGTERM)
        p.communicate(timeout=DEADLINE_S)
        check(f"with stderr {name} it polls all the same, and ends with 0",
              line and p.returncode == 0, (line, p.returncode))


def test_stuck_commands(sim):
    """The other commands that run a loop."""
    for arguments in (
            ["poll", "--endpoint-url", sim.url, "--action-type-id", ACME, "--region", "all"],
            ["doctor", "--config", write("doc.ini", target("web", sim))],
            ["demo", "--seconds", "1", "--regions", "1"],
            ["bench", "--endpoint-url", sim.url, "--duration", "0.1", "--warm-up", "0"]):
        reader, writer = os.pipe()
        fill(writer)
        env = dict(KEYS, AWS_SECRET_ACCESS_KEY="wrong")
        run = Process(*arguments, env=env, stderr=writer)
        code = run.wait()
        check(f"{arguments[0]} ends although nobody reads its errors", isinstance(code, int)
              and code >= 0, code)
        os.close(reader)
        os.close(writer)
    r = pipepoll("poll", "--region", "x y")
    check("what is said before the end is out by then", r.code == 252 and r.err.endswith("\n"), r)


# --- files that may not grow -------------------------------------------------------------------


def test_file_size(sim, loops):
    region = f"ap-northeast-{loops}"
    sim.control("POST", "jobs", region=region, provider="Acme", count=600)
    before = sim.control("GET", "stats")["jobsHandedOut"]
    config = write("size.ini", target("web", sim, regions=region, interval="1ms"))
    out = path_of("size.out")
    with open(out, "w") as f:
        run = start_run(config, loops=loops, stdout=f, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (65536, 65536)))
        code = run.wait()
    with open(out) as f:
        whole = [l for l in f.read().split("\n")[:-1]]
    lines = run.rest("err")
    taken = sim.control("GET", "stats")["jobsHandedOut"] - before
    got = jobs_of(whole) | named(lines)
    check("a file that may not grow ends it with 1, and says so",
          code == 1 and any("file too large" in l for l in lines), (code, lines[-3:]))
    check("and every job is in the file or named in the log", len(got) == taken > 100,
          (len(got), taken))


# --- signals -----------------------------------------------------------------------------------


def test_signals(sim):
    config = write("signals.ini", target("web", sim, regions="eu-west-2"))
    run = start_run(config)
    run.event(event="credentials")
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGIO, signal.SIGCONT, signal.SIGURG,
                   signal.SIGWINCH, signal.SIGCHLD):
        run.signal(number)
    run.signal(signal.SIGUSR1)
    check("signals that mean nothing do nothing", run.log("status: "), run.seen["err"])
    sim.control("PUT", "faults", region="eu-west-2", latency=300)
    ends = [signal.SIGQUIT, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF,
            signal.SIGXCPU, signal.SIGPWR, signal.SIGRTMIN + 3]
    runs = [run] + [start_run(config) for _ in ends[1:]]
    sim.control("POST", "jobs", region="eu-west-2", provider="Acme", count=1)
    before = sim.control("GET", "stats")["requests"]
    sim.until(lambda s: s["requests"] > before + 2 * len(runs))
    for one, number in zip(runs, ends):
        one.signal(number)
    codes = [one.wait() for one in runs]
    check("others that would end it finish the polls first", codes == [0] * len(ends), codes)
    told = [one.log(": polls in flight are finished") or "" for one in runs]
    check("and are told by name", all(t.find(f"{n.name if hasattr(n, 'name') else 'real-time'}") > 0
                                      for t, n in zip(told[:-1], ends)) and "real-time" in told[-1],
          told)
    found = [e for one in runs for e in one.rest("out") if '"event":"job"' in e]
    check("with the job they brought", len(found) == 1, found)
    sim.control("DELETE", "faults")


def test_inherited(sim):
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD})

    run = start_run(write("nohup.ini", target("web", sim)), preexec_fn=ignore)
    check("what stays ignored is said", "SIGINT, SIGHUP" in (run.log("stay ignored") or ""),
          run.seen["err"])
    run.signal(signal.SIGHUP)
    run.signal(signal.SIGINT)
    run.signal(signal.SIGUSR1)
    check("a signal that whoever started us blocked is heard", run.log("status: "),
          run.seen["err"])
    check("one that was ignored (nohup) stays so",
          not any("unchanged" in l or "SIGINT: " in l for l in run.seen["err"]), run.seen["err"])
    run.signal(signal.SIGTERM)
    check("but SIGTERM ends it", run.wait() == 0)


# --- the end -----------------------------------------------------------------------------------


def test_drain_timeout(loops):
    sim = Sim()
    sim.control("POST", "jobs", region="us-east-2", provider="Acme", count=4000)
    reader, writer = os.pipe()
    config = write("drain.ini", f"[pipepoll]\nmax-in-flight = {loops}\ndrain-timeout = 9s\n"
                   + target("web", sim, regions="us-east-2", interval="1ms",
                            more="max-batch-size = 1000"))
    run = start_run(config, "--drain-timeout", "1500ms", loops=loops, stdout=writer)
    os.close(writer)
    seen = []

    def is_parked(stats):
        seen.append(stats["requests"])
        return len(seen) > 200 and len(set(seen[-200:])) == 1
    taken = 4000 - sim.until(is_parked)["jobsWaiting"]
    run.signal(signal.SIGTERM)
    run.log("SIGTERM")
    run.signal(signal.SIGUSR1)
    check("SIGUSR1 says how things stand during the end",
          re.search(r"status: .* in flight 0, .* [1-9]\d* bytes unwritten",
                    run.log("status: ") or ""), run.seen["err"])
    check("and what is waited for", re.search(
        r"ending since 0 s: waiting for the reader of stdout to take \d+ bytes \(\d+ jobs\); "
        r"in [12] s ",
        run.log("ending since") or ""), run.seen["err"])
    code, seconds = exit_time(run)
    lost = named(run.rest("err"))
    in_pipe = 65536 // 256
    check("drain-timeout ends it as a second signal does, with a list of what is not written",
          code == 143 and seconds < 10 and taken - in_pipe <= len(lost) <= taken
          and any("drain-timeout is over: ended at once: " in l for l in run.seen["err"]),
          (code, seconds, len(lost), taken, run.seen["err"][-1:]))
    os.close(reader)

    sim.control("PUT", "faults", region="us-east-2", latency=600000)
    before = sim.control("GET", "stats")["requests"]
    run = start_run(config, "--drain-timeout", "6s", loops=loops)
    sim.until(lambda s: s["requests"] > before)
    run.signal(signal.SIGTERM)
    told = run.log("ending since") or ""
    check("every few seconds it says that it waits for polls",
          re.search(r"ending since 5 s: waiting for \d polls? in flight; in 1 s ", told), told)
    check("and ends", run.wait() == 143)
    sim.signal(signal.SIGTERM)
    sim.wait()
    r = pipepoll("run", "--config", config, "--print-config")
    check("the config has it", "\ndrain-timeout = 9s\n" in r.out, r)
    r = pipepoll("run", "--config", config, "--print-config", "--drain-timeout", "7s")
    check("the option overrides it", "\ndrain-timeout = 7s\n" in r.out, r)


# --- a system that is short of things ----------------------------------------------------------


def limited(which, soft, hard=None):
    return lambda: resource.setrlimit(which, (soft, soft if hard is None else hard))


def short_run(arguments, preexec_fn, env=KEYS, program=PROGRAM):
    p = subprocess.run([program, *arguments], env=env, capture_output=True, text=True,
                       preexec_fn=preexec_fn, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
    return p


def commands(sim):
    config = write("short.ini", target("web", sim))
    return (["run", "--config", config], ["doctor", "--config", config],
            ["poll", "--endpoint-url", sim.url, "--action-type-id", ACME, "--region", "us-east-1"],
            ["check", "--config", config], ["sim"], ["demo", "--seconds", "1"],
            ["bench", "--endpoint-url", sim.url, "--duration", "0.1"])


def test_descriptors(sim):
    for arguments in commands(sim):
        p = short_run(arguments, limited(resource.RLIMIT_NOFILE, 4))
        check(f"{arguments[0]} without descriptors: one line that says so, and 255",
              p.returncode == 255 and p.stderr.count("\n") == 1 and "descriptors" in p.stderr
              and "ulimit -n" in p.stderr, (p.returncode, p.stderr))
    r = short_run(commands(sim)[2], limited(resource.RLIMIT_NOFILE, 4, 4096))
    check("a low soft limit is raised", r.returncode == 0, r)
    many = write("manyfds.ini", "[pipepoll]\nmax-in-flight = 500\n" + "".join(
        target(f"t{i}", sim, provider=f"P{i}", interval="1h") for i in range(200)))
    p = short_run(["check", "--config", many], limited(resource.RLIMIT_NOFILE, 150))
    check("check warns where fewer connections may be open than a plan keeps",
          p.returncode == 0 and re.search(
              r"manyfds.ini:2:17: warning: .* 200 connections open, idle ones included, and no "
              r"more than 75 .* 150: .*ulimit -n", p.stderr), p)
    p = short_run(["check", "--config", many], limited(resource.RLIMIT_NOFILE, 1024))
    check("and of no other", p.returncode == 0 and p.stderr == "", p)
    test_idle_connections(sim)


def test_idle_connections(sim):
    """One poll in flight, but a connection kept for each identity and region."""
    idle = write("idle.ini", "[pipepoll]\nmax-in-flight = 1\nmax-connections = 100\n" + "".join(
        target(f"t{i}", sim, interval="1h") + f"profile = p{i}\n" for i in range(100)))
    profiles = write("hundred.cfg", "".join(
        f"[profile p{i}]\naws_access_key_id = AKIDEXAMPLE{i}\naws_secret_access_key = none\n"
        for i in range(100)))
    keys = dict(KEYS, AWS_CONFIG_FILE=profiles)
    for command, option in (("check", "--config"), ("run", "--print-config"),
                            ("doctor", "--no-poll")):
        p = short_run([command, *dict.fromkeys([option, "--config"]), idle],
                      limited(resource.RLIMIT_NOFILE, 140), keys)
        check(f"{command} counts the descriptors of idle connections",
              re.search(r"idle.ini:3:19: (warning: )?100 connections, idle ones included, need 145 "
                        r"descriptors, .* 140: .*ulimit -n.*max-connections", p.stderr), p)
    p = short_run(["check", "--config", idle, "--output", "json"],
                  limited(resource.RLIMIT_NOFILE, 145), keys)
    plan = json.loads(p.stdout)
    check("and of no other", p.stderr == "" and plan["maxDescriptors"] == 145 and
          plan["maxSockets"] == 100 and plan["maxInFlight"] == 1, p)
    for limit, warned in ((156, 1), (157, 0)):
        run = start_run(write("loops.ini", open(idle).read().replace("flight = 1", "flight = 2")),
                        loops=2, env=keys, preexec_fn=limited(resource.RLIMIT_NOFILE, limit))
        run.signal(signal.SIGTERM)
        run.wait()
        told = [line for line in run.seen["err"] if "connections on 2 loops need 157" in line]
        check(f"run counts those of its loops: {limit}", len(told) == warned, run.seen["err"])


def test_threads(sim):
    def no_threads():
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)

    # The search for leaks is a thread of its own.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    for arguments in commands(sim):
        p = short_run(arguments, no_threads, dict(KEYS, ASAN_OPTIONS=options),
                      program_for_all())
        check(f"{arguments[0]} without threads: one line that says so, and 255",
              p.returncode == 255 and p.stderr.count("\n") == 1 and "threads" in p.stderr
              and "ulimit -u" in p.stderr, (p.returncode, p.stderr))


def main():
    sim = Sim()
    for loops in (1, 2):
        print(f"--- run --loops {loops}", flush=True)
        test_stuck_stderr(sim, loops)
        test_file_size(sim, loops)
        test_drain_timeout(loops)
    test_gap(sim)
    test_no_stderr(sim)
    test_stuck_commands(sim)
    test_signals(sim)
    test_inherited(sim)
    test_descriptors(sim)
    test_threads(sim)
    sim.signal(signal.SIGTERM)
    check("the simulator ends with 0", sim.wait() == 0)
    finish()


if __name__ == "__main__":
    main()
