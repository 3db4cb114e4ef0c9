/* SPDX-License-Identifier: MIT */
/* Rows are sorted by name and each run of equal ones is added up; then it is a family after the
 * other, each with a row for each region. */
#include "status/metrics_regions.h"

#include <stdlib.h>

#include "base/order.h"

/* --- one row a region --- */

static int by_name(const void *a, const void *b)
{
    const struct status_region *x = a, *y = b;
    return order_str(x->region, y->region);
}

static void add(struct status_region *to, const struct status_region *from)
{
    if (llabs(from->clock_skew_ms) > llabs(to->clock_skew_ms))
        to->clock_skew_ms = from->clock_skew_ms;
    for (size_t i = 0; i < STATUS_STATES; i++)
        to->targets[i] += from->targets[i];
    for (size_t i = 0; i < STATUS_OUTCOMES; i++) {
        to->failing[i] += from->failing[i];
        to->polls[i] += from->polls[i];
    }
    to->jobs += from->jobs;
    status_durations_merge(&to->poll_time, &from->poll_time);
}

bool metrics_regions_init(struct metrics_regions *r, const struct status *s)
{
    *r = (struct metrics_regions) { .at = calloc(s->region_count + 1, sizeof *r->at) };
    if (!r->at)
        return false;
    if (s->region_count) {
        memcpy(r->at, s->regions, s->region_count * sizeof *r->at);
        qsort(r->at, s->region_count, sizeof *r->at, by_name);
    }
    for (size_t i = 0; i < s->region_count; i++)
        if (r->count && str_eq(r->at[r->count - 1].region, r->at[i].region))
            add(&r->at[r->count - 1], &r->at[i]);
        else
            r->at[r->count++] = r->at[i];
    return true;
}

void metrics_regions_deinit(struct metrics_regions *r)
{
    free(r->at);
    *r = (struct metrics_regions) { .count = 0 };
}

/* --- by region --- */

static void put_targets(struct metric_out *m, const struct metrics_regions *r)
{
    metric_family(m, "pipepoll_targets", METRIC_GAUGE,
                  "Targets (an action type in a region) by how they stand: elsewhere (another "
                  "member of the fleet polls them, or nobody yet), waiting for their first answer, "
                  "well, throttled, late or failing.");
    for (size_t i = 0; i < r->count; i++)
        for (int state = 0; state < STATUS_STATES; state++)
            metric_count(m,
                         LABELS({ "region", r->at[i].region },
                                { "state", str_of(status_state_name((enum status_state)state)) }),
                         r->at[i].targets[state]);
}

/* No target fails because it was answered, or throttled. */
static bool may_fail_by(int outcome)
{
    return outcome != STATUS_JOBS && outcome != STATUS_EMPTY && outcome != STATUS_THROTTLED;
}

static void put_failing(struct metric_out *m, const struct metrics_regions *r)
{
    metric_family(m, "pipepoll_targets_failing", METRIC_GAUGE,
                  "Failing targets by what comes of their polls.");
    for (size_t i = 0; i < r->count; i++)
        for (int n = 0; n < STATUS_OUTCOMES; n++)
            if (may_fail_by(n))
                metric_count(
                    m,
                    LABELS({ "region", r->at[i].region },
                           { "outcome", str_of(status_outcome_name((enum status_outcome)n)) }),
                    r->at[i].failing[n]);
}

/* Of all outcomes, also those that did not come about: a series that begins above 0 hides its first
 * increase. */
static void put_polls(struct metric_out *m, const struct metrics_regions *r)
{
    metric_family(m, "pipepoll_polls_total", METRIC_COUNTER,
                  "Polls by what came of them: jobs and empty are answers, the others failures.");
    for (size_t i = 0; i < r->count; i++)
        for (int n = 0; n < STATUS_OUTCOMES; n++)
            metric_count(m,
                         LABELS({ "region", r->at[i].region },
                                { "outcome", str_of(status_outcome_name((enum status_outcome)n)) }),
                         r->at[i].polls[n]);
}

static void put_durations(struct metric_out *m, const struct metrics_regions *r)
{
    metric_family(m, "pipepoll_poll_duration_seconds", METRIC_HISTOGRAM,
                  "How long polls took that were answered, from their start to the answer.");
    for (size_t i = 0; i < r->count; i++)
        metric_durations(m, LABELS({ "region", r->at[i].region }), &status_scale_poll,
                         &r->at[i].poll_time);
}

void metrics_regions_put(struct metric_out *m, const struct metrics_regions *r)
{
    put_targets(m, r);
    put_failing(m, r);
    put_polls(m, r);
    put_durations(m, r);
    metric_family(m, "pipepoll_jobs_found_total", METRIC_COUNTER, "Jobs that polls brought.");
    for (size_t i = 0; i < r->count; i++)
        metric_count(m, LABELS({ "region", r->at[i].region }), r->at[i].jobs);
    metric_family(m, "pipepoll_clock_skew_seconds", METRIC_GAUGE,
                  "By how much the clock of the service is ahead of the one here; below 0: "
                  "behind.");
    for (size_t i = 0; i < r->count; i++)
        metric_seconds_ms(m, LABELS({ "region", r->at[i].region }), r->at[i].clock_skew_ms);
}

/* --- by identity and region --- */

void metrics_regions_put_budgets(struct metric_out *m, const struct status *s)
{
    const struct status_region *r = s->regions, *end = r + s->region_count;
    metric_family(m, "pipepoll_budget_allowed_polls_per_second", METRIC_GAUGE,
                  "The rate that credentials are allowed in a region at present, by the config "
                  "or by what the service throttled; no sample: no limit is known.");
    for (; r < end; r++)
        if (r->allowed_per_s > 0)
            metric_real(m, LABELS({ "identity", r->identity }, { "region", r->region }),
                        r->allowed_per_s);
    metric_family(m, "pipepoll_budget_polls_total", METRIC_COUNTER,
                  "Polls that ended, by whose credentials they were made with.");
    for (r = s->regions; r < end; r++)
        metric_count(m, LABELS({ "identity", r->identity }, { "region", r->region }),
                     status_polls_sum(r->polls));
    metric_family(m, "pipepoll_budget_throttled_total", METRIC_COUNTER,
                  "Those of them that the service throttled.");
    for (r = s->regions; r < end; r++)
        metric_count(m, LABELS({ "identity", r->identity }, { "region", r->region }),
                     r->polls[STATUS_THROTTLED]);
}
