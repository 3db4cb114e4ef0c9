# SPDX-License-Identifier: MIT
"""A CodePipeline on loopback that hands out jobs of any content, also such as the simulated service
refuses to hold: each once, by polls in any region. It checks no signatures."""

import http.server
import json
import threading

TOKEN = "token-of-all"


class JobService:
    def __init__(self, jobs):
        """jobs: (jobId, clientId, data), where data is that of GetThirdPartyJobDetails."""
        self.jobs = {job_id: (client_id, data) for job_id, client_id, data in jobs}
        self.waiting = list(self.jobs)
        self.acknowledged, self.results, self.wrong = [], [], []
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].split(".")[1]
                with service.lock:
                    answer = json.dumps(service.answer(operation, body),
                                        ensure_ascii=False, separators=(",", ":")).encode()
                    service.changed.notify_all()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # connections may be reset
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, operation, body):
        if operation == "PollForThirdPartyJobs":
            count = body.get("maxBatchSize", 10)
            found, self.waiting = self.waiting[:count], self.waiting[count:]
            return {"jobs": [{"jobId": i, "clientId": self.jobs[i][0]} for i in found]}
        job_id = body["jobId"]
        if job_id not in self.jobs or body.get("clientToken") != TOKEN:
            self.wrong.append((operation, body))
        if operation == "GetThirdPartyJobDetails":
            return {"jobDetails": {"id": job_id, "nonce": "3", "data": self.jobs[job_id][1]}}
        if operation == "AcknowledgeThirdPartyJob":
            self.acknowledged.append(job_id)
            return {"status": "InProgress"}
        self.results.append((operation, body))
        return {}

    def wait(self, true, limit_s):
        with self.changed:
            return self.changed.wait_for(true, limit_s)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
