/* SPDX-License-Identifier: MIT */
/* Records from one thread to another: a bounded queue behind a mutex. Its room is the credit of the
 * thread that puts, so that a slow sink is felt by each poller. One thread puts, one other drains;
 * who tells whom that there is something to do is not the queue's affair. */
#ifndef DAEMON_RECORD_QUEUE_H
#define DAEMON_RECORD_QUEUE_H

#include <uv.h>

#include "daemon/record.h"

struct record_queue {
    uv_mutex_t mutex; /* of the next three; nothing else is shared */
    struct buf filling;
    size_t held;   /* bytes that were put and not yet taken */
    size_t others; /* bytes of `filling` that are no jobs */
    size_t job_size, other_size;
    struct buf draining;
    size_t drained; /* bytes of `draining` that were taken */
};

/* With room for so many jobs, and so many other records beside them, of the greatest size each;
 * memory is touched only as it fills. PIPEPOLL_ENOMEM. */
int record_queue_init(struct record_queue *q, size_t jobs, size_t others);
void record_queue_deinit(struct record_queue *q); /* no thread uses it; fine on a zeroed one */

/* For the thread that puts: how many jobs are taken for sure; bytes that nobody has taken yet. */
size_t record_queue_credit(struct record_queue *q);
size_t record_queue_backlog(struct record_queue *q);
/* false: there is no room. Other records never take the room of jobs. */
bool record_queue_put(struct record_queue *q, const struct record *r);

/* For the thread that drains: hand records over, oldest first, until `take` refuses one or none is
 * left. true: there is more room, or less backlog. */
bool record_queue_drain(struct record_queue *q, bool (*take)(void *ctx, const struct record *r),
                        void *ctx);
/* None is left, for now. */
bool record_queue_is_empty(struct record_queue *q);

#endif
