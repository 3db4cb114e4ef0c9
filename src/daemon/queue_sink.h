/* SPDX-License-Identifier: MIT */
/* The sink that puts jobs into the fleet's queue, for the workers of all members. Other records
 * (health, credentials) go to another sink, as lines on stdout.
 *
 * A job is in memory, in the spool and on its way to the engine at once, and forgotten when the
 * engine has it (DONE, or DUPLICATE). Its ticket is confirmed as soon as it is durable in one of
 * both: from then on the process may die, for the next start finds it in the spool. Without a spool
 * that is when the engine has it: what a crash takes comes again from the service, whose time for
 * an acknowledgement ends, as what was on its way to stdout does.
 *
 * What the engine does not take waits here: its log is full, it is away, it does not answer. Writes
 * are tried again by the rules of fleet/publishing.h, and credit is what is left of the spool's
 * jobs, so that jobs stay in the service when that is full. A job may be twice in the queue, which
 * its worker's acknowledgement settles; never less than once. */
#ifndef DAEMON_QUEUE_SINK_H
#define DAEMON_QUEUE_SINK_H

#include "base/log.h"
#include "daemon/queue_spool.h"
#include "daemon/sink.h"
#include "fleet/engine.h"

struct uv_loop_s;

/* At the end, how long it waits for an engine that is well to take what is in the spool. */
enum { QUEUE_SINK_LAST_MS = 5000 };

struct queue_sink_options {
    struct uv_loop_s *loop;
    struct engine *engine; /* must outlive the sink */
    struct sink *lines;    /* for other records; the sink's from now on */
    size_t most;           /* jobs here at once */
    /* Put the message of a job, a record of that kind. false: it cannot be one. */
    bool (*encode)(void *ctx, struct buf *key, struct buf *body, const struct record *job);
    void *ctx;
    int64_t (*unix_ms)(void); /* NULL: the system's clock */
    uint64_t seed;            /* of pauses' jitter */
    struct log log;
};

/* The engine is away until it is said to be READY, and jobs are in memory alone. PIPEPOLL_ENOMEM:
 * the lines stay the caller's. */
int queue_sink_open(struct sink **out, const struct queue_sink_options *o);

/* Before the first put(): what a spool held at the start, in the order of the numbers, and then the
 * spool itself, which is the sink's from now on. Texts are copied. The jobs may be more than
 * `most`. PIPEPOLL_ENOMEM. */
int queue_sink_add_held(struct sink *s, const struct spooled_job *job);
void queue_sink_set_spool(struct sink *s, struct queue_spool *spool);

/* --- what the owner of the engine hands on of its events, until the sink is closed --- */

void queue_sink_on_state(struct sink *s, enum engine_state state);
/* false: it is another's ticket. */
bool queue_sink_on_written(struct sink *s, uint64_t ticket, enum engine_result result);

/* --- how it stands --- */

struct queue_sink_figures {
    size_t held;                /* jobs that the engine does not have */
    uint64_t published;         /* that the engine took, since the start */
    uint64_t duplicates;        /* of these: it had them already */
    uint64_t failures;          /* writes that it did not take */
    enum engine_result trouble; /* why the last one was not; ENGINE_DONE: it was */
    int64_t oldest_found_ms;    /* Unix time; 0: none is held */
};
void queue_sink_figures(struct sink *s, struct queue_sink_figures *out);

#endif
