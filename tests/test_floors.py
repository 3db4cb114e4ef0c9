# SPDX-License-Identifier: MIT
"""Every #include of src/ and include/ against the floor table of src/README.md.

usage: test_floors.py SOURCE_ROOT
"""
import re
import sys
import tempfile
from pathlib import Path

LIBC = set("""assert ctype dirent errno fcntl float ftw getopt grp ifaddrs inttypes langinfo limits
    locale math netdb poll pthread pwd regex sched setjmp signal spawn stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string strings sysexits syslog termios time
    unistd""".split())
LIBC_FOLDERS = ("arpa/", "net/", "netinet/", "sys/")
BAD_NAMES = {"common", "helper", "private", "util"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)', re.M)
ROW = re.compile(r"^\| (\d) \| `([^`]+)` \|([^|]*)\|([^|]*)\|", re.M)


class Floor:
    def __init__(self, number, room, below, foreign):
        self.number, self.room = int(number), room
        self.below = re.findall(r"`([^`]+)`", below)
        self.foreign = re.findall(r"`([^`]+)`(?: in `([^`]+)`)?", foreign)

    def may_use(self, header):
        return header.startswith(self.room) or any(covers(entry, header) for entry in self.below)

    def may_use_foreign(self, header, file):
        return any(covers(entry, header) and only in ("", file) for entry, only in self.foreign)


def covers(entry, header):
    return header == entry or entry.endswith("/") and header.startswith(entry)


def read_floors(source):
    rows = [Floor(*row) for row in ROW.findall((source / "README.md").read_text())]
    return {floor.room: floor for floor in rows}


def is_libc(header):
    return header.removesuffix(".h") in LIBC or header.startswith(LIBC_FOLDERS)


def is_public(header):
    return header == "pipepoll.h" or header.startswith("pipepoll/")


def upward_rows(floors):
    for floor in floors.values():
        for room in floor.below:
            if room in floors and floors[room].number >= floor.number:
                yield f"src/README.md: {floor.room} may not use {room}: it is not below"


def bad_includes(path, floor):
    for quote, header in INCLUDE.findall(path.read_text()):
        if is_libc(header) if quote == "<" else is_public(header):
            continue
        if floor and quote == '"' and floor.may_use(header):
            continue
        if floor and quote == "<" and floor.may_use_foreign(header, path.name):
            continue
        yield f"includes {header}"


def violations(root):
    source = root / "src"
    floors = read_floors(source)
    if not floors:
        yield "src/README.md: no floor table"
    yield from upward_rows(floors)
    for path in sorted([*source.rglob("*.[ch]"), *(root / "include").rglob("*.h")]):
        name = path.relative_to(root)
        if path.suffix == ".h" and path.stem in BAD_NAMES:
            yield f"{name}: a header needs a name that says what is in it"
        room = path.relative_to(source).parts[0] + "/" if name.parts[0] == "src" else None
        floor = floors.get(room)
        if room and not floor:
            yield f"{name}: its folder is not in the table of src/README.md"
            continue
        yield from (f"{name}: {what}" for what in bad_includes(path, floor))


CROOKED = {  # one violation each
    "include/pipepoll.h": "<uv.h>",
    "src/aws/job.c": '"poll/target.h"',
    "src/aws/sigv4.c": "<openssl/evp.h>",
    "src/base/buf.c": '"io/timers.h"',
    "src/base/util.h": "<stddef.h>",
    "src/cli/main.c": '"sim/ledger.h"',
    "src/client/poller.c": "<curl/curl.h>",
    "src/config/plan.c": '"daemon/event.h"',
    "src/daemon/shard.c": '"cli/command.h"',
    "src/cli/run.c": '"client/poller.h"',
    "src/credentials/chain.c": '"poll/target.h"',
    "src/io/timers.c": '"aws/job.h"',
    "src/poll/target.c": "<uv.h>",
    "src/store/journal.c": "<sqlite3.h>",
    "src/nowhere/file.c": "<stdio.h>",
}
STRAIGHT = {
    "src/aws/digest.c": "<openssl/evp.h>",
    "src/client/poller.c": '"io/timers.h"',
    "src/io/trust_store.c": "<sys/socket.h>",
    "src/sim/demo.c": '"cli/command.h"',
    "src/sim/http.c": '"pipepoll.h"',
    "src/store/database.c": "<sqlite3.h>",
}


def found_in(files, table):
    with tempfile.TemporaryDirectory() as folder:
        for name, header in {"include/pipepoll.h": "<stdint.h>", **files}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#include {header}\n")
        Path(folder, "src/README.md").write_text(table)
        return sorted(line.split(":")[0] for line in violations(Path(folder)))


def blind_spots(root):
    """What this check would miss, proved on trees made for it."""
    table = (root / "src/README.md").read_text()
    if found_in(STRAIGHT, table):
        yield "self-test: complains about a tree that is in order"
    for name in set(CROOKED) - set(found_in(CROOKED, table)):
        yield f"self-test: blind to {CROOKED[name]} in {name}"
    upward = table.replace("| 0 | `base/` | |", "| 0 | `base/` | `io/` |")
    if found_in(STRAIGHT, upward) != ["src/README.md"]:
        yield "self-test: blind to a table that lets a lower floor use a higher one"
    lost = "src/client/poller.c"
    if found_in({lost: "<stdint.h>"}, "") != ["src/README.md", lost]:
        yield "self-test: blind to a missing table"


def main():
    root = Path(sys.argv[1])
    complaints = [*violations(root), *blind_spots(root)]
    print("\n".join(complaints) or "every include goes down")
    sys.exit(bool(complaints))


main()
