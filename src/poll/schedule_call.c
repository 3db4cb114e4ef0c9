/* SPDX-License-Identifier: MIT */
/* Calls that are no polls. They wait in lines of their own, a share's behind each other, and shares
 * with calls in turn. A slot that is free goes to a call and to a poll by turns, as long as both
 * wait: the schedule, and each share, owes a poll after a call. */
#include "poll/schedule_part.h"

void schedule_queue_call(struct schedule *s, struct schedule_call *c, struct share *share)
{
    c->share = share;
    list_put_last(&share->calls, &c->link);
    schedule_settle(s, share);
}

void schedule_drop_call(struct schedule *s, struct schedule_call *c)
{
    list_remove(&c->link);
    schedule_settle(s, c->share);
}

/* The first in turn; the limit may have fallen while they stood there. */
static struct share *first_caller(struct schedule *s)
{
    while (!list_empty(&s->callers)) {
        struct share *share = CONTAINER_OF(s->callers.next, struct share, caller_link);
        if (share->in_flight < s->limit)
            return share;
        schedule_settle(s, share);
    }
    return NULL;
}

/* A poll that the share owes comes before those of others: its slot would be gone again else. */
static bool owes_poll(struct schedule *s, struct share *share, uint64_t now_ns)
{
    struct budget *b = schedule_budget_of(s, share);
    if (!share->owes_poll || share->state != SHARE_IN_LINE || list_empty(&b->ring_link) ||
        budget_ready_at(b, now_ns) > now_ns)
        return s->owes_poll && schedule_next_budget(s, now_ns);
    list_remove(&share->state_link);
    list_put_first(&b->line, &share->state_link);
    list_remove(&b->ring_link);
    list_put_first(&s->ring, &b->ring_link);
    return true;
}

bool schedule_caller_is_next(struct schedule *s, bool polls_wait, uint64_t now_ns)
{
    if (s->in_flight >= s->max_in_flight)
        return false;
    struct share *share = first_caller(s);
    return share && !(polls_wait && owes_poll(s, share, now_ns));
}

struct schedule_call *schedule_take_call(struct schedule *s)
{
    struct share *share = CONTAINER_OF(list_pop_first(&s->callers), struct share, caller_link);
    struct list *first = list_pop_first(&share->calls);
    s->owes_poll = true;
    share->owes_poll = !list_empty(&share->ready);
    s->in_flight++;
    share->in_flight++;
    schedule_settle(s, share); /* to the end of the callers, if it has more */
    return CONTAINER_OF(first, struct schedule_call, link);
}

void schedule_give_call(struct schedule *s, struct schedule_call *c)
{
    s->in_flight--;
    c->share->in_flight--;
    schedule_settle(s, c->share);
}
