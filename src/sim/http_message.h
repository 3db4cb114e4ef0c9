/* SPDX-License-Identifier: MIT */
/* One request and its reply, free of any HTTP library: what the modules behind the HTTP face talk
 * in. */
#ifndef SIM_HTTP_MESSAGE_H
#define SIM_HTTP_MESSAGE_H

#include <jansson.h>
#include <time.h>

#include "sim/sim.h"
#include "sim/uuid.h"

struct buf;

struct header {
    str name, value;
};

struct request {
    str method;
    str target;                   /* as sent: path and query, nothing unescaped */
    const struct header *headers; /* as sent, in order, duplicates too */
    size_t header_count;
    str body;
    bool too_large; /* the body was, and is not here */
};

/* When a request is served: an instant of uv_hrtime() and the wall clock's time that belongs to
 * it. */
struct instant {
    uint64_t now_ns;
    struct timespec wall;
};

struct reply {
    int status;
    const char *content_type, *allow; /* static; allow may be NULL */
    char *body;                       /* of malloc(); freed by http_message_reply_deinit() */
    size_t len;
    struct uuid request_id;
    uint32_t retry_after_ms; /* 0: no such header */
    int64_t date_s;          /* Unix time for the Date header */

    /* How it goes wrong on its way. */
    uint32_t slow_bytes_per_s; /* 0: at once */
    bool reset;                /* no answer at all: RST */
    bool truncate;             /* half of the body, then the end of the connection */
};

/* An error as an AWS service words it. */
struct refusal {
    int status;
    const char *code;   /* static */
    char message[4096]; /* empty: none is sent */
};

/* Fill it, cut to its size, status 400. Returns false, so that a check can end with it. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool http_message_refuse(struct refusal *r, const char *code, const char *format, ...);

/* What is before the first c, or all; *s keeps what is after it. */
str http_message_cut(str *s, char c);
/* The first header of that name, in any case; empty when there is none. */
str http_message_header(const struct request *rq, str name);
/* The target's path and query, without the '?'. */
str http_message_path(const struct request *rq);
str http_message_query(const struct request *rq);

/* The value of a Date header as RFC 9110 wants it, in English whatever the locale: 29 characters,
 * appended to `out`. Returns its text. */
const char *http_message_date(struct buf *out, int64_t unix_s);

/* Take the document (its reference is stolen; NULL counts as out of memory) as the reply's body. */
void http_message_reply_json(struct reply *reply, int status, json_t *document);
void http_message_reply_text(struct reply *reply, int status, const char *text);
void http_message_reply_deinit(struct reply *reply); /* fine on a zeroed one */

#endif
