# SPDX-License-Identifier: MIT
"""Debian's chromium without a window, driven through the pipe of its DevTools protocol: no port, no
driver, and a profile that goes with it."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 30
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--mute-audio",
         "--proxy-server=direct://", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


def find_or_skip():
    """The path of chromium; without it the test is skipped, but in CI, where it must be there."""
    path = shutil.which("chromium")
    if path:
        return path
    print("skipped: no chromium here (subprojects/setup.sh --tests installs it)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)


class Chromium:
    """One browser; calls and events of the protocol, in order."""

    def __init__(self, path):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.out = os.pipe()
        self.into, to_write = os.pipe()

        def place():  # it reads commands from descriptor 3 and writes to 4
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_read, to_write)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.child = subprocess.Popen(
            [path, *QUIET, "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}",
             "about:blank"], preexec_fn=place, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.profile.name})
        os.close(to_read)
        os.close(to_write)
        self.read, self.last_id, self.events = b"", 0, []

    def _message(self, deadline):
        while b"\0" not in self.read:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.into], [], [], left)[0]:
                return None
            piece = os.read(self.into, 1 << 20)
            if not piece:
                raise EOFError("chromium ended")
            self.read += piece
        message, _, self.read = self.read.partition(b"\0")
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        deadline = time.monotonic() + DEADLINE_S
        while True:
            answer = self._message(deadline)
            if answer is None:
                raise TimeoutError(method)
            if answer.get("id") == self.last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def page(self, **how):
        return Page(self, **how)

    def close(self):
        try:
            self.call("Browser.close")
            self.child.wait(DEADLINE_S)
        finally:
            if self.child.poll() is None:
                self.child.kill()
                self.child.wait()
            os.close(self.out)
            os.close(self.into)
            self.profile.cleanup()


class Page:
    """One tab."""

    def __init__(self, browser, width=1360, height=1000, dark=False, script=True):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def seen(self, *methods):
        """The events of these methods so far."""
        return [e["params"] for e in self.browser.events
                if e["method"] in methods and e.get("sessionId") == self.session]

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until(f"location.href.startsWith({json.dumps(url.split('#')[0])}) && "
                   "document.readyState === 'complete'")

    def value(self, expression):
        """Of JavaScript, in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def until(self, expression):
        """Its value once it is true; what it is at the deadline, otherwise."""
        deadline = time.monotonic() + DEADLINE_S
        value = self.value(expression)
        while not value and time.monotonic() < deadline:
            time.sleep(0.02)
            value = self.value(expression)
        return value

    def key(self, name):
        for kind in "rawKeyDown", "keyUp":
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                      windowsVirtualKeyCode={"Tab": 9, "ArrowRight": 39, "ArrowDown": 40,
                                             "ArrowLeft": 37, "ArrowUp": 38, "Escape": 27,
                                             "End": 35, "Home": 36}[name])

    def click(self, selector):
        x, y = self.value(f"""(() => {{
            const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{ block: 'center' }});
            const r = e.getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 2];
        }})()""")
        for kind in "mouseMoved", "mousePressed", "mouseReleased":
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      clickCount=1)

    def screenshot(self):
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
