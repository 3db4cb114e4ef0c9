/* SPDX-License-Identifier: MIT */
/* A queue of changes, and a thread that writes them to the disk: all that waits is one batch. What
 * is "under the mutex" its caller has locked. Private to store/. */
#ifndef STORE_BATCH_WRITER_H
#define STORE_BATCH_WRITER_H

#include <uv.h>

#include "base/list.h"
#include "base/log.h"

struct batch_writer {
    /* All set before it is initialised, and never changed. */
    const char *name, *path; /* in the log: "journal", and its file */
    uint32_t retry_ms;       /* from a failed write to the next attempt */
    struct log log;          /* called on the thread */
    void *ctx;
    /* On the thread. A batch that fails is written again, before all else. */
    int (*write)(void *ctx, const struct list *batch, struct pipepoll_error *why);
    /* Under the mutex: it is taken out of the queue; what came of it, when no write is under way
     * any more; nothing more comes of the thread. The last may be NULL. */
    void (*taken)(void *ctx, const struct list *batch);
    void (*written)(void *ctx, const struct list *batch, int status);
    void (*ended)(void *ctx);
    /* On the thread, once all is written, or given up; may be NULL. */
    void (*finish)(void *ctx);
    void (*free_change)(struct list *link);

    uv_thread_t thread;
    uv_mutex_t mutex; /* of all below */
    uv_cond_t changed;
    struct list queue;
    uint64_t writing_since_ms; /* 0: nothing is being written */
    bool failing;              /* the last write failed */
    bool closing, gave_up, has_ended;

    uint64_t logged_ms; /* the thread's: the last line about a failure */
    uint64_t failures;  /* and those in a row */
};

/* The clock of all times here. */
static inline uint64_t batch_writer_now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* ENOMEM. */
int batch_writer_init(struct batch_writer *w);
/* Free what is left in the queue. The thread was not started, or has been joined. */
void batch_writer_deinit(struct batch_writer *w);
/* ESYSTEM. */
int batch_writer_start(struct batch_writer *w, struct pipepoll_error *why);

/* Under the mutex. */
void batch_writer_add(struct batch_writer *w, struct list *link);
/* Did the last write succeed, and does none hang for 5 s? */
bool batch_writer_is_well(const struct batch_writer *w);
/* Try once to write what waits, and end. */
void batch_writer_close(struct batch_writer *w);

#endif
