/* SPDX-License-Identifier: MIT */
/* An idle handle has its callback called once a turn, and lets the loop wait for nothing: targets
 * are added in the time that polls leave, and polls go on between two slices. What failed to be
 * added has no live target: a change that meets it adds it as new, or has nothing to remove. */
#include "daemon/target_change.h"

/* Less than the poller takes for itself: the two share a turn. */
enum { SLICE_NS = 1000000 };

static void take_step(struct target_change *c, const struct plan_step *step)
{
    struct plan_target *live = step->old && step->old->live ? step->old : NULL;
    if (live && step->kept) {
        target_set_keep(live, step->new);
        c->kept++;
        return;
    }
    if (live) {
        target_set_remove(c->set, live);
        c->removed++;
    }
    if (step->new &&target_set_add(c->set, step->new, &c->credentials))
        c->added++;
}

static void stop(struct target_change *c)
{
    uv_idle_stop(&c->idle);
    credentials_cache_deinit(&c->credentials);
}

static void on_turn(uv_idle_t *idle)
{
    struct target_change *c = idle->data;
    struct plan_step step;
    uint64_t start_ns = uv_hrtime();
    do {
        if (!plan_diff_next(&c->diff, &step)) {
            stop(c);
            c->done(c->ctx);
            return;
        }
        take_step(c, &step);
    } while (uv_hrtime() - start_ns < c->slice_ns);
}

void target_change_open(struct target_change *c, uv_loop_t *loop, struct target_set *set,
                        void (*done)(void *ctx), void *ctx)
{
    *c = (struct target_change) { .set = set, .slice_ns = SLICE_NS, .done = done, .ctx = ctx };
    uv_idle_init(loop, &c->idle);
    c->idle.data = c;
}

void target_change_start(struct target_change *c, const struct plan *old, const struct plan *new)
{
    c->diff = (struct plan_diff) { .old = *old, .new = *new };
    c->added = c->removed = c->kept = 0;
    uv_idle_start(&c->idle, on_turn);
}

static void on_closed(uv_handle_t *idle)
{
    struct target_change *c = idle->data;
    c->closed(c->closed_ctx);
}

void target_change_close(struct target_change *c, void (*closed)(void *ctx), void *ctx)
{
    stop(c);
    c->closed = closed;
    c->closed_ctx = ctx;
    uv_close((uv_handle_t *)&c->idle, on_closed);
}
