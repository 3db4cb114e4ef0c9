/* SPDX-License-Identifier: MIT */
/* `pipepoll bench`: a steady load on each loop, and one window that is the same for all. A timer on
 * the home loop looks every 10 ms: first whether all connections are open, then whether time is up
 * or enough was answered. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "cli/bench_options.h"
#include "cli/bench_report.h"
#include "cli/load.h"
#include "daemon/leave.h"
#include "daemon/loop_threads.h"
#include "daemon/main_loop.h"

enum { LOOK_MS = 10, OPENING_MOST_MS = 10000, STATUS_EVERY = 25 };

/* What there is of a load up to now. */
struct sight {
    bool open;      /* all connections */
    bool keyless;   /* nothing can be polled */
    uint64_t polls; /* answered in this phase */
    uint64_t failures;
};

/* A loop and its load. */
struct slot {
    struct bench *bench;
    uint32_t index;
    struct load load;
    struct sight sight; /* at the last look */
    int result;
    struct pipepoll_error why;
};

struct bench {
    struct bench_options options;
    struct bench_report report;
    struct main_loop home;
    struct loop_threads *loop_threads;
    struct slot *slots;
    enum { WARMING, MEASURING, ENDING } phase;
    uint64_t start_ns, begin_ns;
    uv_rusage_t usage; /* at the beginning of the window */
    bool interrupted;
    bool status_line; /* somebody watches */
    unsigned looks;
};

/* --- the end --- */

static void on_left(void *ctx)
{
    struct bench *b = ctx;
    loop_threads_close(b->loop_threads);
    main_loop_close(&b->home);
}

static void on_load_closed(void *ctx)
{
    struct slot *p = ctx;
    loop_threads_leave(p->bench->loop_threads, p->index);
}

static void close_slot(void *ctx, uint32_t i)
{
    struct slot *p = &((struct bench *)ctx)->slots[i];
    load_close(&p->load, on_load_closed, p);
}

static void end(struct bench *b)
{
    if (b->phase == ENDING)
        return;
    b->phase = ENDING;
    main_loop_stop_timer(&b->home);
    if (b->loop_threads)
        loop_threads_each(b->loop_threads, close_slot);
    else
        main_loop_close(&b->home);
}

/* --- the window --- */

static double seconds_of(uv_timeval_t t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void begin_slot(void *ctx, uint32_t i)
{
    load_begin(&((struct bench *)ctx)->slots[i].load);
}

static void begin(struct bench *b)
{
    loop_threads_each(b->loop_threads, begin_slot);
    b->phase = MEASURING;
    b->begin_ns = uv_hrtime();
    b->report.warm_up_s = (double)(b->begin_ns - b->start_ns) / 1e9;
    uv_getrusage(&b->usage);
}

static void end_slot(void *ctx, uint32_t i)
{
    load_end(&((struct bench *)ctx)->slots[i].load);
}

static void finish(struct bench *b)
{
    uv_rusage_t now;
    uv_getrusage(&now);
    loop_threads_each(b->loop_threads, end_slot);
    uv_resident_set_memory(&b->report.resident_bytes);
    if (b->phase == MEASURING) {
        b->report.user_s = seconds_of(now.ru_utime) - seconds_of(b->usage.ru_utime);
        b->report.system_s = seconds_of(now.ru_stime) - seconds_of(b->usage.ru_stime);
    }
    for (uint32_t i = 0; i < b->options.loops; i++)
        bench_report_add(&b->report, &b->slots[i].load.figures);
    end(b);
}

static void look_slot(void *ctx, uint32_t i)
{
    struct slot *p = &((struct bench *)ctx)->slots[i];
    const struct load_options *o = &p->load.options;
    struct pipepoll_stats stats = load_stats(&p->load);
    p->sight = (struct sight) {
        .open = stats.connections >= (o->targets < o->in_flight ? o->targets : o->in_flight),
        .keyless = p->load.figures.keyless,
        .polls = p->load.measuring ? p->load.figures.polls : stats.answers,
        .failures = stats.failures,
    };
}

static struct sight look(struct bench *b)
{
    struct sight all = { .open = true };
    loop_threads_each(b->loop_threads, look_slot);
    for (uint32_t i = 0; i < b->options.loops; i++) {
        const struct sight *one = &b->slots[i].sight;
        all.open = all.open && one->open;
        all.keyless = all.keyless || one->keyless;
        all.polls += one->polls;
        all.failures += one->failures;
    }
    return all;
}

/* On a terminal: what it does meanwhile, each quarter of a second. */
static void print_status(struct bench *b, const struct sight *all)
{
    if (!b->status_line || b->looks++ % STATUS_EVERY)
        return;
    uint64_t since_ns = b->phase == WARMING ? b->start_ns : b->begin_ns;
    fprintf(stderr, "\r%s %5.1f s  polls %llu  failed %llu\033[K",
            b->phase == WARMING ? "warming up" : "measuring",
            (double)(uv_hrtime() - since_ns) / 1e9, (unsigned long long)all->polls,
            (unsigned long long)all->failures);
    fflush(stderr); /* it has no line end */
}

/* Connections that are not open by OPENING_MOST_MS never will be: the figures will tell. Where all
 * fails there is nothing to measure. */
static void look_warming(struct bench *b)
{
    uint64_t now_ms = (uv_hrtime() - b->start_ns) / 1000000;
    struct sight all = look(b);
    print_status(b, &all);
    if (all.keyless) {
        finish(b);
        return;
    }
    if (now_ms < b->options.warm_up_ms)
        return;
    bool late = now_ms >= (uint64_t)b->options.warm_up_ms + OPENING_MOST_MS;
    if (all.polls == 0 && (late || all.failures >= b->options.in_flight))
        finish(b);
    else if (all.open || late)
        begin(b);
}

/* A warm-up may end before it is known that there are no credentials. */
static void look_measuring(struct bench *b)
{
    struct sight all = look(b);
    print_status(b, &all);
    uint64_t passed_ns = uv_hrtime() - b->begin_ns;
    bool is_done = b->options.polls ? all.polls >= b->options.polls
                                    : passed_ns >= b->options.duration_ms * 1000000ull;
    if (is_done || (all.keyless && all.polls == 0))
        finish(b);
}

static void on_look(void *ctx)
{
    struct bench *b = ctx;
    if (b->interrupted)
        finish(b);
    else if (b->phase == WARMING)
        look_warming(b);
    else
        look_measuring(b);
}

static void on_signal(void *ctx, int number)
{
    struct bench *b = ctx;
    if (b->interrupted)
        _exit(128 + number);
    b->interrupted = true;
}

/* --- the beginning --- */

/* The i-th part of a number that is split over the loops as evenly as can be. */
static uint32_t part(const struct bench *b, uint32_t whole, uint32_t i)
{
    return whole / b->options.loops + (i < whole % b->options.loops);
}

static void open_slot(void *ctx, uint32_t i)
{
    struct bench *b = ctx;
    struct slot *p = &b->slots[i];
    const struct load_options o = { .endpoint_url = b->options.endpoint_url,
                                    .ca_bundle = b->options.ca_bundle,
                                    .region = b->options.region,
                                    .in_flight = part(b, b->options.in_flight, i),
                                    .first_region = i,
                                    .region_step = b->options.loops,
                                    .regions = part(b, b->options.regions, i),
                                    .targets = part(b, b->options.targets, i) };
    p->bench = b;
    p->index = i;
    p->result = load_open(&p->load, loop_threads_loop(b->loop_threads, i), &o, &p->why);
}

static int open_slots(struct bench *b, struct pipepoll_error *why)
{
    const struct loop_threads_options o = {
        .home = &b->home.loop, .loops = b->options.loops, .left = on_left, .ctx = b
    };
    b->slots = calloc(b->options.loops, sizeof *b->slots);
    if (!b->slots)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = loop_threads_open(&b->loop_threads, &o, why);
    if (r)
        return r;
    loop_threads_each(b->loop_threads, open_slot);
    for (uint32_t i = 0; !r && i < b->options.loops; i++) {
        r = b->slots[i].result;
        *why = b->slots[i].why;
    }
    return r;
}

static int play(struct bench *b, struct pipepoll_error *why)
{
    static const int numbers[] = { SIGTERM, SIGINT, 0 };
    b->home.on_signal = on_signal;
    b->home.ctx = b;
    int r = main_loop_open(&b->home, numbers, why);
    if (r)
        return r;
    b->start_ns = uv_hrtime();
    r = open_slots(b, why);
    if (r)
        end(b);
    else
        main_loop_start_timer(&b->home, on_look, LOOK_MS, LOOK_MS);
    main_loop_run(&b->home);
    if (b->status_line)
        fputs("\r\033[K", stderr);
    return r;
}

static int summarize(const struct bench *b)
{
    const struct load_figures *f = &b->report.sum;
    if (f->keyless && !f->refused && f->polls == 0) {
        fprintf(stderr, "pipepoll bench: Unable to locate credentials: %s\n", f->trouble.text);
        return EXIT_CREDENTIALS;
    }
    struct buf out = BUF_GROWING;
    int code = f->failures || f->polls == 0 ? EXIT_FAILED : EXIT_FINE;
    if (b->options.json)
        bench_report_json(&out, &b->report);
    else if (f->polls)
        bench_report_text(&b->report);
    if (f->trouble.text[0])
        fprintf(stderr, "pipepoll bench: the last failure: %s\n", f->trouble.text);
    if (f->polls == 0)
        fprintf(stderr, "pipepoll bench: no poll was answered while measured\n");
    return command_print(&out, code);
}

static int refuse(const char *why)
{
    fprintf(stderr, "pipepoll bench: %s\n", why);
    return EXIT_OTHER;
}

static int run_bench(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    struct pipepoll_error why = { .text = "out of memory" };
    struct bench *b = calloc(1, sizeof *b); /* its histogram is large for a stack */
    int code = EXIT_OTHER;
    if (!b)
        return refuse(why.text);
    if (bench_options_read(&b->options, &f, &code)) {
        b->report.options = &b->options;
        b->status_line = isatty(STDERR_FILENO);
        code = play(b, &why) ? refuse(why.text) : summarize(b);
    }
    if (b->home.hangs)
        return code;
    free(b->slots);
    free(b);
    return code;
}

const struct command command_bench = {
    .name = STR_INIT("bench"),
    .summary = "load a service of your own, and say what a poll costs here",
    .about =
        "Keeps a number of polls in flight against an endpoint, signed with the credentials that\n"
        "are found here, and measures: to size a fleet, or to see what a proxy on the way adds.\n"
        "It never loads AWS by accident: an endpoint must be given, and a host of AWS is "
        "refused.\n",
    .flags = bench_flags,
    .flag_count = BENCH_FLAG_COUNT,
    .more =
        "How to read it:\n"
        "  CPU per poll      user and system time of this process, all of it: signing, TLS,\n"
        "                    reading the answer. Handshakes are over before it is measured.\n"
        "                    Your fleet needs: targets / interval = polls/s; times CPU per poll\n"
        "                    = cores. 10000 targets every 5 s at 50 us a poll: 0.1 cores.\n"
        "  CPU of a loop     near 100 %: the loop is the limit, and polls/s what it can do.\n"
        "                    Well below: the service, or the way to it, is; then polls/s says\n"
        "                    what that can do, and polls/s at 100 % what the loop could, or\n"
        "                    more: the fewer polls share a turn, the more each costs.\n"
        "  longest turn      while a turn lasts nothing else happens on its loop.\n"
        "  longest lateness  all targets are due all the time here, so that it is the wait for\n"
        "                    a slot. With fewer --targets than polls in flight: for the loop.\n"
        "  latency           the wait for the service included. If it grows with --in-flight\n"
        "                    while polls/s stay, something is saturated: see CPU of a loop.\n"
        "  resident memory   grows by some 60 kB for each poll in flight: its connection.\n\n"
        "Example, against a simulated service (whose own CPU is the limit, and not counted):\n"
        "  pipepoll sim --tls --listen 127.0.0.1:8443 --ca-file /tmp/sim.pem &\n"
        "  export AWS_ACCESS_KEY_ID=AKIDEXAMPLE\n"
        "  export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
        "  pipepoll bench --endpoint-url https://127.0.0.1:8443 --ca-bundle /tmp/sim.pem \\\n"
        "    --in-flight 64 --duration 10\n\n" COMMAND_CREDENTIALS "\n"
        "Exit codes: 0 every poll was answered; 1 polls failed (if all did, there is no table);\n"
        "252 wrong usage; 253 no credentials; 255 it could not start.\n",
    .holds_credentials = true,
    .has_loop = true,
    .run = run_bench,
};
