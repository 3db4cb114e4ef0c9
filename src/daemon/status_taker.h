/* SPDX-License-Identifier: MIT */
/* Takes the status of the running process from its loops: targets, polls and jobs from the shards,
 * the journal's figures, the system's, and what the run itself knows. On the home loop's thread. */
#ifndef DAEMON_STATUS_TAKER_H
#define DAEMON_STATUS_TAKER_H

#include "daemon/shards.h"
#include "status/status.h"

/* Whoever asks again so soon gets the same. */
enum { STATUS_TAKER_FRESH_MS = 500 };

struct status_taker {
    /* Set by the owner, all else zero. */
    struct shards *shards;                     /* perhaps not open yet */
    const struct job_world *world;             /* NULL: no jobs are worked */
    void (*fill)(void *ctx, struct status *s); /* what else there is to say; may be NULL */
    void *ctx;
    int64_t started_ms; /* Unix time */

    struct status current;
    uint64_t tried_ns, taken_ns; /* 0: never */
    uint64_t serial;             /* of current */
};

/* How things stand, at most STATUS_TAKER_FRESH_MS ago; lives until the next call. Waits for one
 * turn of each loop, but not for one that hangs; then, and while the shards close, most figures are
 * those of before. */
const struct status *status_taker_take(struct status_taker *t);

/* Something has happened that is to be told at once: the next is taken anew. */
void status_taker_expire(struct status_taker *t);

void status_taker_deinit(struct status_taker *t); /* fine on a zeroed one */

#endif
