# SPDX-License-Identifier: MIT
"""A service that members of a fleet poll, which notes who polled what and when: members tell
themselves by their User-Agent (user-agent-app-id)."""

import collections
import http.server
import json
import re
import threading
import time

from lib.leases import placement

NO_JOBS = (200, "application/x-amz-json-1.1", b'{"jobs":[]}')


class PollService:
    """answer(body, headers) -> (status, content type, body) of each call; without it there are no
    jobs. Polls are (time, member, (region, provider))."""

    def __init__(self, answer=lambda body, headers: NO_JOBS, host="127.0.0.1"):
        self.polls = polls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if "PollFor" in self.headers["X-Amz-Target"]:
                    region = re.search(r"/([a-z0-9-]+)/codepipeline/",
                                       self.headers["Authorization"])
                    member = re.search(r"app/(\S+)", self.headers["User-Agent"])
                    provider = json.loads(body)["actionTypeId"]["provider"]
                    polls.append((time.monotonic(), member[1], (region[1], provider)))
                status, kind, text = answer(body, self.headers)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # members are killed

        server = Server((host, 0), Handler)
        self.url = f"http://{host}:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def since(self, then):
        return [p for p in list(self.polls) if p[0] >= then]

    def holders(self, then):
        """Each target's members that polled it since then."""
        held = collections.defaultdict(set)
        for _, member, target in self.since(then):
            held[target].add(member)
        return held

    def turns(self, then):
        """For each target, who polled it since then, a member's name for each poll."""
        turns = collections.defaultdict(str)
        for _, member, target in sorted(self.since(then)):
            turns[target] += member
        return turns

    def until_held(self, targets, members, window_s, within_s):
        """Until each of these targets was polled in a window by one member alone, by the one of
        these whose it is. The holders; {}: in vain."""
        want = placement(members, targets, self.url)
        until, held = time.monotonic() + within_s, {}
        while time.monotonic() < until:
            then = time.monotonic()
            time.sleep(window_s)
            held = self.holders(then)
            if held == {target: {member} for target, member in want.items()}:
                return want
        print("polled by", dict(held), "and not by", want)
        return {}

    def gap(self, targets, then):
        """The longest time that one of these targets was not polled since then, until now."""
        last, longest = dict.fromkeys(targets, then), 0
        for at, _, target in sorted(self.since(then)):
            longest = max(longest, at - last[target])
            last[target] = at
        return max(longest, *(time.monotonic() - at for at in last.values()))
