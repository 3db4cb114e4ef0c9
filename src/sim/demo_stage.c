/* SPDX-License-Identifier: MIT */
/* Whatever ends us ends the children, and removes the folder. A claim whose answer was lost in a
 * crash is sent again by its nonce: what AWS answers then is not documented, and here it is the
 * job's status. */
#include "sim/demo_stage.h"

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/leave.h"
#include "daemon/signals.h"
#include "sim/demo_report.h"

/* Of a job that was found when its process died, and not claimed: then it comes back. */
enum { LEASE_MS = 2000 };

/* How long children may take to end. */
enum { END_MS = 15000 };

/* --- the beginning --- */

bool demo_stage_open(struct demo_stage *s, const struct demo_options *o,
                     void (*on_signal)(void *ctx, int number), void *ctx, int *code)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, 0 };
    struct pipepoll_error why;
    *s = (struct demo_stage) { .options = o,
                               .home = { .on_signal = on_signal, .ctx = ctx },
                               .jobs = { .options = o, .rng.state = o->seed },
                               .status_line = isatty(STDERR_FILENO) && !o->json };
    if (main_loop_open(&s->home, numbers, &why)) {
        fprintf(stderr, "pipepoll demo: %s\n", why.text);
        *code = EXIT_OTHER;
        return false;
    }
    signals_end_gracefully();
    s->start_ns = uv_hrtime();
    return true;
}

int demo_stage_start_sim(struct demo_stage *s,
                         void (*served)(void *ctx, const struct sim_served *what), void *ctx,
                         struct pipepoll_error *why)
{
    const struct sim_options o = { .tls = true,
                                   .arrivals.seed = s->options->seed,
                                   .lease_ms = LEASE_MS,
                                   .undocumented.repeated_nonce = SIM_NONCE_STATUS,
                                   .served = served,
                                   .ctx = ctx };
    return sim_open(&s->sim, &s->home.loop, &o, why);
}

/* --- meanwhile --- */

double demo_stage_ms_since(uint64_t then_ns)
{
    return (double)(uv_hrtime() - then_ns) / 1e6;
}

double demo_stage_elapsed_ms(const struct demo_stage *s)
{
    return demo_stage_ms_since(s->start_ns);
}

uint64_t demo_stage_count_over(const struct demo_stage *s, struct sim_stats *stats)
{
    sim_stats(s->sim, stats);
    return stats->jobs_succeeded + stats->jobs_failed + stats->jobs_timed_out;
}

/* At once: who watches sees it happen. */
void demo_stage_tell(const struct demo_stage *s, const char *format, ...)
{
    va_list arguments;
    if (s->options->json)
        return;
    printf("%s%5.1f s  ", s->status_line ? "\r\033[K" : "", demo_stage_elapsed_ms(s) / 1000);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* --- the end --- */

void demo_stage_note_failure(struct demo_stage *s, const struct pipepoll_error *why)
{
    if (!s->failure.text[0])
        s->failure = *why;
}

bool demo_stage_begin_end(struct demo_stage *s, void (*late)(void *ctx))
{
    if (s->is_ending)
        return false;
    s->is_ending = true;
    main_loop_start_timer(&s->home, late, END_MS, 0);
    return true;
}

static void judge(struct demo_stage *s)
{
    struct pipepoll_error why;
    struct sim_stats stats;
    demo_stage_count_over(s, &stats); /* the ledger is up to date then */
    s->took_ms = demo_stage_elapsed_ms(s);
    s->has_verdict = !demo_verdict_make(&s->verdict, sim_ledger(s->sim), &why);
    if (!s->has_verdict)
        demo_stage_note_failure(s, &why);
    else if (!s->is_interrupted && !demo_verdict_is_good(&s->verdict))
        demo_report_name_jobs(sim_ledger(s->sim));
}

static void on_sim_closed(void *ctx)
{
    struct demo_stage *s = ctx;
    main_loop_close(&s->home);
}

void demo_stage_close(struct demo_stage *s)
{
    if (s->is_closed)
        return;
    s->is_closed = true;
    main_loop_stop_timer(&s->home);
    if (!s->sim) {
        on_sim_closed(s);
        return;
    }
    judge(s);
    sim_close(s->sim, on_sim_closed, s);
}

bool demo_stage_run(struct demo_stage *s, int *code)
{
    main_loop_run(&s->home);
    demo_folder_remove(&s->folder);
    if (s->status_line)
        fputs("\r\033[K", stderr);
    if (s->has_verdict && s->jobs.made)
        return true;
    fprintf(stderr, "pipepoll demo: %s\n",
            s->failure.text[0]  ? s->failure.text
            : s->is_interrupted ? "interrupted"
                                : "no job was made");
    *code = s->failure.text[0] ? EXIT_OTHER : EXIT_FAILED;
    return false;
}
