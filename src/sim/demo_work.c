/* SPDX-License-Identifier: MIT */
/* A timer makes the jobs and looks at the service: whether it is the moment to kill, and whether
 * all jobs are over. What became of each is read from the service's ledger, which no crash
 * reaches.
 *
 *   start -> work -> [kill -> ended -> start -> work ->] all over -> SIGTERM -> ended -> judge
 */
#include "sim/demo_work.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "base/log.h"
#include "base/plural.h"
#include "sim/demo_page.h"
#include "sim/demo_report.h"
#include "sim/demo_run.h"

enum { TICK_MS = 20, STATUS_EVERY = 25, PATIENCE_MS = 30000 };

struct work {
    const struct demo_options *options;
    struct demo_stage stage;
    struct demo_run run;
    struct demo_page page;
    uint64_t ticks;
    double made_for_ms; /* jobs appear that long */
    uint64_t in_hand;   /* when it was killed */
    bool is_killed, is_enough;
};

/* --- the end --- */

static void close_all(struct work *w)
{
    demo_page_close(&w->page);
    demo_stage_close(&w->stage);
}

static void on_late(void *ctx)
{
    struct work *w = ctx;
    struct pipepoll_error why;
    explain(&why, PIPEPOLL_ETIMEDOUT, "pipepoll run did not end in time, and was killed");
    demo_stage_note_failure(&w->stage, &why);
    demo_run_signal(&w->run, SIGKILL);
}

/* The child first, then all that it uses. */
static void end(struct work *w)
{
    if (!demo_stage_begin_end(&w->stage, on_late))
        return;
    if (w->run.is_running)
        demo_run_signal(&w->run, SIGTERM);
    else
        close_all(w);
}

/* --- the child --- */

static void start_run(struct work *w)
{
    struct pipepoll_error why;
    if (!demo_run_start(&w->run, &w->stage.home.loop, &w->stage.folder, &why))
        return;
    demo_stage_note_failure(&w->stage, &why);
    end(w);
}

static void on_ended(void *ctx, int64_t code, int signal)
{
    struct work *w = ctx;
    struct pipepoll_error why;
    /* SIGTERM ends it by itself where it is not far enough yet to handle it. */
    bool by_us =
        signal == (w->stage.is_ending ? SIGTERM : SIGKILL) && (w->stage.is_ending || w->is_killed);
    if (!by_us && (code || signal || !(w->stage.is_ending || w->stage.is_interrupted))) {
        explain(&why, PIPEPOLL_ESYSTEM, "pipepoll run ended with %s %d",
                signal ? "signal" : "exit code", signal ? signal : (int)code);
        demo_stage_note_failure(&w->stage, &why);
    }
    if (w->stage.is_ending) {
        close_all(w);
    } else if (by_us) {
        demo_stage_tell(&w->stage, "started again, with what its journal kept");
        start_run(w);
    } else {
        end(w);
    }
}

/* A third of the jobs are made, some are claimed and have no result yet. */
static bool is_moment_to_kill(const struct work *w, uint64_t over, const struct sim_stats *s)
{
    return w->options->crash && !w->is_killed && !w->is_enough && !w->stage.is_interrupted &&
           s->jobs_in_progress > 0 && over > 0 &&
           (double)w->stage.jobs.made >= w->options->jobs_per_s * w->options->seconds_ms / 3000.0;
}

static void kill_run(struct work *w, uint64_t over, const struct sim_stats *s)
{
    w->is_killed = true;
    w->in_hand = s->jobs_in_progress;
    demo_run_signal(&w->run, SIGKILL);
    demo_stage_tell(&w->stage, "kill -9, with %llu job%s done and %llu in hand",
                    (unsigned long long)over, plural(over), (unsigned long long)w->in_hand);
}

/* --- while it runs --- */

static void print_status(const struct work *w, uint64_t over, const struct sim_stats *s)
{
    fprintf(stderr, "\r%5.1f s  jobs %llu  in hand %llu  done %llu\033[K",
            demo_stage_elapsed_ms(&w->stage) / 1000, (unsigned long long)w->stage.jobs.made,
            (unsigned long long)s->jobs_in_progress, (unsigned long long)over);
    fflush(stderr); /* it has no line end */
}

/* Once, when the run answers there. */
static void show_page(struct work *w)
{
    if (!w->options->page || w->page.is_shown || !demo_page_is_there(&w->page))
        return;
    if (w->options->json)
        fprintf(stderr, "pipepoll demo: the live page: %s (Ctrl-C ends the demo)\n", w->page.url);
    demo_stage_tell(&w->stage, "the live page: %s (Ctrl-C ends the demo)", w->page.url);
    demo_page_show(&w->page, &w->stage.home.loop);
}

static void on_tick(void *ctx)
{
    struct work *w = ctx;
    struct sim_stats s;
    double now_ms = demo_stage_elapsed_ms(&w->stage), made_for_ms = w->made_for_ms;
    bool all_made = now_ms >= made_for_ms;
    demo_jobs_make(&w->stage.jobs, w->stage.sim, all_made ? made_for_ms : now_ms,
                   &w->stage.failure);
    show_page(w);
    uint64_t over = demo_stage_count_over(&w->stage, &s);
    if (w->stage.status_line && w->ticks++ % STATUS_EVERY == STATUS_EVERY - 1)
        print_status(w, over, &s);
    if (is_moment_to_kill(w, over, &s))
        kill_run(w, over, &s);
    bool all_over = all_made && over >= w->stage.jobs.made;
    if (w->stage.is_interrupted || all_over ||
        now_ms > made_for_ms + 2.0 * w->options->interval_ms + PATIENCE_MS)
        end(w);
}

/* Who looks at the page ends it so: no more jobs are made, and those that are get done. */
static void on_signal(void *ctx, int number)
{
    struct work *w = ctx;
    double now_ms = demo_stage_elapsed_ms(&w->stage);
    bool is_first = !w->stage.is_interrupted && !w->is_enough;
    if (!is_first) {
        demo_run_signal(&w->run, SIGKILL);
        demo_folder_remove(&w->stage.folder);
        _exit(128 + number);
    }
    w->is_enough = w->options->page;
    w->stage.is_interrupted = !w->is_enough;
    if (w->is_enough && w->made_for_ms > now_ms)
        w->made_for_ms = now_ms;
}

/* --- the beginning --- */

static int start_all(struct work *w, struct pipepoll_error *why)
{
    int r = demo_stage_start_sim(&w->stage, NULL, NULL, why);
    if (!r && w->options->page)
        r = demo_page_choose(&w->page, why);
    if (r)
        return r;
    const struct demo_at at = { sim_url(w->stage.sim), sim_ca_pem(w->stage.sim), w->page.listen };
    return demo_folder_make(&w->stage.folder, w->options, &at, why);
}

static void start(struct work *w)
{
    const struct demo_options *o = w->options;
    struct pipepoll_error why;
    w->made_for_ms = o->seconds_ms;
    if (start_all(w, &why)) {
        demo_stage_note_failure(&w->stage, &why);
        end(w);
        return;
    }
    if (!o->json)
        printf("pipepoll run polls %u action type%s in %u region%s over TLS, claims each job, has "
               "a program work\non it for %g s, and reports the result\n\n",
               o->action_types, plural(o->action_types), o->regions, plural(o->regions),
               DEMO_HANDLER_MS / 1000.0);
    main_loop_start_timer(&w->stage.home, on_tick, TICK_MS, TICK_MS);
    start_run(w);
}

/* --- the summary --- */

static void print_text(const struct work *w)
{
    if (w->is_killed || w->page.is_shown)
        putchar('\n');
    demo_report_rows(&w->stage);
    if (!w->is_killed)
        return;
    demo_report_row("claims repeated", w->stage.verdict.claims_repeated,
                    "  after the crash, without effect");
    demo_report_row("results repeated", w->stage.verdict.results_repeated, "");
}

static void put_json(struct buf *out, const struct work *w)
{
    const struct demo_verdict *v = &w->stage.verdict;
    buf_put_char(out, '{');
    demo_report_options(out, w->options, w->stage.took_ms / 1000);
    demo_report_verdict(out, v);
    jsontext_count(out, "claimsRepeated", v->claims_repeated);
    jsontext_count(out, "resultsRepeated", v->results_repeated);
    jsontext_count(out, "kills", w->is_killed);
    jsontext_count(out, "jobsInHandAtKill", w->in_hand);
    buf_put_char(out, '}');
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
    bool must_kill = w->options->crash && !w->is_killed && !w->stage.is_interrupted;
    struct buf out = BUF_GROWING;
    if (w->options->json)
        put_json(&out, w);
    else
        print_text(w);
    if (must_kill)
        fprintf(stderr, "pipepoll demo: %s, so nothing was killed\n",
                w->is_enough ? "it was ended too early" : "no job was in hand");
    bool is_good = demo_report_went_well(&w->stage) && !must_kill;
    if (is_good && !w->options->json)
        print_next_step(w);
    return command_print(&out, is_good ? EXIT_FINE : EXIT_FAILED);
}

int demo_work(const struct demo_options *o)
{
    int code = EXIT_OTHER;
    struct work *w = calloc(1, sizeof *w);
    if (!w) {
        fprintf(stderr, "pipepoll demo: out of memory\n");
        return code;
    }
    w->options = o;
    w->run.ended = on_ended;
    w->run.ctx = w;
    if (demo_stage_open(&w->stage, o, on_signal, w, &code)) {
        start(w);
        if (demo_stage_run(&w->stage, &code))
            code = summarize(w);
    }
    if (!w->stage.home.hangs)
        free(w);
    return code;
}
