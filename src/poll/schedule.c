/* SPDX-License-Identifier: MIT */
/* A share is in one of three states, and schedule_settle() puts it there after whatever happened to
 * it. The fair limit is one number for all: when it falls, shares that have too many polls out
 * leave their lines only when it is their turn; when it rises, those without a free slot are looked
 * at again.
 *
 * What became due during a stall is not polled all at once at its end. A loop that stood still
 * shows in the heap, whose first target is late then; shares that were held and a schedule that was
 * parked know it of themselves. Targets that only wait for slots or tokens are no such case: there
 * the queue is the order, and putting off would leave slots empty. */
#include "poll/schedule.h"

#include <assert.h>

#include "poll/schedule_part.h"

/* A budget without a token is asked again after this long at the latest: the answers of other calls
 * may have raised its rate since it named an instant. */
static const uint64_t ask_again_ns = 1000000000;

enum { PUT_OFF_AT_ONCE = 64 };

void schedule_init(struct schedule *s, struct alloc alloc, uint32_t max_in_flight,
                   uint32_t max_per_share)
{
    *s = (struct schedule) { .max_in_flight = max_in_flight,
                             .max_per_share = max_per_share,
                             .parked_ns = TARGET_NEVER };
    heap_init(&s->due, alloc);
    heap_init(&s->waiting, alloc);
    list_init(&s->ring);
    list_init(&s->full);
    list_init(&s->callers);
    for (int i = 0; i < SCHEDULE_TAKERS; i++) {
        list_init(&s->aside[i].targets);
        s->aside[i].since_ns = TARGET_NEVER;
    }
    budget_init(&s->unlimited, 0, 0);
}

void schedule_deinit(struct schedule *s)
{
    heap_deinit(&s->due);
    heap_deinit(&s->waiting);
}

/* --- shares and budgets in their states --- */

/* Nowhere without a line. With one, in the ring until it is found without a token, and then among
 * those that wait. */
static void budget_settle(struct schedule *s, struct budget *b)
{
    bool is_in_ring = !list_empty(&b->ring_link);
    if (!list_empty(&b->line)) {
        if (!is_in_ring && !heap_contains(&b->wait_node))
            list_put_last(&s->ring, &b->ring_link);
    } else if (is_in_ring) {
        list_remove(&b->ring_link);
    } else {
        heap_remove(&s->waiting, &b->wait_node);
    }
}

static void share_move(struct schedule *s, struct share *share, enum share_state state)
{
    if (state == share->state)
        return;
    list_remove(&share->state_link);
    share->state = state;
    if (state == SHARE_IN_LINE)
        list_put_last(&schedule_budget_of(s, share)->line, &share->state_link);
    else if (state == SHARE_FULL)
        list_put_last(&s->full, &share->state_link);
}

/* In turn with others that have calls, as long as it has room for one. */
static void caller_settle(struct schedule *s, struct share *share)
{
    bool wants = !share->held && !list_empty(&share->calls);
    bool may = wants && share->in_flight < s->limit;
    if (wants && !may)
        share_move(s, share, SHARE_FULL);
    if (!may)
        list_remove(&share->caller_link);
    else if (list_empty(&share->caller_link))
        list_put_last(&s->callers, &share->caller_link);
}

void schedule_settle(struct schedule *s, struct share *share)
{
    enum share_state state = SHARE_IDLE;
    if (!share->held && !list_empty(&share->ready))
        state = share->in_flight < s->limit ? SHARE_IN_LINE : SHARE_FULL;
    share_move(s, share, state);
    if (!list_empty(&share->calls) || !list_empty(&share->caller_link))
        caller_settle(s, share);
    budget_settle(s, schedule_budget_of(s, share));
}

void schedule_deal_limit(struct schedule *s)
{
    uint32_t fair = s->share_count ? s->max_in_flight / s->share_count : 0;
    uint32_t limit = s->max_per_share ? s->max_per_share : fair, was = s->limit;
    s->limit = limit ? limit : 1;
    if (s->limit <= was)
        return;
    struct list full;
    list_init(&full);
    list_move_all(&full, &s->full);
    for (struct list *l; (l = list_pop_first(&full)) != NULL;) {
        struct share *share = CONTAINER_OF(l, struct share, state_link);
        share->state = SHARE_IDLE;
        schedule_settle(s, share);
    }
}

int schedule_share_add(struct schedule *s, struct share *share, struct budget *budget)
{
    int r = heap_reserve(&s->waiting); /* for its budget, should no other share use that */
    if (r)
        return r;
    *share = (struct share) { .budget = budget };
    list_init(&share->ready);
    list_init(&share->state_link);
    list_init(&share->calls);
    list_init(&share->caller_link);
    s->share_count++;
    schedule_deal_limit(s);
    return 0;
}

void schedule_share_remove(struct schedule *s, struct share *share)
{
    assert(list_empty(&share->ready) && list_empty(&share->calls) && share->in_flight == 0);
    s->share_count--;
    heap_unreserve(&s->waiting);
    schedule_deal_limit(s);
}

void schedule_share_use(struct schedule *s, struct share *share, struct budget *budget)
{
    share_move(s, share, SHARE_IDLE);
    budget_settle(s, schedule_budget_of(s, share));
    share->budget = budget;
    schedule_settle(s, share);
}

void schedule_note_stall(struct stall *stall, uint64_t since_ns, uint64_t now_ns)
{
    if (now_ns - since_ns > TARGET_STALL_MS * (uint64_t)1000000)
        *stall = (struct stall) { .end_ns = now_ns, .length_ns = now_ns - since_ns };
}

void schedule_share_hold(struct schedule *s, struct share *share, bool held, uint64_t now_ns)
{
    if (held && !share->held)
        share->held_ns = now_ns;
    else if (!held && share->held)
        schedule_note_stall(&share->stall, share->held_ns, now_ns);
    share->held = held;
    schedule_settle(s, share);
}

void schedule_park(struct schedule *s, uint64_t now_ns)
{
    if (s->parked_ns == TARGET_NEVER)
        s->parked_ns = now_ns;
}

void schedule_resume(struct schedule *s, uint64_t now_ns)
{
    if (s->parked_ns == TARGET_NEVER)
        return;
    schedule_note_stall(&s->stall, s->parked_ns, now_ns);
    s->parked_ns = TARGET_NEVER;
}

/* --- targets --- */

void schedule_wait_until(struct schedule *s, struct target *t, uint64_t due_ns)
{
    t->state = t->is_paused ? TARGET_PAUSED : TARGET_WAITING;
    t->due_ns = due_ns;
    if (!t->is_paused)
        heap_put(&s->due, &t->due_node, due_ns);
}

int schedule_add(struct schedule *s, struct target *t, uint64_t due_ns)
{
    int r = heap_reserve(&s->due);
    if (r)
        return r;
    schedule_count_targets(s, t->share, 1, t->is_paused);
    schedule_wait_until(s, t, due_ns);
    return 0;
}

void schedule_leave_line(struct schedule *s, struct target *t)
{
    switch (t->state) {
    case TARGET_WAITING:
        heap_remove(&s->due, &t->due_node);
        break;
    case TARGET_READY:
        list_remove(&t->ready_link);
        s->ready--;
        schedule_settle(s, t->share);
        break;
    case TARGET_ASIDE:
        schedule_leave_aside(s, t);
        break;
    case TARGET_IN_FLIGHT:
    case TARGET_PAUSED:
    case TARGET_REMOVED:
        break;
    }
}

void schedule_hurry(struct schedule *s, struct target *t, uint64_t due_ns)
{
    if (t->state == TARGET_WAITING && t->due_ns > due_ns)
        schedule_wait_until(s, t, due_ns);
}

bool schedule_remove(struct schedule *s, struct target *t)
{
    enum target_state was = t->state;
    if (was == TARGET_REMOVED)
        return false;
    schedule_leave_line(s, t);
    t->state = TARGET_REMOVED;
    schedule_count_targets(s, t->share, -1, t->is_paused ? -1 : 0);
    if (was == TARGET_IN_FLIGHT)
        return false;
    heap_unreserve(&s->due);
    return true;
}

uint64_t schedule_next_due(const struct schedule *s)
{
    uint64_t target_ns = heap_min_key(&s->due), token_ns = heap_min_key(&s->waiting);
    return target_ns < token_ns ? target_ns : token_ns;
}

void schedule_advance(struct schedule *s, uint64_t now_ns)
{
    for (int i = 0; i < SCHEDULE_SLICE && heap_min_key(&s->waiting) <= now_ns; i++) {
        struct heap_node *node = heap_pop(&s->waiting);
        budget_settle(s, CONTAINER_OF(node, struct budget, wait_node));
    }
    uint64_t first_ns = heap_min_key(&s->due);
    if (first_ns <= now_ns && first_ns >= s->stood.end_ns) /* else a slice of the same stall */
        schedule_note_stall(&s->stood, first_ns, now_ns);
    for (int i = 0; i < SCHEDULE_SLICE && heap_min_key(&s->due) <= now_ns; i++) {
        struct target *t = CONTAINER_OF(heap_pop(&s->due), struct target, due_node);
        if (target_missed(t, &s->stood)) {
            heap_put(&s->due, &t->due_node, target_after_stall(t, &s->stood));
            continue;
        }
        t->state = TARGET_READY;
        list_put_last(&t->share->ready, &t->ready_link);
        s->ready++;
        schedule_settle(s, t->share);
    }
}

/* The limit may have fallen while they stood there. */
static bool has_line(struct schedule *s, struct budget *b)
{
    while (!list_empty(&b->line)) {
        struct share *first = CONTAINER_OF(b->line.next, struct share, state_link);
        if (first->in_flight < s->limit)
            return true;
        share_move(s, first, SHARE_FULL);
    }
    budget_settle(s, b);
    return false;
}

/* Those of the ring that have no token leave it to wait for theirs. */
struct budget *schedule_next_budget(struct schedule *s, uint64_t now_ns)
{
    while (!list_empty(&s->ring)) {
        struct budget *b = CONTAINER_OF(s->ring.next, struct budget, ring_link);
        if (!has_line(s, b))
            continue;
        uint64_t wait_ns = budget_ready_at(b, now_ns) - now_ns;
        if (!wait_ns)
            return b;
        list_remove(&b->ring_link);
        heap_put(&s->waiting, &b->wait_node,
                 now_ns + (wait_ns < ask_again_ns ? wait_ns : ask_again_ns));
    }
    return NULL;
}

bool schedule_has_next(struct schedule *s, uint64_t now_ns)
{
    return s->in_flight < s->max_in_flight && schedule_next_budget(s, now_ns);
}

bool schedule_put_off(struct schedule *s, struct target *t, const struct stall *stall,
                      uint64_t now_ns)
{
    if (t->due_ns >= stall->end_ns || !target_missed(t, stall))
        return false; /* nearly always by the first */
    uint64_t due_ns = target_after_stall(t, stall);
    if (due_ns <= now_ns)
        return false;
    t->state = TARGET_WAITING;
    heap_put(&s->due, &t->due_node, due_ns);
    return true;
}

static bool put_off(struct schedule *s, struct target *t, uint64_t now_ns)
{
    const struct stall *stall = &s->stall, *held = &t->share->stall;
    return schedule_put_off(s, t, held->end_ns > stall->end_ns ? held : stall, now_ns);
}

struct target *schedule_first(struct schedule *s, uint64_t now_ns)
{
    for (int i = 0; i < PUT_OFF_AT_ONCE && schedule_has_next(s, now_ns); i++) {
        struct budget *b = CONTAINER_OF(s->ring.next, struct budget, ring_link);
        struct share *share = CONTAINER_OF(b->line.next, struct share, state_link);
        struct target *t = CONTAINER_OF(share->ready.next, struct target, ready_link);
        if (!put_off(s, t, now_ns))
            return t;
        list_remove(&t->ready_link);
        s->ready--;
        schedule_settle(s, share);
    }
    return NULL;
}

struct target *schedule_take(struct schedule *s, uint64_t now_ns)
{
    for (int i = 0; i < PUT_OFF_AT_ONCE && schedule_has_next(s, now_ns); i++) {
        struct budget *b = CONTAINER_OF(list_pop_first(&s->ring), struct budget, ring_link);
        struct share *share = CONTAINER_OF(b->line.next, struct share, state_link);
        struct target *t = CONTAINER_OF(list_pop_first(&share->ready), struct target, ready_link);
        s->ready--;
        share_move(s, share, SHARE_IDLE);
        bool taken = !put_off(s, t, now_ns);
        if (taken) {
            t->state = TARGET_IN_FLIGHT;
            t->keeps_due = false;
            s->owes_poll = share->owes_poll = false;
            s->in_flight++;
            share->in_flight++;
            budget_take(b, BUDGET_POLL, now_ns);
        }
        schedule_settle(s, share); /* to the end of its line, and that to the end of the ring */
        if (taken)
            return t;
    }
    return NULL;
}

void schedule_give(struct schedule *s, struct target *t, uint64_t due_ns)
{
    s->in_flight--;
    t->share->in_flight--;
    if (t->state == TARGET_REMOVED)
        heap_unreserve(&s->due);
    else
        schedule_wait_until(s, t, due_ns);
    schedule_settle(s, t->share);
}
