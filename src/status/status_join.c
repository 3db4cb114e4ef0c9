/* SPDX-License-Identifier: MIT */
/* Regions are joined first, for targets refer to them by their place, which changes twice: by what
 * stands before them, and by the order that they are brought into. */
#include "status/status_join.h"

#include <stdlib.h>
#include <string.h>

#include "base/order.h"

/* --- lists of several loops, joined --- */

struct parts {
    struct status *each;
    size_t count;
};

/* One after the other into a new list; a list that is all there is is taken as it is. */
#define JOIN(into, parts, list, list_count)                                                        \
    do {                                                                                           \
        size_t all_ = 0;                                                                           \
        for (size_t i_ = 0; i_ < (parts)->count; i_++)                                             \
            all_ += (parts)->each[i_].list_count;                                                  \
        for (size_t i_ = 0; i_ < (parts)->count; i_++)                                             \
            if ((parts)->each[i_].list_count == all_)                                              \
                (into)->list = (parts)->each[i_].list;                                             \
        if ((into)->list)                                                                          \
            (into)->list_count = all_;                                                             \
        else                                                                                       \
            (into)->list = status_array((into), all_, sizeof *(into)->list);                       \
        for (size_t i_ = 0; i_ < (parts)->count && (into)->list_count < all_ && (into)->list;      \
             i_++) {                                                                               \
            const struct status *part_ = &(parts)->each[i_];                                       \
            if (part_->list_count)                                                                 \
                memcpy((into)->list + (into)->list_count, part_->list,                             \
                       part_->list_count * sizeof *part_->list);                                   \
            (into)->list_count += part_->list_count;                                               \
        }                                                                                          \
    } while (0)

/* Each loop's targets refer to its own regions. */
static void join_targets(struct status *into, const struct parts *parts)
{
    size_t at = 0, regions = 0;
    JOIN(into, parts, regions, region_count);
    if (!into->region_count)
        return; /* none, or no memory for them */
    JOIN(into, parts, targets, target_count);
    for (size_t i = 0; at < into->target_count; regions += parts->each[i++].region_count)
        for (size_t n = 0; n < parts->each[i].target_count; n++)
            into->targets[at++].region_index += regions;
}

/* Each loop has all handlers of the config, in its order. */
static void add_handlers(struct status *into, const struct status *from)
{
    if (!into->handler_count) {
        into->handlers = from->handlers;
        into->handler_count = from->handler_count;
        return;
    }
    for (size_t i = 0; i < into->handler_count && i < from->handler_count; i++) {
        struct status_handler *to = &into->handlers[i];
        to->running += from->handlers[i].running;
        for (size_t end = 0; end < STATUS_RUN_ENDS; end++)
            to->ends[end] += from->handlers[i].ends[end];
        status_durations_merge(&to->run_time, &from->handlers[i].run_time);
    }
}

static void add_numbers(struct status *into, const struct status *from)
{
    into->found += from->found;
    into->polls_started += from->polls_started;
    into->in_flight += from->in_flight;
    into->parked += from->parked;
    into->late_us_sum += from->late_us_sum;
    if (from->late_us_max > into->late_us_max)
        into->late_us_max = from->late_us_max;
    into->connections += from->connections;
    into->connections_opened += from->connections_opened;
    into->handshakes += from->handshakes;
    into->handshakes_resumed += from->handshakes_resumed;
    histogram_merge(&into->pickup, &from->pickup);
    status_durations_merge(&into->pickup_time, &from->pickup_time);
    into->works_jobs = into->works_jobs || from->works_jobs;
    into->max_jobs += from->max_jobs;
    for (size_t i = 0; i < STATUS_STEPS; i++)
        into->in_hand[i] += from->in_hand[i];
    for (size_t i = 0; i < STATUS_JOB_ENDS; i++)
        into->job_ends[i] += from->job_ends[i];
}

void status_join(struct status *into, struct status *each, size_t count)
{
    const struct parts parts = { each, count };
    join_targets(into, &parts);
    JOIN(into, &parts, credentials, credentials_count);
    JOIN(into, &parts, jobs, job_count);
    for (size_t i = 0; i < count; i++) {
        add_numbers(into, &each[i]);
        add_handlers(into, &each[i]);
    }
    for (size_t i = 0; i < count; i++)
        status_adopt(into, &each[i]);
}

/* --- in order --- */

static int by_section(const void *a, const void *b)
{
    const struct status_target *x = a, *y = b;
    int order = order_size(x->section, y->section);
    return order ? order : order_str(x->region, y->region);
}

static int compare_regions(const struct status_region *x, const struct status_region *y)
{
    int order = order_str(x->identity, y->identity);
    return order ? order : order_str(x->region, y->region);
}

static int by_identity(const void *a, const void *b)
{
    return compare_regions(*(const struct status_region *const *)a,
                           *(const struct status_region *const *)b);
}

static int by_time(const void *a, const void *b)
{
    const struct status_job *x = a, *y = b;
    if ((x->end < 0) != (y->end < 0))
        return x->end < 0 ? -1 : 1;
    int64_t x_ms = x->end < 0 ? x->found_ms : x->ended_ms;
    int64_t y_ms = y->end < 0 ? y->found_ms : y->ended_ms;
    return (x_ms < y_ms) - (x_ms > y_ms);
}

/* Targets refer to regions by their index, which changes with the order. */
static void sort_regions(struct status *s)
{
    size_t count = s->region_count;
    const struct status_region **order = count ? malloc(count * sizeof *order) : NULL;
    struct status_region *sorted = order ? status_array(s, count, sizeof *sorted) : NULL;
    size_t *now_at = sorted ? malloc(count * sizeof *now_at) : NULL;
    for (size_t i = 0; now_at && i < count; i++)
        order[i] = &s->regions[i];
    if (now_at)
        qsort(order, count, sizeof(void *), by_identity);
    for (size_t i = 0; now_at && i < count; i++) {
        sorted[i] = *order[i];
        now_at[order[i] - s->regions] = i;
    }
    for (size_t i = 0; now_at && i < s->target_count; i++)
        s->targets[i].region_index = now_at[s->targets[i].region_index];
    if (now_at)
        s->regions = sorted;
    free(now_at);
    free(order);
}

/* How bad: several accounts, or loops, may have credentials of one source, each its own. */
static int badness(const struct status_credentials *c)
{
    return !c->usable ? 2 : c->degraded;
}

static int by_source(const void *a, const void *b)
{
    const struct status_credentials *x = a, *y = b;
    int order = order_str(x->source, y->source);
    return order ? order : badness(y) - badness(x);
}

/* Of one source the worst stays. */
static void unite_credentials(struct status *s)
{
    size_t count = 0;
    if (s->credentials_count)
        qsort(s->credentials, s->credentials_count, sizeof *s->credentials, by_source);
    for (size_t i = 0; i < s->credentials_count; i++)
        if (!count || !str_eq(s->credentials[count - 1].source, s->credentials[i].source))
            s->credentials[count++] = s->credentials[i];
    s->credentials_count = count;
}

static void put_in_order(struct status *s)
{
    if (s->target_count)
        qsort(s->targets, s->target_count, sizeof *s->targets, by_section);
    sort_regions(s);
    unite_credentials(s);
    if (s->job_count)
        qsort(s->jobs, s->job_count, sizeof *s->jobs, by_time);
}

/* --- sums --- */

static void sum_up(struct status *s)
{
    for (size_t i = 0; i < s->target_count; i++) {
        const struct status_target *t = &s->targets[i];
        struct status_region *r = &s->regions[t->region_index];
        s->states[t->state]++;
        r->targets[t->state]++;
        r->failing[t->failing] += t->state == STATUS_FAILING;
    }
    for (size_t i = 0; i < s->region_count; i++)
        for (size_t outcome = 0; outcome < STATUS_OUTCOMES; outcome++)
            s->polls[outcome] += s->regions[i].polls[outcome];
}

void status_settle(struct status *s)
{
    put_in_order(s);
    sum_up(s);
}

void status_rate(struct status *s, const struct status *before, double passed_s)
{
    size_t at = 0;
    for (size_t i = 0; i < s->region_count; i++) {
        struct status_region *r = &s->regions[i];
        while (at < before->region_count && compare_regions(&before->regions[at], r) < 0)
            at++;
        bool known = at < before->region_count && compare_regions(&before->regions[at], r) == 0;
        uint64_t polls =
            status_polls_sum(r->polls) - (known ? status_polls_sum(before->regions[at].polls) : 0);
        r->polls_per_s = (double)polls / passed_s;
    }
    s->polls_per_s = (double)(s->polls_started - before->polls_started) / passed_s;
    s->jobs_per_s = (double)(s->found - before->found) / passed_s;
}
