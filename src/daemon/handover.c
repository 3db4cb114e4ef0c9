/* SPDX-License-Identifier: MIT */
/* Jobs stand in an array that grows to as many as the sink ever had at once, which its credit
 * bounds. A ticket is the place in it and a number of its own, so that a sink which confirms
 * twice confirms nothing of another job. A copy that finds no memory is no reason to keep the
 * job back: it goes without one, and is named at once. */
#include "daemon/handover.h"

#include <stdlib.h>

#include "base/list.h"
#include "daemon/event.h"

struct handover_job {
    struct record *copy; /* NULL: the place is free */
    uint32_t giver;
    uint32_t number; /* of its uses */
    size_t next_free;
};

static const size_t none = SIZE_MAX;

static struct handover *handover_of(struct sink_listener *l)
{
    return CONTAINER_OF(l, struct handover, listener);
}

/* --- tickets --- */

static bool grow(struct handover *h)
{
    size_t cap = h->cap ? 2 * h->cap : 64;
    struct handover_job *grown = realloc(h->jobs, cap * sizeof *grown);
    if (!grown)
        return false;
    for (size_t i = h->cap; i < cap; i++)
        grown[i] = (struct handover_job) { .next_free = i + 1 < cap ? i + 1 : none };
    h->first_free = h->cap;
    h->jobs = grown;
    h->cap = cap;
    return true;
}

/* 0: there is no memory. */
static uint64_t open_ticket(struct handover *h, const struct record *job, uint32_t giver)
{
    if (h->first_free == none && !grow(h))
        return 0;
    size_t i = h->first_free;
    struct handover_job *j = &h->jobs[i];
    j->copy = record_dup(job);
    if (!j->copy)
        return 0;
    h->first_free = j->next_free;
    j->giver = giver;
    h->open++;
    return (uint64_t)++j->number << 32 | (i + 1);
}

/* NULL: it is not open. */
static struct handover_job *job_of(struct handover *h, uint64_t ticket)
{
    size_t i = (uint32_t)ticket;
    struct handover_job *j = i && i <= h->cap ? &h->jobs[i - 1] : NULL;
    return j && j->copy && j->number == ticket >> 32 ? j : NULL;
}

static void close_ticket(struct handover *h, struct handover_job *j)
{
    record_free(j->copy);
    j->copy = NULL;
    j->next_free = h->first_free;
    h->first_free = (size_t)(j - h->jobs);
    h->open--;
}

/* --- the sink's word --- */

/* Not by log_line(), which cuts: this is the last that anybody sees of a job. */
void handover_lose(struct handover *h, const struct logger *log, const struct record *job)
{
    char json_text[EVENT_LINE_MAX], text[EVENT_LINE_MAX + 128];
    struct buf json = BUF_ON(json_text), line = BUF_ON(text);
    struct record named = *job;
    named.job.nonce = STR(""); /* a secret, which no log is told */
    event_put(&json, &named);
    buf_put(&line, str_of(h->sink->undone));
    buf_put(&line, STR(": "));
    buf_put(&line, buf_str(&json));
    const struct subject about = { .event = buf_str(&json) };
    h->lost++;
    logger_keep(log, PIPEPOLL_ERROR, &about, buf_str(&line));
}

static void settle(struct handover *h, struct handover_job *j)
{
    uint32_t giver = j->giver;
    close_ticket(h, j);
    h->settled(h->ctx, giver);
}

static void on_confirmed(struct sink_listener *l, uint64_t ticket)
{
    struct handover *h = handover_of(l);
    struct handover_job *j = job_of(h, ticket);
    if (j)
        settle(h, j);
}

static void on_lost(struct sink_listener *l, uint64_t ticket)
{
    struct handover *h = handover_of(l);
    struct handover_job *j = job_of(h, ticket);
    if (!j)
        return;
    handover_lose(h, h->log, j->copy);
    settle(h, j);
}

static void on_room(struct sink_listener *l)
{
    struct handover *h = handover_of(l);
    h->room(h->ctx);
}

static void on_broken(struct sink_listener *l, const char *why)
{
    struct handover *h = handover_of(l);
    h->broken(h->ctx, why);
}

/* --- the shards' --- */

void handover_open(struct handover *h, struct sink *sink, const struct logger *log)
{
    h->listener = (struct sink_listener) {
        .room = on_room, .broken = on_broken, .confirmed = on_confirmed, .lost = on_lost
    };
    h->sink = sink;
    h->log = log;
    h->first_free = none;
    sink->listener = &h->listener;
}

void handover_deinit(struct handover *h)
{
    for (size_t i = 0; i < h->cap; i++)
        record_free(h->jobs[i].copy);
    free(h->jobs);
    *h = (struct handover) { .sink = NULL };
}

/* A ticket that nobody has a copy for. */
static const uint64_t untracked = UINT64_MAX;

static bool put_job(struct handover *h, const struct record *job, uint32_t giver)
{
    uint64_t ticket = open_ticket(h, job, giver);
    if (h->sink->put(h->sink, job, ticket ? ticket : untracked)) {
        if (!ticket) {
            handover_lose(h, h->log, job);
            h->settled(h->ctx, giver);
        }
        return true;
    }
    struct handover_job *j = job_of(h, ticket);
    if (j)
        close_ticket(h, j);
    return false;
}

bool handover_put(struct handover *h, const struct record *what, uint32_t giver)
{
    if (what->kind != RECORD_JOB)
        return h->gave_up || h->sink->put(h->sink, what, 0);
    if (!h->gave_up)
        return put_job(h, what, giver);
    handover_lose(h, h->log, what);
    return true;
}

void handover_give_up(struct handover *h)
{
    h->gave_up = true;
    h->sink->give_up(h->sink);
    for (size_t i = 0; i < h->cap; i++)
        if (h->jobs[i].copy) {
            handover_lose(h, h->log, h->jobs[i].copy);
            close_ticket(h, &h->jobs[i]);
        }
}
