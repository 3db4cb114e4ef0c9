/* SPDX-License-Identifier: MIT */
/* A server of scripted bytes on the test's own loop: TCP, by TLS if wanted, 127.0.0.1, a port of
 * the system's choice. For what a well-kept HTTP server would never send. */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <stdbool.h>

#include <uv.h>

#include "base/str.h"

enum server_end {
    SERVER_KEEP,  /* wait for the next request */
    SERVER_CLOSE, /* FIN after the bytes; by TLS, after close_notify */
    SERVER_CUT,   /* FIN after the bytes, without close_notify */
    SERVER_RESET, /* RST after the bytes */
    SERVER_HANG   /* the bytes, then nothing more */
};

struct server_reply {
    str bytes; /* must outlive the connection */
    enum server_end end;
    unsigned piece; /* bytes per turn of the loop; 0: all at once */
};

struct server_request {
    str head, body;
    unsigned connection; /* 1, 2, ... in the order they were accepted */
    unsigned number;     /* 1, 2, ... over all connections */
};

/* Where every connection ends, whatever is said on it: after so many bytes as they are on the wire,
 * that is of TLS records. end: SERVER_KEEP for nowhere, SERVER_CUT, SERVER_RESET or SERVER_HANG. */
struct server_cut {
    size_t sent, received; /* SIZE_MAX: any number */
    enum server_end end;
};

struct server {
    uv_tcp_t listener;
    unsigned connections, requests;
    struct server_reply (*answer)(struct server *s, const struct server_request *rq);
    void *ctx;
    void *links[1024];      /* open connections */
    struct tls_server *tls; /* NULL: none */
    struct server_cut cut;
    size_t bytes_sent, bytes_received; /* on the wire, by the last connection */
    char url[64];
};

/* Called around whatever servers do on the loop, by a test that must tell it from what the library
 * does. May be NULL. */
extern void (*server_aside)(bool begins);

void server_open(struct server *s, uv_loop_t *loop,
                 struct server_reply (*answer)(struct server *, const struct server_request *),
                 void *ctx);
/* From now on by TLS, with a certificate for 127.0.0.1 whose PEM goes into the file `path`. */
void server_use_tls(struct server *s, const char *path);
/* Close or reset every connection that waits for a request. */
void server_drop_idle(struct server *s, enum server_end how);
/* Ends the listener and all connections; run the loop once more for the handles to close. */
void server_close(struct server *s);

/* "HTTP/1.1 200 OK" with this body, and any further header lines ("A: b\r\n"); keep it. */
#define SERVER_OK(length, more, body)                                                              \
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n" more "\r\n" body)

#endif
