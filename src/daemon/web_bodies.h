/* SPDX-License-Identifier: MIT */
/* The bodies that were made of one status: each is made when it is first asked for, and shared by
 * all who ask for the same of the same status. With the next status all are forgotten; who still
 * sends one keeps it (http/http_body.h). All on one thread. */
#ifndef DAEMON_WEB_BODIES_H
#define DAEMON_WEB_BODIES_H

#include "http/http_body.h"
#include "status/status.h"

/* A kind of body: its bytes, from malloc(); NULL: no memory. What of it is asked for, such as a
 * query, is in `of`. Pure. */
typedef char *web_body_fn(const struct status *s, str of, size_t *len);

/* More are made and not kept: whoever asks in ever new words gets what he asks for, and no more
 * memory than the connections allow. */
enum { WEB_BODIES_MAX = 16, WEB_BODIES_OF_MAX = 1024 };

struct web_bodies {
    struct web_bodies_entry {
        web_body_fn *make;
        char *of; /* owned */
        size_t of_len;
        struct http_body *body;
    } entries[WEB_BODIES_MAX]; /* the first `count` */
    size_t count;
    uint64_t serial;   /* of the status that they are of */
    bool is_asked_for; /* since web_bodies_rest() */
};

/* A reference. NULL: no memory. */
struct http_body *web_bodies_get(struct web_bodies *b, const struct status *s, web_body_fn *make,
                                 str of);

/* To be called now and then, less often than there are new statuses: what nobody has asked for
 * since the last time is forgotten. */
void web_bodies_rest(struct web_bodies *b);

void web_bodies_deinit(struct web_bodies *b); /* fine on a zeroed one */

#endif
