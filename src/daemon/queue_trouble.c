/* SPDX-License-Identifier: MIT */
/* A log that is full takes a job now and then: it is over when nothing waits any more. That there
 * is no answer once is no trouble yet, and an engine that is away is told of by itself. */
#include "daemon/queue_trouble.h"

enum { AT_ONCE = 2, EVERY_MS = 60000 };

static const char *words_of(enum engine_result result)
{
    switch (result) {
    case ENGINE_FULL:
        return "the fleet's queue is full (are there workers that take jobs from it?)";
    case ENGINE_NO_RIGHT:
        return "we have no right to write to the fleet's queue";
    case ENGINE_UNKNOWN:
    case ENGINE_DONE:
    case ENGINE_DUPLICATE:
    case ENGINE_PRESENT:
        break;
    }
    return "no answer from the fleet's queue";
}

static bool is_worth_telling(const struct publishing *p, enum engine_result result)
{
    return result != ENGINE_UNKNOWN || (p->is_ready && p->failures > 1);
}

void queue_trouble_on_failure(struct queue_trouble *t, const struct publishing *p,
                              enum engine_result result, int64_t unix_ms)
{
    if (t->has_told || !is_worth_telling(p, result) ||
        !line_budget_take(&t->budget, AT_ONCE, EVERY_MS, unix_ms))
        return;
    t->has_told = true;
    log_line(&t->log, PIPEPOLL_WARNING, "%zu found job%s here: %s", p->count,
             p->count == 1 ? " waits" : "s wait", words_of(result));
}

void queue_trouble_on_success(struct queue_trouble *t, const struct publishing *p)
{
    if (!t->has_told || p->count)
        return;
    t->has_told = false;
    log_line(&t->log, PIPEPOLL_INFO, "the fleet's queue has all jobs that waited for it");
}
