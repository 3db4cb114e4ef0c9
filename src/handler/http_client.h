/* SPDX-License-Identifier: MIT */
/* Requests to one web service, and their answers: for handlers and sources of client tokens. On the
 * project's own transport (io/transport.h): HTTP/1.1, certificates verified, connections kept and
 * bounded, a deadline for each call, no redirects, nothing sent twice. Proxies are those of the
 * environment (io/proxy.h). Whether to try again is the caller's to decide.
 *
 * All on the loop's thread; nothing here blocks it but http_client_open(). */
#ifndef HANDLER_HTTP_CLIENT_H
#define HANDLER_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/list.h"
#include "io/transport.h"

enum {
    HTTP_CLIENT_BODY_MAX = TRANSFER_BODY_MAX, /* of a request */
    HTTP_CLIENT_ANSWER_MAX = 256 << 10,       /* a longer body is a problem */
    HTTP_CLIENT_HEAD_SIZE = 4096,
    HTTP_CLIENT_TARGET_MAX = 8 << 10
};

struct http_client;

/* Zero means the default. Copied. */
struct http_client_options {
    const char *url;             /* http:// or https://, host[:port], and perhaps path and query */
    const char *ca_bundle;       /* a PEM file; NULL: the system's roots */
    uint32_t connect_timeout_ms; /* 0: 10000 */
    uint32_t max_connections;    /* open at once; calls wait for one within their time; 0: 32 */
};

/* Reads the roots, about 30 ms, unless all is plain HTTP. SIGPIPE must be ignored in this process.
 * PIPEPOLL_EINVAL: no such URL; PIPEPOLL_ESYSTEM: no roots, or no descriptor; PIPEPOLL_ENOMEM. */
int http_client_open(struct http_client **out, struct uv_loop_s *loop,
                     const struct http_client_options *o, struct pipepoll_error *why);
/* Every call must be deinited, which may be in an on_done(). closed() (may be NULL) comes from the
 * loop; the client is gone then. */
void http_client_close(struct http_client *client, void (*closed)(void *ctx), void *ctx);

/* For timers of the owner's, which must be deinited before the close. */
struct timers *http_client_timers(const struct http_client *client);
/* For files that its requests need, of which none may be read at the close. */
struct worker *http_client_worker(const struct http_client *client);
/* "host[:port]" of the URL, and its path and query, which are at least "/". */
str http_client_host(const struct http_client *client);
str http_client_target(const struct http_client *client);

/* One request, embedded in the caller's own struct; many may be made one after the other. */
struct http_call {
    /* The caller's, set after http_call_begin() and kept until on_done(). */
    void (*on_done)(
        struct http_call *c); /* from the loop, once per start; may begin again, deinit */
    str method;               /* empty: POST */
    str target;               /* empty: the URL's */
    str body;
    uint32_t timeout_ms; /* 0: 30000 */

    /* The answer, valid in on_done(). */
    const char *problem; /* NULL: a whole answer came, whatever its status; else why not */
    bool quotes_answer;  /* the problem has words of the answer in it, which may be secret */
    bool is_unsendable;  /* that can never be sent, whatever is tried */
    bool is_too_long;    /* the answer passed HTTP_CLIENT_ANSWER_MAX */
    int status;          /* 0: none came */
    char *answer;        /* writable */
    size_t answer_len;
    str content_type, location; /* or empty */
    uint64_t retry_after_ms;    /* Retry-After, as seconds or a date; 0: none that is understood */

    /* private */
    struct http_client *client;
    struct timer told; /* of a call that could not be started */
    struct transfer transfer;
    struct buf head;
    char head_text[HTTP_CLIENT_HEAD_SIZE];
};

int http_call_init(struct http_call *c, struct http_client *client); /* PIPEPOLL_ENOMEM */
/* Wipes all it knows. Not between start and on_done(); fine on a zeroed one. */
void http_call_deinit(struct http_call *c);

/* Forget the last request and answer, wiped. The head begins with Host and User-Agent. */
void http_call_begin(struct http_call *c);
/* A value with control characters, and what does not fit, keeps the call from being sent. */
void http_call_put_header(struct http_call *c, const char *name, str value);
/* Whatever keeps it from being sent is told by on_done() too. */
void http_call_start(struct http_call *c);
/* on_done() comes soon. Fine when none is to come. */
void http_call_stop(struct http_call *c);

#endif
