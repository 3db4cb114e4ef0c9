#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The live page in a browser: numbers as in /status.json, the same with and without its script, one
connection, no other request, a policy that is kept, reasons by keyboard, a lost connection.
test_page.py PATH-OF-STATUS_TRACE [FOLDER]: with a folder, screenshots to look at go there."""

import http.server
import json
import re
import subprocess
import sys
import threading
import urllib.parse

sys.dont_write_bytecode = True
from lib.chromium import Chromium, find_or_skip

TRACE = sys.argv[1]
HOSTILE = '<script>alert("it\'s in & out")</script>'
STATES = ["elsewhere", "waiting", "well", "throttled", "late", "failing"]
results = []


def check(name, true, detail=""):
    results.append(bool(true))
    print(f"{'ok    ' if true else 'FAILED'} {name}{'' if true else ': ' + str(detail)[:2000]}",
          flush=True)


def made(what, size, second, query=""):
    return subprocess.run([TRACE, what, *map(str, size), str(second), query], check=True,
                          stdout=subprocess.PIPE).stdout


class World:
    """A status that moves when a test says so, over HTTP."""

    def __init__(self):
        self.size, self.second, self.refuses = (10, 10), 0, False
        self.changed = threading.Condition()
        self.requests = []
        self.policy = made("policy", (1, 1), 0).decode().strip()
        world = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                path, _, query = self.path.partition("?")
                world.requests.append(path)
                if path == "/events":
                    world.stream(self, query)
                elif path == "/":
                    world.answer(self, made("html", world.size, world.second, query))
                else:
                    self.send_error(404)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler, body):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html; charset=utf-8")
        handler.send_header("Content-Security-Policy", self.policy)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def stream(self, handler, query):
        handler.close_connection = True
        if self.refuses:
            handler.send_error(503)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        sent = None
        try:
            while not self.refuses:
                with self.changed:
                    now = self.size, self.second
                    if sent == now:
                        self.changed.wait()
                        continue
                handler.wfile.write(made("event", *now, query))
                sent = now
        except OSError:
            pass  # its reader is gone

    def move(self, size=None, second=None, refuses=False):
        with self.changed:
            self.size = size or self.size
            self.second = self.second if second is None else second
            self.refuses = refuses
            self.changed.notify_all()

    def status(self):
        return json.loads(made("json", self.size, self.second))


# What stands on the page; the mark of the connection and what the script adds for the keyboard are
# not part of it, and a title is a label once the script runs.
CONTENT = """(() => {
    const figures = {}, tables = {};
    for (const e of document.querySelectorAll('[data-figure]'))
        figures[e.dataset.figure] = e.textContent;
    for (const b of document.querySelectorAll('[data-rows]'))
        tables[b.dataset.rows] = [...b.rows].map((r) => [r.dataset.s || '',
            ...[...r.cells].map((c) => [c.className, c.textContent,
                c.querySelector('meter') ? c.querySelector('meter').value : -1])]);
    const grid = [...document.getElementById('grid').rows].map((r) => [...r.cells].map((c) => {
        const a = c.querySelector('a');
        return [c.dataset.s || '', c.textContent, a && a.search + a.hash,
                a && (a.title || a.getAttribute('aria-label')), a && a.ariaCurrent];
    }));
    const hidden = [...document.querySelectorAll('[data-for]')].map((e) =>
        [e.dataset.for, e.hidden]);
    return { figures, tables, grid, hidden, title: document.title,
             tone: document.body.dataset.tone };
})()"""


def number(text):
    return float(re.sub("[\u202f ]|[^0-9.]+$", "", text))


def cell(content, name, row, column):
    return content["tables"][name][row][1 + column][1]


def is_of(status):
    """An expression that is true once the page shows this status, live."""
    stamp = status["time"][:19].replace("T", " ") + " UTC"
    return ("document.documentElement.dataset.link === 'live' && "
            f"document.querySelector('[data-figure=time]').textContent === {json.dumps(stamp)}")


def compare_numbers(content, status, what):
    figures, summary = content["figures"], status["summary"]
    wrong = [name for name, want in {
        "targets": summary["targets"], "inFlight": summary["inFlight"],
        "parked": summary["parked"], "jobs": summary["jobs"], **summary["states"],
        **status["jobs"]["inHand"], "journalWaiting": status["journal"]["waiting"],
        "journalFailures": status["journal"]["failures"],
        "connections": status["connections"]["open"],
        "fleetHeld": status["fleet"]["targets"]["held"],
        "fleetWaiting": status["fleet"]["queue"]["waiting"],
        "handshakesResumed": status["connections"]["handshakesResumed"],
    }.items() if number(figures[name]) != want]
    for name in "p50", "p95", "p99":
        if abs(number(figures[name]) - status["pickupSeconds"][name]) > 0.006:
            wrong.append(name)
    if abs(number(figures["pollsPerS"]) - summary["pollsPerS"]) > max(
            0.051, summary["pollsPerS"] / 1000):
        wrong.append("pollsPerS")
    check(f"{what}: figures are those of status.json", not wrong, (wrong, figures))
    compare_tables(content, status, what)
    compare_grid(content, status, what)


def compare_tables(content, status, what):
    tables = content["tables"]

    def rows(name, *columns):
        return [[row[1 + c][1] for c in columns] for row in tables[name]]

    check(f"{what}: so are polls by outcome, and how jobs ended",
          {n: number(v) for n, v in rows("outcomes", 0, 1)} == status["summary"]["polls"]
          and {n: number(v) for n, v in rows("ends", 0, 1)}
          == {n: v for n, v in status["jobs"]["ends"].items() if v}, tables["outcomes"])
    regions = status["regions"][:50]
    check(f"{what}: so are the rates of accounts", [
        (r[0], r[1], number(r[2])) for r in rows("accounts", 0, 1, 2)
    ] == [(r["identity"], r["region"], sum(r["targets"].values())) for r in regions] and all(
        abs(number(polls) - r["pollsPerS"]) < 0.06 and (
            allowed == "no limit" and use == "" if r["allowedPerS"] is None
            else abs(number(use) - 100 * r["pollsPerS"] / r["allowedPerS"]) < 0.6)
        for (polls, allowed, use), r in zip(rows("accounts", 3, 4, 5), regions)),
        tables["accounts"])
    jobs = status["jobs"]["last"]
    check(f"{what}: so are jobs, handlers, incidents and credentials", [
        (j["state"], j["jobId"], j["target"], j["message"]) for j in jobs
    ] == [tuple(r) for r in rows("jobs", 0, 1, 2, 7)] and [
        [h["handler"], str(h["running"]), str(h["ends"]["failed"])] for h in status["handlers"]
    ] == rows("handlers", 0, 2, 4) and [
        [i["message"], str(i["targets"])] for i in status["incidents"]
    ] == rows("incidents", 0, 1) and {c["source"] for c in status["credentials"]}
        == {r[0] for r in rows("credentials", 1)}, tables["handlers"])
    check(f"{what}: so are the members of the fleet", [
        [m["state"], m["member"], str(m["jobs"]), m["version"]]
        for m in status["fleet"]["members"]
    ] == rows("members", 0, 1, 4, 7), tables["members"])
    polls = {(t["target"], t["region"]): (t["state"], sum(t["polls"].values()), t["jobs"])
             for t in status["targets"]}
    listed = rows("targets", 1, 3, 0, 8, 10)
    check(f"{what}: so are targets, trouble first", len(listed) == min(100, len(polls)) and all(
        polls.get((name, region)) == (state, number(count), number(jobs))
        for name, region, state, count, jobs in listed) and listed[0][2] == "failing", listed[:3])


def keys_of(target):
    """Of the rows that a target may be in."""
    kind = target["actionTypeId"]
    return kind["provider"], "/".join(kind[k] for k in ("category", "owner", "provider", "version"))


def told_of(targets):
    """What a cell's second line says of them."""
    states = [t["state"] for t in targets]
    return ", ".join(f"{states.count(s)} {s}" for s in reversed(STATES) if s in states)


def compare_grid(content, status, what):
    """Each cell by its own words, whose row and column its link names; others are what is left."""
    left = {}  # by region
    for target in status["targets"]:
        left.setdefault(target["region"], []).append(target)
    wrong = []
    for state, text, link, words, _ in (c for row in content["grid"][1:] for c in row[1:]):
        query = urllib.parse.parse_qs(link[1:].split("#")[0])
        row, region = query["row"][0], query["region"][0]
        own = [t for t in left[region] if row == "*" or row in keys_of(t)]
        left[region] = [t for t in left[region] if row != "*" and row not in keys_of(t)]
        worst = max((t["state"] for t in own), key=STATES.index)
        count = sum(t["state"] == worst for t in own)
        if (state, text, words.split("\n")[1]) != (worst, str(count) if len(own) > 1 else "",
                                                   told_of(own)):
            wrong.append((row, region, state, text, words))
    check(f"{what}: each cell of the grid has the states of its targets", not wrong, wrong[:3])
    check(f"{what}: and no target is left out", not any(left.values()), left)


def complaints(page):
    return [str(e)[:300] for e in page.seen("Runtime.consoleAPICalled", "Runtime.exceptionThrown",
                                            "Log.entryAdded")]


def test_numbers(browser, world):
    world.move(size=(10, 10), second=0)
    page = browser.page()
    page.open(world.url)
    check("the script connects", page.until(is_of(world.status())), page.value(CONTENT)["figures"])
    first = page.value(CONTENT)
    compare_numbers(first, world.status(), "at first")
    world.move(second=7)
    check("a second later it shows that second", page.until(is_of(world.status())))
    compare_numbers(page.value(CONTENT), world.status(), "later")
    check("over one connection", world.requests == ["/", "/events"], world.requests)
    check("it has asked for nothing else", all(
        r["request"]["url"].startswith((world.url, "data:")) for r in
        page.seen("Network.requestWillBeSent")))
    check("a name that is markup is text", cell(first, "incidents", 0, 2) == HOSTILE and
          page.value("document.scripts.length") == 1, first["tables"]["incidents"])
    check("no complaint in the console, none of the policy", complaints(page) == [],
          complaints(page))
    page.close()
    return first


def test_without_script(browser, world, first):
    world.move(second=0)
    page = browser.page(script=False)
    page.open(world.url)
    content = page.value(CONTENT)
    different = {k: [pair for pair in zip(content[k], first[k]) if pair[0] != pair[1]][:3]
                 if isinstance(first[k], list) else {
                     n: (content[k][n], v) for n, v in first[k].items() if content[k][n] != v}
                 for k in ("figures", "tables", "grid", "hidden")}
    check("without its script the page says the same",
          content == first, {k: v for k, v in different.items() if v})
    check("and that it does not change", "load it again" in page.value("document.body.innerText"))
    link = page.value("document.querySelector('#grid [data-s=late] a').href")
    page.open(link)
    content = page.value(CONTENT)
    check("its links choose targets", len(content["tables"]["targets"]) == 1 and
          content["figures"]["choice"] == "Vendor-7 in eu-west-2" and
          cell(content, "targets", 0, 0) == "late", content["figures"]["choice"])
    page.close()


def test_policy(browser, world):
    """The policy is one that would stop what somebody smuggled in."""
    page = browser.page()
    page.open(world.url)
    page.until(is_of(world.status()))
    page.value("""(() => {
        const script = document.createElement('script');
        script.textContent = 'window.smuggled = 1';
        document.body.append(script);
        document.body.setAttribute('onclick', 'window.smuggled = 2');
        document.body.click();
    })()""")
    check("the policy stops scripts that are not the page's",
          page.value("window.smuggled === undefined") and len(complaints(page)) == 2,
          complaints(page))
    check("and lets its own styles in",
          page.value("getComputedStyle(document.querySelector('.card')).borderRadius") == "8px")
    page.close()


FOCUS = """(() => {
    const a = document.activeElement;
    return a.closest('#grid') ? a.getAttribute('aria-label') || a.textContent : '';
})()"""


def test_keyboard(browser, world):
    world.move(size=(400, 25), second=0)
    page = browser.page()
    page.open(world.url)
    page.until(is_of(world.status()))
    stops = page.value("[...document.querySelectorAll('a, [tabindex]')].filter((e) => "
                       "e.tabIndex >= 0 && e.getClientRects().length).length")
    check("10 000 targets have few tab stops", 3 < stops < 20, stops)
    for _ in range(stops):
        page.key("Tab")
        if page.value(FOCUS):
            break
    check("one of them is the grid", page.value(FOCUS).startswith("Snapdeploy in af-south-1\n"),
          page.value(FOCUS))
    page.key("ArrowDown")
    for _ in range(30):
        if "failing" in page.value(FOCUS):
            break
        page.key("ArrowRight")
    tip = page.value("document.getElementById('tip').hidden ? '' : "
                     "document.getElementById('tip').innerText")
    check("arrows reach a cell that fails, and its reason is shown", "1 failing" in tip and
          ("may not call" in tip or "no address for" in tip), tip)
    world.move(second=1)
    page.until(is_of(world.status()))
    check("it stays while figures change", page.value(FOCUS) == tip, page.value(FOCUS))
    page.key("Escape")
    check("Escape hides it", page.value("document.getElementById('tip').hidden"))
    where = []
    for key in "Home", "ArrowUp", "ArrowUp", "ArrowLeft", "End", "ArrowUp", "ArrowUp":
        page.key(key)
        where.append(page.value(FOCUS).split("\n")[0])
    check("arrows end at the edges", where == ["Vendor-11", *["Snapdeploy"] * 3,
                                               "Snapdeploy in us-west-2", *["us-west-2"] * 2],
          where)
    page.close()


def test_many(browser, world):
    world.move(size=(400, 25), second=0)
    page = browser.page(width=1500)
    page.open(world.url)
    page.until(is_of(world.status()))
    content = page.value(CONTENT)
    compare_numbers(content, world.status(), "of 10 000 targets")
    check("10 000 targets are 40 rows and the others", len(content["grid"]) == 42 and
          content["grid"][-1][0][1] == "360 others", len(content["grid"]))
    nodes = page.value("document.querySelectorAll('*').length")
    check("the document stays small", nodes < 8000, nodes)
    before = len(world.requests)
    page.click("#grid tbody tr:last-child td:nth-child(2) a")
    page.until("document.querySelector('[data-figure=choice]').textContent.includes(' in ')")
    content = page.value(CONTENT)
    check("a click lists a cell's targets, over a new stream, without a new page",
          content["figures"]["choice"] == "360 others in af-south-1" and
          "of 360 targets" in content["figures"]["targetsNote"] and
          {row[4][1] for row in content["tables"]["targets"]} == {"af-south-1"} and
          world.requests[before:] == ["/events"], (content["figures"], world.requests[before:]))
    page.value("history.back()")
    check("and the way back shows all", page.until(
        "document.querySelector('[data-figure=choice]').textContent === 'All targets'"))
    check("still no complaint", complaints(page) == [], complaints(page))
    page.close()


def test_connection(browser, world):
    world.move(size=(10, 10), second=0)
    page = browser.page()
    page.open(world.url)
    page.until(is_of(world.status()))
    world.move(refuses=True)
    text = "document.getElementById('link').innerText"
    check("a lost connection is told, with the age of the figures", page.until(
        f"/^Not connected · .* UTC · figures are \\d+ s old$/.test({text})"), page.value(text))
    world.move(second=9)
    check("it connects again by itself", page.until(is_of(world.status())), page.value(text))
    check("and tells it", page.value(text).startswith("Live"), page.value(text))
    page.close()


def take_screenshots(browser, world, folder):
    shots = [((10, 10), 1360, 1300, ""), ((400, 25), 1440, 1500, ""), ((10, 10), 390, 1400, ""),
             ((10, 10), 1360, 4200, "?region=us-west-2")]
    for size, width, height, query in shots:
        for dark in False, True:
            world.move(size=size, second=0)
            page = browser.page(width=width, height=height, dark=dark)
            page.open(world.url + query)
            page.until(is_of(world.status()))
            page.value("document.querySelector('#grid [data-s=failing] a').focus()")
            name = f"{folder}/{size[0] * size[1]}-{width}x{height}{'-dark' if dark else ''}.png"
            with open(name, "wb") as file:
                file.write(page.screenshot())
            page.close()


def main():
    browser = Chromium(find_or_skip())
    world = World()
    try:
        first = test_numbers(browser, world)
        test_without_script(browser, world, first)
        test_policy(browser, world)
        test_keyboard(browser, world)
        test_many(browser, world)
        test_connection(browser, world)
        if len(sys.argv) > 2:
            take_screenshots(browser, world, sys.argv[2])
    finally:
        browser.close()
        world.server.shutdown()
    print(f"{results.count(True)} of {len(results)} checks passed")
    sys.exit(0 if all(results) else 1)


main()
