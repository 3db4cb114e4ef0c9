#include "poll/target.h"

#include <assert.h>

#include "poll/backoff.h"

static const uint64_t ns_per_ms = 1000000;

void target_init(struct target *t, struct share *share, uint32_t interval_ms)
{
    *t = (struct target) { .share = share, .interval_ms = interval_ms };
    list_init(&t->ready_link);
}

/* Ten per cent either way: enough to keep targets from marching in step, too little to notice. */
static uint64_t around_ns(uint64_t interval_ms, uint64_t roll)
{
    uint64_t interval_ns = interval_ms * ns_per_ms;
    return interval_ns - interval_ns / 10 + roll % (interval_ns / 5 + 1);
}

uint64_t target_first_due(const struct target *t, uint64_t now_ns, uint64_t roll)
{
    return now_ns + roll % (t->interval_ms * ns_per_ms);
}

static bool may_poll_again(const struct target *t)
{
    switch (t->state) {
    case TARGET_IN_FLIGHT:
        return true;
    case TARGET_REMOVED: /* the answer outlived the target */
        return false;
    case TARGET_WAITING:
    case TARGET_READY:
        break; /* no poll was out */
    }
    assert(0 && "an answer without a poll");
    return false;
}

uint64_t target_on_jobs(struct target *t, bool full, uint64_t now_ns, uint64_t roll)
{
    uint64_t due_ns = target_on_empty(t, now_ns, roll);
    return full && due_ns != TARGET_NEVER ? now_ns : due_ns;
}

uint64_t target_on_empty(struct target *t, uint64_t now_ns, uint64_t roll)
{
    t->failures = 0;
    t->reported_hash = 0;
    return may_poll_again(t) ? now_ns + around_ns(t->interval_ms, roll) : TARGET_NEVER;
}

static uint64_t delay_ms(const struct target *t, enum fault fault, uint32_t hint_ms, uint64_t roll)
{
    uint64_t ms;
    switch (fault_reaction(fault)) {
    case REACTION_NONE:
        break;
    case REACTION_RETRY:
        ms = backoff_delay_ms(t->failures, BACKOFF_BASE_MS, roll);
        return backoff_with_hint_ms(ms, hint_ms);
    case REACTION_SLOW_DOWN:
        ms = backoff_delay_ms(t->failures, BACKOFF_THROTTLED_BASE_MS, roll);
        ms = backoff_with_hint_ms(ms, hint_ms);
        /* Being told to slow down must not make the next poll come sooner than it would have. */
        return ms > t->interval_ms ? ms : t->interval_ms;
    case REACTION_WAIT:
        ms = t->interval_ms > TARGET_LOOK_AGAIN_MS ? t->interval_ms : TARGET_LOOK_AGAIN_MS;
        return around_ns(ms, roll) / ns_per_ms;
    }
    assert(0 && "a fault without a reaction");
    return t->interval_ms;
}

uint64_t target_on_fault(struct target *t, enum fault fault, uint32_t hint_ms, uint64_t now_ns,
                         uint64_t roll)
{
    uint64_t ms = delay_ms(t, fault, hint_ms, roll);
    if (t->failures < UINT32_MAX)
        t->failures++;
    return may_poll_again(t) ? now_ns + ms * ns_per_ms : TARGET_NEVER;
}

bool target_is_news(struct target *t, enum fault fault, struct pipepoll_str code)
{
    if (fault_reaction(fault) != REACTION_WAIT) {
        t->reported_hash = 0;
        return true;
    }
    uint32_t hash = 2166136261u ^ (uint32_t)fault; /* FNV-1a */
    for (size_t i = 0; i < code.len; i++)
        hash = (hash ^ (unsigned char)code.ptr[i]) * 16777619u;
    hash |= 1; /* 0 means none */
    bool news = hash != t->reported_hash;
    t->reported_hash = hash;
    return news;
}
