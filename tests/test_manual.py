#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages say what the program knows, no less and no more: its commands and options, the
keys of the config file, the environment, the functions of the library. Their examples of a config
file are right, they name no page that is missing, and man has nothing to say against them.

test_manual.py PATH-OF-PIPEPOLL DESCRIBE SOURCE-ROOT HEADER..."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from lib.program import KEYS, check, finish, path_of, pipepoll, write

DESCRIBE, ROOT = sys.argv[2], Path(sys.argv[3])
HEADERS = [Path(name).read_text(encoding="utf-8") for name in sys.argv[4:]]
FOLDER = ROOT / "src/share/man"
PAGES = {path.name.removesuffix(".scd"): path.read_text(encoding="utf-8")
         for path in sorted(FOLDER.glob("*.scd"))}
TABLES = json.loads(subprocess.run([DESCRIBE, "tables"], check=True, capture_output=True,
                                   text=True).stdout)
HELP = {"name": "--help"}
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
TERM = re.compile(r"^(?=\*)(?:.+\n)+?(?=\t)", re.M)  # the lines above an indented paragraph
ENTRY = re.compile(r"^\*([a-z-]+)\* = (_.*_)\n((?:\t.*\n)+)", re.M)
BLOCK = re.compile(r"^```\n(.*?)^```$", re.M | re.S)
REFERENCE = re.compile(r"\*([\w.-]+)\*\((\d)\)")
OF_OTHERS = re.compile(r"journalctl|kill|signal|systemd[\w.-]*")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:.*\\\n)*.*$", re.M)
VARIABLE = re.compile(r'"(AWS_[A-Z0-9_]+|[A-Z]+_PROXY|NO_COLOR|REQUESTS_CA_BUNDLE|'
                      r'PIPEPOLL_[A-Z_]+|NOTIFY_SOCKET|WATCHDOG_[A-Z]+|JOURNAL_STREAM)"')
PLAIN = {"LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}


def page_of(name, section=1):
    return PAGES.get(f"{name}.{section}", "")


def part_of(page, title):
    """What a page has under this heading."""
    found = re.search(rf"^# {re.escape(title)}.*?\n(.*?)(?=^# |\Z)", page, re.M | re.S)
    return found[1] if found else ""


def without_blocks(page):
    return BLOCK.sub("", page)


def plain(text):
    """What a reader sees of scdoc's markup."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\*", "", text))


def differences(name, known, said, what):
    missing, unknown = sorted(known - said), sorted(said - known)
    check(f"{name} has {what}", not missing and not unknown,
          f"add to src/share/man/{name}.scd: {missing}; not known to the program: {unknown}")


# --- commands and their options ---

def options_of(part):
    """-> each option's name, with its value, of a list of definitions."""
    for term in TERM.findall(part):
        for item in re.findall(r"\*(--[a-z-]+)\*(?: _(.+?)_(?=$|,))?", term.strip(), re.M):
            yield f"{item[0]} {item[1]}".strip()


def check_command(command):
    name = f"pipepoll-{command['name']}"
    page = page_of(name)
    check(f"`pipepoll {command['name']}` has a page", page,
          f"write src/share/man/{name}.1.scd and add it to the list in src/share/meson.build")
    if not page:
        return
    known = {f"{o['name']} {o.get('value', '')}".strip() for o in command["options"] + [HELP]}
    differences(f"{name}.1", known, set(options_of(part_of(page, "OPTIONS"))), "its options")
    for title in ("SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES"):
        check(f"{name}(1) has {title}", part_of(page, title))
    check(f"pipepoll(1) names {name}(1) and is named by it",
          f"*{name}*(1)" in part_of(page_of("pipepoll"), "COMMANDS")
          and "*pipepoll*(1)" in part_of(page, "SEE ALSO"))


def check_commands():
    commands = TABLES["commands"]
    for command in commands:
        check_command(command)
    pages = {name for name in PAGES if re.match(r"pipepoll-.*\.1$", name)}
    check("there is no page of a command that is not there",
          pages <= {f"pipepoll-{c['name']}.1" for c in commands}, pages)
    known = {o["name"] for c in commands for o in c["options"]} | {"--help", "--version"}
    for name, page in PAGES.items():
        said = set(re.findall(r"(?<=\*)--[a-z-]+(?=[* ])", without_blocks(page)))
        foreign = set(re.findall(r"\*aws [^*]*\*", page)) | {"--generate-cli-skeleton yaml-input"}
        said -= {word for words in foreign for word in words.strip("*").split()}
        check(f"{name} names no option that there is not", said <= known, said - known)


# --- the config file ---

EFFECTS = {key["name"]: key["effect"] for key in TABLES["keys"]}


def check_keys():
    page = page_of("pipepoll.ini", 5)
    for section in dict.fromkeys(key["section"] for key in TABLES["keys"]):
        entries = {name: (value, text) for name, value, text in
                   ENTRY.findall(part_of(page, f"SECTION [{section}"))}
        known = {key["name"] for key in TABLES["keys"] if key["section"] == section}
        differences("pipepoll.ini.5", known, set(entries), f"the keys of [{section}], under a "
                    f'heading "# SECTION [{section}..." as "*key* = _TYPE_"')
        vague = [name for name, (_, text) in entries.items()
                 if not re.search(r"\b(Default:\s+\S|Required\.)", plain(text))
                 or f"Takes effect: {EFFECTS.get(name)}." not in re.sub(r"\s+", " ", text)]
        check(f"each key of [{section}] has its default (or is required), and when it takes effect",
              not vague, vague)


# All that has no default, and one of each kind.
BARE_CONFIG = """[pipepoll]
state-dir = {state}
category = Build
provider = Acme
version = 1
[target found]
regions = us-east-1
[target worked]
regions = us-east-1
owner = Custom
handler = program
[handler program]
command = /bin/true
[handler pool]
kind = stdio
command = /bin/true
[handler hook]
url = http://127.0.0.1/
secret-file = {key}
[http]
[fleet]
servers = nats://127.0.0.1
member = m
"""

# The other keys, which have no default.
REST_OF_CONFIG = BARE_CONFIG.replace("[pipepoll]\n", """[pipepoll]
client-tokens-url = https://127.0.0.1/{{clientId}}
client-tokens-bearer-file = {key}
client-tokens-ttl = 1m
max-connections = 9
max-in-flight-per-region = 9
max-polls-per-second = 9
user-agent-app-id = id
ca-bundle = {roots}
""").replace("regions = us-east-1\nowner = Custom\n", """regions = us-esat-1
owner = Custom
query-param = Project=P
endpoint-url = https://127.0.0.1
allow-unknown-regions = yes
pickup-goal = 10s
slowest-interval = 1m
profile = some
role-arn = arn:aws:iam::123456789012:role/r
role-session-name = name
external-id = id
""").replace("[handler program]\n", """[handler program]
directory = /
environment = A=B
open-files = 99
address-space = 1GiB
cpu-time = 1m
continue-after = 1m
""").replace("[handler hook]\n", """[handler hook]
callback-url = https://127.0.0.1/
""").replace("[http]\n", """[http]
token-file = {key}
""").replace("nats:", "tls:") + """tls-ca = {key}
tls-cert = {key}
tls-key = {key}
user = u
password-file = {key}
"""


# There is one source of client tokens, and one way into a fleet, at a time.
OTHER_SOURCES = {"client-tokens", "client-tokens-command", "nkey-file", "creds-file"}
OF_FLEETS = {key["name"] for key in TABLES["keys"] if key["section"] == "fleet"}
HAS_FLEETS = "built without fleets" not in pipepoll("check", write("fleet.ini", "[fleet]\n")).err


def for_this_build(config):
    return config if HAS_FLEETS else re.sub(r"^\[fleet\]\n(?:(?!\[).*\n)*", "", config, flags=re.M)


def check_lists_of_keys():
    """What --print-config prints is a config file too, so no key may be missing in it."""
    key = path_of("key")
    given = for_this_build(REST_OF_CONFIG).format(state=path_of("state"), key=key, roots=ROOTS)
    settings = write("settings", "[profile some]\nregion = us-east-1\n")
    r = pipepoll("run", write("rest.ini", given), "--print-config",
                 env={**KEYS, "AWS_CONFIG_FILE": settings})
    known = {key["name"] for key in TABLES["keys"]}
    printed = set(re.findall(r"^(?:# )?([a-z-]+)(?: =|:) ", r.out, re.M))
    missing = sorted(known - printed - OTHER_SOURCES - (set() if HAS_FLEETS else OF_FLEETS))
    check("each key is printed by --print-config", r.code == 0 and not missing, (missing, r.err))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [name for name in sorted(known) if not re.search(rf"(?m)(^|`){name}(`| = )", readme)]
    check("and told in README", not missing, missing)


def check_defaults():
    """Against what --print-config fills in."""
    key = write("key", "0123456789abcdef\n")
    os.chmod(key, 0o600)
    given = for_this_build(BARE_CONFIG).format(state=path_of("state"), key=key)
    r = pipepoll("run", write("bare.ini", given), "--print-config")
    check("the effective config is printed", r.code == 0, r)
    page = page_of("pipepoll.ini", 5)
    entries = {name: text for name, _, text in ENTRY.findall(page)}
    filled = set(re.findall(r"^([a-z-]+) = (.+)$", r.out, re.M)) - \
        set(re.findall(r"^([a-z-]+) = (.+)$", given, re.M))
    wrong = [(name, value) for name, value in sorted(filled) if "/" not in value
             and not re.search(rf"Default:.*?(?<![\w.]){re.escape(value)}(?!\w)", plain(
                 entries.get(name, "")), re.S)]
    check("defaults are those of the program", len(filled) > 15 and not wrong, wrong)


# With the seed of NATS's own documentation.
CREDS = """-----BEGIN NATS USER JWT-----
eyJ0.eyJq.c2ln
------END NATS USER JWT------
-----BEGIN USER NKEY SEED-----
SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY
------END USER NKEY SEED------
"""


def stand_in(text):
    """An example as it is, but that its absolute paths are below our folder, and there."""
    text = text.replace("$CREDENTIALS_DIRECTORY", "/etc/pipepoll")
    for path in set(re.findall(r"(?<=[ =])/(?:etc|var|usr|tmp)/[\w./-]+", text)):
        here = path_of("root") + path
        os.makedirs(os.path.dirname(here), exist_ok=True)
        if path.endswith(".pem"):
            shutil.copyfile(ROOTS, here)
        elif not os.path.exists(here) and not path.startswith(("/var/", "/tmp/")):
            Path(here).write_text("#!/bin/sh\n" if "/bin/" in path else
                                  CREDS if path.endswith(".creds") else
                                  "c0" * 32 if path.endswith(".key") else "an-id its-token\n",
                                  encoding="utf-8")
            os.chmod(here, 0o700 if "/bin/" in path else 0o600)
        text = text.replace(path, here)
    return text


def check_config_examples():
    checked = 0
    credentials = os.path.dirname(stand_in(" /etc/pipepoll/client-tokens").strip())
    for name, page in PAGES.items():
        for block in BLOCK.findall(page):
            if not re.match(r"\[(pipepoll|target|handler)\b", block):
                continue
            checked += 1
            path = write(f"{name}.{checked}.ini", for_this_build(stand_in(block)))
            r = pipepoll("check", path, env={**KEYS, "AWS_REGION": "us-east-1",
                                             "CREDENTIALS_DIRECTORY": credentials})
            check(f"pipepoll check has nothing against example {checked}, of {name}",
                  r.code == 0 and not r.err, r)
    check("there are examples of config files", checked >= 4)


# --- the environment, and the library ---

def check_environment():
    known = set()
    for path in [*ROOT.glob("src/**/*.c"), *ROOT.glob("src/**/*.h")]:
        if path.parent.name != "sim":
            known |= set(VARIABLE.findall(path.read_text(encoding="utf-8")))
    page = "".join(part_of(page_of(name), "ENVIRONMENT") for name in ("pipepoll", "pipepoll-run"))
    missing = sorted(name for name in known if f"*{name}*" not in page)
    check("each variable of the environment that is read is in a page", known and not missing,
          missing)


def check_library():
    page = page_of("libpipepoll", 3)
    code = DIRECTIVE.sub("", COMMENT.sub("", "\n".join(HEADERS)))
    declared = set(re.findall(r"PIPEPOLL_API[^;(]*?\b(pipepoll_\w+)\(", code))
    listed = set(re.findall(r"\*(pipepoll_\w+)\*\(\)", part_of(page, "FUNCTIONS")))
    differences("libpipepoll.3", declared, listed, "the functions of the headers, in FUNCTIONS")
    named = set(re.findall(r"\b(pipepoll_\w+)\*?\(", page))
    check("libpipepoll(3) names no function that there is not", named <= declared,
          named - declared)
    example = BLOCK.findall(part_of(page, "EXAMPLE"))[0].replace("\\\\", "\\")
    shown = re.search(r"^```c\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"),
                      re.M | re.S)[1]
    check("its example is that of README.md, which is built and run",
          "".join(example.split()) == "".join(shown.split()))


# --- the pages as pages ---

def check_references():
    for name, page in PAGES.items():
        for page_name, section in set(REFERENCE.findall(page)):
            if OF_OTHERS.fullmatch(page_name):
                continue
            check(f"{name} names {page_name}({section}), which is there",
                  f"{page_name}.{section}" in PAGES)
        check(f"{name} has a SEE ALSO", part_of(page, "SEE ALSO"))


def check_rendering():
    if not shutil.which("scdoc") or not shutil.which("man"):
        check("scdoc and man-db are there in CI", "PIPEPOLL_CI" not in os.environ)
        print("skipped: how pages look, for there is no scdoc or no man")
        return
    for name in PAGES:
        made = path_of(name)
        with open(FOLDER / f"{name}.scd", "rb") as source, open(made, "wb") as out:
            r = subprocess.run(["scdoc"], stdin=source, stdout=out, stderr=subprocess.PIPE,
                               check=False)
        check(f"scdoc understands {name}", r.returncode == 0, r.stderr)
        r = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", made], check=False,
                           env={**os.environ, **PLAIN}, capture_output=True, text=True)
        check(f"man has nothing against {name}", r.returncode == 0 and not r.stderr, r.stderr)
        wide = [line for line in re.sub(r".\x08|\x1b\[[0-9;]*m", "", r.stdout).split("\n")
                if len(line) > 80]
        check(f"{name} fits a terminal of 80 columns", not wide, wide)


def check_installed():
    build = (ROOT / "src/share/meson.build").read_text(encoding="utf-8")
    missing = [name for name in PAGES if f"'{name}'" not in build]
    check("src/share/meson.build makes and installs each page", not missing, missing)


check_commands()
check_keys()
check_defaults()
check_lists_of_keys()
check_config_examples()
check_environment()
check_library()
check_references()
check_rendering()
check_installed()
finish()
