/* SPDX-License-Identifier: MIT */
/* Bytes out, bytes or a fault in: HTTP requests over libcurl's multi interface on a libuv loop.
 * Knows nothing of what the bytes mean. HTTP/1.1, connections kept and used again,
 * certificates verified, no redirects, no signals, and a deadline of our own for each transfer.
 * What fails is the caller's to try again, and goes by another connection then: one that failed is
 * closed, and those that rested meanwhile are in doubt. No request is sent twice. */
#ifndef IO_TRANSPORT_H
#define IO_TRANSPORT_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/str.h"
#include "base/wanted_header.h"
#include "io/proxy.h"
#include "io/timers.h"

struct uv_loop_s;
struct trust_store;
struct worker;
struct transport; /* everything on one loop */
struct pool;      /* connections to one origin: one region's trouble stays in its pool */

enum {
    TRANSFER_HEAD_LINES = 12,        /* request header lines */
    TRANSFER_BODY_MAX = 256 << 10,   /* of a request */
    TRANSFER_ANSWER_MAX = 1 << 20,   /* a longer body is a fault */
    TRANSFER_HEADERS_MAX = 64 << 10, /* bytes of answer headers */
    TRANSFER_HEADER_LINES_MAX = 256
};

struct transport_options {
    struct uv_loop_s *loop;
    struct timers *timers;                 /* borrowed */
    const struct trust_store *trust_store; /* borrowed */
    struct alloc alloc;
    uint32_t connect_timeout_ms;
    uint32_t max_connections;   /* open at once, idle ones included; 0: no bound */
    struct proxy_rules proxies; /* copied; libcurl does not read the environment */
};

/* PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: libcurl would not start, or lacks TLS by OpenSSL; or there is
 * no descriptor for it. */
int transport_open(struct transport **out, const struct transport_options *o,
                   struct pipepoll_error *why);
/* Can connections go by this proxy, as it was set? PIPEPOLL_EINVAL: it is no URL of a proxy;
 * PIPEPOLL_ENOMEM. Without a transport; any thread. */
int transport_check_proxy(const struct alloc *alloc, str proxy);
/* All pools must be closed, and no file be read nor program run by its worker. `closed` comes from
 * the loop, soon: nothing that hangs is waited for; tp is gone then. */
void transport_close(struct transport *tp, void (*closed)(void *ctx), void *ctx);
/* Before that: transfers that wait for an address fail now, from the loop, as do those that start
 * from now on and would have to wait. No request of theirs was sent. */
void transport_stop_waiting(struct transport *tp);
/* For blocking work of others on the same loop. */
struct worker *transport_worker(const struct transport *tp);
/* Connections opened so far, the handshakes of TLS on them, those that went on with an earlier
 * session, and connections that are open now. libcurl's own, for HTTP/2, shake hands unseen. */
struct transport_counts {
    uint64_t made, handshakes, resumed;
    uint32_t open;
};
struct transport_counts transport_counts(const struct transport *tp);
struct timers *transport_timers(const struct transport *tp);
const struct alloc *transport_alloc(const struct transport *tp);

struct pool_options {
    str url;       /* scheme://host[:port][/path]; copied */
    bool direct;   /* by no proxy, whatever the rules say: metadata services */
    bool insecure; /* whatever certificate the origin shows: an operator asked for that */
};
/* PIPEPOLL_ENOMEM; PIPEPOLL_EINVAL: there is no host to connect to in the url. */
int pool_open(struct pool **out, struct transport *tp, const struct pool_options *o);
/* Ends its idle connections. No transfer of it may be in flight. */
void pool_close(struct pool *pool);

/* What is known of the pool's way to its origin: of the connection that was made last. */
struct pool_report {
    char address[46];     /* of the peer: the origin or the proxy; empty: none was made yet */
    char tls_version[16]; /* "TLSv1.3"; empty: no TLS */
    char issuer[128];     /* of the server's certificate, as one line */
    char proxy[128];      /* without its user and password; empty: none is used */
    /* Each step by itself; 0: there was none. With a proxy, connect_us includes its CONNECT. */
    uint32_t lookup_us, connect_us, tls_us;
};
const struct pool_report *pool_report(const struct pool *pool); /* lives as long as the pool */

/* One request and its answer, embedded in the caller's own struct. The caller sets the first part,
 * whose request is not needed any more once the transfer has started: what cannot go out at once is
 * copied. The second part is valid inside on_done(), and until its next start there. Zero-fill it
 * once and use it again and again; it holds no memory while it is not in flight. */
struct transfer {
    str head;   /* at most TRANSFER_HEAD_LINES "Name: value\r\n" */
    str body;   /* empty: none, and no Content-Length either unless the method is POST or PUT */
    str method; /* GET, PUT, ...; empty: POST */
    str path;   /* of the request line, with any query; empty: the path of the pool's url */
    const struct wanted_header *wanted; /* kept by the caller until on_done() */
    size_t wanted_count;
    uint32_t timeout_ms;
    void (*on_done)(struct transfer *x); /* from the loop, exactly once per start */

    enum fault fault; /* FAULT_NONE: a whole answer came, whatever its status */
    int http_status;  /* 0: none came */
    bool is_sent;     /* the request went out, or part of it */
    char *answer;     /* body, writable; NULL: none came. Wiped after on_done() */
    size_t answer_len;
    const str *values;         /* of the wanted headers; empty: not sent. They go with the answer */
    const char *detail;        /* of a fault: what happened; never NULL */
    enum pipepoll_cause cause; /* of a fault: what is to be mended */
    str subject;               /* of the cause; lives as long as the pool */

    /* private */
    struct transport *transport;
    struct pool *pool;
    struct h1_connection *h1; /* it goes by; NULL: not in flight, or it waits for one */
    struct answer_room *room; /* where its answer is read, once that has begun */
    struct list wait_link;
    const char *waits_for;
    struct buf unsent; /* the request while it waits for a connection; what a socket did not take */
    size_t unsent_from;
    void (*expire)(struct transfer *x);
    struct timer deadline;
    bool overdue;
    size_t head_bytes, head_lines;
};

/* Start: on_done() comes later, never from inside. Past the transport's bound of connections the
 * one that has been idle longest is closed for it, whichever pool's; while all are busy it waits,
 * first come, first served, within its deadline.
 * PIPEPOLL_EINVAL (a method or path that cannot stand in a request line), PIPEPOLL_ENOMEM,
 * PIPEPOLL_ESYSTEM: not started, on_done() will not come. */
int transfer_start(struct transfer *x, struct pool *pool);
/* End x soon, as if its deadline had come; on_done() comes from the loop. For what only serves us:
 * a poll is never ended so, since its answer may hold jobs. Fine when not in flight. */
void transfer_abort(struct transfer *x);
/* Wipe what the transport's buffers hold of the last request and answer: for those that carried
 * secrets. What libcurl and OpenSSL still hold is theirs. Fine on a zeroed one. */
void transfer_wipe(const struct transfer *x);

#endif
