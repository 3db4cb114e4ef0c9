/* SPDX-License-Identifier: MIT */
/* One enum numbers the flags in the table, which --help prints, and in the switch that reads their
 * values; the assertion ties both to the count in the header. */
#include "sim/demo_options.h"

#include "config/config.h"
#include "config/quantity.h"
#include "config/region.h"

enum {
    FLAG_WORK,
    FLAG_CRASH,
    FLAG_PAGE,
    FLAG_FLEET,
    FLAG_SECONDS,
    FLAG_REGIONS,
    FLAG_ACTION_TYPES,
    FLAG_INTERVAL,
    FLAG_JOBS_PER_SECOND,
    FLAG_IN_FLIGHT,
    FLAG_SEED,
    FLAG_OUTPUT
};

enum { SECONDS_MS = 10000, PAGE_SECONDS_MS = 300000, FLEET_SECONDS_MS = 60000 };

/* Of a fleet, by default: enough for three members, and polled often enough to see who does. */
enum { FLEET_REGIONS = 10, FLEET_ACTION_TYPES = 3, FLEET_INTERVAL_MS = 200 };

_Static_assert(FLAG_OUTPUT + 1 == DEMO_FLAG_COUNT, "a flag without a name, or the other way round");

const struct flag demo_flags[DEMO_FLAG_COUNT] = {
    [FLAG_WORK] = { STR_INIT("--work"), NULL,
                    "have the jobs worked: by `pipepoll run`, with a program that\n"
                    "takes 0.3 s for each" },
    [FLAG_CRASH] = { STR_INIT("--crash"), NULL,
                     "the same, and kill it (kill -9) in the middle and start it\n"
                     "again: is every job claimed once, with one result?" },
    [FLAG_PAGE] = { STR_INIT("--page"), NULL,
                    "the same as --work, and show the live page of that run, for\n"
                    "five minutes or until Ctrl-C" },
    [FLAG_FLEET] = { STR_INIT("--fleet"), NULL,
                     "by three `pipepoll run` on three NATS servers, and kill one\n"
                     "of each (kill -9): is a job lost, or worked twice?" },
    [FLAG_SECONDS] = { STR_INIT("--seconds"), "N",
                       "how long (default 10; with --page 300); with --fleet how\n"
                       "long at most (default 60)" },
    [FLAG_REGIONS] = { STR_INIT("--regions"), "N|all",
                       "how many regions (default all, of every partition; with\n--fleet 10)" },
    [FLAG_ACTION_TYPES] = { STR_INIT("--action-types"), "N",
                            "in each region (default 4; with --fleet 3)" },
    [FLAG_INTERVAL] = { STR_INIT("--interval"), "S",
                        "between the polls of each, such as 1 or 200ms (default 1;\nwith --fleet "
                        "200ms)" },
    [FLAG_JOBS_PER_SECOND] = { STR_INIT("--jobs-per-second"), "R",
                               "how many appear, over all (default 20)" },
    [FLAG_IN_FLIGHT] = { STR_INIT("--in-flight"), "N", "polls at once at most (default 256)" },
    [FLAG_SEED] = { STR_INIT("--seed"), "N",
                    "same seed, same jobs in the same places (default 1)" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "text|json", "of the summary (default text)" },
};

/* NULL, or what the value should have been. */
static const char *read_value(void *options, int flag, str value)
{
    struct demo_options *o = options;
    switch (flag) {
    case FLAG_WORK:
        o->work = true;
        return NULL;
    case FLAG_CRASH:
        o->work = o->crash = true;
        return NULL;
    case FLAG_PAGE:
        o->work = o->page = true;
        return NULL;
    case FLAG_FLEET:
        o->work = o->fleet = true;
        return NULL;
    case FLAG_SECONDS:
        return quantity_duration_ms(value, 1000, 3600000, &o->seconds_ms)
                   ? NULL
                   : "a number of seconds from 1 to 3600";
    case FLAG_REGIONS:
        return region_count_read(value, &o->regions);
    case FLAG_ACTION_TYPES:
        return quantity_count(value, 1, 1000, &o->action_types) ? NULL : "a number from 1 to 1000";
    case FLAG_INTERVAL:
        return quantity_duration_ms(value, 1, 60000, &o->interval_ms) ? NULL
                                                                      : "a time from 1ms to 60s";
    case FLAG_JOBS_PER_SECOND:
        return quantity_real(value, 0, 10000, &o->jobs_per_s) ? NULL : "a number from 0 to 10000";
    case FLAG_IN_FLIGHT:
        return quantity_count(value, 1, 65536, &o->in_flight) ? NULL : "a number from 1 to 65536";
    case FLAG_SEED:
        return quantity_count(value, 1, UINT32_MAX, &o->seed) ? NULL : "a number from 1";
    case FLAG_OUTPUT:
        return config_format(value, &o->json) ? NULL : "text or json";
    }
    return NULL;
}

static void set_defaults(struct demo_options *o)
{
    if (!o->seconds_ms)
        o->seconds_ms = o->page ? PAGE_SECONDS_MS : o->fleet ? FLEET_SECONDS_MS : SECONDS_MS;
    if (!o->regions)
        o->regions = o->fleet ? FLEET_REGIONS : region_count();
    if (!o->action_types)
        o->action_types = o->fleet ? FLEET_ACTION_TYPES : 4;
    if (!o->interval_ms)
        o->interval_ms = o->fleet ? FLEET_INTERVAL_MS : 1000;
}

bool demo_options_read(struct demo_options *out, struct flags *f, int *code)
{
    *out = (struct demo_options) { .in_flight = 256, .seed = 1, .jobs_per_s = 20 };
    if (!flags_read(f, read_value, out, code))
        return false;
    set_defaults(out);
    if (out->fleet && (out->crash || out->page)) {
        *code = command_misuse(f->command, "--fleet goes with neither --crash nor --page");
        return false;
    }
    if (!out->work || out->jobs_per_s * out->seconds_ms / 1000 <= DEMO_WORKED_MAX)
        return true;
    *code = command_misuse(f->command,
                           "--work is for %d jobs at most: lower --jobs-per-second "
                           "or --seconds",
                           DEMO_WORKED_MAX);
    return false;
}
