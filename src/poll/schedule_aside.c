/* SPDX-License-Identifier: MIT */
/* Targets that are due for a taker without credit. They stand in no share's line, so no other
 * target waits behind them, and each is moved once when credit ends and once when it comes back.
 * What was due meanwhile is then not polled all at once, as after every stall. */
#include "poll/schedule.h"

#include "poll/schedule_part.h"

void schedule_set_aside(struct schedule *s, struct target *t, uint8_t taker, uint64_t now_ns)
{
    struct aside *a = &s->aside[taker];
    if (a->since_ns == TARGET_NEVER)
        a->since_ns = now_ns;
    list_remove(&t->ready_link);
    s->ready--;
    schedule_settle(s, t->share);
    t->state = TARGET_ASIDE;
    t->taker = taker;
    list_put_last(&a->targets, &t->ready_link);
    a->count++;
    s->aside_count++;
}

void schedule_leave_aside(struct schedule *s, struct target *t)
{
    struct aside *a = &s->aside[t->taker];
    list_remove(&t->ready_link);
    s->aside_count--;
    if (!--a->count)
        a->since_ns = TARGET_NEVER;
}

static void stand_first(struct schedule *s, struct target *t)
{
    t->state = TARGET_READY;
    list_put_first(&t->share->ready, &t->ready_link);
    s->ready++;
    schedule_settle(s, t->share);
}

void schedule_recall(struct schedule *s, struct target *t)
{
    if (t->state != TARGET_ASIDE)
        return;
    schedule_leave_aside(s, t);
    stand_first(s, t);
}

bool schedule_return(struct schedule *s, uint8_t taker, uint64_t now_ns)
{
    struct aside *a = &s->aside[taker];
    if (list_empty(&a->targets))
        return false;
    if (a->since_ns != TARGET_NEVER)
        schedule_note_stall(&a->stall, a->since_ns, now_ns);
    struct target *t = CONTAINER_OF(a->targets.next, struct target, ready_link);
    schedule_leave_aside(s, t);
    a->since_ns = TARGET_NEVER;
    if (!schedule_put_off(s, t, &a->stall, now_ns))
        stand_first(s, t);
    return true;
}
