/* SPDX-License-Identifier: MIT */
/* Private to job_queue.c and job_queue_write.c. */
#ifndef DAEMON_JOB_QUEUE_PARTS_H
#define DAEMON_JOB_QUEUE_PARTS_H

#include <uv.h>

#include "base/list.h"
#include "daemon/job_queue.h"

enum {
    /* A job that nobody can take: by all members together so often, and so long after it was found.
     * Either alone may come of a queue that is long, or of members that are full. Both may come of
     * members that only look, so that who buries it has refused it before. */
    JOB_QUEUE_TRIES = 5,
    JOB_QUEUE_PATIENCE_MS = 300000,
    JOB_QUEUE_AGAIN_MS = 10000, /* so long after each */
    JOB_QUEUE_LOOK_MS = 300000, /* who only looks: longer with each, and at most so long */
    JOB_QUEUE_REFUSALS = 256    /* remembered */
};

/* A message that was refused here. */
struct refusal {
    uint64_t id; /* of its body; 0: none */
    uint64_t since_ms;
};

struct job_filter {
    struct list link;
    unsigned held;   /* jobs of it that are unsettled here */
    unsigned wished; /* of the engine, held ones included */
    bool is_wanted, is_own;
    char text[ENGINE_KEY_MAX + 1];
};

struct queued_job {
    struct list link; /* in one of the queue's lists */
    struct job_queue *queue;
    struct engine_delivery *delivery;
    struct job_filter *filter;
    unsigned delivered;
    uint64_t since_ms; /* by uv_now() */
    int64_t found_ms;  /* Unix time; 0: not said */
    uint64_t ticket;   /* of the write that is to settle it; while it is in `leaving` */
    size_t len;
    char body[];
};

struct job_queue {
    struct job_queue_options o;
    uv_timer_t timer;
    struct list filters;
    size_t filter_count;
    struct list waiting; /* for a slot */
    struct list taken;   /* in the worker's hands */
    struct list leaving; /* to the dead letters, or to another member */
    uint64_t last_ticket, held_ms, seed;
    struct refusal refusals[JOB_QUEUE_REFUSALS]; /* each at the place of its id */
    size_t first;                                /* filter to be dealt the first slot */
    bool is_draining;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static inline struct queued_job *queued_job_at(const struct list *l)
{
    return CONTAINER_OF(l, struct queued_job, link);
}

void queued_job_settle(struct queued_job *j);
void queued_job_give_back(struct queued_job *j, uint32_t after_ms);
static inline void queued_job_move(struct queued_job *j, struct list *to)
{
    list_remove(&j->link);
    list_put_last(to, &j->link);
}

/* --- job_queue_write.c --- */

/* To the dead letters. reason: a word of a key; why: for people. */
void queued_job_bury(struct queued_job *j, const char *reason, str why);
/* The key of what is passed on to this owner. */
void job_queue_put_own_key(char out[ENGINE_KEY_MAX + 1], uint64_t owner);

#endif
