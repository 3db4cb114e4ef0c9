/* SPDX-License-Identifier: MIT */
/* The service answers "no jobs" and every target has the shortest interval, so each is due again
 * about 1 ms after its answer. With enough targets beyond those in flight one is always ready when
 * a slot falls free, and the poller's own limit keeps the load at exactly the number asked for. */
#include "load.h"

#include "allocations.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <uv.h>

enum {
    INTERVAL_MS_LEAST = 1,
    SPARE_TARGETS = 512, /* in their interval at once, up to some 400 000 polls/s */
    LATENCY_STEP_US = 16,
    LATENCY_STEPS = 1 << 16,
    SAMPLE_EVERY = 16,
    WARM_POLLS_EACH = 4, /* per connection, once all are open; paced: per poll allowed in flight */
    WARM_POLLS_MOST = 1000, /* per connection: if they are not open by then, they never will be */
};

struct moment {
    uint64_t at_ns;
    double user_seconds, system_seconds;
};

struct load {
    struct pipepoll_sink sink;
    const struct load_options *o;
    struct load_result *result;
    struct pipepoll_error *why;
    struct pipepoll *poller;
    int status;
    enum { OPENING, WARMING, MEASURING, ENDING } phase;
    uint64_t answers; /* in this phase */
    uint64_t in_flight_sum, samples, allocations, start_ns, turn_ns;
    uv_prepare_t turn; /* from one to the next */
    struct moment begin;
    uint32_t latencies[LATENCY_STEPS]; /* how many answers took so long; the last: or longer */
};

__attribute__((format(printf, 3, 4))) static int fail(struct pipepoll_error *why, int status,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return status;
}

static double seconds_of(uv_timeval_t t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct moment moment_now(void)
{
    uv_rusage_t usage;
    uv_getrusage(&usage);
    return (struct moment) {
        .at_ns = uv_hrtime(),
        .user_seconds = seconds_of(usage.ru_utime),
        .system_seconds = seconds_of(usage.ru_stime),
    };
}

static struct pipepoll_stats stats_of(const struct load *load)
{
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    pipepoll_stats(load->poller, &stats);
    return stats;
}

static uint64_t cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* Waiting takes no CPU time, so that what has passed is work. */
static void on_turn(uv_prepare_t *turn)
{
    struct load *load = turn->data;
    uint64_t now_ns = cpu_ns(), took_us = (now_ns - load->turn_ns) / 1000;
    if (load->turn_ns && took_us > load->result->longest_turn_us)
        load->result->longest_turn_us = took_us;
    load->turn_ns = now_ns;
}

static void watch_turns(struct load *load, uv_loop_t *loop)
{
    uv_prepare_init(loop, &load->turn);
    load->turn.data = load;
    uv_prepare_start(&load->turn, on_turn);
    uv_unref((uv_handle_t *)&load->turn);
}

/* The latency that `share` of all answers did not exceed. */
static uint64_t percentile_us(const struct load *load, double share)
{
    uint64_t wanted = (uint64_t)((double)load->result->polls * share), seen = 0;
    for (uint64_t step = 0; step < LATENCY_STEPS; step++) {
        seen += load->latencies[step];
        if (seen > wanted)
            return (step + 1) * LATENCY_STEP_US;
    }
    return load->result->max_us;
}

static void finish(struct load *load)
{
    struct moment end = moment_now();
    struct pipepoll_stats stats = stats_of(load);
    struct load_result *r = load->result;
    uv_resident_set_memory(&r->resident_bytes);
    r->polls = load->answers;
    r->allocations = allocations_so_far() - load->allocations;
    r->connections = stats.connections;
    r->max_lateness_ms = stats.max_lateness_ms;
    r->seconds = (double)(end.at_ns - load->begin.at_ns) / 1e9;
    r->user_seconds = end.user_seconds - load->begin.user_seconds;
    r->system_seconds = end.system_seconds - load->begin.system_seconds;
    r->in_flight_mean = load->samples ? (double)load->in_flight_sum / (double)load->samples : 0;
    r->p50_us = percentile_us(load, 0.50);
    r->p99_us = percentile_us(load, 0.99);
    load->phase = ENDING;
    pipepoll_close(load->poller, NULL, NULL);
}

static void give_up(struct load *load, int status)
{
    load->status = status;
    load->phase = ENDING;
    pipepoll_close(load->poller, NULL, NULL);
}

static void next_phase(struct load *load)
{
    load->phase++;
    load->answers = 0;
}

static void on_opening(struct load *load)
{
    uint64_t open = stats_of(load).connections;
    if (open >= load->o->in_flight || load->o->interval_ms) {
        load->result->open_seconds = (double)(uv_hrtime() - load->start_ns) / 1e9;
        next_phase(load);
    } else if (load->answers > (uint64_t)WARM_POLLS_MOST * load->o->in_flight)
        give_up(load, fail(load->why, PIPEPOLL_ESYSTEM,
                           "after %llu polls only %llu connections are open, not %u",
                           (unsigned long long)load->answers, (unsigned long long)open,
                           load->o->in_flight));
}

static void on_warming(struct load *load)
{
    if (load->answers < (uint64_t)WARM_POLLS_EACH * load->o->in_flight)
        return;
    load->allocations = allocations_so_far();
    load->begin = moment_now();
    next_phase(load);
}

static bool time_is_up(const struct load *load)
{
    return (double)(uv_hrtime() - load->begin.at_ns) / 1e9 >= load->o->seconds;
}

static void on_measured(struct load *load, const struct pipepoll_answer *answer)
{
    uint64_t step = answer->latency_us / LATENCY_STEP_US;
    load->latencies[step < LATENCY_STEPS ? step : LATENCY_STEPS - 1]++;
    if (answer->latency_us > load->result->max_us)
        load->result->max_us = answer->latency_us;
    load->result->jobs += answer->job_count;
    bool sample = load->answers % SAMPLE_EVERY == 0;
    if (sample) {
        uint32_t in_flight = stats_of(load).in_flight;
        load->samples++;
        load->in_flight_sum += in_flight;
        if (in_flight < load->result->in_flight_least)
            load->result->in_flight_least = in_flight;
    }
    if (load->o->polls ? load->answers == load->o->polls : sample && time_is_up(load))
        finish(load);
}

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct load *load = (struct load *)sink; /* its first member */
    load->answers++;
    switch (load->phase) {
    case OPENING:
        on_opening(load);
        break;
    case WARMING:
        on_warming(load);
        break;
    case MEASURING:
        on_measured(load, answer);
        break;
    case ENDING:
        break;
    }
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct load *load = (struct load *)sink;
    struct pipepoll_str region = pipepoll_target_region(from);
    if (load->phase == ENDING)
        return;
    give_up(load, fail(load->why, failure->status, "a poll of %.*s failed: %s (HTTP %d): %.*s",
                       (int)region.len, region.ptr, pipepoll_strerror(failure->status),
                       failure->http_status, (int)failure->message.len, failure->message.ptr));
}

static int add_targets(struct load *load)
{
    const struct load_options *o = load->o;
    for (uint32_t i = 0; i < load->result->targets; i++) {
        /* Made-up regions: with an endpoint given, a region is but a name to sign with. */
        char provider[32], region[32];
        snprintf(provider, sizeof provider, "Bench%06u", i);
        snprintf(region, sizeof region, "bench-%u", i % o->regions);
        struct pipepoll_target_options target = PIPEPOLL_TARGET_OPTIONS_INIT;
        target.action_type = (struct pipepoll_action_type) {
            .category = pipepoll_str("Build"),
            .owner = pipepoll_str("ThirdParty"),
            .provider = pipepoll_str(provider),
            .version = pipepoll_str("1"),
        };
        target.region = pipepoll_str(region);
        target.endpoint_url = o->url;
        target.interval_ms = o->interval_ms ? o->interval_ms : INTERVAL_MS_LEAST;
        int r = pipepoll_target_add(load->poller, &target, NULL, load->why);
        if (r)
            return r;
    }
    return 0;
}

static int open_poller(struct load *load, uv_loop_t *loop)
{
    const struct load_options *o = load->o;
    struct pipepoll_options options = PIPEPOLL_OPTIONS_INIT;
    /* AWS's own documented example keys: they open nothing. */
    int r = pipepoll_credentials_static(&options.credentials, pipepoll_str("AKIDEXAMPLE"),
                                        pipepoll_str("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                                        pipepoll_str(""), load->why);
    if (r)
        return r;
    options.sink = &load->sink;
    options.ca_bundle = o->ca_bundle;
    options.max_in_flight = o->in_flight;
    options.max_in_flight_per_region = (o->in_flight + o->regions - 1) / o->regions;
    options.seed = 1;
    r = pipepoll_open(&load->poller, loop, &options, load->why);
    pipepoll_credentials_unref(options.credentials);
    return r;
}

int load_run(struct load_result *out, const struct load_options *o, struct pipepoll_error *why)
{
    *out = (struct load_result) {
        .targets = o->targets ? o->targets : o->in_flight + SPARE_TARGETS,
        .in_flight_least = UINT32_MAX,
    };
    struct load *load = calloc(1, sizeof *load);
    if (!load)
        return fail(why, PIPEPOLL_ENOMEM, "out of memory");
    load->sink =
        (struct pipepoll_sink) { .size = sizeof load->sink, .deliver = deliver, .failed = failed };
    load->o = o;
    load->result = out;
    load->why = why;

    uv_loop_t loop;
    if (uv_loop_init(&loop)) {
        free(load);
        return fail(why, PIPEPOLL_ESYSTEM, "libuv would not start a loop");
    }
    watch_turns(load, &loop);
    int r = open_poller(load, &loop);
    if (!r) {
        load->start_ns = uv_hrtime();
        r = add_targets(load);
        if (r)
            give_up(load, r);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&load->turn, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    r = r ? r : load->status;
    free(load);
    return r;
}
