/* `pipepoll check`: what a config file asks for, before anything is polled. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/config.h"
#include "cli/jsontext.h"
#include "cli/quantity.h"

/* With intervals spread evenly over 0.9 to 1.1 of their mean, a job that appears at any instant
 * waits for the next poll for: the remaining life of a renewal process. */
static const double WAIT_P50 = 0.5, WAIT_P99 = 1.0368;

/* More regions than this are not listed one by one where their loads are equal. */
enum { REGIONS_LISTED = 8 };

struct totals {
    double polls_per_s;
    size_t targets, in_flight, regions;
    struct pipepoll_footprint footprint;
    size_t memory_bytes;
};

/* One section of the file. */
struct row {
    const struct plan_target *first;
    size_t regions;
};

struct region_load {
    str region;
    size_t targets;
    double polls_per_s;
};

struct check {
    const struct config *config;
    struct row *rows;
    struct region_load *regions;
    struct totals totals;
};

static double polls_per_s(const struct plan_target *t)
{
    return 1000.0 / t->options.interval_ms;
}

static int compare_regions(const void *a, const void *b)
{
    const struct region_load *x = a, *y = b;
    size_t shorter = x->region.len < y->region.len ? x->region.len : y->region.len;
    int r = memcmp(x->region.ptr, y->region.ptr, shorter);
    return r ? r : (x->region.len > y->region.len) - (x->region.len < y->region.len);
}

/* Rates are summed in order, so that equal loads are equal to the last bit. */
static int compare_entries(const void *a, const void *b)
{
    const struct region_load *x = a, *y = b;
    int r = compare_regions(x, y);
    return r ? r : (x->polls_per_s > y->polls_per_s) - (x->polls_per_s < y->polls_per_s);
}

static bool same_load(const struct region_load *a, const struct region_load *b)
{
    return a->targets == b->targets && a->polls_per_s == b->polls_per_s;
}

/* The busiest first. */
static int compare_loads(const void *a, const void *b)
{
    const struct region_load *x = a, *y = b;
    int r = (x->polls_per_s < y->polls_per_s) - (x->polls_per_s > y->polls_per_s);
    r = r ? r : (x->targets < y->targets) - (x->targets > y->targets);
    return r ? r : compare_regions(x, y);
}

/* One entry a target, sorted, then merged. */
static void sum_regions(struct check *c, const struct plan *p)
{
    for (size_t i = 0; i < p->count; i++)
        c->regions[i] = (struct region_load) { .region = p->targets[i].options.region,
                                               .targets = 1,
                                               .polls_per_s = polls_per_s(&p->targets[i]) };
    qsort(c->regions, p->count, sizeof *c->regions, compare_entries);
    size_t last = 0;
    for (size_t i = 1; i < p->count; i++) {
        if (compare_regions(&c->regions[last], &c->regions[i])) {
            c->regions[++last] = c->regions[i];
            continue;
        }
        c->regions[last].targets++;
        c->regions[last].polls_per_s += c->regions[i].polls_per_s;
    }
    c->totals.regions = last + 1;
    qsort(c->regions, c->totals.regions, sizeof *c->regions, compare_loads);
}

static void sum(struct check *c)
{
    const struct plan *p = &c->config->plan;
    struct totals *t = &c->totals;
    for (size_t i = 0; i < p->count; i++) {
        struct row *row = &c->rows[p->targets[i].section];
        row->first = row->first ? row->first : &p->targets[i];
        row->regions++;
        t->polls_per_s += polls_per_s(&p->targets[i]);
    }
    sum_regions(c, p);
    t->targets = p->count;
    /* A target has one poll in flight at most. */
    t->in_flight = p->count < c->config->max_in_flight ? p->count : c->config->max_in_flight;
    t->footprint = pipepoll_footprint();
    t->memory_bytes = t->footprint.fixed_bytes + t->targets * t->footprint.target_bytes +
                      t->in_flight * t->footprint.slot_bytes;
}

static void endpoint_of(const struct plan_target *t, char *text, size_t size)
{
    if (pipepoll_endpoint(&t->options, text, size, NULL))
        text[0] = '\0';
}

/* --- text ------------------------------------------------------------------------------------ */

static const char *duration(uint32_t ms, char *text, size_t size)
{
    struct buf b = { .at = text, .cap = size };
    quantity_put_duration(&b, ms);
    return buf_cstr(&b);
}

static void print_row(const struct row *row)
{
    const struct plan_target *t = row->first;
    const struct pipepoll_action_type *a = &t->options.action_type;
    char type[128], interval[16], endpoint[512];
    snprintf(type, sizeof type, "%.*s/%.*s/%.*s/%.*s", STR_ARG(a->category), STR_ARG(a->owner),
             STR_ARG(a->provider), STR_ARG(a->version));
    endpoint_of(t, endpoint, sizeof endpoint);
    printf("%-16.*s %7zu  %-34s %8s %6u  %s%s\n", STR_ARG(t->name), row->regions, type,
           duration(t->options.interval_ms, interval, sizeof interval), t->options.max_batch_size,
           endpoint, row->regions > 1 && !t->options.endpoint_url.len ? ", ..." : "");
}

static void print_latency(const struct row *row)
{
    double interval_s = row->first->options.interval_ms / 1000.0;
    printf("%-16.*s half of the jobs within %.3g s, 99 %% within %.3g s, and one round trip\n",
           STR_ARG(row->first->name), interval_s * WAIT_P50, interval_s * WAIT_P99);
}

static void print_totals(const struct check *c)
{
    const struct totals *t = &c->totals;
    printf("\n%-16s %zu in %zu region%s\n", "targets", t->targets, t->regions,
           quantity_plural(t->regions));
    printf("%-16s %.4g\n", "polls/s", t->polls_per_s);
    printf("%-16s %zu at most, ", "in flight", t->in_flight);
    if (c->config->max_in_flight_per_region)
        printf("%u a region\n", c->config->max_in_flight_per_region);
    else
        printf("a fair share a region\n");
    printf("%-16s %zu at most\n", "sockets", t->in_flight);
    printf("%-16s %.1f MB at most (%zu B a target, %zu kB a poll in flight, %.1f MB fixed)\n",
           "memory", (double)t->memory_bytes / 1e6, t->footprint.target_bytes,
           t->footprint.slot_bytes / 1000, (double)t->footprint.fixed_bytes / 1e6);
}

/* How many regions, from this one on, have its load. */
static size_t count_alike(const struct region_load *first, const struct region_load *end)
{
    size_t n = 1;
    while (first + n < end && same_load(first, first + n))
        n++;
    return n;
}

static void print_region(const struct region_load *r)
{
    printf("%-16.*s %-14zu %.4g\n", STR_ARG(r->region), r->targets, r->polls_per_s);
}

static void print_more_regions(size_t n, const struct region_load *r)
{
    char more[32], each[32];
    snprintf(more, sizeof more, "%zu more regions", n);
    snprintf(each, sizeof each, "%zu target%s each", r->targets, quantity_plural(r->targets));
    printf("%-16s %-14s %.4g\n", more, each, r->polls_per_s);
}

static void print_regions(const struct check *c)
{
    const struct region_load *at = c->regions, *end = at + c->totals.regions;
    printf("\n%-16s %-14s %s\n", "REGION", "TARGETS", "POLLS/S");
    while (at < end) {
        size_t more = count_alike(at, end) - 1;
        print_region(at++);
        if (c->totals.regions > REGIONS_LISTED && more > 1) {
            print_more_regions(more, at);
            at += more;
        }
    }
}

static void print_text(const struct check *c)
{
    size_t sections = c->config->plan.section_count;
    printf("%-16s %7s  %-34s %8s %6s  %s\n", "TARGET", "REGIONS", "ACTION TYPE", "INTERVAL",
           "BATCH", "ENDPOINT");
    for (size_t i = 0; i < sections; i++)
        print_row(&c->rows[i]);
    print_totals(c);
    print_regions(c);
    printf("\nA job is found after\n");
    for (size_t i = 0; i < sections; i++)
        print_latency(&c->rows[i]);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void print_member(const char *name, str value)
{
    char text[4096];
    struct buf b = BUF_ON(text);
    jsontext_string(&b, value);
    printf("\"%s\":%.*s", name, STR_ARG(b.overflow ? STR("null") : buf_str(&b)));
}

static void print_json_row(const struct row *row)
{
    const struct plan_target *t = row->first;
    const struct pipepoll_action_type *a = &t->options.action_type;
    char endpoint[512];
    double ms = t->options.interval_ms;
    endpoint_of(t, endpoint, sizeof endpoint);
    putchar('{');
    print_member("name", t->name);
    printf(",\"regions\":%zu,\"actionTypeId\":{", row->regions);
    print_member("category", a->category);
    putchar(',');
    print_member("owner", a->owner);
    putchar(',');
    print_member("provider", a->provider);
    putchar(',');
    print_member("version", a->version);
    printf("},\"intervalMs\":%u,\"maxBatchSize\":%u,", t->options.interval_ms,
           t->options.max_batch_size);
    print_member("endpoint", str_of(endpoint));
    printf(",\"pickupMsP50\":%.0f,\"pickupMsP99\":%.0f}", ms * WAIT_P50, ms * WAIT_P99);
}

static void print_json(const struct check *c)
{
    const struct totals *t = &c->totals;
    printf("{\"targets\":[");
    for (size_t i = 0; i < c->config->plan.section_count; i++) {
        if (i)
            putchar(',');
        print_json_row(&c->rows[i]);
    }
    printf("],\"regions\":{");
    for (size_t i = 0; i < t->regions; i++)
        printf("%s\"%.*s\":{\"targets\":%zu,\"pollsPerSecond\":%.6g}", i ? "," : "",
               STR_ARG(c->regions[i].region), c->regions[i].targets, c->regions[i].polls_per_s);
    printf("},\"targetCount\":%zu,\"pollsPerSecond\":%.6g,\"maxInFlight\":%zu,\"maxSockets\":%zu,"
           "\"maxMemoryBytes\":%zu}\n",
           t->targets, t->polls_per_s, t->in_flight, t->in_flight, t->memory_bytes);
}

/* --- the command ----------------------------------------------------------------------------- */

static void print_complaint(void *ctx, enum pipepoll_level level, str text)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "%.*s\n", STR_ARG(text));
}

static int check_file(const char *path, bool json)
{
    struct config config = { 0 };
    struct complaints complaints;
    int code = EXIT_OTHER;
    int r = config_load(&config, path, &complaints);
    complaints_each(&complaints, print_complaint, NULL);
    if (r == PIPEPOLL_EINVAL)
        return EXIT_USAGE;
    struct check c = { .config = &config };
    if (!r) {
        c.rows = calloc(config.plan.section_count, sizeof *c.rows);
        c.regions = calloc(config.plan.count, sizeof *c.regions);
    }
    if (c.rows && c.regions) {
        sum(&c);
        (json ? print_json : print_text)(&c);
        code = command_finish(EXIT_FINE);
    } else {
        fprintf(stderr, "pipepoll check: out of memory\n");
    }
    free(c.rows);
    free(c.regions);
    config_deinit(&config);
    return code;
}

enum { FLAG_CONFIG, FLAG_OUTPUT };

static const struct flag flags[] = {
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE", "the file (required)" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "text|json", "how to print the plan (default text)" },
};

static int run_check(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    const char *path = NULL;
    bool json = false;
    str value;
    int flag;
    while ((flag = flags_next(&f, &value)) >= 0) {
        if (flag == FLAG_CONFIG)
            path = value.ptr;
        if (flag == FLAG_OUTPUT && !config_format(value, &json))
            return flags_refuse(&f, flag, "text or json", value);
    }
    if (flag != FLAGS_END)
        return flags_exit(flag);
    if (!path)
        return command_misuse(self, "--config FILE is required");
    return check_file(path, json);
}

const struct command command_check = {
    .name = STR_INIT("check"),
    .summary = "validate a config file and show what it asks for",
    .about =
        "Prints all that is wrong with the file, each with its line and column; or the plan: its\n"
        "targets, polls a second in all and for each region, the most polls in flight, sockets\n"
        "and memory, and how long a job waits to be found. Polls nothing, needs no credentials.\n",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .more =
        "Examples:\n"
        "  pipepoll check --config pipepoll.ini\n"
        "  pipepoll check --config pipepoll.ini --output json | jq .pollsPerSecond\n\n"
        "Exit codes: 0 the file is fine (there may be warnings); 252 it is not, or wrong usage.\n",
    .run = run_check,
};
