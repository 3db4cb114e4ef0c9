#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A member that joins with a creds file, a JWT and its seed, where the server knows its users by
operator and account; and what is said of files that will not do.
test_run_fleet_creds.py PATH-OF-PIPEPOLL."""

import os
import re
import signal
import sys

sys.dont_write_bytecode = True
from lib.nats import Nats
from lib.nats_jwt import Accounts
from lib.poll_service import PollService
from lib.program import Process, check, everything, finish, path_of, write

accounts, others = Accounts(), Accounts()
nats, service = Nats(more=accounts.config), PollService()


def member(name, creds):
    os.chmod(write(f"{name}.creds", creds), 0o600)
    return Process("run", "--config", write(f"{name}.ini", f"""[pipepoll]
user-agent-app-id = {name}
journal = none
interval = 100ms
endpoint-url = {service.url}
[fleet]
servers = {nats.urls}
member = {name}
creds-file = {path_of(name)}.creds
replicas = 1
takeover = fast
[target web]
regions = us-east-1
category = Build
provider = Acme
version = 1
"""))


def end(run):
    run.signal(signal.SIGTERM)
    return run.wait()


run = member("good", accounts.creds())
check("a member joins by its creds file", run.log("connected to"))
check("and polls", nats.wait_for(lambda: service.polls))
check("it ends", end(run) == 0)

def refused(name, creds, said="creds-file"):
    run = member(name, creds)
    line = run.log(said)
    end(run)
    return line or run.rest("err")


line = refused("stranger", others.creds(ends_in_s=3600))
check("one whom another operator knows is refused", line.endswith(
    "Authorization Violation; check nkey-file, creds-file or user against the server's users"),
    line)
line = refused("ended", accounts.creds(ends_in_s=-60))
check("of one whose time is over, that is told", "the server refuses creds-file" in line and
      "ended.creds, which ended at 20" in line and line.endswith("Z: it needs a new JWT"), line)
line = refused("no-right", accounts.creds(pub={"deny": ["$JS.API.STREAM.>"]}), "no right")
check("so is a right that is missing in it", "no right to use $JS.API.STREAM." in line, line)

run = member("brief", accounts.creds(ends_in_s=2))
check("one joins whose time ends soon", run.log("connected to"))
line = run.log("creds-file")
check("it is told when it is over", line and "which ended at 20" in line, line)
write("brief.creds", accounts.creds())
check("a new file is taken without a restart", run.log("connected to"))
check("it ends as well", end(run) == 0)
check("no seed is in any line", not re.search("SU[A-Z2-7]{56}", "".join(everything)))
finish()
