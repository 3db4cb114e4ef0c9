/* SPDX-License-Identifier: MIT */
/* What a demo with children plays on: the simulated service, which keeps a ledger that no crash
 * reaches, a folder for the children's files, and what is said meanwhile. On the loop's thread. */
#ifndef SIM_DEMO_STAGE_H
#define SIM_DEMO_STAGE_H

#include "daemon/main_loop.h"
#include "sim/demo_folder.h"
#include "sim/demo_jobs.h"
#include "sim/demo_verdict.h"

struct demo_stage {
    const struct demo_options *options;
    struct main_loop home; /* its timer is the demo's */
    struct sim *sim;
    struct demo_folder folder;
    struct demo_jobs jobs;
    struct demo_verdict verdict; /* in the end, if has_verdict */
    uint64_t start_ns;
    double took_ms; /* up to the verdict */
    bool is_interrupted, is_ending, is_closed, has_verdict;
    bool status_line;              /* there is one on the terminal */
    struct pipepoll_error failure; /* the first; empty: none */
};

/* The loop is there, and on_signal(ctx) is called when somebody or something wants an end: the
 * children are in sessions of their own, where no terminal tells them. To be run then, whatever
 * comes of it. false: what to exit with is in *code, and why was said. */
bool demo_stage_open(struct demo_stage *s, const struct demo_options *o,
                     void (*on_signal)(void *ctx, int number), void *ctx, int *code);
/* Open the service. served may be NULL. ESYSTEM. */
int demo_stage_start_sim(struct demo_stage *s,
                         void (*served)(void *ctx, const struct sim_served *what), void *ctx,
                         struct pipepoll_error *why);

double demo_stage_ms_since(uint64_t then_ns);
double demo_stage_elapsed_ms(const struct demo_stage *s);
/* -> jobs that are over; the rest is in *stats. */
uint64_t demo_stage_count_over(const struct demo_stage *s, struct sim_stats *stats);
/* A line with the time, on stdout, unless that is the summary's alone: it is JSON then. */
__attribute__((format(printf, 2, 3))) void demo_stage_tell(const struct demo_stage *s,
                                                           const char *format, ...);

/* The first one stays. */
void demo_stage_note_failure(struct demo_stage *s, const struct pipepoll_error *why);
/* The end begins: late(ctx) is called where it takes too long. false: it had begun. */
bool demo_stage_begin_end(struct demo_stage *s, void (*late)(void *ctx));
/* Once no child runs: the verdict, where there is a service, and then the end of both. */
void demo_stage_close(struct demo_stage *s);

/* Turn the loop until it is closed, and remove the folder. true: there is a verdict to report.
 * false: what to exit with is in *code, and why was said. */
bool demo_stage_run(struct demo_stage *s, int *code);

#endif
