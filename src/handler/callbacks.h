/* SPDX-License-Identifier: MIT */
/* Where web services tell how a job goes on: a small HTTP service on one loop, with a URL for each
 * job that nobody can guess.
 *
 * It takes POSTs of {"progress": {...}} and {"result": {...}} (report.h), with Pipepoll-Timestamp
 * and Pipepoll-Signature as webhook.h has them, at most 5 minutes old. Its replies: 204 taken; 400
 * not understood, 401 not signed so, 404 no job waits at this URL (any more), 405 no POST, 413 too
 * long; with a sentence in text/plain that says more.
 *
 * All on the loop's thread. */
#ifndef HANDLER_CALLBACKS_H
#define HANDLER_CALLBACKS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

struct uv_loop_s;
struct hmac_key;
struct callbacks;

enum {
    CALLBACKS_BODY_MAX = 64 << 10,
    CALLBACKS_URL_MAX = 512,
    CALLBACK_TOKEN_LEN = 64,
    CALLBACK_URL_MAX = CALLBACKS_URL_MAX + 1 + CALLBACK_TOKEN_LEN
};

/* Copied. */
struct callbacks_options {
    const char *address; /* to listen on: see http/http_listen.h; required */
    const char *url;     /* that web services reach it by, such as a proxy's; it may have a path.
                          * NULL: that of the address */
};

/* PIPEPOLL_EINVAL: the address, or the url; PIPEPOLL_ESYSTEM: cannot listen there;
 * PIPEPOLL_ENOMEM. */
int callbacks_open(struct callbacks **out, struct uv_loop_s *loop,
                   const struct callbacks_options *o, struct pipepoll_error *why);
/* No callback may be there. closed() (may be NULL) comes from the loop; it is gone then. */
void callbacks_close(struct callbacks *callbacks, void (*closed)(void *ctx), void *ctx);

/* Of one job, embedded in its struct. */
struct callback {
    /* A POST that is rightly signed. The body may be changed, and dies when this returns; it may
     * remove the callback. false: not understood, and why says what. */
    bool (*take)(struct callback *c, char *body, size_t len, struct pipepoll_error *why);
    const struct hmac_key *key;
    char token[CALLBACK_TOKEN_LEN];

    struct list link; /* private */
};

/* take and key are set; the token is made of the key and the job: the same after a restart. */
void callback_add(struct callbacks *callbacks, struct callback *c, str job_id);
void callback_remove(struct callback *c); /* fine on a zeroed one */
/* At most CALLBACK_URL_MAX bytes. */
void callback_put_url(struct buf *out, const struct callbacks *callbacks, const struct callback *c);

#endif
