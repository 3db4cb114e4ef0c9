/* SPDX-License-Identifier: MIT */
/* The events are sorted by job, so that each job's lie side by side. */
#include "sim/demo_verdict.h"

#include <stdlib.h>

#include "base/log.h"

struct happening {
    struct uuid job_id;
    enum ledger_event event;
};

struct job_count {
    size_t added, claims, successes, failures;
};

static int compare(const void *a, const void *b)
{
    const struct happening *x = a, *y = b;
    return memcmp(x->job_id.text, y->job_id.text, sizeof x->job_id.text);
}

static void count(struct job_count *c, struct demo_verdict *v, enum ledger_event event)
{
    switch (event) {
    case LEDGER_ADDED:
        c->added++;
        break;
    case LEDGER_ACKNOWLEDGED:
        c->claims++;
        break;
    case LEDGER_ACKNOWLEDGED_AGAIN:
        v->claims_repeated++;
        break;
    case LEDGER_SUCCEEDED:
    case LEDGER_CONTINUED:
        c->successes++;
        break;
    case LEDGER_FAILED:
        c->failures++;
        break;
    case LEDGER_RESULT_REFUSED:
        v->results_repeated++;
        break;
    case LEDGER_HANDED_OUT:
    case LEDGER_RETURNED:
    case LEDGER_LOST_RACE:
    case LEDGER_TIMED_OUT:
    case LEDGER_CREDENTIALS:
        break;
    }
}

static void judge(struct demo_verdict *v, const struct job_count *c)
{
    size_t results = c->successes + c->failures;
    v->jobs += c->added;
    v->claimed += c->claims > 0;
    v->claimed_twice += c->claims > 1;
    v->succeeded += c->successes > 0;
    v->failed += c->successes == 0 && c->failures > 0;
    v->ended_twice += results > 1;
    v->lost += results == 0;
}

static void judge_all(struct demo_verdict *v, struct happening *all, size_t number)
{
    struct job_count c = { 0 };
    qsort(all, number, sizeof *all, compare);
    for (size_t i = 0; i < number; i++) {
        count(&c, v, all[i].event);
        if (i + 1 < number && compare(&all[i], &all[i + 1]) == 0)
            continue;
        judge(v, &c);
        c = (struct job_count) { 0 };
    }
}

int demo_verdict_make(struct demo_verdict *out, const struct ledger *l, struct pipepoll_error *why)
{
    *out = (struct demo_verdict) { 0 };
    if (ledger_first(l) != 1)
        return explain(why, PIPEPOLL_EINVAL, "more happened than the ledger keeps");
    if (!l->last)
        return PIPEPOLL_OK;
    struct happening *all = calloc(l->last, sizeof *all);
    if (!all)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    for (uint64_t i = 0; i < l->last; i++) {
        const struct ledger_entry *e = ledger_get(l, i + 1);
        all[i] = (struct happening) { e->job_id, e->event };
    }
    judge_all(out, all, l->last);
    free(all);
    return PIPEPOLL_OK;
}

bool demo_verdict_is_good(const struct demo_verdict *v)
{
    return !v->lost && !v->claimed_twice && !v->ended_twice && v->claimed == v->jobs;
}
