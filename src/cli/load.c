/* SPDX-License-Identifier: MIT */
/* Every target has the shortest interval there is, so each is due again about 1 ms after its
 * answer. With enough targets beyond those in flight one is always ready when a slot falls free,
 * and the poller's own limit keeps the load at exactly the number asked for. */
#include "cli/load.h"

#include <stdio.h>
#include <time.h>

#include "base/list.h"
#include "base/log.h"
#include "config/region.h"

enum { INTERVAL_MS = 1, SAMPLE_EVERY = 16 };

static double thread_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct pipepoll_stats load_stats(const struct load *l)
{
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    pipepoll_stats(l->poller, &stats);
    return stats;
}

static void sample(struct load *l)
{
    l->figures.in_flight_samples++;
    l->figures.in_flight_sum += load_stats(l).in_flight;
}

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct load *l = CONTAINER_OF(sink, struct load, sink);
    if (!l->measuring)
        return;
    l->figures.polls++;
    l->figures.jobs += answer->job_count;
    histogram_add(&l->figures.latency_us, answer->latency_us);
    if (l->figures.polls % SAMPLE_EVERY == 0)
        sample(l);
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct load *l = CONTAINER_OF(sink, struct load, sink);
    str region = pipepoll_target_region(from);
    if (l->closing)
        return;
    if (failure->status < 0 && failure->status > -LOAD_STATUS_COUNT)
        l->figures.failed[-failure->status]++;
    explain(&l->figures.trouble, failure->status, "%.*s: %s: %.*s", STR_ARG(region),
            pipepoll_strerror(failure->status), STR_ARG(failure->message));
}

static void credentials(struct pipepoll_sink *sink, const struct pipepoll_identity *identity)
{
    struct load *l = CONTAINER_OF(sink, struct load, sink);
    l->figures.keyless = !identity->usable;
    l->figures.refused = identity->refused;
    if (!identity->usable && !identity->refused)
        explain(&l->figures.trouble, PIPEPOLL_ECREDENTIALS, "%.*s", STR_ARG(identity->reason));
}

/* All regions, with the one that was asked for at the head. */
static str region_of(const struct load_options *o, size_t i)
{
    str region = region_nth(i);
    return i == 0 ? o->region : str_eq(region, o->region) ? region_nth(0) : region;
}

static int add_targets(struct load *l, struct pipepoll_error *why)
{
    const struct load_options *o = &l->options;
    int r = PIPEPOLL_OK;
    for (uint32_t i = 0; !r && i < o->targets; i++) {
        char provider[32];
        snprintf(provider, sizeof provider, "Bench%u", i / o->regions);
        struct pipepoll_target_options target = PIPEPOLL_TARGET_OPTIONS_INIT;
        target.action_type =
            (struct pipepoll_action_type) { STR_INIT("Build"), STR_INIT("ThirdParty"),
                                            str_of(provider), STR_INIT("1") };
        target.region = region_of(o, o->first_region + i % o->regions * o->region_step);
        target.endpoint_url = o->endpoint_url;
        target.interval_ms = INTERVAL_MS;
        r = pipepoll_target_add(l->poller, &target, NULL, why);
    }
    return r;
}

int load_open(struct load *l, uv_loop_t *loop, const struct load_options *o,
              struct pipepoll_error *why)
{
    struct pipepoll_options options = PIPEPOLL_OPTIONS_INIT;
    *l = (struct load) { .options = *o };
    l->sink = (struct pipepoll_sink) {
        .size = sizeof l->sink, .deliver = deliver, .failed = failed, .credentials = credentials
    };
    options.sink = &l->sink;
    options.ca_bundle = o->ca_bundle;
    options.max_in_flight = o->in_flight;
    options.max_in_flight_per_region = (o->in_flight + o->regions - 1) / o->regions;
    int r = loop_stats_open(&l->loop_stats, loop);
    if (r)
        return explain(why, PIPEPOLL_ESYSTEM, "the loop cannot be watched: %s", uv_strerror(r));
    r = pipepoll_open(&l->poller, loop, &options, why);
    return r ? r : add_targets(l, why);
}

void load_begin(struct load *l)
{
    struct pipepoll_stats stats = load_stats(l);
    l->figures.connections_before = stats.connections;
    l->figures.failures_before = stats.failures;
    l->measuring = true;
    loop_stats_restart(&l->loop_stats);
    l->begin_cpu_s = thread_cpu_s();
    l->begin_ns = uv_hrtime();
}

void load_end(struct load *l)
{
    struct pipepoll_stats stats = load_stats(l);
    struct load_figures *f = &l->figures;
    if (l->measuring) {
        f->seconds = (double)(uv_hrtime() - l->begin_ns) / 1e9;
        f->cpu_s = thread_cpu_s() - l->begin_cpu_s;
        f->busy_ns = l->loop_stats.busy_ns;
        f->longest_turn_ns = l->loop_stats.longest_ns;
        f->turns = l->loop_stats.count;
    }
    l->measuring = false;
    f->connections = stats.connections;
    f->failures = stats.failures;
    f->max_lateness_ms = stats.max_lateness_ms;
}

static void on_poller_closed(void *ctx)
{
    struct load *l = ctx;
    loop_stats_close(&l->loop_stats, l->closed, l->ctx);
}

void load_close(struct load *l, void (*closed)(void *ctx), void *ctx)
{
    l->closing = true;
    l->closed = closed;
    l->ctx = ctx;
    if (l->poller)
        pipepoll_close(l->poller, on_poller_closed, l);
    else
        on_poller_closed(l);
}
