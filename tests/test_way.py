#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Odd peers on the way to the service: a proxy that sends interim answers before its 200, and
one that speaks plain HTTP where TLS is expected. Usage: test_way.py PIPEPOLL_BINARY"""

import socket
import threading

from lib.program import ACME, KEYS, Sim, check, finish, path_of, pipepoll

LIMIT_S = 20


def serve(talk):
    """A listener that lets talk(connection) have each connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work():
        while True:
            link, _ = listener.accept()
            link.settimeout(LIMIT_S)
            threading.Thread(target=talk, args=[link], daemon=True).start()
    threading.Thread(target=work, daemon=True).start()
    return listener.getsockname()[1]


def head_of(link):
    head = b""
    while b"\r\n\r\n" not in head:
        more = link.recv(4096)
        if not more:
            break
        head += more
    return head


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def proxy(before):
    """A proxy that answers CONNECT with `before` and a 200."""
    def talk(link):
        host, port = head_of(link).split()[1].decode().rsplit(":", 1)
        far = socket.create_connection((host, int(port)), LIMIT_S)
        link.sendall(before + b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=copy, args=[far, link], daemon=True).start()
        copy(link, far)
    return serve(talk)


def plain(link):
    link.recv(4096)
    link.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    link.close()


def ask(url, **env):
    return pipepoll("poll", "--region", "us-east-1", "--action-type-id", ACME, "--endpoint-url",
                    url, "--ca-bundle", path_of("ca.pem"),
                    env=dict(KEYS, AWS_MAX_ATTEMPTS="1", **env))


def main():
    sim = Sim("--tls", "--ca-file", path_of("ca.pem"))
    poll = ask(sim.url, https_proxy=f"http://127.0.0.1:{proxy(b'')}")
    check("a proxy that answers CONNECT by 200 is gone by", poll.code == 0, poll)
    for status, before in ((100, b"HTTP/1.1 100 Continue\r\n\r\n"),
                           (102, b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n"
                                 b"HTTP/1.1 103 Early Hints\r\n\r\n")):
        poll = ask(sim.url, https_proxy=f"http://127.0.0.1:{proxy(before)}")
        check(f"a proxy that sends a {status} before its 200 is gone by, or told as such",
              poll.code == 0 or f"sent an interim answer (status {status}) to CONNECT" in poll.err,
              poll)
    poll = ask(f"https://127.0.0.1:{serve(plain)}")
    check("plain HTTP on an https URL is told as such", poll.code == 255
          and "answered in plain HTTP, not TLS: use http://" in poll.err, poll)
    finish()


main()
