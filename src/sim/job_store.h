/* SPDX-License-Identifier: MIT */
/* All jobs that the service knows: by id, by what time does to them next, and those that are over.
 * Pure. Of the jobs that are over it keeps the newest `over_max`, and no more than JOB_STORE_BYTES
 * of what came with them; the service forgets each after a while. */
#ifndef SIM_JOB_STORE_H
#define SIM_JOB_STORE_H

#include "base/heap.h"
#include "base/list.h"
#include "base/table.h"
#include "sim/job_life.h"
#include "sim/uuid.h"

struct queue;

#define JOB_STORE_BYTES (64U << 20)

enum { JOB_ACCESS_KEY_SIZE = 20 };

struct job {
    struct list link;     /* in its queue's waiting, or among those that are over */
    struct heap_node due; /* what time does to it next */
    struct table_node id_node;
    struct queue *queue;
    struct job_life life;
    uint64_t available_ns; /* since when it waits, or waited */
    struct uuid id, client_id;
    struct uuid execution_id;             /* of the action: the same for all that follow a job */
    struct uuid follows, followed_by;     /* all NUL: none */
    str query, configuration;             /* in `text` */
    str continuation_token;               /* in `text`; empty: it is no follow-up job */
    char *result;                         /* JSON text of what ended it; NULL: none */
    char access_key[JOB_ACCESS_KEY_SIZE]; /* of its newest artifact credentials; NUL: none yet */
    uint64_t credentials_end_ns;
    char text[];
};

struct job_store {
    struct table by_id;
    struct heap due;  /* by the instant */
    struct list over; /* in the order in which they ended */
    size_t over_count, over_max, over_bytes;
};

/* over_max > 0. */
void job_store_init(struct job_store *store, size_t over_max, uint64_t seed);
void job_store_deinit(struct job_store *store); /* frees all jobs */

/* A job of these ids and texts, which are copied, in the state JOB_CREATED. NULL: out of memory. */
struct job_store_new {
    struct queue *queue;
    struct uuid id, client_id, execution_id, follows;
    str query, configuration, continuation_token;
};
struct job *job_store_add(struct job_store *store, const struct job_store_new *what);
/* NULL: there is none. */
struct job *job_store_find(const struct job_store *store, str id);
/* It is in no queue any more. */
void job_store_remove(struct job_store *store, struct job *job);

/* Time comes to it then, and only then; UINT64_MAX: never. */
void job_store_set_due(struct job_store *store, struct job *job, uint64_t at_ns);
uint64_t job_store_next_due(const struct job_store *store); /* UINT64_MAX: never */
/* Take the job whose time it is; there must be one. */
struct job *job_store_pop_due(struct job_store *store);

/* The job is over: remember it by `result`, which is copied (empty: none), and forget the oldest of
 * those that are too many, never this one. Without memory there is no result. */
void job_store_retire(struct job_store *store, struct job *job, str result);

#endif
