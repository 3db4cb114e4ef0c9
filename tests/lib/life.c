/* SPDX-License-Identifier: MIT */
/* A world of workers from its beginning to its end: a time of troubles, a calm one until every job
 * is over, then all drain, and close. */
#include "lib/life.h"

#include <stdlib.h>

enum { CALM_MIN_S = 120, CALM_MAX_S = 5400, DRAIN_S = 90 };

static void prepare_environment(void)
{
    static const char *const unset[] = { "AWS_SDK_UA_APP_ID", "AWS_ENDPOINT_URL",
                                         "AWS_DISABLE_CLOCK_SKEW_CORRECTION",
                                         "AWS_USE_FIPS_ENDPOINT" };
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        unsetenv(unset[i]);
}

static void run_for(struct life *life, double seconds)
{
    if (!life->broken[0])
        virtual_run(timers_now_ns() + (uint64_t)(seconds * 1e9));
}

static bool has_work(const struct life *life)
{
    for (uint32_t i = 0; i < life->job_count; i++)
        if (!life_is_over(&life->jobs[i]))
            return true;
    for (uint32_t i = 0; i < life->plan.workers; i++)
        if (!life->workers[i].worker || life->workers[i].is_draining || life->workers[i].hand)
            return true;
    return false;
}

/* Who is down, or about to be, comes back. */
static void calm_down(struct life *life)
{
    life->is_ending = true;
    for (uint32_t i = 0; i < LIFE_REGIONS; i++)
        life->regions[i].trouble = LIFE_CALM;
    for (uint32_t i = 0; i < life->plan.workers; i++) {
        struct life_worker *w = &life->workers[i];
        bool is_up = w->worker && !w->is_draining;
        timer_set(&w->fate, is_up ? TIMER_OFF : timers_now_ns());
    }
    run_for(life, CALM_MIN_S);
    for (double s = CALM_MIN_S; s < CALM_MAX_S && has_work(life) && !life->broken[0]; s += 10)
        run_for(life, 10);
}

static void end_all(struct life *life)
{
    for (uint32_t i = 0; i < life->plan.workers; i++)
        if (life->workers[i].worker && !life->broken[0])
            life_worker_drain(&life->workers[i]);
    run_for(life, DRAIN_S);
    life->is_over = true;
    for (uint32_t i = 0; i < life->plan.workers; i++)
        if (life->workers[i].worker && !life->broken[0])
            life_worker_close(&life->workers[i]);
    run_for(life, LIFE_TIMEOUT_MS / 1e3 + 1);
}

void life_run(struct life *life, const struct life_plan *plan,
              const struct life_worker_plan *workers)
{
    *life = (struct life) { .plan = *plan, .rng = { plan->seed } };
    prepare_environment();
    virtual_begin(plan->seed);
    life_network_begin(life);
    life_service_begin(life);
    for (uint32_t i = 0; i < plan->workers; i++) {
        struct life_worker *w = &life->workers[i];
        w->life = life;
        w->index = i;
        w->plan = workers[i];
        life_worker_begin(w);
    }
    run_for(life, plan->run_s);
    if (!life->broken[0])
        calm_down(life);
    if (!life->broken[0])
        life_watch_idle(life);
    end_all(life);
    if (!life->broken[0])
        life_watch_world(life);
}

void life_deinit(struct life *life)
{
    for (uint32_t i = 0; i < life->plan.workers; i++)
        life_worker_end(&life->workers[i]);
    life_service_end(life);
    life_network_end(life);
    if (virtual_end())
        abort();
}
