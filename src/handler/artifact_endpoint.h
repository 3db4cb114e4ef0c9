/* SPDX-License-Identifier: MIT */
/* Each running job's artifact credentials, where the AWS SDKs look for a container's: a URL on
 * loopback and a token, so that `aws s3 cp`, or any SDK, in the job's program has credentials for
 * as long as the job runs, however often they are renewed. The program needs two variables:
 *
 *     AWS_CONTAINER_CREDENTIALS_FULL_URI=<access.uri>
 *     AWS_CONTAINER_AUTHORIZATION_TOKEN=<access.token>
 *
 * One endpoint for each loop, whose URL is the same for all jobs; the token alone, 256 random bits,
 * tells who asks. Whoever has none that is valid now learns nothing, not even which jobs there are.
 *
 * The service does not tell when the credentials end, and SDKs want to hear it. They are told
 * ARTIFACT_EXPIRY_MARGIN_MS after the next renewal is due, and ask again ahead of that: botocore
 * from 15 minutes ahead on, while it goes on with the old ones, and 10 ahead it insists; others 5
 * or fewer. So botocore asks with each request from 4 minutes before the renewal until the new ones
 * are there, which costs little, insists only when a renewal has failed once, and nobody goes on
 * with old ones for longer than the margin. When a renewal is late, all are told to come back
 * within a minute, again and again, and work with what there is.
 *
 * All on the loop's thread. */
#ifndef HANDLER_ARTIFACT_ENDPOINT_H
#define HANDLER_ARTIFACT_ENDPOINT_H

#include "pipepoll/worker.h"

#include "base/table.h"

struct uv_loop_s;
struct artifact_endpoint;

enum { ARTIFACT_EXPIRY_MARGIN_MS = 11 * 60000, ARTIFACT_TOKEN_LEN = 64, ARTIFACT_URI_MAX = 160 };

/* The caller's memory, which must neither move nor go while it is added. */
struct artifact_access {
    char uri[ARTIFACT_URI_MAX];
    char token[ARTIFACT_TOKEN_LEN + 1]; /* secret, in hex */

    struct artifact_endpoint *endpoint; /* private, as are the next; NULL: it is not added */
    struct table_node node;
    char *block; /* the credentials' texts */
    size_t block_size;
    struct pipepoll_artifact_credentials credentials;
    uint64_t renewed_ms; /* by uv_now() */
    uint32_t renew_ms;
};

/* Listens on 127.0.0.1. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: it cannot, or the system has no random
 * numbers. */
int artifact_endpoint_open(struct artifact_endpoint **out, struct uv_loop_s *loop,
                           struct pipepoll_error *why);

/* A job starts, with these credentials, which are copied; new ones are due every renew_ms. Fills
 * access, whatever is in it: its uri and token are valid until it is removed.
 * PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: no random numbers; access is as if removed then. */
int artifact_endpoint_add(struct artifact_endpoint *e, struct artifact_access *access,
                          const struct pipepoll_artifact_credentials *c, uint32_t renew_ms);

/* New credentials. Copied; without memory for that the old ones stay, as if this was not called.
 * Nothing happens if access is removed. */
void artifact_endpoint_renew(struct artifact_access *access,
                             const struct pipepoll_artifact_credentials *c);

/* The job has ended: from now on its token is like any wrong one. Wipes access. Fine on a zeroed or
 * removed one. */
void artifact_endpoint_remove(struct artifact_access *access);

/* Removes what is still added. Then closed() (may be NULL), from the loop, and e is gone. */
void artifact_endpoint_close(struct artifact_endpoint *e, void (*closed)(void *ctx), void *ctx);

#endif
