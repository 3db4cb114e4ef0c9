# SPDX-License-Identifier: MIT
"""The places on AWS that hand out keys, played on loopback and all by one port: instance metadata
(IMDSv2), a container's credentials (ECS, EKS), STS, the SSO portal, and a CodePipeline that answers
each poll with a job whose clientId is the access key the poll was signed with.

Every request is recorded. A test sets the attributes of a service to what it is to play, at any
time, and waits with until(). STS speaks JSON to those who ask for it and XML to the rest, as the
real one does: so botocore itself can use the fakes, and is the witness that they are right.

Signatures are verified by botocore's signer. Without botocore a test that imports this is skipped,
with exit status 77, or fails where PIPEPOLL_CI=1 promises it."""

import dataclasses
import datetime
import email.utils
import http.server
import itertools
import json
import os
import sys
import threading
import time
import urllib.parse

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    print("skipped: no botocore (Debian: python3-botocore)")
    sys.exit(1 if os.environ.get("PIPEPOLL_CI") == "1" else 77)

LIMIT_S = 20
HOUR_S = 3600
IMDS_ROLES = "/latest/meta-data/iam/security-credentials/"
HANG = object()  # an answer that never comes

serial = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Keys:
    id: str
    secret: str
    token: str = ""
    expires_s: float = None  # Unix time; None: never


def new_keys(kind="ASIA", life_s=HOUR_S):
    """Keys that nobody else has. All that is secret in these tests says "canary"."""
    n = next(serial)
    if kind == "AKIA":
        return Keys(f"AKIATEST{n:04}", f"canary/secret+{n}")
    return Keys(f"{kind}TEST{n:04}", f"canary/secret+{n}", f"canary+token/{n}==",
                time.time() + life_s)


def iso(unix_s):
    return datetime.datetime.fromtimestamp(unix_s, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: object  # found by names in any case
    body: bytes
    service: str = ""
    status: int = 0  # of the answer; 0: none yet
    at_s: float = dataclasses.field(default_factory=time.time)

    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode()))


@dataclasses.dataclass
class Answer:
    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: dict = dataclasses.field(default_factory=dict)


def as_json(status, document, **headers):
    return Answer(status, json.dumps(document), headers=headers)


class Refusal(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def signer_of(request, service, known, now_s):
    """The keys that signed a request, of those known by their ids. Raises Refusal."""
    given = request.headers.get("Authorization", "")
    if not given.startswith("AWS4-HMAC-SHA256 "):
        raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    parts = dict(part.strip().split("=", 1) for part in given.split(" ", 1)[1].split(","))
    key_id, _, region, scoped_service, _ = parts["Credential"].split("/")
    keys = known.get(key_id)
    if not keys or request.headers.get("X-Amz-Security-Token", "") != keys.token:
        raise Refusal("InvalidClientTokenId", "The security token included in the request is "
                      "invalid.", 403)
    signed = {name: request.headers[name] for name in parts["SignedHeaders"].split(";")}
    copy = botocore.awsrequest.AWSRequest(
        request.method, f"http://{request.headers['Host']}{request.path}", headers=signed,
        data=request.body)
    copy.context["timestamp"] = stamp = request.headers["X-Amz-Date"]
    credentials = botocore.credentials.Credentials(keys.id, keys.secret, keys.token or None)
    auth = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    signer = auth(credentials, service, region)
    text = signer.string_to_sign(copy, signer.canonical_request(copy))
    if scoped_service != service or parts["Signature"] != signer.signature(text, copy):
        raise Refusal("SignatureDoesNotMatch", "The request signature we calculated does not "
                      "match the signature you provided.", 403)
    date = datetime.datetime.strptime(stamp + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
    if abs(date - now_s) > 300:
        raise Refusal("SignatureDoesNotMatch", f"Signature expired: {stamp} is now earlier than "
                      f"{iso(now_s - 300)}", 403)
    return keys


def region_of(request):
    """That the signature is for, or None."""
    parts = request.headers.get("Authorization", "").split("/")
    return parts[2] if len(parts) > 2 else None


class Imds:
    def __init__(self):
        self.role, self.keys = "PollerRole", None
        self.code = "Success"
        self.disabled = self.hangs = self.broken = False
        self.tokens_to_forget = 0  # so many tokens are expired as soon as they are given
        self.token = None

    def answer(self, request):
        if self.hangs:
            return HANG
        if self.broken:
            return Answer(500)
        if request.path == "/latest/api/token":
            return self.give_token(request)
        if request.method != "GET" or not self.token or (
                request.headers.get("X-aws-ec2-metadata-token") != self.token):
            return Answer(401)
        if request.path == IMDS_ROLES:
            return Answer(200, self.role, "text/plain") if self.role else Answer(404)
        if request.path != IMDS_ROLES + (self.role or "").strip():
            return Answer(404)
        keys = self.keys
        return as_json(200, {"Code": self.code, "Type": "AWS-HMAC",
                             "LastUpdated": iso(time.time()),
                             "AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
                             "Token": keys.token, "Expiration": iso(keys.expires_s)})

    def give_token(self, request):
        ttl = request.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.disabled:
            return Answer(403)
        if request.method != "PUT" or not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return Answer(400)
        given = self.token = f"canary-imds-{next(serial)}=="
        if self.tokens_to_forget:
            self.tokens_to_forget -= 1
            self.token = None
        return Answer(200, given, "text/plain", {"X-aws-ec2-metadata-token-ttl-seconds": ttl})


class Container:
    def __init__(self):
        self.keys, self.token = None, None  # token: what Authorization must be
        self.broken = False

    def answer(self, request):
        if self.broken:
            return Answer(500)
        if request.headers.get("Authorization") != self.token:
            return as_json(401, {"code": "Unauthorized", "message": "not this token"})
        keys = self.keys
        return as_json(200, {"AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
                             "Token": keys.token, "Expiration": iso(keys.expires_s)})


@dataclasses.dataclass
class Role:
    """Of STS: the keys that the next caller gets, who may call, and what must come along."""
    keys: object  # Keys, or a function that makes them
    trusts: str = None  # an access key id; None: anybody known
    external_id: str = None


class Sts:
    def __init__(self):
        self.known = {}  # Keys by id that may call; those given out are added
        self.roles = {}  # Role by ARN
        self.web_token = None
        self.clock_skew_s = 0
        self.only_xml = False  # as most stand-ins have it, whatever is asked for

    def give(self, arn):
        keys = self.roles[arn].keys
        keys = keys() if callable(keys) else keys
        self.known[keys.id] = keys
        return keys

    def assume_role(self, request, form):
        keys = signer_of(request, "sts", self.known, time.time() + self.clock_skew_s)
        role = self.roles.get(form["RoleArn"])
        if not role or role.trusts not in (None, keys.id) or (
                role.external_id != form.get("ExternalId")):
            raise Refusal("AccessDenied", f"User: {keys.id} is not authorized to perform: "
                          f"sts:AssumeRole on resource: {form['RoleArn']}", 403)
        return self.give(form["RoleArn"])

    def web_identity(self, request, form):
        if "Authorization" in request.headers:
            raise Refusal("InvalidAction", "this call is not signed")
        if form.get("WebIdentityToken") != self.web_token or form["RoleArn"] not in self.roles:
            raise Refusal("InvalidIdentityToken", "the token was not issued for us")
        return self.give(form["RoleArn"])

    def answer(self, request):
        form = request.form()
        kind = form.get("Action", "")
        calls = {"AssumeRole": self.assume_role, "AssumeRoleWithWebIdentity": self.web_identity}
        try:
            if form.get("Version") != "2011-06-15" or kind not in calls or (
                    not form.get("RoleSessionName")):
                raise Refusal("InvalidAction", f"no action {kind}")
            answer = self.given(request, kind, form, calls[kind](request, form))
        except Refusal as refusal:
            answer = self.refused(request, refusal)
        answer.headers["Date"] = email.utils.formatdate(time.time() + self.clock_skew_s,
                                                        usegmt=True)
        return answer

    def given(self, request, kind, form, keys):
        arn = form["RoleArn"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
        document = {
            "Credentials": {"AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
                            "SessionToken": keys.token,
                            "Expiration": keys.expires_s + self.clock_skew_s},
            "AssumedRoleUser": {"Arn": f"{arn}/{form['RoleSessionName']}",
                                "AssumedRoleId": f"AROATEST:{form['RoleSessionName']}"}}
        if self.wants_json(request):
            return as_json(200, {f"{kind}Response": {
                f"{kind}Result": document, "ResponseMetadata": {"RequestId": "r"}}})
        document["Credentials"]["Expiration"] = iso(document["Credentials"]["Expiration"])
        return self.xml(200, f"{kind}Response", {f"{kind}Result": document})

    def refused(self, request, refusal):
        error = {"Type": "Sender", "Code": refusal.code, "Message": refusal.message}
        if self.wants_json(request):
            return as_json(refusal.status, {"Error": error, "RequestId": "r"})
        return self.xml(refusal.status, "ErrorResponse", {"Error": error, "RequestId": "r"})

    def wants_json(self, request):
        return not self.only_xml and request.headers.get("Accept") == "application/json"

    @staticmethod
    def xml(status, root, document):
        def elements(value):
            if not isinstance(value, dict):
                return str(value)
            return "".join(f"<{name}>{elements(v)}</{name}>" for name, v in value.items())
        return Answer(status, f'<{root} xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                      f"{elements(document)}</{root}>", "text/xml")


class Sso:
    def __init__(self):
        self.keys, self.token = None, None
        self.account, self.role = "123456789012", "Poller"

    def answer(self, request):
        if request.headers.get("x-amz-sso_bearer_token") != self.token:
            return as_json(401, {"message": "Session token not found or invalid"},
                           **{"x-amzn-ErrorType": "UnauthorizedException"})
        if request.query != {"role_name": self.role, "account_id": self.account}:
            return as_json(403, {"message": "No access"},
                           **{"x-amzn-ErrorType": "ForbiddenException"})
        keys = self.keys
        return as_json(200, {"roleCredentials": {
            "accessKeyId": keys.id, "secretAccessKey": keys.secret, "sessionToken": keys.token,
            "expiration": int(keys.expires_s * 1000)}})


class Oidc:
    """Gives new tokens for refresh tokens, which serve once."""

    def __init__(self, sso):
        self.sso = sso
        self.refresh_token = None  # None: none is good
        self.refreshes = 0

    def answer(self, request):
        asked = json.loads(request.body)
        if request.path != "/token" or (asked.get("grantType") != "refresh_token") or (
                asked.get("clientSecret") != "canary-client-secret"):
            return as_json(400, {"error": "invalid_request"},
                           **{"x-amzn-ErrorType": "InvalidRequestException"})
        if not self.refresh_token or asked.get("refreshToken") != self.refresh_token:
            return as_json(400, {"error": "invalid_grant",
                                 "error_description": f"no {asked.get('refreshToken')}"},
                           **{"x-amzn-ErrorType": "InvalidGrantException"})
        self.refreshes += 1
        self.refresh_token = f"canary-refresh-{next(serial)}"
        self.sso.token = f"canary-sso-token-{next(serial)}"
        return as_json(200, {"accessToken": self.sso.token, "expiresIn": HOUR_S,
                             "refreshToken": self.refresh_token, "tokenType": "Bearer"})


class Pipeline:
    def __init__(self, sts):
        self.known = sts.known
        self.revoked = set()  # ids of keys that count as expired
        self.closed = set()  # regions that the account has not enabled
        self.lets_expire = True  # keys past their expiry are refused
        self.answered = []  # the id of the keys of each answered poll, in order

    def answer(self, request):
        try:
            if region_of(request) in self.closed:
                raise Refusal("UnrecognizedClientException",
                              "The security token included in the request is invalid.")
            keys = signer_of(request, "codepipeline", self.known, time.time())
            if keys.id in self.revoked or (
                    self.lets_expire and keys.expires_s and keys.expires_s < time.time()):
                raise Refusal("ExpiredTokenException",
                              "The security token included in the request is expired")
        except Refusal as refusal:
            return as_json(refusal.status, {"__type": refusal.code, "message": refusal.message})
        self.answered.append(keys.id)
        return as_json(200, {"jobs": [{"clientId": keys.id, "jobId": f"job-{next(serial)}"}]})


class FakeAws:
    def __init__(self):
        self.imds, self.container, self.sts, self.sso = Imds(), Container(), Sts(), Sso()
        self.oidc = Oidc(self.sso)
        self.pipeline = Pipeline(self.sts)
        self.seen = []  # every Request, in the order of their answers
        self.changed = threading.Condition()
        self.ended = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.fake = self
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def service_of(self, request):
        if "X-Amz-Target" in request.headers:
            return "pipeline"
        if request.path.startswith("/latest/"):
            return "imds"
        if request.path.startswith("/federation/"):
            return "sso"
        if request.path == "/token":
            return "oidc"
        return "sts" if request.method == "POST" else "container"

    def answer(self, request):
        with self.changed:
            request.service = self.service_of(request)
            answer = getattr(self, request.service).answer(request)
            request.status = 0 if answer is HANG else answer.status
            self.seen.append(request)
            self.changed.notify_all()
        return answer

    def requests(self, service):
        return [r for r in self.seen if r.service == service]

    def until(self, wanted):
        """Wait until wanted(), which is asked after each request and nudge(); false at the
        deadline."""
        with self.changed:
            return self.changed.wait_for(wanted, LIMIT_S)

    def nudge(self):
        with self.changed:
            self.changed.notify_all()

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def play(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.fake.answer(Request(
            self.command, path, dict(urllib.parse.parse_qsl(query)), self.headers, body))
        if answer is HANG:
            self.server.fake.ended.wait(LIMIT_S)
            self.close_connection = True
            return
        text = answer.body.encode()
        headers = {"Content-Type": answer.content_type, "Content-Length": len(text),
                   "Date": self.date_time_string()} | answer.headers
        self.send_response_only(answer.status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = play

    def log_message(self, *_):
        pass
