/* SPDX-License-Identifier: MIT */
/* Figures for people, or one line of JSON. What goes well has no names. */
#include "sim/demo_report.h"

#include <stdio.h>

#include "base/jsontext.h"

enum { NAMED_MAX = 10 };

void demo_report_row(const char *name, uint64_t value, const char *more)
{
    printf("%-16s %10llu%s\n", name, (unsigned long long)value, more);
}

void demo_report_rows(const struct demo_stage *s)
{
    const struct demo_verdict *v = &s->verdict;
    demo_report_row("jobs made", v->jobs, "");
    demo_report_row("jobs claimed", v->claimed, "");
    demo_report_row("succeeded", v->succeeded, "");
    demo_report_row("failed", v->failed, "");
    demo_report_row("jobs lost", v->lost, "");
    demo_report_row("claimed twice", v->claimed_twice, "");
    demo_report_row("reported twice", v->ended_twice, "");
}

void demo_report_options(struct buf *out, const struct demo_options *o, double took_s)
{
    jsontext_count(out, "regions", o->regions);
    jsontext_count(out, "actionTypes", o->action_types);
    jsontext_count(out, "intervalMs", o->interval_ms);
    jsontext_rate(out, "seconds", took_s);
}

void demo_report_verdict(struct buf *out, const struct demo_verdict *v)
{
    jsontext_count(out, "jobsMade", v->jobs);
    jsontext_count(out, "jobsClaimed", v->claimed);
    jsontext_count(out, "jobsSucceeded", v->succeeded);
    jsontext_count(out, "jobsFailed", v->failed);
    jsontext_count(out, "jobsLost", v->lost);
    jsontext_count(out, "jobsClaimedTwice", v->claimed_twice);
    jsontext_count(out, "jobsReportedTwice", v->ended_twice);
}

bool demo_report_went_well(const struct demo_stage *s)
{
    bool is_good = demo_verdict_is_good(&s->verdict);
    if (s->is_interrupted)
        fprintf(stderr, "pipepoll demo: interrupted\n");
    else if (!is_good)
        fprintf(stderr, "pipepoll demo: jobs were lost, or claimed or reported twice\n");
    if (s->failure.text[0])
        fprintf(stderr, "pipepoll demo: %s\n", s->failure.text);
    return is_good && !s->is_interrupted && !s->failure.text[0];
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

void demo_report_name_jobs(const struct ledger *l)
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
