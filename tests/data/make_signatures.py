#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write signatures.jsonl: requests, and what AWS Signature Version 4 makes of them at each stage.

usage: make_signatures.py [--check]

The signatures are computed here from the published rules with Python's hashlib, apart from the
library that they test. --check compares the file with what this program would write, and each row
with botocore, which must agree. Rows are drawn by a fixed seed.
"""
import argparse
import hashlib
import hmac
import json
import random
import string
import sys
from pathlib import Path

ROWS = 160
FILE = Path(__file__).with_name("signatures.jsonl")
REGIONS = {"us-east-1": "amazonaws.com", "eu-central-1": "amazonaws.com",
           "ap-southeast-2": "amazonaws.com", "sa-east-1": "amazonaws.com",
           "us-gov-west-1": "amazonaws.com", "cn-northwest-1": "amazonaws.com.cn"}
OPERATIONS = ["PollForThirdPartyJobs", "PollForJobs", "GetThirdPartyJobDetails", "GetJobDetails",
              "AcknowledgeThirdPartyJob", "PutThirdPartyJobSuccessResult",
              "PutThirdPartyJobFailureResult"]
# Ends and beginnings of days, months and years, where a scope may slip.
INSTANTS = ["20250228T235959Z", "20250301T000000Z", "20240229T120000Z", "20251231T235959Z",
            "20260101T000000Z", "20380119T031407Z", "20380119T031408Z", "19991231T235959Z"]


def sha256_hex(text):
    return hashlib.sha256(text.encode()).hexdigest()


def chain(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def canonical_value(value):
    """Blanks at the ends go, and those in a row become one."""
    return " ".join(part for part in value.split(" ") if part)


def sign(row):
    """Add the stages of the signature to a row."""
    headers = row["headers"] + [["X-Amz-Date", row["timestamp"]]]
    if row["token"]:
        headers = headers + [["X-Amz-Security-Token", row["token"]]]
    lines = sorted((name.lower(), canonical_value(value)) for name, value in headers)
    names = ";".join(name for name, _ in lines)
    row["canonical_request"] = "\n".join(
        ["POST", "/", "", *(f"{name}:{value}" for name, value in lines), "", names,
         sha256_hex(row["body"])])
    day = row["timestamp"][:8]
    scope = f"{day}/{row['region']}/{row['service']}/aws4_request"
    row["string_to_sign"] = "\n".join(
        ["AWS4-HMAC-SHA256", row["timestamp"], scope, sha256_hex(row["canonical_request"])])
    key = ("AWS4" + row["secret_access_key"]).encode()
    for part in (day, row["region"], row["service"], "aws4_request"):
        key = chain(key, part)
    signature = chain(key, row["string_to_sign"]).hex()
    row["authorization"] = (f"AWS4-HMAC-SHA256 Credential={row['access_key_id']}/{scope}, "
                            f"SignedHeaders={names}, Signature={signature}")
    return row


def draw_body(dice, operation):
    if operation.startswith("Poll"):
        body = {"actionTypeId": {"category": "Build", "owner": "ThirdParty",
                                 "provider": "".join(dice.choices(string.ascii_letters, k=8)),
                                 "version": str(dice.randint(1, 99))}}
        if dice.random() < 0.7:
            body["maxBatchSize"] = dice.randint(1, 1000)
        return json.dumps(body, separators=(",", ":"))
    if dice.random() < 0.2:
        return dice.choice(["", "{}", '{"s":"gr\u00fc\u00dfe \u20ac \U0001f680"}', "x" * 600])
    return json.dumps({"jobId": f"{dice.getrandbits(128):032x}",
                       "clientToken": "".join(dice.choices(string.printable[:94], k=40))})


def draw_row(dice, number):
    region = dice.choice(sorted(REGIONS))
    operation = dice.choice(OPERATIONS)
    host = f"codepipeline.{region}.{REGIONS[region]}"
    if dice.random() < 0.2:
        host = f"127.0.0.1:{dice.randint(1024, 65535)}"
    headers = [["Content-Type", "application/x-amz-json-1.1"], ["Host", host],
               ["X-Amz-Target", f"CodePipeline_20150709.{operation}"]]
    if dice.random() < 0.3:
        headers.append(["Amz-Sdk-Request", f"attempt={dice.randint(1, 3)};  max=3"])
    alphabet = string.ascii_letters + string.digits + "+/"
    token = "".join(dice.choices(alphabet, k=dice.choice([16, 350, 900]))) + "=="
    return sign({
        "n": number,
        "timestamp": dice.choice(INSTANTS),
        "region": region,
        "service": "codepipeline",
        "access_key_id": "AKIA" + "".join(dice.choices(string.ascii_uppercase + "234567", k=16)),
        "secret_access_key": "".join(dice.choices(alphabet, k=40)),
        "token": token if dice.random() < 0.4 else None,
        "headers": headers,
        "body": draw_body(dice, operation),
    })


def make():
    dice = random.Random(20150709)
    return [draw_row(dice, number) for number in range(ROWS)]


def agree(row):
    """Does botocore make the same of it?"""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = Credentials(row["access_key_id"], row["secret_access_key"], row["token"])
    signer = SigV4Auth(keys, row["service"], row["region"])
    host = dict(row["headers"])["Host"]
    request = AWSRequest("POST", f"https://{host}/", headers=dict(row["headers"]),
                         data=row["body"].encode())
    request.context["timestamp"] = row["timestamp"]
    request.headers["X-Amz-Date"] = row["timestamp"]
    if row["token"]:
        request.headers["X-Amz-Security-Token"] = row["token"]
    canonical = signer.canonical_request(request)
    to_sign = signer.string_to_sign(request, canonical)
    signature = signer.signature(to_sign, request)
    return (canonical == row["canonical_request"] and to_sign == row["string_to_sign"]
            and row["authorization"].endswith("Signature=" + signature))


def check(rows):
    written = [json.loads(line) for line in FILE.read_text().splitlines()]
    if written != rows:
        sys.exit(f"{FILE.name} is not what {Path(__file__).name} writes: run it")
    try:
        bad = [row["n"] for row in rows if not agree(row)]
    except ImportError:
        print("skipped: no botocore")
        sys.exit(77)
    print(f"{len(rows) - len(bad)} of {len(rows)} rows: botocore agrees")
    sys.exit(f"botocore disagrees on rows {bad}" if bad else 0)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    rows = make()
    if options.parse_args().check:
        check(rows)
    FILE.write_text("".join(json.dumps(row) + "\n" for row in rows))


main()
