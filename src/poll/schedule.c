#include "poll/schedule.h"

#include <assert.h>

void schedule_init(struct schedule *s, struct alloc alloc, uint32_t max_in_flight,
                   uint32_t max_per_share)
{
    *s = (struct schedule) { .max_in_flight = max_in_flight, .max_per_share = max_per_share };
    heap_init(&s->due, alloc);
    list_init(&s->ring);
    list_init(&s->shares);
}

void schedule_deinit(struct schedule *s)
{
    heap_deinit(&s->due);
}

/* In the ring exactly while it has work and room. */
static void share_settle(struct schedule *s, struct share *share)
{
    bool wants = !list_empty(&share->ready) && share->in_flight < share->limit;
    bool is_in = !list_empty(&share->ring_link);
    if (wants && !is_in)
        list_put_last(&s->ring, &share->ring_link);
    else if (!wants && is_in)
        list_remove(&share->ring_link);
}

static void deal_limits(struct schedule *s)
{
    uint32_t fair = s->share_count ? s->max_in_flight / s->share_count : 0;
    uint32_t limit = s->max_per_share ? s->max_per_share : fair;
    for (struct list *l = s->shares.next; l != &s->shares; l = l->next) {
        struct share *share = CONTAINER_OF(l, struct share, all_link);
        share->limit = limit ? limit : 1;
        share_settle(s, share);
    }
}

void schedule_share_add(struct schedule *s, struct share *share)
{
    *share = (struct share) { 0 };
    list_init(&share->ready);
    list_init(&share->ring_link);
    list_put_last(&s->shares, &share->all_link);
    s->share_count++;
    deal_limits(s);
}

void schedule_share_remove(struct schedule *s, struct share *share)
{
    assert(list_empty(&share->ready) && share->in_flight == 0);
    list_remove(&share->all_link);
    s->share_count--;
    deal_limits(s);
}

static void wait_until(struct schedule *s, struct target *t, uint64_t due_ns)
{
    t->state = TARGET_WAITING;
    t->due_ns = due_ns;
    heap_put(&s->due, &t->due_node, due_ns);
}

int schedule_add(struct schedule *s, struct target *t, uint64_t due_ns)
{
    int r = heap_reserve(&s->due);
    if (r)
        return r;
    wait_until(s, t, due_ns);
    return 0;
}

bool schedule_remove(struct schedule *s, struct target *t)
{
    enum target_state was = t->state;
    t->state = TARGET_REMOVED;
    switch (was) {
    case TARGET_WAITING:
        heap_remove(&s->due, &t->due_node);
        heap_unreserve(&s->due);
        return true;
    case TARGET_READY:
        list_remove(&t->ready_link);
        s->ready--;
        share_settle(s, t->share);
        heap_unreserve(&s->due);
        return true;
    case TARGET_IN_FLIGHT:
    case TARGET_REMOVED:
        break;
    }
    return false;
}

uint64_t schedule_next_due(const struct schedule *s)
{
    return heap_min_key(&s->due);
}

void schedule_advance(struct schedule *s, uint64_t now_ns)
{
    while (heap_min_key(&s->due) <= now_ns) {
        struct target *t = CONTAINER_OF(heap_pop(&s->due), struct target, due_node);
        t->state = TARGET_READY;
        list_put_last(&t->share->ready, &t->ready_link);
        s->ready++;
        share_settle(s, t->share);
    }
}

bool schedule_has_next(const struct schedule *s)
{
    return s->in_flight < s->max_in_flight && !list_empty(&s->ring);
}

struct target *schedule_take(struct schedule *s)
{
    if (!schedule_has_next(s))
        return NULL;
    struct share *share = CONTAINER_OF(list_pop_first(&s->ring), struct share, ring_link);
    struct target *t = CONTAINER_OF(list_pop_first(&share->ready), struct target, ready_link);
    t->state = TARGET_IN_FLIGHT;
    s->ready--;
    s->in_flight++;
    share->in_flight++;
    share_settle(s, share); /* to the end of the ring: shares take turns */
    return t;
}

void schedule_give(struct schedule *s, struct target *t, uint64_t due_ns)
{
    s->in_flight--;
    t->share->in_flight--;
    if (t->state == TARGET_REMOVED)
        heap_unreserve(&s->due);
    else
        wait_until(s, t, due_ns);
    share_settle(s, t->share);
}
