# SPDX-License-Identifier: MIT
"""AWS's own clients, for tests that ask what they do with an environment and files. Run by any
interpreter that has them, as a server on its stdin: a line of JSON for each command, {"how":
"botocore" or "cli", "env": {...}, "arguments": [...], "uid": null or a number, "cwd": path},
answered by a line {"code", "out", "err"}. Each runs in a fork: what it imports, it imports once.
"arguments" are what follows `aws`, or of botocore an endpoint URL to poll once.

The first line that it writes says what is there: {"botocore": version, "cli": version or null,
"is_new": does it know AWS_ENDPOINT_URL?}."""

import functools
import gc
import json
import os
import sys
import tempfile

try:
    import awscli
    import awscli.clidriver
except ImportError:
    awscli = None
import botocore
import botocore.loaders
import botocore.session

DATA = os.environ.get("AWS_DATA_PATH", "")  # set by the CLI when it is imported
ACME = {"category": "Build", "owner": "ThirdParty", "provider": "Acme", "version": "1"}


def ask_botocore(endpoint_url, profile=None):
    session = botocore.session.Session(profile=profile)
    client = session.create_client("codepipeline", endpoint_url=endpoint_url)
    print(client.poll_for_third_party_jobs(actionTypeId=ACME))
    return 0


def ask_cli(*arguments):
    sys.argv = ["aws", *arguments]
    return awscli.clidriver.main()


def in_child(command, files):
    code = 255
    try:
        if command.get("uid") is not None:
            os.setgroups([])
            os.setgid(command["uid"])
            os.setuid(command["uid"])
        os.chdir(command["cwd"])
        os.environ.clear()
        os.environ.update(command["env"], AWS_DATA_PATH=DATA)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        ask = ask_cli if command["how"] == "cli" else ask_botocore
        code = ask(*command["arguments"])
    except SystemExit as e:
        code = e.code
    except BaseException as e:  # whatever it is, it is what the client says
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def run(command):
    files = [tempfile.TemporaryFile() for _ in range(2)]
    child = os.fork()
    if child == 0:
        in_child(command, files)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = []
    for file in files:
        file.seek(0)
        texts.append(file.read().decode(errors="replace"))
        file.close()
    return {"code": code, "out": texts[0], "err": texts[1]}


def once(method):
    """The method, with what it answered kept for all objects."""
    known = {}

    @functools.wraps(method)
    def look(self, *arguments, **named):
        what = (arguments, tuple(named.items()))
        if what not in known:
            known[what] = method(self, *arguments, **named)
        return known[what]
    return look


def warm_up():
    """Read the models once, for all forks: most of the time of a client's life goes there."""
    loader, file_loader = botocore.loaders.Loader, botocore.loaders.JSONFileLoader
    loader.list_available_services = once(loader.list_available_services)
    file_loader.load_file = once(file_loader.load_file)
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
    botocore.session.Session().create_client("codepipeline", region_name="us-east-1")
    if awscli:
        awscli.clidriver.create_clidriver()
    gc.freeze()


def main():
    warm_up()
    print(json.dumps({"botocore": botocore.__version__,
                      "cli": awscli.__version__ if awscli else None,
                      "is_new": hasattr(botocore.configprovider, "ConfiguredEndpointProvider")}),
          flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
