/* SPDX-License-Identifier: MIT */
/* bench_schedule: what it costs to find and put back one due target among many: the heap by itself,
 * and the whole turn of a poll through policy (due, taken, answered, given back). */
#include "poll/schedule.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "gauge.h"

enum { SIZES = 4, STEPS = 3, SHARES = 35, MAX_IN_FLIGHT = 256, INTERVAL_MS = 5000 };

struct crowd {
    struct schedule schedule;
    struct share shares[SHARES];
    struct budget budgets[SHARES];
    struct target *targets;
    size_t count;
    struct rng rng;
};

/* Three cases share a crowd, and a run of one case needs but its own. */
static void crowd_prepare(void *ctx)
{
    struct crowd *c = ctx;
    if (c->targets)
        return;
    schedule_init(&c->schedule, (struct alloc) { NULL, NULL }, MAX_IN_FLIGHT, 0);
    for (size_t i = 0; i < SHARES; i++) {
        budget_init(&c->budgets[i], 0, 0);
        gauge_require(!schedule_share_add(&c->schedule, &c->shares[i], &c->budgets[i]), "memory");
    }
    c->targets = calloc(c->count, sizeof *c->targets);
    gauge_require(c->targets, "memory");
    for (size_t i = 0; i < c->count; i++) {
        struct target *t = &c->targets[i];
        target_init(t, &c->shares[i % SHARES], INTERVAL_MS);
        uint64_t due_ns = target_first_due(t, 0, rng_next(&c->rng));
        gauge_require(!schedule_add(&c->schedule, t, due_ns), "memory");
    }
}

static void crowd_deinit(struct crowd *c)
{
    schedule_deinit(&c->schedule);
    free(c->targets);
}

/* The first comes out and goes back in somewhere in the next interval. */
static void run_pop_put(void *ctx, size_t times)
{
    struct crowd *c = ctx;
    struct heap *heap = &c->schedule.due;
    while (times--) {
        struct heap_node *node = heap_pop(heap);
        struct target *t = CONTAINER_OF(node, struct target, due_node);
        t->due_ns = target_first_due(t, t->due_ns, rng_next(&c->rng));
        heap_put(heap, node, t->due_ns);
    }
}

/* Any one gets another instant: what an answer to a parked or throttled target would do. */
static void run_move(void *ctx, size_t times)
{
    struct crowd *c = ctx;
    uint64_t begin_ns = heap_min_key(&c->schedule.due);
    while (times--) {
        struct target *t = &c->targets[rng_next(&c->rng) % c->count];
        t->due_ns = target_first_due(t, begin_ns, rng_next(&c->rng));
        heap_put(&c->schedule.due, &t->due_node, t->due_ns);
    }
}

static void run_turn(void *ctx, size_t times)
{
    struct crowd *c = ctx;
    while (times--) {
        uint64_t now_ns = schedule_next_due(&c->schedule);
        schedule_advance(&c->schedule, now_ns);
        struct target *t = schedule_take(&c->schedule, now_ns);
        struct poll_end end = { now_ns, now_ns, .roll = rng_next(&c->rng) };
        schedule_give(&c->schedule, t, target_on_end(t, t->share->budget, &end));
    }
}

static void name_cases(struct gauge_case *cases, struct crowd *c)
{
    static const struct {
        const char *name;
        void (*run)(void *ctx, size_t times);
    } steps[STEPS] = {
        { "heap: pop and put", run_pop_put },
        { "heap: move", run_move },
        { "schedule: one poll", run_turn },
    };
    for (size_t i = 0; i < STEPS; i++) {
        struct gauge_case *one = &cases[i * SIZES];
        *one = (struct gauge_case) { .run = steps[i].run, .ctx = c, .prepare = crowd_prepare };
        snprintf(one->name, sizeof one->name, "%s, %zu targets", steps[i].name, c->count);
    }
}

int main(int argc, char **argv)
{
    static const size_t sizes[SIZES] = { 10, 1000, 100000, 1000000 };
    struct crowd crowds[SIZES] = { 0 };
    struct gauge_case cases[STEPS * SIZES] = { 0 };
    for (size_t i = 0; i < SIZES; i++) {
        crowds[i].count = sizes[i];
        name_cases(&cases[i], &crowds[i]);
    }
    for (size_t i = 0; i < STEPS * SIZES; i++)
        if (i % SIZES)
            cases[i].against = &cases[i - i % SIZES];
    int r = gauge_main(argc, argv, "scheduling", "step", cases, STEPS * SIZES);
    for (size_t i = 0; i < SIZES; i++)
        crowd_deinit(&crowds[i]);
    return r;
}
