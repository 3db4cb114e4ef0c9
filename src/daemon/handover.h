/* SPDX-License-Identifier: MIT */
/* Between the shards and the sink, on the home loop: gives jobs to the sink, and keeps a copy of
 * each until the sink has confirmed it. What it does not confirm is named in the log. */
#ifndef DAEMON_HANDOVER_H
#define DAEMON_HANDOVER_H

#include "daemon/logger.h"
#include "daemon/sink.h"

struct handover_job;

struct handover {
    struct sink_listener listener;
    struct sink *sink;
    const struct logger *log;
    struct handover_job *jobs; /* by ticket */
    size_t cap, first_free;
    size_t open;         /* jobs that the sink has and did not confirm */
    _Atomic size_t lost; /* jobs that were named in the log */
    bool gave_up;
    void (*room)(void *ctx);
    void (*broken)(void *ctx, const char *why);
    void (*settled)(void *ctx, uint32_t giver); /* a job of this giver is out of our hands */
    void *ctx;
};

/* Become the sink's listener. h->room, broken, settled and ctx were set, all else zero. */
void handover_open(struct handover *h, struct sink *sink, const struct logger *log);
void handover_deinit(struct handover *h); /* fine on a zeroed one */

/* Give it to the sink. false: there is no room now. */
bool handover_put(struct handover *h, const struct record *what, uint32_t giver);
/* A job that does not get as far as that: name it, in this log. Any thread. */
void handover_lose(struct handover *h, const struct logger *log, const struct record *job);

/* The process ends: what the sink has not done is named, and so is what comes from now on. */
void handover_give_up(struct handover *h);

#endif
