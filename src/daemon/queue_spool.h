/* SPDX-License-Identifier: MIT */
/* What a sink of a fleet's queue needs of a spool: found jobs that outlive the process until they
 * are in the queue. A spool embeds it and gets itself back from `self`. All on the sink's loop;
 * nothing here blocks. */
#ifndef DAEMON_QUEUE_SPOOL_H
#define DAEMON_QUEUE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct spooled_job {
    uint64_t number;  /* rises from job to job */
    int64_t found_ms; /* Unix time */
    str id;           /* of the job */
    str key, body;    /* of its message, see fleet/engine.h */
};

struct queue_spool {
    /* Who is told; the sink's, before the first put(). */
    struct queue_spool_listener {
        /* All up to this number are durable. Not inside put(). */
        void (*durable)(struct queue_spool_listener *self, uint64_t up_to);
        /* There is room again, or the disk is well. */
        void (*room)(struct queue_spool_listener *self);
    } * listener;

    /* May jobs be put? false: there is no room, or the disk fails or hangs. */
    bool (*is_well)(struct queue_spool *self);
    /* Keep a copy. false: it cannot now, and nothing was taken. */
    bool (*put)(struct queue_spool *self, const struct spooled_job *job);
    /* It is in the queue; durable or not yet. */
    void (*forget)(struct queue_spool *self, uint64_t number);
    /* Write what waits, for some seconds at most, then closed(ctx), perhaps inside this call, and
     * it is gone; or left behind, see leave.h. */
    void (*close)(struct queue_spool *self, void (*closed)(void *ctx), void *ctx);
};

struct spool;
struct uv_loop_s;

/* The one on the disk (store/spool.h), which is open and was walked, and is *out's from now on.
 * PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM: it is the caller's, to be closed. */
int queue_spool_start(struct queue_spool **out, struct spool *disk, struct uv_loop_s *loop,
                      struct pipepoll_error *why);

#endif
