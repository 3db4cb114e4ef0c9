/* SPDX-License-Identifier: MIT */
/* The journal of jobs: what the process must know again after kill -9, in an SQLite file under the
 * state directory. It does for worker.h's `struct pipepoll_journal` what that asks for: note()
 * queues, a thread of the journal's own writes what has gathered as one transaction (while one is
 * synced to the disk the next gathers), and each loop is told how far it is durable.
 *
 * Promises. Nothing here but open, walk, read and close waits for the disk. What was told as kept
 * is in the file after a crash of the process or of the machine, as far as the disk keeps what it
 * synced. The queue is bounded. A file that is not ours, damaged, of a later format or in use is
 * refused and left as it is. No secret is in it: no nonce, client token, artifact credentials or
 * configuration, only what the handler wrote into its result.
 *
 * What it keeps of a job is the latest entry alone. A job that was forgotten stays in the history,
 * without its continuation token, for `pipepoll jobs`, and leaves it by age or count. */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/str.h"
#include "pipepoll/worker.h"

struct uv_loop_s;
struct journal;      /* one file; one writer thread */
struct journal_user; /* a loop that notes, usually for one worker */

#define JOURNAL_FILE "journal.db"

/* Good defaults; none for the options is implied by zero. */
enum { JOURNAL_HISTORY_JOBS = 10000, JOURNAL_HISTORY_S = 7 * 86400, JOURNAL_RETRY_MS = 1000 };

struct journal_options {
    const char *state_dir; /* made with mode 0700 when it is missing; its parent must exist */
    /* Jobs in hand at once, of all users together, 1 or more. The queue holds up to 4 changes for
     * each, and 64 MiB: see journal_note(). */
    uint32_t max_jobs;
    /* Ended jobs that the file keeps: at most this many (and 1/16 more between two prunings), and
     * none that ended longer ago. 0 jobs: none at all. Pruned when something is written. */
    uint32_t history_jobs, history_s;
    uint32_t retry_ms;       /* from a failed write to the next attempt */
    int64_t (*now_ms)(void); /* Unix time, any thread; NULL: the system's */
    struct log log;          /* called on the writer's thread */
};

/* Blocks: takes the lock of the directory for the life of the process, makes the file (mode 0600)
 * or reads and checks all of it, proves that it can be written, and starts the thread. ESYSTEM,
 * with `why` naming path, trouble and remedy: locked by another process, not SQLite's, of another
 * program, of a later format, damaged, unreadable, read-only, disk full. ENOMEM. */
int journal_open(struct journal **out, const struct journal_options *o, struct pipepoll_error *why);

/* May jobs be asked for? false: the last write failed, one hangs for 5 s, or the queue is half
 * full. Any thread; never blocks. */
bool journal_is_well(struct journal *j);

/* One job. */
struct journal_row {
    str target;
    const struct pipepoll_journal_entry *entry; /* of an ended job: the last one noted */
    int64_t first_noted_ms, last_noted_ms;      /* Unix time */
    int64_t ended_ms;                           /* 0: it is open */
    str outcome;                                /* as it was given to journal_forget() */
};

/* All texts die when it returns. Do not block in it: as long as the rows are read, the writer
 * cannot shrink its log. */
typedef void journal_row_fn(void *ctx, const struct journal_row *row);

/* Every open job, oldest first: at start, to resume them. Inside row() everything may be called.
 * Blocks. ESYSTEM, ENOMEM. */
int journal_walk(struct journal *j, journal_row_fn *row, void *ctx, struct pipepoll_error *why);

/* Would journal_open() open that of this directory? Makes and changes nothing, and does not look at
 * what is behind the file's header. *is_held: of what is refused, another process holds it, perhaps
 * for good reason. ESYSTEM, in its words; ENOMEM. */
int journal_check(const char *state_dir, bool *is_held, struct pipepoll_error *why);

/* Every job of a journal that another process may be writing, oldest first; changes nothing in it.
 * Blocks, up to 2 s for a lock. ENOTFOUND: the directory has none; ESYSTEM, ENOMEM. */
int journal_read(const char *state_dir, journal_row_fn *row, void *ctx, struct pipepoll_error *why);

/* Try to write what waits, once, and end: wait for at most most_ms. true: j is gone. false: the
 * disk hangs, and the thread is left behind with j: end the process without waiting for threads,
 * by _exit(), or call this again. `closed` of all users came before. */
bool journal_close(struct journal *j, uint32_t most_ms);

struct journal_stats {
    uint64_t batches, changes; /* transactions that succeeded, and what was in them */
    uint64_t failures;         /* transactions that failed */
    uint64_t refused;          /* notes that the queue had no room for */
    uint64_t dropped;          /* forgets that it had no room for */
    size_t waiting;            /* changes, now */
    int64_t lag_ms;            /* how long the oldest of them has waited; 0: none waits */
    uint64_t file_bytes;       /* of the file and its log, after the last write */
};
void journal_stats(struct journal *j, struct journal_stats *out); /* any thread */

/* --- a loop that notes: all on its thread --- */

/* Called from the loop. Every function may be called inside. */
struct journal_events {
    /* As pipepoll_worker_noted() takes it: all up to this ticket are durable, or those that were
     * not told of before were not kept (a negative enum pipepoll_status). What was not kept
     * because of the disk is tried again with every later write all the same, until it succeeds. */
    void (*committed)(void *ctx, uint64_t up_to_ticket, int status);
    /* journal_is_well() is true again, after it was false. May be NULL. */
    void (*recovered)(void *ctx);
    void *ctx;
};

/* It keeps the loop alive until it is closed. ESYSTEM, ENOMEM. */
int journal_user_open(struct journal_user **out, struct journal *j, struct uv_loop_s *loop,
                      const struct journal_events *events);

/* Keep this entry in place of the job's last one; its key is target, region and job id. All is
 * copied. Tickets rise. Without room in the queue it is refused, that is told as ENOMEM, and it is
 * not tried again. */
void journal_note(struct journal_user *u, str target, const struct pipepoll_journal_entry *entry,
                  uint64_t ticket);

/* The job has ended: to the history with it. A worker calls its journal's forget() right before
 * its handler's ended(), which knows the target and the outcome: call this there. Never refused
 * while there is memory and jobs in hand are max_jobs at most; a forget that is dropped costs one
 * needless call after the restart. */
void journal_forget(struct journal_user *u, str target, str region, str job_id, str outcome);

/* Nothing is told any more; what was noted is still written. Never waits: `closed` (may be NULL)
 * comes from the loop in its next turn, whatever the disk does, and u is gone. */
void journal_user_close(struct journal_user *u, void (*closed)(void *ctx), void *ctx);

#endif
