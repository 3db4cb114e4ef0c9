/* SPDX-License-Identifier: MIT */
/* `pipepoll demo`: the simulated service and a poller on one loop, talking TLS over loopback. Jobs
 * are made up to one interval before the end, so that each can be found in time and `lost` is
 * exact. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/jsontext.h"
#include "base/list.h"
#include "base/log.h"
#include "base/plural.h"
#include "config/config.h"
#include "config/region.h"
#include "daemon/leave.h"
#include "daemon/main_loop.h"
#include "sim/demo_fleet.h"
#include "sim/demo_folder.h"
#include "sim/demo_jobs.h"
#include "sim/demo_report.h"
#include "sim/demo_work.h"
#include "sim/job_tracker.h"
#include "sim/sim.h"

enum { TICK_MS = 20, STATUS_EVERY = 25, GRACE_MS = 5000 };

struct demo {
    struct demo_options options;
    struct main_loop home;
    struct sim *sim;
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    struct demo_jobs jobs;
    struct job_tracker tracker;
    uint64_t start_ns, end_ns;
    uint64_t ticks;
    double cpu_s;
    struct pipepoll_stats stats; /* at the end */
    bool interrupted, ending, status_line;
    struct pipepoll_error failure; /* the last; empty: none */
};

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* --- polling --------------------------------------------------------------------------------- */

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct demo *d = CONTAINER_OF(sink, struct demo, sink);
    for (size_t i = 0; i < answer->job_count; i++) {
        str job_id = pipepoll_job_at(answer, i)->job_id;
        job_tracker_found(&d->tracker, job_id, uv_hrtime());
        sim_job_acknowledge(d->sim, job_id);
    }
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct demo *d = CONTAINER_OF(sink, struct demo, sink);
    str region = pipepoll_target_region(from);
    explain(&d->failure, failure->status, "%.*s: %s: %.*s", STR_ARG(region),
            pipepoll_strerror(failure->status), STR_ARG(failure->message));
}

static void on_handed_out(void *ctx, str region, str job_id, uint64_t available_ns, uint64_t now_ns)
{
    struct demo *d = ctx;
    if (job_tracker_handed_out(&d->tracker, job_id, available_ns))
        explain(&d->failure, PIPEPOLL_ENOMEM, "no memory to keep count of a job");
}

/* --- the end --------------------------------------------------------------------------------- */

static void on_sim_closed(void *ctx)
{
    struct demo *d = ctx;
    d->sim = NULL;
    main_loop_close(&d->home);
}

static void on_poller_closed(void *ctx)
{
    struct demo *d = ctx;
    d->poller = NULL;
    sim_close(d->sim, on_sim_closed, d);
}

/* What was opened so far is closed, in this order: poller, simulator, timer and signals. */
static void end(struct demo *d)
{
    if (d->ending)
        return;
    d->ending = true;
    main_loop_stop_timer(&d->home);
    if (d->poller)
        pipepoll_close(d->poller, on_poller_closed, d);
    else if (d->sim)
        sim_close(d->sim, on_sim_closed, d);
    else
        on_sim_closed(d);
}

static void measure(struct demo *d)
{
    d->stats.size = sizeof d->stats;
    pipepoll_stats(d->poller, &d->stats);
    d->end_ns = uv_hrtime();
    d->cpu_s = cpu_seconds() - d->cpu_s;
}

/* --- time ------------------------------------------------------------------------------------ */

static double elapsed_ms(const struct demo *d)
{
    return (double)(uv_hrtime() - d->start_ns) / 1e6;
}

/* Jobs appear until one interval, with its jitter, before the end; but for half the time at
 * least. */
static double last_job_ms(const struct demo_options *o)
{
    double early = o->seconds_ms - 1.1 * o->interval_ms - 2 * TICK_MS;
    return early > o->seconds_ms / 2.0 ? early : o->seconds_ms / 2.0;
}

static void print_status(struct demo *d, double now_ms)
{
    struct pipepoll_stats s = PIPEPOLL_STATS_INIT;
    pipepoll_stats(d->poller, &s);
    fprintf(stderr,
            "\r%5.1f s  polls %llu (%.0f/s)  in flight %u  jobs %llu of %llu  p50 %u ms\033[K",
            now_ms / 1000, (unsigned long long)s.polls, (double)s.polls * 1000 / now_ms,
            s.in_flight, (unsigned long long)d->tracker.found, (unsigned long long)d->jobs.made,
            job_tracker_wait_ms(&d->tracker, 0.5));
    fflush(stderr); /* it has no line end */
}

static void on_tick(void *ctx)
{
    struct demo *d = ctx;
    double now_ms = elapsed_ms(d);
    double makes_until_ms = last_job_ms(&d->options);
    double made_for_ms = now_ms < makes_until_ms ? now_ms : makes_until_ms;
    if (!d->interrupted)
        demo_jobs_make(&d->jobs, d->sim, made_for_ms, &d->failure);
    if (d->status_line && d->ticks++ % STATUS_EVERY == STATUS_EVERY - 1)
        print_status(d, now_ms);
    bool over = d->interrupted || now_ms >= d->options.seconds_ms;
    bool patient = now_ms < d->options.seconds_ms + 2.0 * d->options.interval_ms + GRACE_MS;
    if (!over || (d->tracker.found < d->jobs.made && patient))
        return;
    measure(d);
    end(d);
}

static void on_signal(void *ctx, int number)
{
    struct demo *d = ctx;
    if (d->interrupted)
        _exit(128 + number);
    d->interrupted = true;
}

/* --- the beginning --------------------------------------------------------------------------- */

static int start_sim(struct demo *d, struct pipepoll_error *why)
{
    const struct sim_options o = {
        .tls = true, .arrivals.seed = d->options.seed, .handed_out = on_handed_out, .ctx = d
    };
    return sim_open(&d->sim, &d->home.loop, &o, why);
}

static int write_pem(const char *pem, char *path, size_t size, struct pipepoll_error *why)
{
    int r = demo_folder_template(path, size, why);
    if (r)
        return r;
    int fd = mkstemp(path);
    if (fd < 0)
        return demo_folder_fail(path, errno, why);
    bool whole = write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem);
    int error = errno;
    close(fd);
    if (whole)
        return PIPEPOLL_OK;
    unlink(path);
    return explain(why, PIPEPOLL_ESYSTEM, "cannot write %s: %s", path, strerror(error));
}

/* The poller reads the roots once, while it is opened: the file lives no longer than that. */
static int start_poller(struct demo *d, struct pipepoll_error *why)
{
    char path[4096];
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    d->sink =
        (struct pipepoll_sink) { .size = sizeof d->sink, .deliver = deliver, .failed = failed };
    o.sink = &d->sink;
    o.max_in_flight = d->options.in_flight;
    o.seed = d->options.seed;
    int r = pipepoll_credentials_static(&o.credentials, STR("AKIDEXAMPLE"),
                                        STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                                        (str) { 0 }, why);
    if (r)
        return r;
    r = write_pem(sim_ca_pem(d->sim), path, sizeof path, why);
    if (!r) {
        o.ca_bundle = str_of(path);
        r = pipepoll_open(&d->poller, &d->home.loop, &o, why);
        unlink(path);
    }
    pipepoll_credentials_unref(o.credentials);
    return r;
}

static int add_targets(struct demo *d, struct pipepoll_error *why)
{
    int r = PIPEPOLL_OK;
    for (uint32_t i = 0; !r && i < d->options.regions * d->options.action_types; i++) {
        char provider[32];
        struct pipepoll_target *t;
        struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
        demo_jobs_provider(provider, sizeof provider, i % d->options.action_types);
        o.action_type = demo_jobs_action_type(provider);
        o.region = region_nth(i / d->options.action_types);
        o.endpoint_url = str_of(sim_url(d->sim));
        o.interval_ms = d->options.interval_ms;
        o.max_batch_size = 10;
        r = pipepoll_target_add(d->poller, &o, &t, why);
    }
    return r;
}

static int play(struct demo *d, struct pipepoll_error *why)
{
    static const int numbers[] = { SIGTERM, SIGINT, 0 };
    d->home.on_signal = on_signal;
    d->home.ctx = d;
    int r = main_loop_open(&d->home, numbers, why);
    if (r)
        return r;
    r = start_sim(d, why);
    if (!r)
        r = start_poller(d, why);
    if (!r)
        r = add_targets(d, why);
    if (r) {
        end(d);
    } else {
        d->cpu_s = cpu_seconds();
        d->start_ns = uv_hrtime();
        main_loop_start_timer(&d->home, on_tick, TICK_MS, TICK_MS);
    }
    main_loop_run(&d->home);
    if (d->status_line)
        fputs("\r\033[K", stderr);
    return r;
}

/* --- the summary ----------------------------------------------------------------------------- */

static void print_text(const struct demo *d, double seconds, uint64_t lost)
{
    const struct demo_options *o = &d->options;
    double polls = (double)d->stats.polls;
    printf("%u region%s x %u action type%s, each polled every %u ms over TLS, for %.1f s\n\n",
           o->regions, plural(o->regions), o->action_types, plural(o->action_types), o->interval_ms,
           seconds);
    printf("%-16s %10.0f\n", "polls", polls);
    printf("%-16s %10.1f\n", "polls/s", polls / seconds);
    printf("%-16s %10llu\n", "connections", (unsigned long long)d->stats.connections);
    printf("%-16s %10llu\n", "jobs made", (unsigned long long)d->jobs.made);
    printf("%-16s %10llu\n", "jobs found", (unsigned long long)d->tracker.found);
    printf("%-16s %10llu\n", "jobs lost", (unsigned long long)lost);
    printf("%-16s %10llu\n", "jobs doubled", (unsigned long long)d->tracker.doubled);
    printf("%-16s %10u ms\n", "pickup p50", job_tracker_wait_ms(&d->tracker, 0.50));
    printf("%-16s %10u ms\n", "pickup p99", job_tracker_wait_ms(&d->tracker, 0.99));
    printf("%-16s %10llu ms\n", "pickup max", (unsigned long long)d->tracker.max_ms);
    printf("%-16s %10.0f us  of both sides, with start-up and all TLS handshakes; for\n"
           "%-16s               the cost of polls alone: pipepoll bench\n",
           "CPU per poll", polls > 0 ? d->cpu_s * 1e6 / polls : 0.0, "");
    printf("%-16s %10llu\n", "failed polls", (unsigned long long)d->stats.failures);
}

static void print_next_step(void)
{
    puts(
        "\nNext: pipepoll demo --crash                 (a program works the jobs, through a kill "
        "-9)\n"
        "      pipepoll demo --page                 (its live page in a browser)\n"
        "      pipepoll doctor --region us-east-1   (are your keys, the network and AWS well?)\n"
        "      pipepoll run --help                   (a config file, and jobs as lines of JSON)\n"
        "      pipepoll sim --tls                    (a service like this one to develop against)");
}

static void put_json(struct buf *out, const struct demo *d, double seconds, uint64_t lost)
{
    const struct job_tracker *t = &d->tracker;
    double polls = (double)d->stats.polls;
    buf_put_char(out, '{');
    demo_report_options(out, &d->options, seconds);
    jsontext_count(out, "polls", d->stats.polls);
    jsontext_rate(out, "pollsPerSecond", polls / seconds);
    jsontext_count(out, "connections", d->stats.connections);
    jsontext_count(out, "jobsMade", d->jobs.made);
    jsontext_count(out, "jobsFound", t->found);
    jsontext_count(out, "jobsLost", lost);
    jsontext_count(out, "jobsDoubled", t->doubled);
    jsontext_count(out, "pickupMsP50", job_tracker_wait_ms(t, 0.50));
    jsontext_count(out, "pickupMsP99", job_tracker_wait_ms(t, 0.99));
    jsontext_count(out, "pickupMsMax", t->max_ms);
    jsontext_rate(out, "cpuUsPerPollWithSimulator", polls > 0 ? d->cpu_s * 1e6 / polls : 0);
    jsontext_count(out, "failedPolls", d->stats.failures);
    buf_put_char(out, '}');
}

static int summarize(const struct demo *d)
{
    double seconds = (double)(d->end_ns - d->start_ns) / 1e9;
    uint64_t lost = d->jobs.made > d->tracker.found ? d->jobs.made - d->tracker.found : 0;
    struct buf out = BUF_GROWING;
    if (d->options.json)
        put_json(&out, d, seconds, lost);
    else
        print_text(d, seconds, lost);
    bool bad = lost || d->tracker.doubled || d->tracker.strange;
    if (!bad && !d->options.json)
        print_next_step();
    if (d->failure.text[0])
        fprintf(stderr, "pipepoll demo: the last failure: %s\n", d->failure.text);
    if (bad)
        fprintf(stderr, "pipepoll demo: jobs were lost, doubled, or never handed out\n");
    return command_print(&out, bad ? EXIT_FAILED : EXIT_FINE);
}

/* The options have been read. */
static int poll_jobs(struct demo *d)
{
    struct pipepoll_error why;
    d->jobs = (struct demo_jobs) { .options = &d->options, .rng.state = d->options.seed };
    d->status_line = isatty(STDERR_FILENO);
    if (!play(d, &why))
        return summarize(d);
    fprintf(stderr, "pipepoll demo: %s\n", why.text);
    return EXIT_OTHER;
}

static int run_demo(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    int code = EXIT_OTHER;
    struct demo *d = calloc(1, sizeof *d); /* its histogram is large for a stack */
    if (!d) {
        fprintf(stderr, "pipepoll demo: out of memory\n");
        return code;
    }
    if (demo_options_read(&d->options, &f, &code))
        code = d->options.fleet  ? demo_fleet(&d->options)
               : d->options.work ? demo_work(&d->options)
                                 : poll_jobs(d);
    job_tracker_deinit(&d->tracker);
    if (!d->home.hangs)
        free(d);
    return code;
}

const struct command command_demo = {
    .name = STR_INIT("demo"),
    .summary = COMMAND_DEMO_SUMMARY,
    .about =
        "Starts the simulated service (HTTPS on loopback, with a certificate made for this run)\n"
        "and polls it in many regions and for many action types, all on one thread. Every\n"
        "request is signed, and verified by the service. At the end: how many polls, which jobs\n"
        "were found, how long they waited, and what a poll cost. With --work a `pipepoll run` "
        "polls\n"
        "it, as a process of its own, and has a program work each job, from its claim to its\n"
        "result; with --crash that run is killed in the middle. Then the service's ledger says of\n"
        "each job whether it was claimed once and has one result. (It answers a repeated claim "
        "with\n"
        "the job's status; what AWS answers is not documented.) With --page the live page of that\n"
        "run is shown: its URL is printed, and opened where there is a desktop. With --fleet\n"
        "three runs share the targets by three NATS servers (the program nats-server), and one of\n"
        "each is killed.\n",
    .flags = demo_flags,
    .flag_count = DEMO_FLAG_COUNT,
    .more =
        "Examples:\n"
        "  pipepoll demo\n"
        "  pipepoll demo --work\n"
        "  pipepoll demo --crash --seconds 5 --regions 3\n"
        "  pipepoll demo --page\n"
        "  pipepoll demo --fleet\n"
        "  pipepoll demo --seconds 60 --action-types 30 --jobs-per-second 200\n\n"
        "Exit codes: 0 every job was found once, or with --work has one claim and one result; 1 a\n"
        "job was lost or doubled, --crash found none in hand, or a fleet was late; 252 wrong\n"
        "usage; 255 it could not start.\n",
    .has_loop = true,
    .run = run_demo,
};
