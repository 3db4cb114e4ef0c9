/* SPDX-License-Identifier: MIT */
/* A timer makes the jobs and looks at the service: whether it is the moment to kill, and whether
 * all jobs are over. What became of each is read from the service's ledger, which no crash
 * reaches.
 *
 *   start -> work -> [kill -> ended -> start -> work ->] all over -> SIGTERM -> ended -> judge
 */
#include "sim/demo_work.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "config/quantity.h"
#include "daemon/signals.h"
#include "sim/demo_jobs.h"
#include "sim/demo_page.h"
#include "sim/demo_run.h"
#include "sim/demo_verdict.h"

enum { TICK_MS = 20, STATUS_EVERY = 25, PATIENCE_MS = 30000, END_MS = 15000 };

/* Of a job that was found when the process died, and not claimed: then it comes back. */
enum { LEASE_MS = 2000 };

/* Whatever ends us ends the child, and removes the folder: it is in a session of its own, where no
 * terminal tells it. */
enum { SIGNAL_TERM, SIGNAL_INT, SIGNAL_HUP, SIGNAL_COUNT };

struct work {
    const struct demo_options *options;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signals[SIGNAL_COUNT];
    struct sim *sim;
    struct demo_folder folder;
    struct demo_run run;
    struct demo_page page;
    struct demo_jobs jobs;
    struct demo_verdict verdict;
    uint64_t start_ns, end_ns, ticks;
    double made_for_ms; /* jobs appear that long */
    uint64_t in_hand;   /* when it was killed */
    bool is_killed, is_interrupted, is_enough, is_ending, has_verdict, status_line;
    bool done, hangs;              /* nothing of ours is in the loop any more; but something is */
    struct pipepoll_error failure; /* the first; empty: none */
};

static double elapsed_ms(const struct work *w)
{
    return (double)(uv_hrtime() - w->start_ns) / 1e6;
}

static struct sim_stats stats_of(const struct work *w)
{
    struct sim_stats s;
    sim_stats(w->sim, &s);
    return s;
}

static uint64_t count_over(const struct sim_stats *s)
{
    return s->jobs_succeeded + s->jobs_failed + s->jobs_timed_out;
}

/* Said at once: who watches sees it happen. stdout is the summary's alone when that is JSON. */
static void tell(const struct work *w, const char *what)
{
    if (w->options->json)
        return;
    printf("%s%5.1f s  %s\n", w->status_line ? "\r\033[K" : "", elapsed_ms(w) / 1000, what);
    fflush(stdout);
}

/* --- the end --- */

static void note_failure(struct work *w, const struct pipepoll_error *why)
{
    if (!w->failure.text[0])
        w->failure = *why;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct work *w = timer->data;
    w->done = true;
}

static void on_sim_closed(void *ctx)
{
    struct work *w = ctx;
    w->sim = NULL;
    demo_page_close(&w->page);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&w->signals[i], NULL);
    uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}

static void judge(struct work *w)
{
    struct pipepoll_error why;
    w->end_ns = uv_hrtime();
    stats_of(w); /* the ledger is up to date then */
    if (demo_verdict_make(&w->verdict, sim_ledger(w->sim), &why))
        note_failure(w, &why);
    else
        w->has_verdict = true;
}

static void close_all(struct work *w)
{
    uv_timer_stop(&w->timer);
    if (!w->sim) {
        on_sim_closed(w);
        return;
    }
    judge(w);
    sim_close(w->sim, on_sim_closed, w);
}

static void on_deadline(uv_timer_t *timer)
{
    struct work *w = timer->data;
    struct pipepoll_error why;
    explain(&why, PIPEPOLL_ETIMEDOUT, "pipepoll run did not end in time, and was killed");
    note_failure(w, &why);
    demo_run_signal(&w->run, SIGKILL);
}

/* The child first, then all that it uses. */
static void end(struct work *w)
{
    if (w->is_ending)
        return;
    w->is_ending = true;
    if (!w->run.is_running) {
        close_all(w);
        return;
    }
    uv_timer_start(&w->timer, on_deadline, END_MS, 0);
    demo_run_signal(&w->run, SIGTERM);
}

/* --- the child --- */

static void start_run(struct work *w)
{
    struct pipepoll_error why;
    if (!demo_run_start(&w->run, &w->loop, &w->folder, &why))
        return;
    note_failure(w, &why);
    end(w);
}

static void on_ended(void *ctx, int64_t code, int signal)
{
    struct work *w = ctx;
    struct pipepoll_error why;
    /* SIGTERM ends it by itself where it is not far enough yet to handle it. */
    bool by_us = signal == (w->is_ending ? SIGTERM : SIGKILL) && (w->is_ending || w->is_killed);
    if (!by_us && (code || signal || !(w->is_ending || w->is_interrupted))) {
        explain(&why, PIPEPOLL_ESYSTEM, "pipepoll run ended with %s %d",
                signal ? "signal" : "exit code", signal ? signal : (int)code);
        note_failure(w, &why);
    }
    if (w->is_ending) {
        close_all(w);
    } else if (by_us) {
        tell(w, "started again, with what its journal kept");
        start_run(w);
    } else {
        end(w);
    }
}

/* A third of the jobs are made, some are claimed and have no result yet. */
static bool is_moment_to_kill(const struct work *w, const struct sim_stats *s)
{
    return w->options->crash && !w->is_killed && !w->is_enough && !w->is_interrupted &&
           s->jobs_in_progress > 0 && count_over(s) > 0 &&
           (double)w->jobs.made >= w->options->jobs_per_s * w->options->seconds_ms / 3000.0;
}

static void kill_run(struct work *w, const struct sim_stats *s)
{
    char text[128];
    w->is_killed = true;
    w->in_hand = s->jobs_in_progress;
    snprintf(text, sizeof text, "kill -9, with %llu job%s done and %llu in hand",
             (unsigned long long)count_over(s), quantity_plural(count_over(s)),
             (unsigned long long)w->in_hand);
    demo_run_signal(&w->run, SIGKILL);
    tell(w, text);
}

/* --- while it runs --- */

static void print_status(const struct work *w, const struct sim_stats *s)
{
    fprintf(stderr, "\r%5.1f s  jobs %llu  in hand %llu  done %llu\033[K", elapsed_ms(w) / 1000,
            (unsigned long long)w->jobs.made, (unsigned long long)s->jobs_in_progress,
            (unsigned long long)count_over(s));
    fflush(stderr); /* it has no line end */
}

/* Once, when the run answers there. */
static void show_page(struct work *w)
{
    char text[128];
    if (!w->options->page || w->page.is_shown || !demo_page_is_there(&w->page))
        return;
    snprintf(text, sizeof text, "the live page: %s (Ctrl-C ends the demo)", w->page.url);
    if (w->options->json)
        fprintf(stderr, "pipepoll demo: %s\n", text);
    else
        tell(w, text);
    demo_page_show(&w->page, &w->loop);
}

static void on_tick(uv_timer_t *timer)
{
    struct work *w = timer->data;
    double now_ms = elapsed_ms(w), made_for_ms = w->made_for_ms;
    bool all_made = now_ms >= made_for_ms;
    demo_jobs_make(&w->jobs, w->sim, all_made ? made_for_ms : now_ms, &w->failure);
    show_page(w);
    const struct sim_stats s = stats_of(w);
    if (w->status_line && w->ticks++ % STATUS_EVERY == STATUS_EVERY - 1)
        print_status(w, &s);
    if (is_moment_to_kill(w, &s))
        kill_run(w, &s);
    bool all_over = all_made && count_over(&s) >= w->jobs.made;
    if (w->is_interrupted || all_over ||
        now_ms > made_for_ms + 2.0 * w->options->interval_ms + PATIENCE_MS)
        end(w);
}

/* Who looks at the page ends it so: no more jobs are made, and those that are get done. */
static void on_signal(uv_signal_t *handle, int number)
{
    struct work *w = handle->data;
    bool is_first = !w->is_interrupted && !w->is_enough;
    if (!is_first) {
        demo_run_signal(&w->run, SIGKILL);
        demo_folder_remove(&w->folder);
        _exit(128 + number);
    }
    w->is_enough = w->options->page;
    w->is_interrupted = !w->is_enough;
    if (w->is_enough && w->made_for_ms > elapsed_ms(w))
        w->made_for_ms = elapsed_ms(w);
}

/* --- the beginning --- */

static void start_handles(struct work *w)
{
    static const int numbers[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP };
    uv_timer_init(&w->loop, &w->timer);
    w->timer.data = w;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(&w->loop, &w->signals[i]);
        w->signals[i].data = w;
        signals_start(&w->signals[i], on_signal, numbers[i]);
    }
    signals_end_gracefully();
}

/* A claim whose answer was lost in the crash is sent again by its nonce: what AWS answers then is
 * not documented, and here it is the job's status. */
static int start_sim(struct work *w, struct pipepoll_error *why)
{
    const struct sim_options o = { .tls = true,
                                   .arrivals.seed = w->options->seed,
                                   .lease_ms = LEASE_MS,
                                   .undocumented.repeated_nonce = SIM_NONCE_STATUS };
    return sim_open(&w->sim, &w->loop, &o, why);
}

static void start(struct work *w)
{
    const struct demo_options *o = w->options;
    struct pipepoll_error why;
    start_handles(w);
    w->start_ns = w->end_ns = uv_hrtime();
    w->made_for_ms = o->seconds_ms;
    int r = start_sim(w, &why);
    if (!r && o->page)
        r = demo_page_choose(&w->page, &why);
    if (!r) {
        const struct demo_at at = { sim_url(w->sim), sim_ca_pem(w->sim), w->page.listen };
        r = demo_folder_make(&w->folder, o, &at, &why);
    }
    if (r) {
        note_failure(w, &why);
        end(w);
        return;
    }
    if (!o->json)
        printf("pipepoll run polls %u action type%s in %u region%s over TLS, claims each job, has "
               "a program work\non it for %g s, and reports the result\n\n",
               o->action_types, quantity_plural(o->action_types), o->regions,
               quantity_plural(o->regions), DEMO_HANDLER_MS / 1000.0);
    uv_timer_start(&w->timer, on_tick, TICK_MS, TICK_MS);
    start_run(w);
}

/* --- the summary --- */

static void print_row(const char *name, uint64_t value, const char *more)
{
    printf("%-16s %10llu%s\n", name, (unsigned long long)value, more);
}

static void print_text(const struct work *w)
{
    const struct demo_verdict *v = &w->verdict;
    if (w->is_killed || w->page.is_shown)
        putchar('\n');
    print_row("jobs made", v->jobs, "");
    print_row("jobs claimed", v->claimed, "");
    print_row("succeeded", v->succeeded, "");
    print_row("failed", v->failed, "");
    print_row("jobs lost", v->lost, "");
    print_row("claimed twice", v->claimed_twice, "");
    print_row("reported twice", v->ended_twice, "");
    if (w->is_killed) {
        print_row("claims repeated", v->claims_repeated, "  after the crash, without effect");
        print_row("results repeated", v->results_repeated, "");
    }
}

static void print_json(const struct work *w)
{
    const struct demo_options *o = w->options;
    const struct demo_verdict *v = &w->verdict;
    printf("{\"regions\":%u,\"actionTypes\":%u,\"intervalMs\":%u,\"seconds\":%.3f,", o->regions,
           o->action_types, o->interval_ms, (double)(w->end_ns - w->start_ns) / 1e9);
    printf("\"jobsMade\":%zu,\"jobsClaimed\":%zu,\"jobsSucceeded\":%zu,\"jobsFailed\":%zu,",
           v->jobs, v->claimed, v->succeeded, v->failed);
    printf("\"jobsLost\":%zu,\"jobsClaimedTwice\":%zu,\"jobsReportedTwice\":%zu,", v->lost,
           v->claimed_twice, v->ended_twice);
    printf("\"claimsRepeated\":%zu,\"resultsRepeated\":%zu,\"kills\":%d,\"jobsInHandAtKill\":%llu}"
           "\n",
           v->claims_repeated, v->results_repeated, w->is_killed, (unsigned long long)w->in_hand);
}

static void print_next_step(const struct work *w)
{
    if (w->options->crash)
        puts("\nEvery job was claimed once and has one result, by the service's own ledger.");
    puts("\nNext: pipepoll run --help    (handlers, client tokens and the journal in a config "
         "file)\n"
         "      pipepoll jobs --help   (what the journal of a run says of its jobs)\n"
         "      pipepoll sim --tls     (a service like this one to develop against)");
}

static int summarize(const struct work *w)
{
    bool is_good = demo_verdict_is_good(&w->verdict) && !w->failure.text[0] && !w->is_interrupted;
    (w->options->json ? print_json : print_text)(w);
    if (w->options->crash && !w->is_killed && !w->is_interrupted) {
        fprintf(stderr, "pipepoll demo: %s, so nothing was killed\n",
                w->is_enough ? "it was ended too early" : "no job was in hand");
        is_good = false;
    }
    if (w->is_interrupted)
        fprintf(stderr, "pipepoll demo: interrupted\n");
    else if (!demo_verdict_is_good(&w->verdict))
        fprintf(stderr, "pipepoll demo: jobs were lost, or claimed or reported twice\n");
    if (w->failure.text[0])
        fprintf(stderr, "pipepoll demo: %s\n", w->failure.text);
    if (is_good && !w->options->json)
        print_next_step(w);
    return command_finish(is_good ? EXIT_FINE : EXIT_FAILED);
}

static int play(struct work *w)
{
    int r = uv_loop_init(&w->loop);
    if (r) {
        fprintf(stderr, "pipepoll demo: no event loop: %s\n", uv_strerror(r));
        return EXIT_OTHER;
    }
    start(w);
    w->hangs = !leave_loop(&w->loop, &w->done);
    demo_folder_remove(&w->folder);
    if (w->status_line)
        fputs("\r\033[K", stderr);
    if (w->has_verdict && w->jobs.made)
        return summarize(w);
    fprintf(stderr, "pipepoll demo: %s\n",
            w->failure.text[0] ? w->failure.text : "no job was made");
    return w->failure.text[0] ? EXIT_OTHER : EXIT_FAILED;
}

int demo_work(const struct demo_options *o)
{
    struct work *w = calloc(1, sizeof *w);
    if (!w) {
        fprintf(stderr, "pipepoll demo: out of memory\n");
        return EXIT_OTHER;
    }
    w->options = o;
    w->jobs = (struct demo_jobs) { .options = o, .rng.state = o->seed };
    w->run.ended = on_ended;
    w->run.ctx = w;
    w->status_line = isatty(STDERR_FILENO) && !o->json;
    int code = play(w);
    if (!w->hangs)
        free(w);
    return code;
}
