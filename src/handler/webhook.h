/* SPDX-License-Identifier: MIT */
/* The handler `webhook`: a web service that is sent each job.
 *
 * The job is POSTed to a URL as application/json (job_document.h), with these headers:
 *
 *     Pipepoll-Job-Id: JOB, the same for each attempt: whoever knows it has the job already
 *     Pipepoll-Attempt: 1, 2, ...
 *     Pipepoll-Timestamp: Unix time in seconds
 *     Pipepoll-Signature: v1=HEX(HMAC-SHA256(key, timestamp "." body))
 *     Pipepoll-Callback-Url: where a later result is to go, if results may come later
 *
 * An answer of 200 with {"result": {...}} (report.h) is the result. 202 means that the service will
 * tell: it POSTs {"progress": {...}} as often as it likes, then {"result": {...}}, to the URL of
 * the header, signed with the same key by the same two headers (callbacks.h); the body of the 202
 * may be {"progress": {...}} as well. A call-back counts at any time, so one may overtake the 202.
 * Where the address and port are fixed, a job has the same URL after a restart.
 *
 * 408, 425, 429, 5xx, no answer in time, and no whole answer, are tried again, with back-off and
 * jitter, and by Retry-After up to a minute later; in the end the job fails as SystemUnavailable.
 * Any other 4xx, and a 200 that is not understood, fail the job as JobFailed, with what the service
 * said. A redirect is not followed, and fails it as ConfigurationError, as does a document of more
 * than 256 KiB. */
#ifndef HANDLER_WEBHOOK_H
#define HANDLER_WEBHOOK_H

#include "handler/handler.h"

struct callbacks;

enum { WEBHOOK_KEY_LEN_MIN = 16 };

/* Zero means the default. Copied, but for what callbacks points to. */
struct webhook_options {
    const char *url;             /* see http_client.h; required */
    str key;                     /* any bytes; required */
    const char *ca_bundle;       /* a PEM file; NULL: the system's roots */
    uint32_t timeout_ms;         /* of one attempt; 0: 30000 */
    uint32_t give_up_ms;         /* from the first attempt to the last; 0: 600000 */
    uint32_t backoff_ms;         /* at most so long before the second attempt, then twice as long;
                                  * 0: 1000 */
    uint32_t result_ms;          /* from a 202 to the result; 0: 3600000 */
    uint32_t max_connections;    /* 0: 32 */
    uint64_t seed;               /* for jitter */
    struct callbacks *callbacks; /* on the same loop; must outlive the handler. NULL: none, and a
                                  * 202 fails the job as ConfigurationError */
};

/* Reads the roots, about 30 ms. SIGPIPE must be ignored in this process. stop() lets an attempt end
 * that is under way, and ends a run that waits for the next one or for a call-back: the service is
 * not told. PIPEPOLL_EINVAL: no such URL, or the key is too short; PIPEPOLL_ESYSTEM: no roots, or
 * no descriptor; PIPEPOLL_ENOMEM. */
int webhook_open(struct handler **out, struct uv_loop_s *loop, const struct webhook_options *o,
                 struct pipepoll_error *why);

#endif
