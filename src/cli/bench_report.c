/* SPDX-License-Identifier: MIT */
/* Each loop adds its figures to one sum; text and JSON are printed from it, by way of the same
 * functions for what is a quotient. Sums, counts and histograms add up; of a longest or a latest
 * the greatest counts. The plot merges two, four, eight... buckets into a row until all fit. */
#include "cli/bench_report.h"

#include <stdio.h>

#include "base/jsontext.h"
#include "base/plural.h"
#include "daemon/event.h"

enum { PLOT_ROWS = 20, PLOT_WIDTH = 50 };

static const struct {
    double share;
    const char *text, *json;
} percentiles[] = { { 0.5, "p50", "p50Us" },
                    { 0.9, "p90", "p90Us" },
                    { 0.99, "p99", "p99Us" },
                    { 0.999, "p99.9", "p99_9Us" },
                    { 0.9999, "p99.99", "p99_99Us" } };

enum { PERCENTILE_COUNT = sizeof percentiles / sizeof *percentiles };

static void add_failures(struct load_figures *sum, const struct load_figures *f)
{
    sum->failures_before += f->failures_before;
    sum->failures += f->failures;
    for (size_t i = 0; i < LOAD_STATUS_COUNT; i++)
        sum->failed[i] += f->failed[i];
    if (f->trouble.text[0])
        sum->trouble = f->trouble;
    sum->keyless = sum->keyless || f->keyless;
    sum->refused = sum->refused || f->refused;
}

void bench_report_add(struct bench_report *r, const struct load_figures *f)
{
    struct load_figures *sum = &r->sum;
    sum->polls += f->polls;
    sum->jobs += f->jobs;
    sum->seconds = f->seconds > sum->seconds ? f->seconds : sum->seconds;
    sum->cpu_s += f->cpu_s;
    sum->busy_ns += f->busy_ns;
    sum->turns += f->turns;
    if (f->longest_turn_ns > sum->longest_turn_ns)
        sum->longest_turn_ns = f->longest_turn_ns;
    sum->in_flight_sum += f->in_flight_sum;
    sum->in_flight_samples += f->in_flight_samples;
    histogram_merge(&sum->latency_us, &f->latency_us);
    sum->connections_before += f->connections_before;
    sum->connections += f->connections;
    if (f->max_lateness_ms > sum->max_lateness_ms)
        sum->max_lateness_ms = f->max_lateness_ms;
    add_failures(sum, f);
}

/* --- figures made of figures; 0 where there is nothing to divide by --- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static double cpu_us_per_poll(const struct bench_report *r)
{
    return ratio((r->user_s + r->system_s) * 1e6, (double)r->sum.polls);
}

/* Of all loops' time. */
static double loop_share(const struct bench_report *r, double seconds)
{
    return ratio(seconds, r->sum.seconds * r->options->loops);
}

/* Samples are of one loop each. */
static double in_flight_mean(const struct bench_report *r)
{
    return ratio((double)r->sum.in_flight_sum, (double)r->sum.in_flight_samples) *
           r->options->loops;
}

static double polls_per_s(const struct bench_report *r)
{
    return ratio((double)r->sum.polls, r->sum.seconds);
}

/* --- text --- */

static void print_heading(const struct bench_report *r)
{
    const struct bench_options *o = r->options;
    printf("%.*s: %u polls in flight, %u target%s, %u region%s, %u loop%s\n"
           "measured for %.2f s after %.2f s of warm-up\n\n",
           STR_ARG(o->endpoint_url), o->in_flight, o->targets, plural(o->targets), o->regions,
           plural(o->regions), o->loops, plural(o->loops), r->sum.seconds, r->warm_up_s);
}

static void print_figures(const struct bench_report *r)
{
    const struct load_figures *f = &r->sum;
    double polls = (double)f->polls, cpu_us = cpu_us_per_poll(r);
    printf("%-22s %12.0f\n", "polls", polls);
    printf("%-22s %12.1f\n", "polls/s", polls_per_s(r));
    printf("%-22s %12.1f us   user %.1f, system %.1f\n", "CPU per poll", cpu_us,
           ratio(r->user_s * 1e6, polls), ratio(r->system_s * 1e6, polls));
    printf("%-22s %12.1f %%    of the time of its thread%s\n", "CPU of a loop",
           100 * loop_share(r, f->cpu_s), r->options->loops > 1 ? ", on average" : "");
    printf("%-22s %12.0f      what a loop with a core to itself could do\n", "polls/s at 100 %",
           ratio(1e6, cpu_us));
    printf("%-22s %12.2f ms   busy %.1f %% of the time, %.0f us a turn\n", "longest turn",
           (double)f->longest_turn_ns / 1e6, 100 * loop_share(r, (double)f->busy_ns / 1e9),
           ratio((double)f->busy_ns / 1e3, (double)f->turns));
    printf("%-22s %12u ms   of a due poll, for a slot or for the loop; warm-up included\n",
           "longest lateness", f->max_lateness_ms);
    printf("%-22s %12.1f      on average\n", "polls in flight", in_flight_mean(r));
    printf("%-22s %12llu      %llu of them while measured\n", "connections opened",
           (unsigned long long)f->connections,
           (unsigned long long)(f->connections - f->connections_before));
    printf("%-22s %12.1f MB\n", "resident memory", (double)r->resident_bytes / 1e6);
    if (f->jobs)
        printf("%-22s %12llu\n", "jobs", (unsigned long long)f->jobs);
}

static void print_failures(const struct load_figures *f)
{
    uint64_t told = 0;
    printf("%-22s %12llu      %llu of them while measured\n", "failed polls",
           (unsigned long long)f->failures, (unsigned long long)(f->failures - f->failures_before));
    for (int i = 0; i < LOAD_STATUS_COUNT; i++) {
        if (f->failed[i])
            printf("  %-20s %12llu      %s\n", event_status(-i), (unsigned long long)f->failed[i],
                   pipepoll_strerror(-i));
        told += f->failed[i];
    }
    if (f->failures > told)
        printf("  %-20s %12llu      as the target's failure before\n", "again",
               (unsigned long long)(f->failures - told));
}

/* How many buckets make one row, so that all fit the plot. */
static size_t buckets_per_row(const struct histogram *h, size_t *first, size_t *last)
{
    size_t n = 1;
    *first = HISTOGRAM_BUCKETS;
    *last = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!h->counts[i])
            continue;
        *first = *first < i ? *first : i;
        *last = i;
    }
    while (*first <= *last && *last / n - *first / n >= PLOT_ROWS)
        n *= 2;
    return n;
}

static uint64_t row_count(const struct histogram *h, size_t first, size_t n)
{
    uint64_t count = 0;
    for (size_t i = first; i < first + n && i < HISTOGRAM_BUCKETS; i++)
        count += h->counts[i];
    return count;
}

static void print_plot(const struct histogram *h)
{
    static const char bar[] = "##################################################";
    _Static_assert(sizeof bar == PLOT_WIDTH + 1, "the longest bar");
    size_t first, last, n = buckets_per_row(h, &first, &last);
    uint64_t most = 0;
    for (size_t i = first / n * n; i <= last; i += n)
        most = row_count(h, i, n) > most ? row_count(h, i, n) : most;
    for (size_t i = first / n * n; i <= last; i += n) {
        uint64_t count = row_count(h, i, n);
        int width = (int)(ratio((double)count, (double)most) * PLOT_WIDTH + 0.5);
        double from_ms = (double)histogram_least(i) / 1e3;
        double to_ms = ((double)histogram_most(i + n - 1) + 1) / 1e3;
        printf("%10.3f .. %10.3f ms %12llu %s%.*s\n", from_ms, to_ms, (unsigned long long)count,
               count && !width ? "." : "", width, bar);
    }
}

void bench_report_text(const struct bench_report *r)
{
    const struct histogram *h = &r->sum.latency_us;
    print_heading(r);
    print_figures(r);
    print_failures(&r->sum);
    if (!h->count)
        return;
    printf("\nlatency, from the start of a poll to its answer\n");
    for (size_t i = 0; i < PERCENTILE_COUNT; i++)
        printf("%-22s %12.3f ms\n", percentiles[i].text,
               (double)histogram_at(h, percentiles[i].share) / 1e3);
    printf("%-22s %12.3f ms\n\n", "most", (double)h->max / 1e3);
    print_plot(h);
}

/* --- JSON --- */

static void put_options(struct buf *out, const struct bench_report *r)
{
    const struct bench_options *o = r->options;
    jsontext_member(out, "endpointUrl", o->endpoint_url);
    jsontext_count(out, "inFlight", o->in_flight);
    jsontext_count(out, "targets", o->targets);
    jsontext_count(out, "regions", o->regions);
    jsontext_count(out, "loops", o->loops);
    jsontext_number(out, "warmUpSeconds", r->warm_up_s);
    jsontext_number(out, "seconds", r->sum.seconds);
}

static void put_figures(struct buf *out, const struct bench_report *r)
{
    const struct load_figures *f = &r->sum;
    double polls = (double)f->polls;
    jsontext_count(out, "polls", f->polls);
    jsontext_number(out, "pollsPerSecond", polls_per_s(r));
    jsontext_count(out, "jobs", f->jobs);
    jsontext_number(out, "cpuUsPerPoll", cpu_us_per_poll(r));
    jsontext_number(out, "userUsPerPoll", ratio(r->user_s * 1e6, polls));
    jsontext_number(out, "systemUsPerPoll", ratio(r->system_s * 1e6, polls));
    jsontext_number(out, "loopCpuShare", loop_share(r, f->cpu_s));
    jsontext_number(out, "loopBusyShare", loop_share(r, (double)f->busy_ns / 1e9));
    jsontext_count(out, "turns", f->turns);
    jsontext_number(out, "longestTurnUs", (double)f->longest_turn_ns / 1e3);
    jsontext_count(out, "maxLatenessMs", f->max_lateness_ms);
    jsontext_number(out, "inFlightMean", in_flight_mean(r));
    jsontext_count(out, "connections", f->connections);
    jsontext_count(out, "connectionsWhileMeasured", f->connections - f->connections_before);
    jsontext_count(out, "residentBytes", r->resident_bytes);
}

static void put_failures(struct buf *out, const struct load_figures *f)
{
    jsontext_count(out, "failures", f->failures);
    jsontext_count(out, "failuresWhileMeasured", f->failures - f->failures_before);
    jsontext_open(out, "failuresByStatus", '{');
    for (int i = 0; i < LOAD_STATUS_COUNT; i++)
        if (f->failed[i])
            jsontext_count(out, event_status(-i), f->failed[i]);
    buf_put_char(out, '}');
}

static void put_latency(struct buf *out, const struct histogram *h)
{
    jsontext_open(out, "latency", '{');
    for (size_t i = 0; i < PERCENTILE_COUNT; i++)
        jsontext_count(out, percentiles[i].json, histogram_at(h, percentiles[i].share));
    jsontext_count(out, "maxUs", h->max);
    jsontext_open(out, "buckets", '[');
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!h->counts[i])
            continue;
        jsontext_element(out, '{');
        jsontext_count(out, "leastUs", histogram_least(i));
        jsontext_count(out, "mostUs", histogram_most(i));
        jsontext_count(out, "count", h->counts[i]);
        buf_put_char(out, '}');
    }
    buf_put(out, STR("]}"));
}

void bench_report_json(struct buf *out, const struct bench_report *r)
{
    buf_put_char(out, '{');
    put_options(out, r);
    put_figures(out, r);
    put_failures(out, &r->sum);
    put_latency(out, &r->sum.latency_us);
    buf_put_char(out, '}');
}
