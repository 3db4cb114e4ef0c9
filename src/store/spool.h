/* SPDX-License-Identifier: MIT */
/* The spool: found jobs that the fleet's engine does not have yet, in an SQLite file under the
 * state directory, so that a process that dies or an engine that is away for hours loses none. A
 * thread of its own writes what has gathered as one transaction, as the journal's does; what is
 * forgotten before it was written never gets to the disk.
 *
 * Promises. Once it is started, nothing here waits for the disk. What was told as durable is there
 * after a crash of the process or of the machine, as far as the disk keeps what it synced. It is
 * bounded. A file that is damaged, of another program or of a later format, or in use, is refused
 * and left as it is. The file (mode 0600) has the messages of jobs as they go to the engine: those
 * of custom jobs with their nonces, which are overwritten after they were forgotten, in SQLite's
 * log at its next checkpoint.
 *
 * All functions on the loop's thread. */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/str.h"

struct uv_loop_s;
struct spool;

#define SPOOL_FILE "spool.db"

enum { SPOOL_RETRY_MS = 1000 };

struct spool_job {
    uint64_t number;  /* rises from job to job, below 2^63 */
    int64_t found_ms; /* Unix time */
    str id;           /* of the job */
    str key, body;    /* of its message */
};
typedef void spool_job_fn(void *ctx, const struct spool_job *job);

struct spool_options {
    const char *state_dir; /* made with mode 0700 when it is missing; its parent must exist */
    uint32_t max_jobs;     /* that it holds, 1 or more */
    uint32_t retry_ms;     /* from a failed write to the next attempt */
    struct log log;        /* called on the writer's thread too */
};

/* Blocks: makes the file, or reads and checks it, and locks it for as long as it is open. ESYSTEM,
 * with `why` naming path, trouble and remedy; ENOMEM. */
int spool_open(struct spool **out, const struct spool_options *o, struct pipepoll_error *why);

/* Would spool_open() open that of this directory? Makes and changes nothing. *is_held: of what is
 * refused, another process holds it, perhaps for good reason. ESYSTEM, in its words; ENOMEM. */
int spool_check(const char *state_dir, bool *is_held, struct pipepoll_error *why);

/* Between open and start: each job that an earlier run left, by number. They may be more than
 * max_jobs. Blocks. ESYSTEM, ENOMEM: some were not told. */
int spool_walk(struct spool *s, spool_job_fn *job, void *ctx, struct pipepoll_error *why);

/* From the loop; every function may be called inside. */
struct spool_events {
    /* All jobs that were put up to this number are durable, or forgotten. */
    void (*durable)(void *ctx, uint64_t up_to);
    /* spool_is_well() is true again, after it was false. */
    void (*room)(void *ctx);
    void *ctx;
};
/* Start the thread; it keeps the loop alive until the spool is closed. ESYSTEM: it can only be
 * closed now. */
int spool_start(struct spool *s, struct uv_loop_s *loop, const struct spool_events *events,
                struct pipepoll_error *why);

/* May jobs be put, and asked for? false: it is full, the last write failed, or one hangs for 5 s.
 */
bool spool_is_well(struct spool *s);

/* Keep a copy. false: it is full, or there is no memory; nothing was taken. A write that fails is
 * tried again until it succeeds. */
bool spool_put(struct spool *s, const struct spool_job *job);
/* The engine has it: of one that is there. */
void spool_forget(struct spool *s, uint64_t number);

/* Try once to write what waits, and end, for most_ms at most: `closed` (may be NULL) comes from the
 * loop. is_gone false: the disk hangs, which the log is told, and s is left behind with its thread:
 * end by _exit(). One that was not started blocks, and `closed` comes inside. */
typedef void spool_closed_fn(void *ctx, bool is_gone);
void spool_close(struct spool *s, uint32_t most_ms, spool_closed_fn *closed, void *ctx);

#endif
