/* SPDX-License-Identifier: MIT */
/* Figures for people, or one line of JSON. What goes well has no names. */
#include "sim/demo_fleet_report.h"

#include <stdio.h>

enum { NAMED_MAX = 10 };

static void print_row(const char *name, size_t value)
{
    printf("%-16s %10zu\n", name, value);
}

static void print_text(const struct demo_verdict *v)
{
    putchar('\n');
    print_row("jobs made", v->jobs);
    print_row("jobs claimed", v->claimed);
    print_row("succeeded", v->succeeded);
    print_row("failed", v->failed);
    print_row("jobs lost", v->lost);
    print_row("claimed twice", v->claimed_twice);
    print_row("reported twice", v->ended_twice);
    if (v->jobs && demo_verdict_is_good(v))
        puts("\nEvery job was claimed once and has one result, by the service's own ledger.\n\n"
             "Next: pipepoll fleet --help    (status and drain of a fleet)\n"
             "      pipepoll check --help    (what a config file with a [fleet] will do)");
}

static void print_json(const struct demo_fleet_report *r)
{
    const struct demo_options *o = r->options;
    const struct demo_verdict *v = &r->verdict;
    printf("{\"regions\":%u,\"actionTypes\":%u,\"intervalMs\":%u,\"seconds\":%.3f,", o->regions,
           o->action_types, o->interval_ms, r->took_ms / 1000);
    if (r->takeover_ms >= 0)
        printf("\"takeoverMs\":%.0f,", r->takeover_ms);
    printf("\"jobsMade\":%zu,\"jobsClaimed\":%zu,\"jobsSucceeded\":%zu,\"jobsFailed\":%zu,",
           v->jobs, v->claimed, v->succeeded, v->failed);
    printf("\"jobsLost\":%zu,\"jobsClaimedTwice\":%zu,\"jobsReportedTwice\":%zu}\n", v->lost,
           v->claimed_twice, v->ended_twice);
}

int demo_fleet_report(const struct demo_fleet_report *r, bool is_interrupted, const char *failure)
{
    bool is_good = demo_verdict_is_good(&r->verdict);
    if (r->options->json)
        print_json(r);
    else
        print_text(&r->verdict);
    if (is_interrupted)
        fprintf(stderr, "pipepoll demo: interrupted\n");
    else if (!is_good)
        fprintf(stderr, "pipepoll demo: jobs were lost, or claimed or reported twice\n");
    if (*failure)
        fprintf(stderr, "pipepoll demo: %s\n", failure);
    return command_finish(is_good && !is_interrupted && !*failure ? EXIT_FINE : EXIT_FAILED);
}

static void count(const struct ledger *l, const struct uuid *job_id, size_t *claims,
                  size_t *results)
{
    *claims = *results = 0;
    for (uint64_t i = ledger_first(l); i <= l->last; i++) {
        const struct ledger_entry *e = ledger_get(l, i);
        if (memcmp(e->job_id.text, job_id->text, sizeof job_id->text) != 0)
            continue;
        *claims += e->event == LEDGER_ACKNOWLEDGED;
        *results += e->event == LEDGER_SUCCEEDED || e->event == LEDGER_FAILED;
    }
}

void demo_fleet_name_jobs(const struct ledger *l)
{
    size_t named = 0, claims, results;
    for (uint64_t i = ledger_first(l); i <= l->last && named < NAMED_MAX; i++) {
        const struct ledger_entry *e = ledger_get(l, i);
        if (e->event != LEDGER_ADDED)
            continue;
        count(l, &e->job_id, &claims, &results);
        if (claims == 1 && results == 1)
            continue;
        named++;
        fprintf(stderr, "pipepoll demo: job %.*s: claimed %zu times, %zu results\n",
                (int)sizeof e->job_id.text, e->job_id.text, claims, results);
    }
}
