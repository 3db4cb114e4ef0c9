/* SPDX-License-Identifier: MIT */
/* A table of flags in the order of their enum, and a switch that reads their values. */
#include "cli/jobs_options.h"

#include "config/config.h"
#include "config/quantity.h"

enum {
    FLAG_JOB,
    FLAG_CONFIG,
    FLAG_STATE_DIR,
    FLAG_STATE,
    FLAG_TARGET,
    FLAG_REGION,
    FLAG_LIMIT,
    FLAG_OUTPUT
};

_Static_assert(FLAG_OUTPUT + 1 == JOBS_FLAG_COUNT, "a flag without a name, or the other way");

enum { LIMIT = 20, LIMIT_MAX = 1000000 };

const struct flag jobs_flags[JOBS_FLAG_COUNT] = {
    [FLAG_JOB] = { STR_INIT("--job"), "JOB_ID",
                   "show all of this job; the beginning of its id will do where\n"
                   "no other begins so, and the id without --job" },
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE",
                      "the file of `pipepoll run`, which names the state-dir" },
    [FLAG_STATE_DIR] = { STR_INIT("--state-dir"), "DIR",
                         "the folder of the journal, instead of --config" },
    [FLAG_STATE] = { STR_INIT("--state"), "open|claiming|running|reporting|ended",
                     "only these; open: all that have not ended" },
    [FLAG_TARGET] = { STR_INIT("--target"), "NAME", "only those of this [target NAME]" },
    [FLAG_REGION] = { STR_INIT("--region"), "REGION", "only those of this region" },
    [FLAG_LIMIT] = { STR_INIT("--limit"), "N",
                     "of those that have ended, only the last so many (default 20);\n"
                     "open ones are all shown" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "table|json",
                      "json: an object a line for each job (default table)" },
};

static bool read_output(str word, bool *json)
{
    *json = str_eq(word, STR("json"));
    return *json || str_eq(word, STR("table"));
}

/* NULL, or what the value should have been. */
static const char *read_value(void *options, int flag, str value)
{
    struct jobs_options *o = options;
    switch (flag) {
    case FLAG_JOB:
        o->filter.job = value;
        break;
    case FLAG_CONFIG:
        o->config = value.ptr;
        break;
    case FLAG_STATE_DIR:
        o->state_dir = value.ptr;
        break;
    case FLAG_STATE:
        return jobs_state_read(value, &o->filter.states)
                   ? NULL
                   : "open, claiming, running, reporting or ended";
    case FLAG_TARGET:
        o->filter.target = value;
        break;
    case FLAG_REGION:
        o->filter.region = value;
        break;
    case FLAG_LIMIT:
        return quantity_count(value, 1, LIMIT_MAX, &o->filter.limit) ? NULL
                                                                     : "a number from 1 to 1000000";
    case FLAG_OUTPUT:
        return read_output(value, &o->json) ? NULL : "table or json";
    }
    return NULL;
}

bool jobs_options_read(struct jobs_options *out, struct flags *f, int *code)
{
    *out = (struct jobs_options) { .filter = { .states = JOBS_ALL, .limit = LIMIT } };
    if (!flags_read(f, read_value, out, code))
        return false;
    if (!out->config != !out->state_dir)
        return true;
    *code =
        command_misuse(f->command, out->config ? "--config and --state-dir exclude each other"
                                               : "--config FILE or --state-dir DIR is required");
    return false;
}
