import hashlib, hmac, http.server, json, os, time
KEY = os.environ["WEBHOOK_KEY"].encode()

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = self.headers.get("Pipepoll-Timestamp", "0")
        mac = hmac.new(KEY, sent.encode() + b"." + body, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(self.headers.get("Pipepoll-Signature", ""), "v1=" + mac)
        if not signed or abs(time.time() - int(sent)) > 300:
            return self.send_error(401)
        result = {"status": "succeeded", "summary": "did " + json.loads(body)["jobId"]}
        self.send_response(200), self.end_headers()
        self.wfile.write(json.dumps({"result": result}).encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
