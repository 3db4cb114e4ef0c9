# SPDX-License-Identifier: MIT
"""Keys and tokens of NATS, as nsc makes them: an operator, accounts and users, each named by an
Ed25519 key; who stands above signs the claims of who stands below.

A key is base32 without padding of what it is, 32 bytes, and their CRC-16 (XMODEM, low byte first);
a token is a JWT whose algorithm is ed25519-nkey."""

import base64
import binascii
import hashlib
import json
import os
import subprocess
import time

from lib.program import path_of

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3
# PKCS #8 of an Ed25519 key is this and the key; its public key's DER ends with that.
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _key(data):
    data += binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data).rstrip(b"=").decode()


class Key:
    """A new one of this kind."""

    count = 0

    def __init__(self, kind):
        Key.count += 1
        self.kind, self.raw = kind, os.urandom(32)
        self.pem = path_of(f"nats-key-{Key.count}.pem")
        self.openssl("pkey", "-inform", "DER", "-out", self.pem, stdin=PKCS8 + self.raw)
        self.public = _key(bytes([kind]) + self.openssl(
            "pkey", "-in", self.pem, "-pubout", "-outform", "DER")[-32:])

    @property
    def seed(self):
        return _key(bytes([SEED | self.kind >> 5, (self.kind & 31) << 3]) + self.raw)

    @staticmethod
    def openssl(*arguments, stdin=b""):
        return subprocess.run(["openssl", *arguments], input=stdin, check=True,
                              capture_output=True).stdout

    def sign(self, data):
        path = self.pem + ".in"
        with open(path, "wb") as f:
            f.write(data)
        return self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.pem, "-in", path)

    def token(self, subject, kind, ends_in_s=0, **what):
        """That the subject's key is one of this kind, with these rights; signed by this one."""
        now = int(time.time())
        claims = {"iat": now, "iss": self.public, "name": kind, "sub": subject.public,
                  "nats": {"type": kind, "version": 2, **what}}
        if ends_in_s:
            claims["exp"] = now + ends_in_s
        claims["jti"] = hashlib.sha256(json.dumps(claims).encode()).hexdigest()
        text = ".".join(_base64(json.dumps(part).encode()) for part in (
            {"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        return f"{text}.{_base64(self.sign(text.encode()))}"


class Accounts:
    """An operator with one account, and that of the system, for a server's configuration."""

    def __init__(self):
        self.operator, self.account, system = Key(OPERATOR), Key(ACCOUNT), Key(ACCOUNT)
        unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"),
                                  -1) | {"wildcards": True}
        storage = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
        known = {system: unlimited, self.account: unlimited | storage}
        preload = "".join(f"{k.public}: {self.operator.token(k, 'account', limits=limits)}\n"
                          for k, limits in known.items())
        self.config = (f"operator: {self.operator.token(self.operator, 'operator')}\n"
                       f"resolver: MEMORY\nsystem_account: {system.public}\n"
                       f"resolver_preload: {{\n{preload}}}\n")

    def creds(self, ends_in_s=0, **rights):
        """The text of a creds file of a new user."""
        user = Key(USER)
        token = self.account.token(user, "user", ends_in_s, subs=-1, data=-1, payload=-1, **rights)
        return (f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
