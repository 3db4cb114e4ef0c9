# SPDX-License-Identifier: MIT
"""An S3 on loopback, path style, for clients that put and get objects: at once, in parts and in
ranges. It verifies each signature with botocore's signer against the credentials that it knows, and
keeps who signed what. Importing it skips the test without botocore, as lib/fake_aws.py says."""

import hashlib
import http.server
import threading
import time
import urllib.parse

from lib.fake_aws import Refusal, Request, signer_of

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


class FakeS3:
    def __init__(self):
        self.known = {}  # Keys by their ids
        self.expired = set()  # ids of keys that have ended
        self.objects = {}  # bytes by "/bucket/key"
        self.signed = []  # (access key id, what was asked for) of each request that was good
        self.on_part = None  # called after each part of an upload
        self.uploads = {}
        self.lock = threading.RLock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.s3 = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def knows(self, keys):
        self.known[keys.id] = keys
        return keys

    def signers(self):
        """Who signed since this was asked before, each once, in order."""
        with self.lock:
            ids = list(dict.fromkeys(key_id for key_id, _ in self.signed))
            self.signed.clear()
            return ids

    def answer(self, request):
        """(status, headers, body)"""
        with self.lock:
            try:
                keys = signer_of(request, "s3", self.known, time.time())
                if keys.id in self.expired:
                    raise Refusal("ExpiredToken", "The provided token has expired.", 400)
                body_sha = request.headers["X-Amz-Content-SHA256"]
                if hashlib.sha256(request.body).hexdigest() != body_sha:
                    raise Refusal("XAmzContentSHA256Mismatch", "not this body", 400)
            except Refusal as refusal:
                return refusal.status, {}, (f"{XML}<Error><Code>{refusal.code}</Code><Message>"
                                            f"{refusal.message}</Message></Error>").encode()
            path, _, query = request.path.partition("?")
            query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
            self.signed.append((keys.id, f"{request.method} {request.path}"))
            return getattr(self, request.method)(path, query, request)

    def PUT(self, path, query, request):
        etag = f'"{hashlib.md5(request.body).hexdigest()}"'
        if "uploadId" in query:
            self.uploads[query["uploadId"]][int(query["partNumber"])] = request.body
            if self.on_part:
                self.on_part()
        else:
            self.objects[path] = request.body
        return 200, {"ETag": etag}, b""

    def POST(self, path, query, request):
        if "uploads" in query:
            upload = f"upload{len(self.uploads)}"
            self.uploads[upload] = {}
            return 200, {}, (f"{XML}<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                             "</InitiateMultipartUploadResult>").encode()
        parts = self.uploads[query["uploadId"]]
        self.objects[path] = b"".join(parts[n] for n in sorted(parts))
        return 200, {}, (f"{XML}<CompleteMultipartUploadResult><ETag>\"x\"</ETag>"
                         "</CompleteMultipartUploadResult>").encode()

    def GET(self, path, query, request):
        if path not in self.objects:
            return 404, {}, f"{XML}<Error><Code>NoSuchKey</Code></Error>".encode()
        body = self.objects[path]
        headers = {"ETag": '"x"', "Last-Modified": "Sun, 29 Nov 2026 00:00:00 GMT"}
        wanted = request.headers.get("Range")
        if not wanted:
            return 200, headers, body
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = body[int(first):int(last or len(body)) + 1]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
        return 206, headers, part

    HEAD = GET


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def play(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, text = self.server.s3.answer(
            Request(self.command, self.path, {}, self.headers, body))
        self.send_response_only(status)
        for name, value in {"Content-Length": len(text), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_PUT = do_POST = play

    def log_message(self, *_):
        pass
