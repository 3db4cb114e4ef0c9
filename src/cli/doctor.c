/* SPDX-License-Identifier: MIT */
/* `pipepoll doctor`: the real library tries everything once. Each target is removed by its first
 * answer, by a failure that will not pass or that took all the time of a try, by its second failure
 * or by the end of the time; when none is left the poller is closed, and what was found out is
 * printed. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/list.h"
#include "base/log.h"
#include "cli/doctor_options.h"
#include "cli/doctor_report.h"
#include "config/credentials_cache.h"
#include "daemon/failure.h"
#include "daemon/leave.h"

/* A try has one bound for all its stages together, name, connection, TLS and answer; as the help
 * says. Whatever used it all up would do so again: only what failed sooner is tried twice. */
enum { FAILURES = 2, LOOK_MS = 50, TRY_MS = 10000, WHOLE_MS = 45000 };

/* Hundreds of handshakes at once would measure this machine, not the network: a few polls at once,
 * more where there are so many targets that it would take too long, and more where those under way
 * hang, so that they hold up nobody. */
enum { AT_ONCE = 16, POLL_MS = 250, STUCK_MS = 500 };

/* Who waits for longer wants to know for what. */
enum { PROGRESS_MS = 5000 };

struct doctor {
    struct doctor_options options;
    struct doctor_report report;
    uv_loop_t loop;
    uv_timer_t timer;
    uint64_t end_ms, progress_ms; /* the end, and when to tell next what is missing */
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    size_t left;       /* live targets */
    size_t at_once;    /* polls in flight at most */
    uint64_t moved_ms; /* when a poll ended last, or at_once grew */
    bool done;         /* nothing of ours is in the loop any more */
};

static struct doctor *doctor_of(struct pipepoll_sink *sink)
{
    return CONTAINER_OF(sink, struct doctor, sink);
}

/* --- findings --- */

/* A poll that was in flight when the time was up may still bring a better finding. */
static void finish(struct probe *probe, enum probe_state state)
{
    bool is_first = probe->state == PROBE_PENDING;
    probe_note_report(probe);
    probe->state = state;
    if (is_first)
        pipepoll_target_remove(probe->live);
}

static char *copy(str text)
{
    return strndup(text.len ? text.ptr : "", text.len);
}

/* A job that cannot be kept until the report is told at once. */
static void keep_job(struct doctor *d, const struct probe *probe, const struct pipepoll_job *job)
{
    struct doctor_report *r = &d->report;
    struct doctor_job *grown = realloc(r->jobs, (r->job_count + 1) * sizeof *grown);
    struct doctor_job kept = { .probe = probe, .client_id = copy(job->client_id) };
    kept.job_id = copy(job->job_id);
    r->jobs = grown ? grown : r->jobs;
    if (grown && kept.client_id && kept.job_id) {
        r->jobs[r->job_count++] = kept;
        return;
    }
    free(kept.client_id);
    free(kept.job_id);
    fprintf(stderr, "pipepoll doctor: taken: clientId %.*s, jobId %.*s\n", STR_ARG(job->client_id),
            STR_ARG(job->job_id));
}

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct doctor *d = doctor_of(sink);
    struct probe *probe = pipepoll_target_user(from);
    d->moved_ms = uv_now(&d->loop);
    for (size_t i = 0; i < answer->job_count; i++)
        keep_job(d, probe, pipepoll_job_at(answer, i));
    finish(probe, PROBE_ANSWERED);
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct probe *probe = pipepoll_target_user(from);
    doctor_of(sink)->moved_ms = uv_now(&doctor_of(sink)->loop);
    probe_note_failure(probe, failure);
    if (!failure_may_pass(failure) || failure->status == PIPEPOLL_ETIMEDOUT ||
        probe->failures >= FAILURES)
        finish(probe, PROBE_FAILED);
}

/* The library takes off what is in flight: each poll asks for one job. */
static size_t credit(struct pipepoll_sink *sink)
{
    return doctor_of(sink)->at_once;
}

/* Without credit nothing is polled, and credentials are fetched all the same. */
static size_t no_credit(struct pipepoll_sink *sink)
{
    return 0;
}

static void look_at(struct doctor *d, struct probe *probe, bool is_over)
{
    if (probe->state != PROBE_PENDING)
        return;
    probe_note_report(probe);
    if (!probe->usable && !probe->refused && probe->reason[0])
        finish(probe, PROBE_NO_CREDENTIALS);
    else if (probe->usable && d->options.no_poll)
        finish(probe, PROBE_NOT_POLLED);
    else if (is_over)
        finish(probe, probe->failures ? PROBE_FAILED : PROBE_UNANSWERED);
}

static void tell_progress(struct doctor *d, uint64_t now_ms)
{
    size_t pending = 0;
    for (size_t i = 0; i < d->report.count; i++)
        pending += d->report.probes[i].state == PROBE_PENDING;
    d->progress_ms = now_ms + PROGRESS_MS;
    if (pending)
        fprintf(stderr, "pipepoll doctor: %zu of %zu targets not examined yet, %llu s at most\n",
                pending, d->report.count, (unsigned long long)(d->end_ms - now_ms + TRY_MS) / 1000);
}

static void let_more_go(struct doctor *d, uint64_t now_ms)
{
    if (d->options.no_poll || now_ms < d->moved_ms + STUCK_MS)
        return;
    if (d->at_once < d->report.count)
        d->at_once *= 2;
    d->moved_ms = now_ms;
    pipepoll_wake(d->poller);
}

static void on_look(uv_timer_t *timer)
{
    struct doctor *d = timer->data;
    uint64_t now_ms = uv_now(&d->loop);
    bool is_over = now_ms >= d->end_ms;
    for (size_t i = 0; i < d->report.count; i++)
        look_at(d, &d->report.probes[i], is_over);
    if (!is_over && d->left)
        let_more_go(d, now_ms);
    if (!is_over && now_ms >= d->progress_ms)
        tell_progress(d, now_ms);
}

/* --- the end --- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct doctor *d = timer->data;
    d->done = true;
}

static void on_poller_closed(void *ctx)
{
    struct doctor *d = ctx;
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    struct doctor *d = doctor_of(sink);
    if (--d->left == 0)
        pipepoll_close(d->poller, on_poller_closed, d);
}

/* --- the beginning --- */

/* Without the ceiling of the config file: each target is polled once, and one that waits for its
 * turn would look like one that does not answer. */
static int open_poller(struct doctor *d, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    const struct config *c = &d->options.config;
    d->sink = (struct pipepoll_sink) { .size = sizeof d->sink,
                                       .credit = d->options.no_poll ? no_credit : credit,
                                       .deliver = deliver,
                                       .failed = failed,
                                       .removed = removed };
    o.sink = &d->sink;
    o.ca_bundle = c->ca_bundle;
    o.user_agent_app_id = c->user_agent_app_id;
    o.max_attempts = c->max_attempts;
    o.max_in_flight = c->max_in_flight;
    o.max_connections = c->max_connections;
    o.max_in_flight_per_region = c->max_in_flight_per_region;
    o.request_timeout_ms = TRY_MS;
    o.connect_timeout_ms = TRY_MS;
    return pipepoll_open(&d->poller, &d->loop, &o, why);
}

static int add_target(struct doctor *d, struct probe *probe, struct credentials_cache *cache,
                      struct pipepoll_error *why)
{
    struct pipepoll_target_options o = probe->target->options;
    o.interval_ms = 1; /* at once */
    o.pickup_goal_ms = o.slowest_interval_ms = 0;
    o.max_batch_size = 1;
    o.user = probe;
    int r = credentials_cache_get(cache, &probe->target->identity, &o.credentials, why);
    if (!r)
        r = pipepoll_target_add(d->poller, &o, &probe->live, why);
    d->left += !r;
    return r;
}

static int add_targets(struct doctor *d, struct pipepoll_error *why)
{
    struct credentials_cache cache = { .newest = NULL };
    int r = PIPEPOLL_OK;
    for (size_t i = 0; !r && i < d->report.count; i++)
        r = add_target(d, &d->report.probes[i], &cache, why);
    credentials_cache_deinit(&cache);
    return r;
}

static int examine(struct doctor *d, struct pipepoll_error *why)
{
    int r = uv_loop_init(&d->loop);
    if (r)
        return explain(why, PIPEPOLL_ESYSTEM, "no event loop: %s", uv_strerror(r));
    uv_timer_init(&d->loop, &d->timer);
    d->timer.data = d;
    d->end_ms = uv_now(&d->loop) + WHOLE_MS;
    d->progress_ms = uv_now(&d->loop) + PROGRESS_MS;
    d->moved_ms = uv_now(&d->loop);
    d->at_once = d->report.count * POLL_MS / (WHOLE_MS / 3);
    d->at_once = d->at_once < AT_ONCE ? AT_ONCE : d->at_once;
    r = open_poller(d, why);
    if (r) {
        on_poller_closed(d);
    } else {
        r = add_targets(d, why);
        if (r)
            pipepoll_close(d->poller, on_poller_closed, d);
        else
            uv_timer_start(&d->timer, on_look, LOOK_MS, LOOK_MS);
    }
    leave_loop(&d->loop, &d->done);
    return r;
}

static int start_report(struct doctor *d)
{
    struct doctor_report *r = &d->report;
    const struct plan *plan = &d->options.config.plan;
    r->probes = calloc(plan->count, sizeof *r->probes);
    if (!r->probes)
        return PIPEPOLL_ENOMEM;
    r->count = plan->count;
    r->parts = (struct doctor_parts) { .worker = &d->options.config.worker,
                                       .http = &d->options.config.http,
                                       .fleet = &d->options.config.fleet };
    r->made_up = d->options.made_up && !d->options.no_poll;
    for (size_t i = 0; i < r->count; i++) {
        probe_init(&r->probes[i], &plan->targets[i]);
        r->probes[i].ca_bundle = d->options.config.ca_bundle;
        r->probes[i].made_up = d->options.made_up;
    }
    return PIPEPOLL_OK;
}

static void end_report(struct doctor_report *r)
{
    for (size_t i = 0; i < r->job_count; i++) {
        free(r->jobs[i].client_id);
        free(r->jobs[i].job_id);
    }
    free(r->jobs);
    free(r->probes);
}

static int print_report(const struct doctor *d)
{
    struct buf out = BUF_GROWING;
    int code =
        d->options.json ? doctor_report_json(&out, &d->report) : doctor_report_text(&d->report);
    return command_print(&out, code);
}

static int run_doctor(const struct command *self, int argc, char **argv)
{
    static struct doctor d; /* what hangs in its loop outlives this call */
    struct flags f = flags_of(self, argc, argv);
    struct pipepoll_error why = { .text = "out of memory" };
    int code;
    if (doctor_options_read(&d.options, &f, &code)) {
        int r = start_report(&d);
        if (!r)
            r = examine(&d, &why);
        if (r) {
            fprintf(stderr, "pipepoll doctor: %s\n", why.text);
            code = EXIT_OTHER;
        } else {
            code = print_report(&d);
        }
    }
    end_report(&d.report);
    doctor_options_deinit(&d.options);
    return code;
}

const struct command command_doctor = {
    .name = STR_INIT("doctor"),
    .summary = "try everything once, and say what is wrong and what to do",
    .about =
        "For each target, by the credentials, the way and the service that `pipepoll run` would\n"
        "use: where its credentials come from and when they expire, how far this machine's clock\n"
        "is off, the name look-up, the connection, TLS and who issued the certificate, the proxy,\n"
        "and one signed poll; then for each failure its cause and what to do. Targets are tried\n"
        "side by side. A try has 10 s in all; one that fails sooner is repeated once. The whole\n"
        "ends within a minute, however many targets hang.\n"
        "Then the handlers, the file of client tokens (a command or URL is not asked: that takes "
        "a\n"
        "client id) and the journal: can it be written, is it ours, how many jobs are in it, and\n"
        "who uses it; no program is started, no web service called, and nothing is changed; and\n"
        "whether [http] can listen where it says, or which pipepoll does already. Each server of\n"
        "[fleet] is reached, with its version, TLS, login and JetStream, and then what they keep\n"
        "is compared with what it must be.\n"
        "Every five seconds it tells, on stderr, how many targets it still waits for.\n"
        "The poll asks for one job at most. A job that it takes is printed, and not lost: it "
        "comes\n"
        "again when its lease has ended. --no-poll takes none, and looks for credentials only.\n",
    .flags = doctor_flags,
    .flag_count = DOCTOR_FLAG_COUNT,
    .operand = STR_INIT("--config"),
    .more =
        "Examples:\n"
        "  pipepoll doctor --config pipepoll.ini\n"
        "  pipepoll doctor --profile acme --region us-east-1 --region eu-west-1\n"
        "  pipepoll doctor --region all --action-type-id category=Build,provider=Acme,version=1\n"
        "  pipepoll doctor --config pipepoll.ini --output json | jq "
        ".targets[].result\n\n" COMMAND_CREDENTIALS "\n"
        "Exit codes, the greatest of all targets: 0 all is well; 1 it works, with a warning;\n"
        "252 wrong usage or file; 253 no credentials, no region, or settings that are not\n"
        "understood; 254 the service refused; 255 anything else.\n",
    .holds_credentials = true,
    .has_loop = true,
    .run = run_doctor,
};
