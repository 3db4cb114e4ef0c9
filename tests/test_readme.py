# SPDX-License-Identifier: MIT
"""The embedding examples of README.md are short and build as a user would build them: the first
finds jobs, the second works one.

usage: test_readme.py SOURCE_ROOT BUILD_DIR COMPILER [ARGUMENT]...
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

MAX_LINES = 60
JOBS = 3
DEADLINE_S = 25
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
ENVIRONMENT = {**os.environ, **KEYS}
ENVIRONMENT.pop("AWS_SESSION_TOKEN", None)


def examples(root):
    blocks = re.findall(r"^```c\n(.*?)^```$", (root / "README.md").read_text(), re.M | re.S)
    if len(blocks) != 2:
        sys.exit(f"README.md has {len(blocks)} ```c blocks, not 2")
    for block in blocks:
        lines = block.count("\n")
        if lines > MAX_LINES:
            sys.exit(f"an example has {lines} lines, more than {MAX_LINES}")
    return blocks


def pkg_config(what):
    command = ["pkg-config", what, "libuv"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def build(source, root, build_dir, compiler, program):
    code = program.with_suffix(".c")
    code.write_text(source)
    command = [*compiler, "-Wall", "-Werror", f"-I{root}/include", *pkg_config("--cflags")]
    command += [code, "-o", program, f"-L{build_dir}", f"-Wl,-rpath,{build_dir}", "-lpipepoll"]
    subprocess.run([*command, *pkg_config("--libs")], check=True)


def run(program, build_dir):
    """-> what the example printed about a service with some jobs."""
    command = [build_dir / "pipepoll", "sim", "--jobs", str(JOBS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            url = re.search(r"http://\S+", service.stdout.readline())
            if not url:
                sys.exit("pipepoll sim did not say where it listens")
            done = subprocess.run([program, url[0]], env=ENVIRONMENT, stdout=subprocess.PIPE,
                                  text=True, timeout=DEADLINE_S)
        finally:
            service.terminate()
    if done.returncode:
        sys.exit(f"the example ended with {done.returncode}")
    return done.stdout.splitlines()


def complaint(program, url, environment):
    """-> the first line it says on stderr."""
    with subprocess.Popen([program, url], env=environment, stderr=subprocess.PIPE,
                          text=True) as running:
        timer = threading.Timer(DEADLINE_S, running.kill)
        timer.start()
        line = running.stderr.readline()
        running.kill()
        timer.cancel()
    return line


def check_complaints(program, folder):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        bare.update(HOME=folder, AWS_EC2_METADATA_DISABLED="true")
        said = complaint(program, url, bare)
        if not said.startswith("no usable credentials: "):
            sys.exit(f"without keys the example said {said!r}")
        said = complaint(program, url, ENVIRONMENT)
        if not said.startswith("us-east-1: "):
            sys.exit(f"with nobody there the example said {said!r}")


def main():
    root, build_dir = (Path(argument).resolve() for argument in sys.argv[1:3])
    polling, working = examples(root)
    with tempfile.TemporaryDirectory() as folder:
        program, worker = Path(folder, "example"), Path(folder, "worker")
        build(polling, root, build_dir, sys.argv[3:], program)
        build(working, root, build_dir, sys.argv[3:], worker)
        job_ids = run(program, build_dir)
        worked = run(worker, build_dir)
        check_complaints(program, folder)
        check_complaints(worker, folder)
    if len(worked) != 2 or not re.fullmatch(r"[\w-]+: succeeded", worked[1]):
        sys.exit(f"one job was to be worked, but the example printed {worked}")
    if len(set(job_ids)) != JOBS or not all(re.fullmatch(r"[\w-]+", name) for name in job_ids):
        sys.exit(f"{JOBS} job ids were due, but the example printed {job_ids}")
    print(f"the example found {len(job_ids)} jobs")


main()
