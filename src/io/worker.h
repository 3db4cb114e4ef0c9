/* SPDX-License-Identifier: MIT */
/* Work that blocks and cannot be interrupted (a name look-up, a read from a disk that hangs, the
 * wait for a child), done on threads of our own. libuv's pool is the embedder's, four threads that
 * our trouble must not fill; and neither the loop nor the process could end before it does.
 *
 * A job's memory is the job's own, from malloc(): its owner may abandon it at any time and go, the
 * loop may be closed and the process end, while the thread is still inside. Nothing here waits for
 * a thread. Private to io/. */
#ifndef IO_WORKER_H
#define IO_WORKER_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/table.h"

struct uv_loop_s;
struct timers;
struct worker; /* what takes jobs from one loop and brings them back to it */
struct worker_job;

/* Each class has threads that no other can take (see worker.c), so trouble of one kind holds up
 * only its like. Within a class first come, first served. */
enum worker_class {
    WORKER_NAME_KNOWN, /* a name that was answered in time when it was last looked up */
    WORKER_NAME_NEW,
    WORKER_FILE,
    WORKER_PROGRAM,
    WORKER_NAME_SLOW, /* a name that kept a thread for long, when last looked up */
    WORKER_CLASSES
};

/* All threads of the process together, whatever number of loops it has. As a rule 8 at most are
 * there, and none when there is nothing to do; each one that hangs is made up for, up to this. */
enum { WORKER_THREADS_MAX = 128 };

struct worker_kind {
    void (*run)(struct worker_job *j);  /* on a thread, with all signals blocked */
    void (*done)(struct worker_job *j); /* on the loop, after run(), unless abandoned; then end() */
    void (*end)(struct worker_job *j);  /* free it: on the loop, or on the thread if abandoned */
    /* Two jobs of this kind with one key never run at once. NULL: the later one runs afterwards.
     * Else it does not run: share() gives it what the earlier one found. On the thread. */
    void (*share)(struct worker_job *to, const struct worker_job *from);
};

/* First in the job's own struct. The caller sets the first part; the rest is zero. */
struct worker_job {
    const struct worker_kind *kind;
    enum worker_class class;
    str key; /* in the job's own memory; empty: none */

    /* private */
    struct worker *worker; /* NULL: abandoned, or told */
    int state;
    struct list link;      /* of a queue, of those with the same key, of those done */
    struct list followers; /* of a job that others with its key wait for */
    struct table_node node;
};

/* timers: borrowed, for the deadlines of those who give jobs. PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM. */
int worker_open(struct worker **out, struct uv_loop_s *loop, struct timers *timers,
                const struct alloc *alloc);
struct timers *worker_timers(const struct worker *w);
struct uv_loop_s *worker_loop(const struct worker *w);
/* All jobs must have been told or abandoned. `closed` comes from the loop, in its next turn; w is
 * gone then. */
void worker_close(struct worker *w, void (*closed)(void *ctx), void *ctx);

/* Give j away, and get it back by done() exactly once. It does not keep the loop alive. A positive
 * errno: not even one thread could be started, and j is still the caller's. */
int worker_start(struct worker *w, struct worker_job *j);
/* done() will not come; end() will, at once or when run() returns. Not from its done() on. */
void worker_abandon(struct worker_job *j);
/* Did its run() begin? From start to done(). */
bool worker_has_begun(const struct worker_job *j);

#endif
