/* SPDX-License-Identifier: MIT */
/* One pause is for all: what refuses one job, a full log or an engine that is away, refuses the
 * next too. Many writes fail at once, so only the first failure of a pause counts. After it a
 * single write tries the ground; each that is well doubles how many may be out. */
#include "fleet/publishing.h"

enum { PLACE_BITS = 8, PLACE_MASK = PUBLISHING_OUT_MAX - 1 };

_Static_assert(PUBLISHING_OUT_MAX == 1 << PLACE_BITS, "a ticket holds its place");

void publishing_init(struct publishing *p)
{
    *p = (struct publishing) { .most = 1 };
    list_init(&p->waiting);
}

void publishing_add(struct publishing *p, struct publishing_job *job, int64_t found_ms)
{
    job->generation = found_ms / PUBLISHING_UNIT_MS;
    list_put_last(&p->waiting, &job->node);
    p->count++;
}

void publishing_set_ready(struct publishing *p, bool is_ready)
{
    if (is_ready && !p->is_ready) {
        p->most = 1;
        p->failures = 0;
        p->paused_until_ms = 0;
    }
    p->is_ready = is_ready;
}

static void renew(struct publishing_job *job, int64_t unix_ms)
{
    int64_t now = unix_ms / PUBLISHING_UNIT_MS, age = now - job->generation;
    if (age > PUBLISHING_UNITS_MAX || age < -PUBLISHING_UNITS_MAX)
        job->generation = now;
}

static uint32_t free_place(const struct publishing *p)
{
    uint32_t i = 0;
    while (p->out[i])
        i++;
    return i;
}

static bool may_take(const struct publishing *p)
{
    return p->is_ready && p->out_count < p->most && !list_empty(&p->waiting);
}

struct publishing_job *publishing_take(struct publishing *p, uint64_t now_ms, int64_t unix_ms,
                                       uint64_t *ticket)
{
    if (!may_take(p) || now_ms < p->paused_until_ms)
        return NULL;
    struct list *node = list_pop_first(&p->waiting);
    struct publishing_job *job = CONTAINER_OF(node, struct publishing_job, node);
    uint32_t place = free_place(p);
    renew(job, unix_ms);
    p->last_ticket++;
    p->out[place] = job;
    p->tickets[place] = *ticket = PUBLISHING_TICKETS | p->last_ticket << PLACE_BITS | place;
    p->out_count++;
    return job;
}

static struct publishing_job *take_out(struct publishing *p, uint64_t ticket)
{
    size_t place = ticket & PLACE_MASK;
    struct publishing_job *job = p->out[place];
    if (!job || p->tickets[place] != ticket)
        return NULL;
    p->out[place] = NULL;
    p->out_count--;
    return job;
}

void publishing_put_back(struct publishing *p, uint64_t ticket, uint64_t now_ms)
{
    struct publishing_job *job = take_out(p, ticket);
    if (!job)
        return;
    list_put_first(&p->waiting, &job->node);
    p->paused_until_ms = now_ms + PUBLISHING_FIRST_MS;
}

void publishing_drop(struct publishing *p, uint64_t ticket)
{
    p->count -= take_out(p, ticket) != NULL;
}

static uint64_t pause_ms(unsigned failures, uint64_t roll)
{
    uint64_t most = failures < 5 ? (uint64_t)PUBLISHING_FIRST_MS << failures : PUBLISHING_LAST_MS;
    most = most < PUBLISHING_LAST_MS ? most : PUBLISHING_LAST_MS;
    return PUBLISHING_FIRST_MS + roll % (most - PUBLISHING_FIRST_MS + 1);
}

static void fail(struct publishing *p, enum engine_result result, uint64_t now_ms, uint64_t roll)
{
    p->trouble = result;
    p->most = 1;
    if (now_ms < p->paused_until_ms)
        return;
    p->paused_until_ms = now_ms + pause_ms(p->failures, roll);
    p->failures++;
}

static void succeed(struct publishing *p)
{
    p->trouble = ENGINE_DONE;
    p->failures = 0;
    p->most = 2 * p->most < PUBLISHING_OUT_MAX ? 2 * p->most : PUBLISHING_OUT_MAX;
}

struct publishing_job *publishing_answered(struct publishing *p, uint64_t ticket,
                                           enum engine_result result, uint64_t now_ms,
                                           uint64_t roll)
{
    struct publishing_job *job = take_out(p, ticket);
    if (!job)
        return NULL;
    switch (result) {
    case ENGINE_DONE:
    case ENGINE_DUPLICATE:
    case ENGINE_PRESENT:
        p->count--;
        succeed(p);
        return job;
    case ENGINE_FULL:
    case ENGINE_NO_RIGHT:
    case ENGINE_UNKNOWN:
        break;
    }
    list_put_first(&p->waiting, &job->node);
    fail(p, result, now_ms, roll);
    return NULL;
}

uint64_t publishing_due_ms(const struct publishing *p)
{
    return may_take(p) ? p->paused_until_ms : PUBLISHING_NEVER;
}

struct publishing_job *publishing_pop(struct publishing *p)
{
    struct list *node = list_pop_first(&p->waiting);
    struct publishing_job *job = node ? CONTAINER_OF(node, struct publishing_job, node) : NULL;
    for (size_t i = 0; !job && i < PUBLISHING_OUT_MAX; i++)
        if (p->out[i])
            job = take_out(p, p->tickets[i]);
    p->count -= job != NULL;
    return job;
}
