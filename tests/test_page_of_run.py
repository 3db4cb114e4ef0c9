#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The live page of a real run, as `pipepoll demo --page` shows it, in a browser: it keeps itself up
to date, with the numbers of /status.json. test_page_of_run.py PATH-OF-PIPEPOLL."""

import json
import re
import signal
import sys
import urllib.request

sys.dont_write_bytecode = True
from lib.chromium import Chromium, find_or_skip
from lib.program import BARE, DEADLINE_S, Process, check, finish, folder

CHROMIUM = find_or_skip()
PAGE = """(() => {
    const figures = {};
    for (const e of document.querySelectorAll('[data-figure]'))
        figures[e.dataset.figure] = e.textContent;
    const polls = [...document.querySelector('[data-rows=outcomes]').rows]
        .map((r) => Number(r.cells[1].textContent.replace(/\\D/g, '')));
    return { figures, polls: polls.reduce((sum, n) => sum + n, 0), link:
             document.documentElement.dataset.link };
})()"""


def status_of(url):
    with urllib.request.urlopen(url + "status.json", timeout=DEADLINE_S) as answer:
        return json.load(answer)


def polls_of(status):
    return sum(status["summary"]["polls"].values())


def test_live(browser, url):
    page = browser.page()
    page.open(url)
    check("the page connects", page.until(
        "document.documentElement.dataset.link === 'live'"), page.value(PAGE))
    check("time goes by on it", page.until("""(() => {
        const now = document.querySelector('[data-figure=time]').textContent;
        window.first = window.first || now;
        return now !== window.first && Number(
            document.querySelector('[data-figure=jobs]').textContent) > 0;
    })()"""), page.value(PAGE))
    before = status_of(url)
    page.until(f"({PAGE}).polls > {polls_of(before)}")
    shown = page.value(PAGE)
    after = status_of(url)
    check("polls, targets and jobs are those of status.json",
          polls_of(before) <= shown["polls"] <= polls_of(after)
          and shown["figures"]["targets"] == str(after["summary"]["targets"])
          and before["summary"]["jobs"] <= int(shown["figures"]["jobs"])
          <= after["summary"]["jobs"], (before["summary"], shown, after["summary"]))
    page.click("#grid tbody tr:nth-child(2) td:nth-child(2) a")
    check("a cell's targets stay listed", page.until("""(() => {
        const now = document.querySelector('[data-figure=time]').textContent;
        const choice = document.querySelector('[data-figure=choice]').textContent;
        if (choice.includes(' in ')) window.chosen = window.chosen || now;
        return window.chosen && now !== window.chosen && choice.includes(' in ') &&
               document.querySelector('[data-rows=targets]').rows.length === 1;
    })()"""), page.value(PAGE)["figures"]["choice"])
    check("all it asks for is there, and its policy is kept", page.seen(
        "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded") == [] and all(
            r["request"]["url"].startswith((url, "data:"))
            for r in page.seen("Network.requestWillBeSent")),
        page.seen("Runtime.exceptionThrown", "Log.entryAdded"))
    return page


def main():
    demo = Process("demo", "--page", "--regions", "4", "--action-types", "3", "--interval",
                   "200ms", env=dict(BARE, TMPDIR=folder))
    browser = Chromium(CHROMIUM)
    try:
        line = demo.next("out", lambda text: "the live page: " in text) or ""
        url = re.search(r"http://\S+", line)
        check("the demo tells where its page is", url, demo.seen)
        page = test_live(browser, url[0])
        demo.signal(signal.SIGINT)
        check("the demo ends", demo.wait() == 0, demo.rest("err"))
        check("and the page says that it is gone", page.until(
            "document.getElementById('link').innerText.startsWith('Not connected')"),
            page.value("document.getElementById('link').innerText"))
    finally:
        browser.close()
    finish()


main()
