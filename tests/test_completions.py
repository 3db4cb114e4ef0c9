#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real shells complete the commands of pipepoll, their options and the values that the program
knows, as the tables of the program have them; and the program takes each value that is offered.

test_completions.py PATH-OF-PIPEPOLL DESCRIBE"""

import json
import os
import pty
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from lib.program import BARE, DEADLINE_S, check, finish, path_of, pipepoll, running, write

DESCRIBE = sys.argv[2]
COMPLETE = {"bash": "\x1b*", "zsh": "\t"}  # insert all that fits, in place of the last word
BEGIN = {
    "bash": r"""set -u
. {script}
complete -p pipepoll >/dev/null || exit
pipepoll() {{ printf '%s\n' "$@" >{out}.part; mv {out}.part {out}; }}
echo ready
""",
    "zsh": r"""setopt nounset
fpath=({scripts} $fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' completer _all_matches _complete
zstyle ':completion:*' insert true
pipepoll() {{ print -rl -- "$@" >{out}.part; mv {out}.part {out} }}
print ready
""",
}
ARGUMENTS = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}


def describe(what):
    return subprocess.run([DESCRIBE, what], check=True, capture_output=True, text=True).stdout


TABLES = json.loads(describe("tables"))
COMMANDS = [command["name"] for command in TABLES["commands"]]
COMPLAINTS = ["unbound variable", "parameter not set", "not found", "_pipepoll:", "pipepoll.fish"]
REGIONS = ["us-east-1", "eu-west-1", "cn-north-1"]


def words_of(option):
    return [word for word in option.get("value", "").split("|") if word and word == word.lower()]


class Terminal:
    """An interactive shell, in which the command pipepoll writes its arguments to a file."""

    def __init__(self, shell, script):
        self.shell, self.seen, self.out = shell, "", path_of(f"{shell}.arguments")
        self.master, slave = pty.openpty()
        environment = {**BARE, "TERM": "xterm", "PS1": "$ ", "HISTFILE": "", "LC_ALL": "C.UTF-8",
                       "INPUTRC": write("inputrc", "set enable-bracketed-paste off\n")}
        self.p = subprocess.Popen(ARGUMENTS[shell], stdin=slave, stdout=slave, stderr=slave,
                                  env=environment, cwd=path_of("folder"), start_new_session=True)
        os.close(slave)
        running.append(self.p)
        threading.Thread(target=self.read, daemon=True).start()
        begin = BEGIN[shell].format(script=script, scripts=os.path.dirname(script), out=self.out)
        self.write(f". {write(f'begin.{shell}', begin)}\n")
        self.is_ready = self.wait_for(lambda: "\nready" in self.seen)

    def read(self):
        try:
            while piece := os.read(self.master, 4096):
                self.seen += piece.decode("utf-8", "replace").replace("\r", "")
        except OSError:  # the shell has left
            pass

    def write(self, text):
        os.write(self.master, text.encode())

    def wait_for(self, true):
        until = time.monotonic() + DEADLINE_S
        while not true() and self.p.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        return true()

    def complete(self, line):
        """-> the words that stand there after all completions were inserted; None: no answer, and
        there will be none."""
        if not self.is_ready:
            return None
        if os.path.exists(self.out):
            os.unlink(self.out)
        self.write(line + COMPLETE[self.shell] + "\n")
        self.is_ready = self.wait_for(lambda: os.path.exists(self.out))
        if not self.is_ready:
            return None
        with open(self.out, encoding="utf-8") as said:
            return [word.rstrip("=/") for word in said.read().split("\n") if word]

    def close(self):
        self.p.kill()  # an end of input that comes before the prompt is not seen
        self.p.wait(DEADLINE_S)


class Fish:
    """Fish tells what it would complete."""
    is_ready = True

    def __init__(self, script):
        self.script, self.seen = script, ""

    def complete(self, line):
        command = f"source {self.script}; complete -C (printf %s $argv[1])"
        r = subprocess.run(["fish", "--no-config", "-c", command, line], capture_output=True,
                           text=True, env={**BARE, "LC_ALL": "C.UTF-8"}, cwd=path_of("folder"),
                           timeout=DEADLINE_S, check=False)
        self.seen += r.stderr
        words = line.split(" ")
        return words[1:-1] + [word.split("\t")[0].rstrip("=/")
                                 for word in r.stdout.split("\n") if word]

    def close(self):
        pass


def expect(shell, session, line, wanted, exactly=True):
    """All of `wanted` stand in place of the last word of the line; nothing else, if exactly."""
    kept = line.split(" ")[1:-1]
    words = session.complete(line)
    found = words[len(kept):] if words and words[:len(kept)] == kept else None
    right = found is not None and (set(found) == set(wanted) if exactly
                                   else set(wanted) <= set(found))
    check(f"{shell} completes {line!r}", right, f"{words}, wanted {sorted(wanted)}; {session.seen}")


def check_options(shell, session):
    for command in TABLES["commands"]:
        name = command["name"]
        options = {option["name"] for option in command["options"]} | {"--help"}
        expect(shell, session, f"pipepoll {name} --", options)
        for option in command["options"]:
            begin = f"pipepoll {name} {option['name']} "
            if "REGION" in option.get("value", "").split("|"):
                expect(shell, session, begin, REGIONS + words_of(option), exactly=False)
            elif words_of(option):
                expect(shell, session, begin, words_of(option))


def check_shell(shell, session):
    check(f"{shell} reads its script", session.is_ready, session.seen)
    if not session.is_ready:
        return
    expect(shell, session, "pipepoll ", COMMANDS + ["help"],
           exactly=shell == "fish")  # bash offers the options too
    expect(shell, session, "pipepoll do", ["doctor"])
    expect(shell, session, "pipepoll --v", ["--version"])
    expect(shell, session, "pipepoll help ", COMMANDS)
    check_options(shell, session)
    expect(shell, session, "pipepoll run --log-level de", ["debug"])
    expect(shell, session, "pipepoll run --config ", ["a.ini", "within"], exactly=False)
    expect(shell, session, "pipepoll run a", ["a.ini"])
    expect(shell, session, "pipepoll jobs --state-dir w", ["within"])
    expect(shell, session, "pipepoll fleet dr", ["drain"])
    expect(shell, session, "pipepoll run --loops 2 --log-format tex", ["text"])
    session.close()
    check(f"{shell} has nothing to complain of", not any(
        complaint in session.seen for complaint in COMPLAINTS), session.seen)


def check_joined(shell, session):
    """--name=value"""
    words = session.complete("pipepoll check --output=js")
    check(f"{shell} completes --output=js", words and words[-1].endswith("json"), words)


def check_words():
    """What is offered is taken, and other words are not."""
    for command in TABLES["commands"]:
        for option in command["options"]:
            words = words_of(option)
            refused = [word for word in words
                       if pipepoll(command["name"], option["name"], word, "--help").code != 0]
            check(f"{command['name']} {option['name']} takes each of {words}", not refused, refused)


def scripts():
    """Each by the name that it is installed by."""
    os.mkdir(path_of("scripts"))
    os.makedirs(path_of("folder/within"))
    write("folder/a.ini", "")
    return {shell: write(f"scripts/{name}", describe(shell)) for shell, name in
            {"bash": "pipepoll", "zsh": "_pipepoll", "fish": "pipepoll.fish"}.items()}


made = scripts()
for one, script in made.items():
    if not shutil.which(one):
        check(f"{one} is there in CI", "PIPEPOLL_CI" not in os.environ)
        print(f"skipped: completion by {one}, which is not there")
        continue
    check_joined(one, opened := Fish(script) if one == "fish" else Terminal(one, script))
    check_shell(one, opened)
check_words()
if shutil.which("shellcheck"):
    r = subprocess.run(["shellcheck", "-s", "bash", made["bash"]], capture_output=True, text=True,
                       check=False)
    check("shellcheck has nothing against the script for bash", r.returncode == 0, r.stdout)
finish()
