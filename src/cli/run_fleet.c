/* SPDX-License-Identifier: MIT */
/* `pipepoll run` as a member of a fleet: joined before anything polls, left at the beginning of the
 * end, and closed when all that writes to the engine has ended. */
#include "base/log.h"
#include "cli/run.h"
#include "daemon/fleet_engine.h"
#include "daemon/fleet_message.h"
#include "daemon/queue_sink.h"
#include "daemon/sinks.h"

static int open_engine(void *ctx, struct engine **out, const struct engine_events *events,
                       struct pipepoll_error *why)
{
    struct run *r = ctx;
    return fleet_engine_open(out, &r->home.loop, &r->fleet, events, why);
}

int run_fleet_join(struct run *r, struct pipepoll_error *why)
{
    if (!r->fleet.servers)
        return PIPEPOLL_OK;
    const struct fleet_options o = { .loop = &r->home.loop,
                                     .config = &r->fleet,
                                     .logger = &r->logger,
                                     .times =
                                         r->fleet.is_fast ? LEASE_TIMES_FAST : LEASE_TIMES_DEFAULT,
                                     .max_polls_per_s = r->config.max_polls_per_s,
                                     .open_engine = open_engine,
                                     .ctx = r };
    int result = fleet_open(&r->joined, &o, why);
    if (!result)
        log_line(&r->log, PIPEPOLL_INFO, "fleet %s: joining as member %s%s", r->fleet.name,
                 r->fleet.member, r->fleet.polls ? "; nothing is polled until it has joined" : "");
    return result;
}

const char *run_fleet_share(const struct run *r)
{
    if (!r->joined)
        return "";
    return r->fleet.polls ? ", of which this member is to poll its share"
                          : ", none of them polled by this member (polls = no)";
}

/* --- where jobs go --- */

static struct run *of_sink(struct fleet_listener *l)
{
    return CONTAINER_OF(l, struct run, of_sink);
}

static void on_engine(struct fleet_listener *self, enum engine_state state)
{
    queue_sink_on_state(of_sink(self)->sink, state);
}

static bool on_written(struct fleet_listener *self, uint64_t ticket, enum engine_result result)
{
    return queue_sink_on_written(of_sink(self)->sink, ticket, result);
}

int run_fleet_open_sink(struct run *r, const struct sinks_options *o, struct pipepoll_error *why)
{
    struct sinks_options own = *o;
    struct queue_sink_options queue = { .loop = &r->home.loop,
                                        .most = r->fleet.spool_jobs,
                                        .encode = fleet_message_put,
                                        .ctx = r->fleet.member,
                                        .log = logger_log(&r->logger) };
    if (!r->joined)
        return sinks_open(&r->sink, &own, why);
    queue.engine = fleet_engine(r->joined);
    if (uv_random(NULL, NULL, &queue.seed, sizeof queue.seed, 0, NULL))
        return explain(why, PIPEPOLL_ESYSTEM, "the system has no random numbers");
    own.queue = &queue;
    own.spool_dir = r->config.worker.has_journal ? r->config.worker.state_dir : NULL;
    int result = sinks_open(&r->sink, &own, why);
    r->of_sink = (struct fleet_listener) { .engine = on_engine, .written = on_written };
    if (!result)
        fleet_listen(r->joined, &r->of_sink);
    return result;
}

/* --- how we are --- */

/* Of the last look: polls a second since the one before. */
void run_fleet_look(struct run *r)
{
    uint64_t now_ms = uv_now(&r->home.loop), passed_ms = now_ms - r->looked_ms;
    if (!r->joined || r->ending || !shards_loops(&r->shards) || passed_ms < 1000)
        return;
    shards_note(&r->shards);
    uint64_t polls = shards_work(&r->shards).polls;
    const struct job_count jobs = shards_job_count(&r->shards);
    uint32_t max_jobs = r->has_world ? r->worker.max_jobs : 0;
    fleet_set_figures(r->joined, (double)(polls - r->looked_polls) * 1000 / (double)passed_ms,
                      jobs.in_hand, jobs.in_hand < max_jobs ? max_jobs - jobs.in_hand : 0);
    r->looked_ms = now_ms;
    r->looked_polls = polls;
}

static void fill_queue(struct run *r, struct status_fleet *out)
{
    struct queue_sink_figures figures;
    queue_sink_figures(r->sink, &figures);
    out->jobs_held = figures.held;
    out->oldest_ms = figures.oldest_found_ms;
    out->published = figures.published;
    out->duplicates = figures.duplicates;
    out->failures = figures.failures;
    out->is_queue_full = figures.held && figures.trouble == ENGINE_FULL;
}

void run_fleet_fill_status(struct run *r, struct status *s)
{
    if (!r->joined)
        return;
    fleet_fill_status(r->joined, s);
    if (r->sink)
        fill_queue(r, &s->fleet);
}

void run_fleet_leave(struct run *r)
{
    if (r->joined)
        fleet_leave(r->joined);
}

static void on_closed(void *ctx)
{
    struct run *r = ctx;
    r->joined = NULL;
    r->fleet_closed(r);
}

void run_fleet_close(struct run *r, void (*closed)(struct run *r))
{
    if (r->joined)
        fleet_listen_no_more(r->joined, &r->of_sink);
    r->fleet_closed = closed;
    if (r->joined)
        fleet_close(r->joined, on_closed, r);
    else
        closed(r);
}
